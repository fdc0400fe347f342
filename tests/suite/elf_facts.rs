//! What is read of ELF files: real ones of every machine, and built ones of every oddity.

use std::path::Path;

use sha2::{Digest, Sha256};
use truewheel::abi::{self, BinaryKind, LibpythonRule};
use truewheel::format::elf::{FloatAbi, Linkage, Stack};
use truewheel::format::image::FaultKind;
use truewheel::format::{self, Image, ImageKind, SearchPathKind};
use truewheel::{Arch, diagnostic::Code};

use crate::support::elf::ElfSpec;
use crate::support::{fixture, testdata};

/// Folder, architecture, interpreter of the program, float ABI, largest page size.
const MACHINES: [(&str, Arch, &str, Option<FloatAbi>, u64); 13] = [
    ("x86_64", Arch::X86_64, "/lib64/ld-linux-x86-64.so.2", None, 0x1000),
    ("i686", Arch::X86, "/lib/ld-linux.so.2", None, 0x1000),
    ("aarch64", Arch::Aarch64, "/lib/ld-linux-aarch64.so.1", None, 0x10000),
    ("armv7l", Arch::Armv7l, "/lib/ld-linux-armhf.so.3", Some(FloatAbi::Double), 0x1000),
    ("ppc64le", Arch::Ppc64le, "/lib64/ld64.so.2", None, 0x10000),
    ("ppc64", Arch::Ppc64, "/lib64/ld64.so.1", None, 0x10000),
    ("s390x", Arch::S390x, "/lib/ld64.so.1", None, 0x1000),
    ("riscv64", Arch::Riscv64, "/lib/ld-linux-riscv64-lp64d.so.1", Some(FloatAbi::Double), 0x1000),
    ("loongarch64", Arch::Loongarch64, "/lib64/ld-linux-loongarch-lp64d.so.1", Some(FloatAbi::Double), 0x10000),
    ("x86_64-lld", Arch::X86_64, "/lib64/ld-linux-x86-64.so.2", None, 0x1000),
    ("x86_64-musl", Arch::X86_64, "/lib/ld-musl-x86_64.so.1", None, 0x1000),
    ("aarch64-lld", Arch::Aarch64, "/lib/ld-linux-aarch64.so.1", None, 0x10000),
    ("arm-soft", Arch::Armv6l, "/lib/ld-linux.so.3", Some(FloatAbi::Soft), 0x10000),
];

pub(crate) fn inspect(bytes: &[u8]) -> Image {
    format::inspect(bytes).unwrap().remove(0)
}

fn read(name: &str) -> Image {
    inspect(&fixture(&format!("elf/{name}")))
}

/// Every binary of `testdata/elf`, by name, in order.
pub(crate) fn fixtures() -> Vec<(String, Vec<u8>)> {
    let sums = std::fs::read_to_string(testdata("elf/SHA256SUMS")).unwrap();
    sums.lines()
        .map(|line| {
            let name = line.split_once("  ./").unwrap().1;
            (name.to_owned(), fixture(&format!("elf/{name}")))
        })
        .collect()
}

#[test]
fn the_fixtures_are_those_that_were_built() {
    let sums = std::fs::read_to_string(testdata("elf/SHA256SUMS")).unwrap();
    for ((name, bytes), line) in fixtures().iter().zip(sums.lines()) {
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(line.starts_with(&digest), "{name}");
        assert!(bytes.len() < 64 * 1024, "{name}");
    }
}

#[test]
fn every_machine_s_library_is_read() {
    for (folder, arch, _, float_abi, max_page) in MACHINES {
        let image = read(&format!("{folder}/libdemo.so.1"));
        assert_eq!(image.faults, [], "{folder}");
        assert_eq!((image.arch, image.kind), (arch, ImageKind::Library), "{folder}");
        assert_eq!(image.identity.as_deref(), Some("libdemo.so.1"), "{folder}");
        let libc = if folder == "x86_64-musl" { "libc.so" } else { "libc.so.6" };
        let needed: Vec<_> = image.imports.iter().map(|import| import.name.as_str()).collect();
        assert!(
            matches!(needed[..], ["libdep.so.1", name] | ["libdep.so.1", name, _] if name == libc),
            "{folder}: {needed:?}"
        );
        let runpath: Vec<_> = image.search_path(SearchPathKind::Runpath).collect();
        assert_eq!(runpath, ["$ORIGIN", "$ORIGIN/../lib"], "{folder}");
        assert_eq!(image.search_path(SearchPathKind::Rpath).count(), 0, "{folder}");
        let facts = image.elf().unwrap();
        assert_eq!(facts.linkage, Linkage::Library, "{folder}");
        assert_eq!((facts.float_abi, facts.pages.max_page), (float_abi, max_page), "{folder}");
        assert!(!facts.stack.is_executable(), "{folder}");
        assert_eq!(facts.build_id.as_ref().map(Vec::len), Some(20), "{folder}");
        assert_eq!(facts.overlay, 0, "{folder}");
    }
}

