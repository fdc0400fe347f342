//! rpm's own `ndb` format (openSUSE): a table of slots, each naming a run of 16-byte blocks.

use super::super::anchor::MAX_PACKAGES;
use super::Store;
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian};

// rpmpkg.c: all numbers are little-endian.
const HEADER_MAGIC: u32 = u32::from_le_bytes(*b"RpmP");
const SLOT_MAGIC: u32 = u32::from_le_bytes(*b"Slot");
const BLOB_MAGIC: u32 = u32::from_le_bytes(*b"BlbS");
const PAGE: u64 = 4096;
/// The file's header takes the place of the first two slots.
const FIRST_SLOT: u64 = 32;
const SLOT: u64 = 16;
const BLOCK: u64 = 16;
/// A blob begins with magic number, package number, generation, length.
const BLOB_HEADER: u64 = 16;

/// Hands over every package's header.
pub(super) fn headers(store: &Store, each: &mut dyn FnMut(&[u8])) -> Result<()> {
    let bytes = Bytes::new(&store.bytes, Endian::Little);
    if bytes.u32(0)? != HEADER_MAGIC {
        return Err(Error::malformed("not an ndb package database"));
    }
    let version = bytes.u32(4)?;
    if version != 0 {
        return Err(Error::unsupported(format!("ndb version {version}")));
    }
    let end = u64::from(bytes.u32(12)?) * PAGE;
    if end > bytes.len() {
        return Err(Error::malformed("the slots leave the file"));
    }
    let mut packages = 0_usize;
    // Blobs do not overlap: together they cannot be larger than the file.
    let mut budget = bytes.len();
    for at in (FIRST_SLOT..end).step_by(16).take_while(|at| at + SLOT <= end) {
        if bytes.u32(at)? != SLOT_MAGIC {
            return Err(Error::malformed(format!("no slot at {at}")));
        }
        let (number, block) = (bytes.u32(at + 4)?, bytes.u32(at + 8)?);
        if block == 0 {
            // A free slot.
            continue;
        }
        packages += 1;
        if packages > MAX_PACKAGES {
            return Err(Error::malformed(format!("more than {MAX_PACKAGES} packages")));
        }
        let blob = u64::from(block) * BLOCK;
        if bytes.u32(blob)? != BLOB_MAGIC || bytes.u32(blob + 4)? != number {
            return Err(Error::malformed(format!("no package {number} at {blob}")));
        }
        let size = u64::from(bytes.u32(blob + 12)?);
        budget = budget.checked_sub(size).ok_or_else(|| Error::malformed("packages overlap"))?;
        each(bytes.slice(blob + BLOB_HEADER, size)?);
    }
    Ok(())
}
