//! Stripping: sections that no loader needs leave the file.
//!
//! Loaded bytes keep their addresses; what is kept of the rest is laid out anew behind them. Where other tools put loaded
//! segments behind symbols and debug data, the hole is closed by lowering the segments' place in the file.

use std::collections::BTreeMap;

use object::elf;

use super::edit::draft::{file_end, memory_end, write_section, write_segment};
use super::layout;
use super::read::{Elf, Section, Segment};
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, BytesMut, Width, align_up, escaped};
use crate::format::edit::{Change, Edit, EditSet, StripLevel};

/// A stripped file.
#[derive(Debug)]
pub(super) struct Stripped {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// What was removed.
    pub(super) changes: Vec<Change>,
    /// Of each section, whether it was removed.
    pub(super) removed: Vec<bool>,
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
/// `Unsupported` for objects, which need their symbols, and for layouts that cannot be told apart from loaded bytes.
pub(super) fn strip(bytes: &[u8], level: StripLevel) -> Result<Option<Stripped>> {
    let file = Elf::parse(bytes)?;
    match elf::FileType(file.header.kind) {
        elf::ET_DYN | elf::ET_EXEC => {}
        elf::ET_REL => return Err(Error::unsupported("a relocatable object needs its symbols")),
        _ => return Err(Error::unsupported("neither a shared library nor a program")),
    }
    let removed = to_remove(&file, level);
    if !removed.contains(&true) {
        return Ok(None);
    }
    refuse(&file)?;
    let changes = file
        .sections
        .iter()
        .zip(&removed)
        .filter(|(_, removed)| **removed)
        .map(|(section, _)| Change { what: "section", from: Some(escaped(file.section_name(section))), to: None })
        .collect();
    let bytes = Layout::new(&file, &removed)?.write()?;
    Ok(Some(Stripped { bytes, changes, removed }))
}

fn refuse(file: &Elf<'_>) -> Result<()> {
    if let Some(complaint) = layout::check(file).into_iter().find(layout::Complaint::is_fatal) {
        return Err(Error::unsupported(format!("the layout is broken already: {complaint}")));
    }
    let is_companion = file.sections.iter().any(|section| {
        section.kind == elf::SHT_NOBITS.0 && matches!(file.section_name(section), b".dynamic" | b".text" | b".interp")
    });
    if is_companion {
        return Err(Error::unsupported("a companion that holds only debug data"));
    }
    if file.sections.iter().any(|section| section.kind == elf::SHT_GROUP.0) {
        return Err(Error::unsupported("section groups in a linked file"));
    }
    Ok(())
}

/// Whether a section of that name holds debug data.
fn is_debug_name(name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 5] = [b".debug", b".zdebug", b".stab", b".gnu.debuglto_", b".gnu.linkonce.wi."];
    name == b".gdb_index" || name == b".line" || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns how many bytes of the file hold debug data that no loader reads.
pub(super) fn debug_bytes(file: &Elf<'_>) -> u64 {
    let holds = |section: &&Section| {
        let in_file = section.flags & elf::SHF_ALLOC.0 == 0 && section.kind != elf::SHT_NOBITS.0;
        in_file && is_debug_name(file.section_name(section))
    };
    file.sections.iter().filter(holds).fold(0, |sum, section| sum.saturating_add(section.size))
}

/// Of each section, whether it goes. Unknown names stay, and everything that is loaded.
fn to_remove(file: &Elf<'_>, level: StripLevel) -> Vec<bool> {
    let is_loaded = |section: &Section| section.flags & elf::SHF_ALLOC.0 != 0;
    let goes = |section: &Section| {
        let by_kind =
            level == StripLevel::All && (section.kind == elf::SHT_SYMTAB.0 || section.kind == elf::SHT_SYMTAB_SHNDX.0);
        !is_loaded(section) && section.kind != elf::SHT_NULL.0 && (by_kind || is_debug_name(file.section_name(section)))
    };
    let mut removed: Vec<bool> = file.sections.iter().map(goes).collect();
    let mut set = |index: u64, value: bool| {
        let slot = usize::try_from(index).ok().and_then(|index| removed.get_mut(index));
        slot.map(|slot| std::mem::replace(slot, value))
    };
    set(0, false);
    set(file.header.section_names, false);
    // Relocations of what goes, or by symbols that go.
    let relocations = file.sections.iter().enumerate().filter(|(_, section)| {
        !is_loaded(section) && matches!(elf::SectionType(section.kind), elf::SHT_REL | elf::SHT_RELA)
    });
    let gone = |removed: &[bool], index: u32| {
        usize::try_from(index).ok().and_then(|index| removed.get(index)).copied().unwrap_or(false)
    };
    let more: Vec<usize> = relocations
        .filter(|(_, section)| gone(&removed, section.info) || gone(&removed, section.link))
        .map(|(index, _)| index)
        .collect();
    // The strings of symbols that go, unless something that stays uses them too.
    let strings: Vec<u32> = file
        .sections
        .iter()
        .zip(&removed)
        .filter(|(section, removed)| **removed && section.kind == elf::SHT_SYMTAB.0)
        .map(|(section, _)| section.link)
        .collect();
    for index in more {
        removed.get_mut(index).into_iter().for_each(|slot| *slot = true);
    }
    for link in strings {
        let is_used = file
            .sections
            .iter()
            .zip(&removed)
            .any(|(section, removed)| !removed && section.link == link && section.kind != elf::SHT_NULL.0);
        let index = usize::try_from(link).unwrap_or(usize::MAX);
        let is_plain =
            file.sections.get(index).is_some_and(|section| section.kind == elf::SHT_STRTAB.0 && !is_loaded(section));
        if !is_used && is_plain && u64::from(link) != file.header.section_names {
            removed.get_mut(index).into_iter().for_each(|slot| *slot = true);
        }
    }
    removed
}

/// Where everything goes.
struct Layout<'f, 'a> {
    file: &'f Elf<'a>,
    removed: &'f [bool],
    /// Old offset, size and new offset of each loaded segment, by old offset.
    loads: Vec<(u64, u64, u64)>,
    /// The new index of each section; 0 for those that go.
    indices: Vec<u32>,
}

impl<'f, 'a> Layout<'f, 'a> {
    fn new(file: &'f Elf<'a>, removed: &'f [bool]) -> Result<Self> {
        let mut loads: Vec<&Segment> = file.loads().filter(|load| load.file_size > 0).collect();
        loads.sort_by_key(|load| load.offset);
        let header = &file.header;
        let table_end = header.program_headers.0 + header.program_header_count * header.segment_size();
        let mut placed: Vec<(u64, u64, u64)> = Vec::new();
        let mut cursor = header.size();
        for (index, load) in loads.into_iter().enumerate() {
            let hole = load.offset.saturating_sub(cursor);
            // Address and offset stay congruent modulo p_align.
            let align = if load.align.is_power_of_two() && load.align > 1 { load.align } else { hole.max(1) + 1 };
            let by = if index == 0 { 0 } else { hole / align * align };
            placed.push((load.offset, load.file_size, load.offset - by));
            cursor = (load.offset - by).saturating_add(load.file_size);
        }
        let holds_table = |(offset, size, _): &(u64, u64, u64)| {
            header.program_headers.0 >= *offset && table_end <= offset.saturating_add(*size)
        };
        if header.program_header_count > 0 && !placed.iter().any(holds_table) {
            return Err(Error::unsupported("the program headers are in no loaded segment"));
        }
        let mut indices = Vec::with_capacity(removed.len());
        let mut next = 0;
        for gone in removed {
            indices.push(if *gone { 0 } else { next });
            next += u32::from(!*gone);
        }
        Ok(Self { file, removed, loads: placed, indices })
    }

