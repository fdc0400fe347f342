//! A member's bytes: unpacked, checked against size and checksum, and never more than was declared.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use flate2::{Decompress, FlushDecompress, Status};
use sha2::{Digest, Sha256};

use super::budget::{Budget, Reservation};
use super::buffer::Buffer;
use super::bytes::slice;
use super::foreign::{self, Unpacked};
use super::map::Mapping;
use super::member::{Member, Method};
use crate::error::{Error, Result};

/// What one byte of deflated data can become at most: a match of 258 bytes in two bits.
const DEFLATE_RATIO: u64 = 1032;
/// Members up to this size are unpacked whole where their bytes are not kept.
const SMALL: u64 = 16 << 20;
/// How much of a larger member is unpacked at a time.
const CHUNK: usize = 256 << 10;

/// The bytes of one member: mapped where the archive stores them plainly, else unpacked.
///
/// Unpacked bytes count against the [`Budget`] of the process until they are dropped.
pub struct MemberBytes(Held);

enum Held {
    Mapped { mapping: Arc<Mapping>, start: usize, end: usize },
    Unpacked { bytes: Buffer, _reserved: Option<Reservation> },
}

impl MemberBytes {
    /// Returns true if they lie in the archive as they are.
    pub fn is_mapped(&self) -> bool {
        matches!(self.0, Held::Mapped { .. })
    }

    /// Returns the bytes as a vector, which no longer counts against the budget.
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Held::Unpacked { bytes, .. } => bytes.into_vec(),
            Held::Mapped { .. } => self.to_vec(),
        }
    }

    /// Returns the same bytes, which no longer count against the budget: whoever keeps them answers for them.
    #[must_use]
    pub fn uncounted(self) -> Self {
        match self.0 {
            Held::Unpacked { bytes, .. } => Self(Held::Unpacked { bytes, _reserved: None }),
            Held::Mapped { .. } => self,
        }
    }
}

impl Deref for MemberBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Mapped { mapping, start, end } => mapping.bytes().get(*start..*end).unwrap_or_default(),
            Held::Unpacked { bytes, .. } => bytes,
        }
    }
}

impl AsRef<[u8]> for MemberBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for MemberBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberBytes({} bytes)", self.len())
    }
}

fn corrupt(member: &Member, message: impl Into<String>) -> Error {
    Error::malformed(message).about(member.name())
}

fn wrong_size(member: &Member) -> Error {
    corrupt(member, format!("the data do not unpack to {} bytes as declared", member.size))
}

fn check_crc(member: &Member, crc32: u32) -> Result<()> {
    match crc32 == member.crc32 {
        true => Ok(()),
        false => Err(corrupt(member, "the checksum is wrong")),
    }
}

/// Returns a member's bytes as they lie in the archive, after all checks that need no unpacking.
pub(super) fn packed<'a>(mapping: &'a Mapping, member: &Member) -> Result<&'a [u8]> {
    let raw = slice(mapping.bytes(), member.data_offset, member.compressed_size)
        .ok_or_else(|| corrupt(member, "the data run past the end of the file"))?;
    if member.encrypted {
        return Err(Error::unsupported("the member is encrypted").about(member.name()));
    }
    let possible = match member.method {
        Method::Stored => member.size == member.compressed_size,
        Method::Deflated => member.size <= member.compressed_size.saturating_mul(DEFLATE_RATIO),
        Method::Other(_) => true,
    };
    if possible { Ok(raw) } else { Err(wrong_size(member)) }
}

/// Unpacks a member of a method that wheels may not use.
fn unpack_foreign(raw: &[u8], method: u16, member: &Member) -> Result<Vec<u8>> {
    match foreign::unpack(method, raw, member.size) {
        Unpacked::Bytes(bytes) if bytes.len() as u64 == member.size => {
            check_crc(member, crc32fast::hash(&bytes))?;
            Ok(bytes)
        }
        Unpacked::Bytes(_) => Err(wrong_size(member)),
        Unpacked::Corrupt => Err(corrupt(member, "the data cannot be unpacked")),
        Unpacked::Unknown => {
            let message = format!("compression method {method} is not supported");
            Err(Error::unsupported(message).about(member.name()))
        }
    }
}

