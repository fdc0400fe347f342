//! Where the imports of a loaded object are looked for: the loader's list of directories, in order.

use std::collections::HashSet;

use super::expand::{Carrier, Place, expand, normalize, voids_search_path};
use super::graph::Via;
use super::search::{Loaded, Search};
use crate::format::SearchPathKind;
use crate::platform::loader::{Carried, Inherit, Step};

/// Where an importer's imports are looked for, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Element {
    /// A directory.
    Directory(Via, Place, String),
    /// Whatever the source contributes by this rule.
    Contributed(Via),
    /// A search path that leads nowhere, with the reason.
    Void(Via, String, &'static str),
}

impl Search<'_> {
    /// Returns the list of directories for the imports of `loaded[importer]`.
    pub(super) fn list(&self, loaded: &[Loaded], importer: usize) -> Vec<Element> {
        let mut list = Vec::new();
        for step in self.loader.steps {
            match step {
                Step::SearchPath(carried, inherit) => {
                    for carrier in self.carriers(loaded, importer, *inherit) {
                        self.search_path(&loaded[carrier], *carried, &mut list);
                    }
                }
                Step::Environment => list.push(Element::Contributed(Via::Environment)),
                Step::Configuration => list.push(Element::Contributed(Via::Configuration)),
                Step::Defaults => list.push(Element::Contributed(Via::Defaults)),
                Step::RootDirectory => {
                    // INVARIANT: the first loaded object is the root.
                    let root = &loaded[0];
                    list.push(Element::Directory(Via::Added, root.place, root.directory.clone()));
                }
                Step::AddedDirectories => {
                    // INVARIANT: the first loaded object is the root.
                    let root = &loaded[0].directory;
                    let added = self.universe.added_directories().iter().filter(|added| added.serves(root));
                    list.extend(
                        added.map(|added| Element::Directory(Via::Added, Place::Installed, added.path.clone())),
                    );
                }
            }
        }
        without_repeats(list)
    }

    /// Returns whose search paths count, as indices into `loaded`.
    ///
    /// INVARIANT: `importer`, and every `loader` of what is loaded, is an index into `loaded`.
    fn carriers(&self, loaded: &[Loaded], importer: usize, inherit: Inherit) -> Vec<usize> {
        let has_runpath = |index: usize| {
            let image = &self.object(loaded[index].object).image;
            image.search_paths.iter().any(|path| path.kind == SearchPathKind::Runpath)
        };
        let ancestors = std::iter::successors(Some(importer), |index| loaded[*index].loader);
        match inherit {
            Inherit::Own => vec![importer],
            Inherit::Ancestors => ancestors.collect(),
            Inherit::AncestorsUnlessRunpath if has_runpath(importer) => Vec::new(),
            Inherit::AncestorsUnlessRunpath => ancestors.filter(|index| !has_runpath(*index)).collect(),
        }
    }

    /// Appends the directories of one object's search path.
    fn search_path(&self, carrier: &Loaded, carried: Carried, list: &mut Vec<Element>) {
        let image = &self.object(carrier.object).image;
        let has = |kind| image.search_paths.iter().any(|path| path.kind == kind);
        let kind = match carried {
            Carried::Rpath => SearchPathKind::Rpath,
            Carried::Runpath => SearchPathKind::Runpath,
            Carried::RunpathElseRpath if has(SearchPathKind::Runpath) => SearchPathKind::Runpath,
            Carried::RunpathElseRpath => SearchPathKind::Rpath,
        };
        let via = match kind {
            SearchPathKind::Rpath => Via::Rpath(carrier.object),
            SearchPathKind::Runpath => Via::Runpath(carrier.object),
        };
        let void = image.search_path(kind).any(|path| voids_search_path(path, self.loader));
        for path in image.search_path(kind) {
            if void {
                list.push(Element::Void(via, path.to_owned(), "a word in it makes the loader ignore the whole path"));
                continue;
            }
            let from = Carrier { place: carrier.place, directory: &carrier.directory };
            match expand(path, self.loader, &self.system, from) {
                Ok(found) => {
                    list.extend(found.into_iter().map(|(place, path)| Element::Directory(via, place, path)));
                }
                Err(reason) => list.push(Element::Void(via, path.to_owned(), reason)),
            }
        }
    }
}

/// Removes directories that come earlier in the list: deep chains carry the same search path over and over.
fn without_repeats(mut list: Vec<Element>) -> Vec<Element> {
    let mut seen = HashSet::new();
    list.retain_mut(|element| match element {
        Element::Directory(_, place, path) => {
            // Nothing installed is a symbolic link, so `..` may be taken out here; elsewhere it may not.
            if *place == Place::Installed
                && let Some(normal) = normalize(path)
            {
                *path = format!("/{normal}");
            }
            seen.insert((*place, path.clone()))
        }
        Element::Contributed(_) | Element::Void(..) => true,
    });
    list
}
