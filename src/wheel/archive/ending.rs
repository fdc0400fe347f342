//! Unpacks the end of a deflate stream without what comes before it.
//!
//! A block refers to the 32 KiB before it, which are not known where one begins in the middle. So the blocks are
//! unpacked twice, each time with other bytes in their place: a byte that is the same both times does not come from
//! there, and is what the whole stream has. Soon all are, and the second run ends. That the end of the stream is met
//! exactly tells that a block did begin there.

use flate2::{Decompress, FlushDecompress, Status};

use crate::wheel::blocks;

/// What a match can reach back (RFC 1951, 2).
const WINDOW: usize = 32 << 10;
/// What stands for the unknown bytes; both are literals of nine bits in the fixed code, which [`opening`] needs.
const FILLS: [u8; 2] = [0x90, 0xff];
/// How much is unpacked at a time.
const CHUNK: usize = 64 << 10;
/// Unpacked bytes before the first that is wanted; it takes some of them until nothing comes from the unknown ones.
const LEAD: u64 = 768 << 10;
/// A block is looked for in as many bits: larger ones are rare.
const SEARCH: u64 = 4 << 20;
/// No more than this part of the unpacked bytes is an end: it is held twice for a while, and the more it is, the less is
/// saved.
const SHARE: u64 = 3;
/// Places that look as if a block began there and do not.
const ATTEMPTS: usize = 16;

/// The end of a stream, and how much of it is certain.
struct Ending {
    bytes: Vec<u8>,
    /// From here on every byte is that of the stream.
    certain: usize,
}

/// Returns at least the bytes from `from` on of a stream that unpacks to `size` bytes; nothing where that is not
/// possible, or hardly less work than to unpack it all.
pub(super) fn ending(stream: &[u8], size: u64, from: u64) -> Option<Vec<u8>> {
    let wanted = size.checked_sub(from)?;
    let length = stream.len() as u64;
    // Both ends of a binary are packed better than its middle, so this is rather too much than too little.
    let packed =
        |unpacked: u64| u64::try_from(u128::from(unpacked) * u128::from(length) / u128::from(size.max(1))).ok();
    let mut packed = packed(wanted.checked_add(LEAD)?)?;
    while packed < length / 2 {
        let ending = unpack(stream, length.checked_sub(packed)?, size / SHARE)?;
        let start = size.checked_sub(ending.bytes.len() as u64)?;
        if start.checked_add(ending.certain as u64)? <= from {
            let mut bytes = ending.bytes;
            bytes.drain(..ending.certain);
            return Some(bytes);
        }
        packed = packed.checked_mul(2)?;
    }
    None
}

/// Unpacks from the first block that begins after byte `at`; in vain no more than `most` bytes in all.
fn unpack(stream: &[u8], at: u64, most: u64) -> Option<Ending> {
    let mut left = most;
    let mut position = at.checked_mul(8)?;
    let end = position.checked_add(SEARCH)?.min((stream.len() as u64).checked_mul(8)?);
    for _ in 0..ATTEMPTS {
        position = blocks::next_start(stream, position, end)?;
        if let Some(ending) = unpack_from(stream, position, &mut left) {
            return Some(ending);
        }
        position = position.checked_add(1)?;
    }
    None
}

/// Unpacks from a bit on; nothing if no block begins there, it does not lead to the end of the stream, or there are more
/// bytes up to that than are `left`. What was unpacked is not left any more.
fn unpack_from(stream: &[u8], position: u64, left: &mut u64) -> Option<Ending> {
    let [mut one, mut other] = FILLS.map(|fill| Run::new(stream, position, fill));
    let (one, other) = (one.as_mut()?, other.as_mut()?);
    let mut ending = Ending { bytes: Vec::new(), certain: 0 };
    let mut chunk = vec![0; CHUNK];
    while !one.ended && ending.bytes.len().checked_sub(ending.certain)? < WINDOW {
        let start = ending.bytes.len();
        one.append(&mut ending.bytes, CHUNK)?;
        let count = other.fill(&mut chunk)?;
        let (mine, others) = (ending.bytes.get(start..)?, chunk.get(..count)?);
        if mine.len() != others.len() {
            return None;
        }
        spend(left, mine.len())?;
        if let Some(differs) = mine.iter().zip(others).rposition(|(mine, other)| mine != other) {
            ending.certain = start.checked_add(differs)?.checked_add(1)?;
        }
    }
    while !one.ended {
        let start = ending.bytes.len();
        one.append(&mut ending.bytes, CHUNK * 16)?;
        spend(left, ending.bytes.len().checked_sub(start)?)?;
    }
    one.rest.is_empty().then_some(ending)
}

