//! Mach-O: each import is the way from its importer to the library; run paths that lead elsewhere go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::crowding::{Crowded, is_crowded};
use super::{Home, Homes, Wire, Wired, names};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::Result;
use crate::format::{Edit, EditSet, SearchPathKind};
use crate::load::{Edge, ObjectId, Resolution};
use crate::repair::draft::{Drafter, Fate};
use crate::repair::findings;
use crate::repair::paths::{self, Leads, directory};
use crate::repair::places::Folder;
use crate::wheel::install::SITE_PACKAGES;

/// The way of Mach-O.
pub(super) struct LoadPathWire {
    /// The word for "the directory I lie in".
    pub origin: &'static str,
    /// What the names that vendored libraries give themselves begin with.
    pub identity: &'static str,
    /// Folders in which package managers install.
    pub shared: &'static [&'static str],
}

/// A binary whose imports are rewritten: where it will lie.
struct Importer<'a> {
    slices: &'a [ObjectId],
    location: String,
    /// It lies where none of its old ways are true.
    is_new_here: bool,
}

impl Wire for LoadPathWire {
    fn homes(&self, drafter: &Drafter<'_>, files: &[Vec<ObjectId>]) -> Result<Homes> {
        let names = names(drafter, files, |_| Vec::new())?;
        let mut homes = self.named(drafter, files, &names, Crowded::default());
        let own = drafter.own_files();
        // Each round makes some binary's commands shorter or ends the search.
        for _ in 0..ROUNDS {
            let mut next = homes.crowded.clone();
            for slices in files {
                for folder in homes.of_file(slices).map(|home| home.folders.clone()).unwrap_or_default() {
                    let edits = self.vendored(drafter, slices, &folder, &homes)?;
                    self.relieve(drafter, slices, &edits, &homes, &mut next);
                }
            }
            for slices in &own {
                let edits = self.own(drafter, slices, true, &homes)?.edits;
                self.relieve(drafter, slices, &edits, &homes, &mut next);
            }
            if next == homes.crowded {
                break;
            }
            homes = self.named(drafter, files, &names, next);
        }
        homes.diagnostics.extend(files.iter().filter_map(|slices| framework(drafter, slices)));
        homes
            .diagnostics
            .extend(files.iter().chain(&own).flat_map(|slices| parted(drafter, slices, &homes)).collect::<Vec<_>>());
        Ok(homes)
    }

    fn vendored(&self, drafter: &Drafter<'_>, slices: &[ObjectId], folder: &Folder, homes: &Homes) -> Result<EditSet> {
        let mut edits = EditSet::default();
        let (Some(first), Some(home)) = (slices.first(), homes.of_file(slices)) else { return Ok(edits) };
        let importer = Importer { slices, location: folder.location_of(&home.name), is_new_here: true };
        self.import_edits(drafter, &importer, homes, &mut edits)?;
        let below = folder.installed.strip_prefix(SITE_PACKAGES).unwrap_or(&folder.installed);
        let below = if homes.crowded.short_identities.contains(first) { "" } else { below };
        edits.push(Edit::SetIdentity(format!("{}{below}/{}", self.identity, home.name)))?;
        for path in run_paths(drafter, slices) {
            edits.push(Edit::RemoveSearchPath(path.to_owned()))?;
        }
        self.add_run_path(&importer, homes, &mut edits)?;
        Ok(edits)
    }

    fn own(&self, drafter: &Drafter<'_>, slices: &[ObjectId], loadable: bool, homes: &Homes) -> Result<Wired> {
        let mut wired = Wired::default();
        let Some(binary) = slices.first().map(|id| drafter.graph.object(*id)) else { return Ok(wired) };
        let mut importer = Importer { slices, location: binary.location.clone(), is_new_here: false };
        if loadable {
            if slices.iter().any(|id| drafter.moves(*id)) {
                let programs = &drafter.places.programs;
                wired.moved = Some(programs.member_of(binary.file_name()));
                importer.location = programs.location_of(binary.file_name());
                importer.is_new_here = true;
            }
            self.import_edits(drafter, &importer, homes, &mut wired.edits)?;
        }
        let has_shared = slices.iter().any(|slice| leaves_to_run_path(drafter, *slice));
        for path in run_paths(drafter, slices) {
            let is_shared = has_shared && self.shared.iter().any(|folder| path.starts_with(folder));
            if !is_shared && paths::leads(path, &importer.location) == Leads::Outside {
                wired.edits.push(Edit::RemoveSearchPath(path.to_owned()))?;
            }
        }
        // dyld of macOS 15 and later refuses a run path that is there twice.
        if slices.iter().any(|id| repeats_run_path(drafter, *id)) {
            wired.edits.push(Edit::DropRepeatedSearchPaths)?;
        }
        self.add_run_path(&importer, homes, &mut wired.edits)?;
        Ok(wired)
    }
}

