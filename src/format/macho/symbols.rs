//! Symbols of a slice: what is needed, from which library, and what is exported.
//!
//! Names are given as C sees them, without the underscore that the Mach-O ABI puts before them, so that the rules of
//! Python's ABI serve every format.

use std::ffi::CStr;

use super::facts::FileType;
use super::inspect::slice_of;
use super::names::import_kind;
use super::read::Macho;
use super::trie;
use super::universal::Entry;
use crate::error::{Error, Result};
use crate::format::bytes::{Width, escaped};
use crate::format::excerpt::Excerpt;
use crate::format::image::{Fault, FaultKind, Image};
use crate::format::symbols::{
    Binding, Export, ExportIndex, Symbol, SymbolFacts, SymbolKind, matters_to_python, name_hash,
};

/// Bytes that the kept names may take, those of the structures around them included.
const NAME_BUDGET: usize = 64 * 1024 * 1024;
/// More exported symbols than any library has.
const MAX_EXPORTS: usize = 4_000_000;
/// `LC_SYMTAB`.
const SYMTAB: u32 = 0x2;
/// `LC_DYLD_CHAINED_FIXUPS`.
const CHAINED_FIXUPS: u32 = 0x8000_0034;
/// `N_STAB`.
const STAB: u8 = 0xe0;
/// `N_PEXT`.
const PRIVATE: u8 = 0x10;
/// `N_TYPE`.
const TYPE: u8 = 0x0e;
/// `N_EXT`.
const EXTERNAL: u8 = 0x01;
/// `N_WEAK_REF` of an undefined symbol.
const WEAK_REFERENCE: u16 = 0x40;

/// Reads the symbols of the slice that `image` describes, once; objects, which nothing loads, have none.
///
/// # Errors
/// `Malformed` if a table leaves the slice, or the exports loop; `Unsupported` if names are absurdly many.
pub fn symbols(file: Excerpt<'_>, image: &Image) -> Result<SymbolFacts> {
    let entry = Entry { cpu_type: 0, cpu_subtype: 0, range: image.slice.clone(), align: 0 };
    let is_loaded =
        image.macho().is_some_and(|facts| facts.file_type.is_loaded() || facts.file_type == FileType::Dylinker);
    if !is_loaded {
        return Ok(SymbolFacts::default());
    }
    let (slice, _) = Macho::parse_what_is_sound(slice_of(file, &entry)?)?;
    of_slice(&slice)
}

/// Reads the symbols of a slice that dyld loads.
///
/// # Errors
/// As [`symbols()`].
pub(super) fn of_slice(slice: &Macho<'_>) -> Result<SymbolFacts> {
    let mut reader = Reader { slice, imports: 0, budget: NAME_BUDGET, facts: SymbolFacts::default() };
    reader.imports = slice.commands.iter().filter(|command| import_kind(command).is_some()).count();
    let trie = trie::find(slice)?;
    let mut exports = Vec::new();
    reader.symbol_table(trie.is_none(), &mut exports)?;
    if reader.facts.undefined.is_empty() {
        // A stripped file may have no symbol table; the fixups still name what they need.
        reader.chained_imports()?;
    }
    if let Some(trie) = trie {
        trie::walk(trie, |name, export| reader.export(name, export.is_thread_local, &mut exports))?;
    }
    let mut facts = reader.facts;
    facts.python_exports.sort_unstable();
    facts.python_exports.dedup();
    facts.exports = ExportIndex::new(exports);
    Ok(facts)
}

struct Reader<'a, 's> {
    slice: &'s Macho<'a>,
    /// How many imports have an ordinal.
    imports: usize,
    budget: usize,
    facts: SymbolFacts,
}

impl Reader<'_, '_> {
    /// Takes `size` bytes, and a structure around them, off the budget.
    fn spend(&mut self, size: usize) -> Result<()> {
        self.budget = self
            .budget
            .checked_sub(size.saturating_add(64))
            .ok_or_else(|| Error::unsupported(format!("symbol names of more than {NAME_BUDGET} bytes")))?;
        Ok(())
    }

