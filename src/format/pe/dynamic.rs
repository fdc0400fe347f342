//! What the loader overwrites in an ARM64X file that an x64 program loads: its dynamic relocations.

use super::load_config::LoadConfig;
use super::read::Pe;
use crate::error::{Error, Result};

/// `IMAGE_DYNAMIC_RELOCATION_ARM64X`.
const ARM64X: u64 = 6;
/// Ranges that are kept; Microsoft's runtimes have some hundred.
const MAX_RANGES: usize = 1 << 20;

/// Returns the bytes that the loader overwrites, each as address and size; headers have their offsets as addresses.
///
/// The relocations (`IMAGE_DYNAMIC_RELOCATION64`, `winnt.h`) hold blocks as base relocations do, one for each page; an
/// entry has twelve bits of offset, two of kind and two of size, and a value behind it.
///
/// # Errors
/// `Malformed` if the table leaves its section, `Unsupported` if it is of another version.
pub(super) fn overwritten(pe: &Pe<'_>, config: &LoadConfig) -> Result<Vec<(u32, u32)>> {
    let Some((offset, section)) = config.dynamic_relocations else { return Ok(Vec::new()) };
    let section = usize::from(section).checked_sub(1).and_then(|index| pe.sections.get(index));
    let section = section.ok_or_else(|| Error::malformed("dynamic relocations lie in no section"))?;
    let table = u64::from(section.raw_offset) + u64::from(offset);
    let version = pe.bytes.u32(table)?;
    if version != 1 {
        return Err(Error::unsupported(format!("dynamic relocations of version {version}")));
    }
    let end = table + 8 + u64::from(pe.bytes.u32(table + 4)?);
    let mut ranges = Vec::new();
    let mut at = table + 8;
    while at + 12 <= end {
        let (symbol, size) = (pe.bytes.u64(at)?, u64::from(pe.bytes.u32(at + 8)?));
        let blocks = at + 12..at + 12 + size;
        if blocks.end > end {
            return Err(Error::malformed("dynamic relocations leave their table"));
        }
        at = blocks.end;
        if symbol == ARM64X {
            read_blocks(pe, blocks, &mut ranges)?;
        }
    }
    Ok(ranges)
}

fn read_blocks(pe: &Pe<'_>, blocks: std::ops::Range<u64>, ranges: &mut Vec<(u32, u32)>) -> Result<()> {
    let mut at = blocks.start;
    while at + 8 <= blocks.end {
        let (page, size) = (pe.bytes.u32(at)?, u64::from(pe.bytes.u32(at + 4)?));
        let end = at + size;
        if size < 8 || end > blocks.end {
            return Err(Error::malformed("a block of dynamic relocations leaves its table"));
        }
        at += 8;
        while at + 2 <= end {
            let entry = pe.bytes.u16(at)?;
            let (kind, width) = (entry >> 12 & 3, 1_u32 << (entry >> 14));
            // 0 fills with zeros, 1 writes the value that follows, 2 adds a number of two bytes to four.
            let (size, value) = match kind {
                0 => (width, 0),
                1 => (width, u64::from(width).next_multiple_of(2)),
                2 => (4, 2),
                _ => return Err(Error::unsupported("a dynamic relocation of unknown kind")),
            };
            if ranges.len() >= MAX_RANGES {
                return Err(Error::unsupported("too many dynamic relocations"));
            }
            ranges.push((page.saturating_add(u32::from(entry & 0xfff)), size));
            at += 2 + value;
        }
        at = end;
    }
    Ok(())
}
