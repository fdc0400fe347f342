//! Reads an edited file again and compares it with the original and with what was asked for.
//!
//! Whatever an edit may not touch has to be the same bytes; what it may touch is compared by meaning: every DLL, function
//! and forwarder. A difference is a defect of the editor, and no such file leaves it.

use super::checksum::checksum;
use super::edit::layout::{Made, complaints};
use super::edit::model::Model;
use super::edit::wanted::Wanted;
use super::imports::Function;
use super::read::{Pe, directory};
use super::witness;
use crate::error::{Error, ErrorKind, Result};
use crate::format::bytes::{Bytes, escaped};

/// Compares an edited file with the original.
///
/// # Errors
/// `Internal` if the result is not what was expected.
pub(super) fn compare(before: &Pe<'_>, model: &Model<'_>, wanted: &Wanted, made: &Made) -> Result<()> {
    let pair = Pair { before, after: Pe::parse_image(&made.bytes).map_err(|error| failed(error.message()))?, made };
    let new = Model::read(&pair.after).map_err(|error| failed(error.message()))?;
    pair.layout()?;
    pair.headers(wanted)?;
    pair.sections()?;
    pair.debug()?;
    pair.bytes()?;
    imports(model, wanted, &new)?;
    delays(model, wanted, &new)?;
    pair.exports(model, wanted, &new)?;
    witness::compare((before, &told(model)), (&made.bytes, &told(&new))).map_err(|error| failed(error.message()))
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, message).context("the edited file was read again")
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(failed(message())) }
}

struct Pair<'p> {
    before: &'p Pe<'p>,
    after: Pe<'p>,
    made: &'p Made,
}

