//! This machine and target roots, as package databases see them.

use super::root::{FileBytes, RootFs};
use crate::error::{Error, ErrorKind, Result};
use crate::load::Sysroot;
use crate::load::source::FileKind;

/// The largest file that is read rather than mapped.
const SMALL: u64 = 1 << 20;

/// A mapped file as plain bytes.
struct Mapped(crate::load::FileBytes);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl RootFs for Sysroot {
    fn read(&self, path: &str, limit: u64) -> Result<Option<FileBytes>> {
        // A large file is mapped; many small ones are not worth a map each.
        match Sysroot::read(self, path, limit.min(SMALL)) {
            Ok(bytes) => return Ok(Some(FileBytes::new(bytes))),
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            Err(error) => {
                return match self.kind(path) {
                    None | Some(FileKind::Directory) => Ok(None),
                    Some(FileKind::File | FileKind::Other) => Err(error),
                };
            }
        }
        let bytes = self.map(path)?;
        if bytes.len() as u64 > limit {
            return Err(Error::unsupported(format!("{} bytes, more than {limit}", bytes.len())).about(path));
        }
        Ok(Some(FileBytes::new(Mapped(bytes))))
    }

    fn exists(&self, path: &str) -> bool {
        Sysroot::exists(self, path)
    }

    fn canonicalize(&self, path: &str) -> Option<String> {
        Sysroot::canonicalize(self, path)
    }

    fn list(&self, directory: &str) -> Vec<String> {
        self.list_dir(directory)
    }
}
