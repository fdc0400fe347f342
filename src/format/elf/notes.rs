//! Notes: build-id, GNU properties, Android's API level, what is opened at run time, the distribution's package.

use object::elf;

use super::facts::{Dlopen, Properties};
use super::read::{Elf, Segment};
use crate::format::bytes::{Bytes, Width, align_up, escaped};
use crate::format::image::{Fault, FaultKind};

/// More notes than any linker writes.
const MAX_NOTES: usize = 4096;
/// The longest JSON note that is read.
const MAX_JSON: usize = 64 * 1024;
/// More entries, or names in an entry, of `.note.dlopen` than anyone writes; the rest is left out.
const MAX_DLOPENS: usize = 256;
/// `NT_FDO_DLOPEN_METADATA` (uapi-group.org, "ELF dlopen() Metadata").
const FDO_DLOPEN: u32 = 0x407c_0c0a;
/// `NT_FDO_PACKAGING_METADATA` (uapi-group.org, "Package Metadata for Executable Files").
const FDO_PACKAGE: u32 = 0xcafe_1a7e;

/// What the notes state.
#[derive(Debug, Default)]
pub(super) struct NoteFacts {
    pub(super) build_id: Option<Vec<u8>>,
    pub(super) android_api: Option<u32>,
    pub(super) dlopens: Vec<Dlopen>,
    pub(super) package: Option<String>,
    pub(super) properties: Properties,
}

/// One note.
struct Note<'a> {
    owner: &'a [u8],
    kind: u32,
    description: Bytes<'a>,
}

/// Reads the notes in `PT_NOTE` segments, and the properties in `PT_GNU_PROPERTY` where there is one.
pub(super) fn read_notes(file: &Elf<'_>, faults: &mut Vec<Fault>) -> NoteFacts {
    let mut facts = NoteFacts::default();
    // Segments may overlap: all together may not be longer than the file.
    let mut left = file.bytes.len();
    let mut count = 0;
    let mut from_notes = Properties::default();
    for segment in file.segments.iter().filter(|segment| segment.kind == elf::PT_NOTE.0) {
        if segment.file_size > left {
            faults.push(truncated("the notes leave the file or overlap"));
            break;
        }
        left -= segment.file_size;
        let sound = each_note(file, segment, &mut |note| {
            count += 1;
            if count <= MAX_NOTES {
                read_note(file, note, &mut facts, &mut from_notes);
            }
        });
        if !sound {
            faults.push(truncated("a note leaves its segment"));
        }
    }
    if count > MAX_NOTES {
        faults.push(truncated(format!("{count} notes, more than {MAX_NOTES}")));
    }
    // glibc takes the properties from PT_GNU_PROPERTY; where that is absent, from PT_NOTE (elf/dl-load.c).
    facts.properties = match file.segments.iter().rev().find(|segment| segment.kind == elf::PT_GNU_PROPERTY.0) {
        None => from_notes,
        Some(segment) => {
            let mut properties = Properties::default();
            let sound = segment.file_size <= file.bytes.len()
                && each_note(file, segment, &mut |note| {
                    if note.owner == b"GNU" && note.kind == elf::NT_GNU_PROPERTY_TYPE_0.0 {
                        read_properties(file, note.description, &mut properties);
                    }
                });
            if !sound {
                faults.push(truncated("the property note leaves its segment"));
            }
            properties
        }
    };
    facts
}

/// Calls `visit` for each note of a segment; false if one leaves it.
fn each_note<'a>(file: &Elf<'a>, segment: &Segment, visit: &mut dyn FnMut(Note<'a>)) -> bool {
    let Ok(data) = file.bytes.slice(segment.offset, segment.file_size) else { return false };
    let bytes = Bytes::new(data, file.bytes.endian());
    let align = if segment.align == 8 { 8 } else { 4 };
    let mut at = 0;
    // Padding at the end is shorter than a note's header.
    while at + 12 <= bytes.len() {
        let Some((note, next)) = read_note_at(bytes, at, align) else { return false };
        visit(note);
        at = next;
    }
    true
}

