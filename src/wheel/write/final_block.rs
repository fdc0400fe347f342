//! Where the last block of a deflate stream begins and ends, so that another stream can follow it.
//!
//! libdeflate compresses whole buffers: its last block always says that it is the last. To let blocks that were
//! compressed apart stand in one stream, that one bit is cleared, which takes a walk over all symbols (RFC 1951), without
//! unpacking anything.

/// Bits that the first look-up decides on; longer codes, which are rare, are decoded bit by bit.
const PRIMARY: usize = 11;
/// The longest code (RFC 1951, 3.2.7).
const LONGEST: usize = 15;
/// Extra bits of the length symbols 257 to 285 (3.2.5).
const LENGTH_EXTRA: [u8; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
/// The order in which the lengths of the code length code stand (3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// The symbol that ends a block.
const END: u16 = 256;

/// The last block of a stream, in bits from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FinalBlock {
    /// Position of the bit that says "last".
    pub(super) start: u64,
    /// Position after its last bit.
    pub(super) end: u64,
}

/// Finds the last block; nothing if the stream is not sound.
pub(super) fn find(stream: &[u8]) -> Option<FinalBlock> {
    let mut bits = Bits::new(stream);
    let (mut literals, mut distances) = (Code::default(), Code::default());
    loop {
        let start = bits.position();
        bits.refill();
        let last = bits.take(1) == 1;
        match bits.take(2) {
            0 => bits.skip_stored()?,
            1 => {
                let fixed = |symbol: usize| match symbol {
                    0..=143 | 280..=287 => 8,
                    144..=255 => 9,
                    _ => 7,
                };
                let lengths: Vec<u8> = (0..288).map(fixed).collect();
                literals.assign(&lengths, literal_extra)?;
                distances.assign(&[5; 30], distance_extra)?;
                walk(&mut bits, &literals, &distances)?;
            }
            2 => {
                read_codes(&mut bits, &mut literals, &mut distances)?;
                walk(&mut bits, &literals, &distances)?;
            }
            _ => return None,
        }
        if bits.position() > (stream.len() as u64).checked_mul(8)? {
            return None;
        }
        if last {
            return Some(FinalBlock { start, end: bits.position() });
        }
    }
}

fn literal_extra(symbol: usize) -> u8 {
    symbol.checked_sub(257).and_then(|length| LENGTH_EXTRA.get(length)).copied().unwrap_or(0)
}

/// Extra bits of the distance symbols: 0, 0, 0, 0, 1, 1, 2, 2, … (3.2.5).
fn distance_extra(symbol: usize) -> u8 {
    u8::try_from((symbol / 2).saturating_sub(1)).unwrap_or(0)
}

