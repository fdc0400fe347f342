//! delvewheel's own command lines, given to truewheel: what each option becomes.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::fixture;
use crate::support::wheel::WheelBuilder;
use truewheel::wheel::Wheel;

fn dll(name: &str) -> Vec<u8> {
    fixture(&format!("pe/x86_64/{name}"))
}

/// A folder with `lib/dep.dll` and the like, and a wheel whose extension needs it.
fn folder(members: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let lib = folder.path().join("lib");
    std::fs::create_dir_all(&lib).unwrap();
    for name in ["dep.dll", "forward.dll", "user.dll"] {
        std::fs::write(lib.join(name), dll(name)).unwrap();
    }
    std::fs::write(lib.join("dep.pdb"), b"Microsoft C/C++ MSF 7.00\r\n").unwrap();
    let builder = WheelBuilder::new("cp311-cp311-win_amd64");
    members.iter().fold(builder, |builder, (name, bytes)| builder.file(name, bytes)).write(folder.path());
    folder
}

fn package() -> tempfile::TempDir {
    folder(&[("demo/__init__.py", b"'doc'\n# delvewheel: patch\nimport os\n"), ("demo/_demo.pyd", &dll("demo.dll"))])
}

fn repair(folder: &Path, flags: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("truewheel"));
    command.current_dir(folder).env("TRUEWHEEL_NO_CONFIG", "1").args(["repair", "-w", "out", "demo-*.whl"]);
    command.args(flags).output().unwrap()
}

/// The DLLs of the result, hashes in their names left out.
fn vendored(folder: &Path) -> Vec<String> {
    let path = std::fs::read_dir(folder.join("out")).unwrap().next().unwrap().unwrap().path();
    let wheel = Wheel::open(&path).unwrap();
    let plain = |name: &str| match name.rsplit_once('-') {
        Some((stem, hash)) if hash.len() == 36 => format!("{stem}-#.dll"),
        _ => name.to_owned(),
    };
    let mut names: Vec<String> = wheel
        .members()
        .iter()
        .map(|member| member.name())
        .filter(|name| name.ends_with(".dll") || name.ends_with(".pdb"))
        .map(plain)
        .collect();
    names.sort();
    names
}

#[test]
fn each_option_does_what_the_guide_says() {
    let beside: &[&str] = &["demo/dep-#.dll"];
    for (flags, expected) in [
        (&["--add-path", "lib"][..], beside),
        (&["--add-path", "nowhere;lib"], beside),
        (&["--add-path", "lib", "--exclude", " DEP.dll ; other.dll "], &[]),
        (&["--add-path", "lib", "--no-dll", "de*.dll"], &[]),
        (&["--add-path", "lib", "--no-mangle", "Dep.dll;x.dll"], &["demo/dep.dll"]),
        (&["--add-path", "lib", "--no-mangle-all"], &["demo/dep.dll"]),
        (&["--add-path", "lib", "--strip"], beside),
        (&["--add-path", "lib", "--lib-sdir", ".dlls", "--layout", "libs"], &["demo.dlls/dep-#.dll"]),
        (&["--add-path", "lib", "-L", ".dlls", "--custom-patch", "--layout", "libs"], &["demo.dlls/dep-#.dll"]),
        (&["--add-path", "lib", "--include-symbols"], &["demo/dep-#.dll", "demo/dep.pdb"]),
        (
            &["--add-path", "lib", "--include", "user.dll"],
            &["demo.libs/dep-#.dll", "demo.libs/forward-#.dll", "demo.libs/user.dll"],
        ),
    ] {
        let folder = package();
        let done = repair(folder.path(), flags);
        assert_eq!(done.status.code(), Some(0), "{flags:?}: {}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(vendored(folder.path()), expected, "{flags:?}");
    }
}

#[test]
fn an_option_without_effect_says_so_and_changes_nothing() {
    let plain = package();
    assert_eq!(repair(plain.path(), &["--add-path", "lib"]).status.code(), Some(0));
    let result = |folder: &Path| {
        let path = std::fs::read_dir(folder.join("out")).unwrap().next().unwrap().unwrap().path();
        std::fs::read(path).unwrap()
    };
    for flags in [
        &["--ignore-existing"][..],
        &["--ignore-in-wheel", "--with-mangle"],
        &["--analyze-existing"],
        &["--analyze-existing-exes"],
        &["--namespace-pkg", "a.b;c"],
        &["--include-imports"],
        &["--no-diagnostic"],
        &["--strip"],
    ] {
        let folder = package();
        let done = repair(folder.path(), &[&["--add-path", "lib"], flags].concat());
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(0), "{flags:?}: {said}");
        assert!(said.contains("has no effect") || said.contains("nothing is stripped"), "{flags:?}: {said}");
        assert!(result(folder.path()) == result(plain.path()), "{flags:?}");
    }
}

#[test]
fn what_makes_no_sense_is_told_of_and_nothing_is_written() {
    for (flags, word) in [
        (&["--exclude", "DEP.dll", "--include", "dep.dll"][..], "both included and excluded"),
        (&["--exclude", "d*", "--include", "dep.dll"], "both included and excluded"),
        (&["-L", ""], "no ending"),
        (&["-L", ".dist-info"], "no ending"),
        (&["-L", "a<b"], "no ending"),
        (&["-L", "a\u{1}b"], "no ending"),
        (&["-L", "a."], "no ending"),
        (&["--include", "user.dll=../x"], "inside site-packages"),
    ] {
        let folder = package();
        let done = repair(folder.path(), &[&["--add-path", "lib"], flags].concat());
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!((done.status.code(), said.contains(word)), (Some(2), true), "{flags:?}: {said}");
        assert_eq!(std::fs::read_dir(folder.path().join("out")).map_or(0, Iterator::count), 0);
    }
}

#[test]
fn beside_top_level_modules_an_included_dll_goes_by_a_dot() {
    let folder = folder(&[("_demo.pyd", &dll("demo.dll"))]);
    // In a folder of its own it would need a second copy of what the module needs.
    let apart = repair(folder.path(), &["--add-path", "lib", "--include", "user.dll"]);
    let said = String::from_utf8_lossy(&apart.stderr).into_owned();
    assert_eq!((apart.status.code(), said.contains("--include NAME=FOLDER")), (Some(1), true), "{said}");
    let done = repair(folder.path(), &["--add-path", "lib", "--include", "user.dll=."]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(vendored(folder.path()), ["dep-#.dll", "forward-#.dll", "user.dll"]);
}
