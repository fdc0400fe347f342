//! Wheels for macOS on the command line: spellings of delocate and cibuildwheel, what the environment asks for, trees.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::macho::{LOAD, MachoSpec};
use crate::support::wheel::WheelBuilder;

const EXTENSION: &str = "demo/_core.cpython-311-darwin.so";
const WHEEL: &str = "demo-1.0-cp311-cp311-macosx_11_0_arm64.whl";

/// A folder with a wheel for arm64.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let wheel = WheelBuilder::new("cp311-cp311-macosx_11_0_arm64").file(EXTENSION, &MachoSpec::default().build());
    assert_eq!(wheel.write(folder.path()).file_name().unwrap(), WHEEL);
    folder
}

fn truewheel(folder: &Path, words: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("truewheel"));
    command.current_dir(folder).env_clear().env("PATH", "/nonexistent").stdin(Stdio::null());
    command.args(words.split_whitespace()).envs(environment.iter().copied()).output().unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn cibuildwheel_s_command_for_delocate_works_word_by_word() {
    let folder = folder();
    for archs in ["arm64", "", "=arm64", "="] {
        let line = format!("repair --require-archs {archs} -w out -v {WHEEL}").replace(" =", "=");
        let output = truewheel(folder.path(), &line, &[]);
        assert_eq!(status(&output), 0, "{line}: {}", stderr(&output));
    }
    let line = format!("repair --require-archs arm64 {WHEEL}");
    assert_eq!(status(&truewheel(folder.path(), &line, &[])), 0);
    let line = format!("repair --require-archs x86_64,arm64 -w out -v {WHEEL}");
    assert_eq!(status(&truewheel(folder.path(), &line, &[])), 1);
}

#[test]
fn a_wheel_in_the_place_of_the_architectures_is_said_to_be_there() {
    let folder = folder();
    for command in ["repair", "check"] {
        let output = truewheel(folder.path(), &format!("{command} --require-archs {WHEEL}"), &[]);
        assert_eq!(status(&output), 2);
        let text = stderr(&output);
        assert!(text.contains(&format!("`{WHEEL}` is no architecture of macOS")), "{text}");
        assert!(text.contains("wheels stand before it or behind the list"), "{text}");
    }
}

#[test]
fn the_tag_of_an_image_plays_no_part_for_a_wheel_of_another_system() {
    let folder = folder();
    let linux = ("AUDITWHEEL_PLAT", "manylinux_2_28_x86_64");
    let output = truewheel(folder.path(), &format!("repair -v -w out {WHEEL}"), &[linux]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("`manylinux_2_28_x86_64`, which no wheel for macos can be"),
        "{}",
        stderr(&output)
    );
    assert!(folder.path().join("out").join(WHEEL).exists());
    // It is as if there were none: the deployment target counts.
    let target = ("MACOSX_DEPLOYMENT_TARGET", "13.0");
    let output = truewheel(folder.path(), &format!("repair -w out {WHEEL}"), &[linux, target]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(folder.path().join("out").join(WHEEL.replace("11_0", "13_0")).exists());
    // What somebody asks for is asked of every wheel.
    for (flags, environment) in [("--plat manylinux_2_28_x86_64", None), ("", Some(("TRUEWHEEL_PLAT", linux.1)))] {
        let environment: Vec<_> = environment.into_iter().collect();
        let output = truewheel(folder.path(), &format!("repair {flags} -w out {WHEEL}"), &environment);
        assert_eq!(status(&output), 1, "{}", stderr(&output));
    }
}

#[test]
fn the_deployment_target_plays_no_part_for_a_wheel_of_another_system() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = WheelBuilder::new("cp311-cp311-linux_x86_64").file("demo/__init__.py", b"");
    wheel.write(folder.path());
    let line = format!("repair -w out {}", wheel.file_name());
    for value in ["13.0", "thirteen"] {
        let output = truewheel(folder.path(), &line, &[("MACOSX_DEPLOYMENT_TARGET", value)]);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
    }
}

#[test]
fn the_binaries_of_a_folder_are_one_tree() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let core = MachoSpec { imports: vec![(LOAD, "@loader_path/lib/libfoo.dylib")], ..MachoSpec::default() };
    put("unpacked/demo/_core.so", &core.build());
    put("unpacked/demo/lib/libfoo.dylib", &MachoSpec::library("@rpath/libfoo.dylib").build());
    put("unpacked/demo/notes.txt", b"no binary");
    let output = truewheel(folder.path(), "tree unpacked", &[]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(
        lines[..4],
        [
            "unpacked",
            "demo/_core.so (extension)",
            "`-- @loader_path/lib/libfoo.dylib => demo/lib/libfoo.dylib (the import is a path)",
            "`-- /usr/lib/libSystem.B.dylib: given by the platform",
        ],
        "{text}"
    );
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let output = truewheel(folder.path(), "tree empty", &[]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("holds no binary"), "{}", stderr(&output));
}

#[test]
fn tens_of_thousands_of_imports_take_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let names = (0..60_000).map(|number| -> &'static str { format!("@rpath/lib{number}.dylib").leak() });
    let hostile = MachoSpec { imports: names.map(|name| (LOAD, name)).collect(), ..MachoSpec::default() };
    std::fs::write(folder.path().join("_core.so"), hostile.build()).unwrap();
    let start = Instant::now();
    let output = truewheel(folder.path(), "show _core.so", &[]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    // Where each import was held against all others, it took twice as long.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn policies_prints_a_systems_rules_by_its_name_and_by_a_tag() {
    let folder = tempfile::tempdir().unwrap();
    for (name, tag) in [("macos", "macosx_11_0_arm64"), ("ios", "ios_13_0_arm64_iphoneos")] {
        let [by_name, by_tag] = [name, tag].map(|word| truewheel(folder.path(), &format!("policies {word}"), &[]));
        assert_eq!((status(&by_name), status(&by_tag)), (0, 0), "{}", stderr(&by_tag));
        assert!(by_name.stdout.starts_with(name.as_bytes()) && by_name.stdout == by_tag.stdout, "{tag}");
    }
}
