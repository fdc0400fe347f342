//! Deciding: what is vendored, what is wired, what is left, and the edits that follow. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::joined::joined;
use super::links::Links;
use super::options::Options;
use super::places::Places;
use super::plan::StartUpCode;
use super::plan_file::{Action, Decision, PlanFile};
use super::rules::Rules;
use super::wire::{self, Homes};
use crate::abi::{self, BinaryKind};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::Result;
use crate::format::{Edit, EditSet, Format, Image, ImageKind, ImportKind, SearchPathKind, StripLevel};
use crate::load::{AddedDirectory, Binary, Edge, Graph, ObjectId, Resolution, RootKind};
use crate::platform::{Libc, Platform};
use crate::policy::windows;
use crate::wheel::write::Sums;

/// One copy of a library to vendor.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// Its slices.
    pub slices: Vec<ObjectId>,
    /// Its archive name.
    pub member: String,
    pub edits: EditSet,
    /// Archive names of what it needs that is vendored.
    pub needed: Vec<String>,
    pub direct: bool,
}

/// One binary of the wheel that changes.
#[derive(Debug, Clone)]
pub(super) struct DraftEdit {
    pub member: String,
    pub edits: EditSet,
    pub moved: Option<String>,
}

/// What was decided.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub vendored: Vec<Draft>,
    pub edits: Vec<DraftEdit>,
    pub startup: Vec<StartUpCode>,
    pub decisions: Vec<Decision>,
    pub excluded: BTreeSet<String>,
    pub diagnostics: Vec<Diagnostic>,
}

/// The state of deciding.
pub(super) struct Drafter<'a> {
    pub graph: &'a Graph,
    pub links: Links<'a>,
    pub rules: &'a Rules<'a>,
    pub options: &'a Options,
    pub platform: &'static dyn Platform,
    pub places: &'a Places,
    /// The wheel's binaries, with what they name in their text.
    pub binaries: &'a [Binary],
    /// Installed directories that start-up code in the wheel gives to the loader.
    pub added: &'a [AddedDirectory],
    /// The oldest Python that the wheel is for.
    pub python_floor: (u8, u16),
    /// SHA-256 of external files.
    pub sums: &'a BTreeMap<ObjectId, Sums>,
}

/// What becomes of one edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The library will lie in the wheel, in this object's place.
    Inside(ObjectId),
    /// Nothing to do: given, left to the user, or found as it is.
    Leave,
    /// The import is removed.
    Remove,
}

