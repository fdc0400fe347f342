//! Editing a Mach-O file: one transaction a slice, whose room is checked before any byte changes.
//!
//! [`Wanted`](wanted::Wanted) says what the load commands shall be, [`room`] whether they fit, [`slice`] writes them and the
//! signature, [`container`] puts the slices together again, and [`verify`](super::verify) reads the result.
//! Nothing but load commands, the size of `__LINKEDIT` and the signature changes; no section ever moves.

pub(super) mod commands;
mod container;
mod ordinals;
pub mod room;
pub(super) mod slice;
pub(super) mod wanted;

use self::room::Fit;
use self::slice::Signing;
use self::wanted::Wanted;
use super::inspect::{self, slice_bytes};
use super::read::{Macho, Segment};
use super::universal::Universal;
use super::verify;
use crate::error::{Error, ErrorKind, Result};
use crate::format::edit::{Edit, EditSet, Edited};

/// Carries out all edits; no edit, or nothing to change: the same bytes.
///
/// Each slice of a universal file is edited by itself: an import is renamed in those that have it.
///
/// # Errors
/// `Usage` if an import to rename or remove is in no slice, or a name cannot be written; `Unsupported` if a slice cannot
/// carry an edit: objects, no room for load commands, places that symbols count on; `Malformed` if it is not sound;
/// `Internal` if the result is not what was expected.
pub fn edit(bytes: &[u8], edits: &EditSet) -> Result<Edited> {
    let mut edited = Edited::new(Vec::new(), Vec::new(), Vec::new());
    if edits.is_empty() {
        edited.bytes = bytes.to_vec();
        return Ok(edited);
    }
    let file = Universal::parse(bytes)?;
    let mut drafts = Vec::with_capacity(file.entries.len());
    for entry in &file.entries {
        drafts.push(Draft::new(slice_bytes(bytes, entry)?, edits)?);
    }
    check_names(&drafts, edits)?;
    // Every slice fits, or none is written.
    let mut plans = Vec::with_capacity(drafts.len());
    for draft in drafts {
        plans.push(draft.plan(edits)?);
    }
    let mut slices = Vec::with_capacity(plans.len());
    for mut plan in plans {
        for change in std::mem::take(&mut plan.wanted.changes) {
            if !edited.changes.contains(&change) {
                edited.changes.push(change);
            }
        }
        for note in std::mem::take(&mut plan.wanted.notes) {
            if !edited.notes.contains(&note) {
                edited.notes.push(note);
            }
        }
        slices.push(if plan.is_changed { Some(plan.write()?) } else { None });
    }
    edited.bytes = container::rebuild(bytes, &file, slices)?;
    verify::container(bytes, &edited.bytes)?;
    Ok(edited)
}

/// Says, without editing, how much room the edits need in each slice and how much there is; slices in file order.
///
/// # Errors
/// As [`edit()`], but a slice without room is told, not refused.
pub fn fit(bytes: &[u8], edits: &EditSet) -> Result<Vec<Fit>> {
    let file = Universal::parse(bytes)?;
    let mut fits = Vec::with_capacity(file.entries.len());
    for entry in &file.entries {
        let mut draft = Draft::new(slice_bytes(bytes, entry)?, edits)?;
        slice::plan_signature(&draft.slice, &mut draft.wanted, edits);
        fits.push(room::make_fit(&draft.slice, &draft.segments, &mut draft.wanted)?);
    }
    Ok(fits)
}

/// A slice and what is asked of it.
struct Draft<'a> {
    slice: Macho<'a>,
    segments: Vec<Segment<'a>>,
    wanted: Wanted<'a>,
}

impl<'a> Draft<'a> {
    fn new(bytes: &'a [u8], edits: &EditSet) -> Result<Self> {
        let slice = Macho::parse(bytes)?;
        let segments = slice.segments();
        slice::check(&slice, &segments)?;
        let about =
            |error: Error| error.context(inspect::arch(slice.header.cpu_type, slice.header.cpu_subtype).apple_name());
        let wanted = Wanted::new(&slice, edits).map_err(about)?;
        Ok(Self { slice, segments, wanted })
    }

    /// Decides about the signature and makes the load commands fit.
    fn plan(mut self, edits: &EditSet) -> Result<Plan<'a>> {
        let signing = slice::plan_signature(&self.slice, &mut self.wanted, edits);
        let is_changed = !self.wanted.changes.is_empty();
        if is_changed {
            let fit = room::make_fit(&self.slice, &self.segments, &mut self.wanted)?;
            if !fit.fits() {
                return Err(room::refusal(&fit, &self.wanted));
            }
        }
        Ok(Plan { slice: self.slice, segments: self.segments, wanted: self.wanted, signing, is_changed })
    }
}

/// A slice that can be written.
struct Plan<'a> {
    slice: Macho<'a>,
    segments: Vec<Segment<'a>>,
    wanted: Wanted<'a>,
    signing: Signing,
    is_changed: bool,
}

impl Plan<'_> {
    /// Writes the slice and reads it again.
    fn write(mut self) -> Result<Vec<u8>> {
        let bytes = slice::write(&self.slice, &self.segments, &mut self.wanted, &self.signing)?;
        let is_signed = matches!(self.signing, Signing::Make(_));
        match verify::slice(&self.slice, &bytes, &self.wanted, is_signed) {
            Ok(()) => Ok(bytes),
            // Where tables contradict each other already, an edit by one may break what another says.
            Err(error) if error.kind() == ErrorKind::Internal && verify::is_contradictory(&self.slice) => {
                Err(Error::unsupported(format!("its headers contradict each other; {}", error.message())))
            }
            Err(error) => Err(error),
        }
    }
}

/// Refuses names that no slice imports, unless the new name is there already.
fn check_names(drafts: &[Draft<'_>], edits: &EditSet) -> Result<()> {
    // The names before any edit.
    let has = |name: &str| {
        drafts.iter().any(|draft| {
            let names = super::names::Names::read(&draft.slice, &mut Vec::new());
            names.imports.iter().any(|import| import.name == name)
        })
    };
    for edit in edits.edits() {
        let absent = match edit {
            Edit::ReplaceImport { from, to } if !has(from) && !has(to) => from,
            Edit::RemoveImport(name) if !has(name) => name,
            _ => continue,
        };
        return Err(Error::usage(format!("`{absent}` is not imported")));
    }
    Ok(())
}
