//! `Draft`: a file being laid out anew: its bytes and headers, and what has moved where.

use object::elf;

use super::model::Extent;
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, BytesMut, Width, align_up};
use crate::format::elf::layout;
use crate::format::elf::read::{Elf, Header, Section, Segment};

/// Something loaded that is at another place now, or has another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    /// Where it was.
    pub(crate) from: Extent,
    /// Where it is.
    pub(crate) to: Extent,
}

/// A file being laid out anew.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// The ELF header.
    pub(crate) header: Header,
    /// The program headers, at the place where they always were.
    pub(crate) segments: Vec<Segment>,
    /// The section headers, in their old order.
    pub(crate) sections: Vec<Section>,
    /// What has moved.
    pub(crate) moves: Vec<Move>,
    /// What is worth telling.
    pub(crate) notes: Vec<String>,
}

impl Draft {
    /// Starts from the headers of a file; its bytes are still to be given.
    pub(crate) fn new(file: &Elf<'_>) -> Self {
        Self {
            bytes: Vec::new(),
            header: file.header,
            segments: file.segments.clone(),
            sections: file.sections.clone(),
            moves: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Returns a readable view.
    pub(crate) fn read(&self) -> Bytes<'_> {
        Bytes::new(&self.bytes, self.header.endian)
    }

    /// Returns a writable view.
    pub(crate) fn write(&mut self) -> BytesMut<'_> {
        BytesMut::new(&mut self.bytes, self.header.endian)
    }

    /// Returns the page size that the file was linked for.
    pub(crate) fn page(&self) -> u64 {
        layout::page_size(&self.segments)
    }

    /// Returns the index of the loaded segment that has `extent` in its file part.
    pub(crate) fn load_of(&self, extent: &Extent) -> Option<usize> {
        self.segments.iter().position(|segment| {
            segment.kind == elf::PT_LOAD.0
                && extent.offset >= segment.offset
                && extent.file_end() <= file_end(segment)
                && extent.address.wrapping_sub(segment.address) == extent.offset - segment.offset
        })
    }

    /// Returns the index of the last loaded segment.
    pub(crate) fn last_load(&self) -> Option<usize> {
        self.segments.iter().rposition(|segment| segment.kind == elf::PT_LOAD.0)
    }

    /// Returns where the last loaded byte of the file ends.
    pub(crate) fn loaded_end(&self) -> u64 {
        let loads = self.segments.iter().filter(|segment| segment.kind == elf::PT_LOAD.0 && segment.file_size > 0);
        loads.map(file_end).max().unwrap_or(0)
    }

    /// Returns where the next thing begins at or after `at`: `at` itself where something covers it, `None` where nothing
    /// follows that any header speaks of.
    pub(crate) fn next_thing(&self, at: u64) -> Option<u64> {
        let tables = [
            (self.header.program_headers.0, self.segments.len() as u64 * self.header.segment_size()),
            (self.header.section_headers.0, self.sections.len() as u64 * self.header.section_size()),
        ];
        let sections = self
            .sections
            .iter()
            .filter(|section| section.kind != elf::SHT_NOBITS.0 && section.kind != elf::SHT_NULL.0 && section.size > 0);
        let segments = self.segments.iter().filter(|segment| segment.file_size > 0);
        let things = tables
            .into_iter()
            .chain(sections.map(|section| (section.offset, section.size)))
            .chain(segments.map(|segment| (segment.offset, segment.file_size)));
        things
            .filter(|(start, size)| *size > 0 && start.saturating_add(*size) > at)
            .map(|(start, _)| start.max(at))
            .min()
    }

    /// Returns where the next section with bytes begins at or after `at`: `at` itself where one covers it, the end of the
    /// file where none follows.
    pub(crate) fn next_section(&self, at: u64) -> u64 {
        let sections = self.sections.iter().filter(|section| {
            section.kind != elf::SHT_NOBITS.0
                && section.kind != elf::SHT_NULL.0
                && section.size > 0
                && !self.has_left(section)
        });
        let starts = sections
            .filter(|section| section.offset.saturating_add(section.size) > at)
            .map(|section| section.offset.max(at));
        starts.min().unwrap_or(self.bytes.len() as u64)
    }

    /// Returns true if a section's bytes are at another place now, though its header does not say so yet.
    pub(crate) fn has_left(&self, section: &Section) -> bool {
        section.flags & elf::SHF_ALLOC.0 != 0
            && self
                .moves
                .iter()
                .any(|moved| moved.from.address != moved.to.address && moved.from.holds(section.address))
    }

