//! Dynamic symbols and versions, whatever tables tell how many there are.

use truewheel::format::image::FaultKind;
use truewheel::format::{self, Binding, SymbolFacts, SymbolKind};

use crate::elf_facts::inspect;
use crate::support::elf::{ElfSpec, HashSpec, SymbolSpec};
use crate::support::fixture;

fn symbols(bytes: &[u8]) -> SymbolFacts {
    format::symbols(bytes, &inspect(bytes)).unwrap()
}

/// Name and version of each undefined symbol.
fn undefined(facts: &SymbolFacts) -> Vec<(String, Option<String>)> {
    let version = |index: u16| facts.versions[usize::from(index)].version.clone();
    facts.undefined.iter().map(|symbol| (symbol.name.to_string(), symbol.version.map(version))).collect()
}

fn versioned() -> ElfSpec {
    ElfSpec {
        soname: Some(b"liba.so.1"),
        needed: vec![b"libb.so.1", b"libc.so.6"],
        defines: vec![b"A_1", b"A_2"],
        // The base has index 1, A_1 2, A_2 3, so these have 4, 5 and 6.
        needs: vec![(b"libb.so.1", vec![(b"B_1", 0)]), (b"libc.so.6", vec![(b"C_1", 2), (b"C_2", 0)])],
        symbols: vec![
            SymbolSpec::undefined(b"from_b", 4),
            SymbolSpec::undefined(b"from_c", 6),
            SymbolSpec { info: 0x20, ..SymbolSpec::undefined(b"optional", 0) },
            SymbolSpec::defined(b"old", 2 | 0x8000),
            SymbolSpec::defined(b"both", 2 | 0x8000),
            SymbolSpec::defined(b"both", 3),
            SymbolSpec::defined(b"plain", 1),
            SymbolSpec { info: 0x11, ..SymbolSpec::defined(b"copied", 5) },
            SymbolSpec { other: 2, ..SymbolSpec::defined(b"hidden", 1) },
            SymbolSpec { info: 0x02, ..SymbolSpec::defined(b"local", 0) },
            SymbolSpec { info: 0x16, value: 0, ..SymbolSpec::defined(b"thread", 1) },
            SymbolSpec { value: 0, ..SymbolSpec::defined(b"nowhere", 1) },
            SymbolSpec::defined(b"PyInit_a", 1),
        ],
        ..ElfSpec::default()
    }
}

#[test]
fn versions_and_roles_are_read_in_every_shape() {
    for (is_64, is_big, machine) in [(true, false, 62), (false, false, 3), (true, true, 22), (false, true, 20)] {
        for hash in [HashSpec::Gnu, HashSpec::Sysv] {
            for has_sections in [true, false] {
                let facts = symbols(&ElfSpec { is_64, is_big, machine, hash, has_sections, ..versioned() }.build());
                let some = |text: &str| Some(text.to_owned());
                assert_eq!(
                    undefined(&facts),
                    [
                        ("from_b".into(), some("B_1")),
                        ("from_c".into(), some("C_2")),
                        ("optional".into(), None),
                        ("copied".into(), some("C_1"))
                    ]
                );
                assert_eq!(facts.undefined[2].binding, Binding::Weak);
                assert_eq!(facts.faults, []);
                let weak: Vec<_> = facts.versions.iter().map(|version| version.weak).collect();
                assert_eq!(weak, [false, true, false]);
                assert_eq!(facts.versions[0].library, "libb.so.1");
                assert_eq!(facts.defined_versions, ["A_1", "A_2"]);
                let both: Vec<_> =
                    facts.exports.find("both").iter().map(|found| (found.version, found.hidden)).collect();
                assert_eq!(both, [(0, true), (1, false)]);
                assert_eq!(facts.exports.find("plain")[0].version, u16::MAX);
                assert_eq!(facts.exports.find("thread")[0].kind, SymbolKind::ThreadLocal);
                assert!(facts.exports.contains("copied"));
                for name in ["hidden", "local", "nowhere", "from_b"] {
                    assert!(!facts.exports.contains(name), "{name}");
                }
                assert_eq!(facts.python_exports, ["PyInit_a"]);
            }
        }
    }
}

#[test]
fn a_library_that_exports_nothing_still_names_what_it_needs() {
    let mut bytes = fixture("elf/odd/exports-nothing.so");
    let with = undefined(&symbols(&bytes));
    assert!(with.contains(&("dep_value".into(), Some("DEP_2.0".into()))), "{with:?}");
    // Without section headers, only the relocations tell how many symbols there are.
    bytes[40..48].fill(0);
    bytes[60..64].fill(0);
    assert_eq!(undefined(&symbols(&bytes)), with);
}

#[test]
fn every_machine_s_library_loses_nothing_without_section_headers() {
    for folder in ["x86_64", "aarch64", "ppc64le", "ppc64", "s390x", "riscv64", "loongarch64", "x86_64-lld"] {
        let mut bytes = fixture(&format!("elf/{folder}/libdemo.so.1"));
        let with = symbols(&bytes);
        bytes[40..48].fill(0);
        bytes[60..64].fill(0);
        let without = symbols(&bytes);
        assert_eq!(undefined(&with), undefined(&without), "{folder}");
        assert_eq!(with.exports.len(), without.exports.len(), "{folder}");
        let names = undefined(&with);
        assert!(names.contains(&("dep_value".into(), Some("DEP_2.0".into()))), "{folder}: {names:?}");
        assert!(names.contains(&("dep_data".into(), Some("DEP_1.0".into()))), "{folder}");
        assert!(with.exports.contains("demo_answer"), "{folder}");
        assert_eq!(with.defined_versions, ["DEMO_1"], "{folder}");
    }
}

#[test]
fn a_version_table_that_does_not_count_right_is_a_fault() {
    let built = versioned().build_with_places();
    let mut bytes = built.bytes;
    bytes[built.needs as usize + 2] = 9;
    let facts = symbols(&bytes);
    assert_eq!(facts.faults[0].kind, FaultKind::Contradiction);
    assert_eq!(facts.versions.len(), 3);
}

#[test]
fn a_symbol_without_name_is_left_out_and_stated() {
    let built = versioned().build_with_places();
    let mut bytes = built.bytes;
    let name = bytes.windows(4).position(|window| window == b"A_1\0").unwrap();
    assert!(name > 0);
    // The first symbol after the null symbol: name far outside.
    let image = inspect(&bytes);
    assert_eq!(image.faults, []);
    let table = goblin::elf::Elf::parse(&bytes).unwrap().dynamic.unwrap().info.symtab;
    bytes[table + 24..table + 28].copy_from_slice(&u32::MAX.to_le_bytes());
    let facts = symbols(&bytes);
    assert_eq!(facts.faults[0].kind, FaultKind::Truncated);
    assert_eq!(facts.undefined.len(), 3);
}