impl Pair<'_> {
    fn layout(&self) -> Result<()> {
        match complaints(&self.after).into_iter().next() {
            Some(complaint) => Err(failed(complaint)),
            None => Ok(()),
        }
    }

    fn headers(&self, wanted: &Wanted) -> Result<()> {
        let (mut old, new, moves) = (self.before.header.clone(), &self.after.header, &self.made.moves);
        old.at = moves.headers;
        old.symbol_table = if old.symbol_table == 0 { 0 } else { moves.map(old.symbol_table) };
        if self.made.section.1 > 0 {
            old.section_count = old.section_count.saturating_add(1);
            (old.initialized_size, old.image_size) = (new.initialized_size, new.image_size);
            ensure(new.headers_size >= old.headers_size, || "the headers shrank".to_owned())?;
            old.headers_size = new.headers_size;
        }
        if old.checksum != 0 {
            old.checksum = checksum(self.after.bytes.data(), new.checksum_at());
        }
        ensure(old == *new, || format!("other header fields: {old:?}, {new:?}"))?;
        let is_moved = |number: usize| match number {
            directory::IMPORT => !wanted.eager.is_empty() || !wanted.added.is_empty(),
            directory::EXPORT => !wanted.forwarders.is_empty(),
            directory::SECURITY | directory::BOUND_IMPORT => true,
            _ => false,
        };
        ensure(self.before.directories.len() == self.after.directories.len(), || "other directories".to_owned())?;
        for (number, (old, new)) in self.before.directories.iter().zip(&self.after.directories).enumerate() {
            ensure(old == new || is_moved(number), || format!("data directory {number} is another"))?;
        }
        let gone = [directory::SECURITY, directory::BOUND_IMPORT];
        ensure(gone.iter().all(|number| self.after.directory(*number).size == 0), || "a signature is left".to_owned())
    }

    fn sections(&self) -> Result<()> {
        let moves = &self.made.moves;
        let moved = |offset: u32| {
            if offset == 0 { Some(0) } else { u32::try_from(moves.map(u64::from(offset))).ok() }
        };
        for (old, new) in self.before.sections.iter().zip(&self.after.sections) {
            let mut expected = *old;
            expected.virtual_size = new.virtual_size;
            let pointers = (moved(old.raw_offset), moved(old.relocations), moved(old.line_numbers));
            let is_same = pointers == (Some(new.raw_offset), Some(new.relocations), Some(new.line_numbers));
            (expected.raw_offset, expected.relocations, expected.line_numbers) =
                (new.raw_offset, new.relocations, new.line_numbers);
            let has_grown = old.virtual_size == new.virtual_size
                || (old.virtual_size < new.virtual_size && new.virtual_size <= new.raw_size);
            ensure(is_same && has_grown && expected == *new, || {
                format!("section `{}` is another", escaped(old.name()))
            })?;
        }
        let more = self.after.sections.get(self.before.sections.len()..).unwrap_or_default();
        let (address, size) = self.made.section;
        match more {
            [] => ensure(size == 0, || "the new section is not there".to_owned()),
            [one] => ensure((one.address, one.virtual_size) == (address, size), || "another new section".to_owned()),
            _ => Err(failed("more than one new section")),
        }
    }

    /// Whether the debug directory's offsets follow its data.
    fn debug(&self) -> Result<()> {
        let table = self.before.directory(directory::DEBUG);
        let count = u64::from(table.size / 28);
        if table.address == 0 || count == 0 {
            return Ok(());
        }
        let Ok(old) = self.before.offset(table.address, count * 28) else { return Ok(()) };
        let new = self.after.offset(table.address, count * 28)?;
        for index in 0..count {
            let field = 28 * index + 24;
            let offset = u64::from(self.before.bytes.u32(old + field)?);
            let expected = if offset == 0 { 0 } else { self.made.moves.map(offset) };
            let is_same = u64::from(self.after.bytes.u32(new + field)?) == expected;
            ensure(is_same, || "the debug directory points elsewhere".to_owned())?;
        }
        Ok(())
    }

    /// Whether all bytes but those that were to be written are the same.
    fn bytes(&self) -> Result<()> {
        let moves = &self.made.moves;
        let (old, new) = (self.before.bytes, self.after.bytes);
        let mut written = self.made.written.clone();
        written.sort_unstable();
        let header = &self.before.header;
        let cut_end = moves.cut.0 + moves.cut.1;
        // The DOS stub stays unless its room was needed; headers were compared field by field.
        let stub = if moves.headers == header.at { header.at } else { 0x3c };
        let parts = [
            (0, 0x3c.min(header.at)),
            (0x40.min(stub), stub),
            (moves.first, moves.end),
            (moves.end, moves.cut.0),
            (cut_end, old.len()),
        ];
        for (start, end) in parts {
            let mut at = start;
            let within = written.iter().filter(|(offset, size)| offset + size > start && *offset < end);
            for (offset, size) in within.copied().chain([(end, 0)]) {
                if offset > at {
                    same(old, new, (at, offset - at), moves.map(at))?;
                }
                at = at.max(offset + size);
            }
        }
        Ok(())
    }

    fn exports(&self, model: &Model<'_>, wanted: &Wanted, new: &Model<'_>) -> Result<()> {
        let (old_exports, new_exports) = match (&model.exports, &new.exports) {
            (None, None) => return Ok(()),
            (Some(old), Some(new)) => (old, new),
            _ => return Err(failed("an export directory came or went")),
        };
        let identity = wanted.identity.as_deref().or(model.identity);
        ensure(new.identity == identity, || "the DLL has another name".to_owned())?;
        let mut names = old_exports.names().zip(new_exports.names());
        let same_name = |(old, new): ((u32, u16), (u32, u16))| {
            let text = |pe: &Pe<'_>, address| pe.text(address, u64::MAX).map(<[u8]>::to_vec).ok();
            let is_same_text = text(self.before, old.0).is_some_and(|name| text(&self.after, new.0) == Some(name));
            old.1 == new.1 && is_same_text
        };
        let is_same = old_exports.base == new_exports.base
            && old_exports.function_count() == new_exports.function_count()
            && old_exports.name_count() == new_exports.name_count()
            && names.all(same_name);
        ensure(is_same, || "other exports".to_owned())?;
        let (old_range, new_range) = (old_exports.directory, new_exports.directory);
        let mut functions = old_exports.functions().zip(new_exports.functions());
        ensure(
            functions.all(|(old, new)| {
                if old_range.contains(old) { new_range.contains(new) } else { old == new && !new_range.contains(new) }
            }),
            || "exported addresses changed".to_owned(),
        )?;
        ensure(model.forwarders.len() == new.forwarders.len(), || "other forwarders".to_owned())?;
        for (index, (old, new)) in model.forwarders.iter().zip(&new.forwarders).enumerate() {
            let expected = wanted.forwarders.get(&index).map_or(old.text, Vec::as_slice);
            ensure(new.text == expected && new.index == old.index, || {
                format!("the forwarder `{}` is another", escaped(old.text))
            })?;
        }
        Ok(())
    }
}

