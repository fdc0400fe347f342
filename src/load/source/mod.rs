//! Where libraries are looked for: the one place of this room that touches the file system.

mod config;
mod files;
mod machine;
mod outside;
mod sysroot;

pub use files::Files;
pub use machine::{is_this_machine, this_machine};
pub(super) use outside::read_symbols;
pub use outside::{Folder, System, host_sources};
pub use sysroot::{FileBytes, FileKind, Sysroot};

use std::path::PathBuf;
use std::sync::Arc;

use super::graph::{SourceKind, Via};
use crate::format::{Image, SymbolFacts};
use crate::platform::loader::{Directories, NameRule};

/// What is at a path of a [`LibrarySource`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Located {
    /// Nothing.
    Absent,
    /// A directory, a device or the like.
    NotAFile,
    /// A file.
    File {
        /// Its canonical path inside the source.
        canonical: String,
        /// The canonical directory in which it was found; of a symbolic link, the link's.
        directory: String,
    },
}

/// A binary that a source holds: the facts of each slice, or why there are none.
pub type Examined = Result<Vec<(Arc<Image>, Arc<SymbolFacts>)>, String>;

/// A place outside the wheel in which libraries are looked for.
///
/// Paths are absolute inside the source, with `/`.
pub trait LibrarySource: Sync {
    /// Returns what it is called in the Report.
    fn kind(&self) -> SourceKind;

    /// Returns what is at a path, symbolic links followed without ever leaving the source.
    fn locate(&self, path: &str, names: NameRule) -> Located;

    /// Reads the binary at a canonical path.
    fn examine(&self, canonical: &str) -> Examined;

    /// Returns the path on disk of a canonical path; two sources that reach one file say the same.
    fn on_disk(&self, canonical: &str) -> PathBuf;

    /// Returns the directories that this source contributes to a search, in order, each with its rule.
    fn directories(&self, system: &Directories) -> Vec<(Via, String)>;

    /// Returns true if absolute search paths of binaries are looked up here.
    fn is_root(&self) -> bool;

    /// Returns true if it is a directory of Windows itself: what the target's Windows gives is not taken from there.
    fn is_windows_own(&self) -> bool {
        false
    }
}
