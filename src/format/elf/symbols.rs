//! The dynamic symbol table, read once: what is needed, what is exported, by which versions.

use std::ffi::CStr;

use object::elf;

use super::facts::Linkage;
use super::inspect::{Dynamic, fault, linkage, read_dynamic};
use super::read::{Elf, Strings, last};
use super::symbol_table::{Table, symbol_table};
use super::versions::{Need, definitions, needs};
use crate::error::{Error, Result};
use crate::format::bytes::{Endian, Width, escaped};
use crate::format::excerpt::Excerpt;
use crate::format::image::{Fault, FaultKind};
use crate::format::symbols::{
    Binding, Export, ExportIndex, NeededVersion, Symbol, SymbolFacts, SymbolKind, matters_to_python, name_hash,
};

/// Bytes that the kept names may take, those of the structures around them included.
const NAME_BUDGET: usize = 64 * 1024 * 1024;
/// Longest name of a version or library.
const MAX_NAME: usize = 4096;
/// `VERSYM_HIDDEN`.
const HIDDEN: u16 = 0x8000;
/// `VER_FLG_BASE`: the file's own name, no version.
const BASE: u16 = 1;
/// `VER_FLG_WEAK`.
const WEAK: u16 = 2;

/// Reads the dynamic symbol table once.
///
/// # Errors
/// `Malformed` if a table leaves its segment or loops; `Unsupported` if it is absurdly large.
pub fn symbols(file: Excerpt<'_>) -> Result<SymbolFacts> {
    let (file, _) = Elf::parse_as_loader(file)?;
    let mut faults = Vec::new();
    let Some(dynamic) = read_dynamic(&file, &mut faults) else {
        return Ok(SymbolFacts { faults, ..SymbolFacts::default() });
    };
    if linkage(&file, Some(&dynamic), false) == Linkage::DebugCompanion
        || last(&dynamic.entries, elf::DT_SYMTAB.0).is_none()
    {
        return Ok(SymbolFacts::default());
    }
    let strings = dynamic.strings.clone()?;
    let mut reader = Reader { file: &file, strings, budget: NAME_BUDGET, faults };
    let versions = reader.versions(&dynamic)?;
    let table = symbol_table(&file, &dynamic)?;
    reader.read(&table, versions)
}

/// What version indices mean.
#[derive(Default)]
struct Versions {
    needed: Vec<NeededVersion>,
    defined: Vec<String>,
    /// Of each version index: what it stands for.
    meaning: Vec<Meaning>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Unknown,
    Needed(u16),
    Defined(u16),
}

struct Reader<'a, 'f> {
    file: &'f Elf<'a>,
    strings: Strings<'a>,
    budget: usize,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a, '_> {
    /// Reads both version tables.
    fn versions(&mut self, dynamic: &Dynamic<'_>) -> Result<Versions> {
        let mut versions = Versions::default();
        let needs = needs(self.file, &dynamic.entries)?;
        self.check_counts(&needs, last(&dynamic.entries, elf::DT_VERNEEDNUM.0));
        for need in &needs {
            let library = escaped(self.strings.get(need.file, MAX_NAME)?);
            for version in &need.versions {
                let name = escaped(self.strings.get(version.name, MAX_NAME)?);
                self.spend(library.len() + name.len())?;
                versions.means(version.index, Meaning::Needed(versions.needed.len() as u16));
                versions.needed.push(NeededVersion {
                    library: library.clone(),
                    version: name,
                    weak: version.flags & WEAK != 0,
                });
            }
        }
        for definition in definitions(self.file, &dynamic.entries)? {
            let Some(name) = definition.name.filter(|_| definition.flags & BASE == 0) else { continue };
            let name = escaped(self.strings.get(name, MAX_NAME)?);
            self.spend(name.len())?;
            versions.means(definition.index, Meaning::Defined(versions.defined.len() as u16));
            versions.defined.push(name);
        }
        Ok(versions)
    }

