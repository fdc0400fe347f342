//! A package's header as the databases keep it: an index of tags, then their data, all big-endian.

use std::collections::BTreeMap;

use super::super::anchor::{Answer, Files, Wanted};
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

/// Files of one package that have a name asked for; a sound package has a few.
const MAX_HITS: usize = 10_000;

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

/// Claims the files of `wanted` that the package of this header owns.
///
/// # Errors
/// `Malformed` if the header's index or a tag that is needed leaves the blob.
pub(super) fn claim(blob: &[u8], wanted: &Wanted, answer: &mut Answer) -> Result<()> {
    let header = Header::read(blob)?;
    let mut files = Files::default();
    if header.entry(BASE_NAMES).is_some() {
        let states = header.bytes(FILE_STATES).unwrap_or_default();
        // By directory: a package has many more of them than it has files of the names asked for.
        let mut hits: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
        let mut number_of_hits = 0_usize;
        for (number, base) in header.strings(BASE_NAMES)?.enumerate() {
            if base.is_empty() || !wanted.has_name(base) {
                continue;
            }
            number_of_hits += 1;
            if number_of_hits > MAX_HITS {
                return Err(Error::malformed("too many files of one name"));
            }
            if states.get(number).is_none_or(|state| *state == STATE_NORMAL) {
                hits.entry(header.int32(DIRECTORY_INDEXES, number)?).or_default().push(base);
            }
        }
        if !hits.is_empty() {
            for (number, directory) in (0_u32..).zip(header.strings(DIRECTORY_NAMES)?) {
                let folder = directory.strip_suffix('/').unwrap_or(directory);
                if let Some(bases) = hits.get(&number)
                    && wanted.has_folder(folder)
                {
                    bases.iter().for_each(|base| files.add(wanted, &format!("{folder}/{base}")));
                }
            }
        }
    } else if header.entry(OLD_FILE_NAMES).is_some() {
        // Packages of rpm 3 list whole paths.
        for path in header.strings(OLD_FILE_NAMES)? {
            files.add(wanted, path);
        }
    }
    if !files.is_empty() {
        files.claim(answer, &header.package()?);
    }
    Ok(())
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
