//! Mach-O headers without room: which binaries need shorter spellings, found before anything is edited.
//!
//! In this order, each only where the one before is not enough: libraries that such a binary imports get short names;
//! it reaches them by `@rpath` and one run path; a vendored library gets a short identity. What the editor can do after
//! that (leaving out commands that no loader needs) it does itself, and refuses the rest with the bytes that are missing.

use std::collections::BTreeSet;

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
    let own: Vec<&str> = image.search_path(SearchPathKind::Rpath).collect();
    edits
        .edits()
        .iter()
        .map(|edit| match edit {
            Edit::ReplaceImport { from, to } if image.imports_name(from) => library(to) - library(from),
            Edit::SetIdentity(name) => image.identity.as_deref().map_or(0, |old| library(name) - library(old)),
            Edit::RemoveSearchPath(path) => {
                -own.iter().filter(|other| *other == path).map(|path| run_path(path)).sum::<i128>()
            }
            Edit::AddSearchPath(path) if !own.contains(&path.as_str()) => run_path(path),
            // What is removed altogether is counted there.
            Edit::DropRepeatedSearchPaths => {
                let repeats =
                    own.iter().enumerate().filter(|(at, path)| own.iter().take(*at).any(|other| other == *path));
                let stays = |path: &str| !edits.edits().contains(&Edit::RemoveSearchPath(path.to_owned()));
                -repeats.filter(|(_, path)| stays(path)).map(|(_, path)| run_path(path)).sum::<i128>()
            }
            _ => 0,
        })
        .sum()
}
