//! `truewheel repair` as its users meet it: what is on which stream, exit status, settings, spellings of other tools.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::elf::{ElfSpec, SymbolSpec};
use crate::support::program::{self, status, stderr, stdout};
use crate::support::wheel::WheelBuilder;

const LINUX: &str = "cp311-cp311-linux_x86_64";
const EXTENSION: &str = "demo/_core.cpython-311-x86_64-linux-gnu.so";

fn truewheel(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    program::truewheel(folder).args(arguments).envs(environment.iter().copied()).output().unwrap()
}

fn repair(folder: &Path, arguments: &[&str]) -> Output {
    truewheel(folder, &[&["repair", "--no-host-libs"], arguments].concat(), &[])
}

/// A wheel whose extension module needs `libfoo.so.1`, and `lib/libfoo.so.1` beside it.
fn problem(folder: &Path) -> String {
    let extension = ElfSpec {
        needed: vec![b"libfoo.so.1", b"libc.so.6"],
        symbols: vec![SymbolSpec::defined(b"PyInit__core", 1)],
        ..ElfSpec::default()
    };
    let provider = ElfSpec {
        soname: Some(b"libfoo.so.1"),
        needed: vec![b"libc.so.6"],
        symbols: vec![SymbolSpec::defined(b"frobnicate", 1)],
        ..ElfSpec::default()
    };
    std::fs::create_dir_all(folder.join("lib")).unwrap();
    std::fs::write(folder.join("lib/libfoo.so.1"), provider.build()).unwrap();
    let wheel = WheelBuilder::new(LINUX).file(EXTENSION, &extension.build());
    wheel.write(folder);
    wheel.file_name()
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn each_path_written_stands_alone_on_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    let output = repair(folder.path(), &[&wheel, "--lib-path", "lib", "-w", "out"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let written = names(&folder.path().join("out"));
    assert_eq!(written.len(), 1);
    assert_eq!(stdout(&output), format!("out/{}\n", written[0]));
    assert!(written[0].contains("manylinux"), "{written:?}");
    assert!(stderr(&output).contains("vendor"), "{}", stderr(&output));
    let quiet = repair(folder.path(), &["-q", &wheel, "--lib-path", "lib", "-w", "out"]);
    assert_eq!((status(&quiet), stderr(&quiet)), (0, ""));
    assert_eq!(stdout(&quiet), stdout(&output));
}

#[test]
fn with_another_format_standard_output_holds_the_report_alone() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    let output = repair(folder.path(), &[&wheel, "--lib-path", "lib", "-w", "out", "--format", "json"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(report["outputs"][0], format!("out/{}", names(&folder.path().join("out"))[0]));
    assert_eq!(report["tags"]["claimed"][0], LINUX);
    assert!(report["libraries"].as_array().unwrap().iter().any(|library| library["origin"] == "wheel"), "{report}");
    let steps: Vec<&str> =
        report["plan"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert!(steps.contains(&"vendor") && steps.contains(&"retag"), "{steps:?}");
    let schema = include_str!("../../docs/reference/report.schema.json");
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn a_wheel_at_fault_is_status_1_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    let before = std::fs::read(folder.path().join(&wheel)).unwrap();
    std::fs::write(folder.path().join("cut-1.0-py3-none-any.whl"), &before[..before.len() / 2]).unwrap();
    for arguments in [
        vec![wheel.as_str(), "-w", "out"],
        vec!["cut-1.0-py3-none-any.whl", "-w", "out"],
        vec![wheel.as_str(), "-w", "out", "--lib-path", "lib", "--plat", "musllinux_1_1_x86_64"],
        vec![wheel.as_str(), "-w", "."],
    ] {
        for format in ["human", "json", "sarif"] {
            let output = repair(folder.path(), &[&arguments[..], &["--format", format]].concat());
            assert_eq!(status(&output), 1, "{arguments:?}: {}", stderr(&output));
            assert!(stderr(&output).contains("error"), "{arguments:?}");
            assert_eq!(names(&folder.path().join("out")), Vec::<String>::new(), "{arguments:?}");
            if format == "json" {
                let report: Value = serde_json::from_str(stdout(&output)).unwrap();
                assert_eq!(report["verdict"], "fault", "{arguments:?}");
                assert_eq!(report["outputs"], Value::Array(vec![]), "{arguments:?}");
            }
        }
    }
    assert_eq!(std::fs::read(folder.path().join(&wheel)).unwrap(), before);
}

#[test]
fn a_platform_that_the_binaries_are_not_for_is_the_wheel_s_fault() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    for plat in ["macosx_11_0_arm64", "win_amd64", "linux_aarch64", "manylinux_2_28_aarch64"] {
        let output = repair(folder.path(), &[&wheel, "--lib-path", "lib", "-w", "out", "--plat", plat]);
        assert_eq!(status(&output), 1, "{plat}: {}", stderr(&output));
        assert!(stderr(&output).contains(&format!("`--plat {plat}`")), "{}", stderr(&output));
        assert!(stderr(&output).contains("the wheel's binaries are for"), "{}", stderr(&output));
    }
}

#[test]
fn code_that_no_loader_takes_may_be_in_a_wheel_for_any_platform() {
    let folder = tempfile::tempdir().unwrap();
    // `EM_CUDA` and `EM_BPF`.
    let kernels = [190, 247].map(|machine| ElfSpec { machine, ..ElfSpec::default() }.build());
    let mut wheel = WheelBuilder::new("py3-none-any").file("demo/a.cubin", &kernels[0]).file("demo/b.o", &kernels[1]);
    wheel.wheel_file = wheel.wheel_file.map(|text| text.replace("false", "true"));
    let path = wheel.write(folder.path());
    let name = wheel.file_name();
    let check = truewheel(folder.path(), &["check", &name], &[]);
    assert_eq!(status(&check), 0, "{}", stdout(&check));
    for arguments in [&["repair"][..], &["retag", "--auto"]] {
        let output = truewheel(folder.path(), &[arguments, &[&name, "-w", "out"]].concat(), &[]);
        assert_eq!(status(&output), 0, "{arguments:?}: {}", stderr(&output));
        let result = std::fs::read(folder.path().join("out").join(&name)).unwrap();
        assert!(result == std::fs::read(&path).unwrap(), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn two_wheels_whose_results_have_one_name_are_not_written_over_each_other() {
    let folder = tempfile::tempdir().unwrap();
    for (place, content) in [("one", b"1"), ("two", b"2")] {
        std::fs::create_dir(folder.path().join(place)).unwrap();
        WheelBuilder::new("py3-none-any").file("demo/__init__.py", content).write(&folder.path().join(place));
    }
    let name = WheelBuilder::new("py3-none-any").file_name();
    let (one, two) = (format!("one/{name}"), format!("two/{name}"));
    let first = std::fs::read(folder.path().join(&one)).unwrap();
    for arguments in [&["repair"][..], &["retag", "--remove"]] {
        let output = truewheel(folder.path(), &[arguments, &[&one, &two, &one, "-w", "out"]].concat(), &[]);
        assert_eq!(status(&output), 1, "{arguments:?}: {}", stderr(&output));
        let said = format!("`{two}`: `out/{name}`: the result of `{one}` has this name too");
        assert!(stderr(&output).contains(&said), "{}", stderr(&output));
        assert!(std::fs::read(folder.path().join("out").join(&name)).unwrap() == first);
        assert!(folder.path().join(&two).exists());
    }
}

#[test]
fn one_flag_may_name_several_libraries_as_with_delvewheel() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    let excluded = repair(folder.path(), &[&wheel, "-w", "out", "--exclude", "libnone.so;libfoo.so.1"]);
    assert_eq!(status(&excluded), 0, "{}", stderr(&excluded));
    assert!(stderr(&excluded).contains("`--exclude libnone.so` matches no library"), "{}", stderr(&excluded));
    // delocate takes any part of a name.
    let part = repair(folder.path(), &[&wheel, "-w", "out", "--exclude", "foo"]);
    assert!(stderr(&part).contains("it is a glob: `*foo*` matches `libfoo.so.1`"), "{}", stderr(&part));
    let arguments = [&wheel, "-w", "kept", "--lib-path", "lib", "--no-mangle", "libnone.so;libfoo.*", "-v"];
    let kept = repair(folder.path(), &arguments);
    assert!(stderr(&kept).contains("demo.libs/libfoo.so.1"), "{}", stderr(&kept));
}

#[test]
fn auditwheel_s_library_folders_are_searched_for_foreign_wheels_too() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    for flags in [&["--no-host-libs"][..], &["--ldpaths", ""], &[]] {
        let arguments = [&["repair", wheel.as_str(), "-w", "out"], flags].concat();
        let without = truewheel(folder.path(), &arguments, &[]);
        assert_eq!(status(&without), 1, "{flags:?}");
        let with = truewheel(folder.path(), &arguments, &[("AUDITWHEEL_LD_LIBRARY_PATH", "nowhere:lib")]);
        assert_eq!(status(&with), 0, "{flags:?}: {}", stderr(&with));
        assert!(!stderr(&with).contains("nowhere"), "{}", stderr(&with));
    }
}

#[test]
fn what_cannot_be_done_is_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    std::fs::write(folder.path().join("plan.toml"), "schema = 1\n[[library]]\nneeded = 1\n").unwrap();
    for arguments in [
        vec!["absent.whl"],
        vec![wheel.as_str(), "--plat", "manylinux_9_9_x86_64"],
        vec![wheel.as_str(), "--plat", "nonsense"],
        vec![wheel.as_str(), "--exclude", "@nothing"],
        vec![wheel.as_str(), "--exclude", "["],
        vec![wheel.as_str(), "--accept", "TW999"],
        vec![wheel.as_str(), "--sysroot", "absent"],
        vec![wheel.as_str(), "--plan", "absent.toml"],
        vec![wheel.as_str(), "--plan", "plan.toml"],
        vec![wheel.as_str(), "--compress", "13"],
        vec![wheel.as_str(), "-w", "lib/libfoo.so.1"],
        vec![wheel.as_str(), "--strip=everything"],
    ] {
        let output = repair(folder.path(), &[&["--lib-path", "lib"], &arguments[..]].concat());
        assert_eq!(status(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert_eq!(names(&folder.path().join("wheelhouse")), Vec::<String>::new(), "{arguments:?}");
    }
}

#[test]
fn all_wheels_are_tried_and_the_highest_status_counts() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    let output = repair(folder.path(), &["absent.whl", &wheel, "--lib-path", "lib"]);
    assert_eq!(status(&output), 2);
    assert_eq!(stdout(&output).lines().count(), 1, "{}", stderr(&output));
}

#[test]
fn a_dry_run_writes_nothing_and_says_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    let before = names(folder.path());
    let output = repair(folder.path(), &[&wheel, "--lib-path", "lib", "--dry-run"]);
    assert_eq!((status(&output), stdout(&output)), (0, ""), "{}", stderr(&output));
    assert!(stderr(&output).contains("would write wheelhouse/demo-1.0-cp311-cp311-manylinux"), "{}", stderr(&output));
    let refused = repair(folder.path(), &[&wheel, "--dry-run"]);
    assert_eq!(status(&refused), 1);
    assert_eq!(names(folder.path()), before);
}

#[test]
fn a_saved_plan_repeats_its_decisions() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    let first = repair(folder.path(), &[&wheel, "--lib-path", "lib", "-w", "first", "--save-plan", "plan.toml"]);
    assert_eq!(status(&first), 0, "{}", stderr(&first));
    let second = repair(folder.path(), &[&wheel, "--lib-path", "lib", "-w", "second", "--plan", "plan.toml"]);
    assert_eq!(status(&second), 0, "{}", stderr(&second));
    let read = |name: &str| std::fs::read(folder.path().join(name).join(&names(&folder.path().join(name))[0])).unwrap();
    assert!(read("first") == read("second"));
    std::fs::write(folder.path().join("plan.toml"), "schema = 1\n").unwrap();
    assert_eq!(status(&repair(folder.path(), &[&wheel, "--lib-path", "lib", "--plan", "plan.toml"])), 1);
}

#[test]
fn the_target_comes_from_flag_environment_file_and_auditwheel_in_this_order() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    let target = |arguments: &[&str], environment: &[(&str, &str)]| {
        let fixed = ["repair", "--no-host-libs", "--dry-run", "--only-plat", "--lib-path", "lib", &wheel];
        let output = truewheel(folder.path(), &[&fixed[..], arguments].concat(), environment);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        let line = stderr(&output).lines().find(|line| line.starts_with("would write")).unwrap().to_owned();
        line.rsplit('-').next().unwrap().trim_end_matches(".whl").to_owned()
    };
    let auditwheel = ("AUDITWHEEL_PLAT", "manylinux_2_34_x86_64");
    assert_eq!(target(&[], &[auditwheel]), "manylinux_2_34_x86_64");
    std::fs::write(folder.path().join("truewheel.toml"), "[repair]\nplat = \"manylinux_2_31_x86_64\"\n").unwrap();
    assert_eq!(target(&[], &[auditwheel]), "manylinux_2_31_x86_64");
    let own = ("TRUEWHEEL_PLAT", "manylinux_2_35_x86_64");
    assert_eq!(target(&[], &[own, auditwheel]), "manylinux_2_35_x86_64");
    assert_eq!(target(&["--plat", "manylinux_2_36_x86_64"], &[own, auditwheel]), "manylinux_2_36_x86_64");
    // `show` does not care.
    let output = truewheel(folder.path(), &["show", &wheel], &[("AUDITWHEEL_PLAT", "nonsense")]);
    assert_eq!(status(&output), 0);
}

#[test]
fn spellings_of_other_tools_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    for (index, arguments) in [
        vec!["--add-path", "absent;lib"],
        vec!["--ldpaths", "absent:lib"],
        vec!["--lib-path", "lib", "-L", ".vendored", "-z", "9"],
        vec!["--lib-path", "lib", "--lib-sdir", ".libs", "--zip-compression-level", "-1"],
        vec!["--lib-path", "lib", "--no-mangle-all"],
        vec!["--lib-path", "lib", "--with-mangle", "--namespace-pkg", "demo", "--patcher", "patchelf"],
        vec!["--lib-path", "lib", "--disable-isa-ext-check", "--allow-pure-python-wheel"],
        vec!["-e", "libfoo.so.1"],
        vec!["--no-dll", "libfoo.so.1;libbar.so"],
        vec!["--lib-path", "lib", "--add-dll", "libfoo.so.1"],
        vec!["--ldpaths", "", "--exclude", "libfoo*"],
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("out{index}");
        let output = truewheel(folder.path(), &[&["repair", &wheel, "-w", &out], &arguments[..]].concat(), &[]);
        assert_eq!(status(&output), 0, "{arguments:?}: {}", stderr(&output));
        assert_eq!(names(&folder.path().join(&out)).len(), 1, "{arguments:?}");
    }
}