    fn check_counts(&mut self, needs: &[Need], declared: Option<u64>) {
        let uneven = needs.iter().any(|need| usize::from(need.count) != need.versions.len());
        if uneven || declared.is_some_and(|declared| declared != needs.len() as u64) {
            self.faults
                .push(fault(FaultKind::Contradiction, "the needed versions are not as many as their counts say"));
        }
    }

    /// Takes `size` bytes, and a structure around them, off the budget.
    fn spend(&mut self, size: usize) -> Result<()> {
        self.budget = self
            .budget
            .checked_sub(size.saturating_add(64))
            .ok_or_else(|| Error::unsupported(format!("symbol names of more than {NAME_BUDGET} bytes")))?;
        Ok(())
    }

    /// Reads every symbol but the first, which is none (gABI, "Symbol Table").
    fn read(mut self, table: &Table<'_>, versions: Versions) -> Result<SymbolFacts> {
        let (width, endian) = (self.file.header.width, self.file.header.endian);
        let size = match width {
            Width::W32 => 16,
            Width::W64 => 24,
        };
        let mut undefined = Vec::new();
        let mut exports = Vec::new();
        let mut python_exports = Vec::new();
        let mut nameless = 0_u64;
        // Names may share bytes, but no linker lets them share more than this.
        let mut readable = (self.strings.data.len() as u64).saturating_mul(8).saturating_add(1 << 20);
        let mut indices = table.versions.chunks_exact(2).skip(1);
        for raw in table.symbols.chunks_exact(size).skip(1) {
            let version = indices.next().map_or(1, |index| half(index, endian));
            let Some(symbol) = decode(raw, width, endian) else { continue };
            let Some(role) = symbol.role(versions.get(version)) else { continue };
            let (name, read) = self.name(symbol.name);
            readable = readable
                .checked_sub(read as u64)
                .ok_or_else(|| Error::malformed("the symbols' names overlap without end"))?;
            let Some(name) = name else {
                nameless += 1;
                continue;
            };
            if name.is_empty() {
                continue;
            }
            if let Role::Needed(version) | Role::Copied(version) = role {
                let name = escaped(name);
                self.spend(name.len())?;
                undefined.push(Symbol {
                    name: name.into_boxed_str(),
                    version,
                    import: None,
                    binding: symbol.binding(),
                    kind: symbol.kind(),
                });
            }
            let exported = match role {
                Role::Needed(_) => continue,
                Role::Copied(_) => u16::MAX,
                Role::Exported(version) => version,
            };
            if matters_to_python(name) {
                self.spend(name.len())?;
                python_exports.push(escaped(name));
            }
            exports.push(Export {
                name: name_hash(name),
                version: exported,
                hidden: version & HIDDEN != 0,
                kind: symbol.kind(),
            });
        }
        let unread = (nameless > 0).then(|| format!("{nameless} symbols have no name in the dynamic strings"));
        self.faults.extend(unread.clone().map(|message| fault(FaultKind::Truncated, message)));
        python_exports.sort_unstable();
        python_exports.dedup();
        Ok(SymbolFacts {
            undefined,
            versions: versions.needed,
            defined_versions: versions.defined,
            exports: ExportIndex::new(exports),
            unread_exports: unread,
            python_exports,
            faults: self.faults,
        })
    }

    /// The name at `at`, and how many bytes were read to find its end.
    fn name(&self, at: u32) -> (Option<&'a [u8]>, usize) {
        let rest = usize::try_from(at).ok().and_then(|at| self.strings.data.get(at..)).unwrap_or_default();
        match CStr::from_bytes_until_nul(rest) {
            Ok(name) => (Some(name.to_bytes()), name.count_bytes()),
            Err(_) => (None, rest.len()),
        }
    }
}