    /// Where bytes of a loaded segment are now; `None` if they are in none.
    fn loaded_at(&self, offset: u64, size: u64) -> Option<u64> {
        let found = self.loads.iter().find(|(start, length, _)| {
            offset >= *start && offset.saturating_add(size) <= start.saturating_add(*length)
        });
        found.map(|(start, _, new)| offset - start + new)
    }

    /// Where the place of an address is now, by the segment that has it in memory.
    fn moved_with_address(&self, address: u64, offset: u64) -> Option<u64> {
        let load = self
            .file
            .loads()
            .find(|load| load.file_size > 0 && address >= load.address && address <= memory_end(load))?;
        let (_, _, new) = self.loads.iter().find(|(start, _, _)| *start == load.offset)?;
        Some(offset.wrapping_sub(load.offset).wrapping_add(*new))
    }

    fn write(&self) -> Result<Vec<u8>> {
        let file = self.file;
        let end = self.loads.iter().map(|(_, size, new)| new.saturating_add(*size)).max().unwrap_or(0);
        let too_large = || Error::unsupported("the file would be too large");
        let mut bytes = Vec::with_capacity(file.bytes.data().len());
        bytes.resize(usize::try_from(end.max(file.header.size())).map_err(|_| too_large())?, 0);
        let mut output = BytesMut::new(&mut bytes, file.bytes.endian());
        output.put(0, file.bytes.slice(0, file.header.size())?)?;
        for (old, size, new) in &self.loads {
            output.put(*new, file.bytes.slice(*old, *size)?)?;
        }
        let mut sections: Vec<Section> = self.kept().map(|(_, section)| self.renumbered(section)).collect();
        let overlay = self.overlay()?;
        self.append_sections(&mut bytes, &mut sections)?;
        self.renumber_dynamic_symbols(&mut bytes, &sections)?;
        let word = file.header.width.bytes();
        let table = align_up(bytes.len() as u64, word).ok_or_else(too_large)?;
        let size = table + sections.len() as u64 * file.header.section_size();
        bytes.resize(usize::try_from(size).map_err(|_| too_large())?, 0);
        self.write_headers(&mut bytes, &mut sections, table)?;
        bytes.extend_from_slice(overlay);
        Ok(bytes)
    }

