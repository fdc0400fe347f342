//! PE files cut and changed at random: an error or a verified result; never a panic, never a hang.

use std::time::{Duration, Instant};

use truewheel::ErrorKind;
use truewheel::format::{self, Edit, EditSet};

use crate::pe_edit::{LONG, edits, replace};
use crate::pe_facts::fixtures;
use crate::support::pe::PeFile;
use crate::support::random::Random;

/// Sets of edits that go through every part of the editor.
fn wishes() -> Vec<EditSet> {
    let all = || [replace("dep.dll", LONG), replace("kernel32.dll", "kernel32-0123456789abcdef.dll")];
    let long = "x".repeat(250);
    [
        vec![replace("dep.dll", "d.dll")],
        vec![replace("kernel32.dll", &long), replace("dep.dll", &format!("{}.dll", "y".repeat(240)))],
        vec![replace("dep.dll", LONG), Edit::SetIdentity(long), Edit::ClearDependentLoadFlags],
        all().into_iter().chain([Edit::DelayToEager(None)]).collect(),
        vec![Edit::AddImport("other.dll!value".to_owned())],
    ]
    .into_iter()
    .map(edits)
    .collect()
}

/// Reads and edits; what comes out must be readable. A defect of the editor would be `Internal`.
fn try_all(name: &str, bytes: &[u8], wishes: &[EditSet]) -> usize {
    let mut done = 0;
    if let Ok(images) = format::inspect(bytes) {
        for image in images {
            let _ = format::symbols(bytes, &image);
        }
    }
    let _ = format::pe::named_libraries(bytes);
    for wish in wishes {
        match format::edit(bytes, wish) {
            Ok(edited) => {
                done += 1;
                assert!(format::inspect(&edited.bytes).is_ok(), "{name}: {wish:?}");
                assert!(edited.bytes.len() < bytes.len() + (1 << 20), "{name}: {wish:?}");
            }
            Err(error) => assert_ne!(error.kind(), ErrorKind::Internal, "{name}: {wish:?}: {error}"),
        }
    }
    done
}

/// Where headers and tables are.
fn places(bytes: &[u8]) -> Vec<usize> {
    let file = PeFile::new(bytes);
    let mut places = vec![0, 0x18, 0x3c, file.header(), file.header() + 24, file.header() + 60];
    places.extend((0..16).map(|number| file.directory(number)));
    places.extend(file.sections().iter().map(|row| row.at));
    for number in [0, 1, 2, 6, 10, 13] {
        let address = file.u32(file.directory(number));
        if address != 0 {
            places.push(file.offset(address));
        }
    }
    places.extend(file.sections().iter().filter(|row| row.raw_size > 0).map(|row| row.raw_offset as usize));
    places
}

fn files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fixtures().into_iter().filter(|(name, _)| name != "dos.exe").collect();
    let built: Vec<_> = files
        .iter()
        .filter(|(name, _)| name.ends_with("demo.dll"))
        .map(|(name, bytes)| {
            let odd = PeFile::new(bytes).bound().with_overlay(b"overlay").signed().with_checksum().without_slack();
            (format!("odd {name}"), odd.bytes)
        })
        .collect();
    files.extend(built);
    files
}

#[test]
fn a_file_cut_anywhere_is_refused_or_edited() {
    let wishes = wishes();
    for (name, bytes) in files() {
        for end in (0..bytes.len()).step_by(37) {
            try_all(&name, &bytes[..end], &wishes);
        }
    }
}

#[test]
fn thousands_of_mutations_give_an_error_or_a_verified_result() {
    let wishes = wishes();
    let mut random = Random::new(0x7065_6564_6974_2131);
    let (mut done, mut slowest) = (0, Duration::ZERO);
    for (name, bytes) in files() {
        let places = places(&bytes);
        for round in 0..250 {
            let mut mutant = bytes.clone();
            random.mutate(&mut mutant, &places);
            let start = Instant::now();
            done += try_all(&format!("{name} round {round}"), &mutant, &wishes);
            slowest = slowest.max(start.elapsed());
        }
    }
    assert!(done > 2000, "{done}");
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
}

#[test]
fn absurd_counts_are_refused_quickly() {
    let original = PeFile::new(&fixtures().into_iter().find(|(name, _)| name == "x86_64/forward.dll").unwrap().1);
    let start = Instant::now();
    let mut many = PeFile::new(&original.bytes);
    let exports = many.offset(many.u32(many.directory(0)));
    for field in [20, 24] {
        many.put_u32(exports + field, u32::MAX);
    }
    assert!(format::edit(&many.bytes, &edits([replace("dep.dll", LONG)])).is_err());
    let mut many = PeFile::new(&original.bytes);
    let count = many.header() + 6;
    many.bytes[count..count + 2].copy_from_slice(&[0xff, 0xff]);
    assert!(format::inspect(&many.bytes).is_err());
    assert!(start.elapsed() < Duration::from_secs(2));
}
