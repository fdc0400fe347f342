//! Hostile Mach-O files: cut, mutated, contradictory, absurd. An error, or facts with faults, or an edit that holds.

use std::time::{Duration, Instant};

use truewheel::ErrorKind;
use truewheel::format::image::FaultKind;
use truewheel::format::macho::SignatureState;
use truewheel::format::{self, Edit, EditSet};

use crate::macho_edit::{add_rpath, edits, replace};
use crate::macho_facts::{fixtures, one};
use crate::support::fixture;
use crate::support::macho_raw::{LOAD, RawMacho, SYSTEM, universal};
use crate::support::random::Random;

/// Reads everything there is to read; returns whether the headers were sound.
fn read_all(bytes: &[u8]) -> bool {
    let Ok(images) = format::inspect(bytes) else { return false };
    for image in &images {
        let _ = format::symbols(bytes, image);
    }
    true
}

/// Edits a file; a result is read back, and an error is no defect of ours.
fn edit_any(name: &str, bytes: &[u8], set: &EditSet) -> bool {
    match format::edit(bytes, set) {
        Ok(edited) => {
            let images = format::inspect(&edited.bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            for image in images {
                let rpaths: Vec<&str> = image.search_paths.iter().map(|path| path.path.as_str()).collect();
                assert!(rpaths.contains(&"@loader_path/x"), "{name}");
                let signature = image.macho().unwrap().signature.as_ref();
                assert!(signature.is_none_or(|made| made.state == SignatureState::Valid), "{name}");
            }
            let again = format::edit(&edited.bytes, set).unwrap_or_else(|error| panic!("{name}, again: {error}"));
            assert!(again.bytes == edited.bytes, "{name}: a second edit changes something");
            true
        }
        Err(error) => {
            assert_ne!(error.kind(), ErrorKind::Internal, "{name}: {error}");
            false
        }
    }
}

fn both() -> EditSet {
    edits([add_rpath("@loader_path/x"), replace(SYSTEM, "@rpath/libSystem.dylib"), Edit::Sign])
}

#[test]
fn a_file_cut_anywhere_is_no_panic() {
    for (_, bytes) in fixtures() {
        for end in (0..bytes.len()).step_by(509) {
            read_all(&bytes[..end]);
        }
    }
    let bytes = RawMacho::default().build();
    for end in 0..bytes.len() {
        read_all(&bytes[..end]);
        let _ = format::edit(&bytes[..end], &both());
    }
}

#[test]
fn thousands_of_mutations_are_errors_or_verified_results() {
    let mut random = Random::new(0x6d61_6368);
    let (mut sound, mut edited) = (0, 0);
    for (name, bytes) in fixtures() {
        let images = format::inspect(&bytes).unwrap();
        // Universal header, the slices' headers and load commands, their ends.
        let mut places: Vec<usize> = (0..48).collect();
        for image in &images {
            let start = image.slice.start as usize;
            places.extend(start..start + image.macho().unwrap().room.used as usize);
            places.extend(image.macho().unwrap().signature.iter().map(|made| start + made.offset as usize));
        }
        for round in 0..150 {
            let mut mutant = bytes.clone();
            random.mutate(&mut mutant, &places);
            let start = Instant::now();
            sound += usize::from(read_all(&mutant));
            edited += usize::from(edit_any(&format!("{name}, round {round}"), &mutant, &both()));
            assert!(start.elapsed() < Duration::from_secs(5), "{name}, round {round}");
        }
    }
    assert!(sound > 1000 && edited > 100, "{sound} sound, {edited} edited");
}

#[test]
fn every_byte_of_the_headers_may_be_anything() {
    let spec = RawMacho::default();
    let bytes = universal(&[&spec.build(), &RawMacho::of(0x0100_000c, 0, false).build()], 12);
    let end = 0x1000 + 32 + spec.commands.concat().len() + 300;
    for at in (0..48).chain(0x1000..end) {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut mutant = bytes.clone();
            mutant[at] = value;
            read_all(&mutant);
            edit_any(&format!("byte {at:#x} is {value:#x}"), &mutant, &both());
        }
    }
}

#[test]
fn slices_that_overlap_are_refused() {
    let one = RawMacho::default().build();
    let mut bytes = universal(&[&one, &RawMacho::of(0x0100_000c, 0, false).build()], 12);
    let first = bytes[16..20].to_vec();
    bytes[36..40].copy_from_slice(&first);
    let error = format::inspect(&bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.to_string().contains("overlaps"), "{error}");
    assert!(format::edit(&bytes, &both()).is_err());
}

#[test]
fn a_universal_header_that_contradicts_its_slices_is_a_fault() {
    let mut bytes = universal(&[&RawMacho::default().build()], 12);
    bytes[8..12].copy_from_slice(&0x0100_000c_u32.to_be_bytes());
    let image = one(&bytes);
    assert_eq!(image.faults[0].kind, FaultKind::Contradiction);
    assert_eq!(image.faults[0].message, "the universal header says `arm64`, the slice `x86_64`");
}

