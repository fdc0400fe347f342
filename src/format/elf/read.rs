//! Raw ELF: headers, dynamic section, strings, addresses to offsets; every access checked, nothing interpreted.

use object::elf;

use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian, FileOffset, VirtAddr, Width};
use crate::format::excerpt::Excerpt;

/// More program headers than any linker writes; a file with more is refused.
const MAX_PROGRAM_HEADERS: u64 = 4096;
/// More sections than any linker writes; a file with more is refused.
const MAX_SECTIONS: u64 = 65_536;

/// More dynamic entries than any linker writes; a file with more is refused.
const MAX_DYNAMIC_ENTRIES: u64 = 65_536;

/// The ELF header (gABI, "ELF Header"), extended numbering resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// 32- or 64-bit.
    pub width: Width,
    /// Byte order.
    pub endian: Endian,
    /// `EI_OSABI`.
    pub os_abi: u8,
    /// `e_type`.
    pub kind: u16,
    /// `e_machine`.
    pub machine: u16,
    /// `e_entry`.
    pub entry: VirtAddr,
    /// `e_phoff`.
    pub program_headers: FileOffset,
    /// `e_shoff`; 0 where there are no section headers.
    pub section_headers: FileOffset,
    /// `e_flags`.
    pub flags: u32,
    /// Number of program headers.
    pub program_header_count: u64,
    /// Number of section headers.
    pub section_count: u64,
    /// Index of the section that names sections.
    pub section_names: u64,
}

/// A program header (gABI, "Program Header").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// `p_type`.
    pub kind: u32,
    /// `p_flags`.
    pub flags: u32,
    /// `p_offset`.
    pub offset: u64,
    /// `p_vaddr`.
    pub address: u64,
    /// `p_paddr`.
    pub physical: u64,
    /// `p_filesz`.
    pub file_size: u64,
    /// `p_memsz`.
    pub memory_size: u64,
    /// `p_align`.
    pub align: u64,
}

