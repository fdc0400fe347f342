//! Editing a PE file: byte edits on a copy, all of them in one layout; the file is never rebuilt.

use super::read::Pe;
use crate::error::{Error, Result};
use crate::format::edit::{EditSet, Edited};

/// Carries out all edits in one layout; no edit, or nothing to change: the same bytes.
///
/// # Errors
/// `Unsupported` if the file cannot carry an edit.
pub fn edit(bytes: &[u8], edits: &EditSet) -> Result<Edited> {
    Pe::parse_image(bytes)?;
    match edits.edits().first() {
        None => Ok(Edited::new(bytes.to_vec(), Vec::new(), Vec::new())),
        Some(edit) => Err(Error::unsupported(format!("`{edit}` on a PE file"))),
    }
}
