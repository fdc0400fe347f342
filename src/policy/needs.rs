//! `Needs`: what one binary asks of others, gathered once and then held against every policy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::document::Node;
use super::rules::Evidence;
use super::subject::{Provider, Standing, Subject};
use super::symbols::{self, GlibcExport};
use crate::abi;
use crate::arch::Arch;
use crate::format::symbols::name_hash;
use crate::format::{Binding, Symbol};

/// A version node that a binary asks a library for.
#[derive(Debug)]
pub(super) struct VersionNeed<'a> {
    /// The library, as the version table spells it.
    pub(super) library: &'a str,
    /// The node.
    pub(super) node: Node,
    /// Loading goes on without it (`VER_FLG_WEAK`).
    pub(super) weak: bool,
    /// The symbols that ask for it, sorted; none where the node alone is asked for.
    pub(super) symbols: Arc<[String]>,
    /// Those of them that must resolve.
    pub(super) strong: Arc<[String]>,
}

/// What one binary needs.
#[derive(Debug, Default)]
pub(super) struct Needs<'a> {
    /// Version nodes, in file order.
    pub(super) versions: Vec<VersionNeed<'a>>,
    /// Symbols without version that must resolve and that neither the wheel nor Python provides, sorted.
    pub(super) plain: Vec<&'a str>,
    /// Libraries in scope that nothing in the wheel provides, sorted.
    pub(super) outside: BTreeSet<&'a str>,
    /// Libraries in scope that a repair would vendor unless the policy gives them, sorted.
    pub(super) vendorable: BTreeSet<&'a str>,
    /// A library in scope is left to the user's machine: it may export anything.
    pub(super) open: bool,
    /// A symbol of a Python 2 with narrow Unicode strings.
    pub(super) narrow_unicode: Option<String>,
    /// A symbol of a Python with floating-point traps.
    pub(super) fpe: Option<String>,
    /// The C libraries it shows on Linux, with their signs.
    pub(super) evidence: Vec<Evidence>,
    /// Hashes of the names of all symbols that must resolve, sorted, with their place among the undefined symbols.
    strong: Vec<(u64, usize)>,
    /// Which of glibc's libraries export each of `plain`, looked up when first asked for.
    glibc: OnceLock<Vec<Vec<GlibcExport>>>,
}

impl<'a> Needs<'a> {
    /// Gathers what the binary at a place needs.
    pub(super) fn of(subject: &Subject<'a>, place: usize) -> Self {
        let binary = subject.at(place);
        let facts = binary.symbols;
        let mut by_version: BTreeMap<usize, Vec<&'a Symbol>> = BTreeMap::new();
        let mut strong = Vec::with_capacity(facts.undefined.len());
        let mut plain = Vec::new();
        let always = always_in_scope(subject, place);
        for (index, symbol) in facts.undefined.iter().enumerate() {
            if let Some(version) = symbol.version {
                by_version.entry(usize::from(version)).or_default().push(symbol);
            }
            if symbol.binding == Binding::Weak {
                continue;
            }
            let hash = name_hash(symbol.name.as_bytes());
            strong.push((hash, index));
            if symbol.version.is_none() && !is_python(&symbol.name) {
                let exported = |other: &usize| !subject.at(*other).symbols.exports.find_hashed(hash).is_empty();
                if !always.iter().any(exported) && !in_every_scope(subject, place, hash) {
                    plain.push(&*symbol.name);
                }
            }
        }
        strong.sort_unstable();
        plain.sort_unstable();
        plain.dedup();
        let versions = facts.versions.iter().enumerate().map(|(index, need)| {
            let asking = by_version.get(&index).map(Vec::as_slice).unwrap_or_default();
            let names = |wanted: &dyn Fn(&Symbol) -> bool| {
                let names: BTreeSet<String> =
                    asking.iter().filter(|symbol| wanted(symbol)).map(|symbol| symbol.name.to_string()).collect();
                names.into_iter().collect::<Vec<_>>().into()
            };
            VersionNeed {
                library: &need.library,
                node: Node::new(&need.version),
                weak: need.weak,
                symbols: names(&|_| true),
                strong: names(&|symbol| symbol.binding != Binding::Weak),
            }
        });
        let loaded = binary.scopes.iter().filter_map(|scope| subject.scopes().get(*scope)).flatten();
        let loaded: BTreeSet<usize> = loaded.copied().chain([place]).collect();
        let mut outside = BTreeSet::new();
        let mut vendorable = BTreeSet::new();
        let mut open = false;
        for link in loaded.into_iter().flat_map(|other| &subject.at(other).links) {
            match link.provider {
                Provider::Outside => _ = outside.insert(link.name),
                Provider::Vendored(_) => _ = vendorable.insert(link.name),
                Provider::Excluded => open = true,
                Provider::Wheel(_) | Provider::Python => {}
            }
        }
        let python = abi::examine(binary.image, facts, binary.file_name());
        Self {
            versions: versions.collect(),
            plain,
            outside,
            vendorable,
            open,
            narrow_unicode: python.narrow_unicode.into_iter().next(),
            fpe: python.fpe.into_iter().next(),
            evidence: Evidence::of(binary, false),
            strong,
            glibc: OnceLock::new(),
        }
    }

