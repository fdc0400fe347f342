//! ELF editing of hostile files: an error or a verified result; never a panic, never a hang.

use std::time::{Duration, Instant};

use truewheel::format::elf::read::Elf;
use truewheel::format::{self, Edit, EditSet, SearchPathKind, StripLevel};

use crate::elf_edit::search_path;
use crate::elf_facts::fixtures;
use crate::support::random::Random;

/// Sets of edits that go through every part of the editor.
fn wishes() -> Vec<EditSet> {
    let long = || search_path(&"$ORIGIN/../some/long/path".repeat(9));
    let many = (0..60).map(|index| Edit::AddImport(format!("libadded-with-a-name{index}.so")));
    [
        vec![long(), Edit::SetIdentity("libother.so.2".to_owned())],
        vec![Edit::RemoveImport("libc.so.6".to_owned()), Edit::SetSearchPathKind(SearchPathKind::Runpath)],
        vec![Edit::ReplaceImport { from: "libc.so.6".to_owned(), to: "libc-0123456789abcdef.so.6".to_owned() }],
        many.collect(),
        vec![Edit::Strip(StripLevel::All), long()],
        vec![Edit::Strip(StripLevel::Debug), Edit::ClearExecutableStack],
        vec![Edit::SetInterpreter("/a/longer/interpreter/than/any/that/is/there/ld.so.1".to_owned())],
    ]
    .into_iter()
    .map(|list| EditSet::new(list).unwrap())
    .collect()
}

/// Where headers, the dynamic section, strings and version tables are.
fn places(bytes: &[u8]) -> Vec<usize> {
    let mut places = vec![0, 16, 32, 48];
    if let Ok(file) = Elf::parse(bytes) {
        let at = |offset: u64| usize::try_from(offset).unwrap_or(0);
        let size = file.header.segment_size();
        places.extend((0..file.segments.len() as u64).map(|index| at(file.header.program_headers.0 + index * size)));
        let size = file.header.section_size();
        places.extend((0..file.sections.len() as u64).map(|index| at(file.header.section_headers.0 + index * size)));
        if let Some(dynamic) = file.dynamic_segment() {
            places.extend((0..dynamic.file_size / 16).map(|index| at(dynamic.offset + index * 16)));
        }
        let tables = file.sections.iter().filter(|section| section.flags & 2 != 0 && section.size < 4096);
        places.extend(tables.map(|section| at(section.offset)));
    }
    places.retain(|place| *place < bytes.len());
    places
}

/// Edits; what comes out must be readable and lead to itself.
fn try_all(name: &str, bytes: &[u8], wishes: &[EditSet]) -> usize {
    let mut done = 0;
    for wish in wishes {
        let Ok(edited) = format::edit(bytes, wish) else { continue };
        done += 1;
        assert!(format::inspect(&edited.bytes).is_ok(), "{name}: {wish:?}");
        assert!(edited.bytes.len() < bytes.len() + (11 << 20), "{name}: {wish:?}");
    }
    done
}

#[test]
fn a_file_cut_anywhere_is_refused_or_edited() {
    let wishes = wishes();
    for (name, bytes) in fixtures() {
        for end in (0..bytes.len()).step_by(64) {
            try_all(&name, &bytes[..end], &wishes);
        }
    }
}

#[test]
fn thousands_of_mutations_give_an_error_or_a_verified_result() {
    let wishes = wishes();
    let mut random = Random::new(0x656c_6665_6469_7431);
    let (mut done, mut slowest) = (0, Duration::ZERO);
    for (name, bytes) in fixtures() {
        let places = places(&bytes);
        for _ in 0..60 {
            let mut mutant = bytes.clone();
            random.mutate(&mut mutant, &places);
            let start = Instant::now();
            done += try_all(&name, &mutant, &wishes);
            slowest = slowest.max(start.elapsed());
        }
    }
    assert!(done > 2000, "mutations hardly ever left a file that can be edited: {done}");
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
}
