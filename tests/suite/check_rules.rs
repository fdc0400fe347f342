//! `truewheel check` as CI uses it: profiles, what is required, `--fix`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::elf::{ElfSpec, SymbolSpec};
use crate::support::wheel::{Entry, RecordText, WheelBuilder};
use crate::support::world::{Run, run};

fn check(folder: &Path, wheel: &str, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
    command.current_dir(folder).env_clear().args(["check", wheel]).args(arguments);
    run(&mut command)
}

/// The codes of a report at error level.
fn errors(folder: &Path, wheel: &str, arguments: &[&str]) -> Vec<String> {
    let ran = check(folder, wheel, &[arguments, &["--format", "json"]].concat());
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
    let findings = report["diagnostics"].as_array().unwrap();
    let mut codes: Vec<String> = findings
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect();
    codes.dedup();
    assert_eq!(ran.status, Some(i32::from(!codes.is_empty())), "{ran:#?}");
    codes
}

fn metadata(more: &str) -> Option<String> {
    Some(format!("Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n{more}"))
}

#[test]
fn profiles_say_what_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"").file("tests/test_demo.py", b"");
    builder.metadata = metadata("License-File: LICENSE\n");
    builder.write(folder.path());
    let codes = |arguments: &[&str]| errors(folder.path(), &builder.file_name(), arguments);
    assert_eq!(codes(&[]), [""; 0]);
    assert_eq!(codes(&["--profile", "pypi"]), ["TW635"]);
    assert_eq!(codes(&["--profile", "strict"]), ["TW635", "TW632"].map(str::to_owned));
    assert_eq!(codes(&["--profile", "strict", "--allow", "TW632", "--warn", "licence-file"]), [""; 0]);
    assert_eq!(check(folder.path(), &builder.file_name(), &["--profile", "mild"]).status, Some(2));
}

#[test]
fn an_exception_of_the_configuration_holds_in_every_profile() {
    let folder = tempfile::tempdir().unwrap();
    let builder = WheelBuilder::new("py3-none-any").file("tests/test_demo.py", b"");
    builder.write(folder.path());
    let config =
        "[check]\nprofile = \"strict\"\n\n[[allow]]\ncode = \"TW632\"\nmember = \"tests/*\"\nreason = \"as ever\"\n";
    std::fs::write(folder.path().join("truewheel.toml"), config).unwrap();
    assert_eq!(errors(folder.path(), &builder.file_name(), &[]), [""; 0]);
    assert_eq!(errors(folder.path(), &builder.file_name(), &["--no-config", "--profile=strict"]), ["TW632"]);
}

#[test]
fn an_abi_that_is_required_must_be_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let module = ElfSpec {
        needed: vec![b"libc.so.6"],
        symbols: vec![SymbolSpec::defined(b"PyInit__core", 1)],
        ..ElfSpec::default()
    };
    let builder = WheelBuilder::new("cp311-cp311-manylinux_2_17_x86_64").file("demo/_core.so", &module.build());
    builder.write(folder.path());
    let codes = |arguments: &[&str]| errors(folder.path(), &builder.file_name(), arguments);
    assert_eq!(codes(&["--require-abi", "abi3"]), ["TW642"]);
    assert_eq!(codes(&["--require-abi", "abi3,cp311"]), [""; 0]);
    assert_eq!(check(folder.path(), &builder.file_name(), &["--require-abi", "beos"]).status, Some(2));
}

#[test]
fn what_can_be_mended_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = WheelBuilder::new("py3-none-any")
        .entry(Entry { mode: 0o100_666, ..Entry::new("demo/__init__.py", b"x = 1\n") })
        .file("demo-1.0.dist-info/INSTALLER", b"pip\n");
    builder.comment = b"made by hand".to_vec();
    builder.record = RecordText::Text("demo/gone.py,sha256=AAAA,1\ndemo/__init__.py,md5=abc,7\n".to_owned());
    builder.wheel_file = Some("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nBuild: 2\nTag: py3-none-any\n".to_owned());
    builder.write(folder.path());
    let wheel = builder.file_name();
    let before = errors(folder.path(), &wheel, &[]);
    assert!(before.contains(&"TW607".to_owned()), "{before:?}");
    assert_eq!(errors(folder.path(), &wheel, &["--profile=strict", "--fix", "-w", "out"]), [""; 0]);
    // A second time there is nothing to mend: the same bytes.
    let first = folder.path().join("out").join(&wheel);
    let bytes = std::fs::read(&first).unwrap();
    let again = check(folder.path(), first.to_str().unwrap(), &["--fix", "-w", "again"]);
    assert_eq!(again.status, Some(0), "{again:#?}");
    assert_eq!(std::fs::read(folder.path().join("again").join(&wheel)).unwrap(), bytes);
}

#[test]
fn a_sound_wheel_is_copied_and_a_hopeless_one_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let builder = WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"");
    let path = builder.write(folder.path());
    assert_eq!(errors(folder.path(), &builder.file_name(), &["--fix", "-w", "out"]), [""; 0]);
    let copy = folder.path().join("out").join(builder.file_name());
    assert_eq!(std::fs::read(copy).unwrap(), std::fs::read(path).unwrap());
    let bad = builder.file("../x.py", b"");
    bad.write(folder.path());
    let found = errors(folder.path(), &bad.file_name(), &["--fix", "-w", "bad"]);
    assert!(found.contains(&"TW104".to_owned()), "{found:?}");
    assert!(!folder.path().join("bad").join(bad.file_name()).exists());
    let ran = check(folder.path(), &bad.file_name(), &["--fix"]);
    assert_eq!(ran.status, Some(2), "{ran:#?}");
}

#[test]
fn requirements_of_cffi_and_of_python_are_compared_with_the_wheel() {
    let folder = tempfile::tempdir().unwrap();
    let generated = b"# auto-generated file\nimport _cffi_backend\n";
    let mut builder = WheelBuilder::new("py3-none-any").file("demo/_lib.py", generated);
    let codes = |builder: &WheelBuilder| {
        builder.write(folder.path());
        let ran = check(folder.path(), &builder.file_name(), &["--format=json"]);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let findings = report["diagnostics"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&builder), ["TW640"]);
    builder.metadata = metadata("Requires-Dist: cffi>=1.0 ; python_version < '4'\n");
    assert_eq!(codes(&builder), [""; 0]);
    builder.entries.clear();
    assert_eq!(codes(&builder), ["TW640"]);
    builder.metadata = metadata("Requires-Python: >=3.8\n");
    assert_eq!(codes(&builder), [""; 0]);
}