/// Steps over the symbols of one block.
fn walk(bits: &mut Bits<'_>, literals: &Code, distances: &Code) -> Option<()> {
    loop {
        bits.refill();
        // A refill holds at least 56 bits: three literals of 15 bits, or one match of 15 + 5 + 15 + 13.
        let mut symbol = literals.step(bits)?;
        if symbol < END {
            symbol = literals.step(bits)?;
            if symbol < END {
                continue;
            }
            bits.refill();
        }
        if symbol == END {
            return Some(());
        }
        distances.step(bits)?;
        if bits.is_past_end() {
            return None;
        }
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
    let mut code = Code::default();
    code.assign(&lengths, |_| 0)?;
    let mut all: Vec<u8> = Vec::with_capacity(320);
    let total = literal_count.checked_add(distance_count)?;
    while all.len() < total {
        bits.refill();
        let (length, times) = match code.step(bits)? {
            16 => (*all.last()?, bits.take(2).checked_add(3)?),
            17 => (0, bits.take(3).checked_add(3)?),
            18 => (0, bits.take(7).checked_add(11)?),
            length => (u8::try_from(length).ok()?, 1),
        };
        all.extend(std::iter::repeat_n(length, usize::try_from(times).ok()?));
    }
    let (literal_lengths, distance_lengths) = all.get(..total)?.split_at_checked(literal_count)?;
    literals.assign(literal_lengths, literal_extra)?;
    distances.assign(distance_lengths, distance_extra)
}

/// A prefix code: for each symbol the bits that it and what belongs to it take.
struct Code {
    /// By the next bits: symbol, and bits taken in all; 0 bits for codes that are longer.
    primary: Box<[(u16, u8); 1 << PRIMARY]>,
    /// Symbols by ascending code.
    symbols: Vec<u16>,
    /// Number of codes of each length.
    counts: [u16; LONGEST + 1],
    extra: fn(usize) -> u8,
}

impl Default for Code {
    fn default() -> Self {
        let primary = Box::new([(0, 0); 1 << PRIMARY]);
        Self { primary, symbols: Vec::new(), counts: [0; LONGEST + 1], extra: |_| 0 }
    }
}

impl Code {
    /// Makes it the code of these lengths (3.2.2).
    fn assign(&mut self, lengths: &[u8], extra: fn(usize) -> u8) -> Option<()> {
        self.extra = extra;
        self.counts = [0; LONGEST + 1];
        for length in lengths.iter().filter(|length| **length > 0) {
            let count = self.counts.get_mut(usize::from(*length))?;
            *count = count.checked_add(1)?;
        }
        self.symbols.clear();
        self.primary.fill((0, 0));
        let mut code = 0_u32;
        for (length, count) in self.counts.iter().enumerate().skip(1) {
            code = code.checked_mul(2)?;
            let of_length = lengths.iter().enumerate().filter(|(_, of)| usize::from(**of) == length);
            for (symbol, _) in of_length.take(usize::from(*count)) {
                self.symbols.push(u16::try_from(symbol).ok()?);
                if let Some(shift) = PRIMARY.checked_sub(length) {
                    let taken = u8::try_from(length).ok()?.checked_add(extra(symbol))?;
                    // Codes stand with their first bit lowest.
                    let first = code.reverse_bits() >> (32_usize.checked_sub(length)?);
                    for rest in 0..1_usize << shift {
                        let index = usize::try_from(first).ok()? | (rest << length);
                        *self.primary.get_mut(index)? = (u16::try_from(symbol).ok()?, taken);
                    }
                }
                code = code.checked_add(1)?;
            }
            // More codes than the length has room for.
            if code > 1 << length {
                return None;
            }
        }
        Some(())
    }

    /// Takes one symbol and what belongs to it.
    #[inline]
    fn step(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let index = usize::try_from(bits.held & ((1 << PRIMARY) - 1)).unwrap_or(0);
        match self.primary.get(index) {
            Some((symbol, taken)) if *taken > 0 => {
                bits.drop(u32::from(*taken));
                Some(*symbol)
            }
            _ => self.step_slowly(bits),
        }
    }

    /// Takes one symbol bit by bit: canonical codes of one length are consecutive numbers.
    #[cold]
    fn step_slowly(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let (mut code, mut first, mut index) = (0_i64, 0_i64, 0_i64);
        for count in self.counts.iter().skip(1) {
            code |= i64::try_from(bits.take(1)).ok()?;
            let count = i64::from(*count);
            let offset = code.checked_sub(first)?;
            if offset < count {
                let at = usize::try_from(index.checked_add(offset)?).ok()?;
                let symbol = *self.symbols.get(at)?;
                bits.drop(u32::from((self.extra)(usize::from(symbol))));
                return Some(symbol);
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
        self.drop(count);
        value
    }

    #[inline]
    fn drop(&mut self, count: u32) {
        self.held >>= count;
        self.count = self.count.saturating_sub(count);
    }

    /// Returns how many bits were taken.
    fn position(&self) -> u64 {
        (self.taken as u64).saturating_mul(8).saturating_sub(u64::from(self.count))
    }

    fn is_past_end(&self) -> bool {
        self.taken > self.data.len().saturating_add(16)
    }

    /// Steps over a stored block's length and bytes (3.2.4).
    fn skip_stored(&mut self) -> Option<()> {
        let at = usize::try_from(self.position().div_ceil(8)).ok()?;
        let (low, high) = (*self.data.get(at)?, *self.data.get(at.checked_add(1)?)?);
        let length = usize::from(u16::from_le_bytes([low, high]));
        let end = at.checked_add(4)?.checked_add(length)?;
        *self = Self { data: self.data, taken: end, held: 0, count: 0 };
        (end <= self.data.len()).then_some(())
    }
}
