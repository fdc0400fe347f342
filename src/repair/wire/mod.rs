//! Wiring: where copies of libraries lie, under which names, and the edits by which a loader finds them there.
//!
//! One file for each of the ways that formats have (`platform::Wiring`).

mod crowding;
mod directory;
mod load_path;
mod search_path;
mod start_up;

pub(super) use start_up::start_up_code;

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Drafter;
use super::naming::{Shape, vendored_names};
use super::places::Folder;
use crate::diagnostic::Diagnostic;
use crate::error::Result;
use crate::format::{Edit, EditSet};
use crate::load::ObjectId;
use crate::platform::loader::NameRule;
use crate::platform::{Platform, Wiring};

/// What a vendored library is called in the wheel, and in which folders copies of it lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home {
    pub name: String,
    pub folders: Vec<Folder>,
}

/// Where every vendored library lies.
#[derive(Debug, Default)]
pub(super) struct Homes {
    by_object: BTreeMap<ObjectId, Home>,
    /// The first slice of each slice's file.
    first: BTreeMap<ObjectId, ObjectId>,
    /// Start-up code: archive name of an `__init__.py`, and the folders that it gives to the loader.
    pub startup: BTreeMap<String, BTreeSet<Folder>>,
    /// What keeps a library from being found, or is worth knowing.
    pub diagnostics: Vec<Diagnostic>,
    /// Mach-O binaries whose headers have no room for the usual spellings.
    crowded: crowding::Crowded,
}

impl Homes {
    /// Returns where a library lies, if it is vendored.
    pub fn of(&self, object: ObjectId) -> Option<&Home> {
        self.by_object.get(&object)
    }

    /// Returns each file that has a home, with it.
    pub fn files<'a>(&'a self, files: &'a [Vec<ObjectId>]) -> impl Iterator<Item = (&'a [ObjectId], &'a Home)> {
        files.iter().filter_map(|slices| Some((slices.as_slice(), self.of(*slices.first()?)?)))
    }

    /// Returns where a file lies, by its slices.
    pub fn of_file(&self, slices: &[ObjectId]) -> Option<&Home> {
        slices.first().and_then(|id| self.of(*id))
    }

    /// Returns the slice by which a vendored file is known: its first.
    fn first_slice(&self, object: ObjectId) -> Option<ObjectId> {
        self.first.get(&object).copied()
    }

    /// Returns the folder of vendored libraries, if there are any.
    fn any_folder(&self) -> Option<&Folder> {
        self.by_object.values().find_map(|home| home.folders.first())
    }

    /// Gives every slice of a file its home.
    fn settle(&mut self, slices: &[ObjectId], home: &Home) {
        self.by_object.extend(slices.iter().map(|id| (*id, home.clone())));
        if let Some(first) = slices.first() {
            self.first.extend(slices.iter().map(|id| (*id, *first)));
        }
    }
}

/// What changes in a binary of the wheel.
#[derive(Debug, Default)]
pub(super) struct Wired {
    pub edits: EditSet,
    /// Its new archive name, if it moves.
    pub moved: Option<String>,
}

/// One way of wiring.
pub(super) trait Wire {
    /// Decides where each file outside (its slices) lies in the wheel.
    ///
    /// # Errors
    /// `Refused` if names clash.
    fn homes(&self, drafter: &Drafter<'_>, files: &[Vec<ObjectId>]) -> Result<Homes>;

    /// Returns what changes in the copy of a file outside that lies in `folder`.
    ///
    /// # Errors
    /// `Usage` if edits contradict each other.
    fn vendored(&self, drafter: &Drafter<'_>, slices: &[ObjectId], folder: &Folder, homes: &Homes) -> Result<EditSet>;

    /// Returns what changes in a binary of the wheel; one that is not `loadable` loses only what tells of the build
    /// machine.
    ///
    /// # Errors
    /// `Usage` if edits contradict each other.
    fn own(&self, drafter: &Drafter<'_>, slices: &[ObjectId], loadable: bool, homes: &Homes) -> Result<Wired>;
}

/// Returns the way of a platform.
pub(super) fn of(platform: &dyn Platform) -> Box<dyn Wire> {
    match platform.vendoring().wiring {
        Wiring::SearchPath { kind, origin } => Box::new(search_path::SearchPathWire { kind, origin }),
        Wiring::LoadPath { origin, identity, shared } => Box::new(load_path::LoadPathWire { origin, identity, shared }),
        Wiring::Directory => Box::new(directory::DirectoryWire),
    }
}

/// Returns the new name of each file. `marks` are what else shapes the content of a copy.
fn names(
    drafter: &Drafter<'_>,
    files: &[Vec<ObjectId>],
    marks: impl Fn(ObjectId) -> Vec<String>,
) -> Result<Vec<String>> {
    let index: BTreeMap<ObjectId, usize> =
        files.iter().enumerate().flat_map(|(at, slices)| slices.iter().map(move |id| (*id, at))).collect();
    let shapes: Vec<Shape> = files
        .iter()
        .filter_map(|slices| {
            let id = *slices.first()?;
            let object = drafter.graph.object(id);
            let called = drafter.called(id);
            let no_mangle = &drafter.options.no_mangle;
            let keep_name = no_mangle.matches(object.file_name())
                || called.as_deref().is_some_and(|name| no_mangle.matches(name))
                || directory::named_by(drafter, object.file_name()).is_some();
            // Other formats are not stripped: the flag shapes nothing, and no name.
            let mut all: Vec<String> =
                drafter.strip().map(|level| Edit::Strip(level).to_string()).into_iter().collect();
            all.extend(marks(id));
            let imports = slices.iter().flat_map(|id| drafter.imports_of(*id, &index)).collect();
            let kept = keep_name || drafter.platform.vendoring().naming == crate::platform::VendorNaming::Kept;
            // Where names are the same but for case, the file's own spelling is the one to keep.
            let is_other = |name: &String| match drafter.platform.loader().names {
                NameRule::IgnoreAsciiCase => !name.eq_ignore_ascii_case(object.file_name()),
                NameRule::Exact => true,
            };
            let file_name = called.filter(is_other).filter(|_| kept).unwrap_or_else(|| object.file_name().to_owned());
            let digest = drafter.digest(slices);
            Some(Shape { file_name, digest, marks: all, imports, keep_name })
        })
        .collect();
    let is_taken =
        |name: &str| drafter.places.members.contains(&drafter.places.libraries.member_of(name).to_lowercase());
    vendored_names(&shapes, drafter.platform.vendoring().naming, is_taken)
}
