//! The engine: from each root breadth first, one import after the other, by the platform's rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::expand::Place;
use super::graph::{Edge, Graph, Object, ObjectId, Resolution, Root, RootKind, Turn, Via};
use super::list::Element;
use super::search::{Loaded, Outcome, Search, directory_of};
use super::{Binary, Outside, Role, Target, Universe};
use crate::error::{Error, Result};
use crate::format::ImageKind;
use crate::platform::loader::{NameRule, PathImport, Reuse};

/// More paths than the search for all of them looks at.
const MAX_LOOKED: usize = 25_000_000;

/// More edges than the largest wheels have (some 400,000); a wheel with more is made to exhaust memory.
const MAX_EDGES: usize = 2_000_000;

/// Resolves every import of every binary of the wheel, and of every library found on the way.
///
/// For each import, in this order: what the loader itself is; what is loaded already under this root; the tree that
/// the wheel and its providers install, by the loader's rules; `outside`, by name (excluded, Python, system); the
/// universe's sources, each by the loader's rules. So a library that the wheel ships and reaches wins over a policy
/// that gives one of that name, as it does in a process.
///
/// Copies for newer processors (`glibc-hwcaps`) are followed where the wheel ships them ([`Edge::variants`]) and never
/// taken from outside: what is found does not depend on the processor of whoever looks.
///
/// An import that the loader does not reach in the wheel but that exactly one of its binaries answers to by file name
/// or SONAME keeps its resolution and says which that is ([`Edge::elsewhere`]).
///
/// # Errors
/// `Unsupported` for a wheel whose graph has more than two million edges, or needs 25 million paths to be looked at.
pub fn resolve(universe: &Universe<'_>, target: Target, outside: &dyn Outside) -> Result<Graph> {
    resolve_within(universe, target, outside, MAX_EDGES)
}

/// Resolves as [`resolve`] does, for a wheel of at most `limit` edges.
pub(super) fn resolve_within(
    universe: &Universe<'_>,
    target: Target,
    outside: &dyn Outside,
    limit: usize,
) -> Result<Graph> {
    let mut engine = Engine { search: Search::new(universe, target, outside), edges: 0, limit };
    let binaries = universe.wheel();
    let foreign: Vec<ObjectId> = (0..binaries.len()).map(ObjectId).filter(|id| !engine.search.fits(*id)).collect();
    let walked = engine.roots(binaries)?;
    let (data, roots) = walked.into_iter().partition(|root| root.kind == RootKind::Data);
    Ok(Graph { objects: engine.search.objects, roots, data, foreign })
}

struct Engine<'a> {
    search: Search<'a>,
    edges: usize,
    limit: usize,
}

/// What one root has loaded so far.
///
/// INVARIANT: whatever is called `at` is an index into `loaded`, which only grows.
struct Process {
    loaded: Vec<Loaded>,
    by_object: HashMap<ObjectId, usize>,
    /// What an import of this name is, without a search.
    names: HashMap<String, Resolution>,
    /// Copies for newer processors that are still to be followed.
    variants: Vec<Loaded>,
}

