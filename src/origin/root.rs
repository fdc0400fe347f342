//! `RootFs`: the read-only view of an installed system that package databases are read through.

use std::ops::Deref;
use std::sync::Arc;

use crate::error::Result;

/// A read-only tree of files: this machine, a target root, or files in memory.
///
/// Paths are absolute within the tree and separated by `/` on every host (`/usr/lib/libz.so.1`). Symbolic links are
/// followed inside the tree and never leave it.
pub trait RootFs: Sync {
    /// Returns the bytes of the regular file at `path`; `None` where there is none.
    ///
    /// # Errors
    /// `Io` if the file is there and cannot be read, `Malformed` if it is larger than `limit` bytes.
    fn read(&self, path: &str, limit: u64) -> Result<Option<FileBytes>>;

    /// Returns true if something stands at `path`, be it a file or a directory.
    fn exists(&self, path: &str) -> bool;

    /// Returns `path` with every symbolic link resolved; `None` if nothing stands there.
    fn canonicalize(&self, path: &str) -> Option<String>;

    /// Returns the names in a directory, sorted; none where there is no such directory.
    fn list(&self, directory: &str) -> Vec<String>;
}

/// The bytes of one file, in memory or mapped.
#[derive(Clone)]
pub struct FileBytes(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl FileBytes {
    /// Wraps bytes that are owned (`Vec<u8>`) or mapped (`memmap2::Mmap`).
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(bytes))
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileBytes({} bytes)", self.len())
    }
}
