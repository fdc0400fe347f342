//! Stripping: sections that no loader needs leave the file.

use crate::error::{Error, Result};
use crate::format::edit::{Change, Edit, EditSet, StripLevel};

/// A stripped file.
#[derive(Debug)]
pub(super) struct Stripped {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// What was removed.
    pub(super) changes: Vec<Change>,
}

/// Returns the most that the edits want stripped.
pub(super) fn level(edits: &EditSet) -> Option<StripLevel> {
    let levels = edits.edits().iter().filter_map(|edit| match edit {
        Edit::Strip(level) => Some(*level),
        _ => None,
    });
    levels.max()
}

/// Removes sections; `None` if there is nothing to remove.
///
/// # Errors
/// `Unsupported` for relocatable objects.
pub(super) fn strip(bytes: &[u8], level: StripLevel) -> Result<Option<Stripped>> {
    let _ = (bytes, level);
    Err(Error::unsupported("stripping is not there yet"))
}
