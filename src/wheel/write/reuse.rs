//! Deflating a changed member by keeping the blocks of its old stream that the change does not reach.
//!
//! A block of a deflate stream can stand in another stream as it is if all bytes that it copies from, at most 32 KiB
//! before it, are the same there. An edit of a library changes its first pages and a few near its end, so that most of
//! its blocks stay, and of the others all symbols but those that the edit reaches. Bits are moved, nothing is decided anew:
//! the result depends on the two inputs and the level alone.

use std::ops::Range;

use super::deflate::deflate;
use super::differences::Differences;
use super::resume::scan_around;
use crate::error::Result;
use crate::wheel::blocks::{Block, Cut, Kind, Seam, Walk, scan};

/// How far back a match can reach (RFC 1951, 2).
const WINDOW: u64 = 32 << 10;
/// Blocks of a sound compressor hold more packed bytes than this; a stream of smaller ones is not worth a walk.
const SMALLEST: usize = 256;
/// Unchanged bytes in a row that are worth not walking over.
const GAP: u64 = 192 << 10;
/// Unpacked bytes at one end of a block that are worth writing its codes once more.
const WORTH: u64 = 4 << 10;

/// Deflates `new`, of which `packed` holds the old bytes; nothing if most would have to be deflated anew, or if
/// `packed` is not as it should be.
///
/// # Errors
/// As deflating has them.
pub(super) fn deflate_changed(
    new: &[u8],
    packed: &[u8],
    differences: &Differences,
    level: u8,
) -> Result<Option<Vec<u8>>> {
    if new.is_empty() || new.len() as u64 != differences.new_size() || !is_worth(differences) {
        return Ok(None);
    }
    let Some(blocks) = blocks(packed, differences) else { return Ok(None) };
    let Some(parts) = parts(packed, &blocks, differences) else { return Ok(None) };
    let anew: u64 = parts.iter().map(Part::anew).sum();
    if anew > differences.new_size() / 2 {
        return Ok(None);
    }
    let mut out = Stream::with_capacity(packed.len().saturating_add(packed.len() / 16));
    let last = parts.len().saturating_sub(1);
    for (index, part) in parts.iter().enumerate() {
        let copied = match part {
            Part::Kept(block) => out.put(packed, block, index == last),
            Part::Head(block, seam, cut) => {
                out.put_symbols(packed, block, (seam, seam.symbols..cut.bit), index == last)
            }
            Part::Tail(block, seam, cut) => out.put_symbols(packed, block, (seam, cut.bit..seam.end), index == last),
            Part::Anew { from, to } => {
                let range = usize::try_from(*from).ok().zip(usize::try_from(*to).ok());
                let Some(bytes) = range.and_then(|(from, to)| new.get(from..to)) else { return Ok(None) };
                let made = deflate(bytes, level)?;
                scan(&made, usize::MAX).and_then(|blocks| {
                    let end = blocks.len().saturating_sub(1);
                    blocks
                        .iter()
                        .enumerate()
                        .try_for_each(|(at, block)| out.put(&made, block, index == last && at == end))
                })
            }
        };
        if copied.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(out.finish()))
}

/// The blocks of the old stream; those in the largest stretch that stays are not looked at.
fn blocks(packed: &[u8], differences: &Differences) -> Option<Vec<Block>> {
    let most = (packed.len() / SMALLEST).saturating_add(16);
    let gap = largest_gap(differences);
    let around = if gap.end.saturating_sub(gap.start) < GAP {
        None
    } else {
        scan_around(packed, differences.old_size(), &gap, most)
    };
    around.or_else(|| scan(packed, most))
}

/// The largest range of bytes whose blocks stay, whatever blocks there are: nothing in it is new, nor in the window
/// before it.
fn largest_gap(differences: &Differences) -> Range<u64> {
    let changed = differences.changed();
    let starts = std::iter::once(0).chain(changed.iter().map(|range| range.end.saturating_add(WINDOW)));
    // Where less is left than there was, the blocks there go.
    let end = differences.old_size().min(differences.new_size());
    let ends = changed.iter().map(|range| range.start).chain(std::iter::once(end));
    let gaps = starts.zip(ends).map(|(start, end)| start..end.max(start));
    gaps.max_by_key(|gap| gap.end.saturating_sub(gap.start)).unwrap_or_default()
}

