//! PE editing: where new names go, what moves with them, and what stays as it was.

use truewheel::ErrorKind;
use truewheel::format::pe::Checksum;
use truewheel::format::{self, Edit, EditSet, Edited, ImportKind};

use crate::pe_facts::{fixtures, inspect, pe};
use crate::support::pe::{PeFile, dump};

/// Longer than any padding of the fixtures.
pub(crate) const LONG: &str = "dep-0123456789abcdef0123456789abcdef.dll";

pub(crate) fn edits(list: impl IntoIterator<Item = Edit>) -> EditSet {
    EditSet::new(list).unwrap()
}

pub(crate) fn replace(from: &str, to: &str) -> Edit {
    Edit::ReplaceImport { from: from.to_owned(), to: to.to_owned() }
}

/// Edits, and makes sure that a second run changes nothing.
pub(crate) fn edit(bytes: &[u8], list: impl IntoIterator<Item = Edit>) -> Edited {
    let wishes = edits(list);
    let edited = format::edit(bytes, &wishes).unwrap();
    let again = format::edit(&edited.bytes, &wishes).unwrap();
    assert!(again.bytes == edited.bytes && again.changes.is_empty(), "a second run changes something");
    edited
}

fn refusal(bytes: &[u8], edit: Edit) -> (ErrorKind, String) {
    let error = format::edit(bytes, &edits([edit])).unwrap_err();
    (error.kind(), error.to_string())
}

