//! Reads an edited slice again and compares it with the original and with what was asked for.
//!
//! Everything outside the load commands has to be the same bytes at the same place; load commands that no edit concerns
//! have to be the same too. A difference is a defect of the editor, and no such file leaves it.

use std::ops::Range;

use super::edit::slice::is_linkedit;
use super::edit::wanted::{Told, Wanted, version_place};
use super::facts::StructureRule;
use super::names::{ID_DYLIB, Names, RPATH, import_kind};
use super::read::{Command, Macho};
use super::signature::{self, CODE_SIGNATURE, Parts, SignatureState};
use super::universal::Universal;
use super::{inspect, structure, witness};
use crate::error::{Error, ErrorKind, Result};

/// Commands that an editor may drop to make room.
const MAY_GO: [u32; 4] = [0x2a, 0x29, 0x2b, 0x26];

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, message).context("the edited file was read again")
}

fn ensure(holds: bool, message: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(failed(message)) }
}

/// Compares an edited slice with the original.
///
/// # Errors
/// `Internal` if the result is not what was expected.
pub(super) fn slice(before: &Macho<'_>, after: &[u8], wanted: &Wanted<'_>, is_signed: bool) -> Result<()> {
    let after = Macho::parse(after).map_err(|error| failed(error.message()))?;
    let mut header = before.header;
    (header.count, header.commands_size) = (after.header.count, after.header.commands_size);
    ensure(header == after.header, "the Mach-O header differs")?;
    let told = Told::read(&after).map_err(|error| failed(error.message()))?;
    ensure(told == wanted.told, "the names or versions are not those asked for")?;
    commands(before, &after, is_signed)?;
    contents(before, &after, is_signed)?;
    rules(before, &after)?;
    if is_signed {
        let (offset, size) = signature::place(&after).ok_or_else(|| failed("there is no signature"))?;
        let parts = Parts::read(&after, offset, size).map_err(|error| failed(error.message()))?;
        // All hashes were made a moment ago, of these bytes; whether each stands where it belongs, both ends of the file
        // tell: the pages that load commands can reach, and the last one.
        let limit = inspect::room(before, &before.segments()).limit;
        let at_the_ends = |page: &Range<u64>| page.start < limit || page.end == offset;
        ensure(
            parts.state_where(&after, at_the_ends) == SignatureState::Valid,
            "the signature is not true of the file",
        )?;
        ensure(offset.checked_add(size) == Some(after.bytes.len()), "the signature does not end the file")?;
    }
    witness::compare(after.bytes.data(), &told).map_err(|error| failed(error.message()))
}

/// Every command that no edit concerns is there, in order and unchanged, but for those that may be dropped.
fn commands(before: &Macho<'_>, after: &Macho<'_>, is_signed: bool) -> Result<()> {
    let concerned = |command: &&Command<'_>| {
        import_kind(command).is_some()
            || matches!(command.kind, RPATH | ID_DYLIB)
            || command.kind == CODE_SIGNATURE && is_signed
    };
    let mut now = after.commands.iter().filter(|command| !concerned(command)).peekable();
    for old in before.commands.iter().filter(|command| !concerned(command)) {
        match now.next_if(|new| same(old, new, is_signed)) {
            Some(_) => {}
            None => ensure(MAY_GO.contains(&old.kind), "a load command is gone or differs")?,
        }
    }
    ensure(now.next().is_none(), "a load command was added")
}

/// Whether two commands say the same: the size of `__LINKEDIT` and the oldest system may differ.
fn same(old: &Command<'_>, new: &Command<'_>, is_signed: bool) -> bool {
    let (a, b) = (old.bytes.data(), new.bytes.data());
    if a == b {
        return true;
    }
    // The same but for so many bytes at these places.
    let but = |size: usize, places: &[usize]| {
        let may_differ = |at: usize| places.iter().any(|place| at >= *place && at - place < size);
        a.len() == b.len() && a.iter().zip(b).enumerate().all(|(at, (x, y))| x == y || may_differ(at))
    };
    match old.kind {
        super::read::SEGMENT if is_signed && is_linkedit(a) => but(4, &[28, 36]),
        super::read::SEGMENT_64 if is_signed && is_linkedit(a) => but(8, &[32, 48]),
        _ => match version_place(old) {
            Some((at, _)) => usize::try_from(at).is_ok_and(|at| but(4, &[at])),
            None => false,
        },
    }
}

/// Bytes behind the load commands: zeros up to the first section, then what was there, up to the signature.
fn contents(before: &Macho<'_>, after: &Macho<'_>, is_signed: bool) -> Result<()> {
    let limit = inspect::room(before, &before.segments()).limit;
    let start = after.header.commands_end();
    ensure(start <= limit, "the load commands leave their room")?;
    let old_end = before.header.commands_end().min(limit);
    let free = after.bytes.slice(start, old_end.saturating_sub(start)).map_err(|error| failed(error.message()))?;
    ensure(free.iter().all(|byte| *byte == 0), "what load commands left is not zero")?;
    let from = start.max(old_end);
    let end = match signature::place(before) {
        Some((offset, _)) if is_signed => offset,
        _ => before.bytes.len(),
    };
    let size = end.saturating_sub(from);
    let (old, new) = (before.bytes.slice(from, size), after.bytes.slice(from, size));
    ensure(old.is_ok_and(|old| new.is_ok_and(|new| old == new)), "bytes behind the load commands differ")?;
    ensure(is_signed || before.bytes.len() == after.bytes.len(), "the slice has another size")
}

/// No rule of dyld's is broken that was kept before.
fn rules(before: &Macho<'_>, after: &Macho<'_>) -> Result<()> {
    let check = |slice: &Macho<'_>| structure::check(slice, &Names::read(slice, &mut Vec::new()), &slice.segments());
    let old = check(before);
    // Where two imports of one name are tolerated, the edit told of them.
    let is_new = |rule| rule != StructureRule::DuplicateImport && !old.iter().any(|other| other.rule == rule);
    match check(after).into_iter().find(|finding| is_new(finding.rule)) {
        Some(finding) => Err(failed(finding.message)),
        None => Ok(()),
    }
}

/// Whether a slice breaks a rule of dyld's before any edit, or another reader cannot make sense of it.
pub(super) fn is_contradictory(slice: &Macho<'_>) -> bool {
    let names = Names::read(slice, &mut Vec::new());
    !structure::check(slice, &names, &slice.segments()).is_empty()
        || Told::read(slice).is_ok_and(|told| witness::compare(slice.bytes.data(), &told).is_err())
}

/// Compares the universal header: the same slices in the same order.
///
/// # Errors
/// `Internal` if it is not sound, or says something else.
pub(super) fn container(before: &[u8], after: &[u8]) -> Result<()> {
    let (old, new) = (Universal::parse(before)?, Universal::parse(after).map_err(|error| failed(error.message()))?);
    let key = |file: &Universal| {
        let entries = file.entries.iter().map(|entry| (entry.cpu_type, entry.cpu_subtype, entry.align));
        (file.container, entries.collect::<Vec<_>>())
    };
    ensure(key(&old) == key(&new), "the universal header differs")
}
