//! `Graph`: who loads what, from where, and how each edge was resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::arch::Arch;
use crate::format::{Image, Import, SymbolFacts};

/// A number that stands for an [`Object`] of one [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub usize);

/// Where a library comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The wheel itself.
    Wheel,
    /// Another distribution, by name.
    Provider(String),
    /// The target: its policy gives the library, or the running Python does.
    System,
    /// A file outside, by its canonical path on disk.
    External(PathBuf),
    /// Left to the user's machine by the caller's wish.
    Excluded,
    /// Nowhere.
    Missing,
}

impl Origin {
    /// Returns the name used in machine output.
    pub fn name(&self) -> &'static str {
        match self {
            Origin::Wheel => "wheel",
            Origin::Provider(_) => "provider",
            Origin::System => "system",
            Origin::External(_) => "external",
            Origin::Excluded => "excluded",
            Origin::Missing => "missing",
        }
    }
}

/// Which source an object was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// The tree that the wheel (and its providers) install.
    Installed,
    /// A `--lib-path` directory, or beside what was found in one.
    Folder,
    /// The `--sysroot`.
    Sysroot,
    /// This machine.
    Host,
}

impl SourceKind {
    /// Returns the name used in messages.
    pub fn name(self) -> &'static str {
        match self {
            SourceKind::Installed => "wheel",
            SourceKind::Folder => "--lib-path",
            SourceKind::Sysroot => "--sysroot",
            SourceKind::Host => "this machine",
        }
    }
}

/// A binary that takes part: of the wheel, or found outside. Two files are two objects, whatever they call themselves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Object {
    /// [`Origin::Wheel`], [`Origin::Provider`] or [`Origin::External`].
    pub origin: Origin,
    /// Which source it was found in.
    pub source: SourceKind,
    /// Its archive name, if it is of a wheel.
    pub member: Option<String>,
    /// Its canonical path: relative to the prefix if installed, else inside its source's root.
    pub location: String,
    /// Its facts.
    pub image: Arc<Image>,
    /// Its dynamic symbols.
    pub symbols: Arc<SymbolFacts>,
}

impl Object {
    /// Returns true if it is a binary of the wheel itself.
    pub fn is_wheel(&self) -> bool {
        self.origin == Origin::Wheel
    }

    /// Returns its path on disk, if it is a file outside.
    pub fn external_path(&self) -> Option<&std::path::Path> {
        match &self.origin {
            Origin::External(path) => Some(path),
            Origin::Wheel | Origin::Provider(_) | Origin::System | Origin::Excluded | Origin::Missing => None,
        }
    }

    /// Returns the last component of its location.
    pub fn file_name(&self) -> &str {
        self.location.rsplit('/').next().unwrap_or(&self.location)
    }

    /// Returns the name by which people know it: the archive name, else the location.
    pub fn display_name(&self) -> &str {
        self.member.as_deref().unwrap_or(&self.location)
    }
}

/// What an import became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// An object of the graph.
    Object(ObjectId),
    /// The target's policy gives it, or the loader itself is it; not followed.
    System,
    /// The running Python provides it; never searched for outside the wheel.
    Python,
    /// Left to the user's machine; not followed.
    Excluded,
    /// Nowhere.
    Missing,
}

/// By which rule an import was resolved, or a path tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Via {
    /// Loaded already, under the same root.
    Loaded,
    /// The import is a path.
    Path,
    /// `DT_RPATH` (or `LC_RPATH`) of this object, the importer or one that loaded it.
    Rpath(ObjectId),
    /// `DT_RUNPATH` of this object.
    Runpath(ObjectId),
    /// `LD_LIBRARY_PATH` and the like.
    Environment,
    /// A `--lib-path` directory.
    Folder,
    /// The system's configuration (`ld.so.conf`).
    Configuration,
    /// The loader's own directories.
    Defaults,
    /// The load root's directory, or one that start-up code adds.
    Added,
    /// No search: the policy, the caller, or the loader itself answers for the name.
    Named,
}

impl Via {
    /// Returns the object whose search path it is.
    pub(super) fn object_mut(&mut self) -> Option<&mut ObjectId> {
        match self {
            Via::Rpath(id) | Via::Runpath(id) => Some(id),
            Via::Loaded
            | Via::Path
            | Via::Environment
            | Via::Folder
            | Via::Configuration
            | Via::Defaults
            | Via::Added
            | Via::Named => None,
        }
    }
}

