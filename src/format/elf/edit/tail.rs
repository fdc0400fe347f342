//! Growing `.dynstr` where it is: into the gap behind it, by shifting the tables behind it, or at the file's own tail.

use object::elf;

use super::draft::{Draft, Move, file_end, memory_end};
use super::model::{Extent, Model};
use crate::error::Result;

/// Tables are aligned to 16 at most, so a shift by a multiple of it keeps every alignment.
const SHIFT: u64 = 16;

/// Tries to make `.dynstr` `size` bytes large without moving it; `Ok(false)` leaves everything as it was.
///
/// # Errors
/// `Malformed` if bytes leave the file.
pub(super) fn grow(draft: &mut Draft, model: &Model, size: u64) -> Result<bool> {
    let Some(index) = draft.load_of(&model.strings) else { return Ok(false) };
    Ok(into_gap(draft, model, size, index)?
        || shift_tail(draft, model, size, index)?
        || at_own_tail(draft, model, size, index)?)
}

/// Registers that `.dynstr` is larger now.
fn grown(draft: &mut Draft, model: &Model, size: u64) {
    draft.moves.push(Move { from: model.strings, to: Extent { size, ..model.strings } });
}

/// Alignment leaves a few bytes between `.dynstr` and what follows.
fn into_gap(draft: &mut Draft, model: &Model, size: u64, index: usize) -> Result<bool> {
    let Some(load) = draft.segments.get(index).copied() else { return Ok(false) };
    let end = model.strings.file_end();
    let tables = model.tables.iter().map(|table| table.extent.offset).filter(|start| *start >= end);
    let next = if draft.sections.is_empty() {
        // Without sections only the tables that a tag names are known; zeros before anything else may be its own.
        tables.min().filter(|start| start - end < SHIFT)
    } else {
        draft.next_thing_in(&load, end).into_iter().chain(tables).min()
    };
    let Some(next) = next.filter(|next| *next <= file_end(&load)) else { return Ok(false) };
    let needed = size - model.strings.size;
    if draft.zeros(end, next) < needed {
        return Ok(false);
    }
    grown(draft, model, size);
    Ok(true)
}

/// Everything from `.dynstr` to the end of its segment is tables that nothing but tags and headers point at, and zeros
/// follow: they move up together.
fn shift_tail(draft: &mut Draft, model: &Model, size: u64, index: usize) -> Result<bool> {
    let Some(load) = draft.segments.get(index).copied() else { return Ok(false) };
    if load.flags & elf::PF_W.0 != 0 || load.file_size != load.memory_size {
        return Ok(false);
    }
    let start = model.strings.file_end();
    let end = file_end(&load);
    // What alignment left free is used first, so that it never adds up.
    let gap = draft.next_thing_in(&load, start).map_or(0, |next| draft.zeros(start, next));
    let gap = if draft.sections.is_empty() || start == end || gap >= SHIFT { 0 } else { gap };
    let Some(by) = (size - model.strings.size).saturating_sub(gap).checked_next_multiple_of(SHIFT) else {
        return Ok(false);
    };
    // With nothing behind the strings there is nothing to keep aligned.
    let by = if start == end { size - model.strings.size } else { by };
    if draft.padding(index) < by || !is_movable(draft, model, start, end) {
        return Ok(false);
    }
    draft.shift(start, end - start, by)?;
    grown(draft, model, size);
    if end > start {
        let from = Extent { offset: start, address: model.strings.end(), size: end - start };
        let to = Extent { offset: start + by, address: from.address.saturating_add(by), size: from.size };
        draft.moves.push(Move { from, to });
    }
    if let Some(load) = draft.segments.get_mut(index) {
        load.file_size += by;
        load.memory_size += by;
    }
    Ok(true)
}

/// Whether the bytes `start..end` of the file are movable tables and zeros between them, and nothing else.
fn is_movable(draft: &Draft, model: &Model, start: u64, end: u64) -> bool {
    let mut at = start;
    for table in &model.tables {
        let extent = &table.extent;
        if extent.file_end() <= start || extent.offset >= end {
            continue;
        }
        let gap = extent.offset.saturating_sub(at);
        if extent.offset < start || gap >= SHIFT || draft.zeros(at, extent.offset) != gap {
            return false;
        }
        at = at.max(extent.file_end());
    }
    let rest = end.saturating_sub(at);
    if at > end || rest >= SHIFT || draft.zeros(at, end) != rest {
        return false;
    }
    let overlaps = |offset: u64, size: u64| size > 0 && offset < end && offset.saturating_add(size) > start;
    let segments_apart = draft
        .segments
        .iter()
        .filter(|segment| segment.kind != elf::PT_LOAD.0)
        .all(|segment| !overlaps(segment.offset, segment.file_size));
    // glibc mprotects whole pages of RELRO; a read-only table may be in none.
    segments_apart
        && draft.sections.iter().all(|section| {
            !overlaps(section.offset, section.size)
                || section.kind == elf::SHT_NOBITS.0
                || matches!(
                    elf::SectionType(section.kind),
                    elf::SHT_HASH
                        | elf::SHT_GNU_HASH
                        | elf::SHT_DYNSYM
                        | elf::SHT_GNU_VERSYM
                        | elf::SHT_GNU_VERNEED
                        | elf::SHT_GNU_VERDEF
                        | elf::SHT_REL
                        | elf::SHT_RELA
                        | elf::SHT_RELR
                        | elf::SHT_ANDROID_REL
                        | elf::SHT_ANDROID_RELA
                        | elf::SHT_ANDROID_RELR
                )
        })
}

/// `.dynstr` ends the last loaded segment, as after an earlier edit: what is not loaded moves up.
fn at_own_tail(draft: &mut Draft, model: &Model, size: u64, index: usize) -> Result<bool> {
    let Some(load) = draft.segments.get(index).copied() else { return Ok(false) };
    let is_last = draft.last_load() == Some(index) && file_end(&load) == draft.loaded_end();
    // Other tools round the segment up to a word.
    let slack = memory_end(&load).saturating_sub(model.strings.end());
    let is_end = memory_end(&load) >= model.strings.end()
        && slack < SHIFT
        && draft.zeros(model.strings.file_end(), file_end(&load)) == slack;
    if !is_last || load.file_size != load.memory_size || !is_end {
        return Ok(false);
    }
    let by = (size - model.strings.size).saturating_sub(slack);
    draft.make_room(by)?;
    grown(draft, model, size);
    if let Some(load) = draft.segments.get_mut(index) {
        load.file_size += by;
        load.memory_size += by;
    }
    Ok(true)
}
