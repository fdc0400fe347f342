//! ELF editing of odd files: what is refused, what hides behind the headers, what the loader is told of stack and
//! interpreter, and what stripping leaves.

use truewheel::ErrorKind;
use truewheel::format::elf::Stack;
use truewheel::format::elf::read::{Elf, Section};
use truewheel::format::{self, Edit, SearchPathKind, StripLevel};

use crate::elf_edit::{MACHINES, edit, edits, replace, search_path};
use crate::elf_facts::inspect;
use crate::support::fixture;

const LONG: &str = "$ORIGIN/../a/path/that/is/longer/than/any/padding/is/likely/to/be/testpkg.libs";

fn refusal(bytes: &[u8], edit: Edit) -> ErrorKind {
    format::edit(bytes, &edits([edit])).unwrap_err().kind()
}

fn section<'a>(file: &'a Elf<'_>, name: &str) -> Option<&'a Section> {
    file.sections.iter().find(|section| file.section_name(section) == name.as_bytes())
}

fn content(bytes: &[u8], name: &str) -> Option<Vec<u8>> {
    let file = Elf::parse(bytes).unwrap();
    let section = section(&file, name)?;
    Some(file.bytes.slice(section.offset, section.size).unwrap().to_vec())
}

/// Offset of a program header of a 64-bit little-endian file, by its type.
fn program_header(bytes: &[u8], kind: u32) -> usize {
    let file = Elf::parse(bytes).unwrap();
    let index = file.segments.iter().position(|segment| segment.kind == kind).unwrap();
    usize::try_from(file.header.program_headers.0).unwrap() + 56 * index
}

const PT_NULL: u32 = 0;
const PT_NOTE: u32 = 4;
const PT_GNU_STACK: u32 = 0x6474_e551;
const PT_GNU_PROPERTY: u32 = 0x6474_e553;

