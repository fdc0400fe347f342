//! The version resource: who made a file, which version it is.

use super::facts::VersionInfo;
use super::read::{Pe, directory};
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian, align_up};

/// `RT_VERSION`.
const VERSION: u32 = 16;
/// A version resource is small; what is larger is none.
const MAX_SIZE: u32 = 64 * 1024;
/// Blocks of a version resource that are looked at.
const MAX_BLOCKS: usize = 1024;

/// Reads the version resource; nothing is said where there is none.
///
/// # Errors
/// `Malformed` if a table leaves its section.
pub(super) fn version(pe: &Pe<'_>) -> Result<VersionInfo> {
    match find(pe)? {
        Some(data) => parse(Bytes::new(data, Endian::Little)),
        None => Ok(VersionInfo::default()),
    }
}

/// The bytes of the first version resource: the tree has the levels type, name, language.
fn find<'a>(pe: &Pe<'a>) -> Result<Option<&'a [u8]>> {
    let root = pe.directory(directory::RESOURCE);
    if root.address == 0 {
        return Ok(None);
    }
    let (start, end) = pe.place(root.address)?;
    let tree = Bytes::new(pe.bytes.slice(start, end - start)?, Endian::Little);
    let mut at = 0;
    for level in 0..3 {
        let named = tree.u16(at + 12)?;
        let numbered = tree.u16(at + 14)?;
        let count = u64::from(named) + u64::from(numbered);
        let wanted = |index: &u64| level != 0 || tree.u32(at + 16 + 8 * index).is_ok_and(|id| id == VERSION);
        let Some(index) = (0..count).find(wanted) else { return Ok(None) };
        let next = tree.u32(at + 16 + 8 * index + 4)?;
        let is_table = next >> 31 == 1;
        at = u64::from(next & 0x7fff_ffff);
        match (level, is_table) {
            (0 | 1, true) | (2, false) => {}
            _ => return Err(Error::malformed("the tree of resources is not three levels deep")),
        }
    }
    let (address, size) = (tree.u32(at)?, tree.u32(at + 4)?);
    if size > MAX_SIZE {
        return Err(Error::malformed(format!("a version resource of {size} bytes")));
    }
    pe.at(address, u64::from(size)).map(Some)
}

/// A block: key, value and children, as `VS_VERSIONINFO` nests them.
struct Block {
    key: String,
    value: (u64, u64),
    children: u64,
    end: u64,
}

fn parse(data: Bytes<'_>) -> Result<VersionInfo> {
    let mut info = VersionInfo::default();
    let root = block(data, 0, data.len())?;
    if root.key != "VS_VERSION_INFO" {
        return Ok(info);
    }
    let fixed = root.value.0;
    if root.value.1 >= 52 && data.u32(fixed)? == 0xfeef_04bd {
        let (high, low) = (data.u32(fixed + 8)?, data.u32(fixed + 12)?);
        info.fixed_file_version = Some([(high >> 16) as u16, high as u16, (low >> 16) as u16, low as u16]);
    }
    let mut left = MAX_BLOCKS;
    for strings in children(data, &root, &mut left)?.iter().filter(|block| block.key == "StringFileInfo") {
        for table in &children(data, strings, &mut left)? {
            for entry in &children(data, table, &mut left)? {
                let slot = match entry.key.as_str() {
                    "ProductName" => &mut info.product_name,
                    "ProductVersion" => &mut info.product_version,
                    "FileVersion" => &mut info.file_version,
                    "FileDescription" => &mut info.file_description,
                    "CompanyName" => &mut info.company_name,
                    "OriginalFilename" => &mut info.original_filename,
                    "LegalCopyright" => &mut info.legal_copyright,
                    _ => continue,
                };
                let text = wide(data, entry.value.0, entry.end).0;
                let text = text.trim();
                if slot.is_none() && !text.is_empty() {
                    *slot = Some(text.to_owned());
                }
            }
        }
    }
    Ok(info)
}

fn children(data: Bytes<'_>, parent: &Block, left: &mut usize) -> Result<Vec<Block>> {
    let mut found = Vec::new();
    let mut at = parent.children;
    while at + 6 <= parent.end {
        *left = left.checked_sub(1).ok_or_else(|| Error::malformed("a version resource of too many parts"))?;
        let child = block(data, at, parent.end)?;
        at = align_up(child.end, 4).unwrap_or(u64::MAX);
        found.push(child);
    }
    Ok(found)
}

fn block(data: Bytes<'_>, at: u64, limit: u64) -> Result<Block> {
    let length = u64::from(data.u16(at)?);
    let end = at + length;
    if length < 6 || end > limit {
        return Err(Error::malformed("a part of the version resource leaves it"));
    }
    let is_text = data.u16(at + 4)? == 1;
    let value_length = u64::from(data.u16(at + 2)?);
    let (key, key_end) = wide(data, at + 6, end);
    let value = align_up(key_end, 4).unwrap_or(end).min(end);
    let value_size = if is_text { value_length * 2 } else { value_length };
    let children = align_up(value + value_size, 4).unwrap_or(end).min(end);
    Ok(Block { key, value: (value, value_size.min(end - value)), children, end })
}

/// The UTF-16 text at `at`, and where its NUL ends.
fn wide(data: Bytes<'_>, at: u64, end: u64) -> (String, u64) {
    let mut units = Vec::new();
    let mut at = at;
    while at + 2 <= end {
        let Ok(unit) = data.u16(at) else { break };
        at += 2;
        if unit == 0 {
            break;
        }
        units.push(unit);
    }
    let text = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    (text.filter(|character| !character.is_control()).collect(), at)
}
