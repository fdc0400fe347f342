//! Raw version tables (LSB, "Symbol Versioning"): `.gnu.version_r` and `.gnu.version_d`, strictly forward and bounded.

use object::elf;

use super::read::{DynamicEntry, Elf, last};
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, FileOffset};

/// Size of a `Verneed`, and of a `Vernaux`.
const NEED_SIZE: u64 = 16;
/// Size of a `Verdef`.
const DEFINITION_SIZE: u64 = 20;
/// Size of a `Verdaux`.
const NAME_SIZE: u64 = 8;
/// A version index has 15 bits, so no file has more versions that count.
const MAX_VERSIONS: usize = 32_768;

/// A `Verneed`: the versions needed of one library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Where it lies in the file.
    pub offset: FileOffset,
    /// `vn_cnt`; differs from the number of `versions` in a contradictory file.
    pub count: u16,
    /// `vn_file`: the library's name, an offset in the dynamic strings.
    pub file: u64,
    /// Its `Vernaux` entries.
    pub versions: Vec<NeedVersion>,
}

/// A `Vernaux`: one version needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedVersion {
    /// Where it lies in the file.
    pub offset: FileOffset,
    /// `vna_flags`.
    pub flags: u16,
    /// `vna_other`: the index that `.gnu.version` uses.
    pub index: u16,
    /// `vna_name`: an offset in the dynamic strings.
    pub name: u64,
}

/// A `Verdef` with its first `Verdaux`: one version defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Where it lies in the file.
    pub offset: FileOffset,
    /// `vd_flags`.
    pub flags: u16,
    /// `vd_ndx`: the index that `.gnu.version` uses.
    pub index: u16,
    /// `vda_name` of the first `Verdaux`: an offset in the dynamic strings; `None` where there is none.
    pub name: Option<u64>,
}

/// Reads `DT_VERNEED`; empty if there is none.
///
/// glibc follows `vn_next` and `vna_next` up to 0 and does not look at the counts (elf/dl-version.c).
///
/// # Errors
/// `Malformed` if an entry leaves the segment or has another version number than 1; `Unsupported` for more entries than
/// a file can use.
pub fn needs(file: &Elf<'_>, entries: &[DynamicEntry]) -> Result<Vec<Need>> {
    let Some(address) = last(entries, elf::DT_VERNEED.0) else { return Ok(Vec::new()) };
    let (start, bytes) = file.bytes_at(address).map_err(|error| error.context("`DT_VERNEED`"))?;
    let mut needs = Vec::new();
    let mut total = 0;
    let mut at = 0;
    loop {
        check_revision(bytes, at, "`DT_VERNEED`")?;
        let mut need = Need {
            offset: FileOffset(start.0.saturating_add(at)),
            count: bytes.u16(at + 2)?,
            file: u64::from(bytes.u32(at + 4)?),
            versions: Vec::new(),
        };
        let mut entry = at.saturating_add(u64::from(bytes.u32(at + 8)?));
        // An offset of 0 would read the `Verneed` itself as its first version.
        while entry != at {
            bytes.slice(entry, NEED_SIZE)?;
            need.versions.push(NeedVersion {
                offset: FileOffset(start.0.saturating_add(entry)),
                flags: bytes.u16(entry + 4)?,
                index: bytes.u16(entry + 6)?,
                name: u64::from(bytes.u32(entry + 8)?),
            });
            total += 1;
            if total > MAX_VERSIONS {
                return Err(Error::unsupported(format!("more than {MAX_VERSIONS} needed versions")));
            }
            match bytes.u32(entry + 12)? {
                0 => break,
                next => entry = entry.saturating_add(u64::from(next)),
            }
        }
        needs.push(need);
        if needs.len() > MAX_VERSIONS {
            return Err(Error::unsupported(format!("versions of more than {MAX_VERSIONS} libraries")));
        }
        match bytes.u32(at + 12)? {
            0 => return Ok(needs),
            next => at = at.saturating_add(u64::from(next)),
        }
    }
}

/// Reads `DT_VERDEF`; empty if there is none.
///
/// # Errors
/// As [`needs`].
pub fn definitions(file: &Elf<'_>, entries: &[DynamicEntry]) -> Result<Vec<Definition>> {
    let Some(address) = last(entries, elf::DT_VERDEF.0) else { return Ok(Vec::new()) };
    let (start, bytes) = file.bytes_at(address).map_err(|error| error.context("`DT_VERDEF`"))?;
    let mut definitions = Vec::new();
    let mut at = 0;
    loop {
        check_revision(bytes, at, "`DT_VERDEF`")?;
        bytes.slice(at, DEFINITION_SIZE)?;
        let names = at.saturating_add(u64::from(bytes.u32(at + 12)?));
        let name = if bytes.u16(at + 6)? == 0 {
            None
        } else {
            bytes.slice(names, NAME_SIZE)?;
            Some(u64::from(bytes.u32(names)?))
        };
        definitions.push(Definition {
            offset: FileOffset(start.0.saturating_add(at)),
            flags: bytes.u16(at + 2)?,
            index: bytes.u16(at + 4)?,
            name,
        });
        if definitions.len() > MAX_VERSIONS {
            return Err(Error::unsupported(format!("more than {MAX_VERSIONS} defined versions")));
        }
        match bytes.u32(at + 16)? {
            0 => return Ok(definitions),
            next => at = at.saturating_add(u64::from(next)),
        }
    }
}

/// Every entry begins with its structure's version, 1.
fn check_revision(bytes: Bytes<'_>, at: u64, table: &str) -> Result<()> {
    bytes.slice(at, NEED_SIZE).map_err(|_| Error::malformed(format!("{table}: an entry leaves its segment")))?;
    match bytes.u16(at)? {
        1 => Ok(()),
        revision => Err(Error::malformed(format!("{table}: an entry has version {revision}, not 1"))),
    }
}
