//! One import, looked for: in the tree that the wheel installs, then source by source.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::expand::{Carrier, Place, expand, normalize};
use super::graph::{Attempt, Object, ObjectId, Origin, Resolution, SourceKind, Via, Why};
use super::list::Element;
use super::source::{Examined, Located};
use super::tree::Tree;
use super::{Outside, Target, Universe};
use crate::format::pe::PeFacts;
use crate::format::{Image, ImageKind};
use crate::platform::loader::{Directories, Loader, NameRule, OriginRule, PathImport, Refusal, Token};

/// Everything that is the same for every root.
pub(super) struct Search<'a> {
    pub universe: &'a Universe<'a>,
    pub target: Target,
    pub outside: &'a dyn Outside,
    pub loader: &'static Loader,
    pub system: Directories,
    pub objects: Vec<Object>,
    pub tree: Tree,
    /// What each source contributes to every search.
    directories: Vec<Vec<(Via, String)>>,
    located: HashMap<(usize, String), Located>,
    examined: HashMap<PathBuf, Arc<Examined>>,
    external: HashMap<(PathBuf, usize), ObjectId>,
    tried: HashSet<Arc<[Attempt]>>,
    /// How many attempts `tried` holds.
    kept: usize,
    /// How many paths were looked at.
    pub looked: usize,
}

/// More attempts than any real wheel's graph needs; beyond, only those that found something are kept.
const MAX_KEPT: usize = 500_000;

/// An object as one root has loaded it.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub object: ObjectId,
    /// The index of what loaded it, `None` for the root.
    pub loader: Option<usize>,
    pub place: Place,
    /// What `$ORIGIN` is for it.
    pub directory: String,
    /// It is a copy for newer processors: examined, but not part of the scope.
    pub variant: bool,
}

/// What became of an import.
pub(super) struct Outcome {
    pub resolution: Resolution,
    pub via: Via,
    pub found: Option<String>,
    /// Where the object lies by the path it was found by: its place and directory.
    pub placed: Option<(Place, String)>,
    /// Preferred copies, with their directories.
    pub variants: Vec<(ObjectId, String)>,
    pub tried: Vec<Attempt>,
}

impl Outcome {
    pub(super) fn named(resolution: Resolution, via: Via) -> Self {
        Self { resolution, via, found: None, placed: None, variants: Vec::new(), tried: Vec::new() }
    }
}

/// A candidate that can be loaded.
struct Candidate {
    object: ObjectId,
    via: Via,
    place: Place,
    /// The path by which it was found.
    path: String,
    /// Its canonical path.
    canonical: String,
    /// The canonical directory in which it was found.
    directory: String,
}

/// The newest candidate so far.
struct Best {
    /// Which source has it, and of what kind that is.
    source: usize,
    kind: SourceKind,
    version: Option<[u16; 4]>,
    candidate: Candidate,
}

impl Best {
    /// Keeps the newer of two candidates, of equal ones the first; returns what came of the other, about to be told of.
    fn choose(best: &mut Option<Self>, other: Self, tried: &mut [Attempt]) -> Why {
        if best.as_ref().is_some_and(|best| best.version >= other.version) {
            return Why::Older;
        }
        *best = Some(other);
        for earlier in tried.iter_mut().filter(|attempt| attempt.why == Why::Found) {
            earlier.why = Why::Older;
        }
        Why::Found
    }
}

/// The version by which files of one name are compared.
fn version(image: &Image) -> Option<[u16; 4]> {
    image.pe().map(PeFacts::stated_version)
}