/// Whether so little is different that a look at the blocks may pay.
fn is_worth(differences: &Differences) -> bool {
    let changed: u64 = differences.changed().iter().map(|range| range.end.saturating_sub(range.start)).sum();
    let more = differences.new_size().saturating_sub(differences.old_size());
    changed.saturating_add(more) < differences.new_size() / 2
}

/// A part of the new stream.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    /// A block of the old one.
    Kept(&'a Block),
    /// The symbols of a block before a cut.
    Head(&'a Block, Seam, Cut),
    /// The symbols of a block from a cut on.
    Tail(&'a Block, Seam, Cut),
    /// New bytes that are deflated.
    Anew { from: u64, to: u64 },
}

impl Part<'_> {
    /// Returns how many bytes are deflated.
    fn anew(&self) -> u64 {
        match self {
            Self::Kept(_) | Self::Head(..) | Self::Tail(..) => 0,
            Self::Anew { from, to } => to.saturating_sub(*from),
        }
    }
}

/// Tells what stays from the bytes between; nothing if the blocks are not those of the old bytes.
fn parts<'a>(packed: &[u8], blocks: &'a [Block], differences: &Differences) -> Option<Vec<Part<'a>>> {
    let (old, new) = (differences.old_size(), differences.new_size());
    if blocks.last()?.to != old {
        return None;
    }
    let mut parts: Vec<Part<'a>> = Vec::new();
    let anew = |parts: &mut Vec<Part<'a>>, from: u64, to: u64| match parts.last_mut() {
        Some(Part::Anew { to: end, .. }) if *end == from => *end = to,
        _ if from < to => parts.push(Part::Anew { from, to }),
        _ => {}
    };
    // What is no longer there is changed, too.
    let gone = (new < old).then_some(new..old);
    let all: Vec<Range<u64>> = differences.changed().iter().cloned().chain(gone).collect();
    let mut changed = all.as_slice();
    let mut walk = Walk::from_start(packed);
    for block in blocks {
        // Ranges whose end no later block can reach back to are done with.
        while changed.first().is_some_and(|range| range.end.saturating_add(WINDOW) <= block.from) {
            changed = changed.get(1..)?;
        }
        let near = changed.get(..changed.partition_point(|range| range.start < block.to))?;
        match block.kind {
            // Empty blocks are there for flushing alone.
            _ if near.is_empty() && block.from == block.to => {}
            _ if near.is_empty() => parts.push(Part::Kept(block)),
            Kind::Coded => {
                let seam = walk.seam(block, near)?;
                let Some((begin, end)) = seam.cuts else {
                    parts.push(Part::Kept(block));
                    continue;
                };
                let has_head = begin.byte.saturating_sub(block.from) >= WORTH;
                let has_tail = block.to.saturating_sub(end.byte) >= WORTH;
                let from = if has_head { begin.byte } else { block.from };
                let to = if has_tail { end.byte } else { block.to };
                if has_head {
                    parts.push(Part::Head(block, seam.clone(), begin));
                }
                anew(&mut parts, from, to.min(new));
                if has_tail {
                    parts.push(Part::Tail(block, seam, end));
                }
            }
            Kind::Stored | Kind::Run => anew(&mut parts, block.from, block.to.min(new)),
        }
    }
    anew(&mut parts, old.min(new), new);
    (!parts.is_empty()).then_some(parts)
}

/// A block of no bytes, as values and their numbers of bits (RFC 1951, 3.2.7). It takes 91 bits, so that a few of them
/// lead to any bit of a byte; the other kinds of empty block take an even number, or up to the next byte.
const NOTHING: [(u64, u32); 8] = [
    // Not the last, with codes of its own.
    (0b100, 3),
    // The fewest literals, distances; eighteen code lengths.
    (0, 5),
    (0, 5),
    (14, 4),
    // Of the third (18: many zeros) and the eighteenth (1) symbol the code has one bit.
    (1 << 6 | 1 << 51, 54),
    // 138 zeros, 117 zeros.
    (0b1 | 127 << 1, 8),
    (0b1 | 106 << 1, 8),
    // One bit for literal 255, for the end and for the only distance; then the end.
    (0b1000, 4),
];

