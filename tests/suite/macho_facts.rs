//! Facts of Mach-O files of several processors and linkers, and of what linkers here do not make.

use goblin::mach::MachO as Witness;
use sha2::{Digest, Sha256};
use truewheel::Arch;
use truewheel::format::macho::{
    ApplePlatform, AppleVersion, Container, FileType, SignatureKind, SignatureState, StructureRule,
};
use truewheel::format::{self, Binding, Format, Image, ImageKind, ImportKind, SymbolKind};

use crate::support::macho_raw::{ID, LAZY, LOAD, REEXPORT, RawMacho, SYSTEM, UPWARD, WEAK, universal};
use crate::support::{fixture, testdata};

/// Every fixture that dyld loads, by name.
pub(crate) fn fixtures() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in ["arm64", "universal2", "x86_64", "zig-arm64", "zig-x86_64"] {
        let mut names: Vec<String> = std::fs::read_dir(testdata("macho").join(folder))
            .unwrap()
            .map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap()))
            .collect();
        names.sort();
        found.extend(names.into_iter().map(|name| (name.clone(), fixture(&format!("macho/{name}")))));
    }
    assert_eq!(found.len(), 14);
    found
}

pub(crate) fn inspect(bytes: &[u8]) -> Vec<Image> {
    format::inspect(bytes).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn one(bytes: &[u8]) -> Image {
    let mut images = inspect(bytes);
    assert_eq!(images.len(), 1);
    images.remove(0)
}

/// The bytes of a slice.
pub(crate) fn slice<'a>(bytes: &'a [u8], image: &Image) -> &'a [u8] {
    &bytes[image.slice.start as usize..image.slice.end as usize]
}

/// A file in words: every fact that an edit may touch, and the load commands as another reader names them.
pub(crate) fn dump(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for image in inspect(bytes) {
        let facts = image.macho().unwrap();
        writeln!(text, "{} {:?} {:?}", image.arch.apple_name(), image.kind, facts.file_type).unwrap();
        writeln!(text, "  identity {:?}", image.identity).unwrap();
        for import in &image.imports {
            writeln!(text, "  {} {}", import.kind.name(), import.name).unwrap();
        }
        for path in &image.search_paths {
            writeln!(text, "  {} {}", path.kind.name(), path.path).unwrap();
        }
        for stated in &facts.platforms {
            writeln!(text, "  {} {} SDK {}", stated.platform.name(), stated.min_os, stated.sdk).unwrap();
        }
        writeln!(text, "  room {}", facts.room.free()).unwrap();
        if let Some(signature) = &facts.signature {
            let (kind, state) = (signature.kind, &signature.state);
            writeln!(text, "  {kind:?} {:?} {:#x} {state:?}", signature.identifier, signature.flags).unwrap();
        }
        for finding in &facts.structure {
            writeln!(text, "  {:?}: {}", finding.rule, finding.message).unwrap();
        }
        let witness = Witness::parse(slice(bytes, &image), 0).unwrap();
        let name = |cmd: u32| goblin::mach::load_command::cmd_to_str(cmd);
        let commands: Vec<&str> = witness.load_commands.iter().map(|command| name(command.command.cmd())).collect();
        writeln!(text, "  {}", commands.join(" ").replace("LC_", "")).unwrap();
    }
    text
}

#[test]
fn the_fixtures_are_those_that_were_built() {
    let sums = std::fs::read_to_string(testdata("macho/SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 15);
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ./").unwrap();
        let bytes = fixture(&format!("macho/{name}"));
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, sum, "{name}");
        assert!(bytes.len() < 64 * 1024, "{name}");
    }
}

