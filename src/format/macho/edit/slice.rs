//! One slice carried out: load commands written, `__LINKEDIT` sized, the signature made.

use super::super::facts::{ApplePlatform, FileType};
use super::super::read::{Macho, Segment};
use super::super::signature::{self, CODE_SIGNATURE, Parts, SignatureKind, SignatureState};
use super::super::structure::tables;
use super::super::{inspect, read, sign};
use super::commands::Entry;
use super::wanted::{Cost, Wanted, version_place};
use crate::error::{Error, Result};
use crate::format::bytes::{BytesMut, Width, align_up};
use crate::format::edit::{Change, Edit, EditSet};

/// The largest pages of a system; `__LINKEDIT` takes whole ones in memory.
const PAGE: u64 = 0x4000;

/// More load commands than any linker writes.
const MAX_COMMANDS: usize = 16 * 1024;

/// What becomes of a slice's signature.
#[derive(Debug, Clone)]
pub(super) enum Signing {
    /// There is none and there will be none, or it stays as it is.
    Untouched,
    /// It is made.
    Make(sign::Plan),
}

/// Decides what becomes of the signature, and adds a load command for it where there is none. A signature that cannot be
/// read is made anew.
pub(super) fn plan_signature<'a>(slice: &Macho<'a>, wanted: &mut Wanted<'a>, edits: &EditSet) -> Signing {
    let place = signature::place(slice);
    let parts = place.and_then(|(offset, size)| Parts::read(slice, offset, size).ok());
    let is_asked = edits.edits().contains(&Edit::Sign);
    if wanted.changes.is_empty() {
        if !is_asked {
            return Signing::Untouched;
        }
        if parts.as_ref().is_some_and(|parts| parts.state(slice) == SignatureState::Valid) {
            if parts.as_ref().is_some_and(|parts| parts.kind() == SignatureKind::Cms) {
                wanted.notes.push("it has a valid signature by certificate, which stays".to_owned());
            }
            return Signing::Untouched;
        }
    } else if place.is_none() && !is_asked && !must_be_signed(slice) {
        return Signing::Untouched;
    }
    let identity = wanted.told.identity.as_deref().and_then(|name| std::str::from_utf8(name).ok());
    let is_program = slice.header.file_type == 2;
    let name = sign::identifier(identity, slice);
    let plan = sign::Plan::new(parts.as_ref(), &name, is_program);
    wanted.notes.extend(plan.lost.iter().cloned());
    if place.is_some() && parts.is_none() {
        wanted.notes.push("the signature could not be read and is made anew".to_owned());
    }
    if place.is_none() {
        wanted.commands.push(Entry::code_signature(&slice.header));
        wanted.costs.push(Cost { name: "LC_CODE_SIGNATURE".to_owned(), bytes: 16 });
        let to = Some(format!("ad hoc, `{name}`"));
        wanted.changes.push(Change { what: "signature", from: None, to });
    } else if wanted.changes.is_empty() {
        let (from, to) = (Some("not true of the file".to_owned()), Some("ad hoc".to_owned()));
        wanted.changes.push(Change { what: "signature", from, to });
    }
    Signing::Make(plan)
}

/// Whether a changed slice without signature has to get one: arm64 Macs and simulators run nothing unsigned. What is for a
/// device is signed when its app is built.
fn must_be_signed(slice: &Macho<'_>) -> bool {
    let is_arm64 = matches!(slice.header.cpu_type, 0x0100_000c | 0x0200_000c);
    let platform = slice.commands.iter().find_map(version_place).map(|(_, platform)| platform);
    let is_device = matches!(
        platform,
        Some(ApplePlatform::Ios | ApplePlatform::TvOs | ApplePlatform::WatchOs | ApplePlatform::VisionOs)
    );
    is_arm64 && !is_device
}

/// Refuses files that no loader takes, whose tables are another tool's business, and those whose load commands are not
/// where and as long as the header says.
///
/// # Errors
/// `Unsupported` if it is an object, a debug companion or the like, or contradicts itself.
pub(super) fn check(slice: &Macho<'_>, segments: &[Segment<'_>]) -> Result<()> {
    let file_type = FileType::from_raw(slice.header.file_type);
    if !file_type.is_loaded() {
        let what = match file_type {
            FileType::Object => "a relocatable object",
            FileType::Dsym => "a debug companion",
            FileType::Core => "a core dump",
            _ => "no program, library or bundle",
        };
        return Err(Error::unsupported(format!("it is {what}, which dyld does not load")));
    }
    if slice.commands.len() > MAX_COMMANDS {
        return Err(Error::unsupported(format!("it has {} load commands", slice.commands.len())));
    }
    let size: u64 = slice.commands.iter().map(|command| command.bytes.len()).sum();
    if size != u64::from(slice.header.commands_size) {
        return Err(Error::unsupported("its load commands are not as long as its header says"));
    }
    if inspect::room(slice, segments).limit < slice.header.commands_end() {
        return Err(Error::unsupported("its load commands overlap a section or a segment"));
    }
    Ok(())
}

