//! Raw tables of one slice: header, load commands, segments, sections; every access is checked.

use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian, Width};
use crate::format::excerpt::Excerpt;

/// The Mach-O header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) width: Width,
    pub(super) endian: Endian,
    pub(super) cpu_type: u32,
    pub(super) cpu_subtype: u32,
    pub(super) file_type: u32,
    /// `ncmds`.
    pub(super) count: u32,
    /// `sizeofcmds`.
    pub(super) commands_size: u32,
    pub(super) flags: u32,
}

impl Header {
    /// Returns the header's own size.
    pub(super) fn size(self) -> u64 {
        match self.width {
            Width::W32 => 28,
            Width::W64 => 32,
        }
    }

    /// Returns where the load commands end.
    pub(super) fn commands_end(self) -> u64 {
        self.size() + u64::from(self.commands_size)
    }
}

/// One load command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command<'a> {
    /// `cmd`.
    pub(super) kind: u32,
    /// All of it, `cmd` and `cmdsize` included.
    pub(super) bytes: Bytes<'a>,
}

impl<'a> Command<'a> {
    /// Returns the string whose offset is the number at `at`; the whole rest if no NUL ends it, which is an error too.
    pub(super) fn string(&self, at: u64) -> Result<&'a [u8]> {
        let offset = u64::from(self.bytes.u32(at)?);
        if offset < at + 4 {
            return Err(Error::malformed("the string of a load command begins in its header"));
        }
        self.bytes.c_string(offset, self.bytes.len())
    }
}

/// A segment as its load command has it.
#[derive(Debug, Clone)]
pub(super) struct Segment<'a> {
    pub(super) name: &'a [u8],
    pub(super) address: u64,
    pub(super) memory_size: u64,
    pub(super) offset: u64,
    pub(super) file_size: u64,
    pub(super) max_protection: u32,
    pub(super) protection: u32,
    pub(super) sections: Vec<Section<'a>>,
    /// `nsects` says more than the command holds.
    pub(super) is_cut: bool,
}

/// A section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) name: &'a [u8],
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) offset: u64,
    pub(super) flags: u32,
}

impl Section<'_> {
    /// Whether it has no bytes in the file: `S_ZEROFILL`, `S_GB_ZEROFILL`, `S_THREAD_LOCAL_ZEROFILL`.
    pub(super) fn is_zero_fill(&self) -> bool {
        matches!(self.flags & 0xff, 0x1 | 0xc | 0x12)
    }
}

/// More bytes of load commands than any linker writes.
const MAX_COMMANDS_SIZE: u32 = 8 * 1024 * 1024;
/// `LC_SEGMENT`.
pub(super) const SEGMENT: u32 = 0x1;
/// `LC_SEGMENT_64`.
pub(super) const SEGMENT_64: u32 = 0x19;

/// One slice, its bytes, and its load commands.
#[derive(Debug, Clone)]
pub(super) struct Macho<'a> {
    /// The slice.
    pub(super) bytes: Bytes<'a>,
    pub(super) header: Header,
    pub(super) commands: Vec<Command<'a>>,
}

impl<'a> Macho<'a> {
    /// Reads header and load commands of a slice.
    ///
    /// # Errors
    /// `Malformed` if the header or a load command is not sound.
    pub(super) fn parse(data: &'a [u8]) -> Result<Self> {
        match Self::parse_what_is_sound(data.into())? {
            (slice, None) => Ok(slice),
            (_, Some(error)) => Err(error),
        }
    }

