//! PE files at the command line: `edit` with its flags and statuses, and wheels that only carry programs of Windows.

use std::path::Path;
use std::process::{Command, Output};

use crate::pe_edit::LONG;
use crate::pe_facts::{inspect, pe};
use crate::support::pe::PeFile;
use crate::support::wheel::WheelBuilder;

fn truewheel(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("truewheel"));
    command.current_dir(folder).args(arguments).env("TRUEWHEEL_NO_CONFIG", "1").output().unwrap()
}

fn folder_with(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.dll"), pe(name)).unwrap();
    folder
}

#[test]
fn edit_renames_without_regard_to_case_and_a_second_time_changes_nothing() {
    let folder = folder_with("x86_64/demo.dll");
    let pair = format!("DEP.DLL={LONG}");
    let first = truewheel(folder.path(), &["edit", "in.dll", "-o", "out.dll", "--replace-import", &pair]);
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    let bytes = std::fs::read(folder.path().join("out.dll")).unwrap();
    assert!(inspect(&bytes).imports_name(LONG));
    let again = truewheel(folder.path(), &["edit", "out.dll", "--in-place", "--replace-import", &pair]);
    assert_eq!(again.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing to change"));
    assert_eq!(std::fs::read(folder.path().join("out.dll")).unwrap(), bytes);
}

#[test]
fn edit_binds_delay_imports_and_clears_load_flags() {
    for (name, flag, count) in [
        ("x86_64/delay.dll", "--delay-to-eager", 1),
        ("x86_64/delay.dll", "--delay-to-eager=dep.dll", 1),
        ("x86_64/demo.dll", "--delay-to-eager", 0),
        ("x86/config.dll", "--clear-dependent-load-flags", 0),
    ] {
        let folder = folder_with(name);
        let edited = truewheel(folder.path(), &["edit", "in.dll", "-o", "out.dll", flag]);
        assert_eq!(edited.status.code(), Some(0), "{}", String::from_utf8_lossy(&edited.stderr));
        let image = inspect(&std::fs::read(folder.path().join("out.dll")).unwrap());
        let facts = image.pe().unwrap();
        assert_eq!((facts.eager_delays.len(), facts.dependent_load_flags), (count, 0), "{name} {flag}");
    }
    let folder = folder_with("x86_64/delay.dll");
    let pair = format!("dep.dll={LONG}");
    let mut results = Vec::new();
    for _ in 0..2 {
        let flags = ["edit", "in.dll", "--in-place", "--delay-to-eager=dep.dll", "--replace-import", &pair];
        let edited = truewheel(folder.path(), &flags);
        assert_eq!(edited.status.code(), Some(0), "{}", String::from_utf8_lossy(&edited.stderr));
        results.push(std::fs::read(folder.path().join("in.dll")).unwrap());
    }
    assert!(results[0] == results[1] && inspect(&results[0]).imports_name(LONG));
}

#[test]
fn edit_refuses_with_status_2_and_writes_nothing() {
    let folder = folder_with("x86_64/demo.dll");
    for flags in [
        ["--replace-import", "absent.dll=other.dll"],
        ["--set-rpath", "$ORIGIN"],
        ["--set-interpreter", "/lib/ld.so"],
        ["--remove-import", "dep.dll"],
        ["--add-import", "other.dll"],
        ["--delay-to-eager=other.dll", "--clear-exec-stack"],
    ] {
        let edited = truewheel(folder.path(), &["edit", "in.dll", "-o", "out.dll", flags[0], flags[1]]);
        assert_eq!(edited.status.code(), Some(2), "{flags:?}");
        assert!(!edited.stderr.is_empty() && !folder.path().join("out.dll").exists(), "{flags:?}");
    }
}

#[test]
fn a_wheel_for_any_platform_may_carry_launchers() {
    let folder = tempfile::tempdir().unwrap();
    let mut wheel = WheelBuilder::new("py3-none-any")
        .file("demo/launcher.exe", &pe("x86_64/load.exe"))
        .file("demo/launcher-arm64.exe", &pe("aarch64/load.exe"))
        .file("demo/old.exe", &pe("dos.exe"));
    wheel.wheel_file = wheel.wheel_file.map(|text| text.replace("Root-Is-Purelib: false", "Root-Is-Purelib: true"));
    let path = wheel.write(folder.path());
    let name = path.to_str().unwrap();
    let checked = truewheel(folder.path(), &["check", name]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));
    let shown = truewheel(folder.path(), &["show", "--format", "json", name]);
    let report: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(report["tags"]["earned"], serde_json::json!(["any"]));
    let repaired = truewheel(folder.path(), &["repair", name, "-w", "out"]);
    assert_eq!(repaired.status.code(), Some(0), "{}", String::from_utf8_lossy(&repaired.stderr));
    let out = folder.path().join("out").join(path.file_name().unwrap());
    assert_eq!(std::fs::read(out).unwrap(), std::fs::read(&path).unwrap());
    // A library is another matter: it is loaded, and not everywhere.
    let wheel = wheel.file("demo/library.dll", &pe("x86_64/dep.dll"));
    let checked = truewheel(folder.path(), &["check", wheel.write(folder.path()).to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&checked.stdout).contains("TW614"));
}

#[test]
fn a_bare_dll_is_shown_and_drawn_with_what_it_imports() {
    let folder = folder_with("x86/demo.dll");
    for command in ["show", "tree"] {
        let ran = truewheel(folder.path(), &[command, "in.dll"]);
        let said = String::from_utf8(ran.stdout).unwrap();
        assert!(said.contains("dep.dll"), "{command}: {said}");
    }
    // What was tried is where it would lie on this disk: nothing is a wheel here.
    let ran = truewheel(folder.path(), &["tree", "in.dll"]);
    let said = String::from_utf8(ran.stdout).unwrap();
    let place = folder.path().canonicalize().unwrap().join("dep.dll");
    assert!(said.contains(&format!("tried {}: absent", place.display())), "{said}");
    let ran = truewheel(folder.path(), &["tree", "in.dll", "--format", "json"]);
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.contains(&format!("\"path\":\"{}\",\"in\":\"disk\"", place.display())), "{said}");
}

#[test]
fn a_refused_edit_leaves_its_file_as_it_was() {
    let bytes = PeFile::new(&pe("x86_64/delay.dll")).protecting_delay_imports().bytes;
    for output in [&["-o", "out.dll"][..], &["--in-place"]] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("in.dll"), &bytes).unwrap();
        let edited = truewheel(folder.path(), &[&["edit", "in.dll", "--delay-to-eager"], output].concat());
        assert_eq!(edited.status.code(), Some(2), "{}", String::from_utf8_lossy(&edited.stderr));
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["in.dll"]);
        assert!(std::fs::read(folder.path().join("in.dll")).unwrap() == bytes);
    }
}