impl LoadPathWire {
    /// Gives every file its home: the folder of libraries, under its name or, where that is too long, a hash.
    fn named(&self, drafter: &Drafter<'_>, files: &[Vec<ObjectId>], names: &[String], crowded: Crowded) -> Homes {
        let mut homes = Homes::default();
        for (slices, name) in files.iter().zip(names) {
            let is_short = slices.first().is_some_and(|first| crowded.short_names.contains(first));
            let name = if is_short { short_name(drafter, slices) } else { name.clone() };
            homes.settle(slices, &Home { name, folders: vec![drafter.places.libraries.clone()] });
        }
        homes.crowded = crowded;
        homes
    }

    /// Takes the next step for a binary whose header has no room for the edits.
    fn relieve(&self, drafter: &Drafter<'_>, slices: &[ObjectId], edits: &EditSet, homes: &Homes, next: &mut Crowded) {
        let Some(&first) = slices.first() else { return };
        if !slices.iter().any(|id| is_crowded(&drafter.graph.object(*id).image, edits)) {
            return;
        }
        let targets: BTreeSet<ObjectId> = slices.iter().flat_map(|id| drafter.inside(*id)).collect();
        let vendored: BTreeSet<ObjectId> = targets.iter().filter_map(|id| homes.first_slice(*id)).collect();
        let now = &homes.crowded;
        if !vendored.is_subset(&now.short_names) {
            next.short_names.extend(vendored);
        } else if !vendored.is_empty() && !now.by_run_path.contains(&first) {
            next.by_run_path.insert(first);
        } else if homes.of(first).is_some() && !now.short_identities.contains(&first) {
            next.short_identities.insert(first);
        }
    }

    /// Adds the run path by which a crowded binary reaches the folder of libraries.
    fn add_run_path(&self, importer: &Importer<'_>, homes: &Homes, edits: &mut EditSet) -> Result<()> {
        if !importer.slices.first().is_some_and(|first| homes.crowded.by_run_path.contains(first)) {
            return Ok(());
        }
        let Some(folder) = homes.any_folder() else { return Ok(()) };
        let path = paths::entry(self.origin, &importer.location, &folder.installed);
        edits.push(Edit::AddSearchPath(path))
    }

    /// Adds the edits of the imports.
    fn import_edits(
        &self,
        drafter: &Drafter<'_>,
        importer: &Importer<'_>,
        homes: &Homes,
        edits: &mut EditSet,
    ) -> Result<()> {
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        for &object in importer.slices {
            let image = &drafter.graph.object(object).image;
            let mut taken: BTreeSet<String> = image.imports.iter().map(|import| import.name.clone()).collect();
            let here = renamed.iter().filter(|(from, _)| image.imports_name(from));
            taken.extend(here.map(|(_, to)| to.clone()));
            for edge in drafter.links.edges_of(object) {
                let from = drafter.graph.import(edge).name.clone();
                if renamed.contains_key(&from) {
                    continue;
                }
                let Fate::Inside(target) = drafter.fate(edge) else {
                    if drafter.fate(edge) == Fate::Remove {
                        edits.push(Edit::RemoveImport(from))?;
                    }
                    continue;
                };
                let by_run_path =
                    importer.slices.first().is_some_and(|first| homes.crowded.by_run_path.contains(first));
                let to = match homes.of(target) {
                    Some(home) if by_run_path => Some(format!("@rpath/{}", home.name)),
                    Some(home) => {
                        let to = home.folders.first().map(|folder| folder.location_of(&home.name));
                        to.map(|to| self.way(&importer.location, &to))
                    }
                    None if edge.resolution == Resolution::Missing || importer.is_new_here => {
                        Some(self.way(&importer.location, &drafter.graph.object(target).location))
                    }
                    // What dyld reaches already stays as it is.
                    None => None,
                };
                let Some(to) = to.filter(|to| *to != from) else { continue };
                let to = unrepeated(to, self.origin, &taken);
                taken.insert(to.clone());
                renamed.insert(from.clone(), to.clone());
                edits.push(Edit::ReplaceImport { from, to })?;
            }
        }
        Ok(())
    }

