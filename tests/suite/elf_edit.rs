//! ELF editing: every edit on every machine, read back by two readers; the ways other editors break files.

use goblin::elf::Elf as Witness;
use truewheel::ErrorKind;
use truewheel::format::elf::read::Elf;
use truewheel::format::{self, Edit, EditSet, Edited, Image, SearchPathKind, StripLevel, SymbolFacts};

use crate::elf_facts::{fixtures, inspect};
use crate::support::fixture;

/// Builds, fixtures of all machines and linkers: folder by folder the same four files.
pub(crate) const MACHINES: [&str; 13] = [
    "x86_64",
    "i686",
    "armv7l",
    "aarch64",
    "ppc64le",
    "ppc64",
    "s390x",
    "riscv64",
    "loongarch64",
    "x86_64-lld",
    "x86_64-musl",
    "aarch64-lld",
    "arm-soft",
];
const FILES: [&str; 4] = ["libdep.so.1", "libdemo.so.1", "_demo.so", "program"];
const LONG: &str = "$ORIGIN/../a/path/that/is/longer/than/any/padding/is/likely/to/be/testpkg.libs";

pub(crate) fn edits(list: impl IntoIterator<Item = Edit>) -> EditSet {
    EditSet::new(list).unwrap()
}

pub(crate) fn edit(bytes: &[u8], list: impl IntoIterator<Item = Edit>) -> Edited {
    format::edit(bytes, &edits(list)).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(bytes: &[u8], list: impl IntoIterator<Item = Edit>) -> ErrorKind {
    format::edit(bytes, &edits(list)).unwrap_err().kind()
}

pub(crate) fn search_path(path: &str) -> Edit {
    Edit::SetSearchPath { paths: path.split(':').map(str::to_owned).collect(), kind: None }
}

pub(crate) fn replace(from: &str, to: &str) -> Edit {
    Edit::ReplaceImport { from: from.to_owned(), to: to.to_owned() }
}

fn symbols(bytes: &[u8]) -> SymbolFacts {
    format::symbols(bytes, &inspect(bytes)).unwrap()
}

fn imports(image: &Image) -> Vec<&str> {
    image.imports.iter().map(|import| import.name.as_str()).collect()
}

fn paths(image: &Image) -> Vec<(SearchPathKind, &str)> {
    image.search_paths.iter().map(|path| (path.kind, path.path.as_str())).collect()
}

fn every() -> impl Iterator<Item = (String, Vec<u8>)> {
    MACHINES.into_iter().flat_map(|machine| {
        FILES.into_iter().map(move |file| (format!("{machine}/{file}"), fixture(&format!("elf/{machine}/{file}"))))
    })
}

/// What no edit of names changes: symbols with the names of their versions, relocations' targets aside.
fn assert_same_symbols(name: &str, before: &[u8], after: &[u8]) {
    let (before, after) = (symbols(before), symbols(after));
    assert_eq!(before.undefined, after.undefined, "{name}");
    assert_eq!(before.defined_versions, after.defined_versions, "{name}");
    assert_eq!(before.exports.len(), after.exports.len(), "{name}");
}

/// Both readers agree on names, and goblin finds every table sound.
fn assert_witnessed(name: &str, bytes: &[u8]) {
    let image = inspect(bytes);
    assert!(image.faults.is_empty(), "{name}: {:?}", image.faults);
    let witness = Witness::parse(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(witness.libraries, imports(&image), "{name}");
    assert_eq!(witness.soname, image.identity.as_deref(), "{name}");
    let seen: Vec<&str> = witness.rpaths.iter().chain(&witness.runpaths).flat_map(|path| path.split(':')).collect();
    let expected: Vec<&str> = image.search_paths.iter().map(|path| path.path.as_str()).collect();
    assert_eq!(seen, expected, "{name}");
    let facts = symbols(bytes);
    if let Some(needs) = &witness.verneed {
        let files: Vec<&str> = needs.iter().map(|need| witness.dynstrtab.get_at(need.vn_file).unwrap()).collect();
        let mut expected: Vec<&str> = facts.versions.iter().map(|version| version.library.as_str()).collect();
        expected.dedup();
        assert_eq!(files, expected, "{name}");
    }
}

/// Takes the section headers away, as some packers do.
pub fn without_sections(mut bytes: Vec<u8>) -> Vec<u8> {
    let is_64 = bytes[4] == 2;
    let (at, word, counts) = if is_64 { (40, 8, 58) } else { (32, 4, 46) };
    bytes[at..at + word].fill(0);
    bytes[counts..counts + 6].fill(0);
    bytes
}

/// Every kind of edit that fits a file, by name.
fn catalogue(image: &Image) -> Vec<(&'static str, Vec<Edit>)> {
    let first = image.imports[0].name.clone();
    let mut all = vec![
        (
            "rename",
            image.imports.iter().map(|import| replace(&import.name, &format!("{}-01234567", import.name))).collect(),
        ),
        ("add", vec![Edit::AddImport("libadded-89abcdef.so.1".to_owned())]),
        ("remove", vec![Edit::RemoveImport(first)]),
        ("set path", vec![search_path(LONG)]),
        ("remove path", vec![Edit::SetSearchPath { paths: Vec::new(), kind: None }]),
        ("runpath", vec![Edit::AddSearchPath("/opt".to_owned()), Edit::SetSearchPathKind(SearchPathKind::Runpath)]),
        ("rpath", vec![Edit::AddSearchPath("/opt".to_owned()), Edit::SetSearchPathKind(SearchPathKind::Rpath)]),
        ("stack", vec![Edit::ClearExecutableStack]),
        ("strip", vec![Edit::Strip(StripLevel::All)]),
        ("strip debug", vec![Edit::Strip(StripLevel::Debug)]),
        ("soname", vec![Edit::SetIdentity("libother-0123456789abcdef.so.1".to_owned())]),
    ];
    if image.elf().unwrap().interpreter.is_some() {
        all.push(("interpreter", vec![Edit::SetInterpreter("/opt/some/where/else/lib/ld.so.1".to_owned())]));
        all.push(("shorter interpreter", vec![Edit::SetInterpreter("/l".to_owned())]));
    }
    let strip = |(_, edits): &(&str, Vec<Edit>)| matches!(edits[0], Edit::Strip(StripLevel::All));
    let removal = |(name, _): &&(&str, Vec<Edit>)| {
        !matches!(*name, "remove" | "remove path" | "rpath" | "shorter interpreter" | "strip debug")
    };
    let mut together: Vec<Edit> = all.iter().filter(removal).flat_map(|(_, edits)| edits.clone()).collect();
    together.retain(|edit| !matches!(edit, Edit::AddSearchPath(_)));
    assert!(all.iter().any(strip));
    all.push(("all together", together));
    all
}

#[test]
fn every_edit_on_every_machine_is_read_back_by_two_readers() {
    for (file, bytes) in every() {
        let before = inspect(&bytes);
        if before.imports.is_empty() {
            continue;
        }
        for has_sections in [true, false] {
            let bytes = if has_sections { bytes.clone() } else { without_sections(bytes.clone()) };
            for (name, list) in catalogue(&before) {
                let name = format!("{file}, {name}, sections {has_sections}");
                let set = edits(list.clone());
                let edited = format::edit(&bytes, &set).unwrap_or_else(|error| panic!("{name}: {error}"));
                let after = inspect(&edited.bytes);
                let expected = |import: &str| {
                    let renamed = |edit: &Edit| matches!(edit, Edit::ReplaceImport { from, .. } if from == import);
                    let removed = list.contains(&Edit::RemoveImport(import.to_owned()));
                    let name = if list.iter().any(renamed) { format!("{import}-01234567") } else { import.to_owned() };
                    (!removed).then_some(name)
                };
                let mut names: Vec<String> =
                    before.imports.iter().filter_map(|import| expected(&import.name)).collect();
                if list.contains(&Edit::AddImport("libadded-89abcdef.so.1".to_owned())) {
                    names.push("libadded-89abcdef.so.1".to_owned());
                }
                assert_eq!(imports(&after), names, "{name}");
                if has_sections {
                    assert_witnessed(&name, &edited.bytes);
                }
                if !list.iter().any(|edit| matches!(edit, Edit::RemoveImport(_))) {
                    assert_same_symbols(&name, &bytes, &edited.bytes);
                    // The same again: the same bytes, from the input and from the result.
                    assert!(format::edit(&bytes, &set).unwrap().bytes == edited.bytes, "{name}");
                    let again = format::edit(&edited.bytes, &set).unwrap();
                    assert!(again.bytes == edited.bytes && again.changes.is_empty(), "{name}: {:?}", again.changes);
                }
            }
        }
    }
}

#[test]
fn no_edit_and_nothing_to_change_give_the_same_bytes() {
    for (name, bytes) in fixtures() {
        assert!(format::edit(&bytes, &EditSet::default()).unwrap().bytes == bytes, "{name}");
    }
    for (name, bytes) in every() {
        let image = inspect(&bytes);
        let mut list: Vec<Edit> = image.imports.iter().map(|import| replace(&import.name, &import.name)).collect();
        list.extend(image.identity.clone().map(Edit::SetIdentity));
        list.extend(image.imports.iter().map(|import| Edit::AddImport(import.name.clone())));
        list.extend(image.search_paths.iter().map(|path| Edit::AddSearchPath(path.path.clone())));
        list.push(Edit::RemoveSearchPath("/not/there".to_owned()));
        list.push(Edit::ClearExecutableStack);
        let edited = edit(&bytes, list);
        assert!(edited.bytes == bytes && edited.changes.is_empty(), "{name}: {:?}", edited.changes);
    }
}

#[test]
fn old_names_leave_no_trace() {
    let holds = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    for (name, bytes) in every() {
        let built = edit(&bytes, [search_path("/home/builder/secret/lib:$ORIGIN")]).bytes;
        assert!(holds(&built, b"/home/builder/secret"), "{name}");
        let mut list = vec![search_path("$ORIGIN/../testpkg.libs")];
        list.extend(inspect(&bytes).imports.iter().map(|import| replace(&import.name, "libother.so.9")));
        let edited = edit(&built, list).bytes;
        assert!(!holds(&edited, b"/home/builder"), "{name}");
        assert!(!holds(&edited, b"libdep.so.1\0") || name.ends_with("libdep.so.1"), "{name}");
    }
}

#[test]
fn a_longer_path_and_then_a_shorter_one_leave_the_size() {
    for (name, bytes) in every() {
        let long = edit(&bytes, [search_path(LONG)]).bytes;
        let short = edit(&long, [search_path("$ORIGIN")]).bytes;
        let again = edit(&short, [search_path(LONG)]).bytes;
        assert_eq!((long.len(), long.len()), (short.len(), again.len()), "{name}");
    }
}

#[test]
fn a_hundred_growing_edits_add_at_most_one_segment() {
    for (name, original) in every() {
        let mut bytes = original.clone();
        let mut length = 0;
        for round in 0..100 {
            let path = format!("$ORIGIN/{}", "longer/".repeat(round));
            length = path.len();
            bytes = edit(&bytes, [search_path(&path), Edit::AddImport(format!("libadded{}.so", round % 30))]).bytes;
        }
        let loads = |bytes: &[u8]| Elf::parse(bytes).unwrap().loads().count();
        assert!(loads(&bytes) <= loads(&original) + 1, "{name}");
        // .bss, .dynstr, .dynamic and the names; 100 copies would be 35 KB.
        let bound = original.len() + 2 * length + 6000;
        assert!(bytes.len() <= bound, "{name}: {} bytes became {}", original.len(), bytes.len());
        let image = inspect(&bytes);
        assert_eq!(image.imports.iter().filter(|import| import.name.starts_with("libadded")).count(), 30, "{name}");
    }
}

#[test]
fn the_search_path_keeps_its_kind_and_is_written_once() {
    let bytes = fixture("elf/x86_64/libdemo.so.1");
    let image = inspect(&bytes);
    assert_eq!(paths(&image), [(SearchPathKind::Runpath, "$ORIGIN"), (SearchPathKind::Runpath, "$ORIGIN/../lib")]);
    let kept = edit(&bytes, [search_path("/a")]).bytes;
    assert_eq!(paths(&inspect(&kept)), [(SearchPathKind::Runpath, "/a")]);
    let turned = edit(&bytes, [Edit::SetSearchPathKind(SearchPathKind::Rpath)]);
    assert_eq!(paths(&inspect(&turned.bytes)).len(), 2);
    // One word: d_tag.
    let differing = bytes.iter().zip(&turned.bytes).filter(|(old, new)| old != new).count();
    assert_eq!((differing, turned.bytes.len()), (1, bytes.len()));
    let none = edit(&fixture("elf/x86_64/libdep.so.1"), [search_path("/a")]).bytes;
    assert_eq!(paths(&inspect(&none)), [(SearchPathKind::Rpath, "/a")]);

    // Both, and one of them twice: loaders take the last DT_RUNPATH, and one entry is left.
    let entries = dynamic_entries(&bytes);
    let at = |tag: u64| entries.iter().find(|(_, entry)| *entry == tag).unwrap().0;
    let mut both = bytes.clone();
    for tag in [25_u64, 27] {
        // DT_INIT_ARRAY(SZ) 25, 27 become DT_RPATH and DT_RUNPATH with the same string.
        let (to, from) = (at(tag), at(29));
        let value = both[from + 8..from + 16].to_vec();
        both[to..to + 8].copy_from_slice(&(if tag == 25 { 15_u64 } else { 29 }).to_le_bytes());
        both[to + 8..to + 16].copy_from_slice(&value);
    }
    // The reader shows the last of a kind.
    assert_eq!(paths(&inspect(&both)).len(), 4);
    let one = edit(&both, [Edit::AddSearchPath("$ORIGIN".to_owned())]);
    assert_eq!(paths(&inspect(&one.bytes)).len(), 2);
    assert!(!one.changes.is_empty());
}

/// Offset and tag of the dynamic entries of a 64-bit little-endian file.
fn dynamic_entries(bytes: &[u8]) -> Vec<(usize, u64)> {
    let file = Elf::parse(bytes).unwrap();
    let start = usize::try_from(file.dynamic_segment().unwrap().offset).unwrap();
    let entries = file.dynamic().unwrap();
    (0..entries.len()).map(|index| (start + 16 * index, entries[index].tag as u64)).collect()
}

#[test]
fn imports_are_renamed_as_one_so_two_can_swap_their_names() {
    let bytes = fixture("elf/x86_64/program");
    let edited = edit(&bytes, [replace("libdemo.so.1", "libc.so.6"), replace("libc.so.6", "libdemo.so.1")]).bytes;
    assert_eq!(imports(&inspect(&edited)), ["libc.so.6", "libdemo.so.1"]);
    let facts = symbols(&edited);
    let of = |version: &str| facts.versions.iter().find(|need| need.version == version).unwrap().library.clone();
    assert_eq!((of("DEMO_1"), of("GLIBC_2.34")), ("libc.so.6".to_owned(), "libdemo.so.1".to_owned()));
    // Two imports that get one name are one.
    let edited = edit(&bytes, [replace("libdemo.so.1", "libx.so"), replace("libc.so.6", "libx.so")]).bytes;
    assert_eq!(imports(&inspect(&edited)), ["libx.so"]);
}

#[test]
fn an_import_that_is_not_there_is_an_error_unless_it_was_renamed_already() {
    let bytes = fixture("elf/x86_64/program");
    assert_eq!(refusal(&bytes, [replace("libnot.so", "libx.so")]), ErrorKind::Usage);
    assert_eq!(refusal(&bytes, [Edit::RemoveImport("libnot.so".to_owned())]), ErrorKind::Usage);
    assert!(edit(&bytes, [replace("libnot.so", "libc.so.6")]).bytes == bytes);
    assert_eq!(refusal(&bytes, [replace("libc.so.6", "")]), ErrorKind::Usage);
    assert_eq!(refusal(&bytes, [replace("libc.so.6", "a\0b")]), ErrorKind::Usage);
}

#[test]
fn a_removed_import_takes_its_version_needs_along() {
    for machine in MACHINES {
        let bytes = fixture(&format!("elf/{machine}/program"));
        let image = inspect(&bytes);
        let with_versions: Vec<String> = symbols(&bytes).versions.iter().map(|need| need.library.clone()).collect();
        for import in &image.imports {
            let edited = edit(&bytes, [Edit::RemoveImport(import.name.clone())]).bytes;
            assert_eq!(edited.len(), bytes.len(), "{machine}");
            assert_witnessed(machine, &edited);
            let facts = symbols(&edited);
            assert!(facts.versions.iter().all(|need| need.library != import.name), "{machine}");
            let others = with_versions.iter().filter(|library| **library != import.name).count();
            assert_eq!(facts.versions.len(), others, "{machine}");
            let before = symbols(&bytes);
            let version = |facts: &SymbolFacts, symbol: &format::Symbol| {
                symbol.version.map(|index| facts.versions[usize::from(index)].clone())
            };
            for new in &facts.undefined {
                let old = before.undefined.iter().find(|old| old.name == new.name).unwrap();
                let old_version = version(&before, old).filter(|need| need.library != import.name);
                assert_eq!(old_version, version(&facts, new), "{machine}, {}", new.name);
            }
        }
        let all = image.imports.iter().map(|import| Edit::RemoveImport(import.name.clone()));
        let edited = edit(&bytes, all).bytes;
        let after = inspect(&edited);
        assert!(after.imports.is_empty() && after.faults.is_empty(), "{machine}: {:?}", after.faults);
        assert!(symbols(&edited).versions.is_empty(), "{machine}");
    }
}

#[test]
fn a_version_need_follows_its_import_by_text() {
    // The name once for both tables, and twice: the second copy takes the place of the search path's text.
    let bytes = fixture("elf/x86_64/libdemo.so.1");
    let image = Elf::parse(&bytes).unwrap();
    let strings = image.dynamic_strings(&image.dynamic().unwrap()).unwrap();
    let text = strings.data;
    let path = text.windows(7).position(|window| window == b"$ORIGIN").unwrap();
    let needs = truewheel::format::elf::versions::needs(&image, &image.dynamic().unwrap()).unwrap();
    let libc = needs.iter().find(|need| text[need.file as usize..].starts_with(b"libc.so.6\0")).unwrap();
    let mut copy = bytes.clone();
    let at = usize::try_from(strings.offset.0).unwrap() + path;
    copy[at..at + 10].copy_from_slice(b"libc.so.6\0");
    let file = usize::try_from(libc.offset.0).unwrap() + 4;
    copy[file..file + 4].copy_from_slice(&u32::try_from(path).unwrap().to_le_bytes());
    for bytes in [bytes, copy] {
        let edited = edit(&bytes, [replace("libc.so.6", "libother.so.6")]).bytes;
        let facts = symbols(&edited);
        assert!(facts.versions.iter().any(|need| need.library == "libother.so.6"));
        assert!(facts.versions.iter().all(|need| need.library != "libc.so.6"));
    }
}

#[test]
fn a_symbol_that_shares_its_name_with_a_tail_keeps_it() {
    // Linkers store `lib` within `$ORIGIN/../lib`.
    let mut bytes = fixture("elf/x86_64/libdemo.so.1");
    let (at, name) = {
        let image = Elf::parse(&bytes).unwrap();
        let entries = image.dynamic().unwrap();
        let strings = image.dynamic_strings(&entries).unwrap();
        let end = strings.data.windows(5).position(|window| window == b"/lib\0").unwrap() + 1;
        let table = truewheel::format::elf::read::last(&entries, 6).unwrap();
        let (offset, _) = image.bytes_at(table).unwrap();
        (usize::try_from(offset.0).unwrap() + 24, u32::try_from(end).unwrap())
    };
    bytes[at..at + 4].copy_from_slice(&name.to_le_bytes());
    let names = |bytes: &[u8]| symbols(bytes).undefined.iter().any(|symbol| &*symbol.name == "lib");
    assert!(names(&bytes));
    for path in ["/x", LONG] {
        assert!(names(&edit(&bytes, [search_path(path)]).bytes));
    }
    assert!(names(&edit(&bytes, [Edit::SetSearchPath { paths: Vec::new(), kind: None }]).bytes));
}

#[test]
fn a_soname_that_a_version_table_names_too_stays_there() {
    for machine in MACHINES {
        let bytes = fixture(&format!("elf/{machine}/libdep.so.1"));
        let edited = edit(&bytes, [Edit::SetIdentity("libdep-01234567.so.1".to_owned())]).bytes;
        assert_eq!(inspect(&edited).identity.as_deref(), Some("libdep-01234567.so.1"));
        assert_eq!(symbols(&edited).defined_versions, ["DEP_1.0", "DEP_2.0"], "{machine}");
        let base = b"libdep.so.1\0";
        assert!(edited.windows(base.len()).any(|window| window == base), "{machine}: VER_FLG_BASE lost its name");
    }
}

#[test]
fn a_name_that_is_the_tail_of_one_that_is_there_costs_nothing() {
    for machine in MACHINES {
        let bytes = fixture(&format!("elf/{machine}/program"));
        let edited = edit(&bytes, [replace("libdemo.so.1", "demo.so.1")]);
        assert_eq!(edited.bytes.len(), bytes.len(), "{machine}");
        assert_eq!(imports(&inspect(&edited.bytes))[0], "demo.so.1");
    }
}

#[test]
fn names_that_only_undefined_symbols_have_survive() {
    let bytes = fixture("elf/odd/exports-nothing.so");
    assert_eq!(symbols(&bytes).exports.len(), 0);
    for has_sections in [true, false] {
        let bytes = if has_sections { bytes.clone() } else { without_sections(bytes.clone()) };
        let edited = edit(&bytes, [search_path(LONG), replace("libdep.so.1", "libdep-0123456789.so.1")]);
        assert_same_symbols("exports-nothing", &bytes, &edited.bytes);
        assert!(symbols(&edited.bytes).undefined.iter().any(|symbol| &*symbol.name == "dep_value"));
    }
}

#[test]
fn a_directory_of_the_search_path_is_replaced_where_it_stands() {
    for machine in MACHINES {
        let bytes = edit(&fixture(&format!("elf/{machine}/libdemo.so.1")), [search_path("/one:/two:/three")]).bytes;
        for (from, to, expected) in
            [("/two", "/longer/than/that", "/one:/longer/than/that:/three"), ("/one", "/three", "/two:/three")]
        {
            let list = [Edit::ReplaceSearchPath { from: from.to_owned(), to: to.to_owned() }];
            let edited = edit(&bytes, list.clone()).bytes;
            let paths: Vec<String> = inspect(&edited).search_paths.iter().map(|search| search.path.clone()).collect();
            assert_eq!(paths.join(":"), expected, "{machine}");
            assert!(edit(&edited, list).bytes == edited, "{machine}");
        }
    }
}