#[test]
fn every_machine_s_program_is_read() {
    for (folder, arch, interpreter, ..) in MACHINES {
        let image = read(&format!("{folder}/program"));
        assert_eq!(image.faults, [], "{folder}");
        assert_eq!((image.arch, image.kind), (arch, ImageKind::Program), "{folder}");
        let facts = image.elf().unwrap();
        assert_eq!(facts.linkage, Linkage::Pie, "{folder}");
        assert_eq!(facts.interpreter.as_deref(), Some(interpreter), "{folder}");
        assert!(image.imports_name("libdemo.so.1"), "{folder}");
    }
}

#[test]
fn every_machine_s_extension_is_one() {
    for (folder, ..) in MACHINES {
        let bytes = fixture(&format!("elf/{folder}/_demo.so"));
        let image = inspect(&bytes);
        let symbols = format::symbols(&bytes, &image).unwrap();
        let python = abi::examine(&image, &symbols, "_demo.so");
        assert_eq!(python.kind, BinaryKind::Extension, "{folder}");
        assert_eq!(python.entry_points[0].module, "_demo", "{folder}");
        assert_eq!(abi::diagnose(&python, "_demo.so", LibpythonRule::Forbidden), [], "{folder}");
    }
}

#[test]
fn goblin_reads_the_same_names() {
    let mut compared = 0;
    for (name, bytes) in fixtures() {
        let image = inspect(&bytes);
        if image.kind == ImageKind::Object {
            continue;
        }
        let goblin = goblin::elf::Elf::parse(&bytes).unwrap();
        let needed: Vec<_> = image.imports.iter().map(|import| import.name.as_str()).collect();
        assert_eq!(needed, goblin.libraries, "{name}");
        assert_eq!(image.identity.as_deref(), goblin.soname, "{name}");
        assert_eq!(image.elf().unwrap().interpreter.as_deref(), goblin.interpreter, "{name}");
        let runpath = image.search_path(SearchPathKind::Runpath).collect::<Vec<_>>().join(":");
        assert_eq!(runpath, goblin.runpaths.join(":"), "{name}");
        let mut undefined: Vec<_> = goblin
            .dynsyms
            .iter()
            .filter(|symbol| symbol.st_shndx == 0 && symbol.st_bind() != 0)
            .filter_map(|symbol| goblin.dynstrtab.get_at(symbol.st_name))
            .filter(|name| !name.is_empty())
            .collect();
        let symbols = format::symbols(&bytes, &image).unwrap();
        let mut ours: Vec<_> = symbols.undefined.iter().map(|symbol| &*symbol.name).collect();
        // A program's copy of a library's variable counts as needed too; goblin sees it defined.
        ours.retain(|name| name != &"stdout");
        undefined.retain(|name| name != &"stdout");
        undefined.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, undefined, "{name}");
        compared += 1;
    }
    assert!(compared > 55, "{compared}");
}

#[test]
fn programs_objects_and_companions_are_told_apart() {
    for (name, linkage, kind) in [
        ("program-fixed", Linkage::Program, ImageKind::Program),
        ("static", Linkage::Static, ImageKind::Program),
        ("static-pie", Linkage::StaticPie, ImageKind::Program),
        ("object.o", Linkage::Relocatable, ImageKind::Object),
        ("companion.debug", Linkage::DebugCompanion, ImageKind::Object),
        ("companion-eu.debug", Linkage::DebugCompanion, ImageKind::Object),
        ("debug.so", Linkage::Library, ImageKind::Library),
    ] {
        let bytes = fixture(&format!("elf/odd/{name}"));
        let image = inspect(&bytes);
        assert_eq!((image.elf().unwrap().linkage, image.kind), (linkage, kind), "{name}");
        assert_eq!(image.faults, [], "{name}");
        let symbols = format::symbols(&bytes, &image).unwrap();
        if kind == ImageKind::Object {
            assert!(image.imports.is_empty() && symbols.undefined.is_empty(), "{name}");
        }
    }
}

#[test]
fn a_debug_build_says_how_much_strip_would_remove() {
    let sections = |name: &str| read(name).elf().unwrap().sections.unwrap();
    let debug = sections("odd/debug.so");
    assert!(debug.has_debug && debug.has_symtab && debug.debug_bytes > 1000 && debug.symtab_bytes > 1000);
    let plain = sections("x86_64/libdemo.so.1");
    assert!(!plain.has_debug && !plain.has_symtab && plain.debug_bytes == 0);
}

