//! Import and delay-import descriptors, and the functions that they name.

use super::read::{Pe, directory};
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian, Width};

/// The longest name of a DLL that is read; a path of Windows is shorter.
pub(super) const MAX_NAME: u64 = 4096;
/// More descriptors than any linker writes.
const MAX_DESCRIPTORS: u64 = 4096;
/// The longest name of a function that is read.
pub(super) const MAX_SYMBOL: u64 = 64 * 1024;
/// Size of an import descriptor.
pub(super) const DESCRIPTOR: u64 = 20;
/// Size of a delay-import descriptor.
const DELAY_DESCRIPTOR: u64 = 32;

/// `IMAGE_IMPORT_DESCRIPTOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Descriptor {
    /// Where it lies in the file.
    pub(super) at: u64,
    /// `OriginalFirstThunk`: addresses of the names; 0 in files of some old linkers.
    pub(super) lookup: u32,
    /// `TimeDateStamp`: not 0 if addresses are bound.
    pub(super) timestamp: u32,
    /// `ForwarderChain`.
    pub(super) chain: u32,
    /// `Name`.
    pub(super) name: u32,
    /// `FirstThunk`: the table that the loader fills.
    pub(super) thunks: u32,
}

impl Descriptor {
    /// The table that names the functions.
    pub(super) fn names(&self) -> u32 {
        if self.lookup == 0 { self.thunks } else { self.lookup }
    }
}

/// `IMAGE_DELAYLOAD_DESCRIPTOR`, its addresses relative to the image whatever the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delayed {
    /// Where it lies in the file.
    pub(super) at: u64,
    /// Addresses are relative to the image (bit 0 of `Attributes`); else absolute, as Visual C++ 6 wrote them.
    pub(super) is_relative: bool,
    /// `DllNameRVA`.
    pub(super) name: u32,
    /// `ImportAddressTableRVA`.
    pub(super) thunks: u32,
    /// `ImportNameTableRVA`.
    pub(super) lookup: u32,
}

/// A function as an import table names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function<'a> {
    /// By name; the hint is left out.
    Name(&'a [u8]),
    /// By number.
    Ordinal(u16),
}

/// A table that was read as far as it is sound.
#[derive(Debug)]
pub(super) struct Table<T> {
    pub(super) entries: Vec<T>,
    /// Why it was not read to its end.
    pub(super) error: Option<Error>,
}

impl<T> Table<T> {
    /// Its entries.
    ///
    /// # Errors
    /// `Malformed` if it could not be read to its end.
    pub(super) fn complete(self) -> Result<Vec<T>> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.entries),
        }
    }
}

/// Reads the import descriptors, as the loader does: whatever size the directory states, up to one without a name.
pub(super) fn descriptors(pe: &Pe<'_>) -> Table<Descriptor> {
    let start = pe.directory(directory::IMPORT).address;
    read_table(pe, start, DESCRIPTOR, |raw, at| {
        let descriptor = Descriptor {
            at,
            lookup: raw.u32(0)?,
            timestamp: raw.u32(4)?,
            chain: raw.u32(8)?,
            name: raw.u32(12)?,
            thunks: raw.u32(16)?,
        };
        Ok((descriptor.name != 0 && descriptor.thunks != 0).then_some(descriptor))
    })
}

/// Reads the delay-import descriptors.
pub(super) fn delayed(pe: &Pe<'_>) -> Table<Delayed> {
    let start = pe.directory(directory::DELAY_IMPORT).address;
    let base = pe.header.image_base;
    read_table(pe, start, DELAY_DESCRIPTOR, |raw, at| {
        let is_relative = raw.u32(0)? & 1 == 1;
        let address = |field: u64| {
            let value = raw.u32(field)?;
            if is_relative || value == 0 {
                return Ok(value);
            }
            u64::from(value)
                .checked_sub(base)
                .and_then(|address| u32::try_from(address).ok())
                .ok_or_else(|| Error::malformed(format!("the delay import at offset {at:#x} leaves the image")))
        };
        let delayed = Delayed { at, is_relative, name: address(4)?, thunks: address(12)?, lookup: address(16)? };
        Ok((delayed.name != 0).then_some(delayed))
    })
}