/// How an import is looked for.
enum Name<'n> {
    /// By this name in every directory of the list.
    Plain(&'n str),
    /// At these paths and nowhere else; the last component is what named directories are asked for.
    Paths(Vec<(Place, String)>, &'n str),
    /// It is no path that a process could rely on.
    Void(&'static str),
}

impl<'a> Search<'a> {
    pub(super) fn new(universe: &'a Universe<'a>, target: Target, outside: &'a dyn Outside) -> Self {
        let loader = target.platform.loader();
        let system = target.platform.directories(target.arch);
        let directories = universe.sources().iter().map(|source| source.directories(&system)).collect();
        let mut search = Self {
            universe,
            target,
            outside,
            loader,
            system,
            objects: Vec::new(),
            tree: Tree::new(loader.names),
            directories,
            located: HashMap::new(),
            examined: HashMap::new(),
            external: HashMap::new(),
            tried: HashSet::new(),
            kept: 0,
            looked: 0,
        };
        search.install();
        search
    }

    /// Enters the wheel's binaries first, so that their numbers are their places in the list.
    fn install(&mut self) {
        let own = self.universe.wheel().iter().map(|binary| (Origin::Wheel, binary));
        let others = self.universe.providers().iter().flat_map(|(distribution, binaries)| {
            binaries.iter().map(move |binary| (Origin::Provider(distribution.clone()), binary))
        });
        for (origin, binary) in own.chain(others) {
            let id = ObjectId(self.objects.len());
            let object = Object {
                origin,
                source: SourceKind::Installed,
                member: Some(binary.member.clone()),
                location: binary.installed.clone(),
                image: Arc::clone(&binary.image),
                symbols: Arc::clone(&binary.symbols),
            };
            self.tree.insert(id, &object);
            self.objects.push(object);
        }
    }

    /// Returns an object.
    pub(super) fn object(&self, id: ObjectId) -> &Object {
        // INVARIANT: ids are made by this room, one for each object.
        &self.objects[id.0]
    }

    /// Returns true if a process of the target can load the object.
    pub(super) fn fits(&self, id: ObjectId) -> bool {
        self.target.platform.loads(self.target.arch, &self.object(id).image)
    }

    /// Returns the one list of these attempts: roots that search alike share it.
    pub(super) fn share(&mut self, mut tried: Vec<Attempt>) -> Arc<[Attempt]> {
        if self.kept > MAX_KEPT {
            tried.retain(|attempt| attempt.why == Why::Found);
        }
        if let Some(known) = self.tried.get(tried.as_slice()) {
            return Arc::clone(known);
        }
        self.kept += tried.len();
        let shared: Arc<[Attempt]> = tried.into();
        self.tried.insert(Arc::clone(&shared));
        shared
    }

    /// Looks for `name` in the tree that the wheel installs, by the loader's own rules.
    pub(super) fn installed(&mut self, name: &str, importer: &Loaded, list: &[Element]) -> Outcome {
        let mut outcome = Outcome::named(Resolution::Missing, Via::Named);
        let places: Vec<(Via, String, bool)> = match self.name(name, importer) {
            Name::Void(reason) => {
                outcome.tried.push(Attempt {
                    path: name.to_owned(),
                    source: SourceKind::Installed,
                    via: Via::Path,
                    why: Why::BadPath(reason.to_owned()),
                });
                return outcome;
            }
            Name::Paths(paths, _) => paths
                .into_iter()
                .filter(|(place, _)| *place == Place::Installed)
                .map(|(_, path)| (Via::Path, path, false))
                .collect(),
            Name::Plain(name) => {
                let mut places = Vec::new();
                for element in list {
                    match element {
                        Element::Directory(via, Place::Installed, directory) => {
                            for variant in self.system.variants {
                                places.push((*via, format!("{directory}/{variant}/{name}"), true));
                            }
                            places.push((*via, format!("{directory}/{name}"), false));
                        }
                        Element::Void(via, path, reason) => outcome.tried.push(Attempt {
                            path: path.clone(),
                            source: SourceKind::Installed,
                            via: *via,
                            why: Why::BadPath((*reason).to_owned()),
                        }),
                        Element::Directory(..) | Element::Contributed(_) => {}
                    }
                }
                places
            }
        };
        let mut variants = Vec::new();
        self.looked += places.len();
        for (via, path, is_variant) in places {
            let Some(normal) = normalize(&path) else {
                if !is_variant {
                    let why = Why::BadPath("it leads out of the installation".to_owned());
                    outcome.tried.push(Attempt { path, source: SourceKind::Installed, via, why });
                }
                continue;
            };
            let own = format!("/{}", directory_of(&normal));
            let attempt = |why| Attempt { path: normal.clone(), source: SourceKind::Installed, via, why };
            let slices = self.tree.at(&normal);
            let fitting = slices.iter().copied().find(|id| self.fits(*id));
            let usable = fitting.filter(|id| self.object(*id).image.kind != ImageKind::Object);
            match (slices.first(), fitting, usable) {
                (_, _, Some(id)) if is_variant => variants.push((id, own)),
                (_, _, Some(id)) => {
                    outcome.tried.push(attempt(Why::Found));
                    outcome.resolution = Resolution::Object(id);
                    outcome.via = via;
                    outcome.placed = Some((Place::Installed, own));
                    outcome.found = Some(normal);
                    outcome.variants = variants;
                    return outcome;
                }
                (None, ..) if is_variant => {}
                (None, ..) => outcome.tried.push(attempt(Why::Absent)),
                (Some(other), None, _) => {
                    outcome.tried.push(attempt(Why::WrongMachine(self.object(*other).image.arch)));
                    if self.loader.wrong_machine == Refusal::Stop && !is_variant {
                        return outcome;
                    }
                }
                (Some(_), Some(_), None) => {
                    outcome.tried.push(attempt(Why::Unusable("it is an object file".to_owned())));
                    if self.loader.not_a_library == Refusal::Stop && !is_variant {
                        return outcome;
                    }
                }
            }
        }
        for (id, _) in variants {
            let why = Why::Unusable("there are only copies for newer processors".to_owned());
            let path = self.object(id).location.clone();
            outcome.tried.push(Attempt { path, source: SourceKind::Installed, via: Via::Named, why });
        }
        outcome
    }

    /// Looks for `name` in the sources outside, in their order. What is found is entered as an object.
    pub(super) fn outside(&mut self, name: &str, importer: &Loaded, list: &[Element]) -> Outcome {
        let mut outcome = Outcome::named(Resolution::Missing, Via::Named);
        let universe = self.universe;
        if !universe.sources().iter().any(|source| source.is_root()) {
            self.not_searched(name, importer, list, &mut outcome);
        }
        let wants_newest = self.outside.wants_newest(name);
        let is_given = self.outside.fallback(name) == Some(Resolution::System);
        let mut best: Option<Best> = None;
        let sources = universe.sources().iter().enumerate();
        for (number, source) in sources.filter(|(_, source)| !(is_given && source.is_windows_own())) {
            let kind = source.kind();
            // The order of the kinds stands, whatever is newer in a later one.
            if best.as_ref().is_some_and(|best| !wants_newest || best.kind != kind) {
                break;
            }
            for (via, path) in self.paths_in(number, name, importer, list) {
                let why = match self.candidate(number, &path, via) {
                    Ok(candidate) => {
                        let image = &self.object(candidate.object).image;
                        let found = Best { source: number, kind, version: version(image), candidate };
                        Best::choose(&mut best, found, &mut outcome.tried)
                    }
                    Err(why) => why,
                };
                outcome.tried.push(Attempt { path, source: kind, via, why });
                if best.is_some() && !wants_newest {
                    break;
                }
            }
        }
        if let Some(best) = best {
            self.take(best.source, best.candidate, &mut outcome);
        }
        outcome
    }

    /// Records the absolute paths that nobody looks at, because no source has the target's system.
    fn not_searched(&self, name: &str, importer: &Loaded, list: &[Element], outcome: &mut Outcome) {
        let paths: Vec<(Via, String)> = match self.name(name, importer) {
            Name::Void(_) => Vec::new(),
            Name::Paths(paths, _) => {
                let paths = paths.into_iter().filter(|(place, _)| *place == Place::System);
                paths.map(|(_, path)| (Via::Path, path)).collect()
            }
            Name::Plain(name) => list
                .iter()
                .filter_map(|element| match element {
                    Element::Directory(via, Place::System, directory) => Some((*via, join(directory, name))),
                    Element::Directory(..) | Element::Contributed(_) | Element::Void(..) => None,
                })
                .collect(),
        };
        let attempts =
            paths.into_iter().map(|(via, path)| Attempt { path, source: SourceKind::Host, via, why: Why::NotSearched });
        outcome.tried.extend(attempts);
    }

    /// Records the candidate of source `number` as the outcome.
    fn take(&self, number: usize, candidate: Candidate, outcome: &mut Outcome) {
        let on_disk = self.universe.sources()[number].on_disk(&candidate.canonical);
        let names = [candidate.path.as_str(), candidate.canonical.as_str()];
        let excluded = names.iter().any(|path| self.outside.is_excluded_path(path))
            || on_disk.to_str().is_some_and(|path| self.outside.is_excluded_path(path));
        outcome.via = candidate.via;
        outcome.resolution = if excluded { Resolution::Excluded } else { Resolution::Object(candidate.object) };
        let own = match self.loader.origin {
            OriginRule::AsFound => candidate.directory,
            OriginRule::Canonical => directory_of(&candidate.canonical).to_owned(),
        };
        outcome.placed = Some((candidate.place, own));
        outcome.found = Some(candidate.path);
    }

    /// Returns the paths at which source `number` may have the import, in order.
    ///
    /// INVARIANT: `number` counts the sources, here as in [`Search::take`].
    fn paths_in(&self, number: usize, name: &str, importer: &Loaded, list: &[Element]) -> Vec<(Via, String)> {
        let is_root = self.universe.sources()[number].is_root();
        let here = |place: Place| place == Place::Source(number) || (is_root && place == Place::System);
        let contributed = |rule: Via| self.directories[number].iter().filter(move |(via, _)| *via == rule);
        let mut paths: Vec<(Via, String)> = Vec::new();
        // The user's own directories come before everything else of their source, whatever form the name has.
        let base = name.rsplit('/').next().unwrap_or(name);
        paths.extend(contributed(Via::Folder).map(|(via, directory)| (*via, join(directory, base))));
        match self.name(name, importer) {
            Name::Void(_) => {}
            Name::Paths(found, base) => {
                paths.extend(found.into_iter().filter(|(place, _)| here(*place)).map(|(_, path)| (Via::Path, path)));
                if self.loader.paths == PathImport::LoadPath {
                    for rule in [Via::Environment, Via::Configuration, Via::Defaults] {
                        paths.extend(contributed(rule).map(|(via, directory)| (*via, join(directory, base))));
                    }
                }
            }
            Name::Plain(name) => {
                for element in list {
                    match element {
                        Element::Directory(via, place, directory) if here(*place) => {
                            paths.push((*via, join(directory, name)));
                        }
                        Element::Contributed(rule) => {
                            paths.extend(contributed(*rule).map(|(via, directory)| (*via, join(directory, name))));
                        }
                        Element::Directory(..) | Element::Void(..) => {}
                    }
                }
            }
        }
        paths
    }

    /// Returns what kind of name an import is.
    fn name<'n>(&self, name: &'n str, importer: &Loaded) -> Name<'n> {
        let base = name.rsplit('/').next().unwrap_or(name);
        let carrier = Carrier { place: importer.place, directory: &importer.directory };
        match self.loader.paths {
            _ if name.is_empty() => Name::Void("the name is empty"),
            PathImport::BaseName => Name::Plain(name.rsplit(['/', '\\']).next().unwrap_or(name)),
            PathImport::LoadPath => match name.strip_prefix("@rpath/") {
                Some(rest) if self.loader.tokens.contains(&Token::Rpath) => Name::Plain(rest),
                Some(_) | None => match expand(name, self.loader, &self.system, carrier) {
                    Ok(paths) => Name::Paths(paths, base),
                    Err(reason) => Name::Void(reason),
                },
            },
            PathImport::Expanded | PathImport::Literal if !name.contains('/') => Name::Plain(name),
            PathImport::Expanded => match expand(name, self.loader, &self.system, carrier) {
                Ok(paths) => Name::Paths(paths, base),
                Err(reason) => Name::Void(reason),
            },
            PathImport::Literal if name.starts_with('/') => Name::Paths(vec![(Place::System, name.to_owned())], base),
            PathImport::Literal => Name::Void("it is relative to the current directory"),
        }
    }

    /// Returns true if the import is looked for by name, not at a path of its own.
    pub(super) fn is_searched(&self, name: &str, importer: &Loaded) -> bool {
        matches!(self.name(name, importer), Name::Plain(_))
    }

    /// Returns the object at a path of source `number`, or why there is none that can be loaded.
    fn candidate(&mut self, number: usize, path: &str, via: Via) -> Result<Candidate, Why> {
        let universe = self.universe;
        // INVARIANT: `number` counts the sources.
        let source = &universe.sources()[number];
        let names: NameRule = self.loader.names;
        let located =
            self.located.entry((number, path.to_owned())).or_insert_with(|| source.locate(path, names)).clone();
        self.looked += 1;
        let (canonical, directory) = match located {
            Located::Absent => return Err(Why::Absent),
            Located::NotAFile => return Err(Why::NotAFile),
            Located::File { canonical, directory } => (canonical, directory),
        };
        let on_disk = source.on_disk(&canonical);
        let examined = self.examined.entry(on_disk.clone());
        let examined = examined.or_insert_with(|| universe.examine(&**source, &canonical, &on_disk));
        let slices = (**examined).as_ref().map_err(|reason| Why::Unusable(reason.clone()))?;
        let (platform, arch) = (self.target.platform, self.target.arch);
        let Some(index) = slices.iter().position(|(image, _)| platform.loads(arch, image)) else {
            let first = slices.first().ok_or_else(|| Why::Unusable("it holds no code".to_owned()))?;
            return Err(Why::WrongMachine(first.0.arch));
        };
        // INVARIANT: `index` was found in `slices`.
        let (image, symbols) = &slices[index];
        if image.kind == ImageKind::Object || image.format != platform.format() {
            return Err(Why::Unusable("it is no shared library".to_owned()));
        }
        let objects = &mut self.objects;
        let object = *self.external.entry((on_disk.clone(), index)).or_insert_with(|| {
            let id = ObjectId(objects.len());
            objects.push(Object {
                origin: Origin::External(on_disk),
                source: source.kind(),
                member: None,
                location: canonical.clone(),
                image: Arc::clone(image),
                symbols: Arc::clone(symbols),
            });
            id
        });
        let path = path.to_owned();
        Ok(Candidate { object, via, place: Place::Source(number), path, canonical, directory })
    }
}

/// Returns the directory of a path.
pub(super) fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn join(directory: &str, name: &str) -> String {
    if directory.ends_with('/') { format!("{directory}{name}") } else { format!("{directory}/{name}") }
}
