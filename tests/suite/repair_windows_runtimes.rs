//! Repair of wheels for Windows, from any host: what Python and Visual C++ bring, and which version of it.

use std::path::Path;

use truewheel::audit::{self, AuditOptions, Depth};
use truewheel::diagnostic::{Code, Diagnostic, Severity};
use truewheel::format::{self, Edit, EditSet};
use truewheel::repair::{Options, Outcome};

use crate::repair_windows::{dll, members, repaired, repaired_as};
use crate::support::pe::PeFile;
use crate::support::wheel::WheelBuilder;

/// An extension that a toolset linked and that needs `msvcp140.dll`.
fn needs_runtime(toolset: (u8, u8)) -> Vec<u8> {
    let rename = Edit::ReplaceImport { from: "dep.dll".into(), to: "msvcp140.dll".into() };
    let edited = format::edit(&dll("demo.dll"), &EditSet::new([rename]).unwrap()).unwrap();
    PeFile::new(&edited.bytes).with_linker(toolset.0, toolset.1).bytes
}

fn runtime(version: [u16; 4]) -> Vec<u8> {
    PeFile::new(&dll("dep.dll")).with_version(version).bytes
}

/// Repairs a wheel of a binary of toolset 14.44 with folders that each hold a runtime of a version.
fn with_runtimes(folder: &Path, versions: &[[u16; 4]], own: Option<[u16; 4]>) -> Outcome {
    let folders: Vec<_> = (0..versions.len()).map(|number| folder.join(format!("lib{number}"))).collect();
    for (folder, version) in folders.iter().zip(versions) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("msvcp140.dll"), runtime(*version)).unwrap();
    }
    let mut wheel = vec![("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", needs_runtime((14, 44)))];
    wheel.extend(own.map(|version| ("demo/msvcp140.dll", runtime(version))));
    repaired(folder, &wheel, |options| options.search.folders = folders.clone())
}

/// Which of the folders the runtime was taken from.
fn taken(outcome: &Outcome) -> String {
    let plan = outcome.plan.as_ref().unwrap();
    let [library] = plan.vendored.as_slice() else { panic!("{:?}", plan.vendored) };
    library.source.path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn of_several_runtimes_the_newest_is_taken_and_of_equal_ones_the_first() {
    let (old, new) = ([14, 40, 33810, 0], [14, 44, 35211, 0]);
    let newer = [14, 44, 35211, 1];
    for (versions, expected) in [
        (&[old, new][..], "lib1"),
        (&[new, old], "lib0"),
        (&[old, newer, new], "lib1"),
        (&[new, newer, old], "lib1"),
        (&[new, new], "lib0"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let outcome = with_runtimes(folder.path(), versions, None);
        assert!(!outcome.is_refused(&[]), "{:?}", outcome.diagnostics);
        assert_eq!(taken(&outcome), expected, "{versions:?}");
    }
}

#[test]
fn other_libraries_are_taken_from_the_first_folder_whatever_their_version() {
    let folder = tempfile::tempdir().unwrap();
    for (name, version) in [("one", [1, 0, 0, 0]), ("two", [2, 0, 0, 0])] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("dep.dll"), runtime(version)).unwrap();
    }
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", dll("demo.dll"))];
    let folders = ["one", "two"].map(|name| folder.path().join(name)).to_vec();
    let outcome = repaired(folder.path(), &wheel, |options| options.search.folders = folders.clone());
    assert_eq!(taken(&outcome), "one");
}

/// The levels of TW215 in a repair's findings.
fn old_runtimes(outcome: &Outcome) -> Vec<Severity> {
    let found = outcome.diagnostics.iter().filter(|found| found.code == Code::TW215);
    found
        .map(|found| {
            assert_eq!(found.member.as_deref(), Some("demo/_demo.pyd"));
            found.severity
        })
        .collect()
}

#[test]
fn a_runtime_older_than_the_toolset_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = with_runtimes(folder.path(), &[[14, 29, 30139, 0], [14, 38, 33135, 0]], None);
    assert_eq!((taken(&outcome).as_str(), old_runtimes(&outcome)), ("lib1", vec![Severity::Warning]));
    assert!(!outcome.is_refused(&[]));
    let outcome = with_runtimes(folder.path(), &[[14, 40, 33810, 0]], None);
    assert_eq!(old_runtimes(&outcome), [], "toolsets count by the tens of the minor version");
}