impl Engine<'_> {
    /// Walks from every root, and then from whatever no root has reached. Sorted by binary.
    fn roots(&mut self, binaries: &[Binary]) -> Result<Vec<Root>> {
        let mut naming = Naming::of(binaries.iter());
        let mut roots = Vec::new();
        let mut reached = BTreeSet::new();
        let mut waiting = BTreeMap::new();
        for (index, binary) in binaries.iter().enumerate() {
            let id = ObjectId(index);
            if binary.image.kind == ImageKind::Object || !self.search.fits(id) {
                continue;
            }
            let kind = root_kind(binary);
            if kind == RootKind::Data || (kind == RootKind::Library && naming.names(binary)) {
                waiting.insert(id, kind);
                continue;
            }
            self.walk_into(id, kind, &mut reached, &mut roots)?;
        }
        waiting.retain(|id, _| !reached.contains(id));
        // What is left is loaded by nobody by the loader's rules: start where nobody left names it, so that as few
        // binaries as possible are roots; where they all name each other, at the first.
        // INVARIANT: `waiting` holds numbers of `binaries`.
        naming = Naming::of(waiting.keys().map(|id| &binaries[id.0]));
        while let Some((id, kind)) = naming.first_unnamed(&waiting, binaries) {
            for id in self.walk_into(id, kind, &mut reached, &mut roots)? {
                if waiting.remove(&id).is_some() {
                    naming.forget(&binaries[id.0]);
                }
            }
        }
        roots.sort_by_key(|root: &Root| root.object);
        Ok(roots)
    }

    /// Walks from one root; returns everything that was loaded.
    fn walk_into(
        &mut self,
        id: ObjectId,
        kind: RootKind,
        reached: &mut BTreeSet<ObjectId>,
        roots: &mut Vec<Root>,
    ) -> Result<Vec<ObjectId>> {
        let root = self.walk(id, kind)?;
        let loaded: Vec<ObjectId> = root.loaded().collect();
        reached.extend(&loaded);
        roots.push(root);
        Ok(loaded)
    }

    /// Loads one root.
    fn walk(&mut self, id: ObjectId, kind: RootKind) -> Result<Root> {
        let directory = directory_of(&self.search.object(id).location).to_owned();
        let root = Loaded {
            object: id,
            loader: None,
            place: Place::Installed,
            directory: format!("/{directory}"),
            variant: false,
        };
        let mut process =
            Process { loaded: Vec::new(), by_object: HashMap::new(), names: HashMap::new(), variants: Vec::new() };
        process.enter(root, &self.search);
        let mut edges = Vec::new();
        let mut turns = Vec::new();
        let mut at = 0;
        // Copies for newer processors come after all else, so that they take nothing out of the scope.
        while at < process.loaded.len() || process.enter_variants() {
            let list = self.search.list(&process.loaded, at);
            self.search.looked += list.len();
            let first = edges.len();
            let importer = process.loaded[at].clone();
            let image = std::sync::Arc::clone(&self.search.object(importer.object).image);
            for (number, import) in image.imports.iter().enumerate() {
                self.edges += 1;
                if self.edges > self.limit || self.search.looked > MAX_LOOKED {
                    return Err(Error::unsupported(format!(
                        "more than {} imports to resolve, or more than {MAX_LOOKED} paths to look at",
                        self.limit
                    )));
                }
                let outcome = self.import(&mut process, at, &import.name, &list);
                edges.push(self.edge(&importer, number, &import.name, outcome));
            }
            turns.push(Turn { object: importer.object, loader: importer.loader, edges: first..edges.len() });
            at += 1;
        }
        let scope = process.loaded.iter().filter(|loaded| !loaded.variant).map(|loaded| loaded.object).collect();
        Ok(Root { object: id, kind, scope, edges, turns })
    }

    fn edge(&mut self, importer: &Loaded, import: usize, name: &str, outcome: Outcome) -> Edge {
        let in_tree = |id: &ObjectId| self.search.object(*id).member.is_some();
        let elsewhere = match outcome.resolution {
            Resolution::Object(id) if in_tree(&id) => None,
            Resolution::System | Resolution::Python | Resolution::Excluded => None,
            Resolution::Object(_) | Resolution::Missing => self.elsewhere(importer.object, name),
        };
        Edge {
            importer: importer.object,
            import,
            resolution: outcome.resolution,
            via: outcome.via,
            found: outcome.found,
            elsewhere,
            variants: outcome.variants.into_iter().map(|(id, _)| id).collect(),
            tried: self.search.share(outcome.tried),
        }
    }

    /// Returns the one binary of the wheel that answers to the name.
    fn elsewhere(&self, importer: ObjectId, name: &str) -> Option<ObjectId> {
        let base = base_name(name, self.search.loader.paths);
        let mut candidates = self.search.tree.named(base).iter().copied().filter(|id| {
            *id != importer && self.search.fits(*id) && self.search.object(*id).image.kind != ImageKind::Object
        });
        let first = candidates.next()?;
        candidates.next().is_none().then_some(first)
    }

    /// Resolves one import of `process.loaded[at]`.
    fn import(&mut self, process: &mut Process, at: usize, name: &str, list: &[Element]) -> Outcome {
        let loader = self.search.loader;
        if loader.built_in.iter().any(|prefix| name.starts_with(prefix)) {
            return Outcome::named(Resolution::System, Via::Named);
        }
        let outside = self.search.outside;
        let base = base_name(name, loader.paths);
        let asked = if loader.paths == PathImport::BaseName { base } else { name };
        let key = key(asked, loader.names);
        let excluded = outside.is_excluded(name) || outside.is_excluded(base);
        if let Some(known) = process.names.get(&key).copied() {
            let shipped = matches!(known, Resolution::Object(id) if self.search.object(id).member.is_some());
            if shipped || !excluded {
                return Outcome::named(known, Via::Loaded);
            }
        }
        let importer = &process.loaded[at];
        let searched = self.search.is_searched(name, importer);
        let mut outcome = self.search.installed(name, importer, list);
        if outcome.resolution == Resolution::Missing {
            let named = if excluded {
                Some(Resolution::Excluded)
            } else if outside.is_python(name) {
                Some(Resolution::Python)
            } else if outside.is_system(name) {
                Some(Resolution::System)
            } else {
                None
            };
            if let Some(resolution) = named {
                process.names.insert(key, resolution);
                return Outcome { resolution, via: Via::Named, ..outcome };
            }
            let mut tried = std::mem::take(&mut outcome.tried);
            outcome = self.search.outside(name, importer, list);
            tried.append(&mut outcome.tried);
            outcome.tried = tried;
            if outcome.resolution == Resolution::Missing
                && let Some(resolution) = outside.fallback(name)
            {
                process.names.insert(key, resolution);
                return Outcome { resolution, via: Via::Named, ..outcome };
            }
        }
        if let Resolution::Object(id) = outcome.resolution {
            self.load(process, at, id, &outcome);
        }
        let remembered = loader.reuse.iter().any(|rule| match rule {
            Reuse::RequestedName => true,
            Reuse::SearchedName => searched,
            Reuse::Identity | Reuse::FileName | Reuse::SameFile => false,
        });
        if remembered && outcome.resolution != Resolution::Missing {
            process.names.entry(key).or_insert(outcome.resolution);
        }
        outcome
    }

    /// Enters what an import of `process.loaded[at]` found, unless the same file is loaded already.
    fn load(&mut self, process: &mut Process, at: usize, id: ObjectId, outcome: &Outcome) {
        let Some((place, directory)) = outcome.placed.clone() else { return };
        let variant = process.loaded[at].variant;
        if !process.by_object.contains_key(&id) {
            let loaded = Loaded { object: id, loader: Some(at), place, directory, variant };
            process.enter(loaded, &self.search);
        }
        process.variants.extend(outcome.variants.iter().map(|(object, directory)| {
            let directory = directory.clone();
            Loaded { object: *object, loader: Some(at), place, directory, variant: true }
        }));
    }
}