/// One path that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The path: relative to the prefix in the wheel, else inside the source's root.
    pub path: String,
    /// In which source.
    pub source: SourceKind,
    /// By which rule.
    pub via: Via,
    /// What came of it.
    pub why: Why,
}

/// What came of an [`Attempt`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// It is the one.
    Found,
    /// There is nothing.
    Absent,
    /// It is a directory, a device or the like.
    NotAFile,
    /// It is for another machine.
    WrongMachine(Arch),
    /// It is no library that can be loaded, with the particulars.
    Unusable(String),
    /// The search path cannot be followed, with the reason.
    BadPath(String),
    /// It is an absolute path of the target system, and no source has that.
    NotSearched,
    /// It could be loaded, and is not newer than the file of that name that was taken.
    Older,
}

/// One import of one object under one root, and what it became.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Edge {
    /// The object that imports.
    pub importer: ObjectId,
    /// Which of its [`Image::imports`].
    pub import: usize,
    /// What it became.
    pub resolution: Resolution,
    /// By which rule.
    pub via: Via,
    /// The path by which it was found, symbolic links not followed; `None` if nothing was searched.
    pub found: Option<String>,
    /// A binary of the wheel that has this file name or calls itself so, but that the loader does not reach from
    /// here. Only where there is exactly one. `repair` can make it reachable.
    pub elsewhere: Option<ObjectId>,
    /// Copies for newer processors (`glibc-hwcaps`) that a loader prefers to the one found.
    pub variants: Vec<ObjectId>,
    /// The paths looked at, in order; shared between edges of one search.
    pub tried: Arc<[Attempt]>,
}

/// Why loading starts at a binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootKind {
    /// It exports what Python calls.
    Extension,
    /// It is a program.
    Program,
    /// It is a library that nothing in the wheel loads: opened by `dlopen`, ctypes, or nobody.
    Library,
    /// It is installed as data; examined, but not a load root.
    Data,
}

/// A binary at which loading starts, and all that follows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Root {
    /// The binary.
    pub object: ObjectId,
    /// Why loading starts there.
    pub kind: RootKind,
    /// The objects loaded, in breadth-first order, the root first: the order of symbol lookup.
    pub scope: Vec<ObjectId>,
    /// One edge for each import of each object of the scope (and of variants), in the order followed.
    pub edges: Vec<Edge>,
    /// Everything loaded, in order.
    pub(super) turns: Vec<Turn>,
}

/// An object as a root loads it: by what, and which of the root's edges are its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    /// The object.
    pub object: ObjectId,
    /// The turn of what loaded it first; `None` for the root.
    pub loader: Option<usize>,
    /// Its edges, in [`Root::edges`].
    pub edges: Range<usize>,
}

impl Root {
    /// Returns the shortest chain from the root to `object`, both included; `None` if it is not loaded.
    pub fn chain(&self, object: ObjectId) -> Option<Vec<ObjectId>> {
        // Breadth first: what loads an object first is on a shortest chain to it.
        let mut at = self.turns.iter().find(|turn| turn.object == object);
        at?;
        let mut chain = Vec::new();
        while let Some(turn) = at {
            chain.push(turn.object);
            at = turn.loader.and_then(|loader| self.turns.get(loader));
        }
        chain.reverse();
        Some(chain)
    }

    /// Returns everything that is loaded: the scope, then copies for newer processors and what only they need.
    pub fn loaded(&self) -> impl Iterator<Item = ObjectId> {
        self.turns.iter().map(|turn| turn.object)
    }

    /// Returns the edges of one object under this root.
    pub fn edges_of(&self, importer: ObjectId) -> &[Edge] {
        let turn = self.turns.iter().find(|turn| turn.object == importer);
        turn.and_then(|turn| self.edges.get(turn.edges.clone())).unwrap_or_default()
    }
}

/// A needed library as the Report lists it: one name, one origin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Library {
    /// The name by which it is needed.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Its archive name or path.
    pub path: Option<String>,
    /// The object, if there is one.
    pub object: Option<ObjectId>,
    /// What imports it, sorted.
    pub importers: Vec<ObjectId>,
}

/// Who loads what.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Graph {
    /// Every object: first the wheel's binaries in their order (so that index `n` is `binaries[n]`), then the
    /// providers' and the external files in the order found.
    pub objects: Vec<Object>,
    /// Where loading starts, in the order of the wheel's binaries.
    pub roots: Vec<Root>,
    /// Binaries installed as data that no root loads, resolved as if each were a root.
    pub data: Vec<Root>,
    /// Binaries of the wheel for another machine than the target; not resolved, and never a candidate.
    pub foreign: Vec<ObjectId>,
}

