//! The dynamic section: its strings and entries brought to what is wanted, at whatever place they end up.

use std::collections::BTreeMap;

use object::elf;

use super::append::Chunk;
use super::draft::Draft;
use super::model::{Extent, MIPS_RLD_MAP_REL, Model, is_table_tag};
use super::strings::{Live, Placement, place};
use super::tail;
use super::wanted::{Value, Wanted};
use crate::error::{Error, Result};
use crate::format::bytes::Width;
use crate::format::elf::read::DynamicEntry;

/// Spare entries in a dynamic section that had to move.
const SPARE_ENTRIES: usize = 16;
/// Section symbols, headers and tags of tables are aligned to words; `.dynstr` gains nothing from more.
const ALIGN: u64 = 8;

/// The strings with the new ones in place, and where the dynamic section goes.
#[derive(Debug)]
pub(super) struct Prepared {
    text: Vec<u8>,
    offsets: BTreeMap<Vec<u8>, u64>,
}

/// Changes the version tables in place, places the strings, and returns what needs a new place.
///
/// # Errors
/// `Unsupported` or `Malformed` if a table cannot be changed.
pub(super) fn prepare(draft: &mut Draft, model: &Model, wanted: &mut Wanted) -> Result<(Prepared, Vec<Chunk>)> {
    unlink(draft, model, wanted)?;
    let placed = place_strings(draft, model, wanted)?;
    rename_needs(draft, model, wanted, &placed.offsets)?;
    let mut chunks = Vec::new();
    wanted.shorten(model.capacity.saturating_sub(1));
    let has_room = wanted.entries.len() < model.capacity;
    if !has_room {
        let size = (wanted.entries.len() + 1 + SPARE_ENTRIES) as u64 * draft.header.dynamic_size();
        let size = usize::try_from(size).map_err(|_| Error::unsupported("too many dynamic entries"))?;
        // Code may know the old place (`_DYNAMIC`), so the old bytes stay as a copy.
        let from = model.dynamic;
        chunks.push(Chunk { from, bytes: vec![0; size], align: 16, is_written: true, clears: false });
    }
    let size = placed.text.len() as u64;
    if size > model.strings.size && !tail::grow(draft, model, size)? {
        let clears = !model.strings_are_shared;
        chunks.push(Chunk { from: model.strings, bytes: placed.text.clone(), align: ALIGN, is_written: false, clears });
    } else {
        draft.put(model.strings.offset, &placed.text)?;
    }
    Ok((Prepared { text: placed.text, offsets: placed.offsets }, chunks))
}

/// Takes the version needs of removed imports out of their list, and their indices out of `.gnu.version`.
fn unlink(draft: &mut Draft, model: &Model, wanted: &mut Wanted) -> Result<()> {
    let unlinked = model.versions.without(&wanted.removed);
    if wanted.removed.is_empty() {
        return Ok(());
    }
    let needs = model.table(elf::DT_VERNEED).ok_or_else(|| Error::malformed("no `DT_VERNEED`"))?.extent;
    if let Some(versym) = model.table(elf::DT_VERSYM) {
        for index in 0..model.symbols {
            let at = versym.extent.offset + index * 2;
            if unlinked.indices.contains(&(draft.read().u16(at)? & 0x7fff)) {
                draft.write().put_u16(at, elf::VER_NDX_GLOBAL.0)?;
            }
        }
    }
    for part in &unlinked.cleared {
        draft.clear(needs.offset + part, 16)?;
    }
    for (at, next) in &unlinked.links {
        draft.write().put_u32(needs.offset + at + 12, *next)?;
    }
    let keeps_versions = unlinked.start.is_some();
    let keeps_versym = keeps_versions || model.value(elf::DT_VERDEF).is_some();
    let start = unlinked.start.unwrap_or(0);
    wanted.entries.retain_mut(|entry| {
        match elf::DynamicTag(entry.tag) {
            elf::DT_VERNEED => entry.value = Value::Number(needs.address.saturating_add(start)),
            elf::DT_VERNEEDNUM => entry.value = Value::Number(unlinked.count),
            _ => {}
        }
        let is_needs = entry.tag == elf::DT_VERNEED.0 || entry.tag == elf::DT_VERNEEDNUM.0;
        (keeps_versions || !is_needs) && (keeps_versym || entry.tag != elf::DT_VERSYM.0)
    });
    for section in &mut draft.sections {
        if section.kind == elf::SHT_GNU_VERNEED.0 && section.address == needs.address {
            section.info = u32::try_from(unlinked.count).unwrap_or(0);
            section.address = section.address.saturating_add(start);
            section.offset = section.offset.saturating_add(start);
            section.size = if keeps_versions { section.size.saturating_sub(start) } else { 0 };
        }
        if section.kind == elf::SHT_GNU_VERSYM.0 && !keeps_versym {
            // readelf and elflint look for the tags of a section of that type.
            section.kind = elf::SHT_PROGBITS.0;
        }
    }
    Ok(())
}