impl Process {
    /// Adds the copies for newer processors found so far; false if there are none. They answer to no name.
    fn enter_variants(&mut self) -> bool {
        let before = self.loaded.len();
        for variant in std::mem::take(&mut self.variants) {
            if !self.by_object.contains_key(&variant.object) {
                self.by_object.insert(variant.object, self.loaded.len());
                self.loaded.push(variant);
            }
        }
        self.loaded.len() > before
    }

    /// Adds an object, and the names that it answers to from now on.
    fn enter(&mut self, loaded: Loaded, search: &Search<'_>) {
        let id = loaded.object;
        let object: &Object = search.object(id);
        self.by_object.insert(id, self.loaded.len());
        self.loaded.push(loaded);
        for rule in search.loader.reuse {
            let name = match rule {
                Reuse::Identity => object.image.identity.as_deref(),
                Reuse::FileName => Some(object.file_name()),
                Reuse::RequestedName | Reuse::SearchedName | Reuse::SameFile => None,
            };
            if let Some(name) = name {
                self.names.entry(key(name, search.loader.names)).or_insert(Resolution::Object(id));
            }
        }
    }
}

/// Returns why loading would start at the binary.
fn root_kind(binary: &Binary) -> RootKind {
    if binary.role == Role::Data {
        RootKind::Data
    } else if binary.image.kind == ImageKind::Program {
        RootKind::Program
    } else if is_extension(binary) {
        RootKind::Extension
    } else {
        RootKind::Library
    }
}

