//! `truewheel check` as CI uses it: profiles, what is required, `--fix`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::elf::{ElfSpec, SymbolSpec};
use crate::support::wheel::WheelBuilder;
use crate::support::world::{Run, run};

pub fn check(folder: &Path, wheel: &str, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
    command.current_dir(folder).env_clear().args(["check", wheel]).args(arguments);
    run(&mut command)
}

/// The codes of a report at error level.
pub fn errors(folder: &Path, wheel: &str, arguments: &[&str]) -> Vec<String> {
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

/// The codes of everything that is reported on a wheel.
pub fn codes(folder: &Path, builder: &WheelBuilder) -> Vec<String> {
    builder.write(folder);
    let ran = check(folder, &builder.file_name(), &["--format=json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
    let findings = report["diagnostics"].as_array().unwrap().iter();
    findings.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

pub fn metadata(more: &str) -> Option<String> {
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
fn requirements_of_cffi_and_of_python_are_compared_with_the_wheel() {
    let folder = tempfile::tempdir().unwrap();
    let generated = b"# auto-generated file\nimport _cffi_backend\n";
    let mut builder = WheelBuilder::new("py3-none-any").file("demo/_lib.py", generated);
    let codes = |builder: &WheelBuilder| codes(folder.path(), builder);
    assert_eq!(codes(&builder), ["TW640"]);
    builder.metadata = metadata("Requires-Dist: cffi>=1.0 ; python_version < '4'\n");
    assert_eq!(codes(&builder), [""; 0]);
    builder.entries[0].bytes = b"import ctypes\n".to_vec();
    assert_eq!(codes(&builder), ["TW640"]);
    builder.metadata = metadata("Requires-Python: >=3.8\n");
    assert_eq!(codes(&builder), [""; 0]);
}

#[test]
fn code_that_compiles_when_it_is_imported_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let module = ElfSpec { needed: vec![b"libc.so.6"], ..ElfSpec::default() };
    let native = || {
        let mut builder = WheelBuilder::new("cp311-cp311-manylinux_2_17_x86_64");
        builder.metadata = metadata("Requires-Dist: cffi\n");
        builder
    };
    let verified = "from cffi import FFI\nffi = FFI()\nlib = ffi.verify('')\n";
    let built = "import cffi\nffi = cffi.FFI()\nffi.set_source('_x', '')\n";
    for (member, text, wanted) in [
        ("demo/_build.py", verified.to_owned(), true),
        ("demo/_build.py", format!("{built}ffi.compile()\n"), true),
        ("demo/_build.py", format!("{built}if __name__ == '__main__':\n    ffi.compile()\n"), false),
        ("cffi/api.py", verified.to_owned(), false),
    ] {
        let builder = native().file("demo/libdemo.so", &module.build()).file(member, text.as_bytes());
        let found = codes(folder.path(), &builder);
        assert_eq!(found.contains(&"TW640".to_owned()), wanted, "{member}: {text}: {found:?}");
    }
    for (name, wanted) in [("_cffi__x1a2b3c4dx5e6f7a8b", true), ("_cffi_demo", false)] {
        let user = b"import cffi\n";
        let builder = native().file(&format!("demo/{name}.so"), &module.build()).file("demo/__init__.py", user);
        let found = codes(folder.path(), &builder);
        assert_eq!(found.contains(&"TW640".to_owned()), wanted, "{name}: {found:?}");
    }
}

#[test]
fn hints_are_counted_and_told_to_those_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    let builder = WheelBuilder::new("py3.py2-none-any").file("demo/a.yml", b"").file("demo/b.yaml", b"");
    builder.write(folder.path());
    let wheel = builder.file_name();
    let told = |arguments: &[&str]| check(folder.path(), &wheel, arguments).stdout;
    assert_eq!(told(&[]), format!("{wheel}: ok (no errors, no warnings; 2 hints with `-v`)\n"));
    let all = told(&["-v"]);
    assert!(all.contains("note[TW643]") && all.contains("note[TW653]") && !all.contains("hint"), "{all}");
    // Who raises one wants to see it.
    assert!(told(&["--warn", "unsorted-tags"]).contains("warning[TW643]"));
    assert_eq!(told(&["--format", "github"]), "");
    assert!(told(&["--format", "json"]).contains("TW653"));
}

#[test]
fn exceptions_are_for_the_wheels_and_files_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let one = WheelBuilder::new("py3-none-any").file("tests/a.py", b"").file("docs/a.py", b"");
    let other = WheelBuilder { name: "other".to_owned(), ..one.clone() };
    for builder in [&one, &other] {
        builder.write(folder.path());
    }
    let config = |text: &str| {
        std::fs::write(folder.path().join("truewheel.toml"), format!("[check]\nprofile = \"strict\"\n{text}")).unwrap();
        let strict = |builder: &WheelBuilder| {
            let mut codes = errors(folder.path(), &builder.file_name(), &[]);
            codes.sort();
            codes.dedup();
            codes
        };
        (strict(&one), strict(&other))
    };
    let names = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    let allow = |code: &str, more: &str| format!("[[allow]]\ncode = \"{code}\"\nreason = \"why\"\n{more}");
    // `other` has METADATA of `demo`.
    let (demo, rest) = (names(&["TW632"]), names(&["TW610", "TW632"]));
    assert_eq!(config(""), (demo.clone(), rest.clone()));
    assert_eq!(config(&allow("TW632", "member = \"tests/*\"")), (demo.clone(), rest.clone()));
    let both = allow("TW632", "member = \"tests/*\"") + "\n" + &allow("top-level-name", "member = \"docs/*\"");
    assert_eq!(config(&both), (names(&[]), names(&["TW610"])));
    assert_eq!(config(&allow("top-level-name", "wheel = \"demo-*\"")), (names(&[]), rest.clone()));
    assert_eq!(config(&allow("TW6xx", "wheel = \"other-*\"")), (demo, names(&[])));
    // Rules of the file, of whatever breadth, beat the profile.
    assert_eq!(config("warn = [\"top-level-name\"]\n"), (names(&[]), names(&["TW610"])));
    assert_eq!(config("allow = [\"TW6xx\"]\ndeny = [\"TW610\"]\n"), (names(&[]), names(&["TW610"])));
}

#[test]
fn no_abi_for_one_python_is_a_doubt_where_it_is_the_python_that_it_was_built_for() {
    let folder = tempfile::tempdir().unwrap();
    let symbols = vec![SymbolSpec::defined(b"PyInit__core", 1)];
    let module = ElfSpec { needed: vec![b"libc.so.6"], symbols, ..ElfSpec::default() }.build();
    let judged = |tags: &str, suffix: &str| {
        let builder = WheelBuilder::new(&format!("{tags}-manylinux_2_17_x86_64"));
        let builder = builder.file(&format!("demo/_core.{suffix}.so"), &module);
        builder.write(folder.path());
        errors(folder.path(), &builder.file_name(), &[])
    };
    assert_eq!(judged("cp311-none", "cpython-311-x86_64-linux-gnu"), [""; 0]);
    // Another Python's file, a Python with free-threaded builds, and every Python.
    assert_eq!(judged("cp311-none", "cpython-310-x86_64-linux-gnu"), ["TW508"]);
    assert_eq!(judged("cp313-none", "cpython-313-x86_64-linux-gnu"), ["TW508"]);
    assert_eq!(judged("py3-none", "cpython-311-x86_64-linux-gnu"), ["TW508"]);
}
