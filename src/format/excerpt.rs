//! `Excerpt`: the bytes of a file of which a stretch in the middle may not have been read.
//!
//! Facts of a large binary stand at its two ends. Readers look at an excerpt as they look at a whole file; if they
//! ask for what was not read, that is remembered, what they returned counts for nothing, and they are run again with
//! more.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// A stretch of a file that was not read, and what readers asked for of it.
#[derive(Debug)]
pub struct Unread {
    range: Range<u64>,
    /// Size of the file.
    size: u64,
    /// How far the start of the file is wanted.
    head: AtomicU64,
    /// From where on the end of the file is wanted.
    tail: AtomicU64,
}

impl Unread {
    /// Returns a stretch of a file of `size` bytes that nobody asked for yet.
    pub fn new(range: Range<u64>, size: u64) -> Self {
        let (head, tail) = (AtomicU64::new(range.start), AtomicU64::new(range.end));
        Self { range, size, head, tail }
    }

    /// Asks for `size` bytes at `at`; returns true if any of them was not read.
    pub(super) fn asks_for(&self, at: u64, size: u64) -> bool {
        let end = at.saturating_add(size);
        if size == 0 || at >= self.range.end || end <= self.range.start {
            return false;
        }
        // From whichever end there is less to read.
        if self.size.saturating_sub(at) <= end {
            self.tail.fetch_min(at, Ordering::Relaxed);
        } else {
            self.head.fetch_max(end, Ordering::Relaxed);
        }
        true
    }

    /// Returns what must be left unread at most, if more than the stretch was asked for.
    pub fn wanted(&self) -> Option<Range<u64>> {
        let (head, tail) = (self.head.load(Ordering::Relaxed), self.tail.load(Ordering::Relaxed));
        (self.range != (head..tail)).then_some(head..tail)
    }
}

/// The bytes of a file; zeros stand for what was not read.
#[derive(Debug, Clone, Copy)]
pub struct Excerpt<'a> {
    data: &'a [u8],
    unread: Option<(&'a Unread, u64)>,
    is_verified: bool,
}

impl<'a> Excerpt<'a> {
    /// Returns the bytes of a file, as many as it has, with what of them was not read.
    pub fn new(data: &'a [u8], unread: &'a Unread) -> Self {
        Self { data, unread: Some((unread, 0)), is_verified: true }
    }

    /// Leaves out what must look at every byte: whether a signature and a checksum are right.
    #[must_use]
    pub fn unverified(self) -> Self {
        Self { is_verified: false, ..self }
    }

    /// Returns true if signature and checksum are to be compared with the bytes.
    pub fn is_verified(&self) -> bool {
        self.is_verified
    }

    /// Returns true if every byte was read.
    pub fn is_whole(&self) -> bool {
        self.unread.is_none()
    }

    /// Returns the size of the file.
    pub fn len(&self) -> u64 {
        self.data.len() as u64
    }

    /// Returns true if the file is empty.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Returns a part of the file, as if it were one; none of it is looked at yet.
    pub(super) fn part(self, range: &Range<u64>) -> Option<Self> {
        let place = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        let unread = self.unread.map(|(unread, start)| (unread, start.saturating_add(range.start)));
        Some(Self { data: self.data.get(place)?, unread, ..self })
    }

    /// Returns what tells the format: the first 64 bytes, which are always read.
    pub(super) fn head(&self) -> &'a [u8] {
        self.data.get(..64).unwrap_or(self.data)
    }

    /// Returns all bytes, and asks for those that were not read.
    pub fn data(self) -> &'a [u8] {
        if let Some((unread, start)) = self.unread {
            unread.asks_for(start, self.len());
        }
        self.data
    }

    /// The bytes, with what was not read and where in the file they begin.
    pub(super) fn parts(self) -> (&'a [u8], Option<(&'a Unread, u64)>) {
        (self.data, self.unread)
    }
}

impl<'a> From<&'a [u8]> for Excerpt<'a> {
    fn from(data: &'a [u8]) -> Self {
        Self { data, unread: None, is_verified: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bytes::{Bytes, Endian};

    #[test]
    fn what_was_not_read_is_never_handed_out() {
        let data = [[7_u8; 40], [0; 40], [7; 40]].concat();
        let unread = Unread::new(40..80, 120);
        let bytes = Bytes::of_excerpt(Excerpt::new(&data, &unread), Endian::Little);
        assert!(bytes.slice(0, 40).is_ok() && bytes.slice(80, 40).is_ok() && bytes.slice(60, 0).is_ok());
        assert_eq!(unread.wanted(), None);
        assert!(bytes.slice(36, 8).is_err());
        assert_eq!(unread.wanted(), Some(44..80));
        assert!(bytes.u64(76).is_err());
        assert_eq!(unread.wanted(), Some(44..76));
    }

    #[test]
    fn a_part_looks_at_nothing_and_knows_where_it_lies() {
        let data = [0; 120];
        let unread = Unread::new(40..80, 120);
        let part = Bytes::of_excerpt(Excerpt::new(&data, &unread), Endian::Little).part(30, 60).unwrap();
        assert_eq!(unread.wanted(), None);
        assert!(part.slice(0, 10).is_ok() && part.slice(50, 10).is_ok());
        assert!(part.u16(9).is_err());
        assert_eq!(unread.wanted(), Some(41..80));
    }

    #[test]
    fn a_string_that_ends_in_what_was_not_read_is_asked_for() {
        let data = [[7_u8; 40], [0; 40], [7; 40]].concat();
        let unread = Unread::new(40..80, 120);
        assert!(Bytes::of_excerpt(Excerpt::new(&data, &unread), Endian::Little).c_string(39, 120).is_err());
        assert_eq!(unread.wanted(), Some(41..80));
    }

    #[test]
    fn whoever_takes_all_bytes_asks_for_all() {
        let data = [0; 120];
        let unread = Unread::new(40..80, 120);
        Bytes::of_excerpt(Excerpt::new(&data, &unread), Endian::Little).data();
        assert!(unread.wanted().is_some());
    }
}
