//! Mach-O headers without room: which binaries need shorter spellings, found before anything is edited.
//!
//! In this order, each only where the one before is not enough: libraries that such a binary imports get short names;
//! it reaches them by `@rpath` and one run path; a vendored library gets a short identity. What the editor can do after
//! that (leaving out commands that no loader needs) it does itself, and refuses the rest with the bytes that are missing.

use std::collections::{BTreeMap, BTreeSet};

use crate::arch::Arch;
use crate::format::{Edit, EditSet, Image, SearchPathKind};
use crate::load::ObjectId;

/// What is spelled shorter, by the first slice of each file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Crowded {
    /// Vendored libraries that are called by a hash alone.
    pub short_names: BTreeSet<ObjectId>,
    /// Binaries that reach vendored libraries by `@rpath`.
    pub by_run_path: BTreeSet<ObjectId>,
    /// Vendored libraries whose identity leaves out the folder.
    pub short_identities: BTreeSet<ObjectId>,
}

/// Returns true if the load commands do not fit into the slice's header after these edits.
pub(super) fn is_crowded(image: &Image, edits: &EditSet) -> bool {
    let Some(facts) = image.macho() else { return false };
    let is_unsigned = facts.signature.is_none();
    // Code for arm64 gets a signature with every edit, and its command with it.
    let signature = if is_unsigned && image.arch == Arch::Aarch64 { SIGNATURE } else { 0 };
    growth(image, edits) + signature > i128::from(facts.room.free())
}

/// `linkedit_data_command`.
const SIGNATURE: i128 = 16;

/// Bytes by which the edits make the load commands longer.
fn growth(image: &Image, edits: &EditSet) -> i128 {
    let unit = if image.arch.pointer_bits() == 32 { 4 } else { 8 };
    let command = |fixed: usize, name: &str| (fixed + name.len() + 1).next_multiple_of(unit) as i128;
    let library = |name: &str| command(24, name);
    let run_path = |path: &str| command(12, path);
    // A header may hold as many as there are edits: each is looked up, not looked for.
    let mut own: BTreeMap<&str, i128> = BTreeMap::new();
    for path in image.search_path(SearchPathKind::Rpath) {
        *own.entry(path).or_default() += 1;
    }
    let imports: BTreeSet<&str> = image.imports.iter().map(|import| import.name.as_str()).collect();
    let removed: BTreeSet<&str> = edits
        .edits()
        .iter()
        .filter_map(|edit| match edit {
            Edit::RemoveSearchPath(path) => Some(path.as_str()),
            _ => None,
        })
        .collect();
    edits
        .edits()
        .iter()
        .map(|edit| match edit {
            Edit::ReplaceImport { from, to } if imports.contains(from.as_str()) => library(to) - library(from),
            Edit::SetIdentity(name) => image.identity.as_deref().map_or(0, |old| library(name) - library(old)),
            Edit::RemoveSearchPath(path) => -own.get(path.as_str()).map_or(0, |count| count * run_path(path)),
            Edit::AddSearchPath(path) if !own.contains_key(path.as_str()) => run_path(path),
            // What is removed altogether is counted there.
            Edit::DropRepeatedSearchPaths => {
                let stay = own.iter().filter(|(path, _)| !removed.contains(*path));
                -stay.map(|(path, count)| (count - 1) * run_path(path)).sum::<i128>()
            }
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::synthetic::facts;

    fn remove(path: &str) -> Edit {
        Edit::RemoveSearchPath(path.to_owned())
    }

    #[test]
    fn commands_are_counted_as_often_as_they_are_there() {
        let (image, _) = facts("needs:/lib/a.dylib rpath:/one:/two:/one:/three:/three");
        let growth = |edits: Vec<Edit>| growth(&image, &EditSet::new(edits).unwrap());
        // A path of four letters is a command of 24 bytes, one of six as well.
        assert_eq!(growth(vec![remove("/one")]), -48);
        assert_eq!(growth(vec![remove("/none")]), 0);
        assert_eq!(growth(vec![Edit::DropRepeatedSearchPaths]), -48);
        assert_eq!(growth(vec![remove("/three"), Edit::DropRepeatedSearchPaths]), -72);
        assert_eq!(growth(vec![Edit::AddSearchPath("/two".into()), Edit::AddSearchPath("/four".into())]), 24);
        let rename = |from: &str| Edit::ReplaceImport { from: from.into(), to: "@loader_path/b.dylib".into() };
        assert_eq!((growth(vec![rename("/lib/a.dylib")]), growth(vec![rename("/lib/b.dylib")])), (8, 0));
    }

    #[test]
    fn what_a_file_has_many_of_is_not_compared_with_all_the_others() {
        // Each with each would be forty thousand million comparisons, and no end of this test.
        let paths: Vec<String> = (0..200_000).map(|index| format!("/{index}")).collect();
        let (image, _) = facts(&format!("rpath:{}", paths.join(":")));
        let edits = EditSet::new(paths.iter().map(|path| remove(path)).chain([Edit::DropRepeatedSearchPaths])).unwrap();
        let all: i128 = paths.iter().map(|path| (12 + path.len() as i128 + 1 + 7) / 8 * 8).sum();
        assert_eq!(growth(&image, &edits), -all);
    }
}
