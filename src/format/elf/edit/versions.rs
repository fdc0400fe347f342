//! Version tables as an edit sees them: every reference to a string, and how to take one library's needs out.

use std::collections::BTreeSet;

use object::elf;

use crate::error::{Error, Result};
use crate::format::elf::read::{DynamicEntry, Elf, last};

/// A `Verneed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// Where it lies, from the start of the table.
    pub(crate) at: u64,
    /// `vn_file`.
    pub(crate) file: u64,
    /// Its versions: `vna_other` and `vna_name`.
    pub(crate) versions: Vec<(u16, u64)>,
    /// Where its parts lie, from the start of the table; all have 16 bytes.
    pub(crate) parts: Vec<u64>,
}

/// Both version tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    /// `DT_VERNEED`, in order.
    pub(crate) needs: Vec<Need>,
    /// Bytes from the first `Verneed` to the end of the last part.
    pub(crate) needs_size: u64,
    /// `vda_name` of every `Verdaux`.
    pub(crate) definition_names: Vec<u64>,
    /// Number of `Verdef`s.
    pub(crate) definitions: u64,
    /// Bytes from the first `Verdef` to the end of the last part.
    pub(crate) definitions_size: u64,
}

/// Version indices have 15 bits: more entries than this name nothing.
const MAX_ENTRIES: usize = 65_536;

/// Reads both tables; counts and links must agree, and every link leads strictly forward.
///
/// # Errors
/// `Malformed` if an entry leaves its segment; `Unsupported` if counts and links disagree.
pub(crate) fn read_versions(file: &Elf<'_>, entries: &[DynamicEntry]) -> Result<Versions> {
    let mut versions = Versions::default();
    read_needs(file, entries, &mut versions).map_err(|error| error.context("`DT_VERNEED`"))?;
    read_definitions(file, entries, &mut versions).map_err(|error| error.context("`DT_VERDEF`"))?;
    Ok(versions)
}

fn read_needs(file: &Elf<'_>, entries: &[DynamicEntry], versions: &mut Versions) -> Result<()> {
    let Some(address) = last(entries, elf::DT_VERNEED.0) else { return Ok(()) };
    let stated = last(entries, elf::DT_VERNEEDNUM.0);
    let (_, bytes) = file.bytes_at(address)?;
    let mut budget = MAX_ENTRIES;
    let mut at = 0_u64;
    loop {
        bytes.slice(at, 16)?;
        let (revision, count) = (bytes.u16(at)?, bytes.u16(at + 2)?);
        if revision != 1 {
            return Err(Error::malformed(format!("an entry has version {revision}, not 1")));
        }
        let mut need = Need { at, file: u64::from(bytes.u32(at + 4)?), versions: Vec::new(), parts: vec![at] };
        let mut part = forward(at, bytes.u32(at + 8)?);
        for index in 0..count {
            budget = budget.checked_sub(1).ok_or_else(|| Error::unsupported("too many versions"))?;
            let this = part.ok_or_else(|| Error::unsupported("fewer versions than their count"))?;
            bytes.slice(this, 16)?;
            need.versions.push((bytes.u16(this + 6)?, u64::from(bytes.u32(this + 8)?)));
            need.parts.push(this);
            versions.needs_size = versions.needs_size.max(this + 16);
            part = forward(this, bytes.u32(this + 12)?);
            if index + 1 == count && part.is_some() {
                return Err(Error::unsupported("more versions than their count"));
            }
        }
        versions.needs_size = versions.needs_size.max(at + 16);
        versions.needs.push(need);
        budget = budget.checked_sub(1).ok_or_else(|| Error::unsupported("too many libraries"))?;
        match forward(at, bytes.u32(at + 12)?) {
            Some(next) => at = next,
            None => break,
        }
    }
    if stated != Some(versions.needs.len() as u64) {
        return Err(Error::unsupported("`DT_VERNEEDNUM` is not the number of entries"));
    }
    let mut parts: Vec<u64> = versions.needs.iter().flat_map(|need| need.parts.iter().copied()).collect();
    parts.sort_unstable();
    if parts.windows(2).any(|pair| matches!(pair, [a, b] if b - a < 16)) {
        return Err(Error::unsupported("two entries overlap"));
    }
    Ok(())
}

