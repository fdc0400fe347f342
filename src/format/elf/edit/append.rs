//! Room for what does not fit where it is: padding of a read-only segment, the last segment, or a new one.

use object::elf;

use super::draft::{Draft, Move, file_end, memory_end};
use super::model::{Extent, Model};
use super::slot;
use crate::error::{Error, Result};
use crate::format::bytes::align_up;
use crate::format::elf::read::Segment;

/// Up to this size `.bss` is written out as zeros, so that what is appended lies behind it without a new segment.
const SMALL_BSS: u64 = 32 * 1024;
/// Up to this size `.bss` is written out where no program header can be had.
const LARGE_BSS: u64 = 10 * 1024 * 1024;

/// Bytes that need a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Where they were.
    pub(super) from: Extent,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// Their alignment.
    pub(super) align: u64,
    /// The loader writes to them.
    pub(super) is_written: bool,
    /// What they leave behind is cleared.
    pub(super) clears: bool,
}

/// Finds a place for all chunks, in this order; the last ends up last.
///
/// # Errors
/// `Unsupported` if there is no place.
pub(super) fn place(draft: &mut Draft, model: &Model, chunks: Vec<Chunk>) -> Result<()> {
    let mut left = Vec::new();
    for chunk in chunks {
        if chunk.is_written || !into_padding(draft, &chunk)? {
            left.push(chunk);
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let is_written = left.iter().any(|chunk| chunk.is_written);
    let last = draft.last_load().and_then(|index| draft.segments.get(index).map(|load| (index, *load)));
    let (index, load) = last.ok_or_else(|| Error::unsupported("no loaded segment"))?;
    // Another segment's bytes behind the last one's would have to move, and with them their addresses.
    let is_last = load.file_size > 0 && file_end(&load) == draft.loaded_end();
    let is_writable = load.flags & elf::PF_W.0 != 0;
    let bss = load.memory_size.saturating_sub(load.file_size);
    if is_last && bss == 0 && (is_writable || !is_written || load.flags & elf::PF_X.0 == 0) {
        if is_written && let Some(load) = draft.segments.get_mut(index) {
            load.flags |= elf::PF_W.0;
        }
        return extend(draft, index, left);
    }
    if is_last && is_writable && bss <= SMALL_BSS {
        return extend(draft, index, left);
    }
    let refused = match slot::free(draft, model, 1) {
        Ok(mut pieces) => {
            // The interpreter may be both in the way and too long for where it is.
            pieces.retain(|piece| left.iter().all(|chunk| chunk.from != piece.from));
            pieces.append(&mut left);
            return new_segment(draft, pieces, is_written);
        }
        Err(error) => error,
    };
    if is_last && is_writable && bss <= LARGE_BSS {
        return extend(draft, index, left);
    }
    Err(refused)
}

/// Puts a chunk into the zeros between a read-only segment and the next.
fn into_padding(draft: &mut Draft, chunk: &Chunk) -> Result<bool> {
    let candidates: Vec<usize> = (0..draft.segments.len()).collect();
    for index in candidates {
        let Some(load) = draft.segments.get(index).copied() else { continue };
        if load.kind != elf::PT_LOAD.0
            || load.flags & elf::PF_W.0 != 0
            || load.file_size != load.memory_size
            || load.file_size == 0
        {
            continue;
        }
        let Some(address) = align_up(memory_end(&load), chunk.align) else { continue };
        let gap = address - memory_end(&load);
        let size = chunk.bytes.len() as u64;
        let Some(needed) = gap.checked_add(size) else { continue };
        if draft.padding(index) < needed {
            continue;
        }
        if let Some(load) = draft.segments.get_mut(index) {
            load.file_size += needed;
            load.memory_size += needed;
        }
        settle(draft, chunk, file_end(&load) + gap, address)?;
        return Ok(true);
    }
    Ok(false)
}

/// Appends to the last loaded segment, its `.bss` written out first.
fn extend(draft: &mut Draft, index: usize, chunks: Vec<Chunk>) -> Result<()> {
    let load = *draft.segments.get(index).ok_or_else(|| Error::unsupported("no loaded segment"))?;
    let too_large = || Error::unsupported("the file would be too large");
    let start = memory_end(&load);
    let mut end = start;
    for chunk in &chunks {
        let at = align_up(end, chunk.align).ok_or_else(too_large)?;
        end = at.checked_add(chunk.bytes.len() as u64).ok_or_else(too_large)?;
    }
    let bss = load.memory_size - load.file_size;
    draft.make_room(bss + (end - start))?;
    if bss > 0 {
        draft.notes.push(format!("{bss} bytes of `.bss` are in the file now"));
        for section in &mut draft.sections {
            let is_bss = section.kind == elf::SHT_NOBITS.0
                && section.flags & elf::SHF_ALLOC.0 != 0
                && section.flags & elf::SHF_TLS.0 == 0
                && section.address >= load.address.saturating_add(load.file_size)
                && section.address.saturating_add(section.size) <= start;
            if is_bss {
                section.kind = elf::SHT_PROGBITS.0;
                section.offset = load.offset.saturating_add(section.address - load.address);
            }
        }
    }
    if let Some(load) = draft.segments.get_mut(index) {
        load.memory_size = end.saturating_sub(load.address);
        load.file_size = load.memory_size;
    }
    let mut at = start;
    for chunk in chunks {
        at = align_up(at, chunk.align).ok_or_else(too_large)?;
        settle(draft, &chunk, load.offset.saturating_add(at - load.address), at)?;
        at += chunk.bytes.len() as u64;
    }
    Ok(())
}

/// Appends a new loaded segment right behind the last loaded byte.
fn new_segment(draft: &mut Draft, chunks: Vec<Chunk>, is_written: bool) -> Result<()> {
    let too_large = || Error::unsupported("the file would be too large");
    let page = draft.page();
    let last = draft.last_load().ok_or_else(|| Error::unsupported("no loaded segment"))?;
    let end = draft.segments.get(last).map(memory_end).ok_or_else(too_large)?;
    let align = chunks.iter().map(|chunk| chunk.align).max().unwrap_or(16).max(16);
    let old_end = draft.loaded_end();
    let offset = align_up(old_end, align).ok_or_else(too_large)?;
    // glibc before 2.35 wants address and offset congruent modulo `p_align`; no padding in the file is needed for that.
    let address = align_up(end, page).and_then(|end| end.checked_add(offset % page)).ok_or_else(too_large)?;
    let mut size = 0_u64;
    for chunk in &chunks {
        size = align_up(size, chunk.align).ok_or_else(too_large)?;
        size = size.checked_add(chunk.bytes.len() as u64).ok_or_else(too_large)?;
    }
    address.checked_add(size).ok_or_else(too_large)?;
    draft.make_room(offset - old_end + size)?;
    let flags = if is_written { elf::PF_R.0 | elf::PF_W.0 } else { elf::PF_R.0 };
    let segment = Segment {
        kind: elf::PT_LOAD.0,
        flags,
        offset,
        address,
        physical: address,
        file_size: size,
        memory_size: size,
        align: page,
    };
    draft.segments.insert(last + 1, segment);
    let mut at = 0;
    for chunk in chunks {
        at = align_up(at, chunk.align).ok_or_else(too_large)?;
        settle(draft, &chunk, offset + at, address + at)?;
        at += chunk.bytes.len() as u64;
    }
    Ok(())
}

/// Writes a chunk to its new place and registers that it has moved.
fn settle(draft: &mut Draft, chunk: &Chunk, offset: u64, address: u64) -> Result<()> {
    if chunk.clears {
        draft.clear(chunk.from.offset, chunk.from.size)?;
    }
    draft.put(offset, &chunk.bytes)?;
    let to = Extent { offset, address, size: chunk.bytes.len() as u64 };
    draft.moves.push(Move { from: chunk.from, to });
    Ok(())
}
