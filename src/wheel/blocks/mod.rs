//! The blocks of a deflate stream (RFC 1951): where each begins and ends, and which unpacked bytes it holds.
//!
//! With that, blocks of one stream can stand in another. It takes a walk over all symbols, but nothing is unpacked.

mod bits;
mod codes;
mod seam;

use std::sync::LazyLock;

use self::bits::Bits;
use self::codes::{Code, Entry, Lengths, distance, literal};
pub(super) use self::seam::{Cut, Seam};

/// One block, or several in a row; positions in the stream are in bits from its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Position of its first bit, which says whether it is the last.
    pub(super) start: u64,
    /// Position after its last bit.
    pub(super) end: u64,
    /// Position of its first byte among the unpacked ones.
    pub(super) from: u64,
    /// Position after its last byte among the unpacked ones.
    pub(super) to: u64,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a [`Block`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A block whose bytes are stored as they are, on a byte boundary.
    Stored,
    /// A block of symbols, which can stand at any bit.
    Coded,
    /// Blocks that were not looked at, none of them the last; stored ones among them bind all to their place in a byte.
    Run,
}

/// Returns all blocks up to the last; nothing if the stream is not sound or has more than `most`.
pub(super) fn scan(stream: &[u8], most: usize) -> Option<Vec<Block>> {
    Walk::from_start(stream).through_last(most)
}

/// A walk over the blocks of a stream.
pub(super) struct Walk<'a> {
    bits: Bits<'a>,
    size: u64,
    literals: Code,
    distances: Code,
    /// Unpacked bytes of the blocks so far.
    unpacked: u64,
    /// True after the last block.
    is_done: bool,
}

impl<'a> Walk<'a> {
    /// Returns a walk that begins with the first block.
    pub(super) fn from_start(stream: &'a [u8]) -> Self {
        Self {
            bits: Bits::new(stream),
            size: (stream.len() as u64).saturating_mul(8),
            literals: Code::new(literal),
            distances: Code::new(distance),
            unpacked: 0,
            is_done: false,
        }
    }

    /// Goes to another bit, as if its block were the first.
    pub(super) fn go_to(&mut self, position: u64) -> Option<()> {
        self.bits.go_to(position)?;
        (self.unpacked, self.is_done) = (0, false);
        Some(())
    }

    /// Returns true if the last block was the last one.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Steps over the next block; nothing if it is not sound.
    pub(super) fn step(&mut self) -> Option<Block> {
        let (start, from) = (self.bits.position(), self.unpacked);
        let (kind, length) = match self.header()? {
            Kind::Coded => (Kind::Coded, walk(&mut self.bits, &self.literals, &self.distances)?),
            kind => (kind, self.bits.skip_stored()?),
        };
        let (end, to) = (self.bits.position(), from.checked_add(length)?);
        self.unpacked = to;
        (end <= self.size).then_some(Block { start, end, from, to, kind })
    }

    /// Returns the blocks from here to the last; nothing if they are not sound or more than `most`.
    pub(super) fn through_last(&mut self, most: usize) -> Option<Vec<Block>> {
        let mut blocks = Vec::new();
        while blocks.len() < most {
            blocks.push(self.step()?);
            if self.is_done {
                return Some(blocks);
            }
        }
        None
    }

    /// Returns true if a block with codes of its own, not the last, may begin at a bit: its codes use up all that
    /// their lengths allow, as every compressor makes them, and as hardly any other bits do.
    fn may_begin(&mut self, position: u64) -> Option<bool> {
        self.go_to(position.checked_add(3)?)?;
        let lengths = Lengths::read(&mut self.bits)?;
        Some(lengths.are_complete())
    }