fn same(old: Bytes<'_>, new: Bytes<'_>, (at, size): (u64, u64), moved: u64) -> Result<()> {
    let is_same = old.slice(at, size)? == new.slice(moved, size).map_err(|error| failed(error.message()))?;
    ensure(is_same, || format!("bytes changed between offsets {at:#x} and {:#x}", at + size))
}

fn imports(model: &Model<'_>, wanted: &Wanted, new: &Model<'_>) -> Result<()> {
    let expected = model.imports.len() + wanted.eager.len() + wanted.added.len();
    ensure(new.imports.len() == expected, || format!("{} imports, not {expected}", new.imports.len()))?;
    for (index, (old, new)) in model.imports.iter().zip(&new.imports).enumerate() {
        let is_same = new.name == wanted.import_name(index, old.name)
            && new.functions == old.functions
            && (new.descriptor.lookup, new.descriptor.thunks) == (old.descriptor.lookup, old.descriptor.thunks);
        ensure(is_same, || format!("the import `{}` is another", escaped(old.name)))?;
    }
    let mut rest = new.imports.iter().skip(model.imports.len());
    for (index, old) in model.delays.iter().enumerate().filter(|(index, _)| wanted.eager.contains(index)) {
        let is_right = rest.next().is_some_and(|new| {
            new.name == wanted.delay_name(index, old.name)
                && new.functions == old.functions
                && new.descriptor.thunks == old.descriptor.thunks
        });
        ensure(is_right, || format!("the delay import `{}` is not bound at load", escaped(old.name)))?;
    }
    for added in &wanted.added {
        let is_right = rest.next().is_some_and(|new| {
            new.name == added.library && new.functions.iter().all(|function| function.is_named(&added.function))
        });
        ensure(is_right, || format!("`{}` was not added", escaped(&added.library)))?;
    }
    Ok(())
}

fn delays(model: &Model<'_>, wanted: &Wanted, new: &Model<'_>) -> Result<()> {
    ensure(model.delays.len() == new.delays.len(), || "other delay imports".to_owned())?;
    for (index, (old, new)) in model.delays.iter().zip(&new.delays).enumerate() {
        let is_same = new.name == wanted.delay_name(index, old.name)
            && new.functions == old.functions
            && (new.descriptor.lookup, new.descriptor.thunks) == (old.descriptor.lookup, old.descriptor.thunks);
        ensure(is_same, || format!("the delay import `{}` is another", escaped(old.name)))?;
    }
    Ok(())
}

/// DLLs and functions imported, as the witness shall find them too.
fn told<'a>(model: &'a Model<'_>) -> Vec<(&'a [u8], &'a [Function<'a>])> {
    model.imports.iter().map(|import| (import.name, import.functions.as_slice())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::edit;
    use crate::format::{Edit, EditSet};

    #[test]
    fn zero_bytes_are_no_pe_file() {
        let edits = EditSet::new([Edit::DelayToEager(None)]).unwrap();
        assert!(edit(&[0; 64], &edits).is_err());
    }
}
