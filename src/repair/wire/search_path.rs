//! ELF: imports are file names; a search path leads to the folder of vendored libraries.

use std::collections::BTreeSet;

use super::{Home, Homes, Wire, Wired, names};
use crate::error::Result;
use crate::format::{Edit, EditSet, Image, SearchPathKind};
use crate::load::{ObjectId, Resolution};
use crate::repair::draft::{Drafter, Fate, effective_search_path};
use crate::repair::paths::{self, directory};
use crate::repair::places::Folder;

/// The way of ELF.
pub(super) struct SearchPathWire {
    /// The kind of search path that is written.
    pub kind: SearchPathKind,
    /// The word for "the directory I lie in".
    pub origin: &'static str,
}

impl Wire for SearchPathWire {
    fn homes(&self, drafter: &Drafter<'_>, files: &[Vec<ObjectId>]) -> Result<Homes> {
        let names = names(drafter, files, |id| vec![reach(drafter, id).join(":")])?;
        let mut homes = Homes::default();
        for (slices, name) in files.iter().zip(names) {
            homes.settle(slices, &Home { name, folders: vec![drafter.places.libraries.clone()] });
        }
        Ok(homes)
    }

    fn vendored(&self, drafter: &Drafter<'_>, slices: &[ObjectId], folder: &Folder, homes: &Homes) -> Result<EditSet> {
        let mut edits = EditSet::default();
        for &object in slices {
            let Some(home) = homes.of(object) else { continue };
            import_edits(drafter, object, homes, &mut edits)?;
            let image = &drafter.graph.object(object).image;
            if image.identity.as_deref() != Some(&home.name) {
                edits.push(Edit::SetIdentity(home.name.clone()))?;
            }
            let location = folder.location_of(&home.name);
            self.search_path_edit(image, &[], &location, &reach(drafter, object), &mut edits)?;
        }
        if let Some(level) = drafter.strip() {
            edits.push(Edit::Strip(level))?;
        }
        Ok(edits)
    }

    fn own(&self, drafter: &Drafter<'_>, slices: &[ObjectId], loadable: bool, homes: &Homes) -> Result<Wired> {
        let mut wired = Wired::default();
        for &object in slices {
            let binary = drafter.graph.object(object);
            let old = effective_search_path(&binary.image);
            let mut location = binary.location.clone();
            let mut needed = Vec::new();
            if loadable {
                import_edits(drafter, object, homes, &mut wired.edits)?;
                if drafter.moves(object) {
                    let programs = &drafter.places.programs;
                    wired.moved = Some(programs.member_of(binary.file_name()));
                    location = programs.location_of(binary.file_name());
                }
                needed = reach(drafter, object);
            }
            // Of what is not loaded by anyone we know only what tells of the build machine goes.
            self.search_path_edit(&binary.image, &old, &location, &needed, &mut wired.edits)?;
        }
        Ok(wired)
    }
}

impl SearchPathWire {
    /// Adds the edit that gives a binary its search path, if that is not what it has.
    fn search_path_edit(
        &self,
        image: &Image,
        old: &[&str],
        location: &str,
        reach: &[String],
        edits: &mut EditSet,
    ) -> Result<()> {
        let paths = paths::after_repair(old, location, reach, self.origin);
        let present = effective_search_path(image);
        let kind_now = match image.search_path(SearchPathKind::Runpath).next() {
            Some(_) => SearchPathKind::Runpath,
            None => SearchPathKind::Rpath,
        };
        let both = kind_now == SearchPathKind::Runpath && image.search_path(SearchPathKind::Rpath).next().is_some();
        let grew = paths.iter().any(|path| !present.contains(&path.as_str()));
        let kind = if grew { self.kind } else { kind_now };
        let same = present.len() == paths.len() && present.iter().zip(&paths).all(|(a, b)| *a == b.as_str());
        if same && !both && (paths.is_empty() || kind == kind_now) {
            return Ok(());
        }
        edits.push(Edit::SetSearchPath { paths, kind: Some(kind) })
    }
}

/// Directories, relative to the prefix, that an object must reach besides what it reaches by itself.
fn reach(drafter: &Drafter<'_>, object: ObjectId) -> Vec<String> {
    let external = !drafter.graph.object(object).is_wheel();
    let mut reach: Vec<String> = Vec::new();
    for edge in drafter.links.edges_of(object) {
        let Fate::Inside(target) = drafter.fate(edge) else { continue };
        let target_object = drafter.graph.object(target);
        let directory = match target_object.is_wheel() {
            false => drafter.places.libraries.installed.clone(),
            // What the loader reaches from here already needs nothing.
            true if !external && edge.resolution != Resolution::Missing && !drafter.moves(object) => continue,
            true => directory(&target_object.location).to_owned(),
        };
        if !reach.contains(&directory) {
            reach.push(directory);
        }
    }
    reach
}

/// Adds the edits of the imports of one object.
fn import_edits(drafter: &Drafter<'_>, object: ObjectId, homes: &Homes, edits: &mut EditSet) -> Result<()> {
    let mut handled = BTreeSet::new();
    for edge in drafter.links.edges_of(object) {
        let from = drafter.graph.import(edge).name.clone();
        // Two roots may see two libraries behind one name; a binary can name only one of them.
        if !handled.insert(from.clone()) {
            continue;
        }
        match drafter.fate(edge) {
            Fate::Remove => edits.push(Edit::RemoveImport(from))?,
            Fate::Leave => {}
            Fate::Inside(target) => {
                let needs_name = edge.resolution == Resolution::Missing
                    || !drafter.graph.object(object).is_wheel()
                    || drafter.moves(object);
                let to = match homes.of(target) {
                    Some(home) => home.name.clone(),
                    None if needs_name => drafter.graph.object(target).file_name().to_owned(),
                    None => continue,
                };
                if to != from {
                    edits.push(Edit::ReplaceImport { from, to })?;
                }
            }
        }
    }
    Ok(())
}