    /// Steps over the header of a block, up to its first symbol or the length of its stored bytes.
    fn header(&mut self) -> Option<Kind> {
        self.bits.refill();
        self.is_done = self.bits.take(1) == 1;
        match self.bits.take(2) {
            0 => return Some(Kind::Stored),
            1 => {
                let fixed = |symbol: usize| match symbol {
                    0..=143 | 280..=287 => 8,
                    144..=255 => 9,
                    _ => 7,
                };
                let lengths: Vec<u8> = (0..288).map(fixed).collect();
                self.literals.assign(&lengths)?;
                self.distances.assign(&[5; 30])?;
            }
            2 => Lengths::read(&mut self.bits)?.assign(&mut self.literals, &mut self.distances)?,
            _ => return None,
        }
        Some(Kind::Coded)
    }
}

/// Returns the first bit of a stream, from bit `from` to bit `to`, where a block may begin ([`Walk::may_begin`]).
pub(super) fn next_start(stream: &[u8], from: u64, to: u64) -> Option<u64> {
    let (mut walk, room) = (Walk::from_start(stream), &*ROOM);
    let mut at = from;
    while at < to {
        let byte = usize::try_from(at / 8).ok()?;
        let bits = u128::from_le_bytes(*stream.get(byte..)?.first_chunk()?);
        // Of the bits that begin in these four bytes, those that three fitting ones follow: not the last, dynamic.
        let begins = !bits & !(bits >> 1) & (bits >> 2) & 0xffff_ffff;
        let mut begins = u32::try_from(begins).ok()? >> (at % 8) << (at % 8);
        let base = at / 8 * 8;
        while begins > 0 {
            let bit = begins.trailing_zeros();
            begins &= begins.wrapping_sub(1);
            let position = base.checked_add(bit.into())?;
            let word = |at: u32| u64::try_from(bits >> at & u128::from(u64::MAX)).unwrap_or(0);
            let fits = is_header(word(bit), word(bit.saturating_add(17)), room);
            if fits && position < to && walk.may_begin(position) == Some(true) {
                return Some(position);
            }
        }
        at = base.checked_add(32)?;
    }
    None
}

/// For four lengths of three bits each, how much of the room for codes they use up, in 128ths.
static ROOM: LazyLock<[u16; 1 << 12]> = LazyLock::new(|| {
    std::array::from_fn(|lengths| {
        let each = [0, 3, 6, 9].map(|at| lengths >> at & 7);
        each.iter().filter(|length| **length > 0).map(|length| 128_u16 >> length).sum()
    })
});

/// Returns true if bits that begin like the header of a dynamic block that is not the last (3.2.7) can be one, by its
/// sizes, which are in the first 17 bits, and by the lengths of the code length code, which follow.
#[inline]
fn is_header(sizes: u64, lengths: u64, room: &[u16; 1 << 12]) -> bool {
    let count = (sizes >> 13 & 15).saturating_add(4);
    let lengths = lengths & (u64::MAX >> 64_u64.saturating_sub(count.saturating_mul(3)));
    let room = |at: u32| room.get(usize::try_from(lengths >> at & 0xfff).unwrap_or(0)).copied().unwrap_or(0);
    // All at once: which of five fails first no processor foresees.
    let used = [0, 12, 24, 36, 48].map(room).iter().sum::<u16>();
    used == 128 && sizes >> 3 & 31 <= 29 && sizes >> 8 & 31 <= 29
}

