//! The blocks of a deflate stream (RFC 1951): where each begins and ends, and which unpacked bytes it holds.
//!
//! With that, blocks of one stream can stand in another. It takes a walk over all symbols, but nothing is unpacked.

/// Bits that the first look-up decides on; longer codes, which are rare, are decoded bit by bit.
const PRIMARY: usize = 11;
/// The longest code (RFC 1951, 3.2.7).
const LONGEST: usize = 15;
/// Length and extra bits of the length symbols 257 to 285 (3.2.5).
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
/// The order in which the lengths of the code length code stand (3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// The symbol that ends a block.
const END: usize = 256;

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
        self.bits.refill();
        self.is_done = self.bits.take(1) == 1;
        let (kind, length) = match self.bits.take(2) {
            0 => (Kind::Stored, self.bits.skip_stored()?),
            1 => {
                let fixed = |symbol: usize| match symbol {
                    0..=143 | 280..=287 => 8,
                    144..=255 => 9,
                    _ => 7,
                };
                let lengths: Vec<u8> = (0..288).map(fixed).collect();
                self.literals.assign(&lengths)?;
                self.distances.assign(&[5; 30])?;
                (Kind::Coded, self.symbols()?)
            }
            2 => {
                read_codes(&mut self.bits, &mut self.literals, &mut self.distances)?;
                (Kind::Coded, self.symbols()?)
            }
            _ => return None,
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
    pub(super) fn may_begin(&mut self, position: u64) -> Option<bool> {
        let at = usize::try_from(position / 8).ok()?;
        let Some(bytes) = self.bits.data.get(at..).and_then(|rest| rest.first_chunk::<16>()) else {
            return Some(false);
        };
        let header = u128::from_le_bytes(*bytes) >> (position % 8);
        if !is_header(header) {
            return Some(false);
        }
        self.go_to(position.checked_add(3)?)?;
        let read = read_codes(&mut self.bits, &mut self.literals, &mut self.distances);
        Some(
            read.is_some()
                && self.literals.is_complete
                && (self.distances.is_complete || self.distances.symbols.len() < 2),
        )
    }

    /// Steps over the symbols of a block; returns how many bytes they stand for.
    fn symbols(&mut self) -> Option<u64> {
        walk(&mut self.bits, &self.literals, &self.distances)
    }
}

/// Returns the first bit of a stream, from bit `from` to bit `to`, where a block may begin ([`Walk::may_begin`]).
pub(super) fn next_start(stream: &[u8], from: u64, to: u64) -> Option<u64> {
    let mut walk = Walk::from_start(stream);
    (from..to).find(|position| walk.may_begin(*position) == Some(true))
}

/// Returns true if bits can be the header of a dynamic block that is not the last (3.2.7), by its sizes and by the
/// lengths of the code length code.
#[inline]
fn is_header(bits: u128) -> bool {
    let field = |at: u32, mask: u128| (bits >> at) & mask;
    if field(0, 7) != 0b100 || field(3, 31) > 29 || field(8, 31) > 29 {
        return false;
    }
    let lengths = (0..field(13, 15) + 4).map(|index| field(17, u128::MAX) >> (3 * index) & 7);
    lengths.filter(|length| *length > 0).map(|length| 128_u32 >> length).sum::<u32>() == 128
}

/// What a symbol is: how many bits it takes, code alone and with what belongs to it, and how many bytes it stands for.
///
/// No bits at all: no symbol has this code.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    bytes: u16,
    code: u8,
    all: u8,
}

impl Entry {
    /// The end of a block; one byte is a literal, more than two are a match.
    const END: u16 = 0;
    const LITERAL: u16 = 1;
    const FORBIDDEN: u16 = 2;
}

fn literal(symbol: usize) -> Option<(u16, u8)> {
    match symbol.checked_sub(END + 1) {
        // The fixed code has two symbols that no stream may use.
        Some(length) => Some(LENGTHS.get(length).copied().unwrap_or((Entry::FORBIDDEN, 0))),
        None => Some((if symbol == END { Entry::END } else { Entry::LITERAL }, 0)),
    }
}

/// Extra bits of the distance symbols: 0, 0, 0, 0, 1, 1, 2, 2, … (3.2.5).
fn distance(symbol: usize) -> Option<(u16, u8)> {
    let extra = u8::try_from((symbol / 2).saturating_sub(1)).ok()?;
    (symbol < 30).then_some((0, extra))
}

