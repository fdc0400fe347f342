//! From raw tables to an `Image`: what the Windows loader would see, and what is wrong with it.

use super::checksum::checksum;
use super::exports::Exports;
use super::facts::{Checksum, Debug, PeFacts, Signature, VersionInfo};
use super::imports::{Delayed, Descriptor, MAX_NAME, delayed, descriptors};
use super::load_config::LoadConfig;
use super::read::{FILE_DLL, FILE_EXECUTABLE, Pe, Section, directory, machine};
use super::resources;
use crate::arch::Arch;
use crate::error::{Error, Result};
use crate::format::bytes::escaped;
use crate::format::excerpt::Excerpt;
use crate::format::image::{Details, Fault, FaultKind, Format, Image, ImageKind, Import, ImportKind};

/// Entries of the debug directory that are read.
const MAX_DEBUG: u64 = 64;

/// Returns the facts of a PE file; `None` if it is a DOS program, or one of Windows 3 or OS/2.
///
/// Imports are listed in the order: import descriptors, delay imports, then the DLLs that export forwarders name (each
/// once, of kind [`ImportKind::Reexport`], with the extension that the loader adds).
///
/// # Errors
/// `Malformed` if the headers leave the file or contradict themselves. Everything else that is wrong is a fault of the
/// image.
pub fn inspect(file: Excerpt<'_>) -> Result<Option<Image>> {
    let Some(pe) = Pe::parse(file)? else { return Ok(None) };
    let mut faults = Vec::new();
    check_layout(&pe, &mut faults);
    let imports = take(descriptors(&pe), "import directory", &mut faults);
    let delays = take(delayed(&pe), "delay-import directory", &mut faults);
    let config = sound(LoadConfig::read(&pe), "load configuration", &mut faults).flatten();
    let exports = sound(Exports::read(&pe), "export directory", &mut faults).flatten();
    let mut names = Names { pe: &pe, faults, imports: Vec::new(), eager: Vec::new() };
    names.descriptors(&imports);
    names.delayed(&delays, &imports);
    let (identity, forwarders) = names.exports(exports.as_ref());
    let Names { mut faults, imports, eager, .. } = names;
    let header = &pe.header;
    let hybrid = config.and_then(|config| config.hybrid(header.machine));
    let facts = PeFacts {
        width: header.width,
        machine: header.machine,
        hybrid,
        characteristics: header.characteristics,
        dll_characteristics: header.dll_characteristics,
        subsystem: header.subsystem,
        subsystem_version: header.subsystem_version,
        os_version: header.os_version,
        linker_version: header.linker,
        timestamp: header.timestamp,
        image_base: header.image_base,
        dependent_load_flags: config.map_or(0, |config| config.dependent_load_flags),
        guard_flags: config.map_or(0, |config| config.guard_flags),
        has_load_config: config.is_some(),
        bound_imports: sound(bound(&pe), "bound imports", &mut faults).unwrap_or_default(),
        eager_delays: eager,
        forwarders,
        exports: exports.map_or(0, |exports| exports.functions().filter(|address| *address != 0).count() as u32),
        signature: pe.certificates().map(|(offset, size)| Signature { offset, size }),
        overlay: overlay(&pe),
        debug: sound(debug(&pe), "debug directory", &mut faults).unwrap_or_default(),
        coff_symbols: if header.symbol_table == 0 { 0 } else { header.symbol_count },
        checksum: match header.checksum {
            0 => Checksum::Absent,
            _ if !file.is_verified() => Checksum::NotCompared,
            stated if stated == checksum(file.data(), header.checksum_at()) => Checksum::Right,
            _ => Checksum::Wrong,
        },
        version: sound(resources::version(&pe), "version resource", &mut faults).unwrap_or_else(VersionInfo::default),
        is_managed: pe.directory(directory::CLR).address != 0,
        sections: header.section_count,
    };
    Ok(Some(Image {
        format: Format::Pe,
        arch: arch(header.machine),
        kind: kind(&pe),
        identity,
        imports,
        search_paths: Vec::new(),
        slice: 0..pe.bytes.len(),
        debug_bytes: debug_bytes(&pe),
        details: Details::Pe(Box::new(facts)),
        faults,
    }))
}

