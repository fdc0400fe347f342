//! `Payload`: a new member's bytes, packed and summed once, held in memory or spooled beside the output.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::deflate::deflate;
use super::differences::Differences;
use super::reuse::deflate_changed;
use crate::error::{Error, Result};
use crate::wheel::archive::Method;

/// Packed bytes that all members together hold in memory; what is beyond waits in a file.
const IN_MEMORY: u64 = 64 << 20;
/// How many of them are held.
static HELD: AtomicU64 = AtomicU64::new(0);

/// Both sums of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sums {
    /// SHA-256: RECORD's, and what names a file for good.
    pub sha256: [u8; 32],
    /// CRC-32: the archive's, and ten times as fast where nobody forges anything.
    pub crc32: u32,
}

impl Sums {
    /// Returns sums that are known.
    pub fn new(sha256: [u8; 32], crc32: u32) -> Self {
        Self { sha256, crc32 }
    }

    /// Computes both.
    pub fn of(bytes: &[u8]) -> Self {
        let (mut sha256, mut crc32) = (Sha256::new(), crc32fast::Hasher::new());
        // CRC-32 brings a piece near: it waits for many lines of memory at once, SHA-256 for each.
        for piece in bytes.chunks(64 << 10) {
            crc32.update(piece);
            sha256.update(piece);
        }
        Self { sha256: sha256.finalize().into(), crc32: crc32.finalize() }
    }
}

/// A new member's bytes, packed; a clone shares them.
#[derive(Debug, Clone)]
pub struct Payload {
    packed: Arc<Packed>,
    packed_size: u64,
    method: Method,
    size: u64,
    sums: Sums,
}

#[derive(Debug)]
enum Packed {
    Held(Vec<u8>),
    /// Read from its start by one at a time.
    Spooled(Mutex<File>),
}

impl Packed {
    fn new(bytes: Cow<'_, [u8]>, spool: &Path) -> Result<Self> {
        let size = bytes.len() as u64;
        let fits = |held: u64| held.checked_add(size).filter(|held| *held <= IN_MEMORY);
        if HELD.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok() {
            let mut bytes = bytes.into_owned();
            bytes.shrink_to_fit();
            return Ok(Self::Held(bytes));
        }
        let fail = |error: std::io::Error| Error::io(spool.display(), &error);
        let mut file = tempfile::tempfile_in(spool).map_err(fail)?;
        file.write_all(&bytes).map_err(fail)?;
        Ok(Self::Spooled(Mutex::new(file)))
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        if let Self::Held(bytes) = self {
            HELD.fetch_sub(bytes.len() as u64, Ordering::Relaxed);
        }
    }
}

impl Payload {
    /// Packs bytes at a level from 0 (stored) to 12; `spool` is a folder for what is too large to be held.
    ///
    /// Bytes that deflate does not make smaller are stored.
    ///
    /// # Errors
    /// `Io` if the spool file cannot be written.
    pub fn pack(bytes: &[u8], level: u8, spool: &Path) -> Result<Self> {
        Self::pack_summed(bytes, || Sums::of(bytes), level, spool)
    }

    /// Packs as [`Payload::pack`] does bytes whose sums may be known.
    ///
    /// # Errors
    /// As [`Payload::pack`].
    pub fn pack_summed(bytes: &[u8], sums: impl FnOnce() -> Sums, level: u8, spool: &Path) -> Result<Self> {
        let packed = if level == 0 || bytes.is_empty() { None } else { Some(deflate(bytes, level)?) };
        Self::of(bytes, packed, sums(), spool)
    }

    /// Packs as [`Payload::pack`] does, but keeps of `old`, the deflated bytes of what was there before, the blocks that
    /// the change does not reach.
    ///
    /// # Errors
    /// As [`Payload::pack`].
    pub fn pack_changed(bytes: &[u8], old: &[u8], differences: &Differences, level: u8, spool: &Path) -> Result<Self> {
        match deflate_changed(bytes, old, differences, level)? {
            Some(packed) => Self::of(bytes, Some(packed), Sums::of(bytes), spool),
            None => Self::pack(bytes, level, spool),
        }
    }

    fn of(bytes: &[u8], packed: Option<Vec<u8>>, sums: Sums, spool: &Path) -> Result<Self> {
        let size = bytes.len() as u64;
        let (packed, method) = match packed.filter(|packed| packed.len() < bytes.len()) {
            Some(packed) => (Cow::Owned(packed), Method::Deflated),
            None => (Cow::Borrowed(bytes), Method::Stored),
        };
        Ok(Self { packed_size: packed.len() as u64, packed: Arc::new(Packed::new(packed, spool)?), method, size, sums })
    }

    /// Returns the size of the packed bytes.
    pub fn packed_size(&self) -> u64 {
        self.packed_size
    }

    /// Returns how the bytes are packed.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Returns the checksum of the unpacked bytes.
    pub fn crc32(&self) -> u32 {
        self.sums.crc32
    }

    /// Returns the number of unpacked bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the SHA-256 of the unpacked bytes.
    pub fn digest(&self) -> &[u8; 32] {
        &self.sums.sha256
    }

    /// Returns true if these are the packed bytes; false where they are not in memory.
    pub fn is(&self, packed: &[u8]) -> bool {
        match &*self.packed {
            Packed::Held(bytes) => bytes == packed,
            Packed::Spooled(_) => false,
        }
    }

    /// Writes the packed bytes.
    ///
    /// # Errors
    /// The system's, from either side.
    pub(super) fn copy_to(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let copied = match &*self.packed {
            Packed::Held(bytes) => {
                out.write_all(bytes)?;
                bytes.len() as u64
            }
            Packed::Spooled(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(0))?;
                std::io::copy(&mut (&mut *file).take(self.packed_size), out)?
            }
        };
        if copied == self.packed_size { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_shrink_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let payload = Payload::pack(b"ab", 6, folder.path()).unwrap();
        assert_eq!((payload.method(), payload.size()), (Method::Stored, 2));
        let payload = Payload::pack(&[0; 1000], 6, folder.path()).unwrap();
        assert_eq!(payload.method(), Method::Deflated);
        let payload = Payload::pack(&[0; 1000], 0, folder.path()).unwrap();
        assert_eq!(payload.method(), Method::Stored);
    }

    #[test]
    fn payloads_come_back_from_memory_and_from_the_spool() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..40_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let payloads = [(); 2].map(|()| Payload::pack(&bytes, 0, folder.path()).unwrap());
        assert!(payloads.iter().any(|payload| matches!(*payload.packed, Packed::Spooled(_))));
        for payload in &payloads {
            for payload in [payload, &payload.clone()] {
                let mut out = Vec::new();
                payload.copy_to(&mut out).unwrap();
                assert!(out == bytes);
            }
            let held = matches!(*payload.packed, Packed::Held(_));
            assert_eq!((payload.is(&bytes), payload.is(&bytes[1..])), (held, false));
        }
        // Two at once are too many; one after the other they fit.
        drop(payloads);
        assert!(HELD.load(Ordering::Relaxed) < 40_000_000);
    }
}
