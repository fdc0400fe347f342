//! Deciding: what is vendored, what is wired, what is left, and the edits that follow. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::links::Links;
use super::naming::{Shape, vendored_names};
use super::options::Options;
use super::plan_file::{Action, Decision, PlanFile};
use super::rules::Rules;
use super::search_path::{self, directory};
use crate::abi::{self, BinaryKind};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::Result;
use crate::format::{Edit, EditSet, Image, ImageKind, SearchPathKind};
use crate::load::{Attempt, Edge, Graph, ObjectId, Resolution, RootKind, Via, Why};
use crate::platform::{Platform, Wiring};

/// Where things lie in the wheel that is repaired.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Archive name of the folder of vendored libraries: `pkg.libs`, or `pkg-1.data/platlib/pkg.libs`.
    pub libraries: String,
    /// The same after install.
    pub libraries_installed: String,
    /// Archive name prefix of installed programs: `pkg-1.data/scripts/`.
    pub scripts: String,
    /// Archive name of the folder that programs move to: `pkg.scripts`.
    pub programs: String,
    /// The same after install.
    pub programs_installed: String,
}

/// One library to vendor.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub object: ObjectId,
    pub name: String,
    pub edits: EditSet,
    pub needed: Vec<ObjectId>,
    pub direct: bool,
}

/// One binary of the wheel that changes.
#[derive(Debug, Clone)]
pub(super) struct DraftEdit {
    pub object: ObjectId,
    pub edits: EditSet,
    pub moved: Option<String>,
}

/// What was decided.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub vendored: Vec<Draft>,
    pub edits: Vec<DraftEdit>,
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
    /// SHA-256 of external files.
    pub digests: &'a BTreeMap<ObjectId, [u8; 32]>,
}

/// What becomes of one edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The library will lie in the wheel, in this object's place.
    Inside(ObjectId),
    /// Nothing to do: given, left to the user, or found as it is.
    Leave,
    /// The import is removed.
    Remove,
}

