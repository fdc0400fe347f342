//! Header room: each way of making some, in order, and the refusal that leaves the file as it is.

use std::process::Command;

use truewheel::ErrorKind;
use truewheel::format::bytes::Width;
use truewheel::format::macho::{self, import_size, rpath_size};
use truewheel::format::{self, Edit};

use crate::macho_edit::{add_rpath, edit, edits, refusal, replace, rpaths};
use crate::macho_facts::one;
use crate::support::fixture;
use crate::support::macho_raw::{RawMacho, SYSTEM};

const PATH: &str = "@loader_path/libs";

/// A file with so many free bytes, and these commands that may go.
fn with_room(pad: usize, extra: &[fn(&RawMacho) -> Vec<u8>]) -> RawMacho {
    let mut spec = RawMacho { pad, ..RawMacho::default() };
    for command in extra {
        spec.commands.push(command(&spec));
    }
    spec
}

fn source_version(spec: &RawMacho) -> Vec<u8> {
    spec.command(0x2a, &[1; 8])
}

/// A table at the start of `__LINKEDIT`.
fn table(spec: &RawMacho, kind: u32, size: u32) -> Vec<u8> {
    spec.command(kind, &spec.words(&[0x1000, size]))
}

fn empty_data_in_code(spec: &RawMacho) -> Vec<u8> {
    table(spec, 0x29, 0)
}

fn data_in_code(spec: &RawMacho) -> Vec<u8> {
    table(spec, 0x29, 8)
}

fn requirements(spec: &RawMacho) -> Vec<u8> {
    table(spec, 0x2b, 0)
}

fn function_starts(spec: &RawMacho) -> Vec<u8> {
    table(spec, 0x26, 8)
}

fn padded_rpath(spec: &RawMacho) -> Vec<u8> {
    // As an editor leaves it that shortens a path in place.
    let mut command = spec.rpath("a");
    command.resize(command.len() + 32, 0);
    let size = spec.word(command.len() as u32);
    command[4..8].copy_from_slice(&size);
    command
}

fn twice(spec: &RawMacho) -> Vec<u8> {
    spec.rpath("@loader_path/twice")
}

#[test]
fn what_a_name_costs_is_told_beforehand() {
    let bytes = RawMacho::default().build();
    let free = one(&bytes).macho().unwrap().room.free();
    let after = |list: [Edit; 1]| one(&edit(&bytes, list).bytes).macho().unwrap().room.free();
    assert_eq!(free - after([add_rpath(PATH)]), rpath_size(PATH, Width::W64));
    assert_eq!(
        free - after([Edit::AddImport("@rpath/libx.dylib".to_owned())]),
        import_size("@rpath/libx.dylib", Width::W64)
    );
    let cost =
        import_size("@loader_path/../demo.dylibs/libSystem.B.dylib", Width::W64) - import_size(SYSTEM, Width::W64);
    assert_eq!(free - after([replace(SYSTEM, "@loader_path/../demo.dylibs/libSystem.B.dylib")]), cost);
    assert_eq!((import_size(SYSTEM, Width::W32), rpath_size("a", Width::W32)), (52, 16));
}

#[test]
fn what_fits_exactly_fits() {
    let size = rpath_size(PATH, Width::W64) as usize;
    let edited = edit(&with_room(size, &[]).build(), [add_rpath(PATH)]);
    assert_eq!(one(&edited.bytes).macho().unwrap().room.free(), 0);
    assert!(edited.notes.is_empty());
    assert_eq!(refusal(&with_room(size - 8, &[]).build(), [add_rpath(PATH)]).0, ErrorKind::Unsupported);
}

#[test]
fn each_rung_makes_room_only_when_it_is_needed() {
    let size = rpath_size(PATH, Width::W64) as usize;
    assert_eq!(size, 32);
    for (pad, extra, note) in [
        // Two rpaths alike: any edit of rpaths leaves one, so a name has to be what needs the room.
        (size - 16, &[source_version as fn(&RawMacho) -> Vec<u8>][..], "`LC_SOURCE_VERSION`"),
        (size - 16, &[empty_data_in_code], "`LC_DATA_IN_CODE`"),
        (size - 16, &[requirements], "`LC_DYLIB_CODE_SIGN_DRS`"),
        (size - 16, &[function_starts], "`LC_FUNCTION_STARTS`"),
    ] {
        let bytes = with_room(pad, extra).build();
        let edited = edit(&bytes, [add_rpath(PATH)]);
        assert_eq!(edited.notes.len(), 1, "{:?}", edited.notes);
        assert!(edited.notes[0].starts_with(&format!("{note} is dropped")), "{:?}", edited.notes);
        assert_eq!(rpaths(&one(&edited.bytes)), [PATH]);
        let fit = &macho::fit(&bytes, &edits([add_rpath(PATH)])).unwrap()[0];
        assert!(fit.fits() && fit.dropped.len() == 1 && fit.needed == fit.wanted - 16, "{fit:?}");
        // With room enough, everything stays.
        let edited = edit(&with_room(size, extra).build(), [add_rpath(PATH)]);
        assert!(edited.notes.is_empty(), "{:?}", edited.notes);
    }
}

