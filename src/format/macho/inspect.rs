//! From raw tables to `Image`s: what dyld would see in each slice.

use super::facts::{
    ApplePlatform, AppleVersion, Container, FileType, MachoFacts, PlatformVersion, Room, SegmentFacts, Structure,
    StructureRule,
};
use super::names::Names;
use super::read::{Macho, Segment};
use super::signature;
use super::structure;
use super::universal::{Entry, Universal};
use crate::arch::Arch;
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian, Width, escaped};
use crate::format::excerpt::Excerpt;
use crate::format::image::{Details, Fault, FaultKind, Format, Image, ImageKind};

/// The largest load command number that is known.
const LAST_KNOWN: u32 = 0x3a;

/// Returns the facts of a Mach-O file, one [`Image`] a slice in the order of the file's header.
///
/// A static archive within a universal file is an object of which nothing else is known.
///
/// # Errors
/// `Malformed` if the universal header is not sound, or a slice has no sound Mach-O header. Everything else that is wrong
/// is a fault of the image.
pub fn inspect(file: Excerpt<'_>) -> Result<Vec<Image>> {
    let universal = Universal::of_excerpt(file)?;
    let several = universal.entries.len() > 1;
    let images = universal.entries.iter().enumerate().map(|(index, entry)| {
        let image = inspect_slice(file, universal.container, entry);
        image.map_err(|error| if several { error.context(format!("slice {index}")) } else { error })
    });
    images.collect()
}

/// The bytes of a slice.
pub(super) fn slice_bytes<'a>(data: &'a [u8], entry: &Entry) -> Result<&'a [u8]> {
    slice_of(data.into(), entry).map(Excerpt::data)
}

/// A slice of a file of which not all may have been read.
pub(super) fn slice_of<'a>(file: Excerpt<'a>, entry: &Entry) -> Result<Excerpt<'a>> {
    file.part(&entry.range).ok_or_else(|| Error::malformed("a slice leaves the file"))
}

fn inspect_slice(file: Excerpt<'_>, container: Container, entry: &Entry) -> Result<Image> {
    let part = slice_of(file, entry)?;
    let magic = Bytes::of_excerpt(part, Endian::Big).slice(0, 8).unwrap_or_default();
    if container != Container::Thin && (magic == b"!<arch>\n" || magic == b"!<thin>\n") {
        return Ok(archive(container, entry));
    }
    let (slice, error) = Macho::parse_what_is_sound(part)?;
    let mut faults = Vec::new();
    let header = slice.header;
    if container != Container::Thin
        && (header.cpu_type != entry.cpu_type || (header.cpu_subtype ^ entry.cpu_subtype) & 0xff_ffff != 0)
    {
        faults.push(Fault {
            kind: FaultKind::Contradiction,
            message: format!(
                "the universal header says `{}`, the slice `{}`",
                arch(entry.cpu_type, entry.cpu_subtype).apple_name(),
                arch(header.cpu_type, header.cpu_subtype).apple_name()
            ),
        });
    }
    let mut findings = Vec::new();
    if let Some(error) = &error {
        faults.push(Fault { kind: FaultKind::Truncated, message: error.message().to_owned() });
        findings.push(Structure { rule: StructureRule::BadCommand, message: error.message().to_owned() });
    }
    let file_type = FileType::from_raw(header.file_type);
    let names = Names::read(&slice, &mut faults);
    for message in &names.unended {
        faults.push(Fault { kind: FaultKind::Truncated, message: message.clone() });
        findings.push(Structure { rule: StructureRule::BadCommand, message: message.clone() });
    }
    let segments = slice.segments();
    findings.append(&mut structure::check(&slice, &names, &segments));
    let facts = MachoFacts {
        container,
        width: header.width,
        endian: header.endian,
        cpu_type: header.cpu_type,
        cpu_subtype: header.cpu_subtype,
        file_type,
        flags: header.flags,
        platforms: platforms(&slice),
        uuid: slice.of_kind(0x1b).find_map(|command| command.bytes.array(8).ok()),
        dylinker: names.dylinker.clone(),
        room: room(&slice, &segments),
        segments: segments.iter().map(segment_facts).collect(),
        structure: findings,
        signature: signature::read(&slice).map(|signature| match file.is_verified() {
            true => signature.compare(&slice),
            false => signature,
        }),
        encrypted: [0x21, 0x2c]
            .into_iter()
            .any(|kind| slice.of_kind(kind).any(|command| command.bytes.u32(16).is_ok_and(|system| system != 0))),
        unknown_commands: unknown_commands(&slice),
    };
    Ok(Image {
        format: Format::MachO,
        arch: arch(header.cpu_type, header.cpu_subtype),
        kind: match file_type {
            FileType::Program => ImageKind::Program,
            FileType::Dylib | FileType::Bundle => ImageKind::Library,
            FileType::Object
            | FileType::Core
            | FileType::Dylinker
            | FileType::DylibStub
            | FileType::Dsym
            | FileType::KextBundle
            | FileType::Archive
            | FileType::Other(_) => ImageKind::Object,
        },
        identity: names.identity,
        imports: names.imports,
        search_paths: names.search_paths,
        slice: entry.range.clone(),
        debug_bytes: debug_bytes(&segments),
        details: Details::MachO(Box::new(facts)),
        faults,
    })
}