impl Drafter<'_> {
    /// Decides on every binary.
    ///
    /// # Errors
    /// `Refused` if names clash; `Usage` if edits contradict each other.
    pub fn decide(&self) -> Result<Decided> {
        let mut decided = Decided::default();
        let loadable: Vec<ObjectId> = self.loadable();
        let external = self.externals(&loadable);
        self.report(&loadable, &external, &mut decided);
        let index: BTreeMap<ObjectId, usize> = external.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let names = self.names(&external, &index)?;
        let placed = |id: ObjectId| index.get(&id).map(|at| names[*at].as_str());
        for (at, &object) in external.iter().enumerate() {
            let edits = self.vendored_edits(object, &names[at], &placed)?;
            let needed = self.inside(object).filter(|target| index.contains_key(target)).collect();
            let direct = loadable.iter().any(|id| self.inside(*id).any(|target| target == object));
            decided.vendored.push(Draft { object, name: names[at].clone(), edits, needed, direct });
        }
        for object in self.graph.wheel_objects().map(|(id, _)| id) {
            if let Some(edit) = self.member_edits(object, loadable.contains(&object), &placed, &mut decided)? {
                decided.edits.push(edit);
            }
        }
        Ok(decided)
    }

    /// The wheel's binaries that some load root loads, or that are roots: not those installed as data.
    fn loadable(&self) -> Vec<ObjectId> {
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
    fn externals(&self, loadable: &[ObjectId]) -> Vec<ObjectId> {
        let mut found = Vec::new();
        let mut seen: BTreeSet<ObjectId> = loadable.iter().copied().collect();
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
        found.sort_by(|a, b| self.graph.object(*a).location.cmp(&self.graph.object(*b).location));
        found
    }

    /// What an object needs that will lie in the wheel.
    fn inside(&self, object: ObjectId) -> impl Iterator<Item = ObjectId> {
        self.links.edges_of(object).iter().filter_map(|edge| match self.fate(edge) {
            Fate::Inside(target) => Some(target),
            Fate::Leave | Fate::Remove => None,
        })
    }

    fn fate(&self, edge: &Edge) -> Fate {
        let importer = self.graph.object(edge.importer);
        let name = &self.graph.import(edge).name;
        let planned = self.options.decisions.as_ref().and_then(|plan| plan.action(name, importer.display_name()));
        match (planned, edge.resolution) {
            (Some(Action::Drop), _) => Fate::Remove,
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
        self.platform.libc() != Some(crate::platform::Libc::Bionic)
            && abi::examine(&object.image, &object.symbols, object.file_name()).kind != BinaryKind::Program
    }

    /// Returns true if every import of libpython is removed.
    pub fn no_python_stays(&self) -> bool {
        let edges = self.graph.all_roots().flat_map(|root| &root.edges);
        edges.filter(|edge| edge.resolution == Resolution::Python).all(|edge| self.fate(edge) == Fate::Remove)
    }

    fn names(&self, external: &[ObjectId], index: &BTreeMap<ObjectId, usize>) -> Result<Vec<String>> {
        let shapes: Vec<Shape> = external
            .iter()
            .map(|&id| {
                let object = self.graph.object(id);
                let called = self.called(id);
                let keep_name = self.options.no_mangle.matches(object.file_name())
                    || called.as_deref().is_some_and(|name| self.options.no_mangle.matches(name));
                let mut marks = Vec::new();
                if let Some(level) = self.options.strip {
                    marks.push(Edit::Strip(level).to_string());
                }
                marks.push(self.reach(id).join(":"));
                let imports = self.links.edges_of(id).iter().map(|edge| {
                    let target = match self.fate(edge) {
                        Fate::Inside(target) => index.get(&target).copied(),
                        Fate::Leave | Fate::Remove => None,
                    };
                    let mark = if self.fate(edge) == Fate::Remove { "removed " } else { "" };
                    (format!("{mark}{}", self.graph.import(edge).name), target)
                });
                let file_name = match called {
                    Some(called) if keep_name => called,
                    _ => object.file_name().to_owned(),
                };
                Shape {
                    file_name,
                    digest: self.digests.get(&id).copied().unwrap_or_default(),
                    marks,
                    imports: imports.collect(),
                    keep_name,
                }
            })
            .collect();
        vendored_names(&shapes, self.platform.vendoring().naming)
    }

    /// The name by which a library is imported, without folders: its SONAME if someone uses that.
    fn called(&self, object: ObjectId) -> Option<String> {
        let mut names = BTreeSet::new();
        for (id, _) in self.graph.iter() {
            for edge in self.links.edges_of(id) {
                if edge.resolution == Resolution::Object(object) {
                    names.insert(base(&self.graph.import(edge).name));
                }
            }
        }
        let identity = self.graph.object(object).image.identity.as_deref();
        identity.filter(|name| names.contains(name)).or_else(|| names.first().copied()).map(str::to_owned)
    }

    /// Directories, relative to the prefix, that an object must reach besides what it reaches by itself.
    fn reach(&self, object: ObjectId) -> Vec<String> {
        let external = !self.graph.object(object).is_wheel();
        let mut reach: Vec<String> = Vec::new();
        for edge in self.links.edges_of(object) {
            let Fate::Inside(target) = self.fate(edge) else { continue };
            let target_object = self.graph.object(target);
            let directory = match target_object.is_wheel() {
                false => self.places.libraries_installed.clone(),
                // What the loader reaches from here already needs nothing.
                true if !external && edge.resolution != Resolution::Missing && !self.moves(object) => continue,
                true => directory(&target_object.location).to_owned(),
            };
            if !reach.contains(&directory) {
                reach.push(directory);
            }
        }
        reach
    }

    /// Whether a program must move beside its libraries: installers rewrite what lies in `.data/scripts`, and the
    /// way from there to site-packages is not the same everywhere.
    fn moves(&self, object: ObjectId) -> bool {
        let binary = self.graph.object(object);
        binary.member.as_deref().is_some_and(|member| member.starts_with(&self.places.scripts))
            && self.links.edges_of(object).iter().any(|edge| match self.fate(edge) {
                Fate::Inside(target) => !self.graph.object(target).is_wheel() || edge.resolution == Resolution::Missing,
                Fate::Leave | Fate::Remove => false,
            })
    }

    /// Edits of the imports of one object.
    fn import_edits<'n>(&self, object: ObjectId, placed: &dyn Fn(ObjectId) -> Option<&'n str>) -> Result<EditSet> {
        let mut edits = EditSet::default();
        let mut handled = BTreeSet::new();
        for edge in self.links.edges_of(object) {
            let from = self.graph.import(edge).name.clone();
            // Two roots may see two libraries behind one name; a binary can name only one of them.
            if !handled.insert(from.clone()) {
                continue;
            }
            match self.fate(edge) {
                Fate::Remove => edits.push(Edit::RemoveImport(from))?,
                Fate::Leave => {}
                Fate::Inside(target) => {
                    let needs_name = edge.resolution == Resolution::Missing
                        || !self.graph.object(object).is_wheel()
                        || self.moves(object);
                    let to = match placed(target) {
                        Some(name) => name.to_owned(),
                        None if needs_name => self.graph.object(target).file_name().to_owned(),
                        None => continue,
                    };
                    if to != from {
                        edits.push(Edit::ReplaceImport { from, to })?;
                    }
                }
            }
        }
        Ok(edits)
    }

    fn vendored_edits<'n>(
        &self,
        object: ObjectId,
        name: &str,
        placed: &dyn Fn(ObjectId) -> Option<&'n str>,
    ) -> Result<EditSet> {
        let mut edits = self.import_edits(object, placed)?;
        let image = &self.graph.object(object).image;
        if image.identity.as_deref() != Some(name) {
            edits.push(Edit::SetIdentity(name.to_owned()))?;
        }
        let location = format!("{}/{name}", self.places.libraries_installed);
        self.search_path_edit(image, &[], &location, &self.reach(object), &mut edits)?;
        if let Some(level) = self.options.strip {
            edits.push(Edit::Strip(level))?;
        }
        Ok(edits)
    }

    fn member_edits<'n>(
        &self,
        object: ObjectId,
        loadable: bool,
        placed: &dyn Fn(ObjectId) -> Option<&'n str>,
        decided: &mut Decided,
    ) -> Result<Option<DraftEdit>> {
        let binary = self.graph.object(object);
        let image = &binary.image;
        if image.kind == ImageKind::Object {
            return Ok(None);
        }
        let mut edits = EditSet::default();
        let mut moved = None;
        if loadable {
            edits = self.import_edits(object, placed)?;
            let mut location = binary.location.clone();
            if self.moves(object) {
                moved = Some(format!("{}/{}", self.places.programs, binary.file_name()));
                location = format!("{}/{}", self.places.programs_installed, binary.file_name());
            }
            let old = effective_search_path(image);
            self.search_path_edit(image, &old, &location, &self.reach(object), &mut edits)?;
        } else if binary.member.is_some() {
            // Not loaded by anyone we know: only what tells of the build machine goes.
            let old = effective_search_path(image);
            self.search_path_edit(image, &old, &binary.location, &[], &mut edits)?;
        }
        if let Some(level) = self.options.strip {
            edits.push(Edit::Strip(level))?;
        }
        if edits.is_empty() && moved.is_none() {
            return Ok(None);
        }
        for edit in edits.edits() {
            if let Edit::RemoveImport(name) = edit
                && abi::is_libpython(name)
            {
                let message = format!("linked `{name}`, which the running interpreter replaces; the import is removed");
                decided
                    .diagnostics
                    .push(Diagnostic::new(Code::TW501, message).member(binary.display_name()).at(Severity::Warning));
            }
        }
        Ok(Some(DraftEdit { object, edits, moved }))
    }

    /// Adds the edit that gives a binary its search path, if that is not what it has.
    fn search_path_edit(
        &self,
        image: &Image,
        old: &[&str],
        location: &str,
        reach: &[String],
        edits: &mut EditSet,
    ) -> Result<()> {
        let Wiring::SearchPath { kind: written, origin } = self.platform.vendoring().wiring else { return Ok(()) };
        let paths = search_path::after_repair(old, location, reach, origin);
        let present = effective_search_path(image);
        let kind_now = match image.search_path(SearchPathKind::Runpath).next() {
            Some(_) => SearchPathKind::Runpath,
            None => SearchPathKind::Rpath,
        };
        let both = kind_now == SearchPathKind::Runpath && image.search_path(SearchPathKind::Rpath).next().is_some();
        let grew = paths.iter().any(|path| !present.contains(&path.as_str()));
        let kind = if grew { written } else { kind_now };
        let same = present.len() == paths.len() && present.iter().zip(&paths).all(|(a, b)| *a == b.as_str());
        if same && !both && (paths.is_empty() || kind == kind_now) {
            return Ok(());
        }
        edits.push(Edit::SetSearchPath { paths, kind: Some(kind) })
    }

    /// Findings and the decisions of the plan file.
    fn report(&self, loadable: &[ObjectId], external: &[ObjectId], decided: &mut Decided) {
        let mut decisions: BTreeMap<String, Action> = BTreeMap::new();
        for &object in loadable.iter().chain(external) {
            for edge in self.links.edges_of(object) {
                self.report_edge(edge, &mut decisions, decided);
            }
        }
        for root in &self.graph.data {
            for edge in root.edges.iter().filter(|edge| edge.resolution == Resolution::Missing) {
                let name = &self.graph.import(edge).name;
                let message = format!("`{name}` is nowhere; the binary is installed as data and was not repaired");
                decided.diagnostics.push(
                    Diagnostic::new(Code::TW307, message).member(self.graph.object(edge.importer).display_name()),
                );
            }
        }
        decided.decisions = decisions.into_iter().map(|(name, action)| Decision::new(name, action)).collect();
    }

    fn report_edge(&self, edge: &Edge, decisions: &mut BTreeMap<String, Action>, decided: &mut Decided) {
        let importer = self.graph.object(edge.importer);
        let name = self.graph.import(edge).name.clone();
        let planned = self.options.decisions.as_ref().and_then(|plan| plan.action(&name, importer.display_name()));
        let inside = matches!(edge.resolution, Resolution::Object(id) if self.graph.object(id).is_wheel());
        let given = self.rules.policy_gives(&name);
        if planned.is_none() && self.options.decisions.is_some() && !inside && !given && edge.elsewhere.is_none() {
            decided.diagnostics.push(
                Diagnostic::new(Code::TW701, format!("needs `{name}`, which the plan does not mention"))
                    .member(importer.display_name())
                    .help(format!("add a `[[library]]` with `needed = \"{name}\"` to the plan")),
            );
        }
        if planned == Some(Action::System) && !given {
            decided.diagnostics.push(
                Diagnostic::new(Code::TW702, format!("the plan says that the system gives `{name}`; no policy does"))
                    .member(importer.display_name()),
            );
        }
        match self.fate(edge) {
            Fate::Remove => {
                decisions.insert(name, Action::Drop);
            }
            Fate::Inside(target) if !self.graph.object(target).is_wheel() => {
                decisions.insert(name, Action::Vendor);
            }
            Fate::Inside(_) => {}
            Fate::Leave => match edge.resolution {
                Resolution::Excluded => {
                    decided.excluded.insert(name.clone());
                    decisions.insert(name, Action::Exclude);
                }
                Resolution::Object(_) => {
                    decided.excluded.insert(name.clone());
                    decisions.insert(name, planned.unwrap_or(Action::Exclude));
                }
                Resolution::Missing if planned == Some(Action::Exclude) => {
                    decided.excluded.insert(name.clone());
                    decisions.insert(name, Action::Exclude);
                }
                Resolution::Missing => {
                    decided.diagnostics.push(self.missing(edge));
                }
                Resolution::System | Resolution::Python => {}
            },
        }
    }

    /// A library that is nowhere, with all that was tried.
    fn missing(&self, edge: &Edge) -> Diagnostic {
        let importer = self.graph.object(edge.importer);
        let name = &self.graph.import(edge).name;
        let chain = self.links.chain(edge.importer);
        let chain = chain.iter().map(|id| self.graph.object(*id).display_name().to_owned()).collect();
        let tried: Vec<String> = edge.tried.iter().filter(|attempt| told(attempt)).map(describe).take(12).collect();
        let message = match tried.is_empty() {
            true => format!("needs `{name}`, which is nowhere"),
            false => format!("needs `{name}`, which is nowhere; tried {}", tried.join(", ")),
        };
        let diagnostic = Diagnostic::new(Code::TW301, message).member(importer.display_name()).chain(chain).help(
            format!("say where it is with `--lib-path`, or leave it to the user's machine with `--exclude {name}`"),
        );
        if self.options.ignore_missing { diagnostic.at(Severity::Warning) } else { diagnostic }
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

/// Entries of the search path that a loader follows: where both are there, RUNPATH (`ld.so(8)`).
pub(super) fn effective_search_path(image: &Image) -> Vec<&str> {
    let runpath: Vec<&str> = image.search_path(SearchPathKind::Runpath).collect();
    if runpath.is_empty() { image.search_path(SearchPathKind::Rpath).collect() } else { runpath }
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Paths worth telling: not every default directory of the loader's variants.
fn told(attempt: &Attempt) -> bool {
    !matches!(attempt.via, Via::Defaults) || !matches!(attempt.why, Why::Absent)
}

fn describe(attempt: &Attempt) -> String {
    let why = match &attempt.why {
        Why::Found => "found".to_owned(),
        Why::Absent => return format!("`{}`", attempt.path),
        Why::NotAFile => "not a file".to_owned(),
        Why::WrongMachine(arch) => format!("for {}", arch.linux_name()),
        Why::Unusable(reason) | Why::BadPath(reason) => reason.clone(),
        Why::NotSearched => "not looked at".to_owned(),
    };
    format!("`{}` ({why})", attempt.path)
}