    /// Returns where the next thing begins at or after `at` within a loaded segment, or where the segment ends.
    pub(crate) fn next_thing_in(&self, load: &Segment, at: u64) -> Option<u64> {
        let end = file_end(load);
        let segments = self.segments.iter().filter(|segment| segment.kind != elf::PT_LOAD.0 && segment.file_size > 0);
        let starts = segments
            .filter(|segment| file_end(segment) > at)
            .map(|segment| segment.offset.max(at))
            .chain([self.next_section(at), end]);
        starts.min()
    }

    /// Returns how many zeros behind a read-only segment nothing uses, in the file and in memory.
    pub(crate) fn padding(&self, index: usize) -> u64 {
        let Some(load) = self.segments.get(index) else { return 0 };
        let at = file_end(load);
        // What no header speaks of may be a payload that begins with zeros.
        let Some(next) = self.next_thing(at) else { return 0 };
        let mut room = self.zeros(at, next);
        let page = self.page();
        let following = self.segments.iter().skip(index + 1).find(|segment| segment.kind == elf::PT_LOAD.0);
        if let Some(following) = following {
            // The rest of the page that the next segment begins in is the next segment's.
            room = room.min((following.address & !(page - 1)).saturating_sub(memory_end(load)));
        }
        room
    }

    /// Returns how many zero bytes from `at` up to `end` nobody uses.
    pub(crate) fn zeros(&self, at: u64, end: u64) -> u64 {
        let window = end.checked_sub(at).and_then(|size| self.read().slice(at, size).ok()).unwrap_or_default();
        window.iter().position(|byte| *byte != 0).unwrap_or(window.len()) as u64
    }

    /// Overwrites bytes.
    ///
    /// # Errors
    /// `Malformed` if they leave the file.
    pub(crate) fn put(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        self.write().put(at, bytes)
    }

    /// Sets bytes to zero.
    ///
    /// # Errors
    /// `Malformed` if they leave the file.
    pub(crate) fn clear(&mut self, at: u64, size: u64) -> Result<()> {
        let range = usize::try_from(at).ok().zip(usize::try_from(at.saturating_add(size)).ok());
        let target = range.and_then(|(start, end)| self.bytes.get_mut(start..end));
        target.ok_or_else(|| Error::malformed("bytes to clear lie outside the file"))?.fill(0);
        Ok(())
    }

    /// Moves bytes within the file and clears what they leave behind.
    ///
    /// # Errors
    /// `Malformed` if they leave the file.
    pub(crate) fn shift(&mut self, at: u64, size: u64, by: u64) -> Result<()> {
        let range = || Some((usize::try_from(at).ok()?, usize::try_from(size).ok()?, usize::try_from(by).ok()?));
        let (start, size, by) = range().ok_or_else(|| Error::malformed("bytes to move lie outside the file"))?;
        let end = start.checked_add(size).filter(|end| end.checked_add(by).is_some_and(|end| end <= self.bytes.len()));
        let end = end.ok_or_else(|| Error::malformed("bytes to move lie outside the file"))?;
        self.bytes.copy_within(start..end, start + by);
        self.clear(start as u64, (by.min(size)) as u64)
    }

    /// Makes room for `size` bytes after the last loaded byte: what is not loaded moves up, by as little as its
    /// alignment allows and not at all where unused zeros are enough.
    ///
    /// # Errors
    /// `Unsupported` if the file would be too large for its width.
    pub(crate) fn make_room(&mut self, size: u64) -> Result<()> {
        let at = self.loaded_end();
        let next = self.next_thing(at);
        let free = next.map_or(0, |next| self.zeros(at, next));
        if free >= size {
            return Ok(());
        }
        let moved = |section: &&Section| section.offset >= at && section.flags & elf::SHF_ALLOC.0 == 0;
        let align = self.sections.iter().filter(moved).map(|section| section.align);
        let align = align.filter(|align| align.is_power_of_two() && *align <= 4096).max().unwrap_or(1).max(16);
        let by = align_up(size - free, align).ok_or_else(|| Error::unsupported("the file would be too large"))?;
        if self.header.width == Width::W32 && (self.bytes.len() as u64).saturating_add(by) > u64::from(u32::MAX) {
            return Err(Error::unsupported("the file would be too large for 32 bits"));
        }
        self.note_overlay(at);
        let position = usize::try_from(at.saturating_add(free)).ok().filter(|at| *at <= self.bytes.len());
        let position = position.ok_or_else(|| Error::malformed("loaded bytes lie outside the file"))?;
        let old = self.bytes.len();
        let by_bytes = usize::try_from(by).map_err(|_| Error::unsupported("the file would be too large"))?;
        self.bytes.resize(old + by_bytes, 0);
        self.bytes.copy_within(position..old, position + by_bytes);
        self.clear(position as u64, by.min((old - position) as u64))?;
        for section in &mut self.sections {
            if section.offset >= at && section.kind != elf::SHT_NULL.0 && section.flags & elf::SHF_ALLOC.0 == 0 {
                section.offset = section.offset.saturating_add(by);
            }
        }
        for segment in &mut self.segments {
            if segment.kind != elf::PT_LOAD.0 && segment.file_size > 0 && segment.offset >= at {
                segment.offset = segment.offset.saturating_add(by);
            }
        }
        if self.header.section_headers.0 >= at {
            self.header.section_headers.0 = self.header.section_headers.0.saturating_add(by);
        }
        Ok(())
    }

