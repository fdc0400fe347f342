//! Dynamic symbols, as one compact table a binary: read once, serves policy, ABI and `verify`.

use super::image::Fault;

/// How strongly a symbol binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// Must be resolved.
    Global,
    /// May stay unresolved.
    Weak,
    /// `STB_GNU_UNIQUE` and the like.
    Unique,
}

/// What a symbol stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SymbolKind {
    /// Code (also an indirect function).
    Function,
    /// Data.
    Data,
    /// Thread-local storage.
    ThreadLocal,
    /// The file does not say (usual for undefined symbols).
    Unknown,
}

/// A symbol that a binary needs from somewhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name as the file spells it; bytes that are not UTF-8 are escaped.
    pub name: Box<str>,
    /// Version node it asks for (ELF), e.g. `GLIBC_2.34`; index into [`SymbolFacts::versions`].
    pub version: Option<u16>,
    /// Index into [`super::Image::imports`] of the library it is bound to, where the format says so (Mach-O, PE).
    pub import: Option<u16>,
    /// How strongly it is needed.
    pub binding: Binding,
    /// What it stands for.
    pub kind: SymbolKind,
}

/// A version node that a binary needs of a library (`.gnu.version_r`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededVersion {
    /// `vn_file`: the library's name as the version table spells it.
    pub library: String,
    /// `vna_name`: e.g. `GLIBC_2.17`.
    pub version: String,
    /// `VER_FLG_WEAK`: loading goes on without it.
    pub weak: bool,
}

/// The dynamic symbols of one slice.
#[derive(Debug, Clone, Default)]
pub struct SymbolFacts {
    /// Undefined symbols, in file order; also a program's copies of libraries' variables, which it exports as well.
    pub undefined: Vec<Symbol>,
    /// Version nodes needed, in file order; every one counts, also those that no symbol uses.
    pub versions: Vec<NeededVersion>,
    /// Version nodes defined, the base name left out, in file order.
    pub defined_versions: Vec<String>,
    /// What the slice exports.
    pub exports: ExportIndex,
    /// Why not all of its exports are known, a phrase; a function that is not among them may be there then.
    pub unread_exports: Option<String>,
    /// Exported names that matter to Python's ABI, spelled out and sorted: those that begin with `Py`, `_Py`,
    /// `init`, `_cffi_pypyinit_` or `HPy`.
    pub python_exports: Vec<String>,
    /// What is wrong with the tables but does not keep them from being read.
    pub faults: Vec<Fault>,
}

/// Exported symbols as sorted 64-bit hashes: 16 bytes a symbol, whatever the names' length.
#[derive(Debug, Clone, Default)]
pub struct ExportIndex {
    entries: Vec<Export>,
    /// One bit for each hash, by its upper bits: most names that are looked for are not there, and that is seen at once.
    filter: Vec<u64>,
}

/// One exported symbol of an [`ExportIndex`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Export {
    /// [`name_hash`] of the symbol's name.
    pub name: u64,
    /// Index into [`SymbolFacts::defined_versions`], `u16::MAX` for none.
    pub version: u16,
    /// Not the default version: does not satisfy an unversioned reference.
    pub hidden: bool,
    /// What it stands for.
    pub kind: SymbolKind,
}

impl ExportIndex {
    /// Returns an index of `entries`, in any order.
    pub fn new(mut entries: Vec<Export>) -> Self {
        entries.sort_unstable();
        entries.dedup();
        let words = (entries.len() / 4).next_power_of_two();
        let mut filter = vec![0; words];
        for export in &entries {
            let (word, bit) = filter_place(export.name, words);
            if let Some(word) = filter.get_mut(word) {
                *word |= bit;
            }
        }
        Self { entries, filter }
    }

    /// Returns the exports of that name, one for each version.
    pub fn find(&self, name: &str) -> &[Export] {
        self.find_hashed(name_hash(name.as_bytes()))
    }

    /// Returns the exports of the name with that [`name_hash`], one for each version.
    pub fn find_hashed(&self, hash: u64) -> &[Export] {
        let (word, bit) = filter_place(hash, self.filter.len());
        if self.filter.get(word).is_none_or(|word| word & bit == 0) {
            return &[];
        }
        let start = self.entries.partition_point(|export| export.name < hash);
        let rest = self.entries.get(start..).unwrap_or_default();
        let count = rest.iter().take_while(|export| export.name == hash).count();
        rest.get(..count).unwrap_or_default()
    }

    /// Returns true if anything of that name is exported.
    pub fn contains(&self, name: &str) -> bool {
        !self.find(name).is_empty()
    }

    /// Returns the number of exports.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if nothing is exported.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Returns the word, of a number that is a power of two, and the bit that stand for a hash in a filter.
fn filter_place(hash: u64, words: usize) -> (usize, u64) {
    let word = usize::try_from(hash >> 32).unwrap_or(0) & words.wrapping_sub(1);
    (word, 1 << ((hash >> 26) & 63))
}

/// Returns the 64-bit hash under which an [`ExportIndex`] keeps a name; the same on every host.
///
/// Folded 128-bit products over 8 bytes at a time: C++ names are long, and a library has tens of thousands.
pub fn name_hash(name: &[u8]) -> u64 {
    let mut hash = fold(name.len() as u64 ^ 0x9e37_79b9_7f4a_7c15, 0xa076_1d64_78bd_642f);
    let mut words = name.chunks_exact(8);
    for word in words.by_ref() {
        let word = word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        hash = fold(hash ^ word, 0xe703_7ed1_a0b4_28db);
    }
    let rest = words.remainder().iter().rev().fold(0, |rest, byte| (rest << 8) | u64::from(*byte));
    fold(hash ^ rest, 0x8ebc_6af0_9c88_c6e3)
}

/// Both halves of a product, joined.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Returns true for an exported name that Python's ABI gives a meaning.
pub(crate) fn matters_to_python(name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 5] = [b"Py", b"_Py", b"init", b"_cffi_pypyinit_", b"HPy"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(name: &str, version: u16) -> Export {
        Export { name: name_hash(name.as_bytes()), version, hidden: false, kind: SymbolKind::Function }
    }

    #[test]
    fn an_export_is_found_in_each_of_its_versions() {
        let index = ExportIndex::new(vec![export("memcpy", 4), export("free", 0), export("memcpy", 2)]);
        assert_eq!(index.find("memcpy"), [export("memcpy", 2), export("memcpy", 4)]);
        assert!(!index.contains("memcp"));
        assert_eq!(index.len(), 3);
    }

    #[test]
    fn all_of_many_exports_are_found_and_nothing_else() {
        let name = |number: u32| format!("symbol_{number}");
        let index = ExportIndex::new((0..5000).map(|number| export(&name(number), 0)).collect());
        assert!((0..5000).all(|number| index.find(&name(number)).len() == 1));
        assert!(!(5000..20_000).any(|number| index.contains(&name(number))));
        assert!(!ExportIndex::default().contains("a") && !ExportIndex::new(Vec::new()).contains("a"));
    }

    #[test]
    fn names_that_differ_little_hash_apart() {
        let mut names = Vec::new();
        for length in 0..40 {
            let name = vec![b'a'; length];
            for at in 0..length {
                let mut other = name.clone();
                other[at] = b'b';
                names.push(other);
            }
            names.push(name);
        }
        let mut hashes: Vec<u64> = names.iter().map(|name| name_hash(name)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), names.len());
    }
}
