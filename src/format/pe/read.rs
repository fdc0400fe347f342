//! The raw PE file: headers, directories, sections, and addresses turned into offsets as the loader maps them.

use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian, Width};
use crate::format::excerpt::Excerpt;

/// More sections than any linker writes; Windows takes 96.
const MAX_SECTIONS: u16 = 1024;
/// Sector size: the loader reads sections from the sector their pointer lies in.
const SECTOR: u64 = 0x200;
/// `IMAGE_FILE_DLL`.
pub(super) const FILE_DLL: u16 = 0x2000;
/// `IMAGE_FILE_EXECUTABLE_IMAGE`.
pub(super) const FILE_EXECUTABLE: u16 = 0x0002;

/// Machines that wheels are made for.
pub(super) mod machine {
    pub(in crate::format::pe) const I386: u16 = 0x014c;
    pub(in crate::format::pe) const AMD64: u16 = 0x8664;
    pub(in crate::format::pe) const ARM64: u16 = 0xaa64;
}

/// Numbers of data directories.
pub(super) mod directory {
    pub(in crate::format::pe) const EXPORT: usize = 0;
    pub(in crate::format::pe) const IMPORT: usize = 1;
    pub(in crate::format::pe) const RESOURCE: usize = 2;
    pub(in crate::format::pe) const SECURITY: usize = 4;
    pub(in crate::format::pe) const DEBUG: usize = 6;
    pub(in crate::format::pe) const LOAD_CONFIG: usize = 10;
    pub(in crate::format::pe) const BOUND_IMPORT: usize = 11;
    pub(in crate::format::pe) const DELAY_IMPORT: usize = 13;
    pub(in crate::format::pe) const CLR: usize = 14;
}

/// Section flags.
pub(super) mod flags {
    pub(in crate::format::pe) const CODE: u32 = 0x20;
    pub(in crate::format::pe) const INITIALIZED: u32 = 0x40;
    pub(in crate::format::pe) const DISCARDABLE: u32 = 0x0200_0000;
    pub(in crate::format::pe) const SHARED: u32 = 0x1000_0000;
    pub(in crate::format::pe) const EXECUTE: u32 = 0x2000_0000;
    pub(in crate::format::pe) const READ: u32 = 0x4000_0000;
    pub(in crate::format::pe) const WRITE: u32 = 0x8000_0000;
}

/// The file header and the optional header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Where `PE\0\0` lies.
    pub(super) at: u64,
    pub(super) machine: u16,
    pub(super) section_count: u16,
    pub(super) timestamp: u32,
    pub(super) symbol_table: u64,
    pub(super) symbol_count: u32,
    pub(super) optional_size: u16,
    pub(super) characteristics: u16,
    pub(super) width: Width,
    pub(super) linker: (u8, u8),
    pub(super) initialized_size: u32,
    pub(super) image_base: u64,
    pub(super) section_alignment: u32,
    pub(super) file_alignment: u32,
    pub(super) os_version: (u16, u16),
    pub(super) subsystem_version: (u16, u16),
    pub(super) image_size: u32,
    pub(super) headers_size: u32,
    pub(super) checksum: u32,
    pub(super) subsystem: u16,
    pub(super) dll_characteristics: u16,
}

impl Header {
    /// Where the optional header lies.
    pub(super) fn optional(&self) -> u64 {
        self.at + 24
    }

    /// Where the data directories lie.
    pub(super) fn directories(&self) -> u64 {
        self.optional()
            + match self.width {
                Width::W32 => 96,
                Width::W64 => 112,
            }
    }

    /// Where the section headers lie.
    pub(super) fn sections(&self) -> u64 {
        self.optional() + u64::from(self.optional_size)
    }

    /// Where the section headers end.
    pub(super) fn sections_end(&self) -> u64 {
        self.sections() + 40 * u64::from(self.section_count)
    }

    /// Where the checksum lies.
    pub(super) fn checksum_at(&self) -> u64 {
        self.optional() + 64
    }
}

/// A data directory; of the certificate table the address is a file offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Directory {
    pub(super) address: u32,
    pub(super) size: u32,
}

impl Directory {
    /// Whether the address lies in it.
    pub(super) fn contains(self, address: u32) -> bool {
        address.checked_sub(self.address).is_some_and(|within| within < self.size)
    }
}

/// A section header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: [u8; 8],
    pub(super) virtual_size: u32,
    pub(super) address: u32,
    pub(super) raw_size: u32,
    pub(super) raw_offset: u32,
    pub(super) relocations: u32,
    pub(super) line_numbers: u32,
    pub(super) line_number_count: u16,
    pub(super) flags: u32,
}

