//! The program as its users meet it: help, exit status, standard streams, arguments, settings.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::elf::{ElfSpec, SymbolSpec};
use crate::support::program::{status, stderr, stdout, truewheel};
use crate::support::skip;
use crate::support::wheel::{RecordText, WheelBuilder};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    truewheel(folder).args(arguments).output().unwrap()
}

fn sound() -> WheelBuilder {
    WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"")
}

/// A wheel whose RECORD lacks everything: a fault that levels can change.
fn faulty() -> WheelBuilder {
    WheelBuilder { version: "2.0".into(), metadata: None, record: RecordText::Absent, ..sound() }
}

/// A library that imports `libfoo.so.1`.
fn library() -> Vec<u8> {
    ElfSpec {
        soname: Some(b"libdemo.so.1"),
        needed: vec![b"libfoo.so.1", b"libc.so.6"],
        symbols: vec![SymbolSpec::defined(b"demo", 1)],
        ..ElfSpec::default()
    }
    .build()
}

#[test]
fn without_a_command_it_prints_its_help() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, wanted) in [(vec![], "Usage:"), (vec!["--help"], "Usage:"), (vec!["--version"], "truewheel ")] {
        let output = run(folder.path(), &arguments);
        assert_eq!(status(&output), 0, "{arguments:?}");
        assert!(stdout(&output).contains(wanted), "{arguments:?}");
        assert_eq!(stderr(&output), "", "{arguments:?}");
    }
}