#[test]
fn sizes_of_load_commands_are_held_to_the_header() {
    let spec = RawMacho::default();
    let first = 32 + 152 + 72;
    for (size, message) in
        [(0_u32, "has the size 0"), (4, "has the size 4"), (50, "has the size 50"), (0x10_0000, "leaves the commands")]
    {
        let mut bytes = spec.build();
        bytes[first + 4..first + 8].copy_from_slice(&size.to_le_bytes());
        let image = one(&bytes);
        assert_eq!(image.faults[0].kind, FaultKind::Truncated);
        assert!(image.faults[0].message.contains(message), "{:?}", image.faults);
        assert_eq!(format::edit(&bytes, &both()).unwrap_err().kind(), ErrorKind::Malformed);
    }
    let mut bytes = spec.build();
    bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(one(&bytes).faults[0].message.contains("begins after the end"));
    let mut bytes = spec.build();
    bytes[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(one(&bytes).faults[0].message.starts_with("load commands of 4294967295 bytes"));
    let mut bytes = spec.build();
    bytes[20..24].copy_from_slice(&0x10_0000_u32.to_le_bytes());
    assert!(one(&bytes).faults[0].message.contains("leave the file"));
}

#[test]
fn absurd_numbers_of_load_commands_take_no_time() {
    let spec = RawMacho::default();
    let mut many = spec.clone();
    many.commands.extend((0..100_000).map(|_| spec.dylib(LOAD, "/lib/same.dylib")));
    let bytes = many.build();
    let start = Instant::now();
    assert_eq!(one(&bytes).imports.len(), 100_002);
    let set = edits([replace("/lib/same.dylib", "x")]);
    assert_eq!(format::edit(&bytes, &set).unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(start.elapsed() < Duration::from_secs(5));
    many.commands.extend((0..200_000).map(|_| spec.dylib(LOAD, "/lib/same.dylib")));
    assert!(one(&many.build()).faults[0].message.starts_with("load commands of 1"));
}

#[test]
fn a_name_outside_its_command_keeps_its_place_among_the_imports() {
    let spec = RawMacho::default();
    for offset in [0_u32, 8, 11, 400, u32::MAX] {
        let mut command = spec.dylib(LOAD, "/lib/bad.dylib");
        command[8..12].copy_from_slice(&offset.to_le_bytes());
        let mut spec = spec.clone();
        spec.commands.insert(3, command);
        let bytes = spec.build();
        let image = one(&bytes);
        let names: Vec<&str> = image.imports.iter().map(|import| import.name.as_str()).collect();
        assert_eq!(names, ["", "/opt/lib/libother.dylib", SYSTEM], "{offset}");
        assert_eq!(image.faults[0].kind, FaultKind::Truncated);
        assert_eq!(format::edit(&bytes, &both()).unwrap_err().kind(), ErrorKind::Malformed);
    }
    let odd = one(&spec.clone().with(spec.dylib(LOAD, "a\u{1}b")).build());
    assert_eq!(odd.faults[0].kind, FaultKind::OddName);
}

#[test]
fn tables_that_leave_the_file_are_errors_of_the_symbols_alone() {
    let spec = RawMacho::default();
    for command in [
        spec.command(2, &spec.words(&[0x2000, 0x1000_0000, 0, 0])),
        spec.command(2, &spec.words(&[0, 0, u32::MAX, u32::MAX])),
        spec.command(0x8000_0033, &spec.words(&[0xffff_0000, 16])),
        spec.command(0x8000_0034, &spec.words(&[0, u32::MAX])),
    ] {
        let bytes = spec.clone().with(command).build();
        let image = one(&bytes);
        assert_eq!(image.imports.len(), 2);
        assert_eq!(format::symbols(&bytes, &image).unwrap_err().kind(), ErrorKind::Malformed);
    }
}

#[test]
fn an_exports_trie_that_loops_is_an_error() {
    let linkedit = vec![0, 1, b'_', b'a', 0, 0, 0, 0];
    let mut spec = RawMacho { linkedit, ..RawMacho::default() };
    let place = spec.linkedit_offset() as u32;
    spec.commands.push(spec.command(0x8000_0033, &spec.words(&[place + 16, 8])));
    let place = spec.linkedit_offset() as u32;
    let last = spec.commands.len() - 1;
    spec.commands[last] = spec.command(0x8000_0033, &spec.words(&[place, 8]));
    let bytes = spec.build();
    let error = format::symbols(&bytes, &one(&bytes)).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
}

#[test]
fn signatures_that_lie_about_themselves_are_malformed() {
    let bytes = fixture("macho/arm64/libdep.dylib");
    let at = one(&bytes).macho().unwrap().signature.as_ref().unwrap().offset as usize;
    let directory = at + u32::from_be_bytes(bytes[at + 16..at + 20].try_into().unwrap()) as usize;
    for (place, value) in [
        (at + 4, u32::MAX),
        (at + 8, u32::MAX),
        (at + 16, u32::MAX),
        (directory + 4, u32::MAX),
        (directory + 16, u32::MAX),
        (directory + 20, u32::MAX),
        (directory + 24, u32::MAX),
        (directory + 28, u32::MAX),
        (directory + 32, u32::MAX),
        (directory + 36, u32::MAX),
        // Hashes of one byte, or of two bytes of code each, would cost far more than they are worth.
        (directory + 36, 0x0102_000c),
        (directory + 36, 0x2002_0001),
    ] {
        let mut mutant = bytes.clone();
        mutant[place..place + 4].copy_from_slice(&value.to_be_bytes());
        let state = one(&mutant).macho().unwrap().signature.as_ref().unwrap().state.clone();
        assert!(matches!(state, SignatureState::Malformed(_)), "{:#x}: {state:?}", place - at);
    }
}