impl Drafter<'_> {
    /// What is stripped: nothing where the format is another than ELF, whatever was asked.
    pub fn strip(&self) -> Option<StripLevel> {
        self.options.strip.filter(|_| self.platform.format() == Format::Elf)
    }

    /// Decides on every binary.
    ///
    /// # Errors
    /// `Refused` if names clash; `Usage` if edits contradict each other.
    pub fn decide(&self) -> Result<Decided> {
        let mut decided = Decided::default();
        let wire = wire::of(self.platform);
        let loadable: BTreeSet<ObjectId> = self.loadable().into_iter().collect();
        let external = self.externals(&loadable);
        self.report(&loadable, &external, &mut decided);
        let files = joined(self, self.by_file(&external));
        let mut homes = wire.homes(self, &files)?;
        decided.startup = wire::start_up_code(self, &homes);
        decided.diagnostics.append(&mut homes.diagnostics);
        if let Some(why) = self.platform.vendoring().refusal {
            decided.diagnostics.extend(files.iter().filter_map(|slices| self.refused(slices, why)));
        }
        for (slices, home) in homes.files(&files) {
            let needed = self.vendored_by(slices, &homes);
            let direct =
                slices.iter().any(|&slice| loadable.iter().any(|id| self.inside(*id).any(|target| target == slice)));
            for folder in &home.folders {
                let edits = wire.vendored(self, slices, folder, &homes)?;
                let member = folder.member_of(&home.name);
                decided.vendored.push(Draft { slices: slices.to_vec(), member, edits, needed: needed.clone(), direct });
            }
        }
        let mut own: BTreeMap<&str, Vec<ObjectId>> = BTreeMap::new();
        for (id, object) in self.graph.wheel_objects() {
            if let Some(member) = object.member.as_deref().filter(|_| object.image.kind != ImageKind::Object) {
                own.entry(member).or_default().push(id);
            }
        }
        for (member, slices) in own {
            let loads = slices.iter().any(|id| loadable.contains(id));
            let wired = wire.own(self, &slices, loads, &homes)?;
            let (mut edits, moved) = (wired.edits, wired.moved);
            if let Some(level) = self.strip() {
                edits.push(Edit::Strip(level))?;
            }
            if !edits.is_empty() || moved.is_some() {
                decided.diagnostics.extend(removed_python(&edits, member));
                decided.edits.push(DraftEdit { member: member.to_owned(), edits, moved });
            }
        }
        Ok(decided)
    }

    /// Slices of one file together, in the order of their objects.
    fn by_file(&self, external: &[ObjectId]) -> Vec<Vec<ObjectId>> {
        let mut files: Vec<(Option<&Path>, Vec<ObjectId>)> = Vec::new();
        for &id in external {
            let path = self.graph.object(id).external_path();
            match files.iter_mut().find(|(other, _)| *other == path) {
                Some((_, slices)) => slices.push(id),
                None => files.push((path, vec![id])),
            }
        }
        files.into_iter().map(|(_, slices)| slices).collect()
    }

    /// Files of the wheel that something loads: the slices of each.
    pub(super) fn own_files(&self) -> Vec<Vec<ObjectId>> {
        let mut files: BTreeMap<&str, Vec<ObjectId>> = BTreeMap::new();
        for id in self.loadable() {
            if let Some(member) = self.graph.object(id).member.as_deref() {
                files.entry(member).or_default().push(id);
            }
        }
        files.into_values().collect()
    }

    /// The SHA-256 of what is copied: the file's own, or one over those of the files that are joined.
    pub(super) fn digest(&self, slices: &[ObjectId]) -> [u8; 32] {
        let mut digests: Vec<[u8; 32]> =
            slices.iter().filter_map(|id| self.sums.get(id)).map(|sum| sum.sha256).collect();
        digests.dedup();
        match digests.as_slice() {
            [] => [0; 32],
            [digest] => *digest,
            several => Sums::of(&several.concat()).sha256,
        }
    }

    /// Archive names of the vendored libraries that a file needs.
    fn vendored_by(&self, slices: &[ObjectId], homes: &Homes) -> Vec<String> {
        let mut needed = BTreeSet::new();
        for target in slices.iter().flat_map(|id| self.inside(*id)) {
            if let Some(home) = homes.of(target) {
                needed.extend(home.folders.iter().map(|folder| folder.member_of(&home.name)));
            }
        }
        needed.into_iter().collect()
    }

    /// The wheel's binaries that some load root loads, or that are roots: not those installed as data.
    pub(super) fn loadable(&self) -> Vec<ObjectId> {
        let data: BTreeSet<ObjectId> =
            self.graph.data.iter().filter(|root| root.kind == RootKind::Data).map(|root| root.object).collect();
        let foreign: BTreeSet<ObjectId> = self.graph.foreign.iter().copied().collect();
        self.graph
            .wheel_objects()
            .filter(|(id, object)| {
                object.image.kind != ImageKind::Object && !data.contains(id) && !foreign.contains(id)
            })
            .map(|(id, _)| id)
            .collect()
    }

    /// Every file outside that is needed, in the order found.
    fn externals(&self, loadable: &BTreeSet<ObjectId>) -> Vec<ObjectId> {
        let mut found = Vec::new();
        let mut seen: BTreeSet<ObjectId> = loadable.clone();
        let mut queue: Vec<ObjectId> = loadable.iter().rev().copied().collect();
        while let Some(object) = queue.pop() {
            for target in self.inside(object) {
                if seen.insert(target) {
                    if !self.graph.object(target).is_wheel() {
                        found.push(target);
                    }
                    queue.push(target);
                }
            }
        }
        // The order of finding depends on the walk; this one on nothing but the files.
        let key = |id: &ObjectId| (&self.graph.object(*id).location, self.graph.object(*id).image.slice.start);
        found.sort_by(|a, b| key(a).cmp(&key(b)));
        found
    }

    /// What an object needs that will lie in the wheel.
    pub(super) fn inside(&self, object: ObjectId) -> impl Iterator<Item = ObjectId> {
        self.links.edges_of(object).iter().filter_map(|edge| match self.fate(edge) {
            Fate::Inside(target) => Some(target),
            Fate::Leave | Fate::Remove => None,
        })
    }

    pub(super) fn fate(&self, edge: &Edge) -> Fate {
        let importer = self.graph.object(edge.importer);
        let import = self.graph.import(edge);
        let name = &import.name;
        let planned = self.options.decisions.as_ref().and_then(|plan| plan.action(name, importer.display_name()));
        let needless = import.kind == ImportKind::Delay && windows::is_optional(importer.file_name(), name);
        match (planned, edge.resolution) {
            (Some(Action::Drop), _) => Fate::Remove,
            // Where it is at hand it is vendored like all else; nobody misses it where it is not.
            (None, Resolution::Missing) if needless => Fate::Leave,
            (Some(Action::Exclude | Action::System), Resolution::Object(id)) if !self.graph.object(id).is_wheel() => {
                Fate::Leave
            }
            (_, Resolution::Object(id)) => Fate::Inside(id),
            (_, Resolution::Missing) => edge.elsewhere.map_or(Fate::Leave, Fate::Inside),
            (_, Resolution::Python) if self.python_goes(edge.importer) => Fate::Remove,
            (_, Resolution::Python | Resolution::System | Resolution::Excluded) => Fate::Leave,
        }
    }

    /// Whether an import of libpython is removed: where the running interpreter has its symbols anyway. A program has
    /// no interpreter around it, and on Android extension modules must link it (PEP 738).
    fn python_goes(&self, importer: ObjectId) -> bool {
        let object = self.graph.object(importer);
        matches!(self.platform.libc(), Some(Libc::Glibc | Libc::Musl))
            && abi::examine(&object.image, &object.symbols, object.file_name()).kind != BinaryKind::Program
    }

    /// Returns true if every import of libpython is removed.
    pub fn no_python_stays(&self) -> bool {
        let edges = self.graph.all_roots().flat_map(|root| &root.edges);
        edges.filter(|edge| edge.resolution == Resolution::Python).all(|edge| self.fate(edge) == Fate::Remove)
    }

    /// The imports of an object: each name (marked if it is removed), and which of `index` it is, if one.
    pub(super) fn imports_of(&self, id: ObjectId, index: &BTreeMap<ObjectId, usize>) -> Vec<(String, Option<usize>)> {
        let edges = self.links.edges_of(id).iter();
        edges
            .map(|edge| {
                let fate = self.fate(edge);
                let target = match fate {
                    Fate::Inside(target) => index.get(&target).copied(),
                    Fate::Leave | Fate::Remove => None,
                };
                let mark = if fate == Fate::Remove { "removed " } else { "" };
                (format!("{mark}{}", self.graph.import(edge).name), target)
            })
            .collect()
    }

    /// The name by which a library is imported, without folders: its SONAME if someone uses that.
    pub(super) fn called(&self, object: ObjectId) -> Option<String> {
        let mut names = BTreeSet::new();
        for (id, _) in self.graph.iter() {
            for edge in self.links.edges_of(id) {
                if edge.resolution == Resolution::Object(object) {
                    names.insert(base(&self.graph.import(edge).name));
                }
            }
        }
        let identity = self.graph.object(object).image.identity.as_deref();
        identity.map(base).filter(|name| names.contains(name)).or_else(|| names.first().copied()).map(str::to_owned)
    }

    /// Whether a program must move beside its libraries: installers rewrite what lies in `.data/scripts`, and the
    /// way from there to site-packages is not the same everywhere.
    pub(super) fn moves(&self, object: ObjectId) -> bool {
        let binary = self.graph.object(object);
        binary.member.as_deref().is_some_and(|member| member.starts_with(&self.places.scripts))
            && self.links.edges_of(object).iter().any(|edge| match self.fate(edge) {
                Fate::Inside(target) => !self.graph.object(target).is_wheel() || edge.resolution == Resolution::Missing,
                Fate::Leave | Fate::Remove => false,
            })
    }

    /// Returns the plan file of what was decided.
    ///
    /// # Errors
    /// As [`PlanFile::new`].
    pub fn plan_file(&self, decided: &Decided) -> Result<PlanFile> {
        match &self.options.decisions {
            Some(given) => Ok(given.clone()),
            None => PlanFile::new(decided.decisions.clone()),
        }
    }
}

/// Says which imports of a libpython are removed.
fn removed_python(edits: &EditSet, member: &str) -> Vec<Diagnostic> {
    let removed = edits.edits().iter().filter_map(|edit| match edit {
        Edit::RemoveImport(name) if abi::is_libpython(name) => Some(name),
        _ => None,
    });
    let message =
        |name: &String| format!("linked `{name}`, which the running interpreter replaces; the import is removed");
    removed.map(|name| Diagnostic::new(Code::TW501, message(name)).member(member).at(Severity::Warning)).collect()
}

/// Entries of the search path that a loader follows: where both are there, RUNPATH (`ld.so(8)`).
pub(super) fn effective_search_path(image: &Image) -> Vec<&str> {
    let runpath: Vec<&str> = image.search_path(SearchPathKind::Runpath).collect();
    if runpath.is_empty() { image.search_path(SearchPathKind::Rpath).collect() } else { runpath }
}

/// Returns the last component of a name.
pub(super) fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