/// Repairs a wheel whose extension, of toolset 14.44, needs `_Mtx_lock`, with runtimes of two folders.
fn locking(folder: &Path, runtimes: [Vec<u8>; 2]) -> Outcome {
    let folders = ["one", "two"].map(|name| folder.join(name));
    for (folder, bytes) in folders.iter().zip(runtimes) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("msvcp140.dll"), bytes).unwrap();
    }
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", with_lock(needs_runtime((14, 44))))];
    repaired(folder, &wheel, |options| options.search.folders = folders.to_vec())
}

/// The same file with `dep_value` called `_Mtx_lock`.
fn with_lock(mut bytes: Vec<u8>) -> Vec<u8> {
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"dep_value")).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + 9].copy_from_slice(b"_Mtx_lock");
    }
    bytes
}

#[test]
fn a_runtime_in_which_the_extension_cannot_run_is_not_vendored() {
    let (old, new) = ([14, 38, 33135, 0], [14, 44, 35211, 0]);
    let locked = |version| with_lock(runtime(version));
    for (runtimes, refused, word) in [
        ([locked(old), locked(new)], false, ""),
        ([locked(old), locked([14, 39, 0, 0])], true, "makes `std::mutex`"),
        ([runtime(new), locked(old)], true, "needs `_Mtx_lock`"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut outcome = locking(folder.path(), runtimes);
        let expected: &[Severity] = if refused { &[Severity::Error] } else { &[] };
        assert_eq!(old_runtimes(&outcome), expected, "{:?}", outcome.diagnostics);
        assert_eq!(outcome.is_refused(&[]), refused);
        assert!(!outcome.is_refused(&[Code::TW215]), "the user may insist");
        if refused {
            let found = outcome.diagnostics.iter().find(|found| found.code == Code::TW215).unwrap();
            assert!(found.message.contains(word), "{}", found.message);
            assert!(outcome.publish(&[]).is_err());
            assert_eq!(std::fs::read_dir(folder.path().join("out")).map_or(0, Iterator::count), 0);
        }
    }
}

#[test]
fn a_dll_without_the_functions_that_are_needed_of_it_is_not_vendored() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("dep.dll"), with_lock(dll("dep.dll"))).unwrap();
    let folders = [other, folder.path().join("lib")];
    let lacking = |outcome: &Outcome| {
        let found = outcome.diagnostics.iter().filter(|found| found.code == Code::TW313);
        found.map(|found| (found.severity, found.message.contains("`dep_value`"))).collect::<Vec<_>>()
    };
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", dll("demo.dll"))];
    let mut outcome = repaired(folder.path(), &wheel, |options| options.search.folders = folders.to_vec());
    assert_eq!(lacking(&outcome), [(Severity::Error, true)], "{:?}", outcome.diagnostics);
    assert!(outcome.publish(&[]).is_err());
    let right = repaired(folder.path(), &wheel, |options| options.search.folders = vec![folders[1].clone()]);
    assert_eq!(lacking(&right), []);
    // The wheel that came so is no worse for a repair; `check` says what is wrong with it.
    let shipped = [&wheel[..], &[("demo/dep.dll", with_lock(dll("dep.dll")))]].concat();
    let mut outcome = repaired(folder.path(), &shipped, |_| ());
    assert_eq!(lacking(&outcome), [(Severity::Warning, true)]);
    let path = outcome.publish(&[]).unwrap().unwrap();
    let report = audit::audit(&path, &AuditOptions::default(), Depth::Everything).unwrap();
    let found = report.diagnostics.iter().find(|found| found.diagnostic.code == Code::TW313).unwrap();
    assert_eq!(found.diagnostic.severity, Severity::Error);
}

#[test]
fn an_older_runtime_that_the_wheel_ships_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = with_runtimes(folder.path(), &[[14, 44, 35211, 0]], Some([14, 29, 30139, 0]));
    assert!(outcome.plan.as_ref().unwrap().vendored.is_empty());
    let old: Vec<_> = outcome.diagnostics.iter().filter(|found| found.code == Code::TW215).collect();
    assert_eq!(old.iter().map(|found| found.severity).collect::<Vec<_>>(), [Severity::Warning]);
    assert!(!outcome.is_refused(&[]));
}

