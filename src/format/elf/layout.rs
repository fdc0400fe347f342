//! The layout check: what a loader, `strip` or a debugger demands of headers, segments and sections.
//!
//! It runs before and after an edit; an edit may not add a complaint that was not there.

use std::collections::BTreeSet;

use object::elf;

use super::read::{Elf, Section, Segment, last};
use crate::format::bytes::escaped;

/// What is wrong with a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Trouble {
    /// Loaded segments are not in ascending order of address (glibc's `_dl_map_segments` takes first and last).
    Order,
    /// Two loaded segments have an address, or part of the file, in common.
    Overlap,
    /// Two loaded segments share a page (kernels with `MAP_FIXED_NOREPLACE` refuse such programs).
    SharedPage,
    /// Offset and address differ modulo `p_align`, or `p_align` is no power of two.
    Alignment,
    /// Bytes lie outside the file, or more of them in the file than in memory.
    Outside,
    /// A segment of another kind is in no loaded segment, or at another place than its address says.
    NotLoaded,
    /// A section with `SHF_ALLOC` is in no loaded segment, or at another place than its address says.
    Misplaced,
    /// Two sections, or a section and a table of headers, share bytes.
    SectionOverlap,
    /// Bytes that are not loaded, by their section, lie inside a loaded segment.
    Inside,
    /// A section and the dynamic entry for the same table disagree.
    Disagreement,
    /// `PT_GNU_RELRO` is not within a writable segment.
    Relro,
    /// The dynamic section has no end, or its strings or one of its tables lie outside.
    Dynamic,
}

/// One thing wrong, and with what: a section's name or a segment's kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    /// What is wrong.
    pub(crate) trouble: Trouble,
    /// With which segment, section or table; the same words before and after an edit.
    pub(crate) subject: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = match self.trouble {
            Trouble::Order => "loaded segments are not in ascending order",
            Trouble::Overlap => "loaded segments overlap",
            Trouble::SharedPage => "loaded segments share a page",
            Trouble::Alignment => "wrong alignment",
            Trouble::Outside => "bytes outside the file or the segment",
            Trouble::NotLoaded => "not in a loaded segment",
            Trouble::Misplaced => "not where its address says",
            Trouble::SectionOverlap => "shares bytes with what lies before it",
            Trouble::Inside => "not loaded, but inside a loaded segment",
            Trouble::Disagreement => "section and dynamic entry disagree",
            Trouble::Relro => "not within a writable segment",
            Trouble::Dynamic => "unsound dynamic section",
        };
        write!(f, "{words} (`{}`)", self.subject)
    }
}

impl Complaint {
    /// Returns true if no edit can be carried out safely on such a file.
    pub(crate) fn is_fatal(&self) -> bool {
        match self.trouble {
            Trouble::Order | Trouble::Overlap | Trouble::Outside | Trouble::Dynamic => true,
            Trouble::SharedPage
            | Trouble::Alignment
            | Trouble::NotLoaded
            | Trouble::Misplaced
            | Trouble::SectionOverlap
            | Trouble::Inside
            | Trouble::Disagreement
            | Trouble::Relro => false,
        }
    }
}

/// Returns the largest `p_align` of the loaded segments: the page size that the file was linked for.
pub(crate) fn page_size<'a>(segments: impl IntoIterator<Item = &'a Segment>) -> u64 {
    let loads = segments.into_iter().filter(|segment| segment.kind == elf::PT_LOAD.0);
    loads.map(|segment| segment.align).filter(|align| align.is_power_of_two()).max().unwrap_or(1)
}

/// Returns everything that is wrong with the layout of `file`.
pub(crate) fn check(file: &Elf<'_>) -> BTreeSet<Complaint> {
    let mut found = Found { file, complaints: BTreeSet::new() };
    found.loads();
    found.other_segments();
    found.sections();
    found.occupied();
    found.dynamic();
    found.complaints
}

struct Found<'f, 'a> {
    file: &'f Elf<'a>,
    complaints: BTreeSet<Complaint>,
}

impl Found<'_, '_> {
    fn add(&mut self, trouble: Trouble, subject: impl Into<String>) {
        self.complaints.insert(Complaint { trouble, subject: subject.into() });
    }