impl Section {
    /// Its name without padding.
    pub(super) fn name(&self) -> &[u8] {
        self.name.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Size in memory.
    pub(super) fn memory_size(&self) -> u32 {
        if self.virtual_size == 0 { self.raw_size } else { self.virtual_size }
    }

    /// Whether the address lies in its memory.
    pub(super) fn contains(&self, address: u32) -> bool {
        address.checked_sub(self.address).is_some_and(|within| within < self.memory_size())
    }

    /// Where its bytes begin in the file, as the loader reads them.
    pub(super) fn start(&self) -> u64 {
        u64::from(self.raw_offset) / SECTOR * SECTOR
    }

    /// Whether it has bytes in the file.
    pub(super) fn has_bytes(&self) -> bool {
        self.raw_size > 0 && self.raw_offset > 0
    }
}

/// A parsed file: header, directories and sections; the tables they name are read on demand.
#[derive(Debug, Clone)]
pub(super) struct Pe<'a> {
    pub(super) bytes: Bytes<'a>,
    pub(super) header: Header,
    pub(super) directories: Vec<Directory>,
    pub(super) sections: Vec<Section>,
}

impl<'a> Pe<'a> {
    /// Reads the headers; `None` if the file is a DOS program, or one of Windows 3 or OS/2.
    ///
    /// # Errors
    /// `Malformed` if a header leaves the file or contradicts itself; `Unsupported` if there are absurdly many sections.
    pub(super) fn parse(file: Excerpt<'a>) -> Result<Option<Self>> {
        let bytes = Bytes::of_excerpt(file, Endian::Little);
        let at = u64::from(bytes.u32(0x3c)?);
        match bytes.slice(at, 4) {
            Ok(b"PE\0\0") => {}
            Ok(_) => return Ok(None),
            // A DOS program's relocations begin inside the first 64 bytes; there, 0x3c means nothing.
            Err(_) if bytes.u16(0x18)? < 0x40 => return Ok(None),
            Err(_) => return Err(Error::malformed(format!("the header at offset {at:#x} lies outside the file"))),
        }
        let header = read_header(bytes, at)?;
        if header.section_count > MAX_SECTIONS {
            return Err(Error::unsupported(format!("{} sections, more than {MAX_SECTIONS}", header.section_count)));
        }
        let directories = read_directories(bytes, &header)?;
        let mut sections = Vec::with_capacity(usize::from(header.section_count));
        for index in 0..u64::from(header.section_count) {
            sections.push(read_section(bytes, header.sections() + 40 * index)?);
        }
        Ok(Some(Self { bytes, header, directories, sections }))
    }

    /// Reads a file that is edited.
    ///
    /// # Errors
    /// As [`Pe::parse`]; `Unsupported` if it is a DOS program.
    pub(super) fn parse_image(data: &'a [u8]) -> Result<Self> {
        Self::parse(data.into())?.ok_or_else(|| Error::unsupported("a DOS program, not a PE file"))
    }

    /// The data directory of that number; empty if there is none.
    pub(super) fn directory(&self, number: usize) -> Directory {
        self.directories.get(number).copied().unwrap_or_default()
    }

    /// The section whose memory holds the address.
    pub(super) fn section_at(&self, address: u32) -> Option<(usize, &Section)> {
        self.sections.iter().enumerate().find(|(_, section)| section.contains(address))
    }

    /// Where the byte at an address lies in the file, and where the run of bytes that it belongs to ends.
    ///
    /// # Errors
    /// `Malformed` if no bytes of the file are mapped there.
    pub(super) fn place(&self, address: u32) -> Result<(u64, u64)> {
        let nowhere = || Error::malformed(format!("no bytes of the file are at address {address:#x}"));
        if self.is_flat() || address < self.header.headers_size {
            let end = if self.is_flat() { self.bytes.len() } else { u64::from(self.header.headers_size) };
            let end = end.min(self.bytes.len());
            return if u64::from(address) < end { Ok((u64::from(address), end)) } else { Err(nowhere()) };
        }
        let (_, section) = self.section_at(address).filter(|(_, section)| section.has_bytes()).ok_or_else(nowhere)?;
        let within = u64::from(address - section.address);
        let size = u64::from(section.raw_size.min(section.memory_size()));
        let end = (section.start() + size).min(self.bytes.len());
        let at = section.start() + within;
        if at < end { Ok((at, end)) } else { Err(nowhere()) }
    }

    /// Where `size` bytes at an address lie in the file.
    ///
    /// # Errors
    /// `Malformed` if not all of them are mapped from the file, in one run.
    pub(super) fn offset(&self, address: u32, size: u64) -> Result<u64> {
        let (at, end) = self.place(address)?;
        if at.checked_add(size).is_some_and(|last| last <= end) {
            Ok(at)
        } else {
            Err(Error::malformed(format!("{size} bytes at address {address:#x} leave their section")))
        }
    }