/// Takes bytes from those that are left; `None`, and none are left, if they are too few.
fn spend(left: &mut u64, bytes: usize) -> Option<()> {
    let rest = left.checked_sub(bytes as u64);
    *left = rest.unwrap_or(0);
    rest.map(|_| ())
}

/// One run over the blocks.
struct Run<'a> {
    inflater: Decompress,
    rest: &'a [u8],
    ended: bool,
}

impl<'a> Run<'a> {
    /// Begins at a bit of the stream, with a window full of `fill`.
    fn new(stream: &'a [u8], position: u64, fill: u8) -> Option<Self> {
        let (first, rest) = stream.get(usize::try_from(position / 8).ok()?..)?.split_first()?;
        let opening = opening(position % 8, *first, fill)?;
        let mut inflater = Decompress::new(false);
        // More room than that is needed, so that nothing of the opening is left over.
        let mut window = vec![0; WINDOW + 1];
        inflater.decompress(&opening, &mut window, FlushDecompress::None).ok()?;
        let whole = inflater.total_in() == opening.len() as u64 && inflater.total_out() == WINDOW as u64;
        whole.then_some(Self { inflater, rest, ended: false })
    }

    /// Unpacks into all of `room`, less at the end of the stream; returns how many bytes.
    fn fill(&mut self, room: &mut [u8]) -> Option<usize> {
        let mut filled = 0;
        while filled < room.len() && !self.ended {
            let (read, written) = (self.inflater.total_in(), self.inflater.total_out());
            let status = self.inflater.decompress(self.rest, room.get_mut(filled..)?, FlushDecompress::None).ok()?;
            let read = usize::try_from(self.inflater.total_in().checked_sub(read)?).ok()?;
            let written = usize::try_from(self.inflater.total_out().checked_sub(written)?).ok()?;
            self.rest = self.rest.get(read..)?;
            filled = filled.checked_add(written)?;
            self.ended = status == Status::StreamEnd;
            if !self.ended && read == 0 && written == 0 {
                return None;
            }
        }
        Some(filled)
    }

    /// Unpacks up to `count` bytes more.
    fn append(&mut self, bytes: &mut Vec<u8>, count: usize) -> Option<()> {
        let start = bytes.len();
        bytes.resize(start.checked_add(count)?, 0);
        let filled = self.fill(bytes.get_mut(start..)?)?;
        bytes.truncate(start.checked_add(filled)?);
        Some(())
    }
}

