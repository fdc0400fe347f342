//! Hostile ELF files: truncated, mutated, contradictory, absurd. An error or facts with faults; never a panic or a hang.

use std::time::{Duration, Instant};

use truewheel::ErrorKind;
use truewheel::format::image::FaultKind;
use truewheel::format::{self, ImageKind};

use crate::elf_facts::{fixtures, inspect};
use crate::support::elf::{Built, ElfSpec, HashSpec, SymbolSpec};

/// Reads everything there is to read; returns whether the headers were sound.
fn read_all(bytes: &[u8]) -> bool {
    let Ok(images) = format::inspect(bytes) else { return false };
    for image in &images {
        let _ = format::symbols(bytes, image);
    }
    true
}

fn faults(bytes: &[u8]) -> Vec<FaultKind> {
    inspect(bytes).faults.iter().map(|fault| fault.kind).collect()
}

fn built() -> Built {
    ElfSpec {
        soname: Some(b"liba.so.1"),
        needed: vec![b"libb.so.1"],
        runpath: Some(b"$ORIGIN"),
        defines: vec![b"A_1"],
        needs: vec![(b"libb.so.1", vec![(b"B_1", 0), (b"B_2", 0)])],
        symbols: vec![SymbolSpec::undefined(b"from_b", 3), SymbolSpec::defined(b"own", 2)],
        notes: vec![(b"GNU", 3, vec![1; 20])],
        ..ElfSpec::default()
    }
    .build_with_places()
}

/// A small generator with a fixed seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}

#[test]
fn a_file_cut_anywhere_is_no_panic() {
    for (_, bytes) in fixtures() {
        for end in (0..bytes.len()).step_by(64) {
            read_all(&bytes[..end]);
        }
    }
    let bytes = built().bytes;
    for end in 0..bytes.len() {
        read_all(&bytes[..end]);
    }
}

#[test]
fn thousands_of_mutations_are_no_panic_and_no_hang() {
    const VALUES: [u8; 6] = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
    let mut random = Random(0x7472_7565_7768_6565);
    let mut sound = 0;
    for (name, bytes) in fixtures() {
        // Where the facts are: headers at both ends, tables near the front.
        let hot = bytes.len().min(2048);
        for round in 0..150 {
            let mut mutant = bytes.clone();
            for _ in 0..=random.below(8) {
                let at = match random.below(4) {
                    0 => random.below(64.min(mutant.len())),
                    1 => mutant.len() - 1 - random.below(hot),
                    2 => random.below(mutant.len()),
                    _ => random.below(hot),
                };
                mutant[at] = match random.below(3) {
                    0 => VALUES[random.below(VALUES.len())],
                    1 => mutant[at] ^ (1 << random.below(8)),
                    _ => random.below(256) as u8,
                };
            }
            let start = Instant::now();
            sound += usize::from(read_all(&mutant));
            assert!(start.elapsed() < Duration::from_secs(2), "{name}, round {round}");
        }
    }
    // Most mutations leave the headers readable, so that what lies behind them was reached.
    assert!(sound > 5000, "{sound}");
}

#[test]
fn every_byte_of_a_small_file_may_be_anything() {
    let bytes = built().bytes;
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut mutant = bytes.clone();
            mutant[at] = value;
            read_all(&mutant);
        }
    }
}

#[test]
fn section_headers_that_leave_the_file_are_a_fault_only() {
    let mut bytes = built().bytes;
    bytes[40..48].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(faults(&bytes), [FaultKind::Truncated]);
    assert_eq!(inspect(&bytes).imports.len(), 1);
    let mut bytes = built().bytes;
    bytes[60..62].copy_from_slice(&u16::MAX.to_le_bytes());
    assert_eq!(faults(&bytes), [FaultKind::Truncated]);
}

#[test]
fn a_dynamic_section_that_sections_and_segments_place_apart_is_a_contradiction() {
    let built = built();
    let mut bytes = built.bytes.clone();
    // sh_offset of every section moves by 8: .dynamic is one of them.
    let count = u64::from(u16::from_le_bytes([bytes[60], bytes[61]]));
    for index in 0..count {
        let at = (built.section_headers + index * 64) as usize;
        if bytes[at + 4] == 6 {
            bytes[at + 24] ^= 8;
        }
    }
    assert_eq!(faults(&bytes), [FaultKind::Contradiction]);
    assert_eq!(inspect(&bytes).imports.len(), 1);
}

#[test]
fn a_dynamic_segment_with_another_offset_is_read_by_its_address() {
    let built = built();
    let mut bytes = built.bytes;
    let offset = built.dynamic.0.to_le_bytes();
    let head = (built.program_headers as usize..).step_by(56).find(|at| bytes[*at] == 2).unwrap();
    assert_eq!(bytes[head + 8..head + 16], offset);
    bytes[head + 8..head + 16].copy_from_slice(&8_u64.to_le_bytes());
    assert!(faults(&bytes).contains(&FaultKind::Contradiction));
    assert_eq!(inspect(&bytes).imports[0].name, "libb.so.1");
}

#[test]
fn a_dynamic_section_without_end_gives_its_names_and_a_fault() {
    let spec = ElfSpec { needed: vec![b"libb.so.1"], is_terminated: false, ..ElfSpec::default() };
    let image = inspect(&spec.build());
    assert_eq!(image.faults[0].kind, FaultKind::Truncated);
    assert_eq!(image.imports.len(), 1);
}

#[test]
fn a_name_outside_the_strings_is_left_out_and_stated() {
    let spec = ElfSpec { needed: vec![b"libb.so.1"], entries: vec![(1, 1 << 40), (14, 0xffff)], ..ElfSpec::default() };
    let image = inspect(&spec.build());
    assert_eq!(image.imports.len(), 1);
    assert_eq!(image.identity, None);
    assert!(!image.faults.is_empty() && image.faults.iter().all(|fault| fault.kind == FaultKind::Truncated));
}