    fn kept(&self) -> impl Iterator<Item = (usize, &Section)> {
        self.file.sections.iter().enumerate().filter(|(index, _)| !self.removed.get(*index).copied().unwrap_or(false))
    }

    /// A section header with its links to other sections as they are now.
    fn renumbered(&self, section: &Section) -> Section {
        let index = |old: u32| usize::try_from(old).ok().and_then(|old| self.indices.get(old)).copied().unwrap_or(old);
        let mut section = *section;
        if section.kind != elf::SHT_NULL.0 {
            section.link = index(section.link);
        }
        let is_relocation = matches!(elf::SectionType(section.kind), elf::SHT_REL | elf::SHT_RELA);
        if is_relocation || section.flags & elf::SHF_INFO_LINK.0 != 0 {
            section.info = index(section.info);
        }
        section
    }

    /// What lies behind everything that a header speaks of: a payload that is found from the end of the file.
    fn overlay(&self) -> Result<&'a [u8]> {
        let file = self.file;
        let header = &file.header;
        let sections = file.sections.iter().filter(|section| section.kind != elf::SHT_NOBITS.0);
        let ends = sections
            .map(|section| section.offset.saturating_add(section.size))
            .chain(file.segments.iter().map(file_end))
            .chain([header.section_headers.0 + header.section_count * header.section_size()])
            .chain([header.program_headers.0 + header.program_header_count * header.segment_size()]);
        let end = ends.max().unwrap_or(0).min(file.bytes.len());
        file.bytes.slice(end, file.bytes.len() - end)
    }

    /// Gives every kept section its place; what is not loaded is appended in its old order.
    fn append_sections(&self, bytes: &mut Vec<u8>, sections: &mut [Section]) -> Result<()> {
        let file = self.file;
        let mut loose: Vec<(u64, usize)> = Vec::new();
        let mut names_at = None;
        for (new_index, (old_index, old)) in self.kept().enumerate() {
            let Some(section) = sections.get_mut(new_index) else { continue };
            if old_index as u64 == file.header.section_names && self.may_rewrite_names() {
                names_at = Some(new_index);
                continue;
            }
            if old.kind == elf::SHT_NULL.0 {
                continue;
            }
            let is_loaded = old.flags & elf::SHF_ALLOC.0 != 0;
            let has_bytes = old.kind != elf::SHT_NOBITS.0 && old.size > 0;
            let place = match self.loaded_at(old.offset, old.size) {
                Some(place) if has_bytes => Some(place),
                _ if is_loaded => Some(self.moved_with_address(old.address, old.offset).unwrap_or(old.offset)),
                _ => None,
            };
            match place {
                Some(place) => section.offset = place,
                None => loose.push((old.offset, new_index)),
            }
        }
        loose.sort_unstable();
        for (old_offset, index) in loose {
            let Some(section) = sections.get_mut(index) else { continue };
            let size = if section.kind == elf::SHT_NOBITS.0 { 0 } else { section.size };
            let mut content = file.bytes.slice(old_offset, size)?.to_vec();
            if section.kind == elf::SHT_SYMTAB.0 {
                self.rewrite_symbols(&mut content, section)?;
            }
            append(bytes, section, &content)?;
        }
        if let Some(index) = names_at {
            let names = self.rewrite_names(sections);
            if let Some(section) = sections.get_mut(index) {
                section.size = names.len() as u64;
                append(bytes, section, &names)?;
            }
        }
        Ok(())
    }