#[test]
fn odd_flags_are_read() {
    let facts = |name: &str| read(&format!("odd/{name}")).elf().unwrap().clone();
    assert_eq!(facts("execstack.so").stack, Stack::Executable);
    assert!(facts("i686-textrel.so").text_relocations);
    assert!(!facts("sysv-hash.so").text_relocations);
    assert!(facts("exports-nothing.so").bind_now);
    assert!(facts("sysv-hash.so").hashes.sysv && !facts("sysv-hash.so").hashes.gnu);
    let properties = facts("isa-v3.so").properties;
    assert_eq!((properties.x86_level(), properties.x86_features), (Some(3), Some(3)));
    assert_eq!(facts("aarch64-bti.so").properties.aarch64_features, Some(3));
    assert_eq!(facts("execstack.so").properties.x86_level(), None);
    let filter = facts("filter.so");
    assert_eq!((filter.filters, filter.auxiliaries), (vec!["libfiltered.so.1".into()], vec!["libextra.so.1".into()]));
    assert_eq!(filter.audit.as_deref(), Some("libaudit.so.1"));
    assert_eq!(filter.dependency_audit.as_deref(), Some("libdepaudit.so.1"));
}

/// A library with every kind of name.
fn library() -> ElfSpec {
    ElfSpec {
        soname: Some(b"liba.so.1"),
        needed: vec![b"libb.so.1", b"libc.so.6"],
        rpath: Some(b"$ORIGIN/old"),
        runpath: Some(b"$ORIGIN/../a.libs::/opt/lib"),
        ..ElfSpec::default()
    }
}

#[test]
fn every_width_and_byte_order_reads_alike() {
    for (is_64, is_big, machine, arch) in [
        (true, false, 62, Arch::X86_64),
        (false, false, 3, Arch::X86),
        (true, true, 21, Arch::Ppc64),
        (false, true, 20, Arch::Ppc),
    ] {
        let image = inspect(&ElfSpec { is_64, is_big, machine, ..library() }.build());
        assert_eq!(image.faults, []);
        assert_eq!(image.arch, arch);
        assert_eq!(image.identity.as_deref(), Some("liba.so.1"));
        assert_eq!(image.imports.iter().map(|import| &import.name).collect::<Vec<_>>(), ["libb.so.1", "libc.so.6"]);
        assert_eq!(image.search_path(SearchPathKind::Rpath).collect::<Vec<_>>(), ["$ORIGIN/old"]);
        assert_eq!(
            image.search_path(SearchPathKind::Runpath).collect::<Vec<_>>(),
            ["$ORIGIN/../a.libs", "", "/opt/lib"]
        );
    }
}

#[test]
fn a_file_without_sections_has_the_same_facts() {
    let with = inspect(&library().build());
    let without = inspect(&ElfSpec { has_sections: false, ..library() }.build());
    assert_eq!(without.faults, []);
    assert_eq!(without.elf().unwrap().sections, None);
    assert_eq!((with.imports, with.identity), (without.imports, without.identity));
    assert_eq!(with.search_paths, without.search_paths);
}

#[test]
fn a_missing_stack_header_means_the_machine_s_default() {
    let stack = |machine| {
        let image = inspect(&ElfSpec { machine, stack: None, ..ElfSpec::default() }.build());
        image.elf().unwrap().stack
    };
    assert!(stack(62).is_executable());
    assert!(!stack(183).is_executable());
    assert!(!stack(243).is_executable());
    assert_eq!(stack(62), Stack::Unstated { executable: true });
}

#[test]
fn an_interpreter_makes_a_program_unless_the_file_is_a_library() {
    let linkage = |spec: ElfSpec| inspect(&spec.build()).elf().unwrap().linkage;
    let interpreter = Some(&b"/lib64/ld-linux-x86-64.so.2\0"[..]);
    let debug = vec![(21, 0)];
    let pie = vec![(0x6fff_fffb, 0x0800_0000)];
    // libc.so.6 has an interpreter, so that it can be run.
    assert_eq!(linkage(ElfSpec { interpreter, ..library() }), Linkage::Library);
    assert_eq!(linkage(ElfSpec { interpreter, entries: debug, ..library() }), Linkage::Pie);
    assert_eq!(linkage(ElfSpec { interpreter, ..ElfSpec::default() }), Linkage::Library);
    assert_eq!(linkage(ElfSpec { interpreter, kind: 2, ..ElfSpec::default() }), Linkage::Program);
    assert_eq!(linkage(ElfSpec { entries: pie, ..ElfSpec::default() }), Linkage::StaticPie);
    assert_eq!(linkage(ElfSpec { kind: 4, ..ElfSpec::default() }), Linkage::Core);
    assert_eq!(linkage(ElfSpec { kind: 9, ..ElfSpec::default() }), Linkage::Unknown);
}

