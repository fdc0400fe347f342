//! What a file's tables say, read once before an edit.

use std::collections::BTreeSet;

use super::super::exports::{Exports, Forwarder};
use super::super::imports::{self, Delayed, Descriptor, Function, MAX_NAME, MAX_SYMBOL};
use super::super::load_config::LoadConfig;
use super::super::read::{Pe, directory};
use crate::error::{Error, Result};

/// An import descriptor and what it names.
#[derive(Debug, Clone)]
pub(in crate::format::pe) struct Imported<'a> {
    /// The descriptor.
    pub(in crate::format::pe) descriptor: Descriptor,
    /// The DLL.
    pub(in crate::format::pe) name: &'a [u8],
    /// The functions.
    pub(in crate::format::pe) functions: Vec<Function<'a>>,
}

/// A delay-import descriptor and what it names.
#[derive(Debug, Clone)]
pub(in crate::format::pe) struct DelayImported<'a> {
    /// The descriptor.
    pub(in crate::format::pe) descriptor: Delayed,
    /// The DLL.
    pub(in crate::format::pe) name: &'a [u8],
    /// The functions.
    pub(in crate::format::pe) functions: Vec<Function<'a>>,
}

/// The tables of a file that edits concern; unlike `inspect`, all of it has to be sound.
#[derive(Debug)]
pub(in crate::format::pe) struct Model<'a> {
    /// Import descriptors in order.
    pub(in crate::format::pe) imports: Vec<Imported<'a>>,
    /// Delay-import descriptors in order.
    pub(in crate::format::pe) delays: Vec<DelayImported<'a>>,
    /// The export directory.
    pub(in crate::format::pe) exports: Option<Exports<'a>>,
    /// The DLL's own name.
    pub(in crate::format::pe) identity: Option<&'a [u8]>,
    /// Its forwarders.
    pub(in crate::format::pe) forwarders: Vec<Forwarder<'a>>,
    /// The load configuration.
    pub(in crate::format::pe) config: LoadConfig,
}

impl<'a> Model<'a> {
    /// Reads the tables.
    ///
    /// # Errors
    /// `Malformed` if one of them is not sound.
    pub(in crate::format::pe) fn read(pe: &Pe<'a>) -> Result<Self> {
        // Tables may share names, but no linker lets them take more room than the file has.
        let mut budget = pe.bytes.len().saturating_mul(4).saturating_add(1 << 20);
        let mut imports = Vec::new();
        for descriptor in imports::descriptors(pe).complete().map_err(|error| error.context("import directory"))? {
            imports.push(Imported {
                descriptor,
                name: pe.text(descriptor.name, MAX_NAME)?,
                functions: imports::functions(pe, descriptor.names(), &mut budget)?,
            });
        }
        let mut delays = Vec::new();
        for descriptor in imports::delayed(pe).complete().map_err(|error| error.context("delay-import directory"))? {
            delays.push(DelayImported {
                descriptor,
                name: pe.text(descriptor.name, MAX_NAME)?,
                functions: imports::functions(pe, descriptor.lookup, &mut budget)?,
            });
        }
        let exports = Exports::read(pe).map_err(|error| error.context("export directory"))?;
        let (identity, forwarders) = match &exports {
            Some(exports) => (exports.identity(pe)?, exports.forwarders(pe)?),
            None => (None, Vec::new()),
        };
        if forwarders.iter().map(|forwarder| forwarder.text.len() as u64).sum::<u64>() > budget {
            return Err(Error::malformed("the texts of forwarders take more room than the file"));
        }
        let config = LoadConfig::read(pe)?.unwrap_or_default();
        Ok(Self { imports, delays, exports, identity, forwarders, config })
    }

    /// Names of all DLLs that are named, lower case.
    pub(in crate::format::pe) fn libraries(&self) -> BTreeSet<Vec<u8>> {
        let imports = self.imports.iter().map(|import| import.name.to_ascii_lowercase());
        let delays = self.delays.iter().map(|delay| delay.name.to_ascii_lowercase());
        let forwarders = self.forwarders.iter().filter_map(|forwarder| forwarder.library());
        imports.chain(delays).chain(forwarders.map(|name| name.to_ascii_lowercase())).collect()
    }