/// A section header (gABI, "Sections").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// `sh_name`.
    pub name: u32,
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`.
    pub flags: u64,
    /// `sh_addr`.
    pub address: u64,
    /// `sh_offset`.
    pub offset: u64,
    /// `sh_size`.
    pub size: u64,
    /// `sh_link`.
    pub link: u32,
    /// `sh_info`.
    pub info: u32,
    /// `sh_addralign`.
    pub align: u64,
    /// `sh_entsize`.
    pub entry_size: u64,
}

/// An entry of the dynamic section (gABI, "Dynamic Section").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamicEntry {
    /// `d_tag`.
    pub tag: i64,
    /// `d_val` or `d_ptr`.
    pub value: u64,
}

/// An ELF file with its tables read.
#[derive(Debug, Clone)]
pub struct Elf<'a> {
    /// The file.
    pub bytes: Bytes<'a>,
    /// The header.
    pub header: Header,
    /// Program headers in table order.
    pub segments: Vec<Segment>,
    /// Section headers in table order; empty where there are none.
    pub sections: Vec<Section>,
}

/// The dynamic string table.
#[derive(Debug, Clone, Copy)]
pub struct Strings<'a> {
    /// Its bytes.
    pub data: &'a [u8],
    /// Where it lies in the file.
    pub offset: FileOffset,
}

impl Header {
    /// Returns the size of the ELF header.
    pub fn size(&self) -> u64 {
        match self.width {
            Width::W32 => 52,
            Width::W64 => 64,
        }
    }

    /// Returns the size of a program header.
    pub fn segment_size(&self) -> u64 {
        match self.width {
            Width::W32 => 32,
            Width::W64 => 56,
        }
    }

    /// Returns the size of a section header.
    pub fn section_size(&self) -> u64 {
        match self.width {
            Width::W32 => 40,
            Width::W64 => 64,
        }
    }

    /// Returns the size of a dynamic entry.
    pub fn dynamic_size(&self) -> u64 {
        2 * self.width.bytes()
    }

    /// Returns the size of a symbol.
    pub fn symbol_size(&self) -> u64 {
        match self.width {
            Width::W32 => 16,
            Width::W64 => 24,
        }
    }
}

impl<'a> Elf<'a> {
    /// Reads header, program headers and section headers; all must be sound.
    ///
    /// # Errors
    /// `Malformed` if a table leaves the file or an entry size is not the specification's; `Unsupported` for more
    /// headers than 4,096 or more sections than 65,536.
    pub fn parse(data: &'a [u8]) -> Result<Self> {
        match Self::parse_as_loader(data.into())? {
            (elf, None) => Ok(elf),
            (_, Some(error)) => Err(error),
        }
    }

    /// Reads header and program headers; section headers, which kernel, glibc and musl never read, only if they are
    /// sound. The second value says what is wrong with them.
    ///
    /// # Errors
    /// As [`Elf::parse`], for the header and the program headers.
    pub fn parse_as_loader(file: Excerpt<'a>) -> Result<(Self, Option<Error>)> {
        let ident: [u8; 16] = Bytes::of_excerpt(file, Endian::Little).array(0)?;
        let [m0, m1, m2, m3, class, order, _, os_abi, ..] = ident;
        if [m0, m1, m2, m3] != elf::ELFMAG {
            return Err(Error::malformed("no ELF magic number"));
        }
        let width = match class {
            1 => Width::W32,
            2 => Width::W64,
            _ => return Err(Error::malformed(format!("ELF class {class} is neither 32-bit nor 64-bit"))),
        };
        let endian = match order {
            1 => Endian::Little,
            2 => Endian::Big,
            _ => return Err(Error::malformed(format!("ELF data encoding {order} is not known"))),
        };
        let bytes = Bytes::of_excerpt(file, endian);
        let mut header = read_header(bytes, width, os_abi)?;
        let segments = (0..header.program_header_count)
            .map(|index| read_segment(bytes, &header, index))
            .collect::<Result<Vec<_>>>()?;
        let (sections, fault) = match read_sections(bytes, &mut header) {
            Ok(sections) => (sections, None),
            Err(error) => {
                header.section_count = 0;
                (Vec::new(), Some(error))
            }
        };
        Ok((Self { bytes, header, segments, sections }, fault))
    }

    /// Returns the segments that are loaded into memory, in table order.
    pub fn loads(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.kind == elf::PT_LOAD.0)
    }

    /// Returns where the address lies in the file, and how many bytes of the same segment follow from there.
    ///
    /// # Errors
    /// `Malformed` if the address is in the file part of no loaded segment, or of two.
    pub fn offset_of(&self, address: VirtAddr) -> Result<(FileOffset, u64)> {
        let mut found = None;
        for segment in self.loads() {
            let Some(delta) = address.0.checked_sub(segment.address) else { continue };
            if delta >= segment.file_size {
                continue;
            }
            if found.is_some() {
                return Err(Error::malformed(format!("address {:#x} is in two loaded segments", address.0)));
            }
            let offset =
                segment.offset.checked_add(delta).ok_or_else(|| Error::malformed("a segment's offset overflows"))?;
            found = Some((FileOffset(offset), segment.file_size - delta));
        }
        found.ok_or_else(|| Error::malformed(format!("address {:#x} is in no loaded segment", address.0)))
    }

    /// Returns the segment that holds the dynamic section: the last `PT_DYNAMIC`, as glibc and musl take it.
    pub fn dynamic_segment(&self) -> Option<&Segment> {
        self.segments.iter().rev().find(|segment| segment.kind == elf::PT_DYNAMIC.0)
    }

    /// Returns where the dynamic section lies in the file, by its address as loaders find it, and its size cut at the
    /// end of the file part of its loaded segment; `None` if there is no `PT_DYNAMIC`.
    ///
    /// # Errors
    /// `Malformed` if the address is in the file part of no loaded segment, or of two.
    pub fn dynamic_range(&self) -> Result<Option<(FileOffset, u64)>> {
        let Some(segment) = self.dynamic_segment() else { return Ok(None) };
        let (offset, available) = self.offset_of(VirtAddr(segment.address))?;
        Ok(Some((offset, segment.file_size.min(available))))
    }

    /// Returns the dynamic entries before the first `DT_NULL`; empty if there is no `PT_DYNAMIC`.
    ///
    /// # Errors
    /// `Malformed` if no `DT_NULL` ends them within the segment, where loaders would run on (`elf/dynamic-link.h`), or
    /// if `p_offset` and `p_vaddr` of `PT_DYNAMIC` name different places; `Unsupported` for more than 65,536 entries.
    pub fn dynamic(&self) -> Result<Vec<DynamicEntry>> {
        let Some((offset, size)) = self.dynamic_range()? else { return Ok(Vec::new()) };
        if self.dynamic_segment().is_some_and(|segment| segment.offset != offset.0) {
            return Err(Error::malformed("`p_offset` and `p_vaddr` of `PT_DYNAMIC` name different places"));
        }
        match self.dynamic_entries(offset, size)? {
            (entries, true) => Ok(entries),
            (_, false) => Err(Error::malformed("no `DT_NULL` ends the dynamic section")),
        }
    }

    /// Returns the dynamic entries in `size` bytes at `offset` up to `DT_NULL`, and whether there is one.
    ///
    /// # Errors
    /// `Malformed` if the bytes leave the file; `Unsupported` for more than 65,536 entries.
    pub fn dynamic_entries(&self, offset: FileOffset, size: u64) -> Result<(Vec<DynamicEntry>, bool)> {
        let table = Bytes::new(self.bytes.slice(offset.0, size)?, self.bytes.endian());
        let entry_size = self.header.dynamic_size();
        let mut entries = Vec::new();
        for index in 0..table.len() / entry_size {
            let entry = read_dynamic(table, self.header.width, index * entry_size)?;
            if entry.tag == elf::DT_NULL.0 {
                return Ok((entries, true));
            }
            if index >= MAX_DYNAMIC_ENTRIES {
                return Err(Error::unsupported(format!("more than {MAX_DYNAMIC_ENTRIES} dynamic entries")));
            }
            entries.push(entry);
        }
        Ok((entries, false))
    }

    /// Returns the strings that `DT_STRTAB` and `DT_STRSZ` delimit.
    ///
    /// # Errors
    /// `Malformed` if one of the entries is missing or the table leaves its loaded segment.
    pub fn dynamic_strings(&self, entries: &[DynamicEntry]) -> Result<Strings<'a>> {
        let address = last(entries, elf::DT_STRTAB.0).ok_or_else(|| Error::malformed("no `DT_STRTAB`"))?;
        let size = last(entries, elf::DT_STRSZ.0).ok_or_else(|| Error::malformed("no `DT_STRSZ`"))?;
        let (offset, available) = self.offset_of(VirtAddr(address)).map_err(|error| error.context("`DT_STRTAB`"))?;
        if size > available {
            return Err(Error::malformed("the dynamic strings leave their segment"));
        }
        Ok(Strings { data: self.bytes.slice(offset.0, size)?, offset })
    }

    /// Returns the bytes of the file from `address` to the end of the file part of its segment, and their offset.
    ///
    /// # Errors
    /// `Malformed` if the address is in the file part of no loaded segment, or of two, or the segment leaves the file.
    pub fn bytes_at(&self, address: u64) -> Result<(FileOffset, Bytes<'a>)> {
        let (offset, available) = self.offset_of(VirtAddr(address))?;
        Ok((offset, self.bytes.part(offset.0, available)?))
    }

    /// Returns the bytes of a section's name, cut at 256; empty if there is none.
    pub fn section_name(&self, section: &Section) -> &'a [u8] {
        let names = usize::try_from(self.header.section_names).ok().and_then(|index| self.sections.get(index));
        let Some(names) = names.filter(|names| u64::from(section.name) < names.size) else { return &[] };
        let size = (names.size - u64::from(section.name)).min(256);
        let Some(at) = names.offset.checked_add(u64::from(section.name)) else { return &[] };
        let size = size.min(self.bytes.len().saturating_sub(at));
        let window = self.bytes.slice(at, size).unwrap_or_default();
        let end = window.iter().position(|byte| *byte == 0).unwrap_or(window.len());
        window.get(..end).unwrap_or_default()
    }
}

impl<'a> Strings<'a> {
    /// Returns the string at `at` without its NUL.
    ///
    /// # Errors
    /// `Malformed` if it begins or ends outside the table, or is longer than `limit` bytes.
    pub fn get(&self, at: u64, limit: usize) -> Result<&'a [u8]> {
        let rest = usize::try_from(at).ok().and_then(|at| self.data.get(at..)).filter(|rest| !rest.is_empty());
        let rest = rest.ok_or_else(|| Error::malformed(format!("string {at:#x} lies outside the dynamic strings")))?;
        let window = rest.get(..=limit).unwrap_or(rest);
        match window.iter().position(|byte| *byte == 0) {
            Some(length) => Ok(window.get(..length).unwrap_or_default()),
            None if window.len() == rest.len() => {
                Err(Error::malformed(format!("string {at:#x} of the dynamic strings has no end")))
            }
            None => {
                Err(Error::malformed(format!("string {at:#x} of the dynamic strings is longer than {limit} bytes")))
            }
        }
    }
}

/// Returns the value of the last entry with `tag`, which is the one that loaders take.
pub fn last(entries: &[DynamicEntry], tag: i64) -> Option<u64> {
    entries.iter().rev().find(|entry| entry.tag == tag).map(|entry| entry.value)
}

/// Reads one dynamic entry at `at`.
///
/// # Errors
/// `Malformed` if it leaves the bytes.
pub fn read_dynamic(bytes: Bytes<'_>, width: Width, at: u64) -> Result<DynamicEntry> {
    Ok(match width {
        // Elf32_Sword: sign-extended, so that processor-specific tags compare alike in both widths.
        Width::W32 => DynamicEntry {
            tag: i64::from(bytes.u32(at)?.cast_signed()),
            value: u64::from(bytes.u32(at.saturating_add(4))?),
        },
        Width::W64 => DynamicEntry { tag: bytes.u64(at)?.cast_signed(), value: bytes.u64(at.saturating_add(8))? },
    })
}

fn read_header(bytes: Bytes<'_>, width: Width, os_abi: u8) -> Result<Header> {
    let word = |at32: u64, at64: u64| match width {
        Width::W32 => bytes.u32(at32).map(u64::from),
        Width::W64 => bytes.u64(at64),
    };
    let half = |at32: u64, at64: u64| match width {
        Width::W32 => bytes.u16(at32),
        Width::W64 => bytes.u16(at64),
    };
    let mut header = Header {
        width,
        endian: bytes.endian(),
        os_abi,
        kind: bytes.u16(16)?,
        machine: bytes.u16(18)?,
        entry: VirtAddr(word(24, 24)?),
        program_headers: FileOffset(word(28, 32)?),
        section_headers: FileOffset(word(32, 40)?),
        flags: bytes.u32(if width == Width::W32 { 36 } else { 48 })?,
        program_header_count: u64::from(half(44, 56)?),
        section_count: u64::from(half(48, 60)?),
        section_names: u64::from(half(50, 62)?),
    };
    let segment_size = u64::from(half(42, 54)?);
    if header.program_header_count == u64::from(elf::PN_XNUM) {
        // The kernel does not follow PN_XNUM for loadable files (fs/binfmt_elf.c), so nothing can load this.
        return Err(Error::unsupported("extended program header numbering (`PN_XNUM`)"));
    }
    if header.program_header_count > 0 && segment_size != header.segment_size() {
        return Err(Error::malformed(format!("`e_phentsize` is {segment_size}, not {}", header.segment_size())));
    }
    if header.program_header_count > MAX_PROGRAM_HEADERS {
        return Err(Error::unsupported(format!(
            "{} program headers, more than {MAX_PROGRAM_HEADERS}",
            header.program_header_count
        )));
    }
    if header.section_headers.0 == 0 {
        header.section_count = 0;
        header.section_names = 0;
    }
    Ok(header)
}

/// Reads the section headers, and resolves the header's extended numbering.
fn read_sections(bytes: Bytes<'_>, header: &mut Header) -> Result<Vec<Section>> {
    if header.section_headers.0 == 0 {
        return Ok(Vec::new());
    }
    let size = u64::from(bytes.u16(if header.width == Width::W32 { 46 } else { 58 })?);
    if size != header.section_size() {
        return Err(Error::malformed(format!("`e_shentsize` is {size}, not {}", header.section_size())));
    }
    // gABI, "Sections": what does not fit the header stands in section 0.
    if header.section_count == 0 {
        header.section_count = read_section(bytes, header, 0)?.size;
    }
    if header.section_names == u64::from(elf::SHN_XINDEX.0) {
        header.section_names = u64::from(read_section(bytes, header, 0)?.link);
    }
    if header.section_count > MAX_SECTIONS {
        return Err(Error::unsupported(format!("{} sections, more than {MAX_SECTIONS}", header.section_count)));
    }
    bytes
        .slice(header.section_headers.0, header.section_count.saturating_mul(size))
        .map_err(|_| Error::malformed("the section header table leaves the file"))?;
    (0..header.section_count).map(|index| read_section(bytes, header, index)).collect()
}

fn read_segment(bytes: Bytes<'_>, header: &Header, index: u64) -> Result<Segment> {
    let at = header.program_headers.0.saturating_add(index * header.segment_size());
    let field = |at32: u64, at64: u64| match header.width {
        Width::W32 => bytes.u32(at.saturating_add(at32)).map(u64::from),
        Width::W64 => bytes.u64(at.saturating_add(at64)),
    };
    let flags_at = if header.width == Width::W32 { 24 } else { 4 };
    Ok(Segment {
        kind: bytes.u32(at)?,
        flags: bytes.u32(at.saturating_add(flags_at))?,
        offset: field(4, 8)?,
        address: field(8, 16)?,
        physical: field(12, 24)?,
        file_size: field(16, 32)?,
        memory_size: field(20, 40)?,
        align: field(28, 48)?,
    })
}

fn read_section(bytes: Bytes<'_>, header: &Header, index: u64) -> Result<Section> {
    let at = header.section_headers.0.saturating_add(index * header.section_size());
    let field = |at32: u64, at64: u64| match header.width {
        Width::W32 => bytes.u32(at.saturating_add(at32)).map(u64::from),
        Width::W64 => bytes.u64(at.saturating_add(at64)),
    };
    let half =
        |at32: u64, at64: u64| bytes.u32(at.saturating_add(if header.width == Width::W32 { at32 } else { at64 }));
    Ok(Section {
        name: bytes.u32(at)?,
        kind: bytes.u32(at.saturating_add(4))?,
        flags: field(8, 8)?,
        address: field(12, 16)?,
        offset: field(16, 24)?,
        size: field(20, 32)?,
        link: half(24, 40)?,
        info: half(28, 44)?,
        align: field(32, 48)?,
        entry_size: field(36, 56)?,
    })
}