/// A deflate stream in the making.
struct Stream {
    bytes: Vec<u8>,
    /// Bits that do not fill a byte yet, lowest first.
    held: u64,
    count: u32,
}

impl Stream {
    fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), held: 0, count: 0 }
    }

    /// Appends a block of another stream, as the last one or not.
    fn put(&mut self, stream: &[u8], block: &Block, is_last: bool) -> Option<()> {
        match block.kind {
            Kind::Run if is_last => None,
            Kind::Run => {
                self.fill_up_to(block.start % 8);
                self.put_stream(stream, block.start, block.end)
            }
            Kind::Coded => {
                self.put_bits(u64::from(is_last), 1);
                self.put_stream(stream, block.start.checked_add(1)?, block.end)
            }
            Kind::Stored => {
                self.put_bits(u64::from(is_last), 3);
                self.align();
                // Lengths and bytes end the block; they begin on a byte boundary.
                let size = block.to.checked_sub(block.from)?.checked_add(4)?;
                let end = block.end / 8;
                let range = usize::try_from(end.checked_sub(size)?).ok()?..usize::try_from(end).ok()?;
                self.bytes.extend_from_slice(stream.get(range)?);
                Some(())
            }
        }
    }

    /// Appends some symbols of a block as a block of its own, with the codes and the end of the whole.
    fn put_symbols(
        &mut self,
        stream: &[u8],
        block: &Block,
        (seam, symbols): (&Seam, Range<u64>),
        is_last: bool,
    ) -> Option<()> {
        self.put_bits(u64::from(is_last), 1);
        self.put_stream(stream, block.start.checked_add(1)?, seam.symbols)?;
        self.put_stream(stream, symbols.start, symbols.end)?;
        self.put_stream(stream, seam.end, block.end)
    }

    /// Appends blocks of no bytes until the next bit is the one of this number in its byte.
    fn fill_up_to(&mut self, bit: u64) {
        while u64::from(self.count) != bit {
            NOTHING.iter().for_each(|(bits, count)| self.put_bits(*bits, *count));
        }
    }

    /// Appends the bits of a stream between two positions.
    fn put_stream(&mut self, stream: &[u8], start: u64, end: u64) -> Option<()> {
        let mut at = start;
        if u64::from(self.count) == start % 8 {
            at = self.put_singly(stream, start, start.next_multiple_of(8).min(end))?;
            if at < end {
                // Whole bytes lie as they did.
                let whole = usize::try_from(at / 8).ok()?..usize::try_from(end / 8).ok()?;
                self.bytes.extend_from_slice(stream.get(whole)?);
                at = end / 8 * 8;
            }
        }
        // Seven bytes at a time: with a byte's rest in front of them they fit into a word, on either side.
        while end.checked_sub(at)? >= 64 {
            let rest = stream.get(usize::try_from(at / 8).ok()?..)?;
            let Some(word) = rest.first_chunk::<8>() else { break };
            self.put_bits((u64::from_le_bytes(*word) >> (at % 8)) & ((1 << 56) - 1), 56);
            at = at.checked_add(56)?;
        }
        self.put_singly(stream, at, end).map(|_| ())
    }

    /// Appends the bits between two positions by at most eight; returns the second.
    fn put_singly(&mut self, stream: &[u8], start: u64, end: u64) -> Option<u64> {
        let mut at = start;
        while at < end {
            let byte = *stream.get(usize::try_from(at / 8).ok()?)?;
            let count = (8 - at % 8).min(end.checked_sub(at)?);
            self.put_bits((u64::from(byte) >> (at % 8)) & ((1 << count) - 1), u32::try_from(count).ok()?);
            at = at.checked_add(count)?;
        }
        Some(at)
    }

    /// Appends up to 56 bits.
    #[inline]
    fn put_bits(&mut self, bits: u64, count: u32) {
        self.held |= bits << self.count;
        self.count = self.count.saturating_add(count);
        let whole = self.count / 8;
        let bytes = self.held.to_le_bytes();
        self.bytes.extend_from_slice(bytes.get(..usize::try_from(whole).unwrap_or(0)).unwrap_or_default());
        self.held = self.held.checked_shr(whole.saturating_mul(8)).unwrap_or(0);
        self.count %= 8;
    }

    /// Fills the byte that was begun with zeros.
    fn align(&mut self) {
        if self.count > 0 {
            self.put_bits(0, 8_u32.saturating_sub(self.count));
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.align();
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn inflate(packed: &[u8]) -> Vec<u8> {
        let mut back = Vec::new();
        flate2::bufread::DeflateDecoder::new(packed).read_to_end(&mut back).unwrap();
        back
    }

    /// Packs as other tools do: by zlib, flushed now and then.
    fn zlib(bytes: &[u8], level: u32, flush_every: usize) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
        for chunk in bytes.chunks(flush_every) {
            encoder.write_all(chunk).unwrap();
            encoder.flush().unwrap();
        }
        encoder.finish().unwrap()
    }

    struct Random(u64);

    impl Random {
        fn next(&mut self, below: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % below
        }
    }

    /// Stretches that pack well, badly and not at all, with repetitions up to the far end of the window.
    fn sample(length: usize, random: &mut Random) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::with_capacity(length + 70_000);
        while bytes.len() < length {
            let size = 1 + random.next(60_000);
            match random.next(4) {
                0 => bytes.extend((0..size).map(|_| u8::try_from(random.next(256)).unwrap())),
                1 => bytes.extend((0..size).map(|_| u8::try_from(random.next(11)).unwrap())),
                2 => bytes.extend(std::iter::repeat_n(u8::try_from(random.next(256)).unwrap(), size)),
                _ => {
                    for _ in 0..size / 100 {
                        let back = 1 + random.next(bytes.len().clamp(1, 32_768));
                        let from = bytes.len().saturating_sub(back);
                        let to = (from + 3 + random.next(200)).min(bytes.len());
                        bytes.extend_from_within(from..to);
                        bytes.push(u8::try_from(random.next(256)).unwrap());
                    }
                }
            }
        }
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn changed_bytes_come_back_from_the_old_blocks_and_new_ones() {
        let mut random = Random(11);
        let mut reused = 0;
        for round in 0..24 {
            let old = sample(300_000 + random.next(900_000), &mut random);
            let packed = match round % 4 {
                0 => deflate(&old, 6).unwrap(),
                1 => zlib(&old, 6, 100_000),
                _ => zlib(&old, 1 + u32::try_from(random.next(9)).unwrap(), usize::MAX),
            };
            let mut new = old.clone();
            for _ in 0..random.next(4) {
                let at = random.next(new.len());
                let end = (at + random.next(3000)).min(new.len());
                new[at..end].iter_mut().for_each(|byte| *byte ^= 0x55);
            }
            match random.next(3) {
                0 => new.extend(sample(1 + random.next(9000), &mut random)),
                1 => new.truncate(old.len() - random.next(50_000)),
                _ => {}
            }
            let differences = Differences::between(&old, &new);
            let Some(made) = deflate_changed(&new, &packed, &differences, 6).unwrap() else { continue };
            assert!(inflate(&made) == new, "round {round}");
            assert_eq!(deflate_changed(&new, &packed, &differences, 6).unwrap().unwrap(), made);
            reused += 1;
        }
        assert!(reused > 10, "{reused}");
    }

    #[test]
    fn what_stays_is_not_looked_at_and_comes_back() {
        let mut random = Random(23);
        let mut skipped = 0;
        for round in 0..8 {
            let old = sample(3_000_000 + random.next(1_000_000), &mut random);
            // Stored blocks among them, too: some stretches do not pack, and a flush leaves empty ones.
            let packed = match round % 4 {
                0 => deflate(&old, 5).unwrap(),
                1 => zlib(&old, 6, 700_000),
                _ => zlib(&old, 1 + u32::try_from(random.next(9)).unwrap(), usize::MAX),
            };
            let mut new = old.clone();
            new[40..90].fill(3);
            let at = old.len() - random.next(400_000) - 100;
            new[at..at + 70].fill(9);
            new.extend(vec![7; random.next(9000)]);
            let differences = Differences::between(&old, &new);
            let blocks = blocks(&packed, &differences).unwrap();
            let all = scan(&packed, usize::MAX).unwrap();
            for block in blocks.iter().filter(|block| block.kind != Kind::Run) {
                assert!(all.contains(block), "round {round}: {block:?}");
            }
            // Where blocks are few and large, most would be new.
            let Some(made) = deflate_changed(&new, &packed, &differences, 5).unwrap() else { continue };
            assert!(inflate(&made) == new, "round {round}");
            skipped += blocks.iter().filter(|block| block.kind == Kind::Run).count();
        }
        assert!(skipped > 4, "{skipped}");
    }

    #[test]
    fn of_a_large_block_only_the_symbols_that_a_change_reaches_are_new() {
        let mut random = Random(29);
        for round in 0..20 {
            let old: Vec<u8> = (0..150_000).map(|_| u8::try_from(random.next(9) * random.next(9)).unwrap()).collect();
            // One block of 150,000 bytes, which copies from everywhere before.
            let packed = if round % 2 == 0 { deflate(&old, 1).unwrap() } else { zlib(&old, 9, usize::MAX) };
            let mut new = old.clone();
            let at = 50_000 + random.next(50_000);
            new[at..at + 40].fill(200);
            let differences = Differences::between(&old, &new);
            let blocks = blocks(&packed, &differences).unwrap();
            let parts = parts(&packed, &blocks, &differences).unwrap();
            assert!(parts.iter().any(|part| matches!(part, Part::Head(..) | Part::Tail(..))), "round {round}");
            let made = deflate_changed(&new, &packed, &differences, 6).unwrap().unwrap();
            assert!(inflate(&made) == new, "round {round}");
            let anew: u64 = parts.iter().map(Part::anew).sum();
            assert!((40..40_000).contains(&anew), "round {round}: {anew}");
        }
    }

    #[test]
    fn blocks_of_nothing_lead_to_any_bit() {
        for bit in 0..8 {
            let mut stream = Stream::with_capacity(100);
            stream.fill_up_to(bit);
            assert_eq!(u64::from(stream.count), bit);
            // The last one, empty, by the fixed code.
            stream.put_bits(0b011, 10);
            assert!(inflate(&stream.finish()).is_empty());
        }
    }

    #[test]
    fn little_is_lost_by_keeping_blocks() {
        let mut random = Random(5);
        let old = sample(3_000_000, &mut random);
        let mut new = old.clone();
        new[100..200].fill(1);
        new[2_900_000..2_900_100].fill(2);
        new.extend_from_slice(&[3; 5000]);
        let made = deflate_changed(&new, &zlib(&old, 6, usize::MAX), &Differences::between(&old, &new), 6);
        let (made, whole) = (made.unwrap().unwrap().len(), zlib(&new, 6, usize::MAX).len());
        assert!(made < whole + whole / 50, "{made} {whole}");
    }

    #[test]
    fn where_most_is_new_nothing_is_reused() {
        let old = sample(400_000, &mut Random(3));
        let packed = zlib(&old, 6, usize::MAX);
        let mut new = old.clone();
        new[..300_000].reverse();
        let differences = Differences::between(&old, &new);
        assert_eq!(deflate_changed(&new, &packed, &differences, 6).unwrap(), None);
        let (empty, one) = (Differences::between(&old, &[]), Differences::between(&old, &old[..1]));
        assert_eq!(deflate_changed(&[], &packed, &empty, 6).unwrap(), None);
        assert!(deflate_changed(&old[..1], &packed, &one, 6).unwrap().is_none_or(|made| inflate(&made) == old[..1]));
    }

    #[test]
    fn a_broken_stream_is_given_up_or_found_out_by_its_checksum() {
        let mut random = Random(17);
        let old = sample(200_000, &mut random);
        let packed = zlib(&old, 6, usize::MAX);
        let mut new = old.clone();
        new[0] ^= 1;
        let differences = Differences::between(&old, &new);
        for _ in 0..500 {
            let mut broken = packed.clone();
            for _ in 0..1 + random.next(4) {
                let at = random.next(broken.len());
                broken[at] = u8::try_from(random.next(256)).unwrap();
            }
            broken.truncate(broken.len() - random.next(2) * random.next(broken.len()));
            if let Some(made) = deflate_changed(&new, &broken, &differences, 1).unwrap() {
                assert!(made.len() < 2 * packed.len());
            }
        }
    }
}
