//! `Model`: what an edit has to know of a file: the dynamic entries, the tables they point at, and who names a string.

use object::elf;

use super::versions::{Versions, read_versions};
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, VirtAddr};
use crate::format::elf::layout;
use crate::format::elf::read::{DynamicEntry, Elf, Section, last};
use crate::format::elf::symbol_table::symbol_count;

/// A part of the file that is loaded at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Its first byte in the file.
    pub(crate) offset: u64,
    /// Its first byte in memory.
    pub(crate) address: u64,
    /// Its size in bytes.
    pub(crate) size: u64,
}

impl Extent {
    /// Returns the first address after it.
    pub(crate) fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }

    /// Returns the first offset after it.
    pub(crate) fn file_end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }

    /// Returns true if `address` is in it.
    pub(crate) fn holds(&self, address: u64) -> bool {
        address >= self.address && address < self.end()
    }
}

/// A table that a dynamic entry points at and that nothing else in the program knows the address of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    /// The tag of the entry.
    pub(crate) tag: i64,
    /// Where it is.
    pub(crate) extent: Extent,
}

/// What an edit has to know of a file.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    /// `.dynamic`; its size is what `PT_DYNAMIC` gives, spare entries included.
    pub(crate) dynamic: Extent,
    /// The entries before `DT_NULL`.
    pub(crate) entries: Vec<DynamicEntry>,
    /// How many entries fit, the `DT_NULL` that ends them included.
    pub(crate) capacity: usize,
    /// `.dynstr`.
    pub(crate) strings: Extent,
    /// The bytes of `.dynstr`.
    pub(crate) text: Vec<u8>,
    /// Index of the section of `.dynstr`.
    pub(crate) strings_section: Option<usize>,
    /// Something that this editor does not know also takes strings from `.dynstr`: nothing in it may be overwritten.
    pub(crate) strings_are_shared: bool,
    /// The other movable tables.
    pub(crate) tables: Vec<Table>,
    /// Number of dynamic symbols.
    pub(crate) symbols: u64,
    /// Version needs and definitions.
    pub(crate) versions: Versions,
}

/// Returns true if the value of such an entry is an offset in the dynamic strings.
pub(crate) fn is_string_tag(tag: i64) -> bool {
    [
        elf::DT_NEEDED,
        elf::DT_SONAME,
        elf::DT_RPATH,
        elf::DT_RUNPATH,
        elf::DT_CONFIG,
        elf::DT_DEPAUDIT,
        elf::DT_AUDIT,
        elf::DT_AUXILIARY,
        elf::DT_FILTER,
    ]
    .iter()
    .any(|known| known.0 == tag)
}

/// `DT_MIPS_RLD_MAP_REL`: an offset from the entry itself to ld.so's debug pointer.
pub(crate) const MIPS_RLD_MAP_REL: i64 = 0x7000_0035;
/// `DT_MIPS_XHASH`.
const MIPS_XHASH: i64 = 0x7000_0036;

/// Movable tables, and the entry that gives the size in bytes, where one does.
const TABLES: [(i64, Option<i64>); 13] = [
    (elf::DT_HASH.0, None),
    (elf::DT_GNU_HASH.0, None),
    (elf::DT_SYMTAB.0, None),
    (elf::DT_VERSYM.0, None),
    (elf::DT_VERNEED.0, None),
    (elf::DT_VERDEF.0, None),
    (elf::DT_RELA.0, Some(elf::DT_RELASZ.0)),
    (elf::DT_REL.0, Some(elf::DT_RELSZ.0)),
    (elf::DT_JMPREL.0, Some(elf::DT_PLTRELSZ.0)),
    (elf::DT_RELR.0, Some(elf::DT_RELRSZ.0)),
    (elf::DT_ANDROID_REL.0, Some(elf::DT_ANDROID_RELSZ.0)),
    (elf::DT_ANDROID_RELA.0, Some(elf::DT_ANDROID_RELASZ.0)),
    (elf::DT_ANDROID_RELR.0, Some(elf::DT_ANDROID_RELRSZ.0)),
];

/// Returns true if the value of such an entry is the address of a table that may be moved.
///
/// INIT, FINI, PLTGOT, the `*_ARRAY`s and the like point at what never moves.
pub(crate) fn is_table_tag(tag: i64) -> bool {
    tag == elf::DT_STRTAB.0 || tag == MIPS_XHASH || TABLES.iter().any(|(known, _)| *known == tag)
}

