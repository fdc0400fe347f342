//! Little-endian fields of zip records, every access checked.

/// Reads fields one after the other; reading past the end gives nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Returns the fields of `data` from its start.
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    /// Returns the fields of `data` from `at`; nothing if that is outside.
    pub(super) fn at(data: &'a [u8], at: u64) -> Option<Self> {
        Some(Self { rest: data.get(usize::try_from(at).ok()?..)? })
    }

    /// Returns how many bytes are left.
    pub(super) fn len(self) -> usize {
        self.rest.len()
    }

    /// Takes `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// Takes an 8-bit field.
    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Takes a 16-bit field.
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Takes a 32-bit field.
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes a 64-bit field.
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// Returns `size` bytes from `at`; nothing if they leave `data`.
pub(super) fn slice(data: &[u8], at: u64, size: u64) -> Option<&[u8]> {
    let end = at.checked_add(size)?;
    data.get(usize::try_from(at).ok()?..usize::try_from(end).ok()?)
}