/// Returns true if the binary exports what Python calls when it imports a module of the file's name.
fn is_extension(binary: &Binary) -> bool {
    let module = binary.file_name().split('.').next().unwrap_or_default();
    binary.symbols.python_exports.iter().any(|export| {
        // PEP 489 (and its `PyInitU_`), PEP 793, cffi's for PyPy; Python 2's only under the module's own name.
        ["PyInit_", "PyInitU_", "PyModExport_", "_cffi_pypyinit_", "HPyInit_"]
            .iter()
            .any(|hook| export.starts_with(hook))
            || export.strip_prefix("init") == Some(module)
    })
}

/// How many binaries import each name.
struct Naming<'b>(HashMap<&'b str, usize>);

impl<'b> Naming<'b> {
    fn of(binaries: impl Iterator<Item = &'b Binary>) -> Self {
        let mut counts = HashMap::new();
        for name in binaries.flat_map(imported_names) {
            *counts.entry(name).or_default() += 1;
        }
        Self(counts)
    }

    /// Returns true if a binary other than this one imports its file name, or what it calls itself.
    fn names(&self, binary: &Binary) -> bool {
        let own = imported_names(binary);
        [Some(binary.file_name()), binary.image.identity.as_deref()].into_iter().flatten().any(|name| {
            let by_itself = usize::from(own.contains(name));
            self.0.get(name).is_some_and(|count| *count > by_itself)
        })
    }

    /// Takes a binary's imports out.
    fn forget(&mut self, binary: &'b Binary) {
        for name in imported_names(binary) {
            self.0.entry(name).and_modify(|count| *count = count.saturating_sub(1));
        }
    }

    /// Returns the first of `waiting` that no other names, else the first.
    fn first_unnamed(
        &self,
        waiting: &BTreeMap<ObjectId, RootKind>,
        binaries: &[Binary],
    ) -> Option<(ObjectId, RootKind)> {
        let unnamed = waiting.iter().find(|(id, _)| !self.names(&binaries[id.0]));
        unnamed.or_else(|| waiting.iter().next()).map(|(id, kind)| (*id, *kind))
    }
}

/// Returns the last component of each import, once each.
fn imported_names(binary: &Binary) -> BTreeSet<&str> {
    binary.image.imports.iter().map(|import| import.name.rsplit('/').next().unwrap_or(&import.name)).collect()
}

/// Returns the last component of an import.
fn base_name(name: &str, paths: PathImport) -> &str {
    let separators: &[char] = if paths == PathImport::BaseName { &['/', '\\'] } else { &['/'] };
    name.rsplit(separators).next().unwrap_or(name)
}

/// Returns the form of a name by which names compare.
fn key(name: &str, rule: NameRule) -> String {
    match rule {
        NameRule::Exact => name.to_owned(),
        NameRule::IgnoreAsciiCase => name.to_ascii_lowercase(),
    }
}
