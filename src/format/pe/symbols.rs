//! Functions imported and exported, read once.

use std::ffi::CStr;

use super::exports::Exports;
use super::imports::{Function, MAX_NAME, delayed, descriptors, functions};
use super::read::{Pe, flags};
use crate::error::{Error, Result};
use crate::format::bytes::escaped;
use crate::format::excerpt::Excerpt;
use crate::format::image::{Fault, FaultKind};
use crate::format::symbols::{Binding, Export, ExportIndex, Symbol, SymbolFacts, SymbolKind, name_hash};

/// Bytes that the kept names may take, those of the structures around them included.
const NAME_BUDGET: u64 = 64 * 1024 * 1024;
/// The longest name of an export that is read.
const MAX_EXPORT: u64 = 64 * 1024;

/// Reads the functions of all import and export tables, once.
///
/// A function imported by number is called `#n`; one that is exported can be found by its number and by its name.
/// What a forwarder stands for is a symbol needed of the DLL it names.
///
/// # Errors
/// `Malformed` if the headers leave the file; what is wrong with a table is a fault of the result.
pub fn symbols(file: Excerpt<'_>) -> Result<SymbolFacts> {
    let mut facts = SymbolFacts::default();
    let Some(pe) = Pe::parse(file)? else { return Ok(facts) };
    let mut reader = Reader { pe: &pe, budget: NAME_BUDGET, undefined: Vec::new(), import: 0 };
    let imports = descriptors(&pe).entries;
    let lookups = imports.iter().filter(|descriptor| pe.text(descriptor.name, MAX_NAME).is_ok());
    let lookups: Vec<u32> = lookups.map(|descriptor| descriptor.names()).collect();
    for lookup in lookups {
        reader.import(lookup, &mut facts.faults);
    }
    for delay in delayed(&pe).entries {
        let is_eager = imports.iter().any(|descriptor| descriptor.thunks == delay.thunks);
        if !is_eager && pe.text(delay.name, MAX_NAME).is_ok() {
            reader.import(delay.lookup, &mut facts.faults);
        }
    }
    match Exports::read(&pe) {
        Ok(Some(exports)) => {
            if let Err(error) = reader.exports(&exports, &mut facts) {
                unread_exports(&error, &mut facts);
            }
        }
        Ok(None) => {}
        Err(error) => unread_exports(&error, &mut facts),
    }
    facts.undefined = reader.undefined;
    Ok(facts)
}

struct Reader<'p, 'a> {
    pe: &'p Pe<'a>,
    budget: u64,
    undefined: Vec<Symbol>,
    /// Index of the import that comes next.
    import: u16,
}

