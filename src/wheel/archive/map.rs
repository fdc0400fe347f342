//! The bytes of a wheel file: mapped, so that only what is looked at is read.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

/// A whole file's bytes, mapped or held.
#[derive(Debug)]
pub(super) enum Mapping {
    /// A map of the file.
    Mapped(memmap2::Mmap),
    /// Bytes in memory: empty files, which cannot be mapped, and archives that were never a file.
    Held(Vec<u8>),
}

impl Mapping {
    /// Maps the file.
    ///
    /// # Errors
    ///
    /// I/O if it is absent, unreadable or not a regular file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let fail = |error: &std::io::Error| Error::io(path.display(), error);
        let file = File::open(path).map_err(|error| fail(&error))?;
        let metadata = file.metadata().map_err(|error| fail(&error))?;
        if !metadata.is_file() {
            return Err(Error::new(crate::error::ErrorKind::Io, "not a regular file").about(path.display()));
        }
        if metadata.len() == 0 {
            return Ok(Mapping::Held(Vec::new()));
        }
        // SAFETY: the map is private and read-only. Another process that cuts the file while it is mapped makes the
        // system end this one (SIGBUS); nothing half-written survives that, as output is renamed into place last.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|error| fail(&error))?;
        Ok(Mapping::Mapped(map))
    }

    /// Returns the bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Mapping::Mapped(map) => map,
            Mapping::Held(bytes) => bytes,
        }
    }
}