    /// Notes that a payload behind everything any header speaks of is about to move.
    fn note_overlay(&mut self, at: u64) {
        let mut end = at;
        while let Some(next) = self.next_thing(end) {
            end = next.max(self.thing_end(next));
        }
        let overlay = (self.bytes.len() as u64).saturating_sub(end);
        if overlay >= 16 && !self.notes.iter().any(|note| note.contains("behind the last section")) {
            self.notes.push(format!("{overlay} bytes behind the last section moved, their distance from the end kept"));
        }
    }

    /// The furthest end of the things that begin at or before `at` and do not end there.
    fn thing_end(&self, at: u64) -> u64 {
        let tables = [
            (self.header.program_headers.0, self.segments.len() as u64 * self.header.segment_size()),
            (self.header.section_headers.0, self.sections.len() as u64 * self.header.section_size()),
        ];
        let sections = self.sections.iter().filter(|section| section.kind != elf::SHT_NOBITS.0);
        let ends = tables
            .into_iter()
            .chain(sections.map(|section| (section.offset, section.size)))
            .chain(self.segments.iter().map(|segment| (segment.offset, segment.file_size)))
            .filter(|(start, _)| *start <= at)
            .map(|(start, size)| start.saturating_add(size));
        ends.max().unwrap_or(at).max(at.saturating_add(1))
    }

    /// Returns where an address is now.
    pub(crate) fn moved(&self, address: u64) -> u64 {
        let found = self.moves.iter().find(|moved| moved.from.holds(address));
        found.map_or(address, |moved| address - moved.from.address + moved.to.address)
    }

    /// Makes section headers, program headers and section symbols follow what has moved.
    ///
    /// # Errors
    /// `Malformed` if a symbol table leaves the file.
    pub(crate) fn follow(&mut self) -> Result<()> {
        let moves = std::mem::take(&mut self.moves);
        let mut shifted: Vec<(usize, u64)> = Vec::new();
        for (index, section) in self.sections.iter_mut().enumerate() {
            // .tbss has the addresses of what follows it.
            if section.flags & elf::SHF_ALLOC.0 == 0 || section.kind == elf::SHT_NOBITS.0 {
                continue;
            }
            let Some(moved) = moves.iter().find(|moved| moved.from.holds(section.address)) else { continue };
            if (section.address, section.size) == (moved.from.address, moved.from.size) {
                section.size = moved.to.size;
            }
            let by = moved.to.address.wrapping_sub(moved.from.address);
            section.offset = (section.address - moved.from.address).saturating_add(moved.to.offset);
            section.address = section.address.wrapping_add(by);
            if by != 0 {
                shifted.push((index, by));
            }
        }
        for segment in &mut self.segments {
            match elf::ProgramType(segment.kind) {
                elf::PT_DYNAMIC | elf::PT_INTERP | elf::PT_NOTE | elf::PT_GNU_PROPERTY => {}
                _ => continue,
            }
            let Some(moved) = moves.iter().find(|moved| moved.from.holds(segment.address)) else { continue };
            if (segment.address, segment.file_size) == (moved.from.address, moved.from.size) {
                segment.file_size = moved.to.size;
                segment.memory_size = moved.to.size;
            }
            segment.offset = (segment.address - moved.from.address).saturating_add(moved.to.offset);
            let by = moved.to.address.wrapping_sub(moved.from.address);
            segment.physical = segment.physical.wrapping_add(by);
            segment.address = segment.address.wrapping_add(by);
            if segment.kind == elf::PT_DYNAMIC.0 && by != 0 {
                segment.flags = elf::PF_R.0 | elf::PF_W.0;
            }
        }
        self.moves = moves;
        self.move_symbols(&shifted)
    }