#[test]
fn mistakes_on_the_command_line_are_status_2_and_stand_on_stderr() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        vec!["frobnicate"],
        vec!["show"],
        vec!["show", "--frobnicate", "a.whl"],
        vec!["check", "--format", "yaml", "a.whl"],
        vec!["explain", "TW999"],
        vec!["edit", "a.so"],
        vec!["edit", "a.so", "-o", "b.so", "--in-place"],
        vec!["policies", "manylinux_9_9"],
        vec!["completions", "dos"],
        vec!["check", "--deny", "TW999", "a.whl"],
    ] {
        let output = run(folder.path(), &arguments);
        assert_eq!(status(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("error"), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn exit_statuses_are_those_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let sound = sound().write(folder.path());
    let faulty = faulty().write(folder.path());
    std::fs::write(folder.path().join("text-1.0-py3-none-any.whl"), b"no archive").unwrap();
    let whole = std::fs::read(&sound).unwrap();
    std::fs::write(folder.path().join("cut-1.0-py3-none-any.whl"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(folder.path().join("lib.so"), library()).unwrap();
    std::fs::write(folder.path().join("bad.so"), &library()[..100]).unwrap();
    let (sound, faulty) = (sound.to_str().unwrap(), faulty.to_str().unwrap());
    for (arguments, wanted) in [
        (vec!["show", sound], 0),
        (vec!["show", faulty], 0),
        (vec!["show", "lib.so"], 0),
        (vec!["show", "text-1.0-py3-none-any.whl"], 2),
        (vec!["show", "absent.whl"], 2),
        (vec!["show", "."], 2),
        (vec!["tree", "lib.so"], 0),
        (vec!["tree", sound], 0),
        (vec!["tree", "absent.whl"], 2),
        (vec!["check", sound], 0),
        (vec!["check", faulty], 1),
        (vec!["check", "text-1.0-py3-none-any.whl"], 1),
        (vec!["check", "cut-1.0-py3-none-any.whl"], 1),
        (vec!["check", "lib.so"], 0),
        (vec!["check", "bad.so"], 1),
        (vec!["check", "absent.whl"], 2),
        (vec!["check", sound, faulty], 1),
        (vec!["check", faulty, "absent.whl", sound], 2),
        (vec!["check", "."], 1),
        (vec!["check", sound, "--plat", "manylinux_9_9_x86_64"], 2),
        (vec!["explain", "TW401"], 0),
        (vec!["explain", "symbol-too-recent"], 0),
        (vec!["policies"], 0),
        (vec!["completions", "bash"], 0),
    ] {
        let output = run(folder.path(), &arguments);
        assert_eq!(status(&output), wanted, "{arguments:?}: {}{}", stdout(&output), stderr(&output));
        for format in ["json", "github", "sarif", "junit"] {
            if ["show", "check"].contains(&arguments[0]) {
                let mut arguments = arguments.clone();
                arguments.extend(["--format", format]);
                assert_eq!(status(&run(folder.path(), &arguments)), wanted, "{arguments:?}");
            }
        }
    }
}

#[test]
fn all_wheels_are_tried_and_each_is_one_line_of_json() {
    let folder = tempfile::tempdir().unwrap();
    sound().write(folder.path());
    faulty().write(folder.path());
    let output = run(folder.path(), &["check", "--format", "json", "absent.whl", "demo-*.whl"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("`absent.whl`: no such file"), "{}", stderr(&output));
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = lines.iter().map(|line| line["wheel"].as_str().unwrap()).collect();
    assert_eq!(names, ["demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl"]);
    assert_eq!((&lines[0]["verdict"], &lines[1]["verdict"]), (&"ok".into(), &"fault".into()));
}

#[test]
fn a_pattern_that_matches_nothing_is_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["show", "*.whl"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("`*.whl`: matches nothing"), "{}", stderr(&output));
}

#[test]
fn a_file_whose_name_reads_as_a_pattern_is_meant_itself() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lib[1].so"), library()).unwrap();
    std::fs::write(folder.path().join("lib1.so"), b"other").unwrap();
    let output = run(folder.path(), &["show", "--format", "json", "lib[1].so"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("lib[1].so"));
}

#[test]
fn a_failed_write_to_standard_output_is_status_2() {
    if !Path::new("/dev/full").exists() {
        skip("this system has no /dev/full");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    sound().write(folder.path());
    for arguments in
        [vec!["check", "demo-1.0-py3-none-any.whl"], vec!["policies"], vec!["--help"], vec!["tree", "*.whl"]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = truewheel(folder.path()).args(&arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains("no space left"), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_closed_pipe_ends_quietly_with_the_status_so_far() {
    let folder = tempfile::tempdir().unwrap();
    faulty().write(folder.path());
    sound().write(folder.path());
    for (arguments, wanted) in
        [(vec!["policies"], 0), (vec!["check", "demo-2.0-py3-none-any.whl", "demo-1.0-py3-none-any.whl"], 1)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = truewheel(folder.path()).args(&arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((status(&output), stderr(&output)), (wanted, ""), "{arguments:?}");
    }
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let folder = tempfile::tempdir().unwrap();
    faulty().write(folder.path());
    let check = |environment: &[(&str, &str)], arguments: &[&str]| {
        let mut command = truewheel(folder.path());
        command.args(["check", "*.whl"]).args(arguments).envs(environment.iter().copied());
        command.output().unwrap()
    };
    let is_json = |output: &Output| stdout(output).starts_with('{');
    assert!(!is_json(&check(&[], &[])));
    std::fs::write(folder.path().join("truewheel.toml"), "format = \"json\"\n").unwrap();
    let output = check(&[], &[]);
    assert!(is_json(&output), "{}", stderr(&output));
    assert!(stdout(&output).contains("truewheel.toml\""), "the report names the file");
    assert!(!is_json(&check(&[("TRUEWHEEL_FORMAT", "human")], &[])));
    assert!(is_json(&check(&[("TRUEWHEEL_FORMAT", "human")], &["--format", "json"])));
    assert!(!is_json(&check(&[], &["--no-config"])));
    assert!(!is_json(&check(&[("TRUEWHEEL_NO_CONFIG", "1")], &[])));
}

#[test]
fn levels_of_a_higher_layer_beat_those_of_a_lower_one() {
    let folder = tempfile::tempdir().unwrap();
    faulty().write(folder.path());
    let check = |arguments: &[&str]| status(&run(folder.path(), &[&["check", "*.whl"], arguments].concat()));
    assert_eq!(check(&[]), 1);
    assert_eq!(check(&["--allow", "TW6xx"]), 0);
    assert_eq!(check(&["--warn", "missing-metadata"]), 0);
    assert_eq!(check(&["--allow", "TW6xx", "--deny", "TW603"]), 1);
    std::fs::write(folder.path().join("truewheel.toml"), "[check]\ndeny = [\"TW603\"]\n").unwrap();
    assert_eq!(check(&["--allow", "TW6xx"]), 0);
    std::fs::write(folder.path().join("truewheel.toml"), "allow = [\"TW603\"]\n").unwrap();
    assert_eq!(check(&[]), 0);
    assert_eq!(check(&["--deny", "TW6xx"]), 1);
}

#[test]
fn an_exception_of_the_file_carries_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    faulty().write(folder.path());
    let toml = "[[allow]]\ncode = \"TW603\"\nmember = \"*/RECORD\"\nreason = \"added later\"\n\
                [[allow]]\ncode = \"missing-metadata\"\nwheel = \"demo-2*\"\nreason = \"no time\"\n";
    std::fs::write(folder.path().join("truewheel.toml"), toml).unwrap();
    let output = run(folder.path(), &["check", "--format", "json", "demo-2.0-py3-none-any.whl"]);
    assert_eq!(status(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let report: Value = serde_json::from_str(stdout(&output)).unwrap();
    let reasons: Vec<&Value> =
        report["diagnostics"].as_array().unwrap().iter().map(|found| &found["allowed"]).collect();
    assert!(reasons.contains(&&"added later".into()) && reasons.contains(&&"no time".into()), "{reasons:?}");
}

#[test]
fn the_nearest_configuration_counts_and_a_pyproject_without_the_table_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    sound().write(&below);
    let format = || {
        let output = run(&below, &["check", "*.whl"]);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        stdout(&output).chars().next().unwrap_or(' ')
    };
    std::fs::write(folder.path().join("pyproject.toml"), "[tool.truewheel]\nformat = \"json\"\n").unwrap();
    assert_eq!(format(), '{');
    std::fs::write(folder.path().join("a/pyproject.toml"), "[tool.other]\nx = 1 # truewheel\n").unwrap();
    assert_eq!(format(), '{');
    std::fs::write(below.join("pyproject.toml"), "this is not TOML at all\n").unwrap();
    assert_eq!(format(), '{');
    std::fs::write(folder.path().join("a/truewheel.toml"), "format = \"junit\"\n").unwrap();
    assert_eq!(format(), '<');
}

#[test]
fn a_hostile_configuration_is_a_clear_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    sound().write(folder.path());
    let deep = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (text, wanted) in [
        ("frobnicate = 1", "there is no flag `--frobnicate`"),
        ("[check]\nstrip = \"all\"", "`truewheel check` has no flag `--strip`"),
        ("format = [\"json\", \"human\"]", "`format` takes one value"),
        ("format = \"yaml\"", "invalid value 'yaml'"),
        ("format = 1.5", "`format` is a fraction"),
        ("quiet = \"yes\"", "`quiet` is either true or false"),
        ("check = 1", "`check` is a number, not a table"),
        ("[[allow]]\ncode = \"TW603\"", "has no `reason`"),
        ("[[allow]]\nreason = \"x\"", "has no `code`"),
        ("[[allow]]\ncode = \"TW999\"\nreason = \"x\"", "`TW999` is no code"),
        ("[[allow]]\ncode = \"TW603\"\nreason = \"x\"\nmember = \"[\"", "`[`"),
        ("[[allow]]\ncode = \"TW603\"\nreason = \"x\"\npath = \"y\"", "`[[allow]]` has no key `path`"),
        ("jobs = 0", "0 is not in 1..=1024"),
        ("= broken", "line 1"),
        (deep.as_str(), "truewheel.toml"),
    ] {
        std::fs::write(folder.path().join("truewheel.toml"), text).unwrap();
        let output = run(folder.path(), &["check", "*.whl"]);
        let shown = &text[..text.len().min(60)];
        assert_eq!(status(&output), 2, "{shown}: {}", stderr(&output));
        assert!(stderr(&output).contains(wanted), "{shown}: {}", stderr(&output));
        assert!(stderr(&output).contains("truewheel.toml"), "{shown}: {}", stderr(&output));
        assert_eq!(status(&run(folder.path(), &["check", "*.whl", "--no-config"])), 0);
    }
}

#[test]
fn a_mistake_in_the_environment_names_the_variable() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [("TRUEWHEEL_JOBS", "many"), ("TRUEWHEEL_QUIET", "perhaps"), ("TRUEWHEEL_FORMAT", "yaml")] {
        let output = truewheel(folder.path()).args(["check", "a.whl"]).env(name, value).output().unwrap();
        assert_eq!(status(&output), 2);
        assert!(stderr(&output).contains(name), "{}", stderr(&output));
    }
}

#[test]
fn output_goes_to_a_file_whole() {
    let folder = tempfile::tempdir().unwrap();
    sound().write(folder.path());
    faulty().write(folder.path());
    let output = run(folder.path(), &["check", "*.whl", "--format", "sarif", "-o", "report.sarif"]);
    assert_eq!((status(&output), stdout(&output)), (1, ""), "{}", stderr(&output));
    let log: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("report.sarif")).unwrap()).unwrap();
    assert_eq!(log["runs"].as_array().unwrap().len(), 1);
    let absent = run(folder.path(), &["check", "*.whl", "-o", "absent/report.txt"]);
    assert_eq!(status(&absent), 2);
}

#[test]
fn quiet_says_errors_only_and_colour_is_only_decoration() {
    let folder = tempfile::tempdir().unwrap();
    sound().write(folder.path());
    faulty().write(folder.path());
    assert_eq!(stdout(&run(folder.path(), &["check", "-q", "demo-1*"])), "");
    assert_eq!(stdout(&run(folder.path(), &["-q", "check", "demo-1*"])), "");
    let plain = run(folder.path(), &["check", "*.whl"]);
    let coloured = run(folder.path(), &["check", "*.whl", "--color", "always"]);
    assert!(!stdout(&plain).contains('\u{1b}') && stdout(&coloured).contains("\u{1b}["));
    let stripped = anstream::adapter::strip_str(stdout(&coloured)).to_string();
    assert_eq!(stripped, stdout(&plain));
}

#[test]
fn an_edit_writes_whole_files_and_a_second_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let before = library();
    std::fs::write(folder.path().join("a.so"), &before).unwrap();
    let edit = |arguments: &[&str]| run(folder.path(), &[&["edit"], arguments].concat());
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(status(&edit(&["a.so", "-o", "b.so"])), 0);
    assert_eq!(read("b.so"), before);
    let rename = ["--replace-import", "libfoo.so.1=libbar.so.1"];
    let output = edit(&[&["a.so", "-o", "c.so"], &rename[..]].concat());
    assert_eq!((status(&output), stdout(&output)), (0, ""), "{}", stderr(&output));
    let images = truewheel::format::inspect(&read("c.so")).unwrap();
    assert!(images[0].imports_name("libbar.so.1") && !images[0].imports_name("libfoo.so.1"));
    assert_eq!(status(&edit(&[&["c.so", "--in-place"], &rename[..]].concat())), 0);
    assert_eq!(status(&edit(&[&["c.so", "-o", "d.so"], &rename[..]].concat())), 0);
    assert_eq!(read("c.so"), read("d.so"));
    assert_eq!(read("a.so"), before);
}

#[test]
fn an_edit_that_cannot_be_done_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.so"), library()).unwrap();
    std::fs::write(folder.path().join("text"), "text").unwrap();
    for arguments in [
        vec!["a.so", "--replace-import", "libnone.so=libx.so"],
        vec!["a.so", "--replace-import", "libfoo.so.1"],
        vec!["a.so", "--replace-import", "libfoo.so.1=a", "--replace-import", "libfoo.so.1=b"],
        vec!["a.so", "--set-soname", "a", "--strip=everything"],
        vec!["text", "--set-soname", "a"],
        vec!["absent", "--set-soname", "a"],
    ] {
        let output = run(folder.path(), &[&["edit", "-o", "out.so"], &arguments[..]].concat());
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains("error"), "{arguments:?}");
        assert!(!folder.path().join("out.so").exists(), "{arguments:?}");
    }
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn explain_prints_the_page_in_words_and_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let page = truewheel::diagnostic::Code::TW401.page();
    for name in ["TW401", "tw401", "symbol-too-recent"] {
        assert_eq!(stdout(&run(folder.path(), &["explain", name])), page);
    }
    let output = run(folder.path(), &["explain", "--all", "--format", "json"]);
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), truewheel::diagnostic::Code::ALL.len());
    assert!(lines.iter().all(|line| line["page"].as_str().unwrap().starts_with("# TW")));
}

