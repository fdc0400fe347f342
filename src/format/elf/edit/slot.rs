//! A free program header: one that is unused, or room behind the table made by moving what lies there.
//!
//! The table itself never moves: kernels before 5.18 would tell programs a wrong place, and `strip` and `eu-strip` ruin
//! such files.

use object::elf;

use super::append::Chunk;
use super::draft::Draft;
use super::model::{Extent, Model};
use crate::error::{Error, Result};

/// Takes `count` program headers out of use, so that as many can be added; returns what has to move for that.
///
/// # Errors
/// `Unsupported` if something that cannot move lies behind the table.
pub(super) fn free(draft: &mut Draft, model: &Model, count: usize) -> Result<Vec<Chunk>> {
    let mut missing = count;
    let mut index = draft.segments.len();
    while missing > 0 && index > 0 {
        index -= 1;
        if draft.segments.get(index).is_some_and(|segment| segment.kind == elf::PT_NULL.0) {
            draft.segments.remove(index);
            missing -= 1;
        }
    }
    if missing == 0 {
        return Ok(Vec::new());
    }
    let refused = match leading(draft, model, missing) {
        Ok(chunks) => {
            let by = missing as u64 * draft.header.segment_size();
            for segment in &mut draft.segments {
                if segment.kind == elf::PT_PHDR.0 {
                    segment.file_size += by;
                    segment.memory_size += by;
                }
            }
            return Ok(chunks);
        }
        Err(error) => error,
    };
    // Linkers describe `.note.gnu.property` twice; loaders that know PT_GNU_PROPERTY read only that.
    let property = draft.segments.iter().find(|segment| segment.kind == elf::PT_GNU_PROPERTY.0).copied();
    let twin = property.and_then(|property| {
        draft.segments.iter().position(|segment| {
            segment.kind == elf::PT_NOTE.0
                && (segment.offset, segment.file_size) == (property.offset, property.file_size)
        })
    });
    match twin {
        Some(twin) if missing == 1 => {
            draft.segments.remove(twin);
            Ok(Vec::new())
        }
        _ => Err(refused),
    }
}

/// What lies in the `count` places behind the program headers, if all of it can move.
fn leading(draft: &Draft, model: &Model, count: usize) -> Result<Vec<Chunk>> {
    let refused = || Error::unsupported("no room for a program header: what follows the table cannot be moved");
    let header = &draft.header;
    let start = header.program_headers.0 + draft.segments.len() as u64 * header.segment_size();
    let end = start + count as u64 * header.segment_size();
    let holds_table = |segment: &&crate::format::elf::read::Segment| {
        segment.kind == elf::PT_LOAD.0 && segment.offset <= start && end <= super::draft::file_end(segment)
    };
    let load = draft.segments.iter().find(holds_table).ok_or_else(refused)?;
    let mut pieces = movable_pieces(draft, model);
    pieces.retain(|(extent, _)| extent.file_end() > start && extent.offset < end);
    pieces.sort_by_key(|(extent, _)| extent.offset);
    let mut at = start;
    let mut chunks = Vec::new();
    for (extent, align) in pieces {
        if extent.offset < at || extent.address.wrapping_sub(load.address) != extent.offset.wrapping_sub(load.offset) {
            return Err(refused());
        }
        if !is_unused(draft, at, extent.offset) {
            return Err(refused());
        }
        at = extent.file_end();
        let bytes = draft.read().slice(extent.offset, extent.size)?.to_vec();
        chunks.push(Chunk { from: extent, bytes, align, is_written: false, clears: true });
    }
    if at < end && !is_unused(draft, at, end) {
        return Err(refused());
    }
    // A section that reaches into the room must lie wholly in something that moves.
    let kept = |section: &crate::format::elf::read::Section| {
        section.kind != elf::SHT_NOBITS.0
            && section.size > 0
            && !draft.has_left(section)
            && section.offset < end
            && section.offset.saturating_add(section.size) > start
            && !chunks.iter().any(|chunk| {
                section.offset >= chunk.from.offset
                    && section.offset.saturating_add(section.size) <= chunk.from.file_end()
            })
    };
    if draft.sections.iter().any(kept) {
        return Err(refused());
    }
    Ok(chunks)
}

/// Whether nothing is said to lie in `start..end`, and nothing does.
fn is_unused(draft: &Draft, start: u64, end: u64) -> bool {
    let size = end.saturating_sub(start);
    // Without sections zeros might belong to something; a few can only be alignment.
    let is_plain = size < 16 || !draft.sections.is_empty() && draft.next_section(start) >= end;
    is_plain && draft.zeros(start, end) == size
}

/// Everything near the start of a file that can move, with its alignment: notes as whole groups, the interpreter, tables.
fn movable_pieces(draft: &Draft, model: &Model) -> Vec<(Extent, u64)> {
    let has_moved = |extent: &Extent| draft.moves.iter().any(|moved| moved.from.holds(extent.address));
    let mut notes: Vec<(Extent, u64)> = Vec::new();
    let mut pieces: Vec<(Extent, u64)> = Vec::new();
    for segment in &draft.segments {
        let extent = Extent { offset: segment.offset, address: segment.address, size: segment.file_size };
        match elf::ProgramType(segment.kind) {
            elf::PT_NOTE | elf::PT_GNU_PROPERTY if segment.file_size > 0 => notes.push((extent, segment.align.max(8))),
            elf::PT_INTERP if segment.file_size > 0 => pieces.push((extent, 1)),
            _ => {}
        }
    }
    // Groups that share bytes, or follow each other within a word, move as one, their spacing kept.
    notes.sort_by_key(|(extent, _)| extent.offset);
    let mut groups: Vec<(Extent, u64)> = Vec::new();
    for (note, align) in notes {
        match groups.last_mut() {
            Some((group, group_align)) if note.offset < group.file_end() => {
                let end = group.file_end().max(note.file_end());
                group.size = end - group.offset;
                *group_align = (*group_align).max(align);
            }
            _ => groups.push((note, align)),
        }
    }
    let aligned = |align: u64| if align.is_power_of_two() && align <= 4096 { align } else { 16 };
    pieces.extend(groups.into_iter().map(|(group, align)| (group, aligned(align))));
    pieces.extend(model.tables.iter().map(|table| (table.extent, 16)));
    pieces.retain(|(extent, _)| extent.size > 0 && !has_moved(extent));
    pieces
}