impl Graph {
    /// Has an import answered by the binary of the wheel that lies elsewhere ([`Edge::elsewhere`]), not by the file outside
    /// that was found, wherever `is_one` says that the two (outside, elsewhere) are one.
    pub fn prefer_elsewhere(&mut self, is_one: impl Fn(&Object, &Object) -> bool) {
        // INVARIANT: ids are made by the engine, one for each object of the same graph.
        let object = |id: ObjectId| &self.objects[id.0];
        for edge in self.roots.iter_mut().chain(&mut self.data).flat_map(|root| &mut root.edges) {
            let (Resolution::Object(outside), Some(own)) = (edge.resolution, edge.elsewhere) else { continue };
            if is_one(object(outside), object(own)) {
                edge.resolution = Resolution::Missing;
                edge.found = None;
            }
        }
    }

    /// Returns an object.
    pub fn object(&self, id: ObjectId) -> &Object {
        // INVARIANT: ids are made by the engine, one for each object of the same graph.
        &self.objects[id.0]
    }

    /// Returns the processor of an object as its format's tags spell it, e.g. `arm64` of Mach-O.
    pub fn arch_name(&self, id: ObjectId) -> String {
        let image = &self.object(id).image;
        image.format.arch_name(image.arch)
    }

    /// Returns the import that an edge is about.
    pub fn import(&self, edge: &Edge) -> &Import {
        // INVARIANT: edges are made by the engine from the importer's own imports.
        &self.object(edge.importer).image.imports[edge.import]
    }

    /// Returns load roots, then data binaries.
    pub fn all_roots(&self) -> impl Iterator<Item = &Root> {
        self.roots.iter().chain(&self.data)
    }

    /// Returns every object with its number.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, &Object)> {
        self.objects.iter().enumerate().map(|(index, object)| (ObjectId(index), object))
    }

    /// Returns the wheel's own binaries.
    pub fn wheel_objects(&self) -> impl Iterator<Item = (ObjectId, &Object)> {
        self.iter().filter(|(_, object)| object.is_wheel())
    }

    /// Returns the files found outside.
    pub fn external_objects(&self) -> impl Iterator<Item = (ObjectId, &Object)> {
        self.iter().filter(|(_, object)| object.external_path().is_some())
    }

    /// Returns the edges of one object over all roots, by import; one that resolves alike under several roots is
    /// listed once, one that resolves differently once for each outcome.
    pub fn edges_of(&self, importer: ObjectId) -> Vec<&Edge> {
        let mut seen = BTreeSet::new();
        let edges = self.all_roots().flat_map(|root| root.edges_of(importer));
        let mut found: Vec<&Edge> = edges.filter(|edge| seen.insert((edge.import, edge.resolution))).collect();
        found.sort_by_key(|edge| edge.import);
        found
    }

    /// Returns the shortest chain of names from a load root to an object, root first; of equally short ones the
    /// first root's. Empty if nothing loads it.
    pub fn chain(&self, object: ObjectId) -> Vec<String> {
        let shortest = self.all_roots().filter_map(|root| root.chain(object)).min_by_key(Vec::len);
        shortest.unwrap_or_default().into_iter().map(|id| self.object(id).display_name().to_owned()).collect()
    }

    /// Returns every needed library, sorted by name and origin.
    pub fn libraries(&self) -> Vec<Library> {
        let mut libraries: BTreeMap<(String, Origin, Option<String>), Library> = BTreeMap::new();
        for edge in self.all_roots().flat_map(|root| &root.edges) {
            let name = self.import(edge).name.clone();
            let (origin, path, object) = match edge.resolution {
                Resolution::Object(id) => {
                    let object = self.object(id);
                    let path = match &object.origin {
                        Origin::External(path) => path.display().to_string(),
                        _ => object.display_name().to_owned(),
                    };
                    (object.origin.clone(), Some(path), Some(id))
                }
                Resolution::System | Resolution::Python => (Origin::System, None, None),
                Resolution::Excluded => (Origin::Excluded, edge.found.clone(), None),
                Resolution::Missing => (Origin::Missing, None, None),
            };
            let library = libraries.entry((name.clone(), origin.clone(), path.clone()));
            library
                .or_insert_with(|| Library { name, origin, path, object, importers: Vec::new() })
                .importers
                .push(edge.importer);
        }
        let mut libraries: Vec<Library> = libraries.into_values().collect();
        for library in &mut libraries {
            library.importers.sort_unstable();
            library.importers.dedup();
        }
        libraries
    }
}
