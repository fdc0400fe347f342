//! Lists of paths on standard input, for every command that takes wheels, and commands that feed each other.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::macho::{ARM64, MachoSpec, X86_64};
use crate::support::program::{fed, status, stderr, stdout, truewheel};
use crate::support::wheel::WheelBuilder;

/// Each command that takes wheels, with what it needs besides.
const COMMANDS: &[&[&str]] = &[
    &["show", "--format", "json"],
    &["check", "--format", "json"],
    &["tree", "--format", "json", "--no-host-libs"],
    &["repair", "-w", "out"],
    &["retag", "-w", "out", "--build", "1"],
    &["merge", "-w", "out"],
];

/// Two wheels that `merge` takes too, in `folder`.
fn pair(folder: &Path) -> [String; 2] {
    std::fs::create_dir_all(folder).unwrap();
    [("macosx_10_13_x86_64", X86_64, (10, 13)), ("macosx_11_0_arm64", ARM64, (11, 0))].map(|(tag, cpu, min_os)| {
        let extension = MachoSpec { cpu, min_os, ..MachoSpec::default() }.build();
        let wheel = WheelBuilder::new(&format!("cp311-cp311-{tag}"))
            .file("demo/__init__.py", b"")
            .file("demo/_core.cpython-311-darwin.so", &extension);
        wheel.write(folder);
        wheel.file_name()
    })
}

#[test]
fn the_table_holds_every_command_that_takes_wheels() {
    let folder = tempfile::tempdir().unwrap();
    let help = |arguments: &[&str]| {
        let output = truewheel(folder.path()).args(arguments).output().unwrap();
        stdout(&output).to_owned()
    };
    let text = help(&["--help"]);
    let commands = text.split("\nCommands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = commands.lines().map(|line| line.split_whitespace().next().unwrap()).filter(|name| *name != "help");
    let wheels: BTreeSet<&str> = names.filter(|name| help(&[name, "--help"]).contains("WHEEL]...")).collect();
    assert_eq!(wheels, COMMANDS.iter().map(|command| command[0]).collect());
}

#[test]
fn a_list_on_standard_input_is_as_good_as_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let wheels = pair(&folder.path().join("a folder")).map(|name| format!("a folder/{name}"));
    for command in COMMANDS {
        let given = truewheel(folder.path()).args(*command).args(&wheels).output().unwrap();
        assert_eq!(status(&given), 0, "{command:?}: {}", stderr(&given));
        assert!(!given.stdout.is_empty(), "{command:?}");
        for (flag, list) in [
            ("-", format!("{}\n{}\n", wheels[0], wheels[1])),
            // As Windows writes it, with an empty line, and without the last line's end.
            ("-", format!("{}\r\n\r\n{}", wheels[0], wheels[1])),
            ("--from-stdin0", format!("{}\0{}\0", wheels[0], wheels[1])),
        ] {
            let read = fed(folder.path(), &[command, &[flag][..]].concat(), list.as_bytes());
            assert_eq!((status(&read), stdout(&read)), (0, stdout(&given)), "{command:?} {flag}: {}", stderr(&read));
        }
        // One from the list, one given: each once, whichever way it comes.
        let arguments = [command, &["-", wheels[1].as_str()][..]].concat();
        let both = fed(folder.path(), &arguments, format!("{}\n{}\n", wheels[0], wheels[1]).as_bytes());
        assert_eq!((status(&both), stdout(&both)), (0, stdout(&given)), "{command:?}: {}", stderr(&both));
    }
}

#[test]
fn names_in_a_list_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    // A newline in a name is something only NUL can separate; Windows has no such names, and no `*` either.
    let name = if cfg!(windows) { "[ab]" } else { "[ab]*\n? " };
    let wheels = pair(&folder.path().join(name)).map(|wheel| format!("{name}/{wheel}"));
    let list = format!("{}\0{}\0", wheels[0], wheels[1]);
    for command in COMMANDS {
        let output = fed(folder.path(), &[command, &["--from-stdin0"][..]].concat(), list.as_bytes());
        assert_eq!(status(&output), 0, "{command:?}: {}", stderr(&output));
    }
    let output = fed(folder.path(), &["show", "--format", "json", "--from-stdin0"], list.as_bytes());
    let lines = stdout(&output).lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(lines.map(|line| line["wheel"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), wheels);
}

#[test]
fn a_list_without_anything_in_it_is_status_2() {
    let folder = tempfile::tempdir().unwrap();
    for command in COMMANDS {
        for (flag, list) in [("-", "\n"), ("--from-stdin0", "")] {
            let output = fed(folder.path(), &[command, &[flag][..]].concat(), list.as_bytes());
            assert_eq!(status(&output), 2, "{command:?}");
            assert!(stderr(&output).contains("the list of paths on standard input is empty"), "{}", stderr(&output));
        }
    }
}

#[test]
fn what_one_command_writes_the_next_reads() {
    let folder = tempfile::tempdir().unwrap();
    let wheels = pair(folder.path());
    let repaired = truewheel(folder.path()).args(["repair", "-w", "repaired"]).args(&wheels).output().unwrap();
    assert_eq!(status(&repaired), 0, "{}", stderr(&repaired));
    let merged = fed(folder.path(), &["merge", "-w", "merged", "-"], &repaired.stdout);
    assert_eq!(status(&merged), 0, "{}", stderr(&merged));
    let retagged = fed(folder.path(), &["retag", "--build", "2", "-w", "retagged", "-"], &merged.stdout);
    assert_eq!(stdout(&retagged).trim_end(), "retagged/demo-1.0-2-cp311-cp311-macosx_10_13_universal2.whl");
    let checked = fed(folder.path(), &["check", "-"], &retagged.stdout);
    assert_eq!(status(&checked), 0, "{}{}", stdout(&checked), stderr(&checked));
}

#[test]
fn merge_takes_two_wheels_however_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let wheels = pair(folder.path());
    let merge = |paths: &[&str]| truewheel(folder.path()).args(["merge", "-w", "out"]).args(paths).output().unwrap();
    assert_eq!(status(&merge(&["*.whl"])), 0);
    for (paths, wanted) in [
        (vec!["*_arm64.whl"], "two wheels are merged, and not 1"),
        (vec![wheels[0].as_str(), wheels[0].as_str()], "two wheels are merged, and not 1"),
        (vec!["*.whl", "out/*.whl"], "two wheels are merged, and not 3"),
        (vec!["absent.whl", wheels[0].as_str()], "there is no such file"),
    ] {
        let output = merge(&paths);
        assert_eq!(status(&output), 2, "{paths:?}");
        assert!(stderr(&output).contains(wanted), "{paths:?}: {}", stderr(&output));
    }
}
