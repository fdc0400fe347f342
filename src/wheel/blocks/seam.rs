//! `Seam`: the symbols at both ends of a block that can stand in another stream although what lies between them cannot.

use std::ops::Range;

use super::codes::Entry;
use super::{Block, Kind, Walk};

/// A place between two symbols of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wheel) struct Cut {
    /// Position of the next symbol's first bit in the stream.
    pub(in crate::wheel) bit: u64,
    /// Position of its first byte among the unpacked ones.
    pub(in crate::wheel) byte: u64,
}

/// Where a block of symbols can be cut so that the parts before and behind stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::wheel) struct Seam {
    /// Position of its first symbol in the stream; its codes stand before.
    pub(in crate::wheel) symbols: u64,
    /// Position of the symbol that ends it.
    pub(in crate::wheel) end: u64,
    /// Where the first symbol begins that cannot stay, and where the last one ends; `None`: all can.
    pub(in crate::wheel) cuts: Option<(Cut, Cut)>,
}

impl Walk<'_> {
    /// Looks at each symbol of a block: one whose bytes, or those it copies, are among `changed` (ascending, apart from
    /// each other) cannot stay. Nothing if the block is none of symbols, or not sound.
    pub(in crate::wheel) fn seam(&mut self, block: &Block, changed: &[Range<u64>]) -> Option<Seam> {
        self.go_to(block.start)?;
        if self.header()? != Kind::Coded {
            return None;
        }
        let symbols = self.bits.position();
        let mut cuts: Option<(Cut, Cut)> = None;
        let mut byte = block.from;
        loop {
            self.bits.refill();
            if self.bits.is_past_end() {
                return None;
            }
            let bit = self.bits.position();
            let entry = self.literals.look(&self.bits)?;
            if entry.bytes == Entry::END || entry.bytes == Entry::FORBIDDEN {
                let is_sound = entry.bytes == Entry::END && byte == block.to;
                return is_sound.then_some(Seam { symbols, end: bit, cuts });
            }
            self.bits.drop(entry.code);
            let length =
                u64::from(entry.bytes).wrapping_add(self.bits.take(u32::from(entry.all.wrapping_sub(entry.code))));
            let next = byte.checked_add(length)?;
            let mut stays = is_apart(changed, byte, next);
            if entry.bytes != Entry::LITERAL {
                let entry = self.distances.look(&self.bits)?;
                self.bits.drop(entry.code);
                let extra = self.bits.take(u32::from(entry.all.wrapping_sub(entry.code)));
                let source = byte.checked_sub(u64::from(entry.bytes).wrapping_add(extra))?;
                // What it copies of its own bytes comes from those before them.
                stays = stays && is_apart(changed, source, source.checked_add(length)?.min(byte));
            }
            if !stays {
                let begin = cuts.map_or(Cut { bit, byte }, |(begin, _)| begin);
                cuts = Some((begin, Cut { bit: self.bits.position(), byte: next }));
            }
            byte = next;
        }
    }
}

/// Whether no byte from `from` to `to` is in any of the ranges.
#[inline]
fn is_apart(ranges: &[Range<u64>], from: u64, to: u64) -> bool {
    let behind = ranges.partition_point(|range| range.end <= from);
    ranges.get(behind).is_none_or(|range| to <= range.start)
}
