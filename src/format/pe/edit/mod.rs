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
    // What has no bytes in the file is nobody's to change.
    for (at, size) in in_file(dynamic::overwritten(pe, &model.config)?, |address| pe.run(address)) {
        if pe.bytes.slice(at, size)? != new.slice(result.moves.map(at), size)? {
            return Err(two_machines(hybrid, "the edit would change what the loader patches"));
        }
    }
    Ok(())
}

/// Where ranges of addresses lie in the file, as offset and size; those that do not lie there in one run are left out.
///
/// `run` says where the byte at an address lies, and up to which address the same holds. There may be a million ranges:
/// it is asked once for each run, not for each range.
fn in_file(mut ranges: Vec<(u32, u32)>, mut run: impl FnMut(u32) -> (Option<u64>, u64)) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    ranges.dedup();
    let (mut start, mut offset, mut end) = (0_u64, None, 0_u64);
    let mut found = Vec::new();
    for (address, size) in ranges {
        if u64::from(address) >= end {
            start = u64::from(address);
            (offset, end) = run(address);
        }
        let (within, size) = (u64::from(address) - start, u64::from(size));
        if let (Some(offset), true) = (offset, u64::from(address) + size <= end) {
            found.push((offset + within, size));
        }
    }
    found
}

/// Why a file with code of two machines is refused.
fn two_machines(hybrid: Hybrid, what: &str) -> Error {
    Error::unsupported(format!("an {} file, whose loader patches tables at fixed places: {what}", hybrid.name()))
        .hint("names of imports can be changed where that moves no header and no table")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_found_in_the_file_by_one_question_for_each_run() {
        // Pages that are mapped in turns from 0x400 on: 0x1000 is, 0x2000 is not.
        let mut questions = 0;
        let mut run = |address: u32| {
            questions += 1;
            let (page, within) = (address >> 12, u64::from(address & 0xfff));
            let offset = (page % 2 == 1).then(|| 0x400 + u64::from(page / 2) * 0x1000 + within);
            (offset, u64::from(page + 1) << 12)
        };
        let few = vec![(0x1ffc, 4), (0x1ffd, 4), (0x1000, 8), (0x2000, 4), (0x3010, 2), (0x1000, 8)];
        assert_eq!(in_file(few, &mut run), [(0x400, 8), (0x13fc, 4), (0x1410, 2)]);
        questions = 0;
        let many: Vec<(u32, u32)> = (0..100_000).rev().map(|index| (index * 8, 4)).collect();
        let pages = (100_000 * 8) >> 12;
        let mut count = |address: u32| {
            questions += 1;
            let page = address >> 12;
            (Some(u64::from(address)), u64::from(page + 1) << 12)
        };
        assert_eq!(in_file(many, &mut count).len(), 100_000);
        assert_eq!(questions, pages + 1);
    }
}
