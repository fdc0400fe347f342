//! `check` of wheels for Windows: what their bytes earn, and who finds which DLL.

use truewheel::audit::{self, AuditOptions, Depth};
use truewheel::diagnostic::{Code, Severity};
use truewheel::format::{self, Edit, EditSet};
use truewheel::report::Report;

use crate::support::fixture;
use crate::support::pe::PeFile;
use crate::support::wheel::WheelBuilder;

fn dll(name: &str) -> Vec<u8> {
    fixture(&format!("pe/{name}"))
}

fn report(wheel: &WheelBuilder) -> Report {
    let folder = tempfile::tempdir().unwrap();
    audit::audit(&wheel.write(folder.path()), &AuditOptions::default(), Depth::Everything).unwrap()
}

/// Codes of the findings that are not notes about the tags themselves.
fn codes(wheel: &WheelBuilder) -> Vec<(Code, Severity)> {
    let python = |code: &Code| (500..600).contains(&code.name()[2..].parse::<u32>().unwrap());
    let found = report(wheel).diagnostics;
    let mut codes: Vec<_> = found
        .iter()
        .map(|finding| (finding.diagnostic.code, finding.diagnostic.severity))
        .filter(|(code, _)| !python(code))
        .collect();
    codes.dedup();
    codes
}

fn package(tags: &str) -> WheelBuilder {
    WheelBuilder::new(tags).file("pkg/__init__.py", b"")
}

#[test]
fn a_tag_is_the_processor_of_the_extensions() {
    for (folder, tag) in [("x86_64", "win_amd64"), ("x86", "win32"), ("aarch64", "win_arm64")] {
        let files = |wheel: WheelBuilder| {
            wheel
                .file("pkg/_demo.pyd", &dll(&format!("{folder}/demo.dll")))
                .file("pkg/dep.dll", &dll(&format!("{folder}/dep.dll")))
        };
        let right = report(&files(package(&format!("cp311-cp311-{tag}"))));
        assert_eq!(right.tags.earned, [tag]);
        let other = if tag == "win32" { "win_amd64" } else { "win32" };
        let wrong = codes(&files(package(&format!("cp311-cp311-{other}"))));
        assert!(wrong.contains(&(Code::TW601, Severity::Error)), "{wrong:?}");
        assert!(wrong.contains(&(Code::TW406, Severity::Error)), "{wrong:?}");
    }
}

#[test]
fn what_runs_on_arm64_machines_alone_is_not_for_x64() {
    let hybrid = PeFile::new(&dll("x86_64/config.dll")).hybrid().bytes;
    let wheel = WheelBuilder::new("py3-none-win_amd64").file("pkg/config.dll", &hybrid);
    let found = report(&wheel);
    assert!(found.tags.earned.is_empty(), "{:?}", found.tags.earned);
    assert!(codes(&wheel).contains(&(Code::TW406, Severity::Error)));
}

#[test]
fn libraries_for_other_processors_take_no_tag_away_and_are_told_of() {
    let wheel = package("cp311-cp311-win_amd64")
        .file("pkg/_demo.pyd", &dll("x86_64/demo.dll"))
        .file("pkg/dep.dll", &dll("x86_64/dep.dll"))
        .file("pkg/inject/dep32.dll", &dll("x86/dep.dll"))
        .file("pkg/inject/load32.exe", &dll("x86/load.exe"));
    assert_eq!(report(&wheel).tags.earned, ["win_amd64"]);
    assert_eq!(codes(&wheel), [(Code::TW406, Severity::Warning), (Code::TW406, Severity::Note)]);
}

#[test]
fn a_dll_elsewhere_is_found_by_start_up_code_and_not_without() {
    let code = "import os\nos.add_dll_directory(os.path.join(os.path.dirname(__file__), os.pardir, 'demo.libs'))\n";
    let wheel = |init: &str| {
        WheelBuilder::new("cp311-cp311-win_amd64")
            .file("pkg/__init__.py", init.as_bytes())
            .file("pkg/sub/_demo.pyd", &dll("x86_64/demo.dll"))
            .file("demo.libs/dep.dll", &dll("x86_64/dep.dll"))
    };
    assert_eq!(codes(&wheel(code)), []);
    assert_eq!(codes(&wheel("")), [(Code::TW301, Severity::Error)]);
    // Code that names the folder in a way that is not understood: it counts, and is told of.
    let odd = "import os, glob\nfor name in glob.glob('*/demo.libs'):\n    os.add_dll_directory(name)\n";
    assert_eq!(codes(&wheel(odd)), [(Code::TW310, Severity::Note)]);
    // The code of another package has not run.
    let other = wheel("").file("other/__init__.py", code.as_bytes());
    assert_eq!(codes(&other), [(Code::TW301, Severity::Error)]);
}

#[test]
fn a_delayed_import_that_its_helper_does_not_find_is_told_of() {
    let wheel = package("cp311-cp311-win_amd64")
        .file("pkg/delay.pyd", &dll("x86_64/delay.dll"))
        .file("pkg/dep.dll", &dll("x86_64/dep.dll"));
    assert_eq!(codes(&wheel), [(Code::TW311, Severity::Warning)]);
}

#[test]
fn a_missing_library_takes_no_tag_away() {
    let wheel = package("cp311-cp311-win_amd64").file("pkg/_demo.pyd", &dll("x86_64/demo.dll"));
    assert_eq!(codes(&wheel), [(Code::TW301, Severity::Error)]);
    assert_eq!(report(&wheel).tags.earned, ["win_amd64"]);
}

