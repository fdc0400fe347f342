//! `Payload`: a new member's bytes, packed and summed once, held in memory or spooled beside the output.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tempfile::SpooledTempFile;

use super::deflate::deflate;
use crate::error::{Error, Result};
use crate::wheel::archive::Method;

/// Packed bytes above this wait in a file, so that many changed libraries do not add up in memory.
const IN_MEMORY: usize = 4 << 20;

/// A new member's bytes, packed.
#[derive(Debug)]
pub struct Payload {
    spool: SpooledTempFile,
    packed_size: u64,
    method: Method,
    crc32: u32,
    size: u64,
    digest: [u8; 32],
}

impl Payload {
    /// Packs bytes at a level from 0 (stored) to 12; `spool` is a folder for what is too large to be held.
    ///
    /// Bytes that deflate does not make smaller are stored.
    ///
    /// # Errors
    /// `Io` if the spool file cannot be written.
    pub fn pack(bytes: &[u8], level: u8, spool: &Path) -> Result<Self> {
        let packed = if level == 0 || bytes.is_empty() { None } else { Some(deflate(bytes, level)?) };
        let packed = packed.filter(|packed| packed.len() < bytes.len());
        let (data, method) = match &packed {
            Some(packed) => (packed.as_slice(), Method::Deflated),
            None => (bytes, Method::Stored),
        };
        let mut file = tempfile::spooled_tempfile_in(IN_MEMORY, spool);
        file.write_all(data).map_err(|error| Error::io(spool.display(), &error))?;
        Ok(Self {
            spool: file,
            packed_size: data.len() as u64,
            method,
            crc32: crc32fast::hash(bytes),
            size: bytes.len() as u64,
            digest: Sha256::digest(bytes).into(),
        })
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
        self.crc32
    }

    /// Returns the number of unpacked bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the SHA-256 of the unpacked bytes.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Writes the packed bytes.
    ///
    /// # Errors
    /// The system's, from either side.
    pub(super) fn copy_to(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        self.spool.seek(SeekFrom::Start(0))?;
        let copied = std::io::copy(&mut (&mut self.spool).take(self.packed_size), out)?;
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
    fn large_payloads_come_back_from_the_spool() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..6_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let mut payload = Payload::pack(&bytes, 0, folder.path()).unwrap();
        let mut out = Vec::new();
        payload.copy_to(&mut out).unwrap();
        assert!(out == bytes);
    }
}