/// Steps over the symbols of one block; returns how many bytes they stand for.
fn walk(bits: &mut Bits<'_>, literals: &Code, distances: &Code) -> Option<u64> {
    let mut length = 0_u64;
    loop {
        bits.refill();
        if bits.is_past_end() {
            return None;
        }
        // A refill holds at least 56 bits: three literals of 15 bits, or one match of 15 + 5 + 15 + 13.
        let mut entry = literals.look(bits)?;
        if entry.bytes == Entry::LITERAL {
            bits.drop(entry.all);
            entry = literals.look(bits)?;
            length = length.wrapping_add(1);
            if entry.bytes == Entry::LITERAL {
                bits.drop(entry.all);
                entry = literals.look(bits)?;
                length = length.wrapping_add(1);
                if entry.bytes == Entry::LITERAL {
                    bits.drop(entry.all);
                    length = length.wrapping_add(1);
                    continue;
                }
            }
            bits.refill();
        }
        if entry.bytes <= Entry::FORBIDDEN {
            bits.drop(entry.all);
            return (entry.bytes == Entry::END).then_some(length);
        }
        bits.drop(entry.code);
        let extra = bits.take(u32::from(entry.all.wrapping_sub(entry.code)));
        length = length.wrapping_add(u64::from(entry.bytes)).wrapping_add(extra);
        let entry = distances.look(bits)?;
        bits.drop(entry.all);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// An empty stored block, one by the fixed code, another empty one, and "wxyz" stored.
    const STREAM: [u8; 25] = [
        0, 0, 0, 0xff, 0xff, 0x4a, 0x4c, 0x4a, 0x84, 0x43, 0, 0, 0, 0, 0xff, 0xff, 1, 4, 0, 0xfb, 0xff, b'w', b'x',
        b'y', b'z',
    ];

    #[test]
    fn blocks_are_found_and_measured() {
        let mut unpacked = String::new();
        flate2::bufread::DeflateDecoder::new(&STREAM[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, "ababababababwxyz");
        let blocks = scan(&STREAM, 9).unwrap();
        assert_eq!(blocks.iter().map(|block| block.to).collect::<Vec<_>>(), [0, 12, 12, 16]);
        let kinds: Vec<Kind> = blocks.iter().map(|block| block.kind).collect();
        assert_eq!(kinds, [Kind::Stored, Kind::Coded, Kind::Stored, Kind::Stored]);
        assert!(blocks.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].to == pair[1].from));
        assert_eq!(blocks.last().unwrap().end, STREAM.len() as u64 * 8);
        assert_eq!(scan(&STREAM, 3), None);
        for end in 0..STREAM.len() {
            assert_eq!(scan(&STREAM[..end], 9), None, "cut at {end}");
        }
    }

    #[test]
    fn symbols_that_make_or_copy_changed_bytes_cannot_stay() {
        // `a`, `b`, `a`, and nine bytes copied from two before.
        let block = &scan(&STREAM, 9).unwrap()[1];
        let cuts = |changed: &[(u64, u64)]| {
            let changed: Vec<_> = changed.iter().map(|(from, to)| *from..*to).collect();
            let seam = Walk::from_start(&STREAM).seam(block, &changed).unwrap();
            assert!(block.start < seam.symbols && seam.symbols < seam.end && seam.end < block.end);
            seam.cuts.map(|(begin, end)| (begin.byte, end.byte))
        };
        assert_eq!(cuts(&[]), None);
        assert_eq!(cuts(&[(12, 20)]), None);
        assert_eq!(cuts(&[(5, 6)]), Some((3, 12)));
        assert_eq!(cuts(&[(0, 1)]), Some((0, 1)));
        assert_eq!(cuts(&[(1, 2), (30, 31)]), Some((1, 12)));
        // Neither one that is stored, nor one of another length than was said.
        let stored = &scan(&STREAM, 9).unwrap()[3];
        assert_eq!(Walk::from_start(&STREAM).seam(stored, &[]), None);
        assert_eq!(Walk::from_start(&STREAM).seam(&Block { to: 13, ..block.clone() }, &[]), None);
    }

    #[test]
    fn what_is_no_stream_ends_soon() {
        // A code whose only symbol is a literal of all zeros, then nothing: the zeros past the end decode forever.
        for start in [vec![0x04, 0xc0], vec![0x05, 0x20], vec![0x06], vec![0xff; 3], Vec::new()] {
            let mut stream = start;
            stream.resize(40, 0);
            assert_eq!(scan(&stream, 9), None);
        }
    }
}