#[test]
fn the_least_missed_goes_first_and_no_more_than_needed() {
    let all: &[fn(&RawMacho) -> Vec<u8>] = &[function_starts, requirements, empty_data_in_code, source_version];
    for (pad, dropped) in [
        (16, vec!["LC_SOURCE_VERSION"]),
        (8, vec!["LC_SOURCE_VERSION", "LC_DATA_IN_CODE"]),
        (0, vec!["LC_SOURCE_VERSION", "LC_DATA_IN_CODE"]),
    ] {
        let fit = macho::fit(&with_room(pad, all).build(), &edits([add_rpath(PATH)])).unwrap();
        assert_eq!(fit[0].dropped, dropped, "{pad}");
    }
    let long = format!("{PATH}/{}", "x".repeat(31));
    let fit = macho::fit(&with_room(0, all).build(), &edits([add_rpath(&long)])).unwrap();
    assert_eq!(fit[0].dropped.len(), 4);
    assert!(fit[0].fits());
}

#[test]
fn rpaths_alike_and_slack_go_before_any_command() {
    let longer = replace(SYSTEM, "/usr/lib/a/longer/libSystem.B.dylib");
    let edited = edit(&with_room(0, &[twice, twice, source_version]).build(), [longer.clone()]);
    assert_eq!(rpaths(&one(&edited.bytes)), ["@loader_path/twice"]);
    assert!(edited.notes.len() == 1 && edited.notes[0].contains("twice"), "{:?}", edited.notes);
    let edited = edit(&with_room(0, &[padded_rpath, source_version]).build(), [longer]);
    assert!(edited.notes.is_empty(), "{:?}", edited.notes);
    assert_eq!(rpaths(&one(&edited.bytes)), ["a"]);
}

#[test]
fn what_says_something_is_never_dropped() {
    // A table that is not empty, the UUID, and the versions stay, whatever is asked.
    let bytes = with_room(0, &[data_in_code]).build();
    let (kind, message) = refusal(&bytes, [add_rpath(PATH)]);
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(
        message.contains("bytes needed, ") && message.contains("`@loader_path/libs` takes 32 bytes more"),
        "{message}"
    );
}

#[test]
fn an_unsigned_file_for_x86_64_stays_unsigned() {
    let size = rpath_size(PATH, Width::W64) as usize;
    let edited = edit(&with_room(size, &[]).build(), [add_rpath(PATH)]);
    assert!(one(&edited.bytes).macho().unwrap().signature.is_none());
    // arm64 has to be signed, which takes 16 bytes more.
    let arm = RawMacho { pad: size, ..RawMacho::of(0x0100_000c, 0, false) };
    let (_, message) = refusal(&arm.build(), [add_rpath(PATH)]);
    assert!(
        message.contains("`arm64` slice") && message.contains("`LC_CODE_SIGNATURE` takes 16 bytes more"),
        "{message}"
    );
    let arm = RawMacho { pad: size + 16, ..arm };
    assert!(one(&edit(&arm.build(), [add_rpath(PATH)]).bytes).macho().unwrap().signature.is_some());
}

#[test]
fn bytes_that_are_no_zeros_are_no_room() {
    let spec = RawMacho::default();
    let mut bytes = spec.build();
    let end = one(&bytes).macho().unwrap().room.used as usize;
    bytes[end + 24] = 1;
    assert_eq!(refusal(&bytes, [add_rpath(PATH)]).0, ErrorKind::Unsupported);
    assert_eq!(rpaths(&one(&edit(&bytes, [add_rpath("short")]).bytes)), ["short"]);
}

#[test]
fn a_refusal_says_the_numbers_and_the_way_out_and_leaves_the_file() {
    let bytes = fixture("macho/zig-x86_64/libdemo.dylib");
    let long = "@loader_path/../a/very/long/way/to/the/libraries/of/demo.dylibs/libdep-01234567.dylib";
    let set = edits([replace("@rpath/libdep.dylib", long), add_rpath(PATH)]);
    let error = format::edit(&bytes, &set).unwrap_err();
    let fit = &macho::fit(&bytes, &set).unwrap()[0];
    assert_eq!(fit.dropped, ["LC_SOURCE_VERSION", "LC_DATA_IN_CODE", "LC_FUNCTION_STARTS"]);
    let expected = format!(
        "the `x86_64` slice has no room for its load commands: {} bytes needed even without `LC_SOURCE_VERSION`, \
         `LC_DATA_IN_CODE`, `LC_FUNCTION_STARTS`, {} available: `{long}` takes 64 bytes more, `{PATH}` takes 32 bytes more",
        fit.needed, fit.available
    );
    assert_eq!(error.message(), expected);
    assert!(error.hints()[0].contains("-Wl,-headerpad_max_install_names"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libdemo.dylib");
    std::fs::write(&path, &bytes).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_truewheel"))
        .arg("edit")
        .arg(&path)
        .args(["--in-place", "--replace-import", &format!("@rpath/libdep.dylib={long}")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("headerpad_max_install_names"));
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn one_slice_without_room_keeps_all_from_being_written() {
    let roomy = RawMacho::of(0x0100_000c, 0, false).build();
    let full = with_room(0, &[]).build();
    let bytes = crate::support::macho_raw::universal(&[&roomy, &full], 14);
    let (_, message) = refusal(&bytes, [add_rpath(PATH)]);
    assert!(message.contains("`x86_64` slice"), "{message}");
    // What concerns the other slice alone is no trouble.
    let spec = RawMacho::of(0x0100_000c, 0, false);
    let other = spec.clone().with(spec.dylib(0xc, "/only/here.dylib")).build();
    let bytes = crate::support::macho_raw::universal(&[&other, &full], 14);
    edit(&bytes, [replace("/only/here.dylib", "@loader_path/../lib/here.dylib")]);
}
