//! ELF: System V gABI, the GNU extensions, and the processor supplements of the machines that Linux tags name.

pub mod facts;
pub mod read;

pub use facts::{ElfFacts, FloatAbi, Linkage, Stack};

use super::edit::{EditSet, Edited};
use super::image::Image;
use super::symbols::SymbolFacts;
use crate::error::{Error, Result};

/// Returns the facts of an ELF file.
///
/// # Errors
/// `Malformed` if the headers leave the file or contradict themselves.
pub fn inspect(bytes: &[u8]) -> Result<Image> {
    let _ = bytes;
    Err(Error::unsupported("not an ELF file"))
}

/// Reads the dynamic symbol table once.
///
/// # Errors
/// `Malformed` if a table leaves the file or loops.
pub fn symbols(bytes: &[u8]) -> Result<SymbolFacts> {
    let _ = bytes;
    Err(Error::unsupported("not an ELF file"))
}

/// Carries out all edits in one layout.
///
/// # Errors
/// `Unsupported` if the file cannot carry an edit.
pub fn edit(bytes: &[u8], edits: &EditSet) -> Result<Edited> {
    let _ = (bytes, edits);
    Err(Error::unsupported("not an ELF file"))
}