    /// Returns the import that leads from one installed binary to another: `@loader_path/../.dylibs/libx.dylib`.
    fn way(&self, from: &str, to: &str) -> String {
        let name = to.rsplit('/').next().unwrap_or(to);
        match paths::relative(directory(from), directory(to)).as_str() {
            "." => format!("{}/{name}", self.origin),
            path => format!("{}/{path}/{name}", self.origin),
        }
    }
}

/// How often spellings can become shorter, in all steps together.
const ROUNDS: usize = 8;

/// A name of few letters that no other content has: dyld answers `@rpath/x` with whatever loaded library calls itself so.
fn short_name(drafter: &Drafter<'_>, slices: &[ObjectId]) -> String {
    drafter.digest(slices).iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns each run path of the slices, once.
fn run_paths<'a>(drafter: &'a Drafter<'_>, slices: &[ObjectId]) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for &id in slices {
        for path in drafter.graph.object(id).image.search_path(SearchPathKind::Rpath) {
            if !found.contains(&path) {
                found.push(path);
            }
        }
    }
    found
}

/// Whether a slice has an import that is left to the user's machine, and only its run paths can lead to.
fn leaves_to_run_path(drafter: &Drafter<'_>, slice: ObjectId) -> bool {
    let left = |edge: &Edge| matches!(edge.resolution, Resolution::Excluded | Resolution::Missing);
    drafter.links.edges_of(slice).iter().any(|edge| {
        left(edge) && drafter.fate(edge) == Fate::Leave && drafter.graph.import(edge).name.starts_with("@rpath/")
    })
}

/// Whether a slice has a run path twice.
fn repeats_run_path(drafter: &Drafter<'_>, slice: ObjectId) -> bool {
    let mut seen = BTreeSet::new();
    !drafter.graph.object(slice).image.search_path(SearchPathKind::Rpath).all(|path| seen.insert(path))
}

/// Returns `to`, spelled so that it is none of `taken`: one library imported by two names stays two imports (symbols
/// are bound by their number), and dyld of macOS 15 and later refuses two of the same text.
fn unrepeated(mut to: String, origin: &str, taken: &BTreeSet<String>) -> String {
    while taken.contains(&to) {
        let rest = to.strip_prefix(origin).unwrap_or(&to);
        to = format!("{origin}/.{rest}");
    }
    to
}

/// Imports of a universal file for which the slices find files that cannot be joined: all slices get one name for an
/// import, so that has to be one file.
fn parted(drafter: &Drafter<'_>, slices: &[ObjectId], homes: &Homes) -> Vec<Diagnostic> {
    let mut found: BTreeMap<&str, BTreeMap<ObjectId, (&Path, String)>> = BTreeMap::new();
    for &slice in slices {
        let mut seen = BTreeSet::new();
        for edge in drafter.links.edges_of(slice) {
            let Fate::Inside(target) = drafter.fate(edge) else { continue };
            let name = drafter.graph.import(edge).name.as_str();
            let (Some(home), Some(path)) = (homes.first_slice(target), drafter.graph.object(target).external_path())
            else {
                continue;
            };
            if seen.insert(name) {
                let arch = || drafter.graph.arch_name(slice);
                found.entry(name).or_default().entry(home).or_insert_with(|| (path, arch()));
            }
        }
    }
    let importer = slices.first().map_or("", |id| drafter.graph.object(*id).display_name());
    let parted = found.into_iter().filter(|(_, files)| files.len() > 1);
    let told = parted.map(|(name, files)| {
        let each: Vec<String> = files.values().map(|(path, arch)| format!("`{}` ({arch})", path.display())).collect();
        let message = format!("needs `{name}`, which is another file for each processor: {}", each.join(" and "));
        Diagnostic::new(Code::TW303, message)
            .at(Severity::Error)
            .member(importer)
            .help("give the folder of one library that has code for all of them with `--lib-path`, before the others")
    });
    told.collect()
}

/// A framework is more than its binary: one that would have to be vendored is refused.
fn framework(drafter: &Drafter<'_>, slices: &[ObjectId]) -> Option<Diagnostic> {
    let object = slices.first().map(|id| drafter.graph.object(*id))?;
    let (name, help) = findings::framework(&object.location)?;
    let message =
        format!("`{name}.framework` would have to be vendored, and its resources with it: {}", object.location);
    Some(Diagnostic::new(Code::TW320, message).help(help))
}
