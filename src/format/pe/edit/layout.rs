//! `Draft`: bytes to change and to add, and the one layout in which they become a file.

use std::collections::{BTreeMap, BTreeSet};

use super::super::checksum::checksum;
use super::super::facts::Hybrid;
use super::super::read::{Directory, Pe, directory, flags};
use super::model::Model;
use super::room::{Placed, Room, SECTION, Spot};
use super::two_machines;
use crate::error::{Error, Result};
use crate::format::bytes::{BytesMut, Endian, align_up, escaped};

/// Size of a section header.
const SECTION_HEADER: u64 = 40;
/// Where the headers may begin at the earliest: after the DOS header.
const AFTER_DOS: u64 = 0x40;
/// `SizeOfInitializedData` in the optional header.
const INITIALIZED_SIZE: u64 = 8;
/// `SizeOfImage`.
const IMAGE_SIZE: u64 = 56;
/// `SizeOfHeaders`.
const HEADERS_SIZE: u64 = 60;

/// How the parts of the original lie in the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format::pe) struct Moves {
    /// Where the sections' bytes begin.
    pub(in crate::format::pe) first: u64,
    /// By how much they move.
    pub(in crate::format::pe) shift: u64,
    /// Where the sections' bytes end.
    pub(in crate::format::pe) end: u64,
    /// How many bytes are put in there.
    pub(in crate::format::pe) inserted: u64,
    /// The bytes that are left out: offset and size.
    pub(in crate::format::pe) cut: (u64, u64),
    /// Where the headers begin.
    pub(in crate::format::pe) headers: u64,
}

impl Moves {
    /// Where a byte of the original lies.
    pub(in crate::format::pe) fn map(&self, at: u64) -> u64 {
        match at {
            _ if at < self.first => at,
            _ if at < self.end => at + self.shift,
            _ if at < self.cut.0 => at + self.shift + self.inserted,
            _ => at + self.shift + self.inserted - self.cut.1,
        }
    }
}

/// A file that was made.
#[derive(Debug)]
pub(in crate::format::pe) struct Made {
    /// Its bytes.
    pub(in crate::format::pe) bytes: Vec<u8>,
    /// What was lost or is worth knowing.
    pub(in crate::format::pe) notes: Vec<String>,
    /// Where things are now.
    pub(in crate::format::pe) moves: Moves,
    /// What was overwritten, besides headers: offset in the original, and size.
    pub(in crate::format::pe) written: Vec<(u64, u64)>,
    /// Address and size of the new section; size 0 if there is none.
    pub(in crate::format::pe) section: (u32, u32),
}

/// A file being changed.
pub(super) struct Draft<'p, 'a> {
    pub(super) pe: &'p Pe<'a>,
    pub(super) room: Room,
    pub(super) notes: Vec<String>,
    hybrid: Option<Hybrid>,
    /// Texts that tables name: address of the NUL, address of the first byte.
    texts: BTreeSet<(u32, u32)>,
    /// Tables: address of the first byte, address after the last.
    tables: Vec<(u32, u32)>,
    placed: BTreeMap<Vec<u8>, u32>,
    patches: Vec<(u64, Vec<u8>)>,
    new: Vec<(u64, Vec<u8>)>,
    new_flags: u32,
}

impl<'p, 'a> Draft<'p, 'a> {
    pub(super) fn new(pe: &'p Pe<'a>, model: &Model<'a>) -> Result<Self> {
        let (texts, tables) = model.occupied(pe)?;
        Ok(Self {
            pe,
            room: Room::new(pe)?,
            notes: Vec::new(),
            hybrid: model.config.hybrid(pe.header.machine),
            texts,
            tables,
            placed: BTreeMap::new(),
            patches: Vec::new(),
            new: Vec::new(),
            new_flags: flags::INITIALIZED | flags::READ,
        })
    }

    /// Code of which two machines the file holds.
    pub(super) fn hybrid(&self) -> Option<Hybrid> {
        self.hybrid
    }