/// A symbol of the code length code; what follows it is read apart.
fn plain(symbol: usize) -> Option<(u16, u8)> {
    Some((u16::try_from(symbol).ok()?, 0))
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

/// Reads the codes of a dynamic block (3.2.7).
fn read_codes(bits: &mut Bits<'_>, literals: &mut Code, distances: &mut Code) -> Option<()> {
    let literal_count = usize::try_from(bits.take(5)).ok()?.checked_add(257)?;
    let distance_count = usize::try_from(bits.take(5)).ok()?.checked_add(1)?;
    let length_count = usize::try_from(bits.take(4)).ok()?.checked_add(4)?;
    let mut lengths = [0_u8; 19];
    for place in ORDER.iter().take(length_count) {
        bits.refill();
        *lengths.get_mut(*place)? = u8::try_from(bits.take(3)).ok()?;
    }
    let mut code = Code::new(plain);
    code.assign(&lengths)?;
    let mut all: Vec<u8> = Vec::with_capacity(320);
    let total = literal_count.checked_add(distance_count)?;
    while all.len() < total {
        bits.refill();
        let entry = code.look(bits)?;
        bits.drop(entry.all);
        let (length, times) = match entry.bytes {
            16 => (*all.last()?, bits.take(2).checked_add(3)?),
            17 => (0, bits.take(3).checked_add(3)?),
            18 => (0, bits.take(7).checked_add(11)?),
            length => (u8::try_from(length).ok()?, 1),
        };
        all.extend(std::iter::repeat_n(length, usize::try_from(times).ok()?));
    }
    let (literal_lengths, distance_lengths) = all.get(..total)?.split_at_checked(literal_count)?;
    literals.assign(literal_lengths)?;
    distances.assign(distance_lengths)
}

/// A prefix code: for each symbol the bits that it and what belongs to it take.
struct Code {
    /// By the next bits.
    primary: Box<[Entry; 1 << PRIMARY]>,
    /// Symbols by ascending code.
    symbols: Vec<u16>,
    /// Number of codes of each length.
    counts: [u16; LONGEST + 1],
    /// True if every sequence of bits begins with some code.
    is_complete: bool,
    /// Bytes that a symbol stands for at least, and its extra bits.
    meaning: fn(usize) -> Option<(u16, u8)>,
}

impl Code {
    fn new(meaning: fn(usize) -> Option<(u16, u8)>) -> Self {
        let primary = Box::new([Entry::default(); 1 << PRIMARY]);
        Self { primary, symbols: Vec::new(), counts: [0; LONGEST + 1], is_complete: false, meaning }
    }

    /// Makes it the code of these lengths (3.2.2).
    fn assign(&mut self, lengths: &[u8]) -> Option<()> {
        self.counts = [0; LONGEST + 1];
        for length in lengths.iter().filter(|length| **length > 0) {
            let count = self.counts.get_mut(usize::from(*length))?;
            *count = count.checked_add(1)?;
        }
        let mut places = [0_u16; LONGEST + 1];
        let mut used = 0_u16;
        for (place, count) in places.iter_mut().zip(&self.counts) {
            *place = used;
            used = used.checked_add(*count)?;
        }
        self.symbols.clear();
        self.symbols.resize(usize::from(used), 0);
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let place = places.get_mut(usize::from(*length))?;
            *self.symbols.get_mut(usize::from(*place))? = u16::try_from(symbol).ok()?;
            *place = place.checked_add(1)?;
        }
        self.fill()
    }

    /// Fills the look-up of the next bits.
    fn fill(&mut self) -> Option<()> {
        self.primary.fill(Entry::default());
        let mut code = 0_u32;
        let mut symbols = self.symbols.iter();
        for (length, count) in self.counts.iter().enumerate().skip(1) {
            code = code.checked_mul(2)?;
            let of_length = symbols.by_ref().take(usize::from(*count));
            if let Some(shift) = PRIMARY.checked_sub(length) {
                for symbol in of_length {
                    let entry = self.entry(*symbol, length)?;
                    // Codes stand with their first bit lowest.
                    let first = code.reverse_bits() >> (32_usize.checked_sub(length)?);
                    let places = self.primary.get_mut(usize::try_from(first).ok()?..)?;
                    for place in places.iter_mut().step_by(1 << length).take(1 << shift) {
                        *place = entry;
                    }
                    code = code.checked_add(1)?;
                }
            } else {
                code = code.checked_add(u32::try_from(of_length.count()).ok()?)?;
            }
            // More codes than the length has room for.
            if code > 1 << length {
                return None;
            }
        }
        self.is_complete = code == 1 << LONGEST;
        Some(())
    }

    fn entry(&self, symbol: u16, length: usize) -> Option<Entry> {
        let (bytes, extra) = (self.meaning)(usize::from(symbol))?;
        let code = u8::try_from(length).ok()?;
        Some(Entry { bytes, code, all: code.checked_add(extra)? })
    }

    /// Returns the next symbol, and takes nothing.
    #[inline]
    fn look(&self, bits: &Bits<'_>) -> Option<Entry> {
        let index = usize::try_from(bits.held & ((1 << PRIMARY) - 1)).unwrap_or(0);
        match self.primary.get(index) {
            Some(entry) if entry.code > 0 => Some(*entry),
            _ => self.look_slowly(bits.held),
        }
    }

    /// Finds the symbol bit by bit: canonical codes of one length are consecutive numbers.
    #[cold]
    fn look_slowly(&self, mut held: u64) -> Option<Entry> {
        let (mut code, mut first, mut index) = (0_i64, 0_i64, 0_i64);
        for (length, count) in self.counts.iter().enumerate().skip(1) {
            code |= i64::try_from(held & 1).ok()?;
            held >>= 1;
            let count = i64::from(*count);
            let offset = code.checked_sub(first)?;
            if offset < count {
                let at = usize::try_from(index.checked_add(offset)?).ok()?;
                return self.entry(*self.symbols.get(at)?, length);
            }
            index = index.checked_add(count)?;
            first = first.checked_add(count)?.checked_mul(2)?;
            code = code.checked_mul(2)?;
        }
        None
    }
}