impl<'a> Reader<'_, 'a> {
    /// Reads one lookup table.
    fn import(&mut self, lookup: u32, faults: &mut Vec<Fault>) {
        match functions(self.pe, lookup, &mut self.budget) {
            Ok(functions) => {
                for function in functions {
                    let name = match function {
                        Function::Name(name) => escaped(name),
                        Function::Ordinal(ordinal) => format!("#{ordinal}"),
                    };
                    self.need(name);
                }
            }
            Err(error) => faults.push(fault(&error, "imports")),
        }
        self.import = self.import.saturating_add(1);
    }

    fn need(&mut self, name: String) {
        self.undefined.push(Symbol {
            name: name.into_boxed_str(),
            version: None,
            import: Some(self.import),
            binding: Binding::Global,
            kind: SymbolKind::Unknown,
        });
    }

    /// Reads the names and numbers of exports, and what forwarders need.
    fn exports(&mut self, exports: &Exports<'_>, facts: &mut SymbolFacts) -> Result<()> {
        let mut index = Vec::with_capacity((exports.name_count() + exports.function_count()) as usize);
        let kinds: Vec<SymbolKind> = exports.functions().map(|address| self.kind(address)).collect();
        let mut add = |name: &[u8], kind: SymbolKind| {
            index.push(Export { name: name_hash(name), version: u16::MAX, hidden: false, kind });
        };
        for (number, (address, kind)) in exports.functions().zip(&kinds).enumerate() {
            if address != 0 {
                let number = (number as u32).saturating_add(exports.base);
                add(format!("#{number}").as_bytes(), *kind);
            }
        }
        let mut readable = self.pe.bytes.len().saturating_mul(2).saturating_add(1 << 20);
        let mut nameless = 0_u32;
        for (address, function) in exports.names() {
            let (name, read) = self.name(address);
            readable = readable
                .checked_sub(read)
                .ok_or_else(|| Error::malformed("the names of exports overlap without end"))?;
            let Some(name) = name else {
                nameless += 1;
                continue;
            };
            add(name, kinds.get(usize::from(function)).copied().unwrap_or(SymbolKind::Unknown));
            if matters_to_python(name) {
                self.spend(name.len())?;
                facts.python_exports.push(escaped(name));
            }
        }
        if nameless > 0 {
            let message = format!("{nameless} exports have no name");
            facts.unread_exports = Some(message.clone());
            facts.faults.push(Fault { kind: FaultKind::Truncated, message });
        }
        facts.python_exports.sort_unstable();
        facts.python_exports.dedup();
        facts.exports = ExportIndex::new(index);
        self.forwarded(exports)
    }

    /// What forwarders need, of imports numbered in the order in which they first appear.
    fn forwarded(&mut self, exports: &Exports<'_>) -> Result<()> {
        let first = self.import;
        let mut libraries: Vec<Vec<u8>> = Vec::new();
        for forwarder in exports.forwarders(self.pe)? {
            let (Some(library), Some((_, function))) = (forwarder.library(), forwarder.parts()) else { continue };
            let known = libraries.iter().position(|known| known.eq_ignore_ascii_case(&library));
            let position = known.unwrap_or(libraries.len());
            if known.is_none() {
                libraries.push(library);
            }
            self.spend(function.len())?;
            self.import = first.saturating_add(u16::try_from(position).unwrap_or(u16::MAX));
            self.need(escaped(function));
        }
        Ok(())
    }

    fn spend(&mut self, size: usize) -> Result<()> {
        self.budget = self
            .budget
            .checked_sub(size as u64 + 64)
            .ok_or_else(|| Error::unsupported(format!("symbol names of more than {NAME_BUDGET} bytes")))?;
        Ok(())
    }

    /// Code or data, by the section that holds the address.
    fn kind(&self, address: u32) -> SymbolKind {
        match self.pe.section_at(address) {
            Some((_, section)) if section.flags & (flags::EXECUTE | flags::CODE) != 0 => SymbolKind::Function,
            Some(_) => SymbolKind::Data,
            None => SymbolKind::Unknown,
        }
    }

    /// The name at an address, and how many bytes were read to find its end.
    fn name(&self, address: u32) -> (Option<&'a [u8]>, u64) {
        let Ok((at, end)) = self.pe.place(address) else { return (None, 0) };
        let rest = self.pe.bytes.slice(at, (end - at).min(MAX_EXPORT)).unwrap_or_default();
        match CStr::from_bytes_until_nul(rest) {
            Ok(name) => (Some(name.to_bytes()), name.count_bytes() as u64),
            Err(_) => (None, rest.len() as u64),
        }
    }
}

fn unread_exports(error: &Error, facts: &mut SymbolFacts) {
    let fault = fault(error, "export directory");
    facts.unread_exports = Some(fault.message.clone());
    facts.faults.push(fault);
}

fn fault(error: &Error, what: &str) -> Fault {
    Fault { kind: FaultKind::Truncated, message: format!("{what}: {error}") }
}

fn matters_to_python(name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 5] = [b"Py", b"_Py", b"init", b"_cffi_pypyinit_", b"HPy"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