#[test]
fn fixtures_read_as_they_were_linked() {
    let text: Vec<String> = fixtures().iter().map(|(name, bytes)| format!("{name}\n{}", dump(bytes))).collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn another_reader_finds_the_same_names() {
    for (name, bytes) in fixtures() {
        for image in inspect(&bytes) {
            let witness = Witness::parse(slice(&bytes, &image), 0).unwrap();
            let imports: Vec<&str> = image.imports.iter().map(|import| import.name.as_str()).collect();
            assert_eq!(witness.libs[1..], imports, "{name}");
            assert_eq!(witness.name, image.identity.as_deref(), "{name}");
            let paths: Vec<&str> = image.search_paths.iter().map(|path| path.path.as_str()).collect();
            assert_eq!(witness.rpaths, paths, "{name}");
            let symbols = format::symbols(&bytes, &image).unwrap();
            let exports = witness.exports().unwrap();
            assert_eq!(symbols.exports.len(), exports.len(), "{name}");
            for export in exports {
                assert!(symbols.exports.contains(export.name.strip_prefix('_').unwrap()), "{name}: {}", export.name);
            }
            let undefined = witness.symbols().flatten().filter(|(_, symbol)| symbol.is_undefined()).count();
            assert_eq!(symbols.undefined.len(), undefined, "{name}");
            assert!(image.faults.is_empty() && image.macho().unwrap().structure.is_empty(), "{name}");
        }
    }
}

#[test]
fn symbols_are_as_c_spells_them_and_name_their_library() {
    for folder in ["x86_64", "arm64", "zig-x86_64", "zig-arm64"] {
        let bytes = fixture(&format!("macho/{folder}/libdemo.dylib"));
        let image = one(&bytes);
        let symbols = format::symbols(&bytes, &image).unwrap();
        let of = |name: &str| symbols.undefined.iter().find(|symbol| &*symbol.name == name).unwrap();
        for name in ["dep_value", "dep_data"] {
            let import = of(name).import.unwrap();
            assert_eq!(image.imports[usize::from(import)].name, "@rpath/libdep.dylib", "{folder} {name}");
            assert_eq!(of(name).binding, Binding::Global);
        }
        assert_eq!((of("optional_hook").import, of("optional_hook").binding), (None, Binding::Weak), "{folder}");
        assert!(symbols.exports.contains("demo_answer"));
        assert_eq!(symbols.exports.find("demo_thread")[0].kind, SymbolKind::ThreadLocal, "{folder}");
    }
    for folder in ["x86_64", "arm64"] {
        let bytes = fixture(&format!("macho/{folder}/_demo.so"));
        let symbols = format::symbols(&bytes, &one(&bytes)).unwrap();
        assert_eq!(symbols.python_exports, ["PyInit__demo"]);
        let module = symbols.undefined.iter().find(|symbol| &*symbol.name == "PyModule_Create2").unwrap();
        assert_eq!(module.import, None);
    }
}

#[test]
fn symbols_of_32_bits_and_of_the_other_byte_order_are_read() {
    for (cpu, is_big) in [(7, false), (18, true), (0x0100_0012, true), (0x0100_0007, false)] {
        let mut spec = RawMacho::of(cpu, 3, is_big);
        let half = |number: u16| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
        let value = |number: u8| {
            let mut bytes = vec![0; if spec.is_64() { 8 } else { 4 }];
            let last = if is_big { bytes.len() - 1 } else { 0 };
            bytes[last] = number;
            bytes
        };
        let symbol = |name: u32, kind: u8, description: u16, at: u8| {
            [&spec.word(name)[..], &[kind, 1], &half(description), &value(at)].concat()
        };
        // Undefined from the first import and weak from nowhere; exported; private; local; debugging.
        let symbols = [
            symbol(1, 1, 0x0100, 0),
            symbol(6, 1, 0xfe40, 0),
            symbol(11, 0xf, 0, 9),
            symbol(11, 0x1f, 0, 9),
            symbol(1, 0xe, 0, 9),
            symbol(1, 0x24, 0, 9),
        ];
        let count = symbols.len() as u32;
        let table = symbols.concat();
        let strings = b"\0_one\0_two\0_PyInit_three\0";
        let size = (table.len() + strings.len()) as u32;
        spec.linkedit = [&table[..], strings].concat();
        spec.linkedit.resize(size.next_multiple_of(16) as usize, 0);
        spec.commands.push(vec![0; 24]);
        let at = spec.linkedit_offset() as u32;
        let last = spec.commands.len() - 1;
        let places = spec.words(&[at, count, at + table.len() as u32, strings.len() as u32]);
        spec.commands[last] = spec.command(2, &places);
        let bytes = spec.build();
        let facts = format::symbols(&bytes, &one(&bytes)).unwrap();
        let found: Vec<_> = facts.undefined.iter().map(|one| (&*one.name, one.import, one.binding)).collect();
        assert_eq!(found, [("one", Some(0), Binding::Global), ("two", None, Binding::Weak)], "{cpu:#x}");
        assert_eq!((facts.exports.len(), facts.python_exports), (1, vec!["PyInit_three".to_owned()]));
    }
}

#[test]
fn fixups_name_what_a_file_without_symbol_table_needs() {
    for name in ["libdemo.dylib", "_demo.so", "program"] {
        let bytes = fixture(&format!("macho/arm64/{name}"));
        let all = format::symbols(&bytes, &one(&bytes)).unwrap().undefined;
        let mut stripped = bytes.clone();
        let at = (32..4096).step_by(4).find(|at| bytes[*at..*at + 8] == [2, 0, 0, 0, 24, 0, 0, 0]).unwrap();
        stripped[at + 1] = 7;
        let image = one(&stripped);
        assert_eq!(image.macho().unwrap().unknown_commands, [0x702]);
        let found = format::symbols(&stripped, &image).unwrap().undefined;
        // Symbols that no fixup uses are in the symbol table alone.
        assert!(!found.is_empty(), "{name}");
        for symbol in found {
            assert!(all.contains(&symbol), "{name}: {symbol:?} {all:?}");
        }
    }
}

#[test]
fn a_bundle_is_a_library_and_an_object_is_none() {
    let bytes = fixture("macho/arm64/_demo.so");
    assert_eq!(one(&bytes).macho().unwrap().file_type, FileType::Bundle);
    assert_eq!(one(&bytes).kind, ImageKind::Library);
    assert_eq!(one(&fixture("macho/arm64/program")).kind, ImageKind::Program);
    let object = fixture("macho/odd/object.o");
    let image = one(&object);
    assert_eq!((image.format, image.kind, image.arch), (Format::MachO, ImageKind::Object, Arch::Aarch64));
    assert!(image.faults.is_empty() && image.macho().unwrap().structure.is_empty());
    assert!(format::symbols(&object, &image).unwrap().undefined.is_empty());
}

#[test]
fn slices_know_their_place_and_processor() {
    for (name, container) in [("libtiny", Container::Universal32), ("libtiny64", Container::Universal64)] {
        let bytes = fixture(&format!("macho/universal2/{name}.dylib"));
        let images = inspect(&bytes);
        assert_eq!(images.iter().map(|image| image.arch).collect::<Vec<_>>(), [Arch::X86_64, Arch::Aarch64]);
        for image in &images {
            assert_eq!(image.macho().unwrap().container, container);
            assert_eq!(slice(&bytes, image)[..4], [0xcf, 0xfa, 0xed, 0xfe]);
        }
    }
    for (cpu, subtype, is_big, arch) in [
        (7, 3, false, Arch::X86),
        (18, 0, true, Arch::Ppc),
        (0x0100_0012, 0, true, Arch::Ppc64),
        (0x0100_0007, 8, false, Arch::X86_64h),
        (0x0100_0007, 0x8000_0003, false, Arch::X86_64),
        (0x0100_000c, 0x8000_0002, false, Arch::Arm64e),
        (0x0100_000c, 0, false, Arch::Aarch64),
        (0x0200_000c, 1, false, Arch::Arm64_32),
        (12, 9, false, Arch::Armv7l),
        (0x0100_0018, 0, false, Arch::Other(0x0100_0018)),
    ] {
        let bytes = RawMacho::of(cpu, subtype, is_big).build();
        let image = one(&bytes);
        assert_eq!(image.arch, arch);
        assert_eq!(image.identity.as_deref(), Some("@rpath/libself.dylib"));
        assert_eq!(image.imports[0].name, SYSTEM);
        assert_eq!(image.macho().unwrap().room.free(), 256, "{arch:?}");
        assert!(image.faults.is_empty() && image.macho().unwrap().structure.is_empty(), "{arch:?} {image:?}");
    }
}

#[test]
fn imports_of_every_kind_keep_their_place() {
    let spec = RawMacho::default();
    let spec = spec
        .clone()
        .with(spec.dylib(WEAK, "weak"))
        .with(spec.dylib(REEXPORT, "reexport"))
        .with(spec.dylib(UPWARD, "upward"))
        .with(spec.dylib(LAZY, "lazy"))
        .with(spec.use_dylib(LOAD, "use", 0))
        .with(spec.use_dylib(LOAD, "use delayed", 8))
        .with(spec.use_dylib(WEAK, "use weak", 1))
        .with(spec.use_dylib(LOAD, "use reexport", 2))
        .with(spec.use_dylib(LOAD, "use upward", 4));
    // Without its marker at the right place it is an older command, whatever follows.
    let mut old = spec.use_dylib(LOAD, "no use", 2);
    old[12] = 1;
    let spec = spec.with(old);
    let image = one(&spec.build());
    let found: Vec<(&str, ImportKind)> =
        image.imports.iter().skip(2).map(|import| (import.name.as_str(), import.kind)).collect();
    assert_eq!(
        found,
        [
            ("weak", ImportKind::Weak),
            ("reexport", ImportKind::Reexport),
            ("upward", ImportKind::Upward),
            ("lazy", ImportKind::Lazy),
            ("use", ImportKind::Needed),
            ("use delayed", ImportKind::Needed),
            ("use weak", ImportKind::Weak),
            ("use reexport", ImportKind::Reexport),
            ("use upward", ImportKind::Upward),
            ("no use", ImportKind::Needed),
        ]
    );
}

#[test]
fn a_library_that_a_record_in_linkedit_loads_is_lazy_and_last() {
    let linkedit = [&16_u32.to_le_bytes()[..], &[0; 12], b"@rpath/liblate.dylib\0"].concat();
    let mut spec = RawMacho { linkedit, ..RawMacho::default() };
    let place = [spec.linkedit_offset() as u32, spec.linkedit.len() as u32];
    spec.commands.insert(0, spec.command(0x3a, &spec.words(&place)));
    let image = one(&spec.build());
    let last = image.imports.last().unwrap();
    assert_eq!((last.name.as_str(), last.kind), ("@rpath/liblate.dylib", ImportKind::Lazy));
    assert_eq!(image.imports.len(), 3);
}

#[test]
fn systems_and_versions_of_every_age_are_stated() {
    let stated = |commands: &[Vec<u8>]| {
        let mut spec = RawMacho::default();
        spec.commands.retain(|command| command[0] != 0x32);
        spec.commands.extend_from_slice(commands);
        let image = one(&spec.build());
        let platforms = &image.macho().unwrap().platforms;
        platforms.iter().map(|stated| (stated.platform, stated.min_os.to_string())).collect::<Vec<_>>()
    };
    let spec = RawMacho::default();
    let old = |kind: u32, version: u32| spec.command(kind, &spec.words(&[version, 0]));
    assert_eq!(stated(&[]), []);
    assert_eq!(stated(&[old(0x24, 0x000a_0d06)]), [(ApplePlatform::MacOs, "10.13.6".to_owned())]);
    assert_eq!(stated(&[old(0x25, 0x000d_0000)]), [(ApplePlatform::IosSimulator, "13.0".to_owned())]);
    let zippered = [spec.version(1, 11 << 16, 0), spec.version(6, 14 << 16, 0)];
    assert_eq!(
        stated(&zippered),
        [(ApplePlatform::MacOs, "11.0".to_owned()), (ApplePlatform::MacCatalyst, "14.0".to_owned())]
    );
    let bytes = RawMacho::of(0x0100_000c, 0, false).with(spec.version(2, 13 << 16, 0)).build();
    let image = one(&bytes);
    assert_eq!(image.macho().unwrap().platform(ApplePlatform::Ios).unwrap().min_os, AppleVersion::new(13, 0, 0));
}

#[test]
fn a_static_archive_in_a_universal_file_does_no_harm() {
    let other = RawMacho::default().build();
    let bytes = universal(&[b"!<arch>\n#1/20           0           0     0     644     4         `\n", &other], 12);
    let images = inspect(&bytes);
    assert_eq!(images[0].kind, ImageKind::Object);
    assert_eq!(images[0].macho().unwrap().file_type, FileType::Archive);
    assert!(format::symbols(&bytes, &images[0]).unwrap().exports.is_empty());
    assert_eq!(images[1].kind, ImageKind::Library);
    // By itself it is no binary at all.
    assert_eq!(format::detect(b"!<arch>\n#1/20           0           0     0     644     4         `\n"), None);
}

#[test]
fn unknown_load_commands_are_named_and_harmless() {
    let spec = RawMacho::default();
    let image = one(&spec.clone().with(spec.command(0x8000_0777, b"whatever")).build());
    assert_eq!(image.macho().unwrap().unknown_commands, [0x8000_0777]);
    assert!(image.faults.is_empty());
}

/// The rules that a file breaks.
fn rules(spec: &RawMacho, patch: impl FnOnce(&mut Vec<u8>)) -> Vec<StructureRule> {
    let mut bytes = spec.build();
    patch(&mut bytes);
    let mut rules: Vec<StructureRule> = one(&bytes).macho().unwrap().structure.iter().map(|one| one.rule).collect();
    rules.dedup();
    rules
}

#[test]
fn each_of_dyld_s_rules_is_stated_when_it_is_broken() {
    let spec = RawMacho::default();
    let nothing = |_: &mut Vec<u8>| {};
    assert_eq!(rules(&spec, nothing), []);
    let twice = spec.clone().with(spec.rpath("@loader_path")).with(spec.rpath("@loader_path"));
    assert_eq!(rules(&twice, nothing), [StructureRule::DuplicateRpath]);
    assert_eq!(rules(&spec.clone().with(spec.dylib(WEAK, SYSTEM)), nothing), [StructureRule::DuplicateImport]);
    let mut none = spec.clone();
    none.commands.truncate(3);
    assert_eq!(rules(&none, nothing), [StructureRule::NoImport]);
    let mut other = spec.clone();
    other.commands.remove(1);
    assert_eq!(rules(&other, nothing), [StructureRule::MissingUuid]);
    other.file_type = 2;
    other.commands.remove(0);
    assert_eq!(rules(&other, nothing), [], "a program needs neither UUID nor install name");
    let mut other = spec.clone();
    other.commands.remove(0);
    assert_eq!(rules(&other, nothing), [StructureRule::Identity]);
    let bundle = RawMacho { file_type: 8, ..spec.clone() };
    assert_eq!(rules(&bundle, nothing), [StructureRule::Identity]);
    assert_eq!(rules(&spec.clone().with(spec.dylib(ID, "again")), nothing), [StructureRule::Identity]);
    let at = spec.linkedit_offset() as u32;
    let place = |kind: u32, offset: u32, size: u32| spec.command(kind, &spec.words(&[offset, size]));
    let overlap = spec.clone().with(place(0x26, at, 16)).with(place(0x29, at + 8, 16));
    assert_eq!(rules(&overlap, nothing), [StructureRule::LinkeditOverlap]);
    assert_eq!(rules(&spec.clone().with(place(0x26, at, 72)), nothing), [StructureRule::LinkeditOutside]);
    assert_eq!(rules(&spec.clone().with(place(0x26, at + 4, 16)), nothing), [StructureRule::LinkeditMisaligned]);
    assert_eq!(rules(&spec.clone().with(place(0x1d, at + 4, 16)), nothing), [StructureRule::SignatureMisaligned]);
    // Places in the two segment commands, which stand first: address 24, size 32, offset 40, size 48, protection 60.
    let (text, linkedit) = (32, 32 + 152);
    assert_eq!(rules(&spec, |bytes| bytes[text + 60] = 7), [StructureRule::TextProtection]);
    assert_eq!(rules(&spec, |bytes| bytes[linkedit + 60] = 3), [StructureRule::LinkeditProtection]);
    assert_eq!(
        rules(&spec, |bytes| bytes[linkedit + 8..linkedit + 24].copy_from_slice(b"__TEXT\0\0\0\0\0\0\0\0\0\0"))[0],
        StructureRule::DuplicateSegment
    );
    assert!(rules(&spec, |bytes| bytes[linkedit + 24..linkedit + 32].fill(0)).contains(&StructureRule::SegmentOverlap));
    assert!(rules(&spec, |bytes| bytes[text + 24 + 2] = 1).contains(&StructureRule::SegmentOrder));
    assert!(rules(&spec, |bytes| bytes[text + 72 + 34] = 9).contains(&StructureRule::SectionOutside));
    assert!(rules(&spec, |bytes| bytes[linkedit + 32..linkedit + 40].fill(0)).contains(&StructureRule::SegmentSize));
    assert!(rules(&spec, |bytes| bytes[text + 48..text + 56].fill(0)).contains(&StructureRule::CommandsOutsideText));
    assert_eq!(
        rules(&spec, |bytes| bytes[linkedit + 72 + 24..linkedit + 72 + 48].fill(b'x')),
        [StructureRule::BadCommand]
    );
}

#[test]
fn linkers_sign_what_is_for_arm64() {
    for (name, bytes) in fixtures() {
        for image in inspect(&bytes) {
            let signature = image.macho().unwrap().signature.as_ref();
            match image.arch {
                Arch::Aarch64 => {
                    let signature = signature.unwrap_or_else(|| panic!("{name}"));
                    assert_eq!(
                        (signature.kind, &signature.state),
                        (SignatureKind::LinkerSigned, &SignatureState::Valid),
                        "{name}"
                    );
                    assert_eq!(signature.flags, 0x20002, "{name}");
                    assert!([4096, 16384].contains(&signature.page_size), "{name}");
                }
                _ => assert_eq!(signature, None, "{name}"),
            }
        }
    }
}