/// Writes the slice anew.
///
/// # Errors
/// `Unsupported` if the signature has no place at the slice's end, or the file becomes too large.
pub(super) fn write(
    slice: &Macho<'_>,
    segments: &[Segment<'_>],
    wanted: &mut Wanted<'_>,
    signing: &Signing,
) -> Result<Vec<u8>> {
    let data = slice.bytes.data();
    let mut out;
    match signing {
        Signing::Untouched => out = data.to_vec(),
        Signing::Make(plan) => {
            let end = signature_offset(slice, segments)?;
            let size = plan.size(end)?;
            let length = usize::try_from(end).map_err(|_| too_large())?;
            out = Vec::with_capacity(length.saturating_add(size as usize));
            out.extend_from_slice(data.get(..length).unwrap_or(data));
            out.resize(length, 0);
            place_signature(slice, segments, wanted, (end, size))?;
        }
    }
    write_commands(slice, wanted, &mut out)?;
    if let Signing::Make(plan) = signing {
        let text = segments.iter().find(|segment| segment.name == b"__TEXT");
        let text = text.map_or((0, 0), |text| (text.offset, text.file_size));
        let made = plan.make(&out, text)?;
        out.extend_from_slice(&made);
    }
    Ok(out)
}

fn write_commands(slice: &Macho<'_>, wanted: &Wanted<'_>, out: &mut Vec<u8>) -> Result<()> {
    let size: u64 = wanted.commands.iter().map(Entry::size).sum();
    let mut writer = BytesMut::new(out, slice.header.endian);
    writer.put_u32(16, u32::try_from(wanted.commands.len()).map_err(|_| too_large())?)?;
    writer.put_u32(20, u32::try_from(size).map_err(|_| too_large())?)?;
    let mut at = slice.header.size();
    for entry in &wanted.commands {
        writer.put(at, &entry.bytes)?;
        at += entry.size();
    }
    let old_end = slice.header.commands_end();
    if let Some(freed) = old_end.checked_sub(at).and_then(|freed| usize::try_from(freed).ok()) {
        writer.put(at, &vec![0; freed])?;
    }
    Ok(())
}

/// Where the signature begins: where it was, or behind everything else, on a multiple of 16.
fn signature_offset(slice: &Macho<'_>, segments: &[Segment<'_>]) -> Result<u64> {
    let refuse = |what: &str| Err(Error::unsupported(format!("it cannot be signed: {what}")));
    let Some(linkedit) = segments.iter().find(|segment| segment.name == b"__LINKEDIT") else {
        return refuse("it has no `__LINKEDIT`");
    };
    let length = slice.bytes.len();
    if linkedit.offset.checked_add(linkedit.file_size) != Some(length) {
        return refuse("`__LINKEDIT` does not reach to the file's end");
    }
    let is_last = segments.iter().all(|segment| {
        segment.name == b"__LINKEDIT"
            || segment.file_size == 0
            || segment.offset.checked_add(segment.file_size).is_some_and(|end| end <= linkedit.offset)
    });
    if !is_last {
        return refuse("`__LINKEDIT` is not its last segment");
    }
    let offset = match signature::place(slice) {
        None => length,
        Some((offset, size)) => {
            if offset < linkedit.offset || offset.checked_add(size) != Some(length) {
                return refuse("its old signature is not at the file's end");
            }
            let others = tables(slice).into_iter().filter(|table| table.name != "code signature");
            if others.into_iter().any(|table| table.offset.saturating_add(table.size) > offset) {
                return refuse("its old signature overlaps another table");
            }
            offset
        }
    };
    align_up(offset, 16).ok_or_else(too_large)
}

/// Writes the signature's place into its load command, and the new size into that of `__LINKEDIT`.
fn place_signature(
    slice: &Macho<'_>,
    segments: &[Segment<'_>],
    wanted: &mut Wanted<'_>,
    place: (u64, u32),
) -> Result<()> {
    let (offset, size) = place;
    let Some(linkedit) = segments.iter().find(|segment| segment.name == b"__LINKEDIT") else { return Ok(()) };
    let header = &slice.header;
    let file_size = (offset + u64::from(size)).saturating_sub(linkedit.offset);
    let memory_size = align_up(file_size, PAGE).ok_or_else(too_large)?.max(linkedit.memory_size);
    let end = linkedit.address.checked_add(memory_size).ok_or_else(too_large)?;
    let is_behind = |segment: &&Segment<'_>| segment.address > linkedit.address && segment.memory_size > 0;
    if segments.iter().filter(is_behind).any(|segment| segment.address < end) {
        return Err(Error::unsupported("it cannot be signed: another segment follows `__LINKEDIT` in memory"));
    }
    let short = u32::try_from(offset).map_err(|_| too_large())?;
    for entry in &mut wanted.commands {
        match entry.kind {
            CODE_SIGNATURE => {
                entry.put_u32(header.endian, 8, short)?;
                entry.put_u32(header.endian, 12, size)?;
            }
            read::SEGMENT | read::SEGMENT_64 if is_linkedit(&entry.bytes) => {
                let width = if entry.kind == read::SEGMENT { Width::W32 } else { Width::W64 };
                entry.put_word(header.endian, width, 24 + width.bytes(), memory_size)?;
                entry.put_word(header.endian, width, 24 + 3 * width.bytes(), file_size)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a segment command is that of `__LINKEDIT`.
pub(in super::super) fn is_linkedit(command: &[u8]) -> bool {
    // As readers take it: what follows the first NUL is no part of a name.
    command.get(8..24).is_some_and(|name| name.starts_with(b"__LINKEDIT\0"))
}

fn too_large() -> Error {
    Error::unsupported("the file becomes too large")
}
