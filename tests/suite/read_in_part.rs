//! Large binaries of which only the two ends are read: the same facts, and nothing that was not read is claimed.

use std::path::Path;
use std::process::Command;

use truewheel::load;
use truewheel::wheel::Wheel;

use crate::support::elf::{ElfSpec, HashSpec, SymbolSpec};
use crate::support::random::Random;
use crate::support::wheel::{Entry, WheelBuilder};
use crate::support::world::run;

const MODULE: &str = "demo/_core.cpython-311-x86_64-linux-gnu.so";

/// Bytes that pack about as machine code does.
fn code(size: usize) -> Vec<u8> {
    let mut random = Random::new(7);
    let mut words: Vec<[u8; 8]> = (0..512).map(|_| random.next().to_le_bytes()).collect();
    let mut bytes = Vec::new();
    while bytes.len() < size {
        match random.below(8) {
            0 => bytes.extend(&random.next().to_le_bytes()[..3]),
            1 => words[random.below(512)] = random.next().to_le_bytes(),
            _ => bytes.extend(random.pick(&words)),
        }
    }
    bytes
}

fn module() -> ElfSpec {
    ElfSpec {
        needed: vec![b"libm.so.6", b"libc.so.6"],
        runpath: Some(b"$ORIGIN/../demo.libs"),
        symbols: vec![
            SymbolSpec::undefined(b"PyList_New", 1),
            SymbolSpec::undefined(b"malloc", 2),
            SymbolSpec::defined(b"PyInit__core", 1),
        ],
        needs: vec![(b"libc.so.6", vec![(b"GLIBC_2.2.5", 0)])],
        hash: HashSpec::Gnu,
        code: code(5 << 20),
        ..ElfSpec::default()
    }
}

fn wheel_of(entry: Entry) -> Wheel {
    let builder = WheelBuilder::new("cp311-cp311-linux_x86_64").entry(entry);
    Wheel::from_bytes(Path::new(&builder.file_name()), builder.build()).unwrap()
}

/// Everything that is known of the binaries, as text.
fn facts(inventory: &load::Inventory) -> String {
    assert!(inventory.unreadable.is_empty(), "{:?}", inventory.unreadable);
    format!("{:#?}", inventory.binaries)
}

/// A member that says it has another checksum than it has.
fn with_wrong_sum(bytes: &[u8]) -> Entry {
    Entry { crc: Some(crc32fast::hash(bytes) ^ 1), ..Entry::new(MODULE, bytes) }
}

#[test]
fn the_ends_of_a_binary_say_what_the_whole_says() {
    let variants = [
        module(),
        ElfSpec { has_sections: false, ..module() },
        ElfSpec { hash: HashSpec::Sysv, is_64: false, machine: 3, ..module() },
        ElfSpec { is_big: true, machine: 22, ..module() },
        // Debug information, say, which lies behind what is looked for.
        ElfSpec { overlay: code(512 << 10), ..module() },
    ];
    for spec in variants {
        let bytes = spec.build();
        let wheel = wheel_of(Entry::new(MODULE, &bytes));
        assert_eq!(facts(&load::inspect_facts(&wheel)), facts(&load::inspect_wheel(&wheel)));
        // The checksum shows whether all was read.
        let wheel = wheel_of(with_wrong_sum(&bytes));
        assert_eq!(load::inspect_facts(&wheel).binaries.len(), 1, "read in part");
        assert_eq!(load::inspect_wheel(&wheel).unreadable.len(), 1);
    }
}

#[test]
fn what_must_be_read_whole_is() {
    // A small one, one that is stored, and one whose middle is asked for.
    let small = ElfSpec { code: code(100_000), ..module() }.build();
    let stored = Entry { method: 0, ..with_wrong_sum(&module().build()) };
    let middle = ElfSpec { overlay: code(5 << 20), ..module() }.build();
    for entry in [with_wrong_sum(&small), stored, with_wrong_sum(&middle)] {
        let found = load::inspect_facts(&wheel_of(entry));
        assert_eq!((found.binaries.len(), found.unreadable.len()), (0, 1));
    }
    let wheel = wheel_of(Entry::new(MODULE, &middle));
    assert_eq!(facts(&load::inspect_facts(&wheel)), facts(&load::inspect_wheel(&wheel)));
}

#[test]
fn a_member_that_is_damaged_is_told_by_check_and_refused_by_repair() {
    let folder = tempfile::tempdir().unwrap();
    let builder = WheelBuilder::new("cp311-cp311-linux_x86_64").entry(with_wrong_sum(&module().build()));
    let wheel = builder.write(folder.path());
    let truewheel = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
        run(command.current_dir(folder.path()).env_clear().args(arguments).arg(&wheel))
    };
    let checked = truewheel(&["check"]);
    assert_eq!(checked.status, Some(1), "{checked:#?}");
    assert!(checked.stdout.contains("the checksum is wrong"), "{checked:#?}");
    let repaired = truewheel(&["repair", "-w", "out"]);
    assert_eq!((repaired.status, repaired.stdout.as_str()), (Some(1), ""), "{repaired:#?}");
    let retagged = truewheel(&["retag", "-w", "out", "--build=1"]);
    assert_eq!(retagged.status, Some(0), "copied as it is: {retagged:#?}");
    assert_eq!(truewheel(&["retag", "-w", "out", "--python-tag=py3", "--abi-tag=none"]).status, Some(1));
    assert_eq!(truewheel(&["show"]).status, Some(0));
}

#[test]
fn a_damaged_stream_is_no_binary_twice_and_no_crash() {
    let bytes = module().build();
    let builder = WheelBuilder::new("cp311-cp311-linux_x86_64").file(MODULE, &bytes);
    let archive = builder.build();
    let mut random = Random::new(3);
    let mut unreadable = 0;
    for round in 0..60 {
        let mut archive = archive.clone();
        // The ends are what is looked at.
        let span = archive.len() - 2000;
        let at = match round % 3 {
            0 => 100 + random.below(40_000),
            1 => span - random.below(40_000),
            _ => 100 + random.below(span - 100),
        };
        archive[at] ^= 1 << random.below(8);
        let Ok(wheel) = Wheel::from_bytes(Path::new(&builder.file_name()), archive) else { continue };
        let found = load::inspect_facts(&wheel);
        unreadable += found.unreadable.len();
        // A bit of a name may differ; that there is one binary, of that size, does not.
        assert_eq!(found.unreadable.len() + found.binaries.len(), 1);
        assert!(found.binaries.iter().all(|binary| binary.size == bytes.len() as u64));
    }
    assert!(unreadable > 0);
}