fn read_note_at(bytes: Bytes<'_>, at: u64, align: u64) -> Option<(Note<'_>, u64)> {
    let name_size = u64::from(bytes.u32(at).ok()?);
    let description_size = u64::from(bytes.u32(at + 4).ok()?);
    let kind = bytes.u32(at + 8).ok()?;
    let name = bytes.slice(at + 12, name_size).ok()?;
    let owner = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let description_at = align_up(at + 12 + name_size, align)?;
    let description = bytes.slice(description_at, description_size).ok()?;
    let next = align_up(description_at + description_size, align)?;
    Some((Note { owner, kind, description: Bytes::new(description, bytes.endian()) }, next))
}

fn read_note(file: &Elf<'_>, note: Note<'_>, facts: &mut NoteFacts, properties: &mut Properties) {
    match (note.owner, note.kind) {
        (b"GNU", kind) if kind == elf::NT_GNU_BUILD_ID.0 && note.description.len() <= 64 => {
            facts.build_id.get_or_insert_with(|| note.description.data().to_vec());
        }
        (b"GNU", kind) if kind == elf::NT_GNU_PROPERTY_TYPE_0.0 => {
            read_properties(file, note.description, properties);
        }
        (b"Android", 1) => {
            if let Ok(level) = note.description.u32(0) {
                facts.android_api.get_or_insert(level);
            }
        }
        (b"FDO", FDO_DLOPEN) => read_dlopens(json(&note), &mut facts.dlopens),
        (b"FDO", FDO_PACKAGE) => {
            facts.package = facts.package.take().or_else(|| Some(escaped(json(&note))));
        }
        _ => {}
    }
}

/// The JSON text of a note, without the NULs that pad it; empty where it is too long to be one.
fn json<'a>(note: &Note<'a>) -> &'a [u8] {
    let text = note.description.data().split(|byte| *byte == 0).next().unwrap_or_default();
    if text.len() > MAX_JSON { &[] } else { text }
}

/// Reads `[{"soname": […], "feature": …, "priority": …}]`; what is otherwise shaped is left out.
fn read_dlopens(text: &[u8], dlopens: &mut Vec<Dlopen>) {
    let Ok(serde_json::Value::Array(items)) = serde_json::from_slice(text) else { return };
    for item in items {
        if dlopens.len() >= MAX_DLOPENS {
            return;
        }
        let text = |key: &str| item.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
        let names = item.get("soname").and_then(serde_json::Value::as_array);
        let names = names.into_iter().flatten().take(MAX_DLOPENS);
        let names: Vec<String> = names.filter_map(|name| name.as_str().map(str::to_owned)).collect();
        if !names.is_empty() {
            dlopens.push(Dlopen { names, feature: text("feature"), priority: text("priority") });
        }
    }
}

/// Reads the properties of a `NT_GNU_PROPERTY_TYPE_0` description; stops at the first that leaves it.
fn read_properties(file: &Elf<'_>, bytes: Bytes<'_>, properties: &mut Properties) {
    let align = match file.header.width {
        Width::W32 => 4,
        Width::W64 => 8,
    };
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let (Ok(kind), Ok(size)) = (bytes.u32(at), bytes.u32(at + 4)) else { return };
        if bytes.slice(at + 8, u64::from(size)).is_err() {
            return;
        }
        let value = if size == 4 { bytes.u32(at + 8).ok() } else { None };
        let slot = match (elf::Machine(file.header.machine), kind) {
            (elf::EM_X86_64 | elf::EM_386, 0xc000_8002) => Some(&mut properties.x86_isa_needed),
            (elf::EM_X86_64 | elf::EM_386, 0xc001_0002) => Some(&mut properties.x86_isa_used),
            (elf::EM_X86_64 | elf::EM_386, 0xc000_0002) => Some(&mut properties.x86_features),
            (elf::EM_AARCH64, 0xc000_0000) => Some(&mut properties.aarch64_features),
            _ => None,
        };
        if let Some(slot) = slot {
            *slot = slot.or(value);
        }
        let Some(next) = align_up(at + 8 + u64::from(size), align) else { return };
        at = next;
    }
}

fn truncated(message: impl Into<String>) -> Fault {
    Fault { kind: FaultKind::Truncated, message: message.into() }
}