/// Bytes of sections with DWARF, which MinGW's linker leaves in the file.
fn debug_bytes(pe: &Pe<'_>) -> u64 {
    const PREFIX: &[u8] = b".debug_";
    // The string table follows the symbols (PE format, "COFF String Table"); names of more than 8 bytes are `/offset`.
    let strings = pe.header.symbol_table.saturating_add(u64::from(pe.header.symbol_count).saturating_mul(18));
    let is_debug = |section: &&Section| {
        let name = section.name.split(|byte| *byte == 0).next().unwrap_or_default();
        let offset = name.strip_prefix(b"/").and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
        match offset.filter(|_| pe.header.symbol_table != 0) {
            Some(offset) => {
                let long = strings.checked_add(offset).and_then(|at| pe.bytes.slice(at, PREFIX.len() as u64).ok());
                long == Some(PREFIX)
            }
            None => name.starts_with(PREFIX),
        }
    };
    pe.sections.iter().filter(is_debug).fold(0, |sum, section| sum.saturating_add(section.raw_size.into()))
}

/// The processor that a machine number stands for.
fn arch(machine: u16) -> Arch {
    match machine {
        machine::I386 => Arch::X86,
        machine::AMD64 => Arch::X86_64,
        machine::ARM64 => Arch::Aarch64,
        other => Arch::Other(u32::from(other)),
    }
}

fn kind(pe: &Pe<'_>) -> ImageKind {
    // Subsystems 2 and 3 are Windows' programs; drivers, EFI's and others are nothing that a program loads.
    let is_user = matches!(pe.header.subsystem, 0 | 2 | 3 | 9);
    match pe.header.characteristics {
        flags if flags & FILE_EXECUTABLE == 0 || !is_user => ImageKind::Object,
        flags if flags & FILE_DLL != 0 => ImageKind::Library,
        _ => ImageKind::Program,
    }
}

/// The names of libraries, as they are gathered.
struct Names<'p, 'a> {
    pe: &'p Pe<'a>,
    faults: Vec<Fault>,
    imports: Vec<Import>,
    eager: Vec<String>,
}

impl Names<'_, '_> {
    fn descriptors(&mut self, descriptors: &[Descriptor]) {
        for descriptor in descriptors {
            if let Some(name) = self.library(descriptor.name) {
                self.imports.push(Import { name, kind: ImportKind::Needed });
            }
        }
    }

    fn delayed(&mut self, delays: &[Delayed], descriptors: &[Descriptor]) {
        for delay in delays {
            let Some(name) = self.library(delay.name) else { continue };
            if descriptors.iter().any(|descriptor| descriptor.thunks == delay.thunks) {
                self.eager.push(name);
            } else {
                self.imports.push(Import { name, kind: ImportKind::Delay });
            }
        }
    }

    /// Takes the identity and the DLLs of forwarders; returns how many forwarders there are.
    fn exports(&mut self, exports: Option<&Exports<'_>>) -> (Option<String>, u32) {
        let Some(exports) = exports else { return (None, 0) };
        let identity = sound(exports.identity(self.pe), "export directory", &mut self.faults).flatten().map(escaped);
        let forwarders = sound(exports.forwarders(self.pe), "export forwarders", &mut self.faults).unwrap_or_default();
        let mut seen = std::collections::BTreeSet::new();
        for forwarder in &forwarders {
            match forwarder.library() {
                Some(name) if seen.insert(name.to_ascii_lowercase()) => {
                    let name = self.checked(&name);
                    self.imports.push(Import { name, kind: ImportKind::Reexport });
                }
                Some(_) => {}
                None => {
                    let message = format!("the forwarder `{}` names no DLL", escaped(forwarder.text));
                    self.faults.push(fault(FaultKind::OddName, message));
                }
            }
        }
        (identity, forwarders.len() as u32)
    }

    fn library(&mut self, address: u32) -> Option<String> {
        let bytes = sound(self.pe.text(address, MAX_NAME), "imports", &mut self.faults)?;
        Some(self.checked(bytes))
    }

    /// The name as text; what no file is called like is a fault.
    fn checked(&mut self, bytes: &[u8]) -> String {
        let name = escaped(bytes);
        if bytes.is_empty() {
            self.faults.push(fault(FaultKind::OddName, "an import has no name"));
        } else if !bytes.is_ascii() || bytes.iter().any(u8::is_ascii_control) {
            // The loader reads names in the code page of the machine, so other letters mean different files there.
            self.faults.push(fault(FaultKind::OddName, format!("the import `{name}` is not ASCII")));
        } else if bytes.iter().any(|byte| b"<>:\"/\\|?*".contains(byte)) {
            self.faults.push(fault(FaultKind::OddName, format!("the import `{name}` is not a file name")));
        }
        name
    }
}

