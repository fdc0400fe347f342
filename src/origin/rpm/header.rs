//! A package's header as the databases keep it: an index of tags, then their data, all big-endian.

use super::super::anchor::{Hit, Wanted};
use super::super::{Database, Package};
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian};

// rpmtag.h.
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const VENDOR: u32 = 1011;
const LICENSE: u32 = 1014;
const ARCH: u32 = 1022;
const OLD_FILE_NAMES: u32 = 1027;
const FILE_STATES: u32 = 1029;
const SOURCE_RPM: u32 = 1044;
const DIRECTORY_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIRECTORY_NAMES: u32 = 1118;

// rpmTagType.
const TYPE_CHAR: u32 = 1;
const TYPE_INT8: u32 = 2;
const TYPE_INT32: u32 = 4;
const TYPE_STRING: u32 = 6;
const TYPE_STRING_ARRAY: u32 = 8;
const TYPE_I18N_STRING: u32 = 9;

/// rpmFileState: the file is there as this package has it. Others: replaced by another package, not installed.
const STATE_NORMAL: u8 = 0;

/// Index entries are 16 bytes: tag, type, offset into the data, count.
const ENTRY: u64 = 16;
/// header.c, `HEADER_TAGS_MAX`: no sound header has more entries.
const MAX_ENTRIES: u32 = 0x0000_ffff;

/// One entry of the index.
#[derive(Clone, Copy)]
struct Entry {
    kind: u32,
    offset: u32,
    count: u32,
}

/// A header whose index has been read.
struct Header<'a> {
    index: Vec<(u32, Entry)>,
    data: Bytes<'a>,
}

/// Returns the files of `wanted` that the package of this header owns.
///
/// # Errors
/// `Malformed` if the header's index or a tag that is needed leaves the blob.
pub(super) fn owners(blob: &[u8], wanted: &Wanted) -> Result<Vec<(Hit, Package)>> {
    let header = Header::read(blob)?;
    let mut files = Vec::new();
    if header.entry(BASE_NAMES).is_some() {
        let bases = header.strings(BASE_NAMES)?;
        let hits = bases.enumerate().filter(|(_, base)| wanted.has_name(base));
        // Only for the few packages that have such a name is the rest read.
        let hits: Vec<(usize, &str)> = hits.collect();
        if !hits.is_empty() {
            let directories: Vec<&str> = header.strings(DIRECTORY_NAMES)?.collect();
            let states = header.bytes(FILE_STATES).unwrap_or_default();
            for (number, base) in hits {
                if states.get(number).is_some_and(|state| *state != STATE_NORMAL) {
                    continue;
                }
                let directory = header.int32(DIRECTORY_INDEXES, number)?;
                let directory = usize::try_from(directory).ok().and_then(|at| directories.get(at));
                let directory = directory.ok_or_else(|| Error::malformed("a file in no directory"))?;
                let path = format!("{directory}{base}");
                files.extend(wanted.find(&path).iter().map(|hit| (*hit, path.clone())));
            }
        }
    } else if header.entry(OLD_FILE_NAMES).is_some() {
        // Packages of rpm 3 list whole paths.
        for path in header.strings(OLD_FILE_NAMES)? {
            files.extend(wanted.find(path).iter().map(|hit| (*hit, path.to_owned())));
        }
    }
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let package = header.package()?;
    Ok(files.into_iter().map(|(hit, file)| (hit, Package { file, ..package.clone() })).collect())
}

impl<'a> Header<'a> {
    fn read(blob: &'a [u8]) -> Result<Self> {
        let bytes = Bytes::new(blob, Endian::Big);
        let (count, size) = (bytes.u32(0)?, bytes.u32(4)?);
        if count > MAX_ENTRIES {
            return Err(Error::malformed(format!("header of {count} tags")));
        }
        let index_size = u64::from(count) * ENTRY;
        let data = Bytes::new(bytes.slice(8 + index_size, u64::from(size))?, Endian::Big);
        let mut index = Vec::new();
        for at in (8..8 + index_size).step_by(16) {
            let entry = Entry { kind: bytes.u32(at + 4)?, offset: bytes.u32(at + 8)?, count: bytes.u32(at + 12)? };
            index.push((bytes.u32(at)?, entry));
        }
        Ok(Self { index, data })
    }

    fn entry(&self, tag: u32) -> Option<Entry> {
        self.index.iter().find(|(other, _)| *other == tag).map(|(_, entry)| *entry)
    }

    /// Returns the strings of a tag; one that is not UTF-8 is the empty string, so that positions stay.
    fn strings(&self, tag: u32) -> Result<impl Iterator<Item = &'a str> + use<'a>> {
        let entry =
            self.entry(tag).filter(|entry| matches!(entry.kind, TYPE_STRING | TYPE_STRING_ARRAY | TYPE_I18N_STRING));
        let entry = entry.ok_or_else(|| Error::malformed(format!("tag {tag} is no text")))?;
        let start = u64::from(entry.offset);
        let size = self
            .data
            .len()
            .checked_sub(start)
            .ok_or_else(|| Error::malformed(format!("tag {tag} leaves the header")))?;
        let rest = self.data.slice(start, size)?;
        // Each ends with a zero byte; a count larger than the data ends with it.
        let count = usize::try_from(entry.count).unwrap_or(usize::MAX);
        Ok(rest.split(|byte| *byte == 0).take(count).map(|text| std::str::from_utf8(text).unwrap_or_default()))
    }

    fn string(&self, tag: u32) -> Option<String> {
        let text = self.strings(tag).ok()?.next()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn int32(&self, tag: u32, number: usize) -> Result<u32> {
        let missing = || Error::malformed(format!("tag {tag} has no value {number}"));
        let entry = self.entry(tag).filter(|entry| entry.kind == TYPE_INT32).ok_or_else(missing)?;
        let number = u32::try_from(number).ok().filter(|number| *number < entry.count).ok_or_else(missing)?;
        self.data.u32(u64::from(entry.offset) + u64::from(number) * 4)
    }

    fn bytes(&self, tag: u32) -> Option<&'a [u8]> {
        let entry = self.entry(tag).filter(|entry| matches!(entry.kind, TYPE_CHAR | TYPE_INT8))?;
        self.data.slice(u64::from(entry.offset), u64::from(entry.count)).ok()
    }

    fn package(&self) -> Result<Package> {
        let part = |tag, what| self.string(tag).ok_or_else(|| Error::malformed(format!("a package without {what}")));
        let version = format!("{}-{}", part(VERSION, "version")?, part(RELEASE, "release")?);
        let mut package = Package::new(Database::Rpm, "", "", part(NAME, "name")?, version);
        package.epoch = self.int32(EPOCH, 0).ok().map(|epoch| epoch.to_string());
        package.arch = self.string(ARCH);
        package.licence = self.string(LICENSE);
        package.source = self.string(SOURCE_RPM);
        package.supplier = self.string(VENDOR).filter(|vendor| vendor != "(none)");
        Ok(package)
    }
}