    /// Overwrites bytes.
    pub(super) fn put(&mut self, spot: Spot, bytes: Vec<u8>) {
        match spot {
            Spot::Old(at) => self.patches.push((at, bytes)),
            Spot::New(at) => self.new.push((at, bytes)),
        }
    }

    /// Overwrites a number of the original.
    pub(super) fn put_u32(&mut self, at: u64, value: u32) {
        self.put(Spot::Old(at), value.to_le_bytes().to_vec());
    }

    /// Points a data directory elsewhere.
    pub(super) fn set_directory(&mut self, number: usize, directory: Directory) -> Result<()> {
        if number >= self.pe.directories.len() {
            return Err(Error::unsupported("the optional header has no place for the table"));
        }
        let at = self.pe.header.directories() + 8 * number as u64;
        self.put_u32(at, directory.address);
        self.put_u32(at + 4, directory.size);
        Ok(())
    }

    /// Has the new section writable, and everything placed there from now on.
    pub(super) fn use_writable_section(&mut self) {
        self.new_flags |= flags::WRITE;
        self.room.use_new_section();
    }

    /// Gives out room.
    pub(super) fn place(&mut self, size: u64, align: u32, home: Option<usize>) -> Result<Placed> {
        let size = u32::try_from(size).map_err(|_| Error::unsupported("the image gets too large"))?;
        self.room.place(self.pe, size, align, home)
    }

    /// Writes a text with its NUL where there is room; the same text goes to the same place.
    pub(super) fn text(&mut self, text: &[u8], home: Option<usize>) -> Result<u32> {
        if let Some(address) = self.placed.get(text) {
            return Ok(*address);
        }
        let bytes = [text, b"\0"].concat();
        let placed = self.place(bytes.len() as u64, 1, home)?;
        self.put(placed.spot, bytes);
        self.placed.insert(text.to_vec(), placed.address);
        Ok(placed.address)
    }

    /// Whether a text can be overwritten by another: it is not shorter, and nothing else has to do with its bytes.
    pub(super) fn fits(&self, address: u32, old: &[u8], new: &[u8]) -> bool {
        let Some(end) = u32::try_from(old.len()).ok().and_then(|length| address.checked_add(length)) else {
            return false;
        };
        // Texts overlap only if they end at the same NUL.
        let is_private = self.texts.range((end, 0)..=(end, u32::MAX)).all(|(_, start)| *start == address);
        let in_tables = self.tables.iter().any(|(first, last)| *first <= end && address < *last);
        new.len() <= old.len() && is_private && !in_tables
    }

    /// Overwrites a text by one that fits; the rest becomes zero.
    pub(super) fn overwrite(&mut self, address: u32, old: &[u8], new: &[u8]) -> Result<()> {
        let mut bytes = new.to_vec();
        bytes.resize(old.len(), 0);
        let at = self.pe.offset(address, old.len() as u64)?;
        self.put(Spot::Old(at), bytes);
        Ok(())
    }

    /// Writes a new text for an old one, in place or elsewhere; returns its address.
    pub(super) fn rename(&mut self, address: u32, old: &[u8], new: &[u8], home: Option<usize>) -> Result<u32> {
        if self.fits(address, old, new) {
            self.overwrite(address, old, new)?;
            return Ok(address);
        }
        self.text(new, home)
    }