/// Returns a member's bytes, checked.
pub(super) fn read(mapping: &Arc<Mapping>, member: &Member) -> Result<MemberBytes> {
    let raw = packed(mapping, member)?;
    match member.method {
        Method::Stored => {
            check_crc(member, crc32fast::hash(raw))?;
            let end = member.data_offset.saturating_add(member.compressed_size);
            let position = |at: u64| usize::try_from(at).map_err(|_| wrong_size(member));
            let (start, end) = (position(member.data_offset)?, position(end)?);
            Ok(MemberBytes(Held::Mapped { mapping: Arc::clone(mapping), start, end }))
        }
        Method::Deflated => {
            let size = usize::try_from(member.size).map_err(|_| wrong_size(member))?;
            let reserved = Budget::global().reserve(member.size);
            // Zeroed pages are the system's until they are written, so a lying size costs nothing.
            let mut bytes = Buffer::new(size);
            inflate_whole(raw, bytes.as_mut(), member)?;
            Ok(MemberBytes(Held::Unpacked { bytes, _reserved: Some(reserved) }))
        }
        Method::Other(number) => {
            let reserved = Budget::global().reserve(member.size);
            let bytes = Buffer::of(unpack_foreign(raw, number, member)?);
            Ok(MemberBytes(Held::Unpacked { bytes, _reserved: Some(reserved) }))
        }
    }
}

/// Unpacks into exactly as many bytes as declared, and checks them.
fn inflate_whole(raw: &[u8], bytes: &mut [u8], member: &Member) -> Result<()> {
    if raw.is_empty() && bytes.is_empty() {
        return check_crc(member, 0);
    }
    inflate_exact(raw, bytes, member)?;
    check_crc(member, crc32fast::hash(bytes))
}

#[cfg(feature = "libdeflate")]
fn inflate_exact(raw: &[u8], bytes: &mut [u8], member: &Member) -> Result<()> {
    use libdeflater::{DecompressionError, Decompressor};
    thread_local! {
        static INFLATER: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    }
    let wanted = bytes.len();
    match INFLATER.with_borrow_mut(|inflater| inflater.deflate_decompress(raw, bytes)) {
        Ok(size) if size == wanted => Ok(()),
        Ok(_) | Err(DecompressionError::InsufficientSpace) => Err(wrong_size(member)),
        Err(DecompressionError::BadData) => Err(corrupt(member, "the data cannot be unpacked")),
    }
}

#[cfg(not(feature = "libdeflate"))]
fn inflate_exact(raw: &[u8], bytes: &mut [u8], member: &Member) -> Result<()> {
    let mut position = 0_usize;
    inflate_chunks(raw, member, &mut |chunk: &[u8]| {
        let end = position.saturating_add(chunk.len());
        if let Some(place) = bytes.get_mut(position..end) {
            place.copy_from_slice(chunk);
        }
        position = end;
    })
}