    /// Whether the names of sections are in a section of their own.
    fn may_rewrite_names(&self) -> bool {
        let index = self.file.header.section_names;
        let section = usize::try_from(index).ok().and_then(|index| self.file.sections.get(index));
        index != 0
            && section.is_some_and(|section| {
                section.kind == elf::SHT_STRTAB.0
                    && section.flags & elf::SHF_ALLOC.0 == 0
                    && self.loaded_at(section.offset, section.size).is_none()
            })
            && !self.kept().any(|(_, section)| u64::from(section.link) == index && section.kind != elf::SHT_NULL.0)
    }

    /// The names of the kept sections, and each header's `sh_name`.
    fn rewrite_names(&self, sections: &mut [Section]) -> Vec<u8> {
        let mut names = vec![0];
        let mut known: BTreeMap<&[u8], u32> = BTreeMap::from([(b"".as_slice(), 0)]);
        for (new_index, (_, old)) in self.kept().enumerate() {
            let name = self.file.section_name(old);
            let at = *known.entry(name).or_insert_with(|| {
                let at = names.len() as u32;
                names.extend_from_slice(name);
                names.push(0);
                at
            });
            sections.get_mut(new_index).into_iter().for_each(|section| section.name = at);
        }
        names
    }

    /// Renumbers the sections of a kept static table's symbols; symbols of sections that are gone go too, unless
    /// something counts symbols by their index.
    fn rewrite_symbols(&self, content: &mut Vec<u8>, section: &mut Section) -> Result<()> {
        let size = usize::try_from(self.file.header.symbol_size()).unwrap_or(24);
        let own = self.kept().position(|(_, old)| old.kind == elf::SHT_SYMTAB.0);
        let is_indexed = self.kept().any(|(_, old)| {
            let link = self.renumbered(old).link;
            own.is_some_and(|own| own as u64 == u64::from(link)) && link != 0
        });
        let section_at = if self.file.header.width == Width::W32 { 14 } else { 6 };
        let endian = self.file.bytes.endian();
        let mut kept = Vec::with_capacity(content.len());
        let mut locals = section.info;
        for (index, symbol) in content.chunks_exact(size).enumerate() {
            let mut symbol = symbol.to_vec();
            let old = Bytes::new(&symbol, endian).u16(section_at)?;
            let mut bytes = BytesMut::new(&mut symbol, endian);
            match self.symbol_section(old) {
                Some(new) => bytes.put_u16(section_at, new)?,
                None if is_indexed => bytes.put_u16(section_at, elf::SHN_ABS.0)?,
                None => {
                    locals -= u32::from((index as u64) < u64::from(section.info));
                    continue;
                }
            }
            kept.extend_from_slice(&symbol);
        }
        section.info = locals;
        section.size = kept.len() as u64;
        *content = kept;
        Ok(())
    }

    /// The new number of a symbol's section; `None` if it is gone.
    fn symbol_section(&self, old: u16) -> Option<u16> {
        if old == 0 || old >= elf::SHN_LORESERVE {
            return Some(old);
        }
        let new = self.indices.get(usize::from(old)).copied().unwrap_or(0);
        u16::try_from(new).ok().filter(|new| *new != 0)
    }

    /// The index of a loaded section changes where other tools put them behind those that go.
    fn renumber_dynamic_symbols(&self, bytes: &mut Vec<u8>, sections: &[Section]) -> Result<()> {
        let width = self.file.header.width;
        let size = self.file.header.symbol_size();
        let section_at = if width == Width::W32 { 14 } else { 6 };
        if self.indices.iter().enumerate().all(|(old, new)| *new == 0 || old as u64 == u64::from(*new)) {
            return Ok(());
        }
        for table in sections.iter().filter(|section| section.kind == elf::SHT_DYNSYM.0) {
            let mut output = BytesMut::new(bytes, self.file.bytes.endian());
            output.read().slice(table.offset, table.size)?;
            for index in 0..table.size / size {
                let at = table.offset + index * size + section_at;
                let old = output.read().u16(at)?;
                let new = self.symbol_section(old).unwrap_or(elf::SHN_ABS.0);
                if new != old {
                    output.put_u16(at, new)?;
                }
            }
        }
        Ok(())
    }