/// Places the new strings among those that something still names.
fn place_strings(draft: &Draft, model: &Model, wanted: &Wanted) -> Result<Placement> {
    let stays = |index: &usize| !wanted.removed.contains(index);
    let mut live: Vec<u64> = symbol_names(draft, model)?;
    live.extend(&model.versions.definition_names);
    live.extend(wanted.entries.iter().filter_map(|entry| match entry.value {
        Value::Kept(at) => Some(at),
        Value::Number(_) | Value::New(_) => None,
    }));
    let mut freed: Vec<u64> = Vec::new();
    for (index, need) in model.versions.needs.iter().enumerate() {
        let list = if stays(&index) { &mut live } else { &mut freed };
        list.extend(need.versions.iter().map(|(_, name)| *name));
        let list = if stays(&index) && !wanted.renamed.contains_key(&index) { &mut live } else { &mut freed };
        list.push(need.file);
    }
    let named = model.entries.iter().filter(|entry| super::model::is_string_tag(entry.tag));
    freed.extend(named.map(|entry| entry.value));
    let live = if model.strings_are_shared { Live::everything(&model.text) } else { Live::of(&model.text, live) };
    Ok(place(&model.text, live, &freed, &wanted.new_strings()))
}

/// `st_name` of every dynamic symbol.
fn symbol_names(draft: &Draft, model: &Model) -> Result<Vec<u64>> {
    let Some(table) = model.table(elf::DT_SYMTAB) else { return Ok(Vec::new()) };
    let size = draft.header.symbol_size();
    let bytes = draft.read();
    // The section may say more than the hash tables and relocations.
    (0..table.extent.size / size).map(|index| bytes.u32(table.extent.offset + index * size).map(u64::from)).collect()
}

fn rename_needs(draft: &mut Draft, model: &Model, wanted: &Wanted, offsets: &BTreeMap<Vec<u8>, u64>) -> Result<()> {
    if wanted.renamed.is_empty() {
        return Ok(());
    }
    let needs = model.table(elf::DT_VERNEED).ok_or_else(|| Error::malformed("no `DT_VERNEED`"))?.extent;
    for (index, name) in &wanted.renamed {
        let need = model.versions.needs.get(*index);
        let at = need.map(|need| needs.offset + need.at + 4);
        let at = at.ok_or_else(|| Error::malformed("a version need is not there"))?;
        draft.write().put_u32(at, string_offset(offsets, name)?)?;
    }
    Ok(())
}

fn string_offset(offsets: &BTreeMap<Vec<u8>, u64>, name: &[u8]) -> Result<u32> {
    let at = offsets.get(name).copied().and_then(|at| u32::try_from(at).ok());
    at.ok_or_else(|| Error::unsupported("the dynamic strings would be too large"))
}

impl Prepared {
    /// Writes the entries, with every address as it is now.
    ///
    /// # Errors
    /// `Unsupported` if a value does not fit a 32-bit file.
    pub(super) fn write(&self, draft: &mut Draft, model: &Model, wanted: &Wanted) -> Result<()> {
        let place =
            draft.moves.iter().find(|moved| moved.from == model.dynamic).map_or(model.dynamic, |moved| moved.to);
        let old_index = model.entries.iter().position(|entry| entry.tag == MIPS_RLD_MAP_REL);
        let entry_size = draft.header.dynamic_size();
        let mut entries = Vec::with_capacity(wanted.entries.len());
        for (index, entry) in wanted.entries.iter().enumerate() {
            let value = match &entry.value {
                Value::Kept(at) => *at,
                Value::New(name) => u64::from(string_offset(&self.offsets, name)?),
                Value::Number(_) if entry.tag == elf::DT_STRSZ.0 => self.text.len() as u64,
                Value::Number(address) if is_table_tag(entry.tag) => draft.moved(*address),
                Value::Number(value) if entry.tag == MIPS_RLD_MAP_REL => {
                    // An offset from the entry itself.
                    let old = model.dynamic.address.wrapping_add(old_index.unwrap_or(index) as u64 * entry_size);
                    let new = place.address.wrapping_add(index as u64 * entry_size);
                    let value = value.wrapping_add(old).wrapping_sub(new);
                    if draft.header.width == Width::W32 { value & u64::from(u32::MAX) } else { value }
                }
                Value::Number(value) => *value,
            };
            entries.push(DynamicEntry { tag: entry.tag, value });
        }
        write_entries(draft, &place, &entries)?;
        if place != model.dynamic {
            let relro = draft.segments.iter().find(|segment| segment.kind == elf::PT_GNU_RELRO.0);
            let was_in = |relro: &crate::format::elf::read::Segment| {
                Extent { offset: relro.offset, address: relro.address, size: relro.memory_size }
                    .holds(model.dynamic.address)
            };
            if relro.is_some_and(was_in) {
                draft.notes.push("the dynamic section had no room for another entry and left RELRO".to_owned());
            } else {
                draft.notes.push("the dynamic section had no room for another entry and was moved".to_owned());
            }
        }
        Ok(())
    }
}

fn write_entries(draft: &mut Draft, place: &Extent, entries: &[DynamicEntry]) -> Result<()> {
    let width = draft.header.width;
    let size = draft.header.dynamic_size();
    draft.clear(place.offset, place.size)?;
    if (entries.len() as u64 + 1).saturating_mul(size) > place.size {
        return Err(Error::unsupported("the dynamic section has no room"));
    }
    for (index, entry) in entries.iter().enumerate() {
        let at = place.offset + index as u64 * size;
        let tag = match width {
            // Elf32_Sword: the tag was sign-extended when it was read.
            Width::W32 => entry.tag.cast_unsigned() & u64::from(u32::MAX),
            Width::W64 => entry.tag.cast_unsigned(),
        };
        let mut bytes = draft.write();
        bytes.put_word(at, width, tag)?;
        bytes.put_word(at + width.bytes(), width, entry.value)?;
    }
    Ok(())
}