impl Model {
    /// Reads what an edit has to know.
    ///
    /// # Errors
    /// `Unsupported` for files whose dynamic section must not be edited: objects, static programs, contradictions;
    /// `Malformed` where a table leaves its segment.
    pub(crate) fn read(file: &Elf<'_>) -> Result<Self> {
        refuse(file)?;
        let entries = file.dynamic()?;
        let segment = *file.dynamic_segment().ok_or_else(|| Error::unsupported("no dynamic section"))?;
        let dynamic = Extent { offset: segment.offset, address: segment.address, size: segment.file_size };
        check_once(&entries)?;
        let strings = file.dynamic_strings(&entries)?;
        let address = last(&entries, elf::DT_STRTAB.0).unwrap_or_default();
        let symbols = symbol_count(file, &entries)?;
        let versions = read_versions(file, &entries)?;
        let mut model = Self {
            dynamic,
            capacity: capacity(file, &dynamic, entries.len())?,
            strings: Extent { offset: strings.offset.0, address, size: strings.data.len() as u64 },
            text: strings.data.to_vec(),
            strings_section: None,
            strings_are_shared: false,
            tables: Vec::new(),
            symbols,
            versions,
            entries,
        };
        model.find_strings_section(file)?;
        model.tables = model.find_tables(file)?;
        model.refuse_overlaps()?;
        Ok(model)
    }

    /// Refuses files in which one byte belongs to two tables: a change of one would change the other.
    fn refuse_overlaps(&self) -> Result<()> {
        let relocations = [elf::DT_RELA, elf::DT_REL, elf::DT_JMPREL];
        let (loose, others): (Vec<&Table>, Vec<&Table>) =
            self.tables.iter().partition(|table| relocations.iter().any(|tag| tag.0 == table.tag));
        // DT_RELA covers DT_JMPREL in files of some linkers.
        let mut extents: Vec<(u64, u64)> = [&self.strings, &self.dynamic]
            .into_iter()
            .chain(others.iter().map(|table| &table.extent))
            .filter(|extent| extent.size > 0)
            .map(|extent| (extent.offset, extent.file_end()))
            .collect();
        extents.sort_unstable();
        let is_shared = extents.windows(2).any(|pair| matches!(pair, [(_, end), (start, _)] if start < end));
        let is_hit = |table: &&Table| {
            let (start, end) = (table.extent.offset, table.extent.file_end());
            extents.iter().any(|(other, other_end)| *other < end && start < *other_end)
        };
        if is_shared || loose.iter().any(is_hit) {
            return Err(Error::unsupported("two tables of the dynamic section share bytes"));
        }
        Ok(())
    }

    /// Returns the value of the last entry with this tag, which is the one that loaders take.
    pub(crate) fn value(&self, tag: elf::DynamicTag) -> Option<u64> {
        last(&self.entries, tag.0)
    }

    /// Returns the table that an entry with this tag points at.
    pub(crate) fn table(&self, tag: elf::DynamicTag) -> Option<&Table> {
        self.tables.iter().find(|table| table.tag == tag.0)
    }

    /// Returns the string at an offset of the dynamic strings.
    ///
    /// # Errors
    /// `Malformed` if it does not begin and end in them.
    pub(crate) fn string(&self, at: u64) -> Result<&[u8]> {
        let rest = usize::try_from(at).ok().and_then(|at| self.text.get(at..));
        let end = rest.and_then(|rest| rest.iter().position(|byte| *byte == 0));
        match (rest, end) {
            (Some(rest), Some(end)) => Ok(rest.get(..end).unwrap_or_default()),
            _ => Err(Error::malformed(format!("string {at:#x} of the dynamic strings has no end"))),
        }
    }

