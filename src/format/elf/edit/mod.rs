//! Editing an ELF file: byte edits on a copy, all of them in one layout; the file is never rebuilt.
//!
//! [`Model`](model::Model) says what is there, [`Wanted`](wanted::Wanted) what shall be, [`strings`] where names go,
//! [`tail`] and [`append`] where room comes from, [`Draft`](draft::Draft) carries it out, and
//! [`verify`](super::verify) reads the result again.

mod append;
pub(crate) mod draft;
mod dynamic;
mod interpreter;
pub(crate) mod model;
mod slot;
mod stack;
pub(crate) mod strings;
mod tail;
pub(crate) mod versions;
pub(crate) mod wanted;

use self::draft::Draft;
use self::model::Model;
use self::wanted::Wanted;
use super::read::Elf;
use super::{strip, verify};
use crate::error::Result;
use crate::format::edit::{Change, Edit, EditSet, Edited};

/// Carries out all edits in one layout; no edit, or nothing to change: the same bytes.
///
/// # Errors
/// `Usage` if an import to rename or remove is not there, or a name cannot be written; `Unsupported` if the file cannot
/// carry an edit: objects, static programs, contradictory tables, no room for a program header; `Malformed` if it is not
/// sound; `Internal` if the result is not what was expected.
pub fn edit(bytes: &[u8], edits: &EditSet) -> Result<Edited> {
    let same = || Edited::new(bytes.to_vec(), Vec::new(), Vec::new());
    if edits.is_empty() {
        return Ok(same());
    }
    let mut notes = Vec::new();
    let mut changes = Vec::new();
    let stripped = match strip::level(edits) {
        Some(level) => strip::strip(bytes, level)?,
        None => None,
    };
    let base = match &stripped {
        Some(stripped) => {
            changes.extend(stripped.changes.iter().cloned());
            stripped.bytes.as_slice()
        }
        None => bytes,
    };
    let output = apply(base, edits, &mut changes, &mut notes)?;
    let output = match (output, stripped) {
        (Some(output), _) => output,
        (None, Some(stripped)) => stripped.bytes,
        (None, None) => return Ok(same()),
    };
    verify::compare(bytes, &output, edits)?;
    Ok(Edited::new(output, changes, notes))
}

/// Whether an edit concerns the dynamic section.
fn is_dynamic(edit: &Edit) -> bool {
    match edit {
        Edit::SetIdentity(_)
        | Edit::ReplaceImport { .. }
        | Edit::AddImport(_)
        | Edit::RemoveImport(_)
        | Edit::SetSearchPath { .. }
        | Edit::AddSearchPath(_)
        | Edit::RemoveSearchPath(_)
        | Edit::SetSearchPathKind(_)
        | Edit::SetInterpreter(_) => true,
        Edit::ClearExecutableStack | Edit::Strip(_) => false,
    }
}

/// Carries out everything but stripping; `None` if nothing has to change.
fn apply(base: &[u8], edits: &EditSet, changes: &mut Vec<Change>, notes: &mut Vec<String>) -> Result<Option<Vec<u8>>> {
    let file = Elf::parse(base)?;
    let stack = stack::wanted(&file, edits);
    let needs_model = edits.edits().iter().any(is_dynamic) || matches!(stack, Some((stack::Stack::Add, _)));
    let model = if needs_model { Some(Model::read(&file)?) } else { None };
    let mut wanted = model.as_ref().map(|model| Wanted::new(model, edits)).transpose()?;
    let interpreter = interpreter::wanted(&file, edits)?;
    let is_present = wanted.as_ref().zip(model.as_ref()).is_none_or(|(wanted, model)| wanted.is_present(model));
    if is_present && interpreter.is_none() && stack.is_none() {
        return Ok(None);
    }
    let mut draft = Draft::new(&file, base.to_vec());
    let mut chunks = Vec::new();
    let mut prepared = None;
    if let (Some(model), Some(wanted)) = (&model, &mut wanted) {
        let (dynamic, more) = dynamic::prepare(&mut draft, model, wanted)?;
        chunks = more;
        prepared = Some(dynamic);
        changes.append(&mut wanted.changes);
    }
    if let Some((name, change)) = interpreter {
        changes.push(change);
        chunks.splice(0..0, interpreter::set(&mut draft, &name)?);
    }
    if let Some((stack, change)) = stack {
        changes.push(change);
        chunks.splice(0..0, stack::set(&mut draft, model.as_ref(), stack)?);
    }
    if let (Some(model), Some(wanted), Some(prepared)) = (&model, &wanted, &prepared) {
        append::place(&mut draft, model, chunks)?;
        prepared.write(&mut draft, model, wanted)?;
    }
    draft.follow()?;
    notes.append(&mut draft.notes);
    draft.finish().map(Some)
}