impl Versions {
    fn means(&mut self, index: u16, meaning: Meaning) {
        let index = usize::from(index & !HIDDEN);
        if index >= self.meaning.len() {
            self.meaning.resize(index + 1, Meaning::Unknown);
        }
        if let Some(slot) = self.meaning.get_mut(index) {
            *slot = meaning;
        }
    }

    fn get(&self, index: u16) -> Meaning {
        self.meaning.get(usize::from(index & !HIDDEN)).copied().unwrap_or(Meaning::Unknown)
    }
}

/// One symbol as it stands in the table.
struct RawSymbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: u64,
}

/// What a symbol is to the outside; the version it needs or defines.
enum Role {
    Needed(Option<u16>),
    /// A program's copy of a library's variable: needed from there, and what all others then use.
    Copied(Option<u16>),
    Exported(u16),
}

impl RawSymbol {
    /// What the symbol is to other files, as glibc's lookup sees it (elf/dl-lookup.c); `None` for nothing.
    fn role(&self, version: Meaning) -> Option<Role> {
        let kind = self.info & 0xf;
        let is_local = !matches!(self.info >> 4, 1 | 2 | 10);
        if is_local || !matches!(kind, 0 | 1 | 2 | 5 | 6 | 10) {
            return None;
        }
        if self.section == elf::SHN_UNDEF.0 {
            return Some(Role::Needed(match version {
                Meaning::Needed(index) => Some(index),
                Meaning::Unknown | Meaning::Defined(_) => None,
            }));
        }
        match version {
            // STV_INTERNAL 1 and STV_HIDDEN 2 bind locally; a value of 0 is no definition.
            _ if matches!(self.other & 3, 1 | 2) => None,
            _ if self.value == 0 && kind != 6 && self.section != elf::SHN_ABS.0 => None,
            Meaning::Needed(index) => Some(Role::Copied(Some(index))),
            Meaning::Defined(index) => Some(Role::Exported(index)),
            Meaning::Unknown => Some(Role::Exported(u16::MAX)),
        }
    }

    fn binding(&self) -> Binding {
        match self.info >> 4 {
            2 => Binding::Weak,
            10 => Binding::Unique,
            _ => Binding::Global,
        }
    }

    fn kind(&self) -> SymbolKind {
        match self.info & 0xf {
            2 | 10 => SymbolKind::Function,
            1 | 5 => SymbolKind::Data,
            6 => SymbolKind::ThreadLocal,
            _ => SymbolKind::Unknown,
        }
    }
}

/// Takes a symbol of exactly the right size apart.
fn decode(raw: &[u8], width: Width, endian: Endian) -> Option<RawSymbol> {
    let word = |bytes: [u8; 4]| match endian {
        Endian::Little => u32::from_le_bytes(bytes),
        Endian::Big => u32::from_be_bytes(bytes),
    };
    Some(match width {
        Width::W32 => {
            let [n0, n1, n2, n3, v0, v1, v2, v3, _, _, _, _, info, other, s0, s1] = *raw.first_chunk()?;
            RawSymbol {
                name: word([n0, n1, n2, n3]),
                info,
                other,
                section: half(&[s0, s1], endian),
                value: u64::from(word([v0, v1, v2, v3])),
            }
        }
        Width::W64 => {
            let [n0, n1, n2, n3, info, other, s0, s1, v0, v1, v2, v3, v4, v5, v6, v7] = *raw.first_chunk()?;
            // Only whether it is zero matters, so halves may be joined in any order.
            let value = u64::from(word([v0, v1, v2, v3])) | (u64::from(word([v4, v5, v6, v7])) << 32);
            RawSymbol { name: word([n0, n1, n2, n3]), info, other, section: half(&[s0, s1], endian), value }
        }
    })
}

fn half(bytes: &[u8], endian: Endian) -> u16 {
    match bytes {
        [a, b] if endian == Endian::Little => u16::from_le_bytes([*a, *b]),
        [a, b] => u16::from_be_bytes([*a, *b]),
        _ => 1,
    }
}
