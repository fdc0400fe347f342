//! Universal files: which slices there are, and where they lie.

use std::ops::Range;

use super::facts::Container;
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian};
use crate::format::excerpt::Excerpt;

/// More slices than there are kinds of processor; Java class files, which begin with the same magic, state 45 or more here.
const MAX_SLICES: u32 = 42;
/// The largest alignment that dyld and lipo take (2^15).
const MAX_ALIGN: u32 = 15;

/// One entry of a universal header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) cpu_type: u32,
    pub(super) cpu_subtype: u32,
    pub(super) range: Range<u64>,
    /// Log2 of the alignment.
    pub(super) align: u32,
}

/// A file taken apart into its slices.
#[derive(Debug, Clone)]
pub(super) struct Universal {
    pub(super) container: Container,
    /// The slices in the order of the header.
    pub(super) entries: Vec<Entry>,
}

/// Returns true for the magic number of a thin or universal Mach-O file.
pub(crate) fn is_macho(head: &[u8]) -> bool {
    match head {
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => true,
        [0xca, 0xfe, 0xba, 0xbe | 0xbf, a, b, c, d, ..] => {
            (1..=MAX_SLICES).contains(&u32::from_be_bytes([*a, *b, *c, *d]))
        }
        _ => false,
    }
}

impl Universal {
    /// Reads the universal header; a thin file is one slice.
    ///
    /// # Errors
    /// `Malformed` if a slice leaves the file, overlaps another or the header, or is not aligned as it says.
    pub(super) fn parse(data: &[u8]) -> Result<Self> {
        Self::of_excerpt(data.into())
    }

    /// Reads the header of a file of which not all may have been read.
    ///
    /// # Errors
    /// As [`Universal::parse`].
    pub(super) fn of_excerpt(file: Excerpt<'_>) -> Result<Self> {
        let bytes = Bytes::of_excerpt(file, Endian::Big);
        let magic = bytes.u32(0)?;
        let container = match magic {
            0xcafe_babe => Container::Universal32,
            0xcafe_babf => Container::Universal64,
            _ => {
                let entry = Entry { cpu_type: 0, cpu_subtype: 0, range: 0..bytes.len(), align: 0 };
                return Ok(Self { container: Container::Thin, entries: vec![entry] });
            }
        };
        let count = bytes.u32(4)?;
        if !(1..=MAX_SLICES).contains(&count) {
            return Err(Error::malformed(format!("a universal header of {count} slices")));
        }
        let size = if container == Container::Universal64 { 32 } else { 20 };
        let header = 8 + u64::from(count) * size;
        let mut entries: Vec<Entry> = Vec::new();
        for index in 0..u64::from(count) {
            let at = 8 + index * size;
            let (offset, length, align) = if container == Container::Universal64 {
                (bytes.u64(at + 8)?, bytes.u64(at + 16)?, bytes.u32(at + 24)?)
            } else {
                (u64::from(bytes.u32(at + 8)?), u64::from(bytes.u32(at + 12)?), bytes.u32(at + 16)?)
            };
            let end = offset.checked_add(length).filter(|end| *end <= bytes.len());
            let wrong = |what: &str| Err(Error::malformed(format!("slice {index} of the universal file {what}")));
            let Some(end) = end else { return wrong("leaves the file") };
            if offset < header || length == 0 {
                return wrong("overlaps the universal header or is empty");
            }
            if align > MAX_ALIGN || offset % (1 << align) != 0 {
                return wrong("is not aligned as the header says");
            }
            let entry = Entry { cpu_type: bytes.u32(at)?, cpu_subtype: bytes.u32(at + 4)?, range: offset..end, align };
            for other in &entries {
                if other.range.start < end && offset < other.range.end {
                    return wrong("overlaps another");
                }
                // dyld and lipo refuse two slices for one processor.
                if other.cpu_type == entry.cpu_type && other.cpu_subtype & 0xff_ffff == entry.cpu_subtype & 0xff_ffff {
                    return wrong("is for the same processor as another");
                }
            }
            entries.push(entry);
        }
        Ok(Self { container, entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn universal(slices: &[(u32, u32, u32, u32)]) -> Vec<u8> {
        let mut bytes = [0xcafe_babe_u32, slices.len() as u32].map(u32::to_be_bytes).concat();
        for (cpu, offset, size, align) in slices {
            bytes.extend([*cpu, 3, *offset, *size, *align].map(u32::to_be_bytes).concat());
        }
        bytes.resize(0x3000, 0);
        bytes
    }

    #[test]
    fn a_java_class_file_is_no_universal_file() {
        assert!(!is_macho(&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52]));
        assert!(is_macho(&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2]));
        assert!(!is_macho(&[0xca, 0xfe, 0xba, 0xbe]));
        assert!(is_macho(&[0xcf, 0xfa, 0xed, 0xfe]) && is_macho(&[0xfe, 0xed, 0xfa, 0xce]));
    }

    #[test]
    fn slices_that_overlap_or_leave_the_file_are_refused() {
        assert_eq!(
            Universal::parse(&universal(&[(7, 0x1000, 0x1000, 12), (12, 0x2000, 0x800, 12)])).unwrap().entries.len(),
            2
        );
        for slices in [
            [(7, 0x1000, 0x1001, 12), (12, 0x2000, 0x800, 12)],
            [(7, 0x1000, 0x1000, 12), (12, 0x2000, 0x2000, 12)],
            [(7, 0x1000, 0x1000, 12), (12, u32::MAX - 1, 0x800, 0)],
            [(7, 0x10, 0x100, 0), (12, 0x2000, 0x800, 12)],
            [(7, 0x1010, 0x100, 12), (12, 0x2000, 0x800, 12)],
            [(7, 0x1000, 0x100, 64), (12, 0x2000, 0x800, 12)],
            [(7, 0x1000, 0x100, 12), (7, 0x2000, 0x800, 12)],
        ] {
            assert!(Universal::parse(&universal(&slices)).is_err(), "{slices:x?}");
        }
    }
}
