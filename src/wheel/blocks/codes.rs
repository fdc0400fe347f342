//! The prefix codes of a deflate block: which symbol the next bits are, and what it stands for.

use super::bits::Bits;

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

/// What a symbol is: how many bits it takes, code alone and with what belongs to it, and how many bytes it stands for, or how
/// many it goes back.
///
/// No bits at all: no symbol has this code.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) bytes: u16,
    pub(super) code: u8,
    pub(super) all: u8,
}

impl Entry {
    /// The end of a block; one byte is a literal, more than two are a match.
    pub(super) const END: u16 = 0;
    pub(super) const LITERAL: u16 = 1;
    pub(super) const FORBIDDEN: u16 = 2;
}

pub(super) fn literal(symbol: usize) -> Option<(u16, u8)> {
    match symbol.checked_sub(END + 1) {
        // The fixed code has two symbols that no stream may use.
        Some(length) => Some(LENGTHS.get(length).copied().unwrap_or((Entry::FORBIDDEN, 0))),
        None => Some((if symbol == END { Entry::END } else { Entry::LITERAL }, 0)),
    }
}

/// Distance and extra bits of the distance symbols: 1, 2, 3, 4, 5, 7, 9, 13, … and 0, 0, 0, 0, 1, 1, 2, 2, … (3.2.5).
pub(super) fn distance(symbol: usize) -> Option<(u16, u8)> {
    let extra = u8::try_from((symbol / 2).saturating_sub(1)).ok()?;
    let base = match symbol {
        0..=3 => symbol.checked_add(1)?,
        4..=29 => (2_usize | symbol & 1).checked_shl(extra.into())?.checked_add(1)?,
        _ => return None,
    };
    Some((u16::try_from(base).ok()?, extra))
}

/// The code lengths of a dynamic block's two codes.
pub(super) struct Lengths {
    all: Vec<u8>,
    /// How many of them are those of literals and lengths.
    literals: usize,
}

impl Lengths {
    /// Reads them (3.2.7).
    pub(super) fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let literals = usize::try_from(bits.take(5)).ok()?.checked_add(257)?;
        let distance_count = usize::try_from(bits.take(5)).ok()?.checked_add(1)?;
        let length_count = usize::try_from(bits.take(4)).ok()?.checked_add(4)?;
        let mut lengths = [0_u8; 19];
        for place in ORDER.iter().take(length_count) {
            bits.refill();
            *lengths.get_mut(*place)? = u8::try_from(bits.take(3)).ok()?;
        }
        let code = length_code(&lengths)?;
        let mut all: Vec<u8> = Vec::with_capacity(320);
        let total = literals.checked_add(distance_count)?;
        while all.len() < total {
            bits.refill();
            let (symbol, length) = *code.get(usize::try_from(bits.held & 127).ok()?)?;
            if length == 0 {
                return None;
            }
            bits.drop(length);
            let (length, times) = match symbol {
                16 => (*all.last()?, bits.take(2).checked_add(3)?),
                17 => (0, bits.take(3).checked_add(3)?),
                18 => (0, bits.take(7).checked_add(11)?),
                length => (length, 1),
            };
            all.extend(std::iter::repeat_n(length, usize::try_from(times).ok()?));
        }
        all.truncate(total);
        Some(Self { all, literals })
    }

    fn split(&self) -> (&[u8], &[u8]) {
        self.all.split_at_checked(self.literals).unwrap_or_default()
    }

    /// Returns true if every sequence of bits begins with some code; of distances there may be one or none.
    pub(super) fn are_complete(&self) -> bool {
        let room =
            |lengths: &[u8]| lengths.iter().filter(|length| **length > 0).map(|length| 1_u32 << (15 - length)).sum();
        let (literals, distances) = self.split();
        let (literal_room, distance_room): (u32, u32) = (room(literals), room(distances));
        literal_room == 1 << LONGEST
            && (distance_room == 1 << LONGEST || distances.iter().filter(|length| **length > 0).count() < 2)
    }

    /// Makes both codes.
    pub(super) fn assign(&self, literals: &mut Code, distances: &mut Code) -> Option<()> {
        let (of_literals, of_distances) = self.split();
        literals.assign(of_literals)?;
        distances.assign(of_distances)
    }
}

/// The code in which code lengths are written: by the next seven bits, symbol and bits, none where no symbol has the code.
fn length_code(lengths: &[u8; 19]) -> Option<[(u8, u8); 128]> {
    let mut table = [(0, 0); 128];
    let mut code = 0_u16;
    for length in 1..=7_u8 {
        for (symbol, _) in (0_u8..).zip(lengths).filter(|(_, other)| **other == length) {
            // More codes than the length has room for.
            if code >> length > 0 {
                return None;
            }
            // Codes stand with their first bit lowest.
            let first = usize::from(code.reverse_bits() >> 16_u8.checked_sub(length)?);
            table.iter_mut().skip(first).step_by(1 << length).for_each(|place| *place = (symbol, length));
            code = code.checked_add(1)?;
        }
        code = code.checked_mul(2)?;
    }
    Some(table)
}

/// A prefix code: for each symbol the bits that it and what belongs to it take.
pub(super) struct Code {
    /// By the next bits.
    primary: Box<[Entry; 1 << PRIMARY]>,
    /// Symbols by ascending code.
    symbols: Vec<u16>,
    /// Number of codes of each length.
    counts: [u16; LONGEST + 1],
    /// Bytes that a symbol stands for, or goes back, at least, and its extra bits.
    meaning: fn(usize) -> Option<(u16, u8)>,
}

impl Code {
    pub(super) fn new(meaning: fn(usize) -> Option<(u16, u8)>) -> Self {
        let primary = Box::new([Entry::default(); 1 << PRIMARY]);
        Self { primary, symbols: Vec::new(), counts: [0; LONGEST + 1], meaning }
    }

    /// Makes it the code of these lengths (3.2.2).
    pub(super) fn assign(&mut self, lengths: &[u8]) -> Option<()> {
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
        Some(())
    }

    fn entry(&self, symbol: u16, length: usize) -> Option<Entry> {
        let (bytes, extra) = (self.meaning)(usize::from(symbol))?;
        let code = u8::try_from(length).ok()?;
        Some(Entry { bytes, code, all: code.checked_add(extra)? })
    }

    /// Returns the next symbol, and takes nothing.
    #[inline]
    pub(super) fn look(&self, bits: &Bits<'_>) -> Option<Entry> {
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
