//! Reads an edited file again and compares it with the original and with what was asked for.
//!
//! Whatever an edit may not touch has to be the same bytes at the same address; what it may touch is compared by meaning:
//! every name, version and relocation. A difference is a defect of the editor, and no such file leaves it.

use std::collections::BTreeSet;

use object::elf;

use super::edit::model::{Extent, MIPS_RLD_MAP_REL, Model, is_table_tag};
use super::edit::strings::Live;
use super::edit::wanted::{Told, Wanted};
use super::read::{Elf, Section, Segment};
use super::{layout, witness};
use crate::error::{Error, ErrorKind, Result};
use crate::format::bytes::{Bytes, Width};

/// What an edit shall have done.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// What the dynamic section shall say; `None` if no edit concerns it.
    pub(super) dynamic: Option<(Model, Wanted)>,
    /// The new interpreter.
    pub(super) interpreter: Option<Vec<u8>>,
    /// The stack's flag was cleared, or its header added.
    pub(super) stack: bool,
    /// Of each section, whether it was stripped; empty if none was.
    pub(super) removed: Vec<bool>,
}

/// Compares an edited file with the original.
///
/// # Errors
/// `Internal` if the result is not what was expected.
pub(super) fn compare(before: &[u8], after: &[u8], expected: &Expected) -> Result<()> {
    let before = Elf::parse(before)?;
    let after = Elf::parse(after).map_err(|error| failed(error.message()))?;
    let pair = Pair { before: &before, after: &after, expected };
    pair.layout()?;
    pair.headers()?;
    let model = match &expected.dynamic {
        Some((model, wanted)) => {
            let new = Model::read(&after).map_err(|error| failed(error.message()))?;
            pair.dynamic(model, wanted, &new)?;
            pair.tables(model, wanted, &new)?;
            pair.versions(model, wanted, &new)?;
            witness::compare(after.bytes.data(), &wanted.told(model)?).map_err(|error| failed(error.message()))?;
            Some(model)
        }
        None => None,
    };
    pair.loaded_bytes(model)?;
    pair.segments()?;
    pair.sections(model)
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, message).context("the edited file was read again")
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(failed(message())) }
}

struct Pair<'p> {
    before: &'p Elf<'p>,
    after: &'p Elf<'p>,
    expected: &'p Expected,
}