#[test]
fn a_runtime_that_newer_pythons_bring_is_no_fault_of_a_wheel_for_any_python() {
    let renamed =
        EditSet::new(vec![Edit::ReplaceImport { from: "dep.dll".into(), to: "VCRUNTIME140_1.dll".into() }]).unwrap();
    let bytes = format::edit(&dll("x86_64/demo.dll"), &renamed).unwrap().bytes;
    let missing = |tags: &str| {
        let wheel = package(tags).file("pkg/demo.dll", &bytes);
        codes(&wheel).into_iter().filter(|(code, _)| *code == Code::TW301).collect::<Vec<_>>()
    };
    assert_eq!(missing("py3-none-win_amd64"), [(Code::TW301, Severity::Warning)]);
    assert_eq!(missing("cp37-cp37m-win_amd64"), [(Code::TW301, Severity::Error)]);
    assert_eq!(missing("cp312-cp312-win_amd64"), []);
}

#[test]
fn a_plug_in_finds_what_is_loaded_already() {
    let wheel = |library: &str| {
        package("cp311-cp311-win_amd64")
            .file("pkg/dep.dll", &dll("x86_64/dep.dll"))
            .file(&format!("pkg/bin/{library}"), &dll("x86_64/forward.dll"))
            .file("pkg/bin/dep.dll", &dll("x86_64/dep.dll"))
            .file("pkg/plugins/user.dll", &dll("x86_64/user.dll"))
    };
    assert_eq!(codes(&wheel("forward.dll")), [(Code::TW301, Severity::Warning)]);
    // Under another name it does not serve.
    assert_eq!(codes(&wheel("other.dll")), [(Code::TW301, Severity::Error)]);
}

/// A fixture with other names of functions and DLLs of the same length in it.
fn renamed(name: &str, names: &[(&str, &str)]) -> PeFile {
    let mut bytes = dll(&format!("x86_64/{name}"));
    for (from, to) in names {
        let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from.as_bytes())).collect();
        assert!(!places.is_empty() && from.len() == to.len());
        for at in places {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    PeFile::new(&bytes)
}

#[test]
fn a_mutex_of_a_newer_toolset_wants_a_runtime_of_its_own() {
    let function = ("dep_value", "_Mtx_lock");
    let runtime = |version| renamed("dep.dll", &[function]).with_version(version).bytes;
    let (old, new) = ([14, 38, 0, 0], [14, 44, 0, 0]);
    let importing = |library: &str, minor: u8| {
        let rename = Edit::ReplaceImport { from: "dep.dll".into(), to: library.into() };
        let bytes = renamed("demo.dll", &[function]).with_linker(14, minor).bytes;
        format::edit(&bytes, &EditSet::new([rename]).unwrap()).unwrap().bytes
    };
    let private = "msvcp140-0123456789abcdef0123456789abcdef.dll";
    for (library, minor, version, expected) in [
        ("msvcp140.dll", 44, new, &[(Code::TW214, Severity::Error)][..]),
        (private, 44, new, &[]),
        // An older toolset made it; what follows it is of the same toolset.
        ("msvcp140.dll", 39, old, &[]),
        // Whatever its name is, it crashes in the copy that the wheel brings.
        (private, 44, old, &[(Code::TW215, Severity::Error)]),
    ] {
        let wheel = package("cp311-cp311-win_amd64")
            .file("pkg/_demo.pyd", &importing(library, minor))
            .file(&format!("pkg/{library}"), &runtime(version));
        assert_eq!(codes(&wheel), expected, "{library} {minor} {version:?}");
    }
}

#[test]
fn a_runtime_whose_exports_cannot_be_read_is_not_said_to_lack_them() {
    let rename = Edit::ReplaceImport { from: "dep.dll".into(), to: "msvcp140.dll".into() };
    let extension = renamed("demo.dll", &[("dep_value", "_Mtx_lock")]).with_linker(14, 38).bytes;
    let extension = format::edit(&extension, &EditSet::new([rename]).unwrap()).unwrap().bytes;
    let found = |runtime: Vec<u8>| {
        let wheel =
            package("cp311-cp311-win_amd64").file("pkg/_demo.pyd", &extension).file("pkg/msvcp140.dll", &runtime);
        let found = report(&wheel).diagnostics.into_iter().map(|found| found.diagnostic);
        found.filter(|found| found.code == Code::TW215).map(|found| (found.severity, found.message)).collect::<Vec<_>>()
    };
    let runtime = PeFile::new(&dll("x86_64/dep.dll")).with_version([14, 38, 0, 0]);
    let lacking = found(runtime.bytes.clone());
    assert_eq!(lacking.len(), 1);
    assert_eq!(lacking[0].0, Severity::Error);
    let mut damaged = runtime;
    let directory = damaged.directory(0);
    // The addresses of its names, of which the file has none.
    let names = damaged.offset(damaged.u32(directory)) + 32;
    damaged.put_u32(names, 0x7fff_0000);
    let unknown = found(damaged.bytes);
    assert_eq!(unknown.iter().map(|(severity, _)| *severity).collect::<Vec<_>>(), [Severity::Warning]);
    assert!(unknown[0].1.contains("export directory"), "{}", unknown[0].1);
}