/// Renames `dep.dll` and compares everything that is read with the original, the name apart.
fn renamed(bytes: &[u8], to: &str) -> PeFile {
    let edited = edit(bytes, [replace("DEP.DLL", to)]);
    let without_sections = |text: &str| {
        let lines = text.lines().map(|line| match line.split_once(" forwarders, ") {
            Some((before, after)) => format!("{before} {}", after.split_once(',').unwrap().1),
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let expected = dump(bytes).replace("dep.dll:", &format!("{to}:"));
    assert_eq!(without_sections(&dump(&edited.bytes)), without_sections(&expected));
    PeFile { bytes: edited.bytes }
}

/// Whether the sections of the original are all there with the bytes they had.
fn assert_same_code(before: &PeFile, after: &PeFile) {
    for (old, new) in before.sections().iter().zip(after.sections()) {
        assert_eq!((old.address, old.raw_size), (new.address, new.raw_size));
        let text = |file: &PeFile, at: u32| file.bytes[at as usize..(at + old.raw_size) as usize].to_vec();
        let (one, other) = (text(before, old.raw_offset), text(after, new.raw_offset));
        let changed = one.iter().zip(&other).filter(|(one, other)| one != other).count();
        assert!(changed <= 60, "{changed} bytes of a section changed");
    }
}

#[test]
fn no_edit_gives_the_same_bytes() {
    for (name, bytes) in fixtures().iter().filter(|(name, _)| name != "dos.exe") {
        assert!(format::edit(bytes, &EditSet::default()).unwrap().bytes == *bytes, "{name}");
        if inspect(bytes).imports_name("dep.dll") {
            let same = edits([replace("dep.dll", "dep.dll"), Edit::ClearDependentLoadFlags]);
            let edited = format::edit(bytes, &same).unwrap();
            assert_eq!(edited.bytes == *bytes, !name.ends_with("config.dll"), "{name}");
        }
    }
}

#[test]
fn a_shorter_name_is_written_in_place() {
    for folder in ["x86_64", "x86", "aarch64"] {
        let bytes = pe(&format!("{folder}/demo.dll"));
        let after = renamed(&bytes, "d.dll");
        assert_eq!(after.bytes.len(), bytes.len());
        let changed = after.bytes.iter().zip(&bytes).filter(|(new, old)| new != old).count();
        assert!(changed <= 8, "{folder}: {changed}");
    }
}

#[test]
fn a_longer_name_goes_to_the_slack_of_the_section_of_imports() {
    for folder in ["x86_64", "x86", "aarch64"] {
        for name in ["demo", "ordinal", "config"] {
            let bytes = pe(&format!("{folder}/{name}.dll"));
            let after = renamed(&bytes, LONG);
            assert_eq!(after.bytes.len(), bytes.len(), "{folder}/{name}");
            assert_eq!(after.sections().len(), PeFile::new(&bytes).sections().len(), "{folder}/{name}");
            assert!(after.section(".rdata").virtual_size > PeFile::new(&bytes).section(".rdata").virtual_size);
        }
    }
}

#[test]
fn where_there_is_no_slack_a_section_is_added() {
    for folder in ["x86_64", "x86", "aarch64"] {
        let before = PeFile::new(&pe(&format!("{folder}/demo.dll"))).without_slack();
        let after = renamed(&before.bytes, LONG);
        assert_eq!(after.sections().len(), before.sections().len() + 1, "{folder}");
        assert_same_code(&before, &after);
        let new = after.section(".twheel");
        assert_eq!(after.u32(after.header() + 24 + 56), (new.address + new.virtual_size).next_multiple_of(0x1000));
        assert!(after.bytes[new.raw_offset as usize..].starts_with(LONG.as_bytes()), "{folder}");
    }
}

#[test]
fn where_the_headers_are_full_they_grow_and_every_offset_follows() {
    let full = PeFile::new(&pe("x86_64/sections.dll")).without_slack().with_full_headers();
    let before = full.with_overlay(b"overlay").with_checksum();
    let after = renamed(&before.bytes, LONG);
    assert_eq!(after.sections().len(), before.sections().len() + 1);
    assert_eq!(after.sections()[0].raw_offset, before.sections()[0].raw_offset + 0x200);
    assert_eq!(after.u32(after.header() + 24 + 60), before.u32(before.header() + 24 + 60) + 0x200);
    assert_same_code(&before, &after);
    assert!(after.bytes.ends_with(b"overlay"));
}

#[test]
fn where_the_headers_cannot_grow_the_dos_stub_makes_room() {
    let before = PeFile::new(&pe("x86_64/demo.dll")).without_slack().without_growth();
    let after = renamed(&before.bytes, LONG);
    assert_eq!((before.header() > 0x40, after.header()), (true, 0x40));
    assert_same_code(&before, &after);
    // Without a stub nothing is left to give up.
    let mut file = PeFile::new(&after.bytes).without_slack();
    let end = file.sections().last().unwrap().at + 40;
    let first = file.sections()[0].raw_offset as usize;
    file.bytes[end..first].fill(0xcc);
    let (kind, message) = refusal(&file.bytes, replace(LONG, &format!("even-longer-{LONG}")));
    assert_eq!((kind, message.contains("no room")), (ErrorKind::Unsupported, true), "{message}");
}

#[test]
fn a_signature_is_dropped_and_said_and_the_checksum_kept_true() {
    let before = PeFile::new(&pe("x86_64/demo.dll")).with_overlay(b"an overlay, 16 b").signed().with_checksum();
    let edited = edit(&before.bytes, [replace("dep.dll", LONG)]);
    assert!(edited.notes.iter().any(|note| note.contains("signature")), "{:?}", edited.notes);
    let facts = inspect(&edited.bytes).pe().unwrap().clone();
    assert_eq!((facts.signature, facts.checksum, facts.overlay), (None, Checksum::Right, 16));
    let after = PeFile { bytes: edited.bytes };
    assert_eq!(after.checksum(), after.u32(after.header() + 24 + 64));
    assert!(after.bytes.ends_with(b"an overlay, 16 b"));
    // Nothing to change: the signature stays.
    let wishes = edits([replace("dep.dll", "dep.dll"), Edit::DelayToEager(None)]);
    assert_eq!(format::edit(&before.bytes, &wishes).unwrap().bytes, before.bytes);
}

#[test]
fn symbols_and_overlay_move_with_a_new_section() {
    let before = PeFile::new(&pe("x86_64/symbols.dll")).without_slack();
    let after = renamed(&before.bytes, LONG);
    let table = |file: &PeFile| {
        let at = file.u32(file.header() + 12) as usize;
        file.bytes[at..].to_vec()
    };
    assert!(after.section(".twheel").raw_size > 0);
    assert_eq!(table(&before), table(&after));
    assert!(inspect(&after.bytes).pe().unwrap().coff_symbols > 0);
}

#[test]
fn the_debug_directory_follows_its_data() {
    let before = PeFile::new(&pe("x86_64/pdb.dll")).without_slack();
    let mut before = before;
    let end = before.sections().last().unwrap().at + 40;
    let first = before.sections()[0].raw_offset as usize;
    // No room for a section header but beyond the headers.
    assert!(end + 40 <= first);
    let debug = before.offset(before.u32(before.directory(6)));
    before.bytes[end..first].fill(0);
    let after = renamed(&before.bytes, LONG);
    let moved = after.offset(after.u32(after.directory(6)));
    assert_eq!(inspect(&after.bytes).pe().unwrap().debug[0].pdb.as_deref(), Some("pdb.pdb"));
    assert_eq!(before.bytes[debug..debug + 24], after.bytes[moved..moved + 24]);
}

#[test]
fn bound_imports_are_cleared() {
    let plain = pe("x86_64/demo.dll");
    let before = PeFile::new(&plain).bound();
    let edited = edit(&before.bytes, [replace("dep.dll", "d.dll")]);
    assert!(edited.notes.iter().any(|note| note.contains("bound")));
    assert_eq!(inspect(&edited.bytes).pe().unwrap().bound_imports, [] as [&str; 0]);
    let unbound = edit(&plain, [replace("dep.dll", "d.dll")]);
    assert!(edited.bytes == unbound.bytes, "it is as if it had never been bound");
}

#[test]
fn forwarders_are_renamed_with_the_directory_they_stand_in() {
    for folder in ["x86_64", "x86", "aarch64"] {
        let bytes = pe(&format!("{folder}/forward.dll"));
        for (to, text) in [("d.dll", "d"), (LONG, "dep-0123456789abcdef0123456789abcdef"), ("a.b.dll", "a.b.dll")] {
            let after = renamed(&bytes, to);
            let text = format!("{text}.dep_value\0");
            assert!(after.bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{folder} {to}");
        }
    }
    let (kind, _) = refusal(&pe("x86_64/forward.dll"), replace("dep.dll", "dep"));
    assert_eq!(kind, ErrorKind::Unsupported);
}

#[test]
fn a_library_s_own_name_is_set() {
    for name in ["x86_64/dep.dll", "x86/forward.dll", "aarch64/demo.dll"] {
        let bytes = pe(name);
        let edited = edit(&bytes, [Edit::SetIdentity(LONG.to_owned())]);
        assert_eq!(inspect(&edited.bytes).identity.as_deref(), Some(LONG), "{name}");
        assert_eq!(dump(&bytes).lines().nth(1), dump(&edited.bytes).lines().nth(1), "{name}");
    }
    let both = edit(&pe("x86_64/forward.dll"), [Edit::SetIdentity(LONG.to_owned()), replace("dep.dll", LONG)]);
    assert_eq!(inspect(&both.bytes).identity.as_deref(), Some(LONG));
    assert_eq!(refusal(&pe("x86_64/load.exe"), Edit::SetIdentity("a".to_owned())).0, ErrorKind::Unsupported);
}

#[test]
fn a_delay_import_is_bound_at_load_and_renamed_at_once() {
    let bytes = pe("x86_64/delay.dll");
    let kinds = |bytes: &[u8]| {
        let image = inspect(bytes);
        image.imports.iter().map(|import| (import.name.clone(), import.kind)).collect::<Vec<_>>()
    };
    assert!(kinds(&bytes).contains(&("dep.dll".to_owned(), ImportKind::Delay)));
    for list in [
        vec![Edit::DelayToEager(None), replace("dep.dll", LONG)],
        vec![Edit::DelayToEager(Some("DEP.dll".to_owned())), replace("dep.dll", LONG)],
    ] {
        let edited = edit(&bytes, list);
        assert!(kinds(&edited.bytes).contains(&(LONG.to_owned(), ImportKind::Needed)));
        assert!(kinds(&edited.bytes).iter().all(|(_, kind)| *kind == ImportKind::Needed));
        assert_eq!(inspect(&edited.bytes).pe().unwrap().eager_delays, [LONG]);
    }
    let again = edit(&bytes, [Edit::DelayToEager(None)]);
    assert_eq!(again.changes.len(), 1);
    let other = Edit::DelayToEager(Some("other.dll".to_owned()));
    assert_eq!(refusal(&bytes, other).0, ErrorKind::Usage);
}

#[test]
fn a_delay_import_whose_table_cannot_be_written_is_refused() {
    let mut file = PeFile::new(&pe("x86_64/delay.dll"));
    let delayed = file.offset(file.u32(file.directory(13)));
    let table = file.u32(delayed + 12);
    let row = file.sections().into_iter().rev().find(|row| row.address <= table).unwrap();
    let flags = file.u32(row.at + 36);
    file.put_u32(row.at + 36, flags & !0x8000_0000);
    let (kind, message) = refusal(&file.bytes, Edit::DelayToEager(None));
    assert_eq!((kind, message.contains("cannot be written")), (ErrorKind::Unsupported, true), "{message}");
}

#[test]
fn a_delay_import_whose_table_is_protected_is_refused() {
    let file = PeFile::new(&pe("x86_64/delay.dll")).protecting_delay_imports();
    let (kind, message) = refusal(&file.bytes, Edit::DelayToEager(None));
    assert_eq!((kind, message.contains("/guard:cf")), (ErrorKind::Unsupported, true), "{message}");
    // Its names can be changed, and stay delayed.
    let image = inspect(&edit(&file.bytes, [replace("dep.dll", LONG)]).bytes);
    assert!(image.imports.iter().any(|import| import.name == LONG && import.kind == ImportKind::Delay));
}

#[test]
fn an_import_is_added_with_a_function() {
    // By its name, or by its number.
    let machines = ["x86_64", "x86", "aarch64"].into_iter();
    for (folder, function) in machines.flat_map(|folder| [(folder, "other_value"), (folder, "#7")]) {
        let bytes = pe(&format!("{folder}/demo.dll"));
        let edited = edit(&bytes, [Edit::AddImport(format!("other.dll!{function}"))]);
        let image = inspect(&edited.bytes);
        assert!(image.imports_name("other.dll"));
        let index = image.imports.iter().position(|import| import.name == "other.dll").unwrap() as u16;
        let symbols = format::symbols(&edited.bytes, &image).unwrap();
        let of = |symbol: &&truewheel::format::Symbol| symbol.import == Some(index);
        assert_eq!(symbols.undefined.iter().filter(of).map(|symbol| &*symbol.name).collect::<Vec<_>>(), [function]);
    }
    let (kind, message) = refusal(&pe("x86_64/demo.dll"), Edit::AddImport("other.dll".to_owned()));
    assert_eq!((kind, message.contains("names no function")), (ErrorKind::Unsupported, true), "{message}");
}

#[test]
fn dependent_load_flags_are_cleared() {
    for folder in ["x86_64", "x86", "aarch64"] {
        let edited = edit(&pe(&format!("{folder}/config.dll")), [Edit::ClearDependentLoadFlags]);
        assert_eq!(inspect(&edited.bytes).pe().unwrap().dependent_load_flags, 0);
    }
}

#[test]
fn what_pe_files_have_not_is_refused() {
    let bytes = pe("x86_64/demo.dll");
    for edit in [
        Edit::AddSearchPath("a".to_owned()),
        Edit::SetSearchPath { paths: vec!["a".to_owned()], kind: None },
        Edit::SetInterpreter("a".to_owned()),
        Edit::ClearExecutableStack,
        Edit::Sign,
        Edit::RemoveImport("dep.dll".to_owned()),
    ] {
        assert_eq!(refusal(&bytes, edit.clone()).0, ErrorKind::Unsupported, "{edit}");
    }
    for edit in [
        replace("absent.dll", "other.dll"),
        replace("dep.dll", ""),
        replace("dep.dll", "d\u{e4}p.dll"),
        replace("dep.dll", &"d".repeat(300)),
        Edit::RemoveImport("absent.dll".to_owned()),
    ] {
        assert_eq!(refusal(&bytes, edit.clone()).0, ErrorKind::Usage, "{edit}");
    }
    assert_eq!(refusal(&pe("dos.exe"), replace("a", "b")).0, ErrorKind::Unsupported);
}

#[test]
fn files_with_code_of_two_machines_get_new_names_where_no_header_moves() {
    for folder in ["x86_64", "aarch64"] {
        let file = || PeFile::new(&pe(&format!("{folder}/config.dll"))).hybrid();
        for odd in [file(), file().without_slack(), file().with_full_headers().without_slack()] {
            renamed(&odd.bytes, "d.dll");
            renamed(&odd.bytes, LONG);
            assert_eq!(refusal(&odd.bytes, Edit::AddImport("a.dll!b".to_owned())).0, ErrorKind::Unsupported);
        }
        let full = file().without_growth().without_slack();
        let (kind, message) = refusal(&full.bytes, replace("dep.dll", LONG));
        assert_eq!((kind, message.contains("its headers cannot move")), (ErrorKind::Unsupported, true), "{message}");
    }
}

#[test]
fn what_the_loader_of_an_arm64x_file_overwrites_stays_as_it_is() {
    let file = || PeFile::new(&pe("aarch64/config.dll")).hybrid().without_slack();
    let header = file().header() as u32;
    // The machine, which the loader makes x64's.
    renamed(&file().patched_at_load(header + 4).bytes, LONG);
    // The number of sections.
    let (kind, message) = refusal(&file().patched_at_load(header + 6).bytes, replace("dep.dll", LONG));
    assert_eq!((kind, message.contains("what the loader patches")), (ErrorKind::Unsupported, true), "{message}");
    let mut unknown = file().patched_at_load(header + 4);
    let table = unknown.section(".data").raw_offset as usize + 0x180;
    unknown.put_u32(table, 2);
    let (kind, message) = refusal(&unknown.bytes, replace("dep.dll", LONG));
    assert_eq!((kind, message.contains("version 2")), (ErrorKind::Unsupported, true), "{message}");
}

#[test]
fn a_file_that_windows_loads_only_with_its_signature_is_refused() {
    let mut file = PeFile::new(&pe("x86_64/demo.dll")).signed();
    let at = file.header() + 24 + 70;
    file.bytes[at] |= 0x80;
    assert_eq!(refusal(&file.bytes, replace("dep.dll", "d.dll")).0, ErrorKind::Unsupported);
}

#[test]
fn two_imports_swap_their_names() {
    let bytes = pe("x86_64/demo.dll");
    let swap = edits([replace("dep.dll", "kernel32.dll"), replace("kernel32.dll", "dep.dll")]);
    let edited = format::edit(&bytes, &swap).unwrap();
    let names = |bytes: &[u8]| inspect(bytes).imports.iter().map(|import| import.name.clone()).collect::<Vec<_>>();
    let (mut before, after) = (names(&bytes), names(&edited.bytes));
    before.reverse();
    assert!(before.iter().zip(&after).all(|(one, other)| one.eq_ignore_ascii_case(other)), "{before:?} {after:?}");
}