impl Pair<'_> {
    fn layout(&self) -> Result<()> {
        let old = layout::check(self.before);
        match layout::check(self.after).into_iter().find(|complaint| !old.contains(complaint)) {
            Some(complaint) => Err(failed(complaint.to_string())),
            None => Ok(()),
        }
    }

    fn headers(&self) -> Result<()> {
        let (mut old, new) = (self.before.header, self.after.header);
        old.section_headers = new.section_headers;
        old.program_header_count = new.program_header_count;
        if !self.expected.removed.is_empty() {
            old.section_count = new.section_count;
            old.section_names = new.section_names;
            old.program_headers = new.program_headers;
        }
        ensure(old == new, || "the ELF header differs".to_owned())
    }

    /// Every dynamic entry, in order.
    fn dynamic(&self, model: &Model, wanted: &Wanted, new: &Model) -> Result<()> {
        let told = wanted.told(model)?;
        ensure(told.len() == new.entries.len(), || "another number of dynamic entries".to_owned())?;
        for (index, ((tag, told), entry)) in told.iter().zip(&new.entries).enumerate() {
            let differs = || format!("dynamic entry {index} with tag {tag:#x} differs");
            ensure(*tag == entry.tag, differs)?;
            match told {
                Told::Text(text) => ensure(new.string(entry.value)? == text.as_slice(), differs)?,
                Told::Number(value) if *tag == MIPS_RLD_MAP_REL => {
                    let size = self.before.header.dynamic_size();
                    let old_index = model.entries.iter().position(|entry| entry.tag == *tag).unwrap_or(0) as u64;
                    let old = model.dynamic.address.wrapping_add(old_index * size).wrapping_add(*value);
                    let now = new.dynamic.address.wrapping_add(index as u64 * size).wrapping_add(entry.value);
                    let mask = if self.before.header.width == Width::W32 { u64::from(u32::MAX) } else { u64::MAX };
                    ensure(old & mask == now & mask, differs)?;
                }
                // What such an entry points at is compared instead.
                Told::Number(_) if is_table_tag(*tag) || *tag == elf::DT_STRSZ.0 => {}
                Told::Number(value) => ensure(*value == entry.value, differs)?,
            }
        }
        Ok(())
    }

    /// Symbols, relocations and hash tables, wherever they are now.
    fn tables(&self, model: &Model, wanted: &Wanted, new: &Model) -> Result<()> {
        ensure(model.symbols == new.symbols, || "another number of dynamic symbols".to_owned())?;
        for table in &model.tables {
            let tag = elf::DynamicTag(table.tag);
            let differs = || format!("the table of dynamic entry {:#x} differs", table.tag);
            let old = slice(self.before, &table.extent)?;
            let Some(found) = new.table(tag) else {
                let is_dropped = matches!(tag, elf::DT_VERNEED | elf::DT_VERSYM) && !wanted.removed.is_empty();
                ensure(is_dropped, differs)?;
                continue;
            };
            let now = slice(self.after, &found.extent)?;
            match tag {
                elf::DT_SYMTAB => self.symbols(old, now, model, new)?,
                elf::DT_VERNEED => {}
                elf::DT_VERSYM => {
                    let gone = model.versions.without(&wanted.removed).indices;
                    ensure(old.len() == now.len() && self.same_versions(old, now, &gone), differs)?;
                }
                _ => ensure(old == now, differs)?,
            }
        }
        Ok(())
    }

    /// Symbols, and the bytes of their names.
    fn symbols(&self, old: &[u8], now: &[u8], model: &Model, new: &Model) -> Result<()> {
        ensure(self.same_symbols(old, now), || "a dynamic symbol differs".to_owned())?;
        let size = usize::try_from(self.before.header.symbol_size()).unwrap_or(24);
        let endian = self.before.header.endian;
        let names = old.chunks_exact(size).filter_map(|symbol| Bytes::new(symbol, endian).u32(0).ok()).map(u64::from);
        let live = Live::of(&model.text, names);
        let same = model.text.iter().enumerate().all(|(at, byte)| !live.holds(at) || new.text.get(at) == Some(byte));
        ensure(same, || "the name of a dynamic symbol differs".to_owned())
    }

    /// All of a symbol but the number of its section, which stripping may change, and the values of section symbols.
    fn same_symbols(&self, old: &[u8], now: &[u8]) -> bool {
        let size = usize::try_from(self.before.header.symbol_size()).unwrap_or(24);
        let (value, info, section) = match self.before.header.width {
            Width::W32 => (4..8, 12, 14..16),
            Width::W64 => (8..16, 4, 6..8),
        };
        let same = |(old, now): (&[u8], &[u8])| {
            let is_section = old.get(info).is_some_and(|info| info & 0xf == elf::STT_SECTION.0);
            old.iter().zip(now).enumerate().all(|(at, (old, now))| {
                old == now
                    || is_section && value.contains(&at)
                    || section.contains(&at) && !self.expected.removed.is_empty()
            })
        };
        old == now || old.len() == now.len() && old.chunks_exact(size).zip(now.chunks_exact(size)).all(same)
    }

    fn same_versions(&self, old: &[u8], now: &[u8], gone: &BTreeSet<u16>) -> bool {
        let endian = self.before.header.endian;
        old == now
            || old.chunks_exact(2).zip(now.chunks_exact(2)).all(|(old, now)| {
                let (old, now) = (Bytes::new(old, endian).u16(0), Bytes::new(now, endian).u16(0));
                match (old, now) {
                    (Ok(old), Ok(now)) => old == now || now == 1 && gone.contains(&(old & 0x7fff)),
                    _ => false,
                }
            })
    }

    /// Version needs and definitions, by text.
    fn versions(&self, model: &Model, wanted: &Wanted, new: &Model) -> Result<()> {
        let mut needs = Vec::new();
        for (index, need) in model.versions.needs.iter().enumerate() {
            if wanted.removed.contains(&index) {
                continue;
            }
            let file = match wanted.renamed.get(&index) {
                Some(name) => name.as_slice(),
                None => model.string(need.file)?,
            };
            needs.push((file, texts(model, &need.versions)?));
        }
        let mut found = Vec::new();
        for need in &new.versions.needs {
            found.push((new.string(need.file)?, texts(new, &need.versions)?));
        }
        ensure(needs == found, || "the versions needed differ".to_owned())?;
        let old = names(model)?;
        let now = names(new)?;
        ensure(old == now, || "the versions defined differ".to_owned())
    }
}

