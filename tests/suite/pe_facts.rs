//! What is read of PE files: small ones of three machines, and built ones of every oddity.

use sha2::{Digest, Sha256};
use truewheel::Arch;
use truewheel::format::image::FaultKind;
use truewheel::format::pe::{Checksum, Hybrid};
use truewheel::format::{self, Format, Image, ImageKind, ImportKind, SymbolKind};

use crate::support::pe::{PeFile, dump};
use crate::support::{fixture, testdata};

pub(crate) fn pe(name: &str) -> Vec<u8> {
    fixture(&format!("pe/{name}"))
}

pub(crate) fn inspect(bytes: &[u8]) -> Image {
    format::inspect(bytes).unwrap().remove(0)
}

/// Every binary of `testdata/pe`, by name, in order.
pub(crate) fn fixtures() -> Vec<(String, Vec<u8>)> {
    let sums = std::fs::read_to_string(testdata("pe/SHA256SUMS")).unwrap();
    let names = sums.lines().map(|line| line.split_once("  ").unwrap().1.trim_start_matches("./"));
    names.map(|name| (name.to_owned(), pe(name))).collect()
}

#[test]
fn the_fixtures_are_those_that_were_built() {
    let sums = std::fs::read_to_string(testdata("pe/SHA256SUMS")).unwrap();
    for ((name, bytes), line) in fixtures().iter().zip(sums.lines()) {
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(line.starts_with(&digest), "{name}");
        assert!(bytes.len() < 64 * 1024, "{name}");
    }
}