    /// Makes the file.
    ///
    /// # Errors
    /// `Unsupported` if there is no room for a section header, or the file gets larger than its offsets can say.
    pub(super) fn finish(mut self) -> Result<Made> {
        let pe = self.pe;
        let header = &pe.header;
        let cut = self.cut()?;
        let first = first_byte(pe);
        let end = pe.sections_end();
        let mut moves = Moves { first, shift: 0, end, inserted: 0, cut, headers: header.at };
        let mut headers_size = header.headers_size;
        let alignment = u64::from(header.file_alignment);
        let too_large = || Error::unsupported("the file gets too large");
        let aligned_end = align_up(end, alignment).ok_or_else(too_large)?;
        let raw_size = align_up(u64::from(self.room.new_size), alignment).ok_or_else(too_large)?;
        if raw_size > 0 {
            if header.section_alignment < 0x1000 {
                // Such an image is mapped as it lies in the file, so nothing can be put in between.
                return Err(Error::unsupported("its sections are smaller than pages, so none can be added"));
            }
            (moves.shift, moves.headers, headers_size) = self.header_room(first)?;
            moves.inserted = aligned_end - end + raw_size;
        }
        let mut bytes = self.copy(&moves)?;
        let mut draft = BytesMut::new(&mut bytes, Endian::Little);
        for slack in self.room.slacks.iter().filter(|slack| slack.is_used) {
            draft.put_u32(header.sections() + 40 * slack.section as u64 + 8, slack.virtual_size)?;
        }
        let mut written = self.follow(&mut draft, &moves)?;
        for (at, patch) in &self.patches {
            draft.put(moves.map(*at), patch)?;
            written.push((*at, patch.len() as u64));
        }
        if cut.1 > 0 || pe.directory(directory::SECURITY).size > 0 {
            draft.put_u64(header.directories() + 8 * directory::SECURITY as u64, 0)?;
            self.notes.push("the signature is dropped: it was of the bytes as they were".to_owned());
        }
        let mut section = (self.room.new_address, 0);
        if raw_size > 0 {
            section.1 = self.room.new_size;
            let raw_offset = aligned_end + moves.shift;
            for (at, data) in &self.new {
                draft.put(raw_offset + at, data)?;
            }
            let sizes = (to_u32(raw_size)?, to_u32(raw_offset)?);
            self.add_section(&mut draft, &moves, sizes, headers_size)?;
        }
        if header.checksum != 0 {
            let field = header.checksum_at() - header.at + moves.headers;
            let sum = checksum(draft.read().data(), field);
            draft.put_u32(field, sum)?;
        }
        Ok(Made { bytes, notes: self.notes, moves, written, section })
    }

    /// The certificate table, which no edit leaves valid.
    fn cut(&self) -> Result<(u64, u64)> {
        let length = self.pe.bytes.len();
        let Some((at, size)) = self.pe.certificates() else { return Ok((length, 0)) };
        if at < self.pe.sections_end() {
            return Err(Error::unsupported("its certificate table lies inside the sections"));
        }
        // Signers round the table up to 8 bytes, not always its size.
        let rest = self.pe.bytes.slice(at + size, length - at - size)?;
        let is_padding = rest.len() < 8 && rest.iter().all(|byte| *byte == 0);
        Ok((at, if is_padding { length - at } else { size }))
    }