fn read_definitions(file: &Elf<'_>, entries: &[DynamicEntry], versions: &mut Versions) -> Result<()> {
    let Some(address) = last(entries, elf::DT_VERDEF.0) else { return Ok(()) };
    let (_, bytes) = file.bytes_at(address)?;
    let mut budget = MAX_ENTRIES;
    let mut at = 0_u64;
    loop {
        bytes.slice(at, 20)?;
        let (revision, count) = (bytes.u16(at)?, bytes.u16(at + 6)?);
        if revision != 1 {
            return Err(Error::malformed(format!("an entry has version {revision}, not 1")));
        }
        let mut part = forward(at, bytes.u32(at + 12)?);
        for _ in 0..count {
            budget = budget.checked_sub(1).ok_or_else(|| Error::unsupported("too many versions"))?;
            let this = part.ok_or_else(|| Error::unsupported("fewer names than their count"))?;
            bytes.slice(this, 8)?;
            versions.definition_names.push(u64::from(bytes.u32(this)?));
            versions.definitions_size = versions.definitions_size.max(this + 8);
            part = forward(this, bytes.u32(this + 4)?);
        }
        versions.definitions += 1;
        versions.definitions_size = versions.definitions_size.max(at + 20);
        budget = budget.checked_sub(1).ok_or_else(|| Error::unsupported("too many versions"))?;
        match forward(at, bytes.u32(at + 16)?) {
            Some(next) => at = next,
            None => break,
        }
    }
    if last(entries, elf::DT_VERDEFNUM.0) != Some(versions.definitions) {
        return Err(Error::unsupported("`DT_VERDEFNUM` is not the number of entries"));
    }
    Ok(())
}

/// Where a link leads; 0 ends a list.
fn forward(at: u64, link: u32) -> Option<u64> {
    (link != 0).then(|| at.saturating_add(u64::from(link)))
}

/// The list of needs after some are taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unlinked {
    /// New `vn_next` of the needs that stay: place and value.
    pub(crate) links: Vec<(u64, u32)>,
    /// Bytes to clear: parts of what was taken out, 16 bytes each.
    pub(crate) cleared: Vec<u64>,
    /// How far the start of the table moves forward; `None` if nothing is left.
    pub(crate) start: Option<u64>,
    /// How many needs are left.
    pub(crate) count: u64,
    /// `vna_other` of what was taken out.
    pub(crate) indices: BTreeSet<u16>,
}

impl Versions {
    /// Returns how the list reads without the needs of these indices.
    pub(crate) fn without(&self, removed: &BTreeSet<usize>) -> Unlinked {
        let mut unlinked = Unlinked::default();
        let mut kept: Vec<&Need> = Vec::new();
        let mut used = BTreeSet::new();
        for (index, need) in self.needs.iter().enumerate() {
            if removed.contains(&index) {
                unlinked.cleared.extend(&need.parts);
                unlinked.indices.extend(need.versions.iter().map(|(other, _)| other & 0x7fff));
            } else {
                used.extend(need.versions.iter().map(|(other, _)| other & 0x7fff));
                kept.push(need);
            }
        }
        // One index for versions of two libraries is never written by a linker; what stays keeps it.
        unlinked.indices.retain(|index| !used.contains(index));
        unlinked.start = kept.first().map(|need| need.at);
        unlinked.count = kept.len() as u64;
        for (index, need) in kept.iter().enumerate() {
            let next = kept.get(index + 1).map_or(0, |next| next.at.saturating_sub(need.at));
            unlinked.links.push((need.at, u32::try_from(next).unwrap_or(0)));
        }
        unlinked
    }
}