#[test]
fn every_file_is_read_as_it_was_built() {
    let mut text = String::new();
    for (name, bytes) in fixtures().iter().filter(|(name, _)| name.starts_with("x86_64/")) {
        text += &format!("{name}\n{}", dump(bytes));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn all_machines_read_the_same() {
    for (folder, arch) in [("x86", Arch::X86), ("aarch64", Arch::Aarch64)] {
        for name in ["dep", "demo", "ordinal", "forward", "user", "config", "cycle_a", "cycle_b"] {
            let (one, other) = (pe(&format!("x86_64/{name}.dll")), pe(&format!("{folder}/{name}.dll")));
            // Sections of relocations differ with the code.
            let lines = |bytes: &[u8]| {
                let text = dump(bytes);
                let lines = text.lines().skip(1).map(|line| line.split(" sections").next().unwrap());
                lines.map(|line| line.trim_end_matches(char::is_numeric).to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(lines(&one), lines(&other), "{folder}/{name}");
            assert_eq!(inspect(&other).arch, arch, "{folder}/{name}");
        }
    }
}

#[test]
fn a_dos_program_is_no_binary_of_ours() {
    let dos = pe("dos.exe");
    assert_eq!(format::detect(&dos), None);
    // One of Windows 3: there is a further header, and it is another.
    let mut windows_3 = pe("x86/dep.dll");
    let header = PeFile::new(&windows_3).header();
    windows_3[header..header + 2].copy_from_slice(b"NE");
    assert_eq!(format::detect(&windows_3), Some(Format::Pe));
    assert_eq!(format::inspect(&windows_3).unwrap().len(), 0);
    // Text that begins like one.
    assert_eq!(format::detect(b"MZ is what Mark Zbikowski's files begin with, and this text is no file of his"), None);
}

#[test]
fn a_file_whose_header_is_cut_off_is_an_error() {
    let bytes = pe("x86_64/dep.dll");
    let header = PeFile::new(&bytes).header();
    assert!(format::inspect(&bytes[..header]).is_err());
    assert!(format::inspect(&bytes[..header + 30]).is_err());
}

#[test]
fn forwarders_are_imports_whose_functions_count_as_the_file_s_own() {
    let bytes = pe("x86_64/forward.dll");
    let image = inspect(&bytes);
    let imports: Vec<_> = image.imports.iter().map(|import| (import.name.as_str(), import.kind)).collect();
    assert_eq!(imports, [("dep.dll", ImportKind::Reexport)]);
    let symbols = format::symbols(&bytes, &image).unwrap();
    let needed: Vec<_> = symbols.undefined.iter().map(|symbol| (&*symbol.name, symbol.import)).collect();
    assert_eq!(needed, [("dep_data", Some(0)), ("dep_value", Some(0))]);
    assert!(symbols.exports.contains("fwd_value") && symbols.exports.contains("own_value"));
}

#[test]
fn functions_are_found_by_name_and_by_number() {
    let bytes = pe("x86_64/dep.dll");
    let symbols = format::symbols(&bytes, &inspect(&bytes)).unwrap();
    assert_eq!(symbols.exports.find("dep_value")[0].kind, SymbolKind::Function);
    assert_eq!(symbols.exports.find("dep_data")[0].kind, SymbolKind::Data);
    assert!(symbols.exports.contains("#1") && symbols.exports.contains("#2") && !symbols.exports.contains("#3"));
    let bytes = pe("x86_64/ordinal.dll");
    let symbols = format::symbols(&bytes, &inspect(&bytes)).unwrap();
    assert_eq!(&*symbols.undefined[0].name, "#2");
    let bytes = pe("aarch64/demo.dll");
    assert_eq!(format::symbols(&bytes, &inspect(&bytes)).unwrap().python_exports, ["PyInit__demo"]);
}

#[test]
fn the_version_resource_is_read() {
    let version = inspect(&pe("aarch64/dep.dll")).pe().unwrap().version.clone();
    assert_eq!(version.fixed_file_version, Some([1, 2, 3, 4]));
    assert_eq!(version.product_name.as_deref(), Some("Example"));
    assert_eq!(version.product_version.as_deref(), Some("1.2"));
    assert_eq!(version.file_version.as_deref(), Some("1.2.3.4"));
    assert_eq!(version.company_name.as_deref(), Some("Example Company"));
    assert_eq!(version.original_filename.as_deref(), Some("dep.dll"));
}

#[test]
fn signature_overlay_checksum_and_bound_imports_are_stated() {
    let plain = pe("x86_64/demo.dll");
    assert_eq!(inspect(&plain).pe().unwrap().checksum, Checksum::Absent);
    let odd = PeFile::new(&plain).bound().with_overlay(b"an overlay").signed().with_checksum().bytes;
    let image = inspect(&odd);
    let facts = image.pe().unwrap();
    assert_eq!(image.faults, []);
    assert_eq!(facts.bound_imports, ["dep.dll"]);
    assert_eq!(facts.overlay, 16, "the overlay and what pads it");
    assert_eq!(facts.signature.unwrap().size, 104);
    assert_eq!(facts.checksum, Checksum::Right);
    let mut wrong = odd;
    wrong[0x40] ^= 1;
    assert_eq!(inspect(&wrong).pe().unwrap().checksum, Checksum::Wrong);
}

#[test]
fn code_of_two_machines_is_told_by_the_load_configuration() {
    for (folder, hybrid) in [("x86", Hybrid::Chpe), ("x86_64", Hybrid::Arm64ec), ("aarch64", Hybrid::Arm64x)] {
        let bytes = pe(&format!("{folder}/config.dll"));
        assert_eq!(inspect(&bytes).pe().unwrap().hybrid, None);
        let facts = inspect(&PeFile::new(&bytes).hybrid().bytes).pe().unwrap().clone();
        assert_eq!((facts.hybrid, facts.dependent_load_flags), (Some(hybrid), 0x800));
    }
}

#[test]
fn what_no_loader_loads_is_an_object() {
    assert_eq!(inspect(&pe("x86_64/load.exe")).kind, ImageKind::Program);
    let mut driver = PeFile::new(&pe("x86_64/dep.dll"));
    let subsystem = driver.header() + 24 + 68;
    driver.bytes[subsystem] = 1;
    assert_eq!(inspect(&driver.bytes).kind, ImageKind::Object);
}

#[test]
fn tables_that_leave_the_file_are_faults() {
    let mut file = PeFile::new(&pe("x86_64/demo.dll"));
    let imports = file.directory(1);
    file.put_u32(imports, 0x00ff_0000);
    let image = inspect(&file.bytes);
    assert_eq!(image.imports, []);
    assert_eq!(image.faults[0].kind, FaultKind::Truncated);
    let text = pe("x86_64/demo.dll");
    let name = text.windows(8).position(|window| window == b"dep.dll\0").unwrap();
    let mut odd = text.clone();
    odd[name] = 0xe4;
    assert_eq!(inspect(&odd).faults[0].kind, FaultKind::OddName);
}

#[test]
fn names_in_the_text_of_a_file_are_found() {
    let names = format::pe::named_libraries(&pe("x86_64/delay.dll"));
    assert!(names.contains("dep.dll") && names.contains("kernel32.dll"), "{names:?}");
}
