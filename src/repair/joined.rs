//! Libraries that are one file for each processor: which of them become one universal file in the wheel.
//!
//! Slices of one universal binary get one name for an import. Where each of them finds a thin file of its own (Homebrew's
//! library for arm64 and another for Intel), the two files are joined, as `lipo -create` does.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Drafter, Fate};
use crate::arch::Arch;
use crate::format::macho::Container;
use crate::load::ObjectId;
use crate::platform::macos;

/// Returns `files` (the slices of each) with those joined that are one library for several processors: imported by one
/// name of one binary, or called alike.
///
/// Only thin files are joined, and only those for different processors. Two libraries that happen to be called alike do
/// no harm to each other so: no process sees both.
pub(super) fn joined(drafter: &Drafter<'_>, mut files: Vec<Vec<ObjectId>>) -> Vec<Vec<ObjectId>> {
    for alike in imported_alike(drafter, &files).into_iter().chain(called_alike(drafter, &files)) {
        let (mut parts, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|slices| slices.iter().any(|id| alike.contains(id)));
        files = others;
        match parts.len() > 1 && fit(drafter, &parts) {
            true => {
                let mut slices = parts.concat();
                // Where they were found says nothing of the result.
                slices.sort_by_key(|id| drafter.graph.object(*id).image.arch);
                files.push(slices);
            }
            false => files.append(&mut parts),
        }
    }
    files.sort_by_key(|slices| slices.first().copied());
    files
}

/// For each import of each file, what its slices find by that name, where that is several objects.
fn imported_alike(drafter: &Drafter<'_>, files: &[Vec<ObjectId>]) -> Vec<BTreeSet<ObjectId>> {
    let mut alike = Vec::new();
    for slices in drafter.own_files().iter().chain(files) {
        let mut found: BTreeMap<&str, BTreeSet<ObjectId>> = BTreeMap::new();
        for edge in slices.iter().flat_map(|slice| drafter.links.edges_of(*slice)) {
            if let Fate::Inside(target) = drafter.fate(edge) {
                found.entry(&drafter.graph.import(edge).name).or_default().insert(target);
            }
        }
        alike.extend(found.into_values().filter(|targets| targets.len() > 1));
    }
    alike
}

/// Files that would get one name in the folder of vendored libraries.
fn called_alike(drafter: &Drafter<'_>, files: &[Vec<ObjectId>]) -> Vec<BTreeSet<ObjectId>> {
    let mut alike: BTreeMap<String, BTreeSet<ObjectId>> = BTreeMap::new();
    for slices in files {
        let Some(&first) = slices.first() else { continue };
        let name = drafter.called(first).unwrap_or_else(|| drafter.graph.object(first).file_name().to_owned());
        alike.entry(name).or_default().extend(slices);
    }
    alike.into_values().filter(|slices| slices.len() > 1).collect()
}

/// Whether these are thin files, each for a processor that no other is for.
fn fit(drafter: &Drafter<'_>, parts: &[Vec<ObjectId>]) -> bool {
    let mut archs: BTreeSet<Arch> = BTreeSet::new();
    parts.iter().flatten().all(|id| {
        let image = &drafter.graph.object(*id).image;
        image.macho().is_some_and(|facts| facts.container == Container::Thin) && archs.insert(macos::base(image.arch))
    })
}
