//! The bits of a deflate stream, read some at a time.

/// The bits of a stream, lowest first (3.1.1).
pub(super) struct Bits<'a> {
    pub(super) data: &'a [u8],
    /// Bytes that were taken into `held`, those past the end included.
    taken: usize,
    pub(super) held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, taken: 0, held: 0, count: 0 }
    }

    /// Goes to a bit.
    pub(super) fn go_to(&mut self, position: u64) -> Option<()> {
        *self = Self { data: self.data, taken: usize::try_from(position / 8).ok()?, held: 0, count: 0 };
        self.refill();
        self.take(u32::try_from(position % 8).ok()?);
        Some(())
    }

    /// Holds at least 56 bits; past the end they are zeros.
    #[inline]
    pub(super) fn refill(&mut self) {
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
    pub(super) fn take(&mut self, count: u32) -> u64 {
        let value = self.held & ((1_u64 << count) - 1);
        self.held >>= count;
        self.count = self.count.wrapping_sub(count);
        value
    }

    /// Steps over bits that are held.
    #[inline]
    pub(super) fn drop(&mut self, count: u8) {
        self.held >>= count;
        self.count = self.count.wrapping_sub(u32::from(count));
    }

    /// Returns how many bits were taken.
    pub(super) fn position(&self) -> u64 {
        (self.taken as u64).saturating_mul(8).saturating_sub(u64::from(self.count))
    }

    #[inline]
    pub(super) fn is_past_end(&self) -> bool {
        self.taken > self.data.len().saturating_add(16)
    }

    /// Steps over a stored block's length and bytes (3.2.4); returns their number.
    pub(super) fn skip_stored(&mut self) -> Option<u64> {
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