#[test]
fn notes_are_read() {
    let json = br#"[{"soname":["libx.so.2","libx.so.1"],"feature":"x","priority":"recommended"},{"soname":3}]"#;
    let mut property = 0xc000_8002_u32.to_le_bytes().to_vec();
    property.extend(4_u32.to_le_bytes());
    property.extend(8_u32.to_le_bytes());
    property.extend(0_u32.to_le_bytes());
    let spec = ElfSpec {
        notes: vec![
            (b"GNU", 3, vec![0xab; 20]),
            (b"GNU", 5, property),
            (b"Android", 1, 24_u32.to_le_bytes().to_vec()),
            (b"FDO", 0x407c_0c0a, json.to_vec()),
            (b"FDO", 0xcafe_1a7e, br#"{"type":"deb"}"#.to_vec()),
            (b"other", 3, vec![1]),
        ],
        ..ElfSpec::default()
    };
    let image = inspect(&spec.build());
    assert_eq!(image.faults, []);
    let facts = image.elf().unwrap();
    assert_eq!(facts.build_id, Some(vec![0xab; 20]));
    assert_eq!(facts.properties.x86_level(), Some(4));
    assert_eq!(facts.android_api, Some(24));
    assert_eq!(facts.dlopens.len(), 1);
    assert_eq!(facts.dlopens[0].names, ["libx.so.2", "libx.so.1"]);
    assert_eq!(facts.dlopens[0].priority.as_deref(), Some("recommended"));
    assert_eq!(facts.package_note.as_deref(), Some(r#"{"type":"deb"}"#));
}

#[test]
fn android_s_soft_float_library_is_armeabi_v7a() {
    let arm = ElfSpec { is_64: false, machine: 40, flags: 0x0500_0200, ..ElfSpec::default() };
    assert_eq!(inspect(&arm.build()).arch, Arch::Armv6l);
    let notes = vec![(&b"Android"[..], 1, 21_u32.to_le_bytes().to_vec())];
    assert_eq!(inspect(&ElfSpec { notes, ..arm }.build()).arch, Arch::Armv7l);
}

#[test]
fn names_that_loaders_treat_specially_are_faults() {
    let spec = ElfSpec {
        soname: Some(b"liba\xff.so"),
        needed: vec![b"", b"/opt/libb.so", b"$ORIGIN/libc.so", b"libfine.so"],
        ..ElfSpec::default()
    };
    let image = inspect(&spec.build());
    assert_eq!(image.imports.len(), 4);
    assert_eq!(image.identity.as_deref(), Some("liba\\xff.so"));
    assert!(image.faults.iter().all(|fault| fault.kind == FaultKind::OddName));
    assert_eq!(image.faults.len(), 4, "{:?}", image.faults);
}

#[test]
fn the_last_of_two_search_paths_counts() {
    let spec = ElfSpec { runpath: Some(b"/first"), names: vec![(29, b"/second")], ..ElfSpec::default() };
    let image = inspect(&spec.build());
    assert_eq!(image.search_path(SearchPathKind::Runpath).collect::<Vec<_>>(), ["/second"]);
    assert_eq!(image.faults[0].kind, FaultKind::Suspicious);
}

#[test]
fn a_payload_after_the_file_is_measured() {
    let image = inspect(&ElfSpec { overlay: vec![7; 100], ..library() }.build());
    assert_eq!(image.elf().unwrap().overlay, 100);
}

#[test]
fn python_s_side_of_a_binary_is_diagnosed() {
    let spec = ElfSpec {
        needed: vec![b"libpython3.11.so.1.0"],
        symbols: vec![
            crate::support::elf::SymbolSpec::undefined(b"PyFPE_jbuf", 0),
            crate::support::elf::SymbolSpec::undefined(b"PyUnicodeUCS2_AsUTF8String", 0),
            crate::support::elf::SymbolSpec::defined(b"PyInit_fat", 1),
            crate::support::elf::SymbolSpec::defined(b"Py_Initialize", 1),
        ],
        ..ElfSpec::default()
    };
    let bytes = spec.build();
    let image = inspect(&bytes);
    let symbols = format::symbols(&bytes, &image).unwrap();
    let python = abi::examine(&image, &symbols, "fat.so");
    let codes: Vec<_> = abi::diagnose(&python, "pkg/fat.so", LibpythonRule::Forbidden)
        .into_iter()
        .map(|diagnostic| diagnostic.code)
        .collect();
    assert_eq!(codes, [Code::TW501, Code::TW502, Code::TW503, Code::TW504]);
}

#[test]
fn every_fixture_is_named_in_the_sums() {
    fn count(folder: &Path) -> usize {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| if path.is_dir() { count(&path) } else { 1 })
            .sum()
    }
    let sources = count(&testdata("elf/src"));
    assert_eq!(count(&testdata("elf")), fixtures().len() + sources + 2);
}