    /// Where the byte at an address lies in the file, if it does, and the address up to which the same holds.
    pub(super) fn run(&self, address: u32) -> (Option<u64>, u64) {
        if let Ok((at, end)) = self.place(address) {
            return (Some(at), u64::from(address) + (end - at));
        }
        let edges = self.sections.iter().flat_map(|section| {
            let start = u64::from(section.address);
            [start, start + u64::from(section.memory_size())]
        });
        let next = edges.filter(|edge| *edge > u64::from(address)).min();
        (None, next.unwrap_or(u64::MAX))
    }

    /// The bytes at an address.
    ///
    /// # Errors
    /// As [`Pe::offset`].
    pub(super) fn at(&self, address: u32, size: u64) -> Result<&'a [u8]> {
        self.bytes.slice(self.offset(address, size)?, size)
    }

    /// The text at an address, up to its NUL, of at most `limit` bytes.
    ///
    /// # Errors
    /// `Malformed` if it is not in the file or has no end.
    pub(super) fn text(&self, address: u32, limit: u64) -> Result<&'a [u8]> {
        let (at, end) = self.place(address)?;
        self.bytes
            .c_string(at, end.min(at.saturating_add(limit).saturating_add(1)))
            .map_err(|_| Error::malformed(format!("the name at address {address:#x} has no end")))
    }

    /// Whether sections lie in memory as they lie in the file (section alignment smaller than a page).
    fn is_flat(&self) -> bool {
        self.header.section_alignment < 0x1000 && self.header.section_alignment == self.header.file_alignment
    }

    /// Where the bytes of headers and sections end in the file.
    pub(super) fn sections_end(&self) -> u64 {
        let ends = self
            .sections
            .iter()
            .filter(|section| section.has_bytes())
            .map(|section| u64::from(section.raw_offset) + u64::from(section.raw_size));
        ends.chain([u64::from(self.header.headers_size)]).max().unwrap_or(0)
    }

    /// The certificate table as file offset and size, if there is one inside the file.
    pub(super) fn certificates(&self) -> Option<(u64, u64)> {
        let directory = self.directory(directory::SECURITY);
        let (at, size) = (u64::from(directory.address), u64::from(directory.size));
        (size > 0 && at > 0 && at + size <= self.bytes.len()).then_some((at, size))
    }
}

fn read_header(bytes: Bytes<'_>, at: u64) -> Result<Header> {
    let coff = at + 4;
    let optional = at + 24;
    let width = match bytes.u16(optional)? {
        0x10b => Width::W32,
        0x20b => Width::W64,
        magic => return Err(Error::malformed(format!("an optional header of unknown kind {magic:#x}"))),
    };
    let pair = |at: u64| Ok::<_, Error>((bytes.u16(at)?, bytes.u16(at + 2)?));
    Ok(Header {
        at,
        machine: bytes.u16(coff)?,
        section_count: bytes.u16(coff + 2)?,
        timestamp: bytes.u32(coff + 4)?,
        symbol_table: u64::from(bytes.u32(coff + 8)?),
        symbol_count: bytes.u32(coff + 12)?,
        optional_size: bytes.u16(coff + 16)?,
        characteristics: bytes.u16(coff + 18)?,
        width,
        linker: (bytes.u8(optional + 2)?, bytes.u8(optional + 3)?),
        initialized_size: bytes.u32(optional + 8)?,
        image_base: match width {
            Width::W32 => u64::from(bytes.u32(optional + 28)?),
            Width::W64 => bytes.u64(optional + 24)?,
        },
        section_alignment: bytes.u32(optional + 32)?,
        file_alignment: bytes.u32(optional + 36)?,
        os_version: pair(optional + 40)?,
        subsystem_version: pair(optional + 48)?,
        image_size: bytes.u32(optional + 56)?,
        headers_size: bytes.u32(optional + 60)?,
        checksum: bytes.u32(optional + 64)?,
        subsystem: bytes.u16(optional + 68)?,
        dll_characteristics: bytes.u16(optional + 70)?,
    })
}

fn read_directories(bytes: Bytes<'_>, header: &Header) -> Result<Vec<Directory>> {
    let at = header.directories();
    // No more than fit the optional header, and the format knows 16.
    let room = header.sections().saturating_sub(at) / 8;
    let count = u64::from(bytes.u32(at - 4)?).min(room).min(16);
    let read = |index: u64| Ok(Directory { address: bytes.u32(at + 8 * index)?, size: bytes.u32(at + 8 * index + 4)? });
    (0..count).map(read).collect()
}

fn read_section(bytes: Bytes<'_>, at: u64) -> Result<Section> {
    Ok(Section {
        name: bytes.array(at)?,
        virtual_size: bytes.u32(at + 8)?,
        address: bytes.u32(at + 12)?,
        raw_size: bytes.u32(at + 16)?,
        raw_offset: bytes.u32(at + 20)?,
        relocations: bytes.u32(at + 24)?,
        line_numbers: bytes.u32(at + 28)?,
        line_number_count: bytes.u16(at + 34)?,
        flags: bytes.u32(at + 36)?,
    })
}