    fn loads(&mut self) {
        let file = self.file;
        let page = page_size(&file.segments);
        let mut previous: Option<&Segment> = None;
        let mut extents = Vec::new();
        for segment in file.loads() {
            let aligned = segment.align <= 1
                || segment.align.is_power_of_two()
                    && segment.address.wrapping_sub(segment.offset) & (segment.align - 1) == 0;
            if !aligned {
                self.add(Trouble::Alignment, "PT_LOAD");
            }
            let file_end = segment.offset.checked_add(segment.file_size);
            if segment.file_size > segment.memory_size
                || file_end.is_none_or(|end| end > file.bytes.len())
                || segment.address.checked_add(segment.memory_size).is_none()
            {
                self.add(Trouble::Outside, "PT_LOAD");
            }
            if let Some(before) = previous {
                let end = before.address.saturating_add(before.memory_size);
                if segment.address < before.address {
                    self.add(Trouble::Order, "PT_LOAD");
                } else if segment.address < end {
                    self.add(Trouble::Overlap, "PT_LOAD");
                } else if before.memory_size > 0 && segment.address / page == end.saturating_sub(1) / page {
                    self.add(Trouble::SharedPage, "PT_LOAD");
                }
            }
            if segment.file_size > 0 {
                extents.push((segment.offset, segment.offset.saturating_add(segment.file_size)));
            }
            previous = Some(segment);
        }
        extents.sort_unstable();
        if extents.windows(2).any(|pair| matches!(pair, [(_, end), (start, _)] if start < end)) {
            self.add(Trouble::Overlap, "PT_LOAD in the file");
        }
    }

    fn other_segments(&mut self) {
        for segment in &self.file.segments {
            let name = segment_name(segment.kind);
            match elf::ProgramType(segment.kind) {
                elf::PT_LOAD | elf::PT_NULL | elf::PT_GNU_STACK => {}
                elf::PT_GNU_RELRO => {
                    // Loaders round its end down to a page (glibc `_dl_protect_relro`, musl `map_library`).
                    let holds = |load: &Segment| {
                        let page = load.align.max(1);
                        let end = segment.address.saturating_add(segment.memory_size);
                        load.flags & elf::PF_W.0 != 0
                            && segment.address >= load.address
                            && segment.address <= end
                            && end - end % page <= page_end(load)
                    };
                    if segment.memory_size > 0 && !self.file.loads().any(holds) {
                        self.add(Trouble::Relro, name);
                    }
                }
                _ => {
                    if segment.file_size > 0 && !self.is_loaded(segment) {
                        self.add(Trouble::NotLoaded, name);
                    }
                }
            }
        }
    }

    /// Whether the file part of a segment lies in the file part of one loaded segment, at the place its address says.
    fn is_loaded(&self, segment: &Segment) -> bool {
        self.file.loads().any(|load| {
            let end = load.offset.saturating_add(load.file_size);
            within(segment.offset, segment.file_size, load.offset, end)
                && segment.address.wrapping_sub(load.address) == segment.offset.wrapping_sub(load.offset)
        })
    }

    fn sections(&mut self) {
        let file = self.file;
        let mut loads: Vec<&Segment> = file.loads().collect();
        loads.sort_by_key(|load| load.address);
        for section in &file.sections {
            if section.flags & elf::SHF_ALLOC.0 == 0 || section.size == 0 {
                continue;
            }
            let is_bss = section.kind == elf::SHT_NOBITS.0;
            if is_bss && section.flags & elf::SHF_TLS.0 != 0 {
                continue;
            }
            let index = loads.partition_point(|load| load.address <= section.address);
            let load = index.checked_sub(1).and_then(|index| loads.get(index));
            let fits = load.is_some_and(|load| {
                let delta = section.address - load.address;
                let room = if is_bss { load.memory_size } else { load.file_size };
                delta.checked_add(section.size).is_some_and(|end| end <= room)
                    && (is_bss || load.offset.checked_add(delta) == Some(section.offset))
            });
            if !fits {
                let name = self.name(section);
                self.add(Trouble::Misplaced, name);
            }
        }
    }

    /// Sections and tables of headers may not share bytes, nor lie in a loaded segment if they are not loaded.
    fn occupied(&mut self) {
        let file = self.file;
        let header = &file.header;
        let mut taken = vec![
            (0, header.size(), "ELF header".to_owned(), true),
            (
                header.program_headers.0,
                header.program_header_count.saturating_mul(header.segment_size()),
                "program headers".to_owned(),
                true,
            ),
        ];
        if !file.sections.is_empty() {
            let size = header.section_count.saturating_mul(header.section_size());
            taken.push((header.section_headers.0, size, "section headers".to_owned(), false));
            if !header.section_headers.0.is_multiple_of(header.width.bytes()) {
                self.add(Trouble::Alignment, "section headers");
            }
        }
        for section in &file.sections {
            if section.kind == elf::SHT_NOBITS.0 || section.kind == elf::SHT_NULL.0 || section.size == 0 {
                continue;
            }
            if section.offset.checked_add(section.size).is_none_or(|end| end > file.bytes.len()) {
                let name = self.name(section);
                self.add(Trouble::Outside, name);
            }
            let is_loaded = section.flags & elf::SHF_ALLOC.0 != 0;
            taken.push((section.offset, section.size, self.name(section), is_loaded));
        }
        taken.sort();
        let mut loads: Vec<(u64, u64)> = file
            .loads()
            .filter(|load| load.file_size > 0)
            .map(|load| (load.offset, load.offset.saturating_add(load.file_size)))
            .collect();
        loads.sort_unstable();
        let mut end = 0;
        for (offset, size, name, is_loaded) in taken {
            if size == 0 {
                continue;
            }
            if offset < end {
                self.add(Trouble::SectionOverlap, name.clone());
            }
            end = end.max(offset.saturating_add(size));
            let after = loads.partition_point(|(start, _)| *start < offset.saturating_add(size));
            let before = after.checked_sub(1).and_then(|index| loads.get(index));
            if !is_loaded && before.is_some_and(|(_, load_end)| *load_end > offset) {
                self.add(Trouble::Inside, name);
            }
        }
    }