    /// Moves the symbols of sections that have moved: their own, and in the static table also those within them.
    fn move_symbols(&mut self, shifted: &[(usize, u64)]) -> Result<()> {
        if shifted.is_empty() {
            return Ok(());
        }
        let by_index: std::collections::BTreeMap<u64, u64> =
            shifted.iter().map(|(index, by)| (*index as u64, *by)).collect();
        let width = self.header.width;
        let size = self.header.symbol_size();
        let (value_at, info_at, section_at) = match width {
            Width::W32 => (4, 12, 14),
            Width::W64 => (8, 4, 6),
        };
        let tables: Vec<Section> = self
            .sections
            .iter()
            .filter(|section| section.kind == elf::SHT_SYMTAB.0 || section.kind == elf::SHT_DYNSYM.0)
            .copied()
            .collect();
        for table in tables {
            self.read().slice(table.offset, table.size)?;
            for index in 0..table.size / size {
                let at = table.offset + index * size;
                let section = u64::from(self.read().u16(at + section_at)?);
                let Some(by) = by_index.get(&section) else { continue };
                let is_section = self.read().u8(at + info_at)? & 0xf == elf::STT_SECTION.0;
                if is_section || table.kind == elf::SHT_SYMTAB.0 {
                    let value = self.read().word(at + value_at, width)?.wrapping_add(*by);
                    self.write().put_word(at + value_at, width, value)?;
                }
            }
        }
        Ok(())
    }

    /// Writes all headers and returns the file.
    ///
    /// # Errors
    /// `Unsupported` if a value does not fit a 32-bit file.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        let header = self.header;
        let segments = std::mem::take(&mut self.segments);
        for (index, segment) in segments.iter().enumerate() {
            let at = header.program_headers.0 + index as u64 * header.segment_size();
            write_segment(&mut self.write(), &header, at, segment)?;
        }
        let sections = std::mem::take(&mut self.sections);
        for (index, section) in sections.iter().enumerate() {
            let at = header.section_headers.0 + index as u64 * header.section_size();
            write_section(&mut self.write(), &header, at, section)?;
        }
        let count = u16::try_from(segments.len()).map_err(|_| Error::unsupported("too many program headers"))?;
        let mut bytes = self.write();
        match header.width {
            Width::W32 => {
                bytes.put_word(32, header.width, header.section_headers.0)?;
                bytes.put_u16(44, count)?;
            }
            Width::W64 => {
                bytes.put_word(40, header.width, header.section_headers.0)?;
                bytes.put_u16(56, count)?;
            }
        }
        Ok(self.bytes)
    }
}

/// Where the file part of a segment ends.
pub(crate) fn file_end(segment: &Segment) -> u64 {
    segment.offset.saturating_add(segment.file_size)
}

/// Where the memory of a segment ends.
pub(crate) fn memory_end(segment: &Segment) -> u64 {
    segment.address.saturating_add(segment.memory_size)
}

/// Writes one program header.
pub(crate) fn write_segment(bytes: &mut BytesMut<'_>, header: &Header, at: u64, segment: &Segment) -> Result<()> {
    let width = header.width;
    let word = width.bytes();
    bytes.put_u32(at, segment.kind)?;
    let first = match width {
        Width::W32 => {
            bytes.put_u32(at + 24, segment.flags)?;
            at + 4
        }
        Width::W64 => {
            bytes.put_u32(at + 4, segment.flags)?;
            at + 8
        }
    };
    let fields = [segment.offset, segment.address, segment.physical, segment.file_size, segment.memory_size];
    for (index, value) in fields.into_iter().enumerate() {
        bytes.put_word(first + index as u64 * word, width, value)?;
    }
    bytes.put_word(at + if width == Width::W32 { 28 } else { 48 }, width, segment.align)
}

/// Writes one section header.
pub(crate) fn write_section(bytes: &mut BytesMut<'_>, header: &Header, at: u64, section: &Section) -> Result<()> {
    let width = header.width;
    let word = width.bytes();
    bytes.put_u32(at, section.name)?;
    bytes.put_u32(at + 4, section.kind)?;
    let fields = [section.flags, section.address, section.offset, section.size];
    for (index, value) in fields.into_iter().enumerate() {
        bytes.put_word(at + 8 + index as u64 * word, width, value)?;
    }
    let links = at + 8 + 4 * word;
    bytes.put_u32(links, section.link)?;
    bytes.put_u32(links + 4, section.info)?;
    bytes.put_word(links + 8, width, section.align)?;
    bytes.put_word(links + 8 + word, width, section.entry_size)
}