/// The names of the versions defined.
fn names(model: &Model) -> Result<Vec<&[u8]>> {
    model.versions.definition_names.iter().map(|name| model.string(*name)).collect()
}

fn texts<'m>(model: &'m Model, versions: &[(u16, u64)]) -> Result<Vec<(u16, &'m [u8])>> {
    versions.iter().map(|(index, name)| Ok((*index, model.string(*name)?))).collect()
}

fn slice<'a>(file: &Elf<'a>, extent: &Extent) -> Result<&'a [u8]> {
    file.bytes.slice(extent.offset, extent.size)
}

impl Pair<'_> {
    /// Every loaded byte that no edit may touch is where it was, and what was zero is zero.
    fn loaded_bytes(&self, model: Option<&Model>) -> Result<()> {
        let mut apart: Vec<(u64, u64)> = Vec::new();
        if let Some(model) = model {
            apart.extend([&model.strings, &model.dynamic].map(|extent| (extent.address, extent.end())));
            apart.extend(model.tables.iter().map(|table| (table.extent.address, table.extent.end())));
        } else if !self.expected.removed.is_empty() {
            let symbols = self.before.sections.iter().filter(|section| section.kind == elf::SHT_DYNSYM.0);
            apart.extend(symbols.map(|section| (section.address, section.address.saturating_add(section.size))));
        }
        let header = &self.before.header;
        for segment in &self.before.segments {
            let end = segment.address.saturating_add(segment.file_size);
            match elf::ProgramType(segment.kind) {
                elf::PT_NOTE | elf::PT_GNU_PROPERTY => apart.push((segment.address, end)),
                elf::PT_INTERP => apart.push((segment.address, end.saturating_add(self.room_of_interpreter(segment)))),
                elf::PT_LOAD => {
                    let table = header.program_header_count * header.segment_size();
                    for (offset, size) in [(0, header.size()), (header.program_headers.0, table)] {
                        if offset >= segment.offset && offset - segment.offset < segment.file_size {
                            let at = segment.address.saturating_add(offset - segment.offset);
                            apart.push((at, at.saturating_add(size)));
                        }
                    }
                }
                _ => {}
            }
        }
        apart.sort_unstable();
        let mut loads = self.after.loads();
        for load in self.before.loads() {
            let differs = || format!("the segment at address {:#x} differs", load.address);
            let now = loads.next().ok_or_else(|| failed("a loaded segment is gone"))?;
            let is_writable_now = now.flags == load.flags | elf::PF_W.0 && load.flags & elf::PF_X.0 == 0;
            let same = now.address == load.address
                && now.align == load.align
                && (now.flags == load.flags || is_writable_now)
                && now.file_size >= load.file_size
                && now.memory_size >= load.memory_size;
            ensure(same, differs)?;
            let (old, new) = (self.part(self.before, load)?, self.part(self.after, now)?);
            let mut at = 0_usize;
            let size = old.len();
            let place = |address: u64| usize::try_from(address.saturating_sub(load.address)).unwrap_or(size).min(size);
            for (start, end) in apart.iter().map(|(start, end)| (place(*start), place(*end))).chain([(size, size)]) {
                // Alignment between two tables is no table's.
                let is_gap = at > 0
                    && start.saturating_sub(at) < 16
                    && old.get(at..start).is_some_and(|gap| gap.iter().all(|byte| *byte == 0));
                if start > at && !is_gap {
                    ensure(old.get(at..start) == new.get(at..start), differs)?;
                }
                at = at.max(end);
            }
            // What was .bss.
            let bss = usize::try_from(load.memory_size).unwrap_or(usize::MAX).min(new.len());
            let zeros = new.get(size..bss).unwrap_or_default();
            ensure(bss <= size || load.memory_size <= load.file_size || zeros.iter().all(|byte| *byte == 0), differs)?;
        }
        let added = loads.count();
        ensure(added <= 1, || format!("{added} segments were added"))
    }

    /// How many of the zeros behind the interpreter's name the new one takes.
    fn room_of_interpreter(&self, segment: &Segment) -> u64 {
        let size = self.expected.interpreter.as_ref().map_or(0, |name| name.len() as u64 + 1);
        let more = size.saturating_sub(segment.file_size);
        let at = segment.offset.saturating_add(segment.file_size);
        let is_free = self.before.bytes.slice(at, more).is_ok_and(|rest| rest.iter().all(|byte| *byte == 0));
        if is_free { more } else { 0 }
    }

    fn part<'a>(&self, file: &Elf<'a>, segment: &Segment) -> Result<&'a [u8]> {
        file.bytes.slice(segment.offset, segment.file_size)
    }

    /// Every other segment has the same content, and the same address unless it may move.
    fn segments(&self) -> Result<()> {
        let others = |file: &'_ Elf<'_>| -> Vec<Segment> {
            let is_other = |segment: &&Segment| segment.kind != elf::PT_LOAD.0 && segment.kind != elf::PT_NULL.0;
            file.segments.iter().filter(is_other).copied().collect()
        };
        let (old, new) = (others(self.before), others(self.after));
        let mut new = new.into_iter().peekable();
        let mut had_stack = false;
        for segment in &old {
            had_stack |= segment.kind == elf::PT_GNU_STACK.0;
            let kind = elf::ProgramType(segment.kind);
            let differs = || format!("the segment of kind {:#x} differs", segment.kind);
            if !had_stack && self.expected.stack {
                new.next_if(|new| new.kind == elf::PT_GNU_STACK.0 && segment.kind != new.kind);
            }
            let is_same_kind = |new: &Segment| new.kind == segment.kind;
            let Some(now) = new.next_if(is_same_kind) else {
                // The note that PT_GNU_PROPERTY also describes may have given up its header.
                let twin = old.iter().any(|other| {
                    other.kind == elf::PT_GNU_PROPERTY.0
                        && (other.offset, other.file_size) == (segment.offset, segment.file_size)
                });
                ensure(kind == elf::PT_NOTE && twin, differs)?;
                continue;
            };
            let moves = matches!(kind, elf::PT_NOTE | elf::PT_GNU_PROPERTY | elf::PT_INTERP | elf::PT_DYNAMIC);
            ensure(moves || now.address == segment.address, differs)?;
            match kind {
                elf::PT_GNU_STACK => {
                    let flags = if self.expected.stack { segment.flags & !elf::PF_X.0 } else { segment.flags };
                    ensure(now.flags == flags && now.memory_size == segment.memory_size, differs)?;
                }
                elf::PT_INTERP => {
                    let bytes = self.part(self.after, &now)?;
                    let same = match &self.expected.interpreter {
                        Some(name) => bytes.strip_suffix(b"\0") == Some(name),
                        None => bytes == self.part(self.before, segment)?,
                    };
                    ensure(same, differs)?;
                }
                elf::PT_DYNAMIC | elf::PT_PHDR => {}
                elf::PT_NOTE | elf::PT_GNU_PROPERTY => {
                    let same = self.part(self.before, segment)? == self.part(self.after, &now)?;
                    ensure(same && now.align == segment.align, differs)?;
                }
                _ => {
                    let same = (now.file_size, now.memory_size, now.flags, now.align)
                        == (segment.file_size, segment.memory_size, segment.flags, segment.align);
                    ensure(same, differs)?;
                }
            }
        }
        let mut rest = new.filter(|new| !(self.expected.stack && !had_stack && new.kind == elf::PT_GNU_STACK.0));
        ensure(rest.next().is_none(), || "a segment was added".to_owned())
    }

    /// Every section that was not stripped is there, in the same order, with the same content unless an edit changes it.
    fn sections(&self, model: Option<&Model>) -> Result<()> {
        let mut new = self.after.sections.iter();
        let removed = &self.expected.removed;
        for (index, section) in self.before.sections.iter().enumerate() {
            if removed.get(index).copied().unwrap_or(false) {
                continue;
            }
            let name = self.before.section_name(section);
            let differs = || format!("section `{}` differs", crate::format::bytes::escaped(name));
            let now = new.next().ok_or_else(|| failed("a section is gone"))?;
            let kind_changes = now.kind == elf::SHT_PROGBITS.0
                && matches!(elf::SectionType(section.kind), elf::SHT_NOBITS | elf::SHT_GNU_VERSYM);
            let same = self.after.section_name(now) == name
                && (now.kind == section.kind || kind_changes)
                && (now.flags, now.align, now.entry_size) == (section.flags, section.align, section.entry_size);
            ensure(same, differs)?;
            if section.kind == elf::SHT_NOBITS.0 {
                ensure(now.address == section.address && now.size == section.size, differs)?;
                continue;
            }
            if section.kind == elf::SHT_DYNSYM.0 {
                let old = self.before.bytes.slice(section.offset, section.size)?;
                let same =
                    now.size == section.size && self.same_symbols(old, self.after.bytes.slice(now.offset, now.size)?);
                ensure(same, differs)?;
                continue;
            }
            if section.kind == elf::SHT_NULL.0 || self.is_edited(section, index, model) {
                continue;
            }
            let is_loaded = section.flags & elf::SHF_ALLOC.0 != 0;
            ensure(now.size == section.size, differs)?;
            if is_loaded && now.address == section.address {
                // Compared with its segment.
                continue;
            }
            let old = self.before.bytes.slice(section.offset, section.size)?;
            ensure(self.after.bytes.slice(now.offset, now.size)? == old, differs)?;
        }
        ensure(new.next().is_none(), || "a section was added".to_owned())
    }

    /// Whether the content of a section may differ: compared by meaning, or without any.
    fn is_edited(&self, section: &Section, index: usize, model: Option<&Model>) -> bool {
        let is_loaded = section.flags & elf::SHF_ALLOC.0 != 0;
        if !is_loaded {
            // Section symbols follow their sections; stripping renumbers sections and rewrites their names.
            return section.kind == elf::SHT_SYMTAB.0
                || index as u64 == self.before.header.section_names && !self.expected.removed.is_empty();
        }
        let edited = |extent: &Extent| section.address >= extent.address && section.address < extent.end();
        let is_interpreter = self
            .before
            .segments
            .iter()
            .any(|segment| segment.kind == elf::PT_INTERP.0 && segment.address == section.address);
        is_interpreter
            || matches!(elf::SectionType(section.kind), elf::SHT_DYNAMIC | elf::SHT_GNU_VERNEED | elf::SHT_GNU_VERSYM)
            || model.is_some_and(|model| edited(&model.strings))
    }
}