/// Reads entries of `size` bytes up to the one of which `entry` says that it ends the table.
fn read_table<T>(pe: &Pe<'_>, start: u32, size: u64, entry: impl Fn(Bytes<'_>, u64) -> Result<Option<T>>) -> Table<T> {
    let mut table = Table { entries: Vec::new(), error: None };
    if start == 0 {
        return table;
    }
    let result = (|| {
        let (first, end) = pe.place(start)?;
        for index in 0..=MAX_DESCRIPTORS {
            let at = first + index * size;
            if at + size > end {
                return Err(Error::malformed("no empty descriptor ends the table"));
            }
            let raw = Bytes::new(pe.bytes.slice(at, size)?, Endian::Little);
            match entry(raw, at)? {
                Some(entry) => table.entries.push(entry),
                None => return Ok(()),
            }
        }
        Err(Error::unsupported(format!("more than {MAX_DESCRIPTORS} descriptors")))
    })();
    table.error = result.err();
    table
}

/// Reads the functions of a lookup table, `budget` bytes of names at most.
///
/// # Errors
/// `Malformed` if the table or a name leaves its section; `Unsupported` if the budget is used up.
pub(super) fn functions<'a>(pe: &Pe<'a>, lookup: u32, budget: &mut u64) -> Result<Vec<Function<'a>>> {
    let mut functions = Vec::new();
    for entry in lookups(pe, lookup)? {
        let function = match entry {
            Lookup::Ordinal(ordinal) => Function::Ordinal(ordinal),
            Lookup::Name(address) => {
                let name = pe.text(address.checked_add(2).ok_or_else(beyond)?, MAX_SYMBOL)?;
                *budget = budget.checked_sub(name.len() as u64 + 16).ok_or_else(|| {
                    Error::unsupported("the names of imported functions take more room than the file")
                })?;
                Function::Name(name)
            }
        };
        functions.push(function);
    }
    Ok(functions)
}

/// An entry of a lookup table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    /// Address of hint and name.
    Name(u32),
    /// Number of the function.
    Ordinal(u16),
}

/// Reads the entries of a lookup table.
///
/// # Errors
/// `Malformed` if it leaves its section, or an entry does not fit an address.
pub(super) fn lookups(pe: &Pe<'_>, lookup: u32) -> Result<Vec<Lookup>> {
    let (at, end) = pe.place(lookup)?;
    let data = pe.bytes.slice(at, end - at)?;
    let mut entries = Vec::new();
    let mut add = |value: u64, is_ordinal: bool| -> Result<bool> {
        if value == 0 {
            return Ok(true);
        }
        entries.push(if is_ordinal {
            Lookup::Ordinal(value as u16)
        } else {
            Lookup::Name(u32::try_from(value).ok().filter(|address| *address < 1 << 31).ok_or_else(beyond)?)
        });
        Ok(false)
    };
    match pe.header.width {
        Width::W32 => {
            for raw in data.chunks_exact(4) {
                let value = raw.first_chunk().map_or(0, |raw| u32::from_le_bytes(*raw));
                if add(u64::from(value), value >> 31 == 1)? {
                    return Ok(entries);
                }
            }
        }
        Width::W64 => {
            for raw in data.chunks_exact(8) {
                let value = raw.first_chunk().map_or(0, |raw| u64::from_le_bytes(*raw));
                if add(value, value >> 63 == 1)? {
                    return Ok(entries);
                }
            }
        }
    }
    Err(Error::malformed(format!("the table of imported functions at address {lookup:#x} has no end")))
}

fn beyond() -> Error {
    Error::malformed("the address of an imported function's name leaves the image")
}

impl Function<'_> {
    /// Whether this is the function of that name, or `#n` of that number.
    pub(super) fn is_named(&self, name: &[u8]) -> bool {
        match self {
            Function::Name(known) => *known == name,
            Function::Ordinal(ordinal) => format!("#{ordinal}").as_bytes() == name,
        }
    }
}