/// The bits of a stream, lowest first (3.1.1).
struct Bits<'a> {
    data: &'a [u8],
    /// Bytes that were taken into `held`, those past the end included.
    taken: usize,
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, taken: 0, held: 0, count: 0 }
    }

    /// Goes to a bit.
    fn go_to(&mut self, position: u64) -> Option<()> {
        *self = Self { data: self.data, taken: usize::try_from(position / 8).ok()?, held: 0, count: 0 };
        self.refill();
        self.take(u32::try_from(position % 8).ok()?);
        Some(())
    }

    /// Holds at least 56 bits; past the end they are zeros.
    #[inline]
    fn refill(&mut self) {
        let next = self.data.get(self.taken..).and_then(|rest| rest.first_chunk::<8>());
        if let Some(next) = next {
            self.held |= u64::from_le_bytes(*next) << self.count;
            let whole = (63_u32.wrapping_sub(self.count)) >> 3;
            self.taken = self.taken.wrapping_add(usize::try_from(whole).unwrap_or(0));
            self.count |= 56;
            return;
        }
        while self.count <= 56 {
            let byte = self.data.get(self.taken).copied().unwrap_or(0);
            self.held |= u64::from(byte) << self.count;
            self.taken = self.taken.saturating_add(1);
            self.count = self.count.saturating_add(8);
        }
    }

    /// Takes bits that are held.
    #[inline]
    fn take(&mut self, count: u32) -> u64 {
        let value = self.held & ((1_u64 << count) - 1);
        self.held >>= count;
        self.count = self.count.wrapping_sub(count);
        value
    }

    /// Steps over bits that are held.
    #[inline]
    fn drop(&mut self, count: u8) {
        self.held >>= count;
        self.count = self.count.wrapping_sub(u32::from(count));
    }

    /// Returns how many bits were taken.
    fn position(&self) -> u64 {
        (self.taken as u64).saturating_mul(8).saturating_sub(u64::from(self.count))
    }

    #[inline]
    fn is_past_end(&self) -> bool {
        self.taken > self.data.len().saturating_add(16)
    }

    /// Steps over a stored block's length and bytes (3.2.4); returns their number.
    fn skip_stored(&mut self) -> Option<u64> {
        let at = usize::try_from(self.position().div_ceil(8)).ok()?;
        let [low, high, not_low, not_high] = *self.data.get(at..)?.first_chunk::<4>()?;
        let length = u16::from_le_bytes([low, high]);
        if length != !u16::from_le_bytes([not_low, not_high]) {
            return None;
        }
        let end = at.checked_add(4)?.checked_add(usize::from(length))?;
        *self = Self { data: self.data, taken: end, held: 0, count: 0 };
        (end <= self.data.len()).then_some(u64::from(length))
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
    fn what_is_no_stream_ends_soon() {
        // A code whose only symbol is a literal of all zeros, then nothing: the zeros past the end decode forever.
        for start in [vec![0x04, 0xc0], vec![0x05, 0x20], vec![0x06], vec![0xff; 3], Vec::new()] {
            let mut stream = start;
            stream.resize(40, 0);
            assert_eq!(scan(&stream, 9), None);
        }
    }
}
