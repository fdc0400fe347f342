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

use std::borrow::Cow;

use self::draft::Draft;
use self::model::Model;
use self::wanted::Wanted;
use super::read::Elf;
use super::verify::{self, Expected};
use super::{layout, strip};
use crate::error::{Error, ErrorKind, Result};
use crate::format::edit::{Edit, EditSet, Edited};

/// Carries out all edits in one layout; no edit, or nothing to change: the same bytes.
///
/// # Errors
/// `Usage` if an import to rename or remove is not there, or a name cannot be written; `Unsupported` if the file cannot
/// carry an edit: objects, static programs, contradictory tables, no room for a program header; `Malformed` if it is not
/// sound; `Internal` if the result is not what was expected.
pub fn edit(bytes: &[u8], edits: &EditSet) -> Result<Edited> {
    if let Some(edit) = edits.edits().iter().find(|edit| is_foreign(edit)) {
        return Err(Error::unsupported(format!("`{edit}` is for PE files")));
    }
    let mut edited = Edited::new(Vec::new(), Vec::new(), Vec::new());
    let mut expected = Expected::default();
    if let Some(edit) = edits
        .edits()
        .iter()
        .find(|edit| matches!(edit, Edit::SetMinVersion(_) | Edit::Sign | Edit::DropRepeatedSearchPaths))
    {
        return Err(Error::unsupported(format!("`{edit}` is for Mach-O files, and this is ELF")));
    }
    let stripped = match strip::level(edits) {
        Some(level) => strip::strip(bytes, level)?,
        None => None,
    };
    let is_stripped = stripped.is_some();
    let base = match stripped {
        Some(stripped) => {
            edited.changes = stripped.changes;
            expected.removed = stripped.removed;
            Cow::Owned(stripped.bytes)
        }
        None => Cow::Borrowed(bytes),
    };
    let is_changed = apply(base, edits, &mut edited, &mut expected)?;
    if !is_changed && !is_stripped {
        edited.bytes = bytes.to_vec();
        return Ok(edited);
    }
    if is_stripped {
        // Closing holes moves bytes within the file; the original's places are the ones to compare with.
        let original = Elf::parse(bytes).and_then(|file| Model::read(&file));
        expected.dynamic = match (expected.dynamic, original) {
            (Some((_, wanted)), Ok(model)) => Some((model, wanted)),
            (Some(_), Err(error)) => return Err(error),
            (None, Ok(model)) => Wanted::new(&model, &EditSet::default()).ok().map(|wanted| (model, wanted)),
            // Static programs can be stripped, though there is nothing to edit.
            (None, Err(_)) => None,
        };
    }
    match verify::compare(bytes, &edited.bytes, &expected) {
        Ok(()) => Ok(edited),
        // Where headers contradict each other already, an edit by one may break what another says.
        Err(error) if error.kind() == ErrorKind::Internal && is_contradictory(bytes)? => {
            Err(Error::unsupported(format!("its headers contradict each other; {}", error.message())))
        }
        Err(error) => Err(error),
    }
}

/// Whether the layout of a file is not as a linker leaves it.
fn is_contradictory(bytes: &[u8]) -> Result<bool> {
    Ok(!layout::check(&Elf::parse(bytes)?).is_empty())
}

/// Whether an edit is one of another format.
fn is_foreign(edit: &Edit) -> bool {
    matches!(edit, Edit::DelayToEager(_) | Edit::ClearDependentLoadFlags)
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
        | Edit::ReplaceSearchPath { .. }
        | Edit::SetSearchPathKind(_)
        | Edit::SetInterpreter(_) => true,
        Edit::ClearExecutableStack
        | Edit::Strip(_)
        | Edit::DelayToEager(_)
        | Edit::ClearDependentLoadFlags
        | Edit::SetMinVersion(_)
        | Edit::DropRepeatedSearchPaths
        | Edit::Sign => false,
    }
}

/// Carries out everything but stripping, and says what it expects of the result; false if nothing has to change, with the
/// bytes as they came where they are ours.
fn apply(base: Cow<'_, [u8]>, edits: &EditSet, edited: &mut Edited, expected: &mut Expected) -> Result<bool> {
    let file = Elf::parse(&base)?;
    let stack = stack::wanted(&file, edits);
    let needs_model = edits.edits().iter().any(is_dynamic) || matches!(stack, Some((stack::Stack::Add, _)));
    let model = if needs_model { Some(Model::read(&file)?) } else { None };
    let mut wanted = model.as_ref().map(|model| Wanted::new(model, edits)).transpose()?;
    let interpreter = interpreter::wanted(&file, edits)?;
    let is_present = wanted.as_ref().zip(model.as_ref()).is_none_or(|(wanted, model)| wanted.is_present(model));
    if is_present && interpreter.is_none() && stack.is_none() {
        if let Cow::Owned(base) = base {
            edited.bytes = base;
        }
        return Ok(false);
    }
    let mut draft = Draft::new(&file);
    draft.bytes = base.into_owned();
    let mut chunks = Vec::new();
    let mut prepared = None;
    if let (Some(model), Some(wanted)) = (&model, &mut wanted) {
        let (dynamic, more) = dynamic::prepare(&mut draft, model, wanted)?;
        chunks = more;
        prepared = Some(dynamic);
        edited.changes.append(&mut wanted.changes);
    }
    if let Some((name, change)) = interpreter {
        edited.changes.push(change);
        chunks.splice(0..0, interpreter::set(&mut draft, &name)?);
        expected.interpreter = Some(name);
    }
    if let Some((stack, change)) = stack {
        edited.changes.push(change);
        chunks.splice(0..0, stack::set(&mut draft, model.as_ref(), stack)?);
        expected.stack = true;
    }
    if let (Some(model), Some(wanted), Some(prepared)) = (&model, &wanted, &prepared) {
        append::place(&mut draft, model, chunks)?;
        prepared.write(&mut draft, model, wanted)?;
    }
    draft.follow()?;
    edited.notes.append(&mut draft.notes);
    edited.bytes = draft.finish()?;
    expected.dynamic = model.zip(wanted);
    Ok(true)
}