#[test]
fn strings_without_end_are_a_fault() {
    let built = built();
    let mut bytes = built.bytes;
    let (start, size) = built.strings;
    bytes[start as usize..(start + size) as usize].fill(b'x');
    let image = inspect(&bytes);
    assert!(image.imports.is_empty());
    assert!(!image.faults.is_empty());
    assert!(format::symbols(&bytes, &image).is_err());
}

#[test]
fn absurd_hash_tables_are_errors() {
    for hash in [HashSpec::Gnu, HashSpec::Sysv] {
        let spec = ElfSpec { hash, symbols: vec![SymbolSpec::defined(b"own", 1)], ..ElfSpec::default() };
        let built = spec.build_with_places();
        for word in 0..4 {
            let mut bytes = built.bytes.clone();
            let at = built.hash as usize + 4 * word;
            bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
            let image = inspect(&bytes);
            let start = Instant::now();
            if let Err(error) = format::symbols(&bytes, &image) {
                assert!(matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Unsupported), "{error}");
            }
            assert!(start.elapsed() < Duration::from_secs(1));
        }
    }
}

#[test]
fn version_chains_that_leave_the_segment_are_errors() {
    let built = built();
    for at in [built.needs + 8, built.needs + 12, built.needs + 28, built.defines + 12, built.defines + 16] {
        let mut bytes = built.bytes.clone();
        bytes[at as usize..at as usize + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
        let image = inspect(&bytes);
        assert_eq!(format::symbols(&bytes, &image).unwrap_err().kind(), ErrorKind::Malformed, "{at:#x}");
    }
}

#[test]
fn symbols_that_share_one_long_name_are_refused_in_time() {
    // 200,000 symbols with one name of 4 MB: 800 GB if each were read.
    let name: &'static [u8] = Box::leak(vec![b'a'; 4 << 20].into_boxed_slice());
    let many = 200_000;
    let spec = ElfSpec { symbols: vec![SymbolSpec::defined(name, 1)], hash: HashSpec::None, ..ElfSpec::default() };
    let small = spec.build_with_places();
    let names = SymbolSpec::defined(b"", 1);
    let mut symbols = vec![SymbolSpec::defined(name, 1)];
    symbols.resize(many, names);
    let spec = ElfSpec { symbols, hash: HashSpec::None, ..ElfSpec::default() };
    let mut bytes = spec.build();
    assert!(small.bytes.len() < bytes.len());
    let table = goblin::elf::Elf::parse(&bytes).unwrap().dynamic.unwrap().info.symtab;
    let first: [u8; 4] = bytes[table + 24..table + 28].try_into().unwrap();
    for index in 2..many {
        let at = table + 24 * index;
        bytes[at..at + 4].copy_from_slice(&first);
    }
    // The same with a name that never ends.
    let mut endless = bytes.clone();
    let end = bytes.windows(2).rposition(|pair| pair == b"a\0").unwrap() + 1;
    endless[end..end + many - 1].fill(b'a');
    for bytes in [bytes, endless] {
        let start = Instant::now();
        let error = format::symbols(&bytes, &inspect(&bytes)).unwrap_err();
        assert_eq!(error.message(), "the symbols' names overlap without end");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

#[test]
fn a_thousand_overlapping_note_segments_are_read_once() {
    let mut bytes = built().bytes;
    let image = inspect(&bytes);
    assert_eq!(image.faults, []);
    // Turn every segment into a note segment over the whole file.
    let length = bytes.len() as u64;
    let count = bytes[56] as usize;
    for index in 0..count {
        let at = 64 + 56 * index;
        bytes[at..at + 4].copy_from_slice(&4_u32.to_le_bytes());
        bytes[at + 8..at + 16].copy_from_slice(&0_u64.to_le_bytes());
        bytes[at + 32..at + 40].copy_from_slice(&length.to_le_bytes());
    }
    assert!(faults(&bytes).contains(&FaultKind::Truncated));
}

#[test]
fn headers_that_make_no_sense_are_errors_with_a_reason() {
    let bytes = built().bytes;
    for (at, value, reason) in [
        (4, 9, "ELF class 9"),
        (5, 0, "data encoding 0"),
        (54, 0, "`e_phentsize`"),
        (39, 0x7f, "outside the file"),
        (57, 0xff, "program headers"),
    ] {
        let mut mutant = bytes.clone();
        mutant[at] = value;
        let error = format::inspect(&mutant).unwrap_err();
        assert!(error.message().contains(reason), "{error}");
    }
    let mut mutant = bytes;
    mutant[56..58].fill(0xff);
    assert_eq!(format::inspect(&mutant).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_library_that_calls_its_code_empty_is_no_debug_companion() {
    // Section headers say that nothing is in the file; the loader would not care.
    let (_, mut bytes) = fixtures().into_iter().find(|(name, _)| name == "x86_64/libdemo.so.1").unwrap();
    let field = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let table = field(&bytes, 40) as usize;
    let count = usize::from(u16::from_le_bytes([bytes[60], bytes[61]]));
    for index in 0..count {
        let at = table + 64 * index;
        if field(&bytes, at + 8) & 2 != 0 {
            bytes[at + 4..at + 8].copy_from_slice(&8_u32.to_le_bytes());
        }
    }
    let image = inspect(&bytes);
    assert_eq!(image.kind, ImageKind::Library);
    assert_eq!(image.imports.len(), 2);
    assert!(image.faults.iter().any(|fault| fault.kind == FaultKind::Contradiction));
}
