//! The export directory: functions, names, and forwarders to other DLLs.

use super::imports::MAX_NAME;
use super::read::{Directory, Pe, directory};
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian};

/// Ordinals are 16-bit numbers.
const MAX_EXPORTS: u32 = 0x1_0000;

/// The export directory and its tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exports<'a> {
    /// Where the directory lies in memory; an exported address inside it is a forwarder.
    pub(super) directory: Directory,
    /// Where the directory table lies in the file.
    pub(super) at: u64,
    /// Address of the DLL's own name.
    pub(super) name: u32,
    /// `OrdinalBase`.
    pub(super) base: u32,
    /// Address of the addresses of functions.
    pub(super) functions_at: u32,
    /// Address of the addresses of names.
    pub(super) names_at: u32,
    functions: Bytes<'a>,
    names: Bytes<'a>,
    ordinals: Bytes<'a>,
}

/// A forwarder: `dll.function`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forwarder<'a> {
    /// Number of the export, without the base.
    pub(super) index: u32,
    /// Address of the text.
    pub(super) address: u32,
    /// The text.
    pub(super) text: &'a [u8],
}

impl<'a> Forwarder<'a> {
    /// The DLL and the function; the loader splits at the last dot.
    pub(super) fn parts(&self) -> Option<(&'a [u8], &'a [u8])> {
        let dot = self.text.iter().rposition(|byte| *byte == b'.')?;
        Some((self.text.get(..dot)?, self.text.get(dot + 1..)?))
    }

    /// The file name of the DLL: the loader adds `.dll` to what has no extension.
    pub(super) fn library(&self) -> Option<Vec<u8>> {
        let (dll, _) = self.parts()?;
        Some(file_name(dll))
    }
}

/// The file name that the loader looks for where a forwarder says `dll`.
pub(super) fn file_name(dll: &[u8]) -> Vec<u8> {
    let mut name = dll.to_vec();
    if !dll.contains(&b'.') {
        name.extend(b".dll");
    }
    name
}

impl<'a> Exports<'a> {
    /// Reads the directory; `None` if there is none.
    ///
    /// # Errors
    /// `Malformed` if a table leaves its section, `Unsupported` if there are more exports than ordinals.
    pub(super) fn read(pe: &Pe<'a>) -> Result<Option<Self>> {
        Self::read_at(pe, pe.directory(directory::EXPORT))
    }

    fn read_at(pe: &Pe<'a>, directory: Directory) -> Result<Option<Self>> {
        if directory.address == 0 || directory.size == 0 {
            return Ok(None);
        }
        let at = pe.offset(directory.address, 40)?;
        let raw = Bytes::new(pe.bytes.slice(at, 40)?, Endian::Little);
        let (functions, names) = (raw.u32(20)?, raw.u32(24)?);
        if functions > MAX_EXPORTS || names > MAX_EXPORTS {
            return Err(Error::unsupported(format!("{} exports, more than {MAX_EXPORTS}", functions.max(names))));
        }
        let table = |address: u32, count: u32, size: u64| -> Result<Bytes<'a>> {
            let data = if count == 0 { &[] } else { pe.at(address, u64::from(count) * size)? };
            Ok(Bytes::new(data, Endian::Little))
        };
        let (functions_at, names_at) = (raw.u32(28)?, raw.u32(32)?);
        Ok(Some(Self {
            directory,
            at,
            name: raw.u32(12)?,
            base: raw.u32(16)?,
            functions_at,
            names_at,
            functions: table(functions_at, functions, 4)?,
            names: table(names_at, names, 4)?,
            ordinals: table(raw.u32(36)?, names, 2)?,
        }))
    }

    /// The DLL's own name.
    ///
    /// # Errors
    /// `Malformed` if it is not in the file.
    pub(super) fn identity(&self, pe: &Pe<'a>) -> Result<Option<&'a [u8]>> {
        if self.name == 0 { Ok(None) } else { pe.text(self.name, MAX_NAME).map(Some) }
    }

    /// How many slots for functions there are; empty ones count.
    pub(super) fn function_count(&self) -> u32 {
        (self.functions.len() / 4) as u32
    }

    /// How many names there are.
    pub(super) fn name_count(&self) -> u32 {
        (self.names.len() / 4) as u32
    }

    /// The addresses of functions, in the order of their numbers; 0 for unused numbers.
    pub(super) fn functions(&self) -> impl Iterator<Item = u32> + use<'a> {
        words(self.functions.data())
    }

    /// The names' addresses and the numbers of their functions.
    pub(super) fn names(&self) -> impl Iterator<Item = (u32, u16)> + use<'a> {
        let ordinals = self.ordinals.data().chunks_exact(2);
        words(self.names.data()).zip(ordinals.map(|raw| raw.first_chunk().map_or(0, |raw| u16::from_le_bytes(*raw))))
    }

    /// The forwarders, in the order of their numbers.
    ///
    /// # Errors
    /// `Malformed` if the text of one has no end.
    pub(super) fn forwarders(&self, pe: &Pe<'a>) -> Result<Vec<Forwarder<'a>>> {
        let directory = self.directory;
        let mut forwarders = Vec::new();
        for (index, address) in self.functions().enumerate().filter(|(_, address)| directory.contains(*address)) {
            forwarders.push(Forwarder { index: index as u32, address, text: pe.text(address, MAX_NAME)? });
        }
        Ok(forwarders)
    }
}

fn words(data: &[u8]) -> impl Iterator<Item = u32> + use<'_> {
    data.chunks_exact(4).map(|raw| raw.first_chunk().map_or(0, |raw| u32::from_le_bytes(*raw)))
}