#[test]
fn an_excluded_library_is_recorded_and_honoured_by_check() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    let output = repair(folder.path(), &[&wheel, "--exclude", "libfoo.so.1", "-w", "out"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let written = stdout(&output).trim();
    let check = |arguments: &[&str]| {
        truewheel(folder.path(), &[&["check", "--format", "json", written], arguments].concat(), &[])
    };
    let report: Value = serde_json::from_str(stdout(&check(&[]))).unwrap();
    assert_eq!(report["verdict"], "ok", "{report}");
    let library = report["libraries"].as_array().unwrap().iter().find(|library| library["name"] == "libfoo.so.1");
    assert_eq!(library.unwrap()["origin"], "excluded");
    assert_eq!(status(&check(&["--ignore-recorded"])), 1);
}

#[test]
fn an_included_library_that_is_imported_too_is_there_once_and_keeps_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = problem(folder.path());
    for (number, include) in ["libfoo.so.1", "lib/libfoo.so.1"].iter().enumerate() {
        let out = format!("out{number}");
        let output = repair(folder.path(), &[&wheel, "--lib-path", "lib", "--include", include, "-w", &out]);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        let vendored: Vec<&str> = stderr(&output).lines().filter(|line| line.starts_with("vendor ")).collect();
        assert!(matches!(vendored[..], [line] if line.ends_with(" as demo.libs/libfoo.so.1")), "{vendored:?}");
        // It is reached: the result stands on its own, and a second repair changes nothing.
        let result = stdout(&output).trim().to_owned();
        assert_eq!(status(&truewheel(folder.path(), &["check", &result], &[])), 0);
        let tree = truewheel(folder.path(), &["tree", &result], &[]);
        assert!(!stdout(&tree).contains("missing"), "{}", stdout(&tree));
    }
}
