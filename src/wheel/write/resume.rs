//! Finding where a block begins near the end of a deflate stream, without a walk over all that is before it.
//!
//! A stream has no index. But its last block ends with it, and a header with two complete codes hardly ever stands
//! where none begins (about once in 10^10 bits): whoever starts at such a header and arrives exactly at the end has
//! found a block, and where its bytes belong follows from the size of the whole. What is found so is a conclusion, not
//! a proof; the result is unpacked and compared with its checksum, as everything that is written.

use std::ops::Range;

use crate::wheel::blocks::{Block, Kind, Walk, next_start};

/// Packed bytes that are searched at least.
const NEAR: u64 = 24 << 10;
/// Headers that led nowhere, after which the search is given up: sound streams have none, hostile ones many.
const PATIENCE: usize = 4;

/// Returns all blocks of a stream of `size` unpacked bytes, those between as one [`Kind::Run`] that lies within `gap`;
/// nothing if that cannot be found out.
pub(super) fn scan_around(stream: &[u8], size: u64, gap: &Range<u64>, most: usize) -> Option<Vec<Block>> {
    let mut walk = Walk::from_start(stream);
    let mut blocks: Vec<Block> = Vec::new();
    while blocks.last().is_none_or(|block| block.to < gap.start) {
        blocks.push(walk.step()?);
        if walk.is_done() || blocks.len() > most {
            return None;
        }
    }
    let (start, from) = blocks.last().map(|block| (block.end, block.to))?;
    let tail = tail(stream, size, start, gap.end, most)?;
    let (end, to) = tail.first().map(|block| (block.start, block.from))?;
    if start < end && from <= to {
        blocks.push(Block { start, end, from, to, kind: Kind::Run });
    } else if start != end || from != to {
        return None;
    }
    blocks.extend(tail);
    Some(blocks)
}

/// Returns the last block of a stream of `size` unpacked bytes; nothing if that cannot be found out.
#[cfg(feature = "libdeflate")]
pub(super) fn last_block(stream: &[u8], size: u64) -> Option<Block> {
    tail(stream, size, 0, size, usize::MAX)?.pop()
}

/// Returns the last blocks, of which the first begins at `start` or later and at the unpacked byte `wanted` or before.
fn tail(stream: &[u8], size: u64, start: u64, wanted: u64, most: usize) -> Option<Vec<Block>> {
    let packed = stream.len() as u64;
    let share = u128::from(packed) * u128::from(size.checked_sub(wanted)?) / u128::from(size.max(1));
    // How well the bytes pack is not the same everywhere.
    let mut back = u64::try_from(share + share / 4).ok()?.saturating_add(NEAR);
    let mut walk = Walk::from_start(stream);
    let mut patience = PATIENCE;
    let mut searched = packed.saturating_mul(8);
    loop {
        let first = packed.saturating_sub(back).saturating_mul(8).max(start);
        let mut position = first;
        while let Some(candidate) = next_start(stream, position, searched) {
            position = candidate.checked_add(1)?;
            walk.go_to(candidate)?;
            match walk
                .through_last(most)
                .filter(|blocks| blocks.last().is_some_and(|last| last.end.div_ceil(8) == packed))
            {
                Some(blocks) => {
                    let unpacked = blocks.last().map_or(0, |last| last.to);
                    let from = size.checked_sub(unpacked)?;
                    if from <= wanted {
                        return Some(moved(blocks, from));
                    }
                    break;
                }
                None => patience = patience.checked_sub(1)?,
            }
        }
        if first == start {
            return None;
        }
        searched = first;
        back = back.saturating_mul(2);
    }
}

/// Blocks whose bytes begin at another place.
fn moved(mut blocks: Vec<Block>, by: u64) -> Vec<Block> {
    for block in &mut blocks {
        (block.from, block.to) = (block.from.saturating_add(by), block.to.saturating_add(by));
    }
    blocks
}