/// Blocks that unpack to a window full of `fill` and end `bits` bits after the start of a byte, whose other bits are
/// those of `first`: what follows in the stream follows here, and stored blocks stay where bytes begin.
fn opening(bits: u64, first: u8, fill: u8) -> Option<Vec<u8>> {
    let is_odd = bits % 2 == 1;
    let stored = u16::try_from(WINDOW - usize::from(is_odd)).ok()?;
    let mut bytes = vec![0];
    bytes.extend(stored.to_le_bytes());
    bytes.extend((!stored).to_le_bytes());
    bytes.resize(bytes.len() + usize::from(stored), fill);
    // The fixed code (RFC 1951, 3.2.6): its blocks begin with the bits 0, 1, 0, and seven zeros end them; an empty
    // one has 10 bits.
    let mut held: Vec<bool> = Vec::new();
    let block = |literal: &[bool]| [&[false, true, false], literal, &[false; 7]].concat();
    if is_odd {
        // Literals from 144 on have nine bits, from 1_1001_0000 on, the highest first.
        let code = u16::from(fill) - 144 + 0b1_1001_0000;
        held.extend(block(&(0..9).rev().map(|bit| code >> bit & 1 == 1).collect::<Vec<_>>()));
    }
    while held.len() as u64 % 8 != bits {
        held.extend(block(&[]));
    }
    held.extend((bits..8).map(|bit| first >> bit & 1 == 1));
    bytes.extend(held.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))));
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Words of code, as it were: most from a small set, which changes in time, and some not seen before.
    fn unpacked(size: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut words: Vec<[u8; 8]> = (0..512).map(|_| next().to_le_bytes()).collect();
        let mut bytes = Vec::new();
        while bytes.len() < size {
            match next() % 8 {
                0 => bytes.extend(&(next().to_le_bytes())[..3]),
                1 => words[(next() % 512) as usize] = next().to_le_bytes(),
                _ => bytes.extend(words[(next() % 512) as usize]),
            }
        }
        bytes
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn the_end_is_that_of_the_whole() {
        let bytes = unpacked(8 << 20);
        let stream = packed(&bytes);
        for from in [bytes.len() - 1, bytes.len() - 100_000, bytes.len() - (1 << 20)] {
            let end = ending(&stream, bytes.len() as u64, from as u64).unwrap();
            assert!(end.len() >= bytes.len() - from);
            assert!(end.len() < 5 << 20, "not much more than was asked for");
            assert!(bytes.ends_with(&end), "from {from}");
        }
    }

    #[test]
    fn every_bit_of_a_byte_can_be_the_first() {
        let bytes = unpacked(6 << 20);
        let stream = packed(&bytes);
        let mut seen = [false; 8];
        for block in blocks::scan(&stream, 1000).unwrap().iter().skip(1) {
            if block.to < bytes.len() as u64 && block.kind == blocks::Kind::Coded && !seen[(block.start % 8) as usize] {
                seen[(block.start % 8) as usize] = true;
                let end = unpack_from(&stream, block.start, &mut (bytes.len() as u64)).unwrap();
                assert_eq!(end.bytes.len() as u64, bytes.len() as u64 - block.from);
                assert!(bytes.ends_with(&end.bytes[end.certain..]));
                assert_eq!(blocks::next_start(&stream, block.start, block.start + 1), Some(block.start));
            }
        }
        assert_eq!(seen, [true; 8]);
    }

    #[test]
    fn bytes_that_come_from_before_are_not_taken_for_certain() {
        // The first half again: every byte of the second comes from the first, if only through a chain of matches.
        let half = unpacked(20_000);
        let bytes = half.repeat(200);
        let stream = packed(&bytes);
        assert_eq!(ending(&stream, bytes.len() as u64, bytes.len() as u64 - 1000), None);
    }

    #[test]
    fn stored_blocks_on_the_way_are_no_hindrance() {
        let mut state = 88_172_645_463_325_252_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .take(300_000)
        .collect();
        let mut bytes = unpacked(4 << 20);
        bytes.extend(&noise);
        bytes.extend(unpacked(200_000));
        let stream = packed(&bytes);
        assert!(blocks::scan(&stream, 1000).unwrap().iter().any(|block| block.kind == blocks::Kind::Stored));
        let end = ending(&stream, bytes.len() as u64, bytes.len() as u64 - 300_000).unwrap();
        assert!(bytes.ends_with(&end));
    }

    #[test]
    fn attempts_in_vain_share_what_may_be_unpacked() {
        let bytes = unpacked(6 << 20);
        let longer = [&packed(&bytes)[..], &[0]].concat();
        let middle = blocks::next_start(&longer, longer.len() as u64 * 4, longer.len() as u64 * 8).unwrap();
        let mut left = bytes.len() as u64;
        assert!(unpack_from(&longer, middle, &mut left).is_none());
        assert!(left < 4 << 20, "{left}");
        assert!(unpack_from(&longer, middle, &mut left).is_none());
        assert!(unpack_from(&longer, middle, &mut left).is_none());
        assert_eq!(left, 0);
    }

    #[test]
    fn a_stream_that_is_cut_has_no_end() {
        let bytes = unpacked(4 << 20);
        let stream = packed(&bytes);
        let size = bytes.len() as u64;
        assert!(ending(&stream, size, size - 1000).is_some());
        assert_eq!(ending(&stream[..stream.len() - 1], size, size - 1000), None);
        let longer = [&stream[..], &[0]].concat();
        assert_eq!(ending(&longer, size, size - 1000), None);
    }
}