#[test]
fn what_older_windows_lacks_is_vendored_where_it_is_given_and_left_to_windows_where_not() {
    // `d3d12.dll` came with Windows 10; Python 3.12 runs on Windows 8.1, Python 3.13 does not.
    let rename = Edit::ReplaceImport { from: "dep.dll".into(), to: "d3d12.dll".into() };
    let extension = format::edit(&dll("demo.dll"), &EditSet::new([rename]).unwrap()).unwrap().bytes;
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", extension)];
    for (tags, given, vendored) in [
        ("cp312-cp312-win_amd64", true, 1),
        ("cp312-cp312-win_amd64", false, 0),
        ("cp313-cp313-win_amd64", true, 0),
        ("py3-none-win_amd64", true, 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let more = folder.path().join("more");
        std::fs::create_dir_all(&more).unwrap();
        if given {
            std::fs::write(more.join("d3d12.dll"), dll("dep.dll")).unwrap();
        }
        let outcome = repaired_as(folder.path(), tags, &wheel, |options| options.search.folders = vec![more.clone()]);
        assert!(!outcome.is_refused(&[]), "{:?}", outcome.diagnostics);
        assert_eq!(outcome.plan.as_ref().unwrap().vendored.len(), vendored, "{tags} {given}");
    }
}

/// The Windows extension of the fixtures, which needs a runtime that CPython brings from 3.9 on.
fn needing_a_newer_runtime() -> Vec<u8> {
    let edit = Edit::ReplaceImport { from: "dep.dll".into(), to: "VCRUNTIME140_1.dll".into() };
    format::edit(&dll("demo.dll"), &EditSet::new(vec![edit]).unwrap()).unwrap().bytes
}

#[test]
fn check_and_repair_agree_on_which_pythons_a_wheel_is_for() {
    let bytes = needing_a_newer_runtime();
    for (tags, required, expected) in [
        ("py3-none", "", Some(Severity::Warning)),
        ("py3-none", "Requires-Python: >=3.9\n", None),
        ("py3-none", "Requires-Python: >=3.8\n", Some(Severity::Error)),
        ("cp38-abi3", "Requires-Python: >=3.10\n", None),
        ("cp38-abi3", "", Some(Severity::Error)),
        ("cp38-cp38", "Requires-Python: >=3.8\n", Some(Severity::Error)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut wheel = WheelBuilder::new(&format!("{tags}-win_amd64")).file("demo/__init__.py", b"");
        wheel.metadata = Some(format!("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n{required}"));
        let path = wheel.file("demo/_demo.dll", &bytes).write(folder.path());
        let report = audit::audit(&path, &AuditOptions::default(), Depth::Everything).unwrap();
        let outcome = truewheel::apply(&path, &Options::default(), &folder.path().join("out")).unwrap();
        let level = |found: &Diagnostic| (found.code == Code::TW301).then_some(found.severity);
        let mut found = report.diagnostics.iter().map(|found| &found.diagnostic);
        let by_check = found.find_map(level);
        let by_repair = outcome.diagnostics.iter().find_map(level);
        assert_eq!((by_check, by_repair), (expected, expected), "{tags} {required}");
        assert_eq!(outcome.is_refused(&[]), expected == Some(Severity::Error), "{tags} {required}");
    }
}

#[test]
fn a_runtime_that_only_newer_pythons_bring_is_vendored_where_it_is_at_hand() {
    let folder = tempfile::tempdir().unwrap();
    let lib = folder.path().join("lib");
    std::fs::create_dir_all(&lib).unwrap();
    std::fs::write(lib.join("vcruntime140_1.dll"), dll("dep.dll")).unwrap();
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.dll", needing_a_newer_runtime())];
    let mut outcome = repaired_as(folder.path(), "py3-none-win_amd64", &wheel, |_| ());
    assert!(!outcome.diagnostics.iter().any(|found| found.code == Code::TW301), "{:?}", outcome.diagnostics);
    let names = members(&outcome.publish(&[]).unwrap().unwrap());
    assert!(names.iter().any(|name| name.starts_with("demo/vcruntime140_1-")), "{names:?}");
}

#[test]
fn start_up_code_is_for_the_pythons_that_metadata_lets_in() {
    let repair = |required: &str| {
        let folder = tempfile::tempdir().unwrap();
        let lib = folder.path().join("lib");
        std::fs::create_dir_all(&lib).unwrap();
        std::fs::write(lib.join("dep.dll"), dll("dep.dll")).unwrap();
        let mut wheel = WheelBuilder::new("cp37-abi3-win_amd64");
        wheel.metadata = Some(format!("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n{required}"));
        for package in ["one", "two"] {
            let name = |file: &str| format!("{package}/{file}");
            wheel = wheel.file(&name("__init__.py"), b"").file(&name("_demo.pyd"), &dll("demo.dll"));
        }
        let mut options = Options::default();
        options.search.folders = vec![lib];
        truewheel::apply(&wheel.write(folder.path()), &options, &folder.path().join("out")).unwrap().is_refused(&[])
    };
    assert!(repair(""), "Python 3.7 has nothing that could be told");
    assert!(!repair("Requires-Python: >=3.8\n"));
}
