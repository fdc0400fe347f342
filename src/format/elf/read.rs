//! Raw ELF: headers, dynamic section, strings, addresses to offsets; every access checked, nothing interpreted.

use object::elf;

use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian, FileOffset, VirtAddr, Width};

/// More program headers than any linker writes; a file with more is refused.
const MAX_PROGRAM_HEADERS: u64 = 4096;
/// More sections than any linker writes; a file with more is refused.
const MAX_SECTIONS: u64 = 65_536;

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
    /// Reads header, program headers and section headers.
    ///
    /// # Errors
    /// `Malformed` if a table leaves the file or an entry size is not the specification's; `Unsupported` for more
    /// headers than 4,096 or more sections than 65,536.
    pub fn parse(data: &'a [u8]) -> Result<Self> {
        let ident: [u8; 16] = Bytes::new(data, Endian::Little).array(0)?;
        if ident[..4] != elf::ELFMAG {
            return Err(Error::malformed("no ELF magic number"));
        }
        let width = match ident[4] {
            1 => Width::W32,
            2 => Width::W64,
            class => return Err(Error::malformed(format!("ELF class {class} is neither 32-bit nor 64-bit"))),
        };
        let endian = match ident[5] {
            1 => Endian::Little,
            2 => Endian::Big,
            order => return Err(Error::malformed(format!("ELF data encoding {order} is not known"))),
        };
        let bytes = Bytes::new(data, endian);
        let header = read_header(bytes, width, ident[7])?;
        let segments = (0..header.program_header_count)
            .map(|index| read_segment(bytes, &header, index))
            .collect::<Result<Vec<_>>>()?;
        let sections =
            (0..header.section_count).map(|index| read_section(bytes, &header, index)).collect::<Result<Vec<_>>>()?;
        Ok(Self { bytes, header, segments, sections })
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

    /// Returns the dynamic entries before the first `DT_NULL`; empty if there is no `PT_DYNAMIC`.
    ///
    /// # Errors
    /// `Malformed` if no `DT_NULL` ends them within the segment: loaders would run on (`elf/dynamic-link.h`).
    pub fn dynamic(&self) -> Result<Vec<DynamicEntry>> {
        let Some(segment) = self.dynamic_segment() else { return Ok(Vec::new()) };
        let size = self.header.dynamic_size();
        let table = self.bytes.slice(segment.offset, segment.file_size)?;
        let table = Bytes::new(table, self.bytes.endian());
        let mut entries = Vec::new();
        for index in 0..table.len() / size {
            let entry = read_dynamic(table, self.header.width, index * size)?;
            if entry.tag == elf::DT_NULL.0 {
                return Ok(entries);
            }
            entries.push(entry);
        }
        Err(Error::malformed("no `DT_NULL` ends the dynamic section"))
    }
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
    let section_size = u64::from(half(46, 58)?);
    if header.program_header_count == u64::from(elf::PN_XNUM) {
        // The kernel does not follow PN_XNUM for loadable files (fs/binfmt_elf.c), so nothing can load this.
        return Err(Error::unsupported("extended program header numbering (`PN_XNUM`)"));
    }
    if header.program_header_count > 0 && segment_size != header.segment_size() {
        return Err(Error::malformed(format!("`e_phentsize` is {segment_size}, not {}", header.segment_size())));
    }
    if header.section_headers.0 == 0 {
        header.section_count = 0;
        header.section_names = 0;
    } else {
        if section_size != header.section_size() {
            return Err(Error::malformed(format!("`e_shentsize` is {section_size}, not {}", header.section_size())));
        }
        // gABI, "Sections": what does not fit the header stands in section 0.
        if header.section_count == 0 {
            header.section_count = read_section(bytes, &header, 0)?.size;
        }
        if header.section_names == u64::from(elf::SHN_XINDEX.0) {
            header.section_names = u64::from(read_section(bytes, &header, 0)?.link);
        }
    }
    if header.program_header_count > MAX_PROGRAM_HEADERS {
        return Err(Error::unsupported(format!(
            "{} program headers, more than {MAX_PROGRAM_HEADERS}",
            header.program_header_count
        )));
    }
    if header.section_count > MAX_SECTIONS {
        return Err(Error::unsupported(format!("{} sections, more than {MAX_SECTIONS}", header.section_count)));
    }
    Ok(header)
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