    fn dynamic(&mut self) {
        let file = self.file;
        let Some(segment) = file.dynamic_segment() else { return };
        let Ok(entries) = file.dynamic() else {
            self.add(Trouble::Dynamic, "PT_DYNAMIC");
            return;
        };
        match file.dynamic_strings(&entries) {
            Err(_) => self.add(Trouble::Dynamic, "strings"),
            Ok(strings) => {
                let names = entries.iter().filter(|entry| super::edit::model::is_string_tag(entry.tag));
                if names.into_iter().any(|entry| strings.get(entry.value, usize::MAX - 1).is_err()) {
                    self.add(Trouble::Dynamic, "strings");
                }
            }
        }
        let section_of = |kind: elf::SectionType| file.sections.iter().find(|section| section.kind == kind.0);
        if let Some(section) = section_of(elf::SHT_DYNAMIC) {
            let is_same =
                (section.address, section.offset, section.size) == (segment.address, segment.offset, segment.file_size);
            if !is_same {
                self.add(Trouble::Disagreement, "PT_DYNAMIC");
            }
            let strings = usize::try_from(section.link).ok().and_then(|link| file.sections.get(link));
            let stated = (last(&entries, elf::DT_STRTAB.0), last(&entries, elf::DT_STRSZ.0));
            if strings.is_none_or(|strings| stated != (Some(strings.address), Some(strings.size))) {
                self.add(Trouble::Disagreement, "DT_STRTAB");
            }
        }
        for (tag, kind, name) in [
            (elf::DT_SYMTAB, elf::SHT_DYNSYM, "DT_SYMTAB"),
            (elf::DT_VERSYM, elf::SHT_GNU_VERSYM, "DT_VERSYM"),
            (elf::DT_VERNEED, elf::SHT_GNU_VERNEED, "DT_VERNEED"),
            (elf::DT_VERDEF, elf::SHT_GNU_VERDEF, "DT_VERDEF"),
            (elf::DT_GNU_HASH, elf::SHT_GNU_HASH, "DT_GNU_HASH"),
            (elf::DT_HASH, elf::SHT_HASH, "DT_HASH"),
        ] {
            let Some(address) = last(&entries, tag.0) else { continue };
            if file.bytes_at(address).is_err() {
                self.add(Trouble::Dynamic, name);
            }
            if section_of(kind).is_some_and(|section| section.address != address) {
                self.add(Trouble::Disagreement, name);
            }
        }
        let interpreter = file.segments.iter().find(|segment| segment.kind == elf::PT_INTERP.0);
        if let Some(interpreter) = interpreter
            && file.bytes.slice(interpreter.offset, interpreter.file_size).is_ok_and(|name| name.last() != Some(&0))
        {
            self.add(Trouble::Outside, "PT_INTERP");
        }
    }

    fn name(&self, section: &Section) -> String {
        escaped(self.file.section_name(section))
    }
}

/// Where the pages of a segment end, as `mprotect` sees them.
fn page_end(load: &Segment) -> u64 {
    let end = load.address.saturating_add(load.memory_size);
    crate::format::bytes::align_up(end, load.align).unwrap_or(end)
}

/// Whether `size` bytes at `at` lie in `start..end`.
fn within(at: u64, size: u64, start: u64, end: u64) -> bool {
    at >= start && at.checked_add(size).is_some_and(|last| last <= end)
}

fn segment_name(kind: u32) -> String {
    match elf::ProgramType(kind) {
        elf::PT_DYNAMIC => "PT_DYNAMIC".to_owned(),
        elf::PT_INTERP => "PT_INTERP".to_owned(),
        elf::PT_NOTE => "PT_NOTE".to_owned(),
        elf::PT_PHDR => "PT_PHDR".to_owned(),
        elf::PT_TLS => "PT_TLS".to_owned(),
        elf::PT_GNU_EH_FRAME => "PT_GNU_EH_FRAME".to_owned(),
        elf::PT_GNU_RELRO => "PT_GNU_RELRO".to_owned(),
        elf::PT_GNU_PROPERTY => "PT_GNU_PROPERTY".to_owned(),
        _ => format!("segment of kind {kind:#x}"),
    }
}