    /// Whether the loader already binds a delay import at load.
    pub(in crate::format::pe) fn is_eager(&self, delay: &DelayImported<'_>) -> bool {
        self.imports.iter().any(|import| import.descriptor.thunks == delay.descriptor.thunks)
    }
}

/// Texts as the address of their NUL and of their first byte, and tables as addresses of first and after last byte.
type Occupied = (BTreeSet<(u32, u32)>, Vec<(u32, u32)>);

impl Model<'_> {
    /// Says which bytes its tables and their texts take, so that nothing else is overwritten.
    ///
    /// # Errors
    /// `Malformed` if a table is not sound.
    pub(in crate::format::pe) fn occupied(&self, pe: &Pe<'_>) -> Result<Occupied> {
        let mut texts = BTreeSet::new();
        let mut tables = vec![(0, u32::try_from(pe.header.sections_end()).unwrap_or(u32::MAX))];
        let mut text = |address: u32, length: usize| {
            let end = address.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
            texts.insert((end, address));
        };
        let mut table = |address: u32, count: usize, size: u64| {
            let size = u32::try_from((count as u64).saturating_mul(size)).unwrap_or(u32::MAX);
            if address != 0 && size != 0 {
                tables.push((address, address.saturating_add(size)));
            }
        };
        let width = pe.header.width.bytes();
        let mut functions = |lookup: u32, functions: &[Function<'_>]| -> Result<()> {
            for (entry, function) in imports::lookups(pe, lookup)?.iter().zip(functions) {
                if let (imports::Lookup::Name(address), Function::Name(name)) = (entry, function) {
                    text(address.saturating_add(2), name.len());
                }
            }
            Ok(())
        };
        table(pe.directory(directory::IMPORT).address, self.imports.len() + 1, imports::DESCRIPTOR);
        table(pe.directory(directory::DELAY_IMPORT).address, self.delays.len() + 1, 32);
        for import in &self.imports {
            let count = import.functions.len() + 1;
            functions(import.descriptor.names(), &import.functions)?;
            table(import.descriptor.lookup, count, width);
            table(import.descriptor.thunks, count, width);
        }
        for delay in &self.delays {
            let count = delay.functions.len() + 1;
            functions(delay.descriptor.lookup, &delay.functions)?;
            table(delay.descriptor.lookup, count, width);
            table(delay.descriptor.thunks, count, width);
        }
        for import in &self.imports {
            text(import.descriptor.name, import.name.len());
        }
        for delay in &self.delays {
            text(delay.descriptor.name, delay.name.len());
        }
        if let Some(exports) = &self.exports {
            table(exports.directory.address, 1, 40);
            table(exports.functions_at, exports.function_count() as usize, 4);
            table(exports.names_at, exports.name_count() as usize, 4);
            if let Some(identity) = self.identity {
                text(exports.name, identity.len());
            }
            for (address, _) in exports.names() {
                text(address, pe.text(address, MAX_SYMBOL)?.len());
            }
        }
        for forwarder in &self.forwarders {
            text(forwarder.address, forwarder.text.len());
        }
        for number in [directory::RESOURCE, directory::DEBUG, directory::LOAD_CONFIG] {
            let directory = pe.directory(number);
            table(directory.address, directory.size as usize, 1);
        }
        Ok((texts, tables))
    }

    /// Whether tables overlap each other, or a text lies in one.
    ///
    /// # Errors
    /// As [`Model::occupied`].
    pub(in crate::format::pe) fn is_tangled(&self, pe: &Pe<'_>) -> Result<bool> {
        let (texts, mut tables) = self.occupied(pe)?;
        tables.sort_unstable();
        tables.dedup();
        let overlap = tables.windows(2).any(|pair| matches!(pair, [a, b] if a.1 > b.0));
        // Export directories and resources hold their own texts.
        let in_table = |(end, start): &(u32, u32)| tables.iter().any(|(first, last)| first <= end && start < last);
        Ok(overlap || texts.iter().any(in_table))
    }
}
