//! Repair of wheels for Windows, from any host: what lies beside a DLL, which names stay, where start-up code has no place.

use std::path::Path;

use truewheel::diagnostic::Code;
use truewheel::format::{self, Edit, EditSet, ImportKind, StripLevel};
use truewheel::repair::{Layout, Options, Outcome, Patterns};
use truewheel::wheel::Wheel;

use crate::support::fixture;
use crate::support::pe::PeFile;
use crate::support::wheel::WheelBuilder;

pub(crate) fn dll(name: &str) -> Vec<u8> {
    fixture(&format!("pe/x86_64/{name}"))
}

/// `demo.dll` as an extension module needs `dep.dll`, which lies in `lib`.
pub(crate) fn repaired(folder: &Path, members: &[(&str, Vec<u8>)], change: impl Fn(&mut Options)) -> Outcome {
    repaired_as(folder, "cp311-cp311-win_amd64", members, change)
}

pub(crate) fn repaired_as(
    folder: &Path,
    tags: &str,
    members: &[(&str, Vec<u8>)],
    change: impl Fn(&mut Options),
) -> Outcome {
    let lib = folder.join("lib");
    std::fs::create_dir_all(&lib).unwrap();
    std::fs::write(lib.join("dep.dll"), dll("dep.dll")).unwrap();
    let builder = WheelBuilder::new(tags);
    let builder = members.iter().fold(builder, |builder, (name, bytes)| builder.file(name, bytes));
    let mut options = Options::default();
    options.search.folders = vec![lib];
    change(&mut options);
    truewheel::apply(&builder.write(folder), &options, &folder.join("out")).unwrap()
}

pub(crate) fn members(path: &Path) -> Vec<String> {
    Wheel::open(path).unwrap().members().iter().map(|member| member.name().to_owned()).collect()
}

