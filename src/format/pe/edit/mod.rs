//! Editing a PE file: byte edits on a copy, all of them in one layout; the file is never rebuilt.
//!
//! [`Model`](model::Model) says what is there, [`Wanted`](wanted::Wanted) what shall be, [`room`] where new bytes go,
//! [`imports`], [`exports`] and [`flags`] write them, [`layout`] makes the file, and [`verify`](super::verify) reads it
//! again.

mod exports;
mod flags;
mod imports;
pub(super) mod layout;
pub(super) mod model;
mod room;
pub(super) mod wanted;

use self::layout::{Draft, Made};
use self::model::Model;
use self::wanted::Wanted;
use super::dynamic;
use super::facts::Hybrid;
use super::read::Pe;
use super::verify;
use crate::error::{Error, ErrorKind, Result};
use crate::format::bytes::{Bytes, Endian};
use crate::format::edit::{EditSet, Edited};

/// `IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY`.
const FORCE_INTEGRITY: u16 = 0x80;

/// Carries out all edits in one layout; no edit, or nothing to change: the same bytes.
///
/// Names of imports, delay imports and forwarders are compared without case. An import is added as `dll!function`.
///
/// # Errors
/// `Usage` if an import to rename or remove is not there, or a name cannot be written; `Unsupported` if the file cannot
/// carry an edit: search paths, interpreters, an import without a function, no room for a section header, files with code
/// of two machines where their headers would have to grow; `Malformed` if it is not sound; `Internal` if the result is
/// not what was expected.
pub fn edit(bytes: &[u8], edits: &EditSet) -> Result<Edited> {
    let pe = Pe::parse_image(bytes)?;
    let unchanged = || Edited::new(bytes.to_vec(), Vec::new(), Vec::new());
    if edits.is_empty() {
        return Ok(unchanged());
    }
    let model = Model::read(&pe)?;
    let wanted = Wanted::new(&model, edits)?;
    if wanted.changes.is_empty() {
        return Ok(unchanged());
    }
    check(&pe, &model, &wanted)?;
    let mut draft = Draft::new(&pe, &model)?;
    imports::write(&mut draft, &model, &wanted)?;
    exports::write(&mut draft, &model, &wanted)?;
    flags::write(&mut draft, &model, &wanted)?;
    let result = draft.finish()?;
    keep_overwritten(&pe, &model, &result)?;
    match verify::compare(&pe, &model, &wanted, &result) {
        Ok(()) => Ok(Edited::new(result.bytes, wanted.changes, result.notes)),
        // Where tables share bytes, an edit of one may change what another says.
        Err(error) if error.kind() == ErrorKind::Internal && model.is_tangled(&pe)? => {
            Err(Error::unsupported(format!("its tables overlap; {}", error.message())))
        }
        Err(error) => Err(error),
    }
}

/// Refuses what no edit of this file could do soundly.
fn check(pe: &Pe<'_>, model: &Model<'_>, wanted: &Wanted) -> Result<()> {
    if pe.header.dll_characteristics & FORCE_INTEGRITY != 0 && pe.certificates().is_some() {
        return Err(Error::unsupported("Windows loads it only with its signature, which an edit makes invalid"));
    }
    if let Some(complaint) = layout::complaints(pe).into_iter().next() {
        return Err(Error::unsupported(format!("its headers contradict each other: {complaint}")));
    }
    let rebuilds = !wanted.eager.is_empty() || !wanted.added.is_empty();
    match model.config.hybrid(pe.header.machine) {
        Some(hybrid) if rebuilds => Err(two_machines(hybrid, "its import tables cannot be moved")),
        Some(Hybrid::Arm64ec | Hybrid::Arm64x | Hybrid::Chpe) | None => Ok(()),
    }
}

/// Refuses a result in which bytes are others that the loader of an ARM64X file overwrites, or counts from.
fn keep_overwritten(pe: &Pe<'_>, model: &Model<'_>, result: &Made) -> Result<()> {
    let Some(hybrid) = model.config.hybrid(pe.header.machine) else { return Ok(()) };
    let new = Bytes::new(&result.bytes, Endian::Little);
    for (address, size) in dynamic::overwritten(pe, &model.config)? {
        // What has no bytes in the file is nobody's to change.
        let Ok(at) = pe.offset(address, u64::from(size)) else { continue };
        if pe.bytes.slice(at, size.into())? != new.slice(result.moves.map(at), size.into())? {
            return Err(two_machines(hybrid, "the edit would change what the loader patches"));
        }
    }
    Ok(())
}

/// Why a file with code of two machines is refused.
fn two_machines(hybrid: Hybrid, what: &str) -> Error {
    Error::unsupported(format!("an {} file, whose loader patches tables at fixed places: {what}", hybrid.name()))
        .hint("names of imports can be changed where that moves no header and no table")
}