#[test]
fn a_tree_says_how_each_edge_was_resolved() {
    let folder = tempfile::tempdir().unwrap();
    let extension = ElfSpec {
        needed: vec![b"libdemo.so.1"],
        rpath: Some(b"$ORIGIN/../demo.libs"),
        symbols: vec![SymbolSpec::defined(b"PyInit__core", 1)],
        ..ElfSpec::default()
    };
    WheelBuilder::new("cp311-cp311-linux_x86_64")
        .file("demo/_core.so", &extension.build())
        .file("demo.libs/libdemo.so.1", &library())
        .write(folder.path());
    let output = run(folder.path(), &["tree", "--no-host-libs", "*.whl"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("libdemo.so.1 => demo.libs/libdemo.so.1 (rpath of demo/_core.so)"), "{text}");
    assert!(text.contains("libfoo.so.1: not found"), "{text}");
    let output = run(folder.path(), &["tree", "--no-host-libs", "--format", "json", "*.whl"]);
    let tree: Value = serde_json::from_str(stdout(&output)).unwrap();
    let edge = &tree["roots"][0]["edges"][0];
    assert_eq!(edge["resolved"], "demo.libs/libdemo.so.1");
    assert_eq!(edge["via"], "rpath of demo/_core.so");
    // What lies beside a bare binary is found by its own search path.
    std::fs::create_dir_all(folder.path().join("demo")).unwrap();
    std::fs::create_dir_all(folder.path().join("demo.libs")).unwrap();
    std::fs::write(folder.path().join("demo/_core.so"), extension.build()).unwrap();
    std::fs::write(folder.path().join("demo.libs/libdemo.so.1"), library()).unwrap();
    let output = run(folder.path(), &["tree", "--no-host-libs", "demo/_core.so"]);
    assert!(stdout(&output).contains("demo.libs/libdemo.so.1 (rpath of"), "{}", stdout(&output));
}