    fn find_strings_section(&mut self, file: &Elf<'_>) -> Result<()> {
        let Some(dynamic) = file.sections.iter().find(|section| section.kind == elf::SHT_DYNAMIC.0) else {
            return if file.sections.is_empty() {
                Ok(())
            } else {
                Err(Error::unsupported("there are section headers, but none for the dynamic section"))
            };
        };
        // bionic reads NEEDED, SONAME and RUNPATH through these; glibc and musl through the program headers.
        let is_same = (dynamic.address, dynamic.offset, dynamic.size)
            == (self.dynamic.address, self.dynamic.offset, self.dynamic.size);
        if !is_same {
            return Err(Error::unsupported("`PT_DYNAMIC` and the section of the dynamic entries are different places"));
        }
        let link = usize::try_from(dynamic.link).unwrap_or(usize::MAX);
        let strings = file.sections.get(link).copied();
        let is_same = strings.is_some_and(|strings| {
            strings.kind == elf::SHT_STRTAB.0
                && (strings.address, strings.offset, strings.size)
                    == (self.strings.address, self.strings.offset, self.strings.size)
        });
        if !is_same {
            return Err(Error::unsupported("`DT_STRTAB` and the section of the dynamic strings are different places"));
        }
        self.strings_section = Some(link);
        let known = [elf::SHT_DYNSYM, elf::SHT_DYNAMIC, elf::SHT_GNU_VERNEED, elf::SHT_GNU_VERDEF];
        let takes_strings = |section: &Section| {
            u64::from(section.link) == link as u64
                && matches!(
                    elf::SectionType(section.kind),
                    elf::SHT_SYMTAB
                        | elf::SHT_DYNSYM
                        | elf::SHT_DYNAMIC
                        | elf::SHT_GNU_VERNEED
                        | elf::SHT_GNU_VERDEF
                        | elf::SHT_GNU_LIBLIST
                )
        };
        let is_unknown = |section: &Section| {
            let table = known.iter().any(|kind| kind.0 == section.kind)
                && (section.size == 0
                    || self.entries.iter().any(|entry| entry.value == section.address)
                    || section.kind == elf::SHT_DYNAMIC.0);
            takes_strings(section) && !table
        };
        self.strings_are_shared = file.header.section_names == link as u64 || file.sections.iter().any(is_unknown);
        Ok(())
    }

    fn find_tables(&self, file: &Elf<'_>) -> Result<Vec<Table>> {
        let mut tables = Vec::new();
        for (tag, size_tag) in TABLES {
            let Some(address) = last(&self.entries, tag) else { continue };
            let stated = size_tag.map(|size| last(&self.entries, size).unwrap_or_default());
            if stated == Some(0) {
                continue;
            }
            let (offset, available) = file.offset_of(VirtAddr(address))?;
            let size = match stated {
                Some(size) => size,
                None => self.table_size(file, elf::DynamicTag(tag), address)?,
            };
            let in_section = file.sections.iter().find(|section| {
                section.address == address
                    && section.flags & elf::SHF_ALLOC.0 != 0
                    && section.size > size
                    && matches!(
                        elf::SectionType(section.kind),
                        elf::SHT_HASH
                            | elf::SHT_GNU_HASH
                            | elf::SHT_DYNSYM
                            | elf::SHT_GNU_VERSYM
                            | elf::SHT_GNU_VERNEED
                            | elf::SHT_GNU_VERDEF
                    )
            });
            let size = in_section.map_or(size, |section| section.size);
            if size > available {
                return Err(Error::malformed(format!("the table of dynamic entry {tag:#x} leaves its segment")));
            }
            tables.push(Table { tag, extent: Extent { offset: offset.0, address, size } });
        }
        tables.sort_by_key(|table| table.extent.offset);
        Ok(tables)
    }

    /// The size of a table that has no entry for it.
    fn table_size(&self, file: &Elf<'_>, tag: elf::DynamicTag, address: u64) -> Result<u64> {
        let (_, bytes) = file.bytes_at(address)?;
        let word = file.header.width.bytes();
        let size = match tag {
            elf::DT_SYMTAB => self.symbols.checked_mul(file.header.symbol_size()),
            elf::DT_VERSYM => self.symbols.checked_mul(2),
            elf::DT_VERNEED => Some(self.versions.needs_size),
            elf::DT_VERDEF => Some(self.versions.definitions_size),
            elf::DT_GNU_HASH => gnu_size(bytes, word)?,
            elf::DT_HASH => {
                let wide = word == 8
                    && matches!(elf::Machine(file.header.machine), elf::EM_S390 | elf::EM_ALPHA)
                    && sysv_size(bytes, 8).is_some_and(|(chains, _)| chains == self.symbols);
                sysv_size(bytes, if wide { 8 } else { 4 }).map(|(_, size)| size)
            }
            _ => None,
        };
        size.ok_or_else(|| Error::malformed(format!("the table of dynamic entry {:#x} has no size", tag.0)))
    }
}