    /// Returns which of glibc's libraries export one of `plain`; a subject is for one architecture.
    pub(super) fn glibc(&self, symbol: &str, arch: Arch) -> &[GlibcExport] {
        let all = self.glibc.get_or_init(|| self.plain.iter().map(|name| symbols::glibc(name, arch)).collect());
        let found = self.plain.binary_search(&symbol).ok().and_then(|index| all.get(index));
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the symbol of that name, if the binary has it undefined and it must resolve.
    pub(super) fn strong(&self, undefined: &'a [Symbol], name: &str) -> Option<&'a Symbol> {
        let hash = name_hash(name.as_bytes());
        let start = self.strong.partition_point(|(other, _)| *other < hash);
        let same = self.strong.get(start..)?.iter().take_while(|(other, _)| *other == hash);
        same.filter_map(|(_, index)| undefined.get(*index)).find(|symbol| &*symbol.name == name)
    }
}

/// Whether the interpreter provides a symbol: Python's API, in whatever build.
fn is_python(name: &str) -> bool {
    name.starts_with("Py") || name.starts_with("_Py")
}

/// The wheel's binaries that are in every scope in which the one at a place is loaded, those that it links first.
fn always_in_scope(subject: &Subject<'_>, place: usize) -> Vec<usize> {
    let binary = subject.at(place);
    let mut scopes = binary.scopes.iter().filter_map(|scope| subject.scopes().get(*scope));
    let Some(first) = scopes.next() else { return Vec::new() };
    let mut common: Vec<usize> =
        first.iter().copied().filter(|other| subject.at(*other).standing != Standing::External).collect();
    for scope in scopes {
        let here: BTreeSet<usize> = scope.iter().copied().collect();
        common.retain(|other| here.contains(other));
    }
    let linked: BTreeSet<usize> = binary
        .links
        .iter()
        .filter_map(|link| match link.provider {
            Provider::Wheel(target) => Some(target),
            _ => None,
        })
        .collect();
    common.sort_by_key(|other| !linked.contains(other));
    common
}

/// Whether under every root that loads the binary at a place some binary of the wheel exports the symbol.
fn in_every_scope(subject: &Subject<'_>, place: usize, symbol: u64) -> bool {
    let scopes = &subject.at(place).scopes;
    !scopes.is_empty()
        && scopes
            .iter()
            .all(|scope| exported_in(subject, *scope, symbol, |other| subject.at(other).standing != Standing::External))
}

/// Whether a binary in a scope, of those that `counts` picks, exports the symbol with this hash.
pub(super) fn exported_in(subject: &Subject<'_>, scope: usize, symbol: u64, counts: impl Fn(usize) -> bool) -> bool {
    let members = subject.scopes().get(scope).map(Vec::as_slice).unwrap_or_default();
    members.iter().any(|other| counts(*other) && !subject.at(*other).symbols.exports.find_hashed(symbol).is_empty())
}
