//! The program interpreter: in its place where it fits, else a string that needs a place.

use object::elf;

use super::append::Chunk;
use super::draft::{Draft, Move, file_end};
use super::model::Extent;
use super::wanted::check_name;
use crate::error::{Error, Result};
use crate::format::bytes::escaped;
use crate::format::edit::{Change, Edit, EditSet};
use crate::format::elf::read::{Elf, Segment};

/// The kernel takes no longer name (`PATH_MAX`, its NUL included; fs/binfmt_elf.c).
const LONGEST: usize = 4095;

/// Returns the interpreter to set and the change, if it is another than the present.
///
/// # Errors
/// `Unsupported` if the file has no interpreter; `Usage` if the kernel would not take the name.
pub(super) fn wanted(file: &Elf<'_>, edits: &EditSet) -> Result<Option<(Vec<u8>, Change)>> {
    let asked = edits.edits().iter().find_map(|edit| match edit {
        Edit::SetInterpreter(name) => Some(name),
        _ => None,
    });
    let Some(name) = asked else { return Ok(None) };
    check_name(name, "interpreter")?;
    if name.len() > LONGEST {
        return Err(Error::usage(format!("an interpreter of {} bytes, more than {LONGEST}", name.len())));
    }
    let segment = file.segments.iter().find(|segment| segment.kind == elf::PT_INTERP.0);
    let segment = segment.ok_or_else(|| Error::unsupported("no program interpreter: this is not a dynamic program"))?;
    let present = file.bytes.c_string(segment.offset, file_end(segment))?;
    if present == name.as_bytes() {
        return Ok(None);
    }
    let change = Change { what: "interpreter", from: Some(escaped(present)), to: Some(name.clone()) };
    Ok(Some((name.clone().into_bytes(), change)))
}

/// Writes the name in its place, or returns it as a chunk that needs one.
///
/// # Errors
/// `Malformed` if the present one is not where its address says.
pub(super) fn set(draft: &mut Draft, name: &[u8]) -> Result<Option<Chunk>> {
    let segment = draft.segments.iter().find(|segment| segment.kind == elf::PT_INTERP.0).copied();
    let segment: Segment = segment.ok_or_else(|| Error::unsupported("no program interpreter"))?;
    let from = Extent { offset: segment.offset, address: segment.address, size: segment.file_size };
    let index = draft.load_of(&from).ok_or_else(|| Error::unsupported("the interpreter is in no loaded segment"))?;
    let load = draft.segments.get(index).copied().unwrap_or(segment);
    let mut bytes = name.to_vec();
    bytes.push(0);
    let size = bytes.len() as u64;
    let room = if draft.sections.is_empty() {
        from.size
    } else {
        let end = from.file_end();
        let next = draft.next_thing_in(&load, end).unwrap_or(end);
        from.size + draft.zeros(end, next)
    };
    if size > room {
        return Ok(Some(Chunk { from, bytes, align: 1, is_written: false, clears: true }));
    }
    draft.clear(from.offset, from.size)?;
    draft.put(from.offset, &bytes)?;
    // The kernel reads `p_filesz` bytes and wants the last to be NUL.
    draft.moves.push(Move { from, to: Extent { size, ..from } });
    Ok(None)
}