    fn write_headers(&self, bytes: &mut Vec<u8>, sections: &mut [Section], table: u64) -> Result<()> {
        let file = self.file;
        let width = file.header.width;
        let count = sections.len();
        let names = usize::try_from(file.header.section_names).ok().and_then(|index| self.indices.get(index)).copied();
        let names = names.unwrap_or(0);
        let mut header = file.header;
        let table_size = header.program_header_count * header.segment_size();
        header.program_headers.0 =
            self.loaded_at(header.program_headers.0, table_size).unwrap_or(header.program_headers.0);
        // gABI, "Sections": what does not fit the ELF header stands in section 0.
        let reserved = u64::from(elf::SHN_LORESERVE);
        let is_many = count as u64 >= reserved;
        let far_names = u64::from(names) >= reserved;
        if let Some(null) = sections.first_mut() {
            null.size = if is_many { count as u64 } else { 0 };
            null.link = if far_names { names } else { 0 };
        }
        let mut output = BytesMut::new(bytes, file.bytes.endian());
        for (index, segment) in file.segments.iter().enumerate() {
            let at = header.program_headers.0 + index as u64 * header.segment_size();
            write_segment(&mut output, &header, at, &self.moved_segment(segment, sections)?)?;
        }
        for (index, section) in sections.iter().enumerate() {
            write_section(&mut output, &header, table + index as u64 * header.section_size(), section)?;
        }
        let (phoff, shoff, counts) = match width {
            Width::W32 => (28, 32, 48),
            Width::W64 => (32, 40, 60),
        };
        output.put_word(phoff, width, header.program_headers.0)?;
        output.put_word(shoff, width, table)?;
        output.put_u16(counts, if is_many { 0 } else { u16::try_from(count).unwrap_or(0) })?;
        output.put_u16(counts + 2, if far_names { elf::SHN_XINDEX.0 } else { u16::try_from(names).unwrap_or(0) })
    }

    /// A program header as it reads now; `sections` are at their new places.
    fn moved_segment(&self, segment: &Segment, sections: &[Section]) -> Result<Segment> {
        let mut moved = *segment;
        // PT_RISCV_ATTRIBUTES describes a section that is not loaded.
        let described = self.kept().position(|(_, old)| {
            old.flags & elf::SHF_ALLOC.0 == 0
                && old.kind != elf::SHT_NOBITS.0
                && (old.offset, old.size) == (segment.offset, segment.file_size)
        });
        if segment.file_size > 0 {
            moved.offset = self
                .loaded_at(segment.offset, segment.file_size)
                .or_else(|| described.and_then(|index| sections.get(index)).map(|section| section.offset))
                .ok_or_else(|| Error::unsupported("a segment of another kind is not loaded, but has bytes"))?;
        } else if segment.kind == elf::PT_LOAD.0 {
            // Only .bss: the offset means nothing, but glibc before 2.35 wants it congruent.
            let end = self.loads.iter().map(|(_, size, new)| new.saturating_add(*size)).max().unwrap_or(0);
            let align = if segment.align.is_power_of_two() { segment.align } else { 1 };
            moved.offset = segment.offset - segment.offset.saturating_sub(end) / align * align;
            if moved.offset > end {
                moved.offset = segment.address & (align - 1);
            }
        } else if segment.memory_size > 0 {
            moved.offset = self.moved_with_address(segment.address, segment.offset).unwrap_or(segment.offset);
        }
        Ok(moved)
    }
}

/// Appends a section's bytes, aligned as it says.
fn append(bytes: &mut Vec<u8>, section: &mut Section, content: &[u8]) -> Result<()> {
    let align = if section.align.is_power_of_two() && section.align <= 4096 { section.align } else { 1 };
    let at = align_up(bytes.len() as u64, align).ok_or_else(|| Error::unsupported("the file would be too large"))?;
    bytes.resize(usize::try_from(at).map_err(|_| Error::unsupported("the file would be too large"))?, 0);
    section.offset = at;
    bytes.extend_from_slice(content);
    Ok(())
}