/// `nchain` and the size of a `DT_HASH` of `word` bytes a word.
fn sysv_size(bytes: Bytes<'_>, word: u64) -> Option<(u64, u64)> {
    let read = |at| if word == 8 { bytes.u64(at).ok() } else { bytes.u32(at).ok().map(u64::from) };
    let (buckets, chains) = (read(0)?, read(word)?);
    let size = buckets.checked_add(chains)?.checked_add(2)?.checked_mul(word)?;
    (size <= bytes.len()).then_some((chains, size))
}

/// The size of a `DT_GNU_HASH`: its chains end with the last one that a bucket leads to, whatever symbols there are.
fn gnu_size(bytes: Bytes<'_>, word: u64) -> Result<Option<u64>> {
    let (buckets, first, bloom) = (bytes.u32(0)?, bytes.u32(4)?, bytes.u32(8)?);
    let start = 16 + u64::from(bloom) * word;
    let chains = start + u64::from(buckets) * 4;
    let mut highest = 0;
    for index in 0..u64::from(buckets) {
        highest = highest.max(bytes.u32(start + index * 4)?);
    }
    if highest < first || highest == 0 {
        return Ok(Some(chains));
    }
    let mut at = chains + u64::from(highest - first) * 4;
    while bytes.u32(at)? & 1 == 0 {
        at += 4;
    }
    Ok(Some(at + 4))
}

/// Refuses what may not be edited at all.
fn refuse(file: &Elf<'_>) -> Result<()> {
    match elf::FileType(file.header.kind) {
        elf::ET_DYN | elf::ET_EXEC => {}
        elf::ET_REL => return Err(Error::unsupported("a relocatable object has nothing a loader reads")),
        _ => return Err(Error::unsupported("neither a shared library nor a program")),
    }
    let count = |kind: elf::ProgramType| file.segments.iter().filter(|segment| segment.kind == kind.0).count();
    if count(elf::PT_DYNAMIC) == 0 {
        return Err(Error::unsupported("statically linked: there is no dynamic section"));
    }
    if count(elf::PT_DYNAMIC) > 1 || count(elf::PT_GNU_RELRO) > 1 || count(elf::PT_INTERP) > 1 {
        return Err(Error::unsupported("two segments of a kind that only one may be of"));
    }
    if let Some(complaint) = layout::check(file).into_iter().find(layout::Complaint::is_fatal) {
        return Err(Error::unsupported(format!("the layout is broken already: {}", complaint)));
    }
    let is_pie =
        file.dynamic()?.iter().any(|entry| entry.tag == elf::DT_FLAGS_1.0 && entry.value & elf::DF_1_PIE.0 != 0);
    if is_pie && count(elf::PT_INTERP) == 0 {
        // `_dl_relocate_static_pie` asserts that there is no search path, and reads `_DYNAMIC` relative to the code.
        return Err(Error::unsupported("a static position-independent program"));
    }
    Ok(())
}

/// Refuses two entries where loaders take one and other tools might take the other.
fn check_once(entries: &[DynamicEntry]) -> Result<()> {
    let once = |tag: i64| is_table_tag(tag) || tag == elf::DT_STRSZ.0 || tag == elf::DT_SONAME.0;
    let mut tags: Vec<i64> = entries.iter().map(|entry| entry.tag).filter(|tag| once(*tag)).collect();
    tags.sort_unstable();
    if tags.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Error::unsupported("the dynamic section names one table twice"));
    }
    Ok(())
}

/// How many entries fit: those that are there, their `DT_NULL`, and the zeros after it.
fn capacity(file: &Elf<'_>, dynamic: &Extent, used: usize) -> Result<usize> {
    let size = file.header.dynamic_size();
    let start = dynamic.offset.saturating_add((used as u64).saturating_mul(size));
    let rest = file.bytes.slice(start, dynamic.file_end().saturating_sub(start))?;
    // gABI, "Dynamic Section": DT_NULL ends the array, so a spare DT_NULL is free room.
    let spare = usize::try_from(size)
        .ok()
        .map_or(0, |size| rest.chunks_exact(size).take_while(|entry| entry.iter().all(|byte| *byte == 0)).count());
    Ok(used.saturating_add(spare.max(1)))
}
