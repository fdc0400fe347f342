//! Repair of wheels for Windows, from any host: what lies beside a DLL, which names stay, where start-up code has no place.

use std::path::Path;

use truewheel::repair::{Layout, Options, Outcome};
use truewheel::wheel::Wheel;

use crate::support::fixture;
use crate::support::wheel::WheelBuilder;

fn dll(name: &str) -> Vec<u8> {
    fixture(&format!("pe/x86_64/{name}"))
}

/// `demo.dll` as an extension module needs `dep.dll`, which lies in `lib`.
fn repaired(folder: &Path, members: &[(&str, Vec<u8>)], change: impl Fn(&mut Options)) -> Outcome {
    let lib = folder.join("lib");
    std::fs::create_dir_all(&lib).unwrap();
    std::fs::write(lib.join("dep.dll"), dll("dep.dll")).unwrap();
    let builder = WheelBuilder::new("cp311-cp311-win_amd64");
    let builder = members.iter().fold(builder, |builder, (name, bytes)| builder.file(name, bytes));
    let mut options = Options::default();
    options.search.folders = vec![lib];
    change(&mut options);
    truewheel::apply(&builder.write(folder), &options, &folder.join("out")).unwrap()
}

fn members(path: &Path) -> Vec<String> {
    Wheel::open(path).unwrap().members().iter().map(|member| member.name().to_owned()).collect()
}

#[test]
fn a_program_database_goes_with_its_dll_where_that_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("lib")).unwrap();
    std::fs::write(folder.path().join("lib/dep.pdb"), b"Microsoft C/C++ MSF 7.00\r\n").unwrap();
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", dll("demo.dll"))];
    let mut without = repaired(folder.path(), &wheel, |_| ());
    let path = without.publish(&[]).unwrap().unwrap();
    assert!(!members(&path).iter().any(|name| name.ends_with(".pdb")));
    let mut with = repaired(folder.path(), &wheel, |options| options.include_symbols = true);
    let path = with.publish(&[]).unwrap().unwrap();
    let names = members(&path);
    assert!(names.contains(&"demo/dep.pdb".to_owned()), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("demo/dep-") && name.ends_with(".dll")), "{names:?}");
}

#[test]
fn a_dll_that_is_named_in_a_binary_s_text_keeps_its_name() {
    let folder = tempfile::tempdir().unwrap();
    // It imports `cycle_b.dll` alone.
    let mut other = dll("cycle_a.dll");
    other.extend(b"\0dep.dll\0");
    let wheel = [
        ("demo/__init__.py", b"".to_vec()),
        ("demo/_demo.pyd", dll("demo.dll")),
        ("demo/_other.pyd", other),
        ("demo/cycle_b.dll", dll("cycle_b.dll")),
    ];
    let mut outcome = repaired(folder.path(), &wheel, |_| ());
    let told: Vec<_> = outcome.diagnostics.iter().filter(|found| found.code.name() == "TW312").cloned().collect();
    assert_eq!(told.iter().filter_map(|found| found.member.as_deref()).collect::<Vec<_>>(), ["demo/_other.pyd"]);
    let path = outcome.publish(&[]).unwrap().unwrap();
    assert!(members(&path).contains(&"demo/dep.dll".to_owned()), "{:?}", members(&path));
}

#[test]
fn two_folders_without_start_up_code_cannot_share_a_dll_and_may_have_one_each() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = [("one/_demo.pyd", dll("demo.dll")), ("two/_demo.pyd", dll("demo.dll"))];
    let refused = repaired(folder.path(), &wheel, |_| ());
    assert!(refused.is_refused(&[]));
    assert!(refused.diagnostics.iter().any(|found| found.code.name() == "TW321"), "{:?}", refused.diagnostics);
    let mut outcome = repaired(folder.path(), &wheel, |options| options.layout = Layout::Adjacent);
    let names = members(&outcome.publish(&[]).unwrap().unwrap());
    for package in ["one/dep-", "two/dep-"] {
        assert!(names.iter().any(|name| name.starts_with(package)), "{names:?}");
    }
    assert!(!names.iter().any(|name| name.ends_with("__init__.py")), "{names:?}");
}

#[test]
fn folders_that_are_one_after_install_share_one_dll() {
    let wheel = [
        ("ns/_one.pyd", dll("demo.dll")),
        ("demo-1.0.data/platlib/ns/_two.pyd", dll("demo.dll")),
        ("demo-1.0.data/purelib/ns/_three.pyd", dll("demo.dll")),
    ];
    for layout in [Layout::Auto, Layout::Adjacent] {
        let folder = tempfile::tempdir().unwrap();
        let mut outcome = repaired(folder.path(), &wheel, |options| options.layout = layout);
        assert!(!outcome.is_refused(&[]), "{:?}", outcome.diagnostics);
        let names = members(&outcome.publish(&[]).unwrap().unwrap());
        let copies: Vec<&String> = names.iter().filter(|name| name.ends_with(".dll")).collect();
        assert_eq!(copies.len(), 1, "{layout:?}: {names:?}");
    }
}

#[test]
fn extensions_for_two_processors_earn_no_tag_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let other = fixture("pe/x86/demo.dll");
    let wheel = [("one/_demo.pyd", dll("demo.dll")), ("two/_demo.pyd", other), ("one/dep.dll", dll("dep.dll"))];
    let mut outcome = repaired(folder.path(), &wheel, |options| options.ignore_missing = true);
    let codes: Vec<&str> = outcome.diagnostics.iter().map(|found| found.code.name()).collect();
    assert!(codes.contains(&"TW409") && codes.contains(&"TW406"), "{codes:?}");
    assert!(outcome.publish(&[]).is_err());
    assert!(!folder.path().join("out").exists());
}