thread_local! {
    static STREAM: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Unpacks chunk by chunk; stops with an error as soon as there is more than was declared.
fn inflate_chunks(raw: &[u8], member: &Member, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
    let room = usize::try_from(member.size).unwrap_or(usize::MAX).saturating_add(1).min(CHUNK);
    let mut buffer = vec![0; room];
    let mut total = 0_u64;
    let mut rest = raw;
    STREAM.with_borrow_mut(|stream| {
        stream.reset(false);
        loop {
            let (read, written) = (stream.total_in(), stream.total_out());
            let status = stream
                .decompress(rest, &mut buffer, FlushDecompress::None)
                .map_err(|_| corrupt(member, "the data cannot be unpacked"))?;
            let consumed = usize::try_from(stream.total_in().saturating_sub(read)).unwrap_or(usize::MAX);
            let produced = usize::try_from(stream.total_out().saturating_sub(written)).unwrap_or(usize::MAX);
            rest = rest.get(consumed..).unwrap_or_default();
            total = total.saturating_add(produced as u64);
            if total > member.size {
                return Err(wrong_size(member));
            }
            sink(buffer.get(..produced).unwrap_or_default());
            match status {
                Status::StreamEnd if total == member.size => return Ok(()),
                Status::StreamEnd => return Err(wrong_size(member)),
                Status::Ok | Status::BufError if consumed == 0 && produced == 0 => {
                    return Err(corrupt(member, "the data end early"));
                }
                Status::Ok | Status::BufError => {}
            }
        }
    })
}

/// Hands a member's bytes to `sink`, piece by piece, without holding a large one whole; then checks them.
pub(super) fn stream(mapping: &Mapping, member: &Member, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
    let raw = packed(mapping, member)?;
    match member.method {
        Method::Stored => {
            let mut crc = crc32fast::Hasher::new();
            for chunk in raw.chunks(CHUNK) {
                crc.update(chunk);
                sink(chunk);
            }
            check_crc(member, crc.finalize())
        }
        Method::Deflated if member.size <= SMALL => {
            let size = usize::try_from(member.size).map_err(|_| wrong_size(member))?;
            let mut bytes = vec![0; size];
            inflate_whole(raw, &mut bytes, member)?;
            sink(&bytes);
            Ok(())
        }
        Method::Deflated => {
            let mut crc = crc32fast::Hasher::new();
            inflate_chunks(raw, member, &mut |chunk| {
                crc.update(chunk);
                sink(chunk);
            })?;
            check_crc(member, crc.finalize())
        }
        Method::Other(number) => {
            let _room = Budget::global().reserve(member.size);
            sink(&unpack_foreign(raw, number, member)?);
            Ok(())
        }
    }
}

/// Tells whether the data go on behind the declared size, and the checksum is that of what stands before.
///
/// Not of members larger than 64 MiB, which are not held for a question like this.
pub(super) fn goes_on(mapping: &Mapping, member: &Member) -> bool {
    const LARGEST: u64 = 64 << 20;
    let Some(size) = usize::try_from(member.size).ok().filter(|_| member.size <= LARGEST && !member.encrypted) else {
        return false;
    };
    let longer = Member { size: member.size.saturating_add(1), ..member.clone() };
    let head = match member.method {
        Method::Stored => {
            slice(mapping.bytes(), member.data_offset, longer.size.min(member.compressed_size)).map(<[u8]>::to_vec)
        }
        Method::Deflated => prefix(mapping, &longer, size.saturating_add(1)).ok(),
        Method::Other(_) => None,
    };
    let Some(head) = head.filter(|head| head.len() > size) else { return false };
    head.get(..size).is_some_and(|declared| crc32fast::hash(declared) == member.crc32)
}

/// Returns the SHA-256 and the size of a member, checked as reading checks it.
pub(super) fn digest(mapping: &Mapping, member: &Member) -> Result<([u8; 32], u64)> {
    let mut hasher = Sha256::new();
    let mut size = 0_u64;
    stream(mapping, member, &mut |chunk| {
        hasher.update(chunk);
        size = size.saturating_add(chunk.len() as u64);
    })?;
    Ok((hasher.finalize().into(), size))
}

/// Returns the first bytes of a member, at most `count`; the checksum is not looked at.
pub(super) fn prefix(mapping: &Mapping, member: &Member, count: usize) -> Result<Vec<u8>> {
    let raw = packed(mapping, member)?;
    let count = count.min(usize::try_from(member.size).unwrap_or(usize::MAX));
    match member.method {
        Method::Stored => Ok(raw.get(..count).unwrap_or(raw).to_vec()),
        Method::Deflated => {
            let mut bytes = vec![0; count];
            let written = STREAM.with_borrow_mut(|stream| {
                stream.reset(false);
                let mut rest = raw;
                loop {
                    let (read, written) = (stream.total_in(), stream.total_out());
                    let done = usize::try_from(written).unwrap_or(usize::MAX);
                    let room = bytes.get_mut(done..).unwrap_or_default();
                    if room.is_empty() {
                        return Ok(written);
                    }
                    let status = stream
                        .decompress(rest, room, FlushDecompress::None)
                        .map_err(|_| corrupt(member, "the data cannot be unpacked"))?;
                    let stuck = stream.total_in() == read && stream.total_out() == written;
                    if status == Status::StreamEnd || stuck {
                        return Ok(stream.total_out());
                    }
                    let consumed = usize::try_from(stream.total_in().saturating_sub(read)).unwrap_or(usize::MAX);
                    rest = rest.get(consumed..).unwrap_or_default();
                }
            })?;
            bytes.truncate(usize::try_from(written).unwrap_or(count));
            Ok(bytes)
        }
        Method::Other(number) => {
            let _room = Budget::global().reserve(member.size);
            let mut bytes = unpack_foreign(raw, number, member)?;
            bytes.truncate(count);
            Ok(bytes)
        }
    }
}