    /// Copies the parts of the original to their places, once.
    fn copy(&self, moves: &Moves) -> Result<Vec<u8>> {
        let old = self.pe.bytes;
        let grown = old.len() + moves.shift + moves.inserted - moves.cut.1;
        if u32::try_from(grown).is_err() {
            return Err(Error::unsupported("the file gets too large"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(grown).unwrap_or(0));
        let fill = |bytes: &mut Vec<u8>, size: u64| {
            let length = bytes.len().saturating_add(usize::try_from(size).unwrap_or(0));
            bytes.resize(length, 0);
        };
        bytes.extend_from_slice(old.slice(0, moves.first)?);
        fill(&mut bytes, moves.shift);
        bytes.extend_from_slice(old.slice(moves.first, moves.end - moves.first)?);
        fill(&mut bytes, moves.inserted);
        bytes.extend_from_slice(old.slice(moves.end, moves.cut.0 - moves.end)?);
        let rest = moves.cut.0 + moves.cut.1;
        bytes.extend_from_slice(old.slice(rest, old.len() - rest)?);
        Ok(bytes)
    }

    /// Corrects every file offset that a header or the debug directory holds; returns where those of the latter are.
    fn follow(&self, draft: &mut BytesMut<'_>, moves: &Moves) -> Result<Vec<(u64, u64)>> {
        let pe = self.pe;
        let mut fields = Vec::new();
        let mut correct = |at: u64, offset: u64| -> Result<()> {
            if offset == 0 || moves.map(offset) == offset {
                return Ok(());
            }
            draft.put_u32(moves.map(at), to_u32(moves.map(offset))?)
        };
        correct(pe.header.at + 12, pe.header.symbol_table)?;
        for (index, section) in pe.sections.iter().enumerate() {
            let at = pe.header.sections() + 40 * index as u64;
            correct(at + 20, u64::from(section.raw_offset))?;
            correct(at + 24, u64::from(section.relocations))?;
            correct(at + 28, u64::from(section.line_numbers))?;
        }
        let debug = pe.directory(directory::DEBUG);
        let count = u64::from(debug.size / 28);
        if debug.address != 0 && count > 0 && (moves.shift, moves.inserted, moves.cut.1) != (0, 0, 0) {
            let at = pe.offset(debug.address, count * 28)?;
            for index in 0..count {
                let field = at + 28 * index + 24;
                correct(field, u64::from(pe.bytes.u32(field)?))?;
                fields.push((field, 4));
            }
        }
        Ok(fields)
    }

    /// Finds room for one more section header: how far the sections move, where the headers begin, how large they are.
    fn header_room(&mut self, first: u64) -> Result<(u64, u64, u32)> {
        let header = &self.pe.header;
        let table_end = header.sections_end();
        let need = table_end + SECTION_HEADER;
        let alignment = u64::from(header.file_alignment);
        let lowest = self.pe.sections.iter().map(|section| u64::from(section.address)).min().unwrap_or(0);
        let size = |end: u64| {
            let size = align_up(end, alignment)?.max(u64::from(header.headers_size));
            (size <= lowest).then(|| u32::try_from(size).ok()).flatten()
        };
        if self.is_free(table_end, need.min(first))? {
            if need <= first
                && let Some(size) = size(need).filter(|size| u64::from(*size) <= first)
            {
                return Ok((0, header.at, size));
            }
            let has_lines = self.pe.sections.iter().any(|section| section.line_number_count > 0);
            let shift = align_up(need.saturating_sub(first).max(1), alignment);
            // Symbols of line numbers hold offsets in the file, too.
            if let (false, Some(shift), Some(size)) = (has_lines, shift, size(need)) {
                return Ok((shift, header.at, size));
            }
        }
        if let Some(hybrid) = self.hybrid {
            return Err(two_machines(hybrid, "there is no room for a longer name, and its headers cannot move"));
        }
        if header.at >= AFTER_DOS + SECTION_HEADER {
            self.notes.push("the DOS stub is gone: its room is needed for a section header".to_owned());
            return Ok((0, AFTER_DOS, header.headers_size));
        }
        Err(Error::unsupported("the headers have no room for one more section")
            .hint("a name that is not longer than the old one needs no room"))
    }

    /// Whether bytes of the headers are zero, or will be, and belong to no table.
    fn is_free(&self, start: u64, end: u64) -> Result<bool> {
        let overlaps = |first: u32, last: u32| u64::from(first) < end && start < u64::from(last);
        // In the headers, addresses are offsets.
        if self.tables.iter().any(|(first, last)| overlaps(*first, *last))
            || self.texts.iter().any(|(last, first)| overlaps(*first, last.saturating_add(1)))
        {
            return Ok(false);
        }
        let bytes = self.pe.bytes.slice(start, end.saturating_sub(start))?;
        let cleared = |at: u64| {
            self.patches.iter().any(|(start, patch)| {
                (*start..start + patch.len() as u64).contains(&at) && patch.iter().all(|byte| *byte == 0)
            })
        };
        Ok((start..end).zip(bytes).all(|(at, byte)| *byte == 0 || cleared(at)))
    }

    /// Writes the section header, and what the other headers say about sections.
    fn add_section(
        &self,
        draft: &mut BytesMut<'_>,
        moves: &Moves,
        (raw_size, raw_offset): (u32, u32),
        headers_size: u32,
    ) -> Result<()> {
        let header = &self.pe.header;
        let size = u64::from(self.room.new_address) + u64::from(self.room.new_size);
        let image_size = align_up(size, u64::from(header.section_alignment)).map(to_u32).transpose()?;
        let too_many = || Error::unsupported("there are too many sections");
        draft.put_u16(header.at + 6, header.section_count.checked_add(1).ok_or_else(too_many)?)?;
        draft.put_u32(header.optional() + INITIALIZED_SIZE, header.initialized_size.wrapping_add(raw_size))?;
        draft.put_u32(header.optional() + IMAGE_SIZE, image_size.unwrap_or(header.image_size))?;
        draft.put_u32(header.optional() + HEADERS_SIZE, headers_size)?;
        let mut row = Vec::with_capacity(40);
        row.extend_from_slice(SECTION);
        for field in [self.room.new_size, self.room.new_address, raw_size, raw_offset, 0, 0, 0, self.new_flags] {
            row.extend_from_slice(&field.to_le_bytes());
        }
        let table_end = header.sections_end();
        if moves.headers == header.at {
            return draft.put(table_end, &row);
        }
        let mut headers = draft.read().slice(header.at, table_end - header.at)?.to_vec();
        headers.extend_from_slice(&row);
        let moved_end = moves.headers + headers.len() as u64;
        draft.put(moves.headers, &headers)?;
        let vacated = vec![0; usize::try_from(table_end.saturating_sub(moved_end)).unwrap_or(0)];
        draft.put(moved_end, &vacated)?;
        draft.put_u32(0x3c, to_u32(moves.headers)?)
    }
}

/// Where the first section's bytes begin.
fn first_byte(pe: &Pe<'_>) -> u64 {
    let starts = pe.sections.iter().filter(|section| section.has_bytes()).map(|section| u64::from(section.raw_offset));
    starts.min().unwrap_or_else(|| u64::from(pe.header.headers_size)).min(pe.bytes.len())
}

fn to_u32(value: u64) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::unsupported("the file gets too large"))
}