#[test]
fn what_cannot_be_edited_is_refused() {
    for name in ["object.o", "static", "static-pie", "companion.debug"] {
        let bytes = fixture(&format!("elf/odd/{name}"));
        for edit in [search_path("$ORIGIN"), Edit::SetIdentity("a.so".to_owned()), Edit::AddImport("b.so".to_owned())] {
            assert_eq!(refusal(&bytes, edit), ErrorKind::Unsupported, "{name}");
        }
    }
    for name in ["object.o", "companion.debug"] {
        let bytes = fixture(&format!("elf/odd/{name}"));
        assert_eq!(refusal(&bytes, Edit::Strip(StripLevel::All)), ErrorKind::Unsupported, "{name}");
    }
    let library = fixture("elf/x86_64/libdep.so.1");
    assert_eq!(refusal(&library, Edit::SetInterpreter("/lib/ld.so".to_owned())), ErrorKind::Unsupported);
    assert_eq!(format::edit(b"MZ", &edits([search_path("a")])).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn sections_that_contradict_the_segments_are_refused() {
    let bytes = fixture("elf/x86_64/libdemo.so.1");
    let file = Elf::parse(&bytes).unwrap();
    let index = file.sections.iter().position(|section| section.kind == 6).unwrap();
    let header = usize::try_from(file.header.section_headers.0).unwrap() + 64 * index;
    for field in [16, 24, 32] {
        let mut bytes = bytes.clone();
        bytes[header + field] = bytes[header + field].wrapping_add(16);
        assert_eq!(refusal(&bytes, search_path("$ORIGIN")), ErrorKind::Unsupported, "field at {field}");
    }
}

#[test]
fn a_dynamic_section_without_end_is_refused() {
    let mut bytes = fixture("elf/x86_64/libdemo.so.1");
    let file = Elf::parse(&bytes).unwrap();
    let segment = *file.dynamic_segment().unwrap();
    let (start, end) = (segment.offset as usize, (segment.offset + segment.file_size) as usize);
    let used = file.dynamic().unwrap().len();
    for entry in (start + 16 * used..end).step_by(16) {
        bytes[entry] = 21;
    }
    assert!(format::edit(&bytes, &edits([search_path("$ORIGIN")])).is_err());
}

#[test]
fn a_spare_entry_is_used_and_else_one_that_says_nothing_new() {
    // bfd leaves spare entries, lld none: there DT_RELACOUNT goes, or the dynamic section moves and it is said.
    for machine in ["x86_64", "ppc64", "s390x"] {
        let bytes = fixture(&format!("elf/{machine}/libdep.so.1"));
        let added = edit(&bytes, [Edit::AddImport("liba.so".to_owned()), Edit::AddImport("libb.so".to_owned())]);
        let place = |bytes: &[u8]| Elf::parse(bytes).unwrap().dynamic_segment().unwrap().address;
        assert_eq!(place(&bytes), place(&added.bytes), "{machine}: {:?}", added.notes);
    }
    let bytes = fixture("elf/x86_64-lld/_demo.so");
    let file = Elf::parse(&bytes).unwrap();
    let counted = file.dynamic().unwrap().iter().any(|entry| entry.tag == 0x6fff_fff9);
    let one = edit(&bytes, [Edit::AddImport("liba.so".to_owned())]);
    assert_eq!(one.notes.iter().any(|note| note.contains("RELRO")), !counted);
    let many = edit(&bytes, (0..4).map(|index| Edit::AddImport(format!("lib{index}.so"))));
    assert!(many.notes.iter().any(|note| note.contains("left RELRO")), "{:?}", many.notes);
    // Having moved, it has room for more.
    let more = edit(&many.bytes, (4..8).map(|index| Edit::AddImport(format!("lib{index}.so"))));
    assert!(more.notes.is_empty(), "{:?}", more.notes);
}

#[test]
fn an_offset_from_a_dynamic_entry_to_the_debug_pointer_follows_its_entry() {
    // DT_MIPS_RLD_MAP_REL is relative to its own place; the entry stands behind the imports.
    let mut bytes = fixture("elf/x86_64/program");
    let file = Elf::parse(&bytes).unwrap();
    let index = file.dynamic().unwrap().iter().position(|entry| entry.tag == 21).unwrap();
    let at = usize::try_from(file.dynamic_segment().unwrap().offset).unwrap() + 16 * index;
    bytes[at..at + 8].copy_from_slice(&0x7000_0035_u64.to_le_bytes());
    bytes[at + 8..at + 16].copy_from_slice(&0x1000_u64.to_le_bytes());
    let edited = edit(&bytes, [Edit::AddImport("libadded.so".to_owned())]).bytes;
    let entries = Elf::parse(&edited).unwrap().dynamic().unwrap();
    let now = entries.iter().position(|entry| entry.tag == 0x7000_0035).unwrap();
    assert_eq!(now, index + 1);
    assert_eq!(entries[now].value, 0x1000 - 16);
}

#[test]
fn tables_behind_the_strings_move_with_their_headers_and_section_symbols() {
    let bytes = fixture("elf/x86_64/libdemo.so.1");
    let edited = edit(&bytes, [search_path(LONG)]).bytes;
    assert_eq!(edited.len(), bytes.len());
    let (old, new) = (Elf::parse(&bytes).unwrap(), Elf::parse(&edited).unwrap());
    let moved = section(&new, ".gnu.version_r").unwrap().address - section(&old, ".gnu.version_r").unwrap().address;
    assert!(moved > 0 && moved.is_multiple_of(16));
    for name in [".gnu.version", ".rela.dyn", ".rela.plt"] {
        assert_eq!(section(&new, name).unwrap().address, section(&old, name).unwrap().address + moved, "{name}");
        assert_eq!(content(&bytes, name), content(&edited, name), "{name}");
    }
    assert_eq!(section(&new, ".text").unwrap().address, section(&old, ".text").unwrap().address);
}

#[test]
fn page_sizes_stay_those_of_the_machine() {
    for machine in MACHINES {
        for file in ["libdep.so.1", "program"] {
            let bytes = fixture(&format!("elf/{machine}/{file}"));
            let list = (0..40).map(|index| Edit::AddImport(format!("libadded-with-a-long-name{index}.so")));
            let edited = edit(&bytes, list).bytes;
            let largest = |bytes: &[u8]| Elf::parse(bytes).unwrap().loads().map(|load| load.align).max();
            assert_eq!(largest(&bytes), largest(&edited), "{machine}");
            for load in Elf::parse(&edited).unwrap().loads() {
                assert_eq!(load.address % load.align, load.offset % load.align, "{machine}");
            }
        }
    }
}

/// A library whose `.bss` is that large.
fn with_bss(bytes: &[u8], size: u64) -> Vec<u8> {
    let file = Elf::parse(bytes).unwrap();
    let load = file.segments.iter().rposition(|segment| segment.kind == 1).unwrap();
    let bss = file.sections.iter().position(|section| section.kind == 8).unwrap();
    let (segment, section) = (file.segments[load], file.sections[bss]);
    let header = usize::try_from(file.header.program_headers.0).unwrap() + 56 * load;
    let section_header = usize::try_from(file.header.section_headers.0).unwrap() + 64 * bss;
    let memory = section.address - segment.address + size;
    let mut bytes = bytes.to_vec();
    bytes[header + 40..header + 48].copy_from_slice(&memory.to_le_bytes());
    bytes[section_header + 32..section_header + 40].copy_from_slice(&size.to_le_bytes());
    bytes
}

#[test]
fn a_small_bss_is_written_out_and_a_large_one_is_not() {
    let many = || (0..300).map(|index| Edit::AddImport(format!("libadded-with-a-long-name{index}.so")));
    let bytes = fixture("elf/x86_64/libdemo.so.1");
    for (size, segments) in [(2000, 0), (6 << 20, 1)] {
        let bytes = with_bss(&bytes, size);
        let edited = edit(&bytes, many());
        let loads = |bytes: &[u8]| Elf::parse(bytes).unwrap().loads().count();
        assert_eq!(loads(&edited.bytes), loads(&bytes) + segments, ".bss of {size} bytes");
        assert!(edited.bytes.len() < bytes.len() + 64 * 1024);
        assert_eq!(edited.notes.iter().any(|note| note.contains(".bss")), segments == 0);
        // The table of program headers is where it was, and so are notes that did not have to move.
        let at = |bytes: &[u8]| Elf::parse(bytes).unwrap().header.program_headers;
        assert_eq!(at(&edited.bytes), at(&bytes));
        let facts = |bytes: &[u8]| inspect(bytes).elf().unwrap().build_id.clone();
        assert_eq!(facts(&edited.bytes), facts(&bytes));
        assert_eq!(inspect(&edited.bytes).imports.len(), inspect(&bytes).imports.len() + 300);
        // The next edit needs no other segment.
        let again = edit(&edited.bytes, [search_path(&LONG.repeat(20))]);
        assert_eq!(loads(&again.bytes), loads(&edited.bytes));
    }
}

#[test]
fn notes_move_as_one_and_loaders_still_find_branch_protection() {
    let bytes = fixture("elf/odd/aarch64-bti.so");
    let before = inspect(&bytes).elf().unwrap().clone();
    assert!(before.properties.aarch64_features.is_some_and(|features| features & 1 != 0));
    let bytes = with_bss_segment(&bytes);
    let edited = edit(&bytes, (0..60).map(|index| Edit::AddImport(format!("libadded{index}.so"))));
    let after = inspect(&edited.bytes);
    assert_eq!(after.elf().unwrap().properties, before.properties);
    assert_eq!(after.elf().unwrap().build_id, before.build_id);
    assert!(after.faults.is_empty(), "{:?}", after.faults);
}

/// Gives the last segment more memory than is worth writing out.
fn with_bss_segment(bytes: &[u8]) -> Vec<u8> {
    let file = Elf::parse(bytes).unwrap();
    let load = file.segments.iter().rposition(|segment| segment.kind == 1).unwrap();
    let header = usize::try_from(file.header.program_headers.0).unwrap() + 56 * load;
    let mut bytes = bytes.to_vec();
    bytes[header + 40..header + 48].copy_from_slice(&(11_u64 << 20).to_le_bytes());
    bytes
}

#[test]
fn the_interpreter_may_be_shorter_equal_or_longer() {
    for machine in MACHINES {
        let bytes = fixture(&format!("elf/{machine}/program"));
        let present = inspect(&bytes).elf().unwrap().interpreter.clone().unwrap();
        let equal = format!("/x{}", &present[2..]);
        for name in ["/a", &equal, &format!("/opt/tools{present}"), &format!("/{}", "long/".repeat(60))] {
            let edited = edit(&bytes, [Edit::SetInterpreter(name.to_owned())]).bytes;
            assert_eq!(inspect(&edited).elf().unwrap().interpreter.as_deref(), Some(name), "{machine}");
            let file = Elf::parse(&edited).unwrap();
            let segment = file.segments.iter().find(|segment| segment.kind == 3).unwrap();
            assert_eq!(segment.file_size, name.len() as u64 + 1);
            assert_eq!(section(&file, ".interp").unwrap().size, segment.file_size, "{machine}");
            assert!(segment.file_size == segment.memory_size);
            let back = edit(&edited, [Edit::SetInterpreter(present.clone())]).bytes;
            assert_eq!(inspect(&back).elf().unwrap().interpreter.as_deref(), Some(present.as_str()));
            assert_eq!(back.len(), edited.len(), "{machine}");
        }
        assert_eq!(refusal(&bytes, Edit::SetInterpreter("/x".repeat(4000))), ErrorKind::Usage);
    }
}

#[test]
fn the_stack_is_made_safe_with_or_without_its_header() {
    let executable = fixture("elf/odd/execstack.so");
    let stack = |bytes: &[u8]| inspect(bytes).elf().unwrap().stack;
    assert_eq!(stack(&executable), Stack::Executable);
    let edited = edit(&executable, [Edit::ClearExecutableStack]);
    assert_eq!(stack(&edited.bytes), Stack::Plain);
    assert_eq!(edited.bytes.len(), executable.len());
    assert_eq!(edited.changes.len(), 1);

    // The header's place is unused.
    let mut unused = executable.clone();
    let at = program_header(&unused, PT_GNU_STACK);
    unused[at..at + 56].fill(0);
    assert!(stack(&unused).is_executable());
    let edited = edit(&unused, [Edit::ClearExecutableStack]).bytes;
    assert_eq!((stack(&edited), edited.len()), (Stack::Plain, unused.len()));

    // The header's place is something else's: a note gives way, and everything is still found.
    let mut absent = fixture("elf/x86_64/libdemo.so.1");
    let at = program_header(&absent, PT_GNU_STACK);
    let tls = program_header(&absent, 7);
    absent.copy_within(tls..tls + 56, at);
    absent[tls..tls + 4].copy_from_slice(&0x6000_0001_u32.to_le_bytes());
    assert!(stack(&absent).is_executable());
    let edited = edit(&absent, [Edit::ClearExecutableStack]).bytes;
    assert_eq!(stack(&edited), Stack::Plain);
    assert_eq!(inspect(&edited).elf().unwrap().build_id, inspect(&absent).elf().unwrap().build_id);

    // Where a missing header means a safe stack there is nothing to do.
    let mut arm = fixture("elf/aarch64/libdemo.so.1");
    let at = program_header(&arm, PT_GNU_STACK);
    arm[at..at + 56].fill(0);
    assert!(edit(&arm, [Edit::ClearExecutableStack]).bytes == arm);
}

#[test]
fn stripping_takes_debug_data_and_symbols_and_nothing_else() {
    let bytes = fixture("elf/odd/debug.so");
    let names = |bytes: &[u8]| -> Vec<String> {
        let file = Elf::parse(bytes).unwrap();
        let name = |section| String::from_utf8(file.section_name(section).to_vec()).unwrap();
        file.sections.iter().map(name).collect()
    };
    assert!(names(&bytes).iter().any(|name| name == ".debug_info"));
    let debug = edit(&bytes, [Edit::Strip(StripLevel::Debug)]);
    let all = edit(&bytes, [Edit::Strip(StripLevel::All)]);
    let kept: Vec<String> = names(&bytes).into_iter().filter(|name| !name.starts_with(".debug_")).collect();
    assert_eq!(names(&debug.bytes), kept);
    let kept: Vec<String> = kept.into_iter().filter(|name| !matches!(name.as_str(), ".symtab" | ".strtab")).collect();
    assert_eq!(names(&all.bytes), kept);
    assert!(debug.bytes.len() < bytes.len() && all.bytes.len() < debug.bytes.len());
    assert!(all.changes.iter().any(|change| change.from.as_deref() == Some(".debug_info")));
    for stripped in [&debug.bytes, &all.bytes] {
        assert_eq!(inspect(stripped).elf().unwrap().build_id, inspect(&bytes).elf().unwrap().build_id);
        for name in [".text", ".rodata", ".dynsym", ".dynstr", ".data", ".comment"] {
            assert_eq!(content(stripped, name), content(&bytes, name), "{name}");
        }
        let file = goblin::elf::Elf::parse(stripped).unwrap();
        let defined = |symbols: Vec<goblin::elf::Sym>| {
            symbols.iter().all(|symbol| symbol.st_shndx >= 0xff00 || symbol.st_shndx < file.section_headers.len())
        };
        assert!(defined(file.syms.to_vec()) && defined(file.dynsyms.to_vec()));
        assert!(edit(stripped, [Edit::Strip(StripLevel::Debug)]).bytes == *stripped);
    }
    assert!(edit(&all.bytes, [Edit::Strip(StripLevel::All)]).bytes == all.bytes);
    // The static symbols that are kept still name their sections.
    let file = Elf::parse(&debug.bytes).unwrap();
    let text = file.sections.iter().position(|section| file.section_name(section) == b".text").unwrap();
    let witness = goblin::elf::Elf::parse(&debug.bytes).unwrap();
    let symbol = witness.syms.iter().find(|symbol| witness.strtab.get_at(symbol.st_name) == Some("demo_answer"));
    assert_eq!(symbol.unwrap().st_shndx, text);
}

#[test]
fn static_programs_are_stripped_too() {
    for name in ["static", "static-pie", "program-fixed"] {
        let bytes = fixture(&format!("elf/odd/{name}"));
        let edited = edit(&bytes, [Edit::Strip(StripLevel::All), Edit::ClearExecutableStack]);
        assert_eq!(content(&edited.bytes, ".text"), content(&bytes, ".text"), "{name}");
    }
}

#[test]
fn a_payload_behind_the_last_section_stays_at_the_end() {
    let payload: Vec<u8> = (0..5000_u32).map(|number| (number % 251) as u8).chain(*b"END!").collect();
    for file in ["elf/x86_64/program", "elf/odd/debug.so", "elf/aarch64/libdemo.so.1"] {
        let mut bytes = fixture(file);
        bytes.extend(&payload);
        let in_place = edit(&bytes, [search_path("$ORIGIN/a")]).bytes;
        assert_eq!(in_place.len(), bytes.len(), "{file}");
        let grown = edit(&bytes, (0..200).map(|index| Edit::AddImport(format!("libadded-with-a-name{index}.so"))));
        let stripped = edit(&bytes, [Edit::Strip(StripLevel::All)]).bytes;
        for edited in [&in_place, &grown.bytes, &stripped] {
            assert!(edited.ends_with(&payload), "{file}");
        }
        assert!(grown.notes.iter().any(|note| note.contains("behind the last section")), "{file}: {:?}", grown.notes);
    }
}

#[test]
fn numbers_that_do_not_fit_the_header_are_found_in_section_0() {
    // gABI: e_shnum 0 and e_shstrndx 0xffff mean that section 0 says it.
    let mut bytes = fixture("elf/odd/debug.so");
    let file = Elf::parse(&bytes).unwrap();
    let (table, count, names) =
        (file.header.section_headers.0 as usize, file.sections.len(), file.header.section_names);
    bytes[60..62].fill(0);
    bytes[62..64].fill(0xff);
    bytes[table + 32..table + 40].copy_from_slice(&(count as u64).to_le_bytes());
    bytes[table + 40..table + 44].copy_from_slice(&(names as u32).to_le_bytes());
    let edited = edit(&bytes, [search_path(LONG)]).bytes;
    assert_eq!(Elf::parse(&edited).unwrap().sections.len(), count);
    let stripped = edit(&bytes, [Edit::Strip(StripLevel::All)]).bytes;
    assert!(section(&Elf::parse(&stripped).unwrap(), ".text").is_some());
}

#[test]
fn a_program_header_table_elsewhere_is_found_where_the_header_says() {
    // Copies the table to the end of the first segment's page (libcrypto.so.1.1 of many wheels has one elsewhere).
    let bytes = fixture("elf/x86_64/libdemo.so.1");
    let file = Elf::parse(&bytes).unwrap();
    let first = *file.loads().next().unwrap();
    let (size, at) = (56 * file.segments.len(), (first.file_size as usize).next_multiple_of(8));
    let mut moved = bytes.clone();
    moved.copy_within(64..64 + size, at);
    moved[32..40].copy_from_slice(&(at as u64).to_le_bytes());
    let index = file.segments.iter().position(|segment| segment.kind == 1).unwrap();
    let end = ((at + size) as u64).to_le_bytes();
    let header = at + 56 * index;
    moved[header + 32..header + 40].copy_from_slice(&end);
    moved[header + 40..header + 48].copy_from_slice(&end);
    moved[64..64 + size].fill(0);
    let edited = edit(&moved, [search_path(LONG), replace("libdep.so.1", "libdep-0123456789.so.1")]).bytes;
    assert_eq!(Elf::parse(&edited).unwrap().header.program_headers.0, at as u64);
    assert_eq!(inspect(&edited).imports[0].name, "libdep-0123456789.so.1");
}

#[test]
fn conversion_and_strip_and_names_are_one_layout() {
    let bytes = fixture("elf/odd/debug.so");
    let list = [
        Edit::Strip(StripLevel::All),
        search_path("$ORIGIN/../demo.libs"),
        Edit::SetSearchPathKind(SearchPathKind::Runpath),
        replace("libdep.so.1", "libdep-01234567.so.1"),
        Edit::SetIdentity("libdebug-01234567.so".to_owned()),
    ];
    let edited = edit(&bytes, list.clone());
    assert!(edited.bytes.len() < bytes.len());
    let apart = list.into_iter().fold(bytes, |bytes, one| edit(&bytes, [one]).bytes);
    let (one, other) = (inspect(&edited.bytes), inspect(&apart));
    assert_eq!(one.imports, other.imports);
    assert_eq!(one.search_paths, other.search_paths);
    assert_eq!(one.identity, other.identity);
}

#[test]
fn a_twin_note_gives_up_its_header_only_where_nothing_else_can_move() {
    // Text first behind the headers: nothing there can move, so the note that PT_GNU_PROPERTY repeats gives way.
    let mut bytes = fixture("elf/odd/isa-v3.so");
    let file = Elf::parse(&bytes).unwrap();
    assert!(file.segments.iter().any(|segment| segment.kind == PT_GNU_PROPERTY));
    let properties = inspect(&bytes).elf().unwrap().properties;
    let notes = |bytes: &[u8]| {
        let file = Elf::parse(bytes).unwrap();
        file.segments.iter().filter(|segment| segment.kind == PT_NOTE || segment.kind == PT_NULL).count()
    };
    let before = notes(&bytes);
    let table = usize::try_from(file.header.section_headers.0).unwrap();
    // What is first is of a type that this editor does not know.
    let first = file.sections.iter().enumerate().skip(1).min_by_key(|(_, section)| section.offset).unwrap().0;
    bytes[table + 64 * first + 4..table + 64 * first + 8].copy_from_slice(&1_u32.to_le_bytes());
    let bytes = with_bss_segment(&bytes);
    let edited = edit(&bytes, (0..200).map(|index| Edit::AddImport(format!("libadded-with-a-name{index}.so")))).bytes;
    assert_eq!(inspect(&edited).elf().unwrap().properties, properties);
    assert!(notes(&edited) <= before);
}
