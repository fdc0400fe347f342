//! `Part`: a large member of which only the two ends are unpacked, as far as somebody asks for them.

use std::ops::Range;

use flate2::{Decompress, FlushDecompress, Status};

use super::budget::{Budget, Reservation};
use super::ending;
use super::map::Mapping;
use super::member::{Member, Method};
use super::read;
use crate::error::Result;

/// Members from this size on are worth it.
const LEAST: u64 = 1 << 20;
/// The start of a member, which is unpacked at once.
const START: usize = 64 << 10;
/// The start is unpacked in steps of at least as much.
const STEP: u64 = 256 << 10;

/// A deflated member with a stretch in the middle that is not unpacked; the bytes there are zeros.
///
/// Neither its checksum nor its size are checked: what is wrong in the middle is not seen.
pub struct Part<'a> {
    packed: &'a [u8],
    bytes: Vec<u8>,
    unread: Range<u64>,
    /// Unpacks the start, and where it stands in `packed`.
    inflater: Decompress,
    position: usize,
    _reserved: Reservation,
}

impl<'a> Part<'a> {
    /// Unpacks the first bytes; `None` for what is better read whole.
    pub(super) fn open(mapping: &'a Mapping, member: &Member) -> Result<Option<Self>> {
        let packed = read::packed(mapping, member)?;
        let Ok(size) = usize::try_from(member.size()) else { return Ok(None) };
        if member.method() != Method::Deflated || member.size() < LEAST {
            return Ok(None);
        }
        let reserved = Budget::global().reserve(member.size());
        let mut part = Self {
            packed,
            // Zeroed pages are the system's until they are written, so what is not unpacked costs nothing.
            bytes: vec![0; size],
            unread: 0..member.size(),
            inflater: Decompress::new(false),
            position: 0,
            _reserved: reserved,
        };
        Ok(part.unpack_start(START).map(|()| part))
    }

    /// Returns the bytes, as many as the whole member has.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns which of them are not those of the member.
    pub fn unread(&self) -> Range<u64> {
        self.unread.clone()
    }

    /// Unpacks so much that nothing outside `unread` is left; `None` if that is not possible, or no less work than to
    /// read it whole.
    pub fn extend(&mut self, unread: &Range<u64>) -> Option<()> {
        if unread.start > self.unread.start {
            let wanted = unread.start.max(self.unread.start.saturating_add(STEP)).min(self.unread.end);
            if wanted > self.bytes.len() as u64 / 3 {
                return None;
            }
            self.unpack_start(usize::try_from(wanted).ok()?)?;
        }
        if unread.end < self.unread.end {
            let size = self.bytes.len() as u64;
            let end = ending::ending(self.packed, size, unread.end)?;
            let from = size.checked_sub(end.len() as u64)?.max(self.unread.start);
            let place = self.bytes.get_mut(usize::try_from(from).ok()?..)?;
            place.copy_from_slice(end.get(end.len().checked_sub(place.len())?..)?);
            self.unread.end = from;
        }
        Some(())
    }

    /// Unpacks the start up to `end`.
    fn unpack_start(&mut self, end: usize) -> Option<()> {
        let mut at = usize::try_from(self.unread.start).ok()?;
        while at < end {
            let (read, written) = (self.inflater.total_in(), self.inflater.total_out());
            let (rest, room) = (self.packed.get(self.position..)?, self.bytes.get_mut(at..end)?);
            let status = self.inflater.decompress(rest, room, FlushDecompress::None).ok()?;
            let read = usize::try_from(self.inflater.total_in().checked_sub(read)?).ok()?;
            let written = usize::try_from(self.inflater.total_out().checked_sub(written)?).ok()?;
            self.position = self.position.checked_add(read)?;
            at = at.checked_add(written)?;
            if status == Status::StreamEnd || (read == 0 && written == 0) {
                return None;
            }
        }
        self.unread.start = at as u64;
        Some(())
    }
}

impl std::fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Part({} bytes, unread {:?})", self.bytes.len(), self.unread)
    }
}