/// Says what about headers and sections is not as every linker leaves it and every loader wants it.
pub(in crate::format::pe) fn complaints(pe: &Pe<'_>) -> Vec<String> {
    let mut complaints = Vec::new();
    let header = &pe.header;
    let (file_alignment, alignment) = (header.file_alignment, header.section_alignment);
    if !file_alignment.is_power_of_two() || !alignment.is_power_of_two() || file_alignment > alignment {
        complaints
            .push(format!("sections are aligned to {alignment:#x} in memory, to {file_alignment:#x} in the file"));
        return complaints;
    }
    let mut raw = vec![(0, u64::from(header.headers_size).max(header.sections_end()))];
    let mut end = u64::from(header.headers_size);
    for section in &pe.sections {
        let name = escaped(section.name());
        let address = u64::from(section.address);
        if address < end || !address.is_multiple_of(u64::from(alignment)) {
            complaints.push(format!("section `{name}` overlaps another in memory, or is not aligned"));
        }
        end = address + u64::from(section.memory_size());
        if section.has_bytes() {
            let start = u64::from(section.raw_offset);
            if !start.is_multiple_of(u64::from(file_alignment.min(0x200))) {
                complaints.push(format!("section `{name}` is not aligned in the file"));
            }
            raw.push((start, start + u64::from(section.raw_size)));
        }
    }
    // Some tools leave the size unaligned; the loader rounds it up.
    if align_up(end, u64::from(alignment)) != align_up(u64::from(header.image_size), u64::from(alignment)) {
        complaints.push(format!("the image's size {:#x} is not where its last section ends", header.image_size));
    }
    raw.sort_unstable();
    if raw.windows(2).any(|pair| matches!(pair, [a, b] if a.1 > b.0)) {
        complaints.push("sections or headers overlap in the file".to_owned());
    }
    if raw.last().is_some_and(|(_, end)| *end > pe.bytes.len()) {
        complaints.push("a section leaves the file".to_owned());
    }
    complaints
}