    /// Reads `LC_SYMTAB`: what is undefined, and what is exported where no trie says it.
    fn symbol_table(&mut self, takes_exports: bool, exports: &mut Vec<Export>) -> Result<()> {
        let Some(command) = self.slice.of_kind(SYMTAB).next() else { return Ok(()) };
        let number = |at: u64| command.bytes.u32(at).map(u64::from);
        let size = match self.slice.header.width {
            Width::W32 => 12,
            Width::W64 => 16,
        };
        let table = self.slice.bytes.slice(number(8)?, number(12)? * size)?;
        let strings = self.slice.bytes.slice(number(16)?, number(20)?)?;
        let mut nameless = 0_u64;
        // Names may share bytes, but no linker lets them share more than this.
        let mut readable = (strings.len() as u64).saturating_mul(8).saturating_add(1 << 20);
        let is_two_level = self.slice.header.flags & 0x80 != 0;
        for raw in table.chunks_exact(usize::try_from(size).unwrap_or(16)) {
            let Some((at, kind, description, value)) = self.decode(raw) else { continue };
            if kind & STAB != 0 || kind & EXTERNAL == 0 {
                continue;
            }
            // N_UNDF 0 with a value is a common symbol, which only objects have; N_PBUD 0xc is prebound undefined.
            let is_undefined = matches!(kind & TYPE, 0 | 0xc) && value == 0;
            if !is_undefined && (!takes_exports || kind & PRIVATE != 0) {
                continue;
            }
            let rest = usize::try_from(at).ok().and_then(|at| strings.get(at..)).unwrap_or_default();
            let Ok(name) = CStr::from_bytes_until_nul(rest) else {
                nameless += 1;
                continue;
            };
            let name = name.to_bytes();
            readable = readable
                .checked_sub(name.len() as u64 + 1)
                .ok_or_else(|| Error::malformed("the symbols' names overlap without end"))?;
            if name.is_empty() {
                continue;
            }
            if is_undefined {
                let is_weak = description & WEAK_REFERENCE != 0;
                // SELF_LIBRARY_ORDINAL 0, DYNAMIC_LOOKUP_ORDINAL 254, EXECUTABLE_ORDINAL 255 are no libraries.
                let ordinal = usize::from(description >> 8);
                let import = if is_two_level { self.import(ordinal) } else { None };
                self.undefined(name, import, is_weak)?;
            } else {
                self.export(name, false, exports)?;
            }
        }
        if nameless > 0 {
            let message = format!("{nameless} symbols have no name in the strings");
            self.facts.faults.push(Fault { kind: FaultKind::Truncated, message });
        }
        Ok(())
    }

    /// Takes an `nlist` apart: name, type, description, value.
    fn decode(&self, raw: &[u8]) -> Option<(u32, u8, u16, u64)> {
        let bytes = crate::format::bytes::Bytes::new(raw, self.slice.header.endian);
        let value = bytes.word(8, self.slice.header.width).ok()?;
        Some((bytes.u32(0).ok()?, bytes.u8(4).ok()?, bytes.u16(6).ok()?, value))
    }

    /// The import that an ordinal stands for.
    fn import(&self, ordinal: usize) -> Option<u16> {
        let index = ordinal.checked_sub(1).filter(|index| *index < self.imports)?;
        u16::try_from(index).ok()
    }

    fn undefined(&mut self, name: &[u8], import: Option<u16>, is_weak: bool) -> Result<()> {
        let name = escaped(as_in_c(name));
        self.spend(name.len())?;
        self.facts.undefined.push(Symbol {
            name: name.into_boxed_str(),
            version: None,
            import,
            binding: if is_weak { Binding::Weak } else { Binding::Global },
            kind: SymbolKind::Unknown,
        });
        Ok(())
    }

    fn export(&mut self, name: &[u8], is_thread_local: bool, exports: &mut Vec<Export>) -> Result<()> {
        let name = as_in_c(name);
        if matters_to_python(name) {
            self.spend(name.len())?;
            self.facts.python_exports.push(escaped(name));
        }
        if exports.len() >= MAX_EXPORTS {
            return Err(Error::unsupported(format!("more than {MAX_EXPORTS} exported symbols")));
        }
        exports.push(Export {
            name: name_hash(name),
            version: u16::MAX,
            hidden: false,
            kind: if is_thread_local { SymbolKind::ThreadLocal } else { SymbolKind::Unknown },
        });
        Ok(())
    }

    /// Reads the imports of `LC_DYLD_CHAINED_FIXUPS` (`mach-o/fixup-chains.h`).
    fn chained_imports(&mut self) -> Result<()> {
        let Some(command) = self.slice.of_kind(CHAINED_FIXUPS).next() else { return Ok(()) };
        let (offset, size) = (u64::from(command.bytes.u32(8)?), u64::from(command.bytes.u32(12)?));
        let blob = crate::format::bytes::Bytes::new(self.slice.bytes.slice(offset, size)?, self.slice.header.endian);
        if blob.is_empty() {
            return Ok(());
        }
        let (imports, names) = (u64::from(blob.u32(8)?), u64::from(blob.u32(12)?));
        let (count, format) = (u64::from(blob.u32(16)?), blob.u32(20)?);
        // Compressed names (symbols_format 1) no linker writes.
        if blob.u32(24)? != 0 {
            return Ok(());
        }
        let size = match format {
            1 => 4,
            2 => 8,
            3 => 16,
            _ => return Ok(()),
        };
        blob.slice(imports, count * size)?;
        let mut readable = blob.len().saturating_mul(8).saturating_add(1 << 20);
        for index in 0..count {
            let at = imports + index * size;
            let (ordinal, is_weak, name) = if format == 3 {
                let raw = blob.u64(at)?;
                (raw & 0xffff, raw & 0x1_0000 != 0, raw >> 32)
            } else {
                let raw = blob.u32(at)?;
                (u64::from(raw & 0xff), raw & 0x100 != 0, u64::from(raw >> 9))
            };
            let name = blob.c_string(names.saturating_add(name), blob.len())?;
            readable = readable
                .checked_sub(name.len() as u64 + 1)
                .ok_or_else(|| Error::malformed("the fixups' names overlap without end"))?;
            self.undefined(name, self.import(usize::try_from(ordinal).unwrap_or(0)), is_weak)?;
        }
        Ok(())
    }
}

/// The name as C spells it: Mach-O puts an underscore before every name of C and C++.
fn as_in_c(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"_").unwrap_or(name)
}
