//! Zip records (APPNOTE.TXT 6.3.10): headers are always ours, zip64 only where a number needs it.

use std::io::Write;

use super::{Content, OutputMember};
use crate::wheel::archive::{DosTime, Method};

/// The largest number a 32-bit field holds; it means "see the zip64 field" (4.4.8).
const FULL_32: u64 = 0xffff_ffff;
/// The same of a 16-bit field (4.4.21).
const FULL_16: usize = 0xffff;
/// Unix (4.4.2.2): the upper half of the external attributes is the mode.
const MADE_BY_UNIX: u16 = 3 << 8;
/// Names are UTF-8 (4.4.4, bit 11).
const FLAG_UTF8: u16 = 1 << 11;
/// A regular file that everyone may read.
const PLAIN_FILE: u16 = 0o100_644;

/// Counts what goes through.
pub(super) struct Counted<W> {
    inner: W,
    written: u64,
}

impl<W: Write> Counted<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, written: 0 }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.written = self.written.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// What the central directory says of a member.
struct Entry {
    name: String,
    method: Method,
    crc32: u32,
    packed: u64,
    size: u64,
    offset: u64,
    mode: u16,
    time: DosTime,
}

/// Writes an archive of these members, in this order.
///
/// # Errors
/// The system's; `InvalidInput` for a name longer than 65,535 bytes or more members than zip can count.
pub(super) fn write_archive<W: Write>(
    out: &mut Counted<W>,
    members: &mut [OutputMember<'_>],
    time: Option<DosTime>,
) -> std::io::Result<()> {
    let mut entries = Vec::with_capacity(members.len());
    for member in members {
        let offset = out.written;
        let (method, crc32, packed, size) = match &member.content {
            Content::Raw { packed, method, crc32, size } => (*method, *crc32, packed.len() as u64, *size),
            Content::New(payload) => (payload.method(), payload.crc32(), payload.packed_size(), payload.size()),
        };
        let entry = Entry {
            name: std::mem::take(&mut member.name),
            method,
            crc32,
            packed,
            size,
            offset,
            mode: if member.mode == 0 { PLAIN_FILE } else { member.mode },
            time: time.unwrap_or(member.time),
        };
        out.write_all(&entry.local()?)?;
        match &member.content {
            Content::Raw { packed, .. } => out.write_all(packed)?,
            Content::New(payload) => payload.copy_to(out)?,
        }
        entries.push(entry);
    }
    let start = out.written;
    for entry in &entries {
        out.write_all(&entry.central()?)?;
    }
    let size = out.written.saturating_sub(start);
    out.write_all(&end(entries.len(), start, size))?;
    out.flush()
}

impl Entry {
    fn flags(&self) -> u16 {
        if self.name.is_ascii() { 0 } else { FLAG_UTF8 }
    }

    fn version_needed(&self, zip64: bool) -> u16 {
        if zip64 { 45 } else { 20 }
    }

    fn name_length(&self) -> std::io::Result<u16> {
        u16::try_from(self.name.len()).map_err(|_| std::io::ErrorKind::InvalidInput.into())
    }

    /// The local header (4.3.7). Both sizes stand in the zip64 field or neither does (4.5.3).
    fn local(&self) -> std::io::Result<Vec<u8>> {
        let zip64 = self.size >= FULL_32 || self.packed >= FULL_32;
        let mut bytes = Vec::with_capacity(50 + self.name.len());
        put32(&mut bytes, 0x0403_4b50);
        put16(&mut bytes, self.version_needed(zip64));
        self.shared(&mut bytes, zip64);
        put16(&mut bytes, self.name_length()?);
        put16(&mut bytes, if zip64 { 20 } else { 0 });
        bytes.extend_from_slice(self.name.as_bytes());
        if zip64 {
            put16(&mut bytes, 1);
            put16(&mut bytes, 16);
            put64(&mut bytes, self.size);
            put64(&mut bytes, self.packed);
        }
        Ok(bytes)
    }

    /// The central header (4.3.12).
    fn central(&self) -> std::io::Result<Vec<u8>> {
        let sizes = self.size >= FULL_32 || self.packed >= FULL_32;
        let far = self.offset >= FULL_32;
        let mut extra = Vec::new();
        if sizes {
            put64(&mut extra, self.size);
            put64(&mut extra, self.packed);
        }
        if far {
            put64(&mut extra, self.offset);
        }
        let version = self.version_needed(sizes || far);
        let mut bytes = Vec::with_capacity(80 + self.name.len());
        put32(&mut bytes, 0x0201_4b50);
        put16(&mut bytes, MADE_BY_UNIX | version);
        put16(&mut bytes, version);
        self.shared(&mut bytes, sizes);
        put16(&mut bytes, self.name_length()?);
        put16(&mut bytes, if extra.is_empty() { 0 } else { low16(extra.len() + 4) });
        put16(&mut bytes, 0); // comment
        put16(&mut bytes, 0); // disk
        put16(&mut bytes, 0); // internal attributes
        put32(&mut bytes, u32::from(self.mode) << 16);
        put32(&mut bytes, low32(self.offset.min(FULL_32)));
        bytes.extend_from_slice(self.name.as_bytes());
        if !extra.is_empty() {
            put16(&mut bytes, 1);
            put16(&mut bytes, low16(extra.len()));
            bytes.extend_from_slice(&extra);
        }
        Ok(bytes)
    }

    /// Flags, method, time, checksum, sizes: alike in both headers.
    fn shared(&self, bytes: &mut Vec<u8>, zip64: bool) {
        put16(bytes, self.flags());
        put16(bytes, self.method.number());
        put16(bytes, self.time.time);
        put16(bytes, self.time.date);
        put32(bytes, self.crc32);
        let size = |size: u64| if zip64 { u32::MAX } else { low32(size) };
        put32(bytes, size(self.packed));
        put32(bytes, size(self.size));
    }
}

/// The end of the archive (4.3.14 to 4.3.16).
fn end(count: usize, start: u64, size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if count >= FULL_16 || start >= FULL_32 || size >= FULL_32 {
        let at = start.saturating_add(size);
        put32(&mut bytes, 0x0606_4b50);
        put64(&mut bytes, 44);
        put16(&mut bytes, MADE_BY_UNIX | 45);
        put16(&mut bytes, 45);
        put32(&mut bytes, 0);
        put32(&mut bytes, 0);
        put64(&mut bytes, count as u64);
        put64(&mut bytes, count as u64);
        put64(&mut bytes, size);
        put64(&mut bytes, start);
        put32(&mut bytes, 0x0706_4b50);
        put32(&mut bytes, 0);
        put64(&mut bytes, at);
        put32(&mut bytes, 1);
    }
    put32(&mut bytes, 0x0605_4b50);
    put16(&mut bytes, 0);
    put16(&mut bytes, 0);
    put16(&mut bytes, low16(count.min(FULL_16)));
    put16(&mut bytes, low16(count.min(FULL_16)));
    put32(&mut bytes, low32(size.min(FULL_32)));
    put32(&mut bytes, low32(start.min(FULL_32)));
    put16(&mut bytes, 0);
    bytes
}

/// The value, which the caller has bounded to 16 bits.
fn low16(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// The value, which the caller has bounded to 32 bits.
fn low32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn put16(bytes: &mut Vec<u8>, value: u16) {
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn put32(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn put64(bytes: &mut Vec<u8>, value: u64) {
    bytes.extend_from_slice(&value.to_le_bytes());
}