/// Bytes of the segment in which debug data lies (`__DWARF`), in linked files that of a dSYM bundle.
fn debug_bytes(segments: &[Segment<'_>]) -> u64 {
    let debug = segments.iter().filter(|segment| segment.name == b"__DWARF");
    debug.fold(0, |sum, segment| sum.saturating_add(segment.file_size))
}

/// A static archive, of which only the processor is known.
fn archive(container: Container, entry: &Entry) -> Image {
    let facts = MachoFacts {
        container,
        width: if entry.cpu_type & 0x0100_0000 != 0 { Width::W64 } else { Width::W32 },
        endian: Endian::Little,
        cpu_type: entry.cpu_type,
        cpu_subtype: entry.cpu_subtype,
        file_type: FileType::Archive,
        flags: 0,
        platforms: Vec::new(),
        uuid: None,
        dylinker: None,
        room: Room::default(),
        segments: Vec::new(),
        structure: Vec::new(),
        signature: None,
        encrypted: false,
        unknown_commands: Vec::new(),
    };
    Image {
        format: Format::MachO,
        arch: arch(entry.cpu_type, entry.cpu_subtype),
        kind: ImageKind::Object,
        identity: None,
        imports: Vec::new(),
        search_paths: Vec::new(),
        slice: entry.range.clone(),
        debug_bytes: 0,
        details: Details::MachO(Box::new(facts)),
        faults: Vec::new(),
    }
}

/// The processor of `cputype` and `cpusubtype` (`mach/machine.h`); the subtype's top byte holds capabilities.
pub(super) fn arch(cpu_type: u32, cpu_subtype: u32) -> Arch {
    match (cpu_type, cpu_subtype & 0xff_ffff) {
        (7, _) => Arch::X86,
        (0x0100_0007, 8) => Arch::X86_64h,
        (0x0100_0007, _) => Arch::X86_64,
        (0x0100_000c, 2) => Arch::Arm64e,
        (0x0100_000c, _) => Arch::Aarch64,
        (0x0200_000c, _) => Arch::Arm64_32,
        (12, 6) => Arch::Armv6l,
        (12, _) => Arch::Armv7l,
        (18, _) => Arch::Ppc,
        (0x0100_0012, _) => Arch::Ppc64,
        (other, _) => Arch::Other(other),
    }
}

/// `LC_BUILD_VERSION` and the older `LC_VERSION_MIN_*`.
fn platforms(slice: &Macho<'_>) -> Vec<PlatformVersion> {
    let is_intel = matches!(slice.header.cpu_type, 7 | 0x0100_0007);
    // Before LC_BUILD_VERSION, an Intel binary for a device's system could only be for its simulator.
    let either = |device, simulator| if is_intel { simulator } else { device };
    let statement = |command: &super::read::Command<'_>| {
        let number = |at: u64| command.bytes.u32(at).ok();
        let (platform, at) = match command.kind {
            0x32 => (ApplePlatform::from_raw(number(8)?), 12),
            0x24 => (ApplePlatform::MacOs, 8),
            0x25 => (either(ApplePlatform::Ios, ApplePlatform::IosSimulator), 8),
            0x2f => (either(ApplePlatform::TvOs, ApplePlatform::TvOsSimulator), 8),
            0x30 => (either(ApplePlatform::WatchOs, ApplePlatform::WatchOsSimulator), 8),
            _ => return None,
        };
        Some(PlatformVersion { platform, min_os: AppleVersion(number(at)?), sdk: AppleVersion(number(at + 4)?) })
    };
    slice.commands.iter().filter_map(statement).collect()
}

/// How far load commands may reach: to the first byte of a section, or of a segment that has no sections.
pub(super) fn room(slice: &Macho<'_>, segments: &[Segment<'_>]) -> Room {
    let used = slice.header.commands_end();
    let mut limit = slice.bytes.len();
    for segment in segments {
        let sections = segment.sections.iter().filter(|section| section.size > 0 && !section.is_zero_fill());
        for section in sections {
            limit = limit.min(section.offset);
        }
        // The first segment holds the header itself.
        if segment.sections.is_empty() && segment.file_size > 0 && segment.offset > 0 {
            limit = limit.min(segment.offset);
        }
    }
    Room { used, limit }
}

fn segment_facts(segment: &Segment<'_>) -> SegmentFacts {
    SegmentFacts {
        name: escaped(segment.name),
        address: segment.address,
        memory_size: segment.memory_size,
        offset: segment.offset,
        file_size: segment.file_size,
        max_protection: segment.max_protection,
        protection: segment.protection,
        sections: u32::try_from(segment.sections.len()).unwrap_or(u32::MAX),
    }
}

fn unknown_commands(slice: &Macho<'_>) -> Vec<u32> {
    let known = |kind: u32| (1..=LAST_KNOWN).contains(&(kind & 0x7fff_ffff));
    let mut unknown: Vec<u32> =
        slice.commands.iter().map(|command| command.kind).filter(|kind| !known(*kind)).collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown
}