/// States what no loader accepts about the sections.
fn check_layout(pe: &Pe<'_>, faults: &mut Vec<Fault>) {
    let outside = pe
        .sections
        .iter()
        .filter(|section| section.has_bytes())
        .filter(|section| u64::from(section.raw_offset) + u64::from(section.raw_size) > pe.bytes.len())
        .count();
    if outside > 0 {
        faults.push(fault(FaultKind::Truncated, format!("{outside} sections leave the file")));
    }
    let mut end = 0_u64;
    for section in &pe.sections {
        if u64::from(section.address) < end {
            let name = escaped(section.name());
            faults.push(fault(FaultKind::Contradiction, format!("section `{name}` overlaps the one before it")));
            break;
        }
        end = u64::from(section.address) + u64::from(section.memory_size());
    }
    let directory = pe.directory(directory::SECURITY);
    if directory.size > 0 && pe.certificates().is_none() {
        faults.push(fault(FaultKind::Truncated, "the certificate table leaves the file"));
    }
}

/// The names that the table of bound imports holds.
fn bound(pe: &Pe<'_>) -> Result<Vec<String>> {
    let directory = pe.directory(directory::BOUND_IMPORT);
    let mut names = Vec::new();
    if directory.address == 0 || directory.size == 0 {
        return Ok(names);
    }
    let mut at = 0_u32;
    while names.len() < 1024 {
        let entry = directory.address.checked_add(at).ok_or_else(|| Error::malformed("an address leaves the image"))?;
        let start = pe.offset(entry, 8)?;
        let (stamp, name, more) = (pe.bytes.u32(start)?, pe.bytes.u16(start + 4)?, pe.bytes.u16(start + 6)?);
        if stamp == 0 && name == 0 {
            break;
        }
        names.push(escaped(pe.text(directory.address.saturating_add(u32::from(name)), MAX_NAME)?));
        at = at.saturating_add(8 + 8 * u32::from(more));
    }
    Ok(names)
}

/// Reads the debug directory.
fn debug(pe: &Pe<'_>) -> Result<Vec<Debug>> {
    let directory = pe.directory(directory::DEBUG);
    if directory.address == 0 {
        return Ok(Vec::new());
    }
    let count = u64::from(directory.size / 28).min(MAX_DEBUG);
    let at = pe.offset(directory.address, count * 28)?;
    let mut entries = Vec::new();
    for index in 0..count {
        let entry = at + 28 * index;
        let (kind, size, offset) =
            (pe.bytes.u32(entry + 12)?, u64::from(pe.bytes.u32(entry + 16)?), u64::from(pe.bytes.u32(entry + 24)?));
        // `RSDS`, an identifier of 16 bytes, an age, the path.
        let pdb = (kind == 2 && pe.bytes.slice(offset, 4).is_ok_and(|magic| magic == b"RSDS"))
            .then(|| pe.bytes.c_string(offset + 24, offset + size).ok().map(escaped))
            .flatten();
        entries.push(Debug { kind, offset, size, pdb });
    }
    Ok(entries)
}

/// Bytes after the last section, certificates left out.
fn overlay(pe: &Pe<'_>) -> u64 {
    let end = pe.sections_end();
    let certificates = pe.certificates().filter(|(at, _)| *at >= end).map_or(0, |(_, size)| size);
    pe.bytes.len().saturating_sub(end).saturating_sub(certificates)
}

/// The entries of a table; what keeps it from being read to its end becomes a fault.
fn take<T>(table: super::imports::Table<T>, what: &str, faults: &mut Vec<Fault>) -> Vec<T> {
    if let Some(error) = table.error {
        faults.push(fault(FaultKind::Truncated, error.context(what)));
    }
    table.entries
}

/// What was read, if it is sound; else a fault says what is wrong.
fn sound<T>(result: Result<T>, what: &str, faults: &mut Vec<Fault>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            faults.push(fault(FaultKind::Truncated, error.context(what)));
            None
        }
    }
}

/// Returns a fault from a phrase or an error.
fn fault(kind: FaultKind, message: impl ToString) -> Fault {
    Fault { kind, message: message.to_string() }
}