    /// Reads header and load commands up to the first that is not sound, which is told beside them.
    ///
    /// # Errors
    /// `Malformed` if the header is not whole.
    pub(super) fn parse_what_is_sound(slice: Excerpt<'a>) -> Result<(Self, Option<Error>)> {
        let (width, endian) = match Bytes::of_excerpt(slice, Endian::Big).u32(0)? {
            0xfeed_face => (Width::W32, Endian::Big),
            0xcefa_edfe => (Width::W32, Endian::Little),
            0xfeed_facf => (Width::W64, Endian::Big),
            0xcffa_edfe => (Width::W64, Endian::Little),
            _ => return Err(Error::malformed("no Mach-O magic number")),
        };
        let bytes = Bytes::of_excerpt(slice, endian);
        let header = Header {
            width,
            endian,
            cpu_type: bytes.u32(4)?,
            cpu_subtype: bytes.u32(8)?,
            file_type: bytes.u32(12)?,
            count: bytes.u32(16)?,
            commands_size: bytes.u32(20)?,
            flags: bytes.u32(24)?,
        };
        bytes.slice(0, header.size())?;
        let mut slice = Self { bytes, header, commands: Vec::new() };
        let error = slice.read_commands().err();
        Ok((slice, error))
    }

    fn read_commands(&mut self) -> Result<()> {
        let Header { count, commands_size, endian, .. } = self.header;
        if commands_size > MAX_COMMANDS_SIZE {
            return Err(Error::malformed(format!("load commands of {commands_size} bytes")));
        }
        let start = self.header.size();
        let available = u64::from(commands_size).min(self.bytes.len().saturating_sub(start));
        let area = self.bytes.slice(start, available)?;
        let area = Bytes::new(area, endian);
        let mut at = 0_u64;
        for index in 0..count {
            let wrong = |what: &str| Error::malformed(format!("load command {index} {what}"));
            let (Ok(kind), Ok(size)) = (area.u32(at), area.u32(at + 4)) else {
                return Err(wrong("begins after the end of the commands"));
            };
            if size < 8 || size % 4 != 0 {
                return Err(wrong(&format!("has the size {size}")));
            }
            let Ok(bytes) = area.slice(at, u64::from(size)) else {
                return Err(wrong("leaves the commands or the file"));
            };
            self.commands.push(Command { kind, bytes: Bytes::new(bytes, endian) });
            at += u64::from(size);
        }
        if available < u64::from(commands_size) {
            return Err(Error::malformed("the load commands leave the file"));
        }
        Ok(())
    }

    /// Returns the load commands of one kind.
    pub(super) fn of_kind(&self, kind: u32) -> impl Iterator<Item = &Command<'a>> {
        self.commands.iter().filter(move |command| command.kind == kind)
    }

    /// Returns the segments, in order; one whose command is too short is left out.
    pub(super) fn segments(&self) -> Vec<Segment<'a>> {
        self.commands.iter().filter_map(segment).collect()
    }
}

/// Reads a segment and its sections; `None` if the command is another or too short.
pub(super) fn segment<'a>(command: &Command<'a>) -> Option<Segment<'a>> {
    let (width, header, size) = match command.kind {
        SEGMENT => (Width::W32, 56, 68),
        SEGMENT_64 => (Width::W64, 72, 80),
        _ => return None,
    };
    let bytes = command.bytes;
    let word = |at: u64| bytes.word(at, width).ok();
    let step = width.bytes();
    let tail = 24 + 4 * step;
    let mut segment = Segment {
        name: name(bytes.slice(8, 16).ok()?),
        address: word(24)?,
        memory_size: word(24 + step)?,
        offset: word(24 + 2 * step)?,
        file_size: word(24 + 3 * step)?,
        max_protection: bytes.u32(tail).ok()?,
        protection: bytes.u32(tail + 4).ok()?,
        sections: Vec::new(),
        is_cut: false,
    };
    let count = bytes.u32(tail + 8).ok()?;
    for index in 0..u64::from(count) {
        let Ok(raw) = bytes.slice(header + index * size, size) else {
            segment.is_cut = true;
            break;
        };
        let raw = Bytes::new(raw, bytes.endian());
        let after = 32 + 2 * step;
        segment.sections.push(Section {
            name: name(raw.slice(0, 16).ok()?),
            address: raw.word(32, width).ok()?,
            size: raw.word(32 + step, width).ok()?,
            offset: u64::from(raw.u32(after).ok()?),
            flags: raw.u32(after + 16).ok()?,
        });
    }
    Some(segment)
}

/// A name of up to 16 bytes.
fn name(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}
