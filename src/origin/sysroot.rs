//! This machine and target roots, as package databases see them.

use super::anchor::TEXT_LIMIT;
use super::root::{FileBytes, RootFs};
use crate::error::{Error, Result};
use crate::load::Sysroot;
use crate::load::source::FileKind;

/// A mapped file as plain bytes.
struct Mapped(crate::load::FileBytes);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl RootFs for Sysroot {
    fn read(&self, path: &str, limit: u64) -> Result<Option<FileBytes>> {
        match self.kind(path) {
            None | Some(FileKind::Directory) => return Ok(None),
            Some(FileKind::File | FileKind::Other) => {}
        }
        // One large database is mapped; the many small files of others are not worth a map each.
        if limit <= TEXT_LIMIT {
            return Ok(Some(FileBytes::new(Sysroot::read(self, path, limit)?)));
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