fn members_of(path: &Path, ending: &str) -> Vec<String> {
    members(path).into_iter().filter(|name| name.ends_with(ending)).collect()
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

/// A program that needs `dep.dll`, for which no start-up code runs.
fn program() -> Vec<u8> {
    format::edit(&dll("load.exe"), &EditSet::new([Edit::AddImport("dep.dll!dep_value".into())]).unwrap()).unwrap().bytes
}

#[test]
fn a_dll_that_a_program_needs_too_lies_beside_the_program_once() {
    let mut wheel =
        vec![("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", dll("demo.dll")), ("demo/bin/tool.exe", program())];
    let copies = |members: &[(&str, Vec<u8>)], layout: Layout| {
        let folder = tempfile::tempdir().unwrap();
        let mut outcome = repaired(folder.path(), members, |options| options.layout = layout);
        if outcome.is_refused(&[]) {
            assert!(outcome.diagnostics.iter().any(|found| found.code == Code::TW321), "{:?}", outcome.diagnostics);
            return None;
        }
        let path = outcome.publish(&[]).unwrap().unwrap();
        let folder_of = |name: &String| name.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let mut dlls: Vec<String> = members_of(&path, ".dll").iter().filter_map(folder_of).collect();
        dlls.sort();
        Some((dlls, text(&path, "demo/__init__.py").contains("bin")))
    };
    let at = |folders: &[&str]| folders.iter().map(|folder| (*folder).to_owned()).collect::<Vec<_>>();
    assert_eq!(copies(&wheel, Layout::Auto), Some((at(&["demo/bin"]), true)));
    assert_eq!(copies(&wheel, Layout::Adjacent), Some((at(&["demo", "demo/bin"]), false)));
    assert_eq!(copies(&wheel, Layout::Libs), Some((at(&["demo.libs", "demo/bin"]), false)));
    // Nothing tells a second program where the DLL is.
    wheel.push(("demo/other/tool.exe", program()));
    assert_eq!(copies(&wheel, Layout::Auto), None);
    assert!(copies(&wheel, Layout::Adjacent).is_some());
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

fn text(path: &Path, member: &str) -> String {
    let wheel = Wheel::open(path).unwrap();
    String::from_utf8(wheel.read(wheel.member(member).unwrap()).unwrap().to_vec()).unwrap()
}

/// Two packages that share `dep.dll`; the first one needs a DLL that lies in a third folder, too.
fn two_packages() -> Vec<(&'static str, Vec<u8>)> {
    let rename = Edit::ReplaceImport { from: "dep.dll".into(), to: "other.dll".into() };
    let other = format::edit(&dll("demo.dll"), &EditSet::new([rename]).unwrap()).unwrap();
    vec![
        ("one/__init__.py", b"'doc'\n".to_vec()),
        ("one/_demo.pyd", dll("demo.dll")),
        ("one/_other.pyd", other.bytes),
        ("shipped/other.dll", dll("dep.dll")),
        ("two/__init__.py", b"".to_vec()),
        ("two/_demo.pyd", dll("demo.dll")),
    ]
}

/// How often a text stands in a list of a file.
fn listed(text: &str, what: &str) -> usize {
    text.lines().filter(|line| line.trim() == format!("\"{what}\",")).count()
}

#[test]
fn a_package_is_told_of_every_folder_that_it_needs() {
    for tags in ["cp311-cp311-win_amd64", "cp38-cp38-win_amd64"] {
        let folder = tempfile::tempdir().unwrap();
        let mut outcome = repaired_as(folder.path(), tags, &two_packages(), |_| ());
        assert!(!outcome.is_refused(&[]), "{:?}", outcome.diagnostics);
        let path = outcome.publish(&[]).unwrap().unwrap();
        let (one, two) = (text(&path, "one/__init__.py"), text(&path, "two/__init__.py"));
        assert_eq!((listed(&one, "../demo.libs"), listed(&one, "../shipped")), (1, 1), "{one}");
        assert_eq!((listed(&two, "../demo.libs"), listed(&two, "../shipped")), (1, 0), "{two}");
        let preloads = usize::from(tags.starts_with("cp38"));
        assert_eq!(one.matches("\"../demo.libs/dep").count(), preloads, "{one}");
        assert_eq!(listed(&one, "../shipped/other.dll"), preloads, "{one}");
        let mut second = truewheel::apply(&path, &Options::default(), &folder.path().join("again")).unwrap();
        let second = second.publish(&[]).unwrap().unwrap();
        assert_eq!(std::fs::read(second).unwrap(), std::fs::read(&path).unwrap(), "{tags}");
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

#[test]
fn what_is_imported_is_loaded_before_what_imports_it() {
    let folder = tempfile::tempdir().unwrap();
    // `dep.dll` has to lie beside `forward.dll`, which no package holds.
    let wheel = [
        ("one/__init__.py", b"".to_vec()),
        ("one/_demo.pyd", dll("demo.dll")),
        ("one/_user.pyd", dll("user.dll")),
        ("shipped/forward.dll", dll("forward.dll")),
    ];
    let mut outcome = repaired_as(folder.path(), "cp39-cp39-win_amd64", &wheel, |_| ());
    let one = text(&outcome.publish(&[]).unwrap().unwrap(), "one/__init__.py");
    let (dep, forward) = (one.find("\"../shipped/dep-"), one.find("\"../shipped/forward.dll\","));
    assert!(dep.is_some() && dep < forward, "{one}");
    assert_eq!(listed(&one, "../shipped"), 1, "{one}");
}

#[test]
fn a_python_without_start_up_code_gets_dlls_beside_the_extension_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let tags = "cp37-cp37m-win_amd64";
    let one = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", dll("demo.dll"))];
    let mut outcome = repaired_as(folder.path(), tags, &one, |_| ());
    let path = outcome.publish(&[]).unwrap().unwrap();
    assert!(members(&path).iter().any(|name| name.starts_with("demo/dep-")), "{:?}", members(&path));
    assert_eq!(text(&path, "demo/__init__.py"), "");
    let outcome = repaired_as(folder.path(), tags, &two_packages(), |_| ());
    let told: Vec<_> = outcome.diagnostics.iter().filter(|found| found.code == Code::TW321).collect();
    assert!(told.iter().any(|found| found.message.contains("older than 3.8")), "{:?}", outcome.diagnostics);
    assert!(outcome.is_refused(&[]));
}

#[test]
fn start_up_code_goes_to_the_nearest_regular_package_however_its_file_is_spelled() {
    let folder = tempfile::tempdir().unwrap();
    // `a/ns` is a namespace package within a regular one; beside `b` lies a module of its name.
    let wheel = [
        ("a/__INIT__.PY", b"x = 1\r\n".to_vec()),
        ("a/ns/_demo.pyd", dll("demo.dll")),
        ("b.py", b"".to_vec()),
        ("b/c/__init__.py", b"from __future__ import (\n    division,\n)\nx = 1\n".to_vec()),
        ("b/c/_demo.pyd", dll("demo.dll")),
    ];
    let mut outcome = repaired(folder.path(), &wheel, |_| ());
    let path = outcome.publish(&[]).unwrap().unwrap();
    let (a, c) = (text(&path, "a/__INIT__.PY"), text(&path, "b/c/__init__.py"));
    assert!(a.contains("\"../demo.libs\",\r\n") && !a.replace("\r\n", "").contains('\n'), "{a}");
    assert!(c.starts_with("from __future__ import (\n    division,\n)\n\ndef _truewheel"), "{c}");
    assert!(c.contains("\"../../demo.libs\",") && c.ends_with("x = 1\n"), "{c}");
    assert_eq!(text(&path, "b.py"), "");
    assert!(!members(&path).iter().any(|name| name == "b/__init__.py" || name == "a/ns/__init__.py"));
}

#[test]
fn a_flag_for_another_format_changes_no_name() {
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", dll("demo.dll"))];
    let vendored = |strip| {
        let folder = tempfile::tempdir().unwrap();
        let mut outcome = repaired(folder.path(), &wheel, |options| options.strip = strip);
        let path = outcome.publish(&[]).unwrap().unwrap();
        members(&path).into_iter().find(|name| name.starts_with("demo/dep-")).unwrap()
    };
    assert_eq!(vendored(Some(StripLevel::All)), vendored(None));
}

#[test]
fn start_up_code_keeps_out_of_files_that_may_never_run() {
    let shared = b"__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n".to_vec();
    let inits = [("ns/__init__.py", shared), ("own/__init__.py", b"x = 1\n".to_vec())];
    // Python runs the compiled module, which mypyc ships beside its source.
    let compiled = ("own/__init__.cp311-win_amd64.pyd", dll("demo.dll"));
    let both = [("ns/_demo.pyd", dll("demo.dll")), compiled.clone()];
    let wheel: Vec<_> = inits.iter().cloned().chain(both).collect();
    let folder = tempfile::tempdir().unwrap();
    let refused = repaired(folder.path(), &wheel, |_| ());
    assert!(refused.diagnostics.iter().any(|found| found.code.name() == "TW321"), "{:?}", refused.diagnostics);
    // Where one of two folders is told of the other, it is the one whose code runs.
    let told = [("own/_demo.pyd", dll("demo.dll")), ("ns/_demo.pyd", dll("demo.dll"))];
    let wheel: Vec<_> = inits.iter().cloned().chain(told).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = repaired(folder.path(), &wheel, |_| ()).publish(&[]).unwrap().unwrap();
    assert_eq!(text(&path, "ns/__init__.py").as_bytes(), inits[0].1);
    assert!(text(&path, "own/__init__.py").contains("\"../ns\","));
    assert!(members(&path).iter().any(|name| name.starts_with("ns/dep-")));
}

#[test]
fn an_extension_at_the_top_has_its_dlls_beside_it_and_packages_are_told_of_them() {
    for root in ["", "demo-1.0.data/platlib/"] {
        let folder = tempfile::tempdir().unwrap();
        let names = ["_demo.pyd", "pkg/__init__.py", "pkg/_demo.pyd"].map(|name| format!("{root}{name}"));
        let bytes = [dll("demo.dll"), Vec::new(), dll("demo.dll")];
        let wheel: Vec<_> = names.iter().map(String::as_str).zip(bytes).collect();
        let mut outcome = repaired(folder.path(), &wheel, |_| ());
        let path = outcome.publish(&[]).unwrap().unwrap();
        let found = members(&path);
        assert!(found.iter().any(|name| name.starts_with(&format!("{root}dep-"))), "{found:?}");
        assert!(text(&path, &names[1]).contains("\"..\","), "{found:?}");
    }
}

#[test]
fn names_in_flags_are_held_against_dlls_without_regard_to_case() {
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", dll("demo.dll"))];
    let patterns = |text: &str| Patterns::new([text.to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut kept = repaired(folder.path(), &wheel, |options| options.no_mangle = patterns("DE*.dll"));
    assert!(members(&kept.publish(&[]).unwrap().unwrap()).contains(&"demo/dep.dll".to_owned()));
    // The name that is kept is the file's, however the import spells it.
    let rename = Edit::ReplaceImport { from: "dep.dll".into(), to: "dependency.dll".into() };
    let again = Edit::ReplaceImport { from: "dependency.dll".into(), to: "DEP.dll".into() };
    let step = format::edit(&dll("demo.dll"), &EditSet::new([rename]).unwrap()).unwrap();
    let loud = format::edit(&step.bytes, &EditSet::new([again]).unwrap()).unwrap().bytes.to_vec();
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", loud)];
    let folder = tempfile::tempdir().unwrap();
    let mut kept = repaired(folder.path(), &wheel, |options| options.no_mangle = patterns("dep.dll"));
    assert!(members(&kept.publish(&[]).unwrap().unwrap()).contains(&"demo/dep.dll".to_owned()));
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_demo.pyd", dll("demo.dll"))];
    let folder = tempfile::tempdir().unwrap();
    let mut left = repaired(folder.path(), &wheel, |options| options.exclude = patterns("Dep.DLL"));
    let names = members(&left.publish(&[]).unwrap().unwrap());
    assert!(!names.iter().any(|name| name.ends_with(".dll")), "{names:?}");
}

#[test]
fn a_protected_delay_import_gets_an_import_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = PeFile::new(&dll("delay.dll")).protecting_delay_imports().bytes;
    let wheel = [("demo/__init__.py", b"".to_vec()), ("demo/_delay.pyd", bytes)];
    let mut outcome = repaired(folder.path(), &wheel, |_| ());
    assert!(!outcome.is_refused(&[]), "{:?}", outcome.diagnostics);
    let path = outcome.publish(&[]).unwrap().unwrap();
    let result = Wheel::open(&path).unwrap();
    let result = result.read(result.member("demo/_delay.pyd").unwrap()).unwrap();
    let image = &format::inspect(&result).unwrap()[0];
    let kinds: Vec<_> = image.imports.iter().filter(|import| import.name.starts_with("dep-")).map(|i| i.kind).collect();
    assert_eq!(kinds, [ImportKind::Needed, ImportKind::Delay], "{:?}", image.imports);
    assert!(image.pe().unwrap().eager_delays.is_empty(), "the loader may not fill its table at load");
}

#[test]
fn a_protected_delay_import_that_no_import_can_be_added_for_is_refused_untouched() {
    const NAME: &str = "dep-with-a-longer-name.dll";
    let folder = tempfile::tempdir().unwrap();
    // The longer name takes the last room for a section header: that of the DOS stub.
    let file = PeFile::new(&dll("delay.dll")).protecting_delay_imports().without_slack().without_growth();
    let rename = Edit::ReplaceImport { from: "dep.dll".into(), to: NAME.into() };
    let mut file =
        PeFile::new(&format::edit(&file.bytes, &EditSet::new([rename]).unwrap()).unwrap().bytes).without_slack();
    let (end, first) = (file.sections().last().unwrap().at + 40, file.sections()[0].raw_offset as usize);
    file.bytes[end..first].fill(0xcc);
    let lib = folder.path().join("lib");
    std::fs::create_dir_all(&lib).unwrap();
    std::fs::write(lib.join(NAME), dll("dep.dll")).unwrap();
    let builder = WheelBuilder::new("cp311-cp311-win_amd64").file("demo/__init__.py", b"");
    let path = builder.file("demo/_delay.pyd", &file.bytes).write(folder.path());
    let before = std::fs::read(&path).unwrap();
    let mut options = Options::default();
    options.search.folders = vec![lib];
    let out = folder.path().join("out");
    let error = truewheel::apply(&path, &options, &out).unwrap_err();
    assert!(error.to_string().contains("no room"), "{error}");
    assert!(std::fs::read(&path).unwrap() == before && std::fs::read_dir(&out).map_or(0, Iterator::count) == 0);
}
