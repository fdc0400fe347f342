//! Asks every database that stands above a file, most authoritative first.

use std::collections::BTreeMap;

use super::anchor::{Anchor, Answer, Wanted};
use super::{Note, Package, RootFs};
use super::{apk, conan, conda, dpkg, homebrew, macports, nix, nuget, pacman, pypi, rpm, vcpkg};

/// Directories above a file that are asked for a database; deeper trees do not exist in practice.
const MAX_ANCESTORS: usize = 64;

/// What the databases said.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// One answer for each path asked, in that order; `None` where no database knows the file.
    pub packages: Vec<Option<Package>>,
    /// Databases that could not be read, sorted.
    pub notes: Vec<Note>,
}

/// One kind of database: where it stands, and how it is asked.
struct Source {
    /// Whether the database describes this directory.
    stands_at: fn(&Anchor<'_>) -> bool,
    /// Which of the files it owns.
    owners: fn(&Anchor<'_>, &Wanted) -> Answer,
}

/// In order of authority: a system's package manager lays claim to more than a Python installer that ran below it.
const SOURCES: [Source; 12] = [
    Source { stands_at: dpkg::stands_at, owners: dpkg::owners },
    Source { stands_at: rpm::stands_at, owners: rpm::owners },
    Source { stands_at: apk::stands_at, owners: apk::owners },
    Source { stands_at: pacman::stands_at, owners: pacman::owners },
    Source { stands_at: nix::stands_at, owners: nix::owners },
    Source { stands_at: conda::stands_at, owners: conda::owners },
    Source { stands_at: homebrew::stands_at, owners: homebrew::owners },
    Source { stands_at: macports::stands_at, owners: macports::owners },
    Source { stands_at: vcpkg::stands_at, owners: vcpkg::owners },
    Source { stands_at: conan::stands_at, owners: conan::owners },
    Source { stands_at: nuget::stands_at, owners: nuget::owners },
    Source { stands_at: pypi::stands_at, owners: pypi::owners },
];

/// Returns the package that the file at `path` belongs to, and the databases that could not be read.
pub fn lookup(root: &dyn RootFs, path: &str) -> (Option<Package>, Vec<Note>) {
    let mut found = lookup_all(root, &[path]);
    (found.packages.pop().flatten(), found.notes)
}

/// Returns the packages that many files belong to; each database is read once.
pub fn lookup_all(root: &dyn RootFs, paths: &[&str]) -> Found {
    let canonical: Vec<Option<String>> = paths.iter().map(|path| root.canonicalize(path)).collect();
    let mut found = Found { packages: vec![None; paths.len()], notes: Vec::new() };
    // Which sources stand at which directory; each directory is looked at once.
    let mut standing: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for path in paths.iter().copied().chain(canonical.iter().flatten().map(String::as_str)) {
        for directory in ancestors(path) {
            standing.entry(directory.to_owned()).or_insert_with(|| {
                let anchor = Anchor::new(root, directory);
                SOURCES.iter().map(|source| (source.stands_at)(&anchor)).collect()
            });
        }
    }
    for (number, source) in SOURCES.iter().enumerate() {
        let mut anchors: Vec<&str> = standing
            .iter()
            .filter(|(_, stands)| stands.get(number) == Some(&true))
            .map(|(directory, _)| &**directory)
            .collect();
        // The nearest database first: a root inside a root knows its files better.
        anchors.sort_by_key(|directory| std::cmp::Reverse(directory.len()));
        for directory in anchors {
            let anchor = Anchor::new(root, directory);
            let open = paths.iter().zip(&canonical).zip(&found.packages).enumerate();
            let open = open.filter(|(_, (_, package))| package.is_none());
            let wanted = Wanted::new(&anchor, open.map(|(index, ((path, real), _))| (index, *path, real.as_deref())));
            if wanted.is_empty() {
                continue;
            }
            let (owners, notes) = (source.owners)(&anchor, &wanted).into_parts();
            found.notes.extend(notes);
            for (index, package) in owners {
                if let Some(place) = found.packages.get_mut(index) {
                    *place = Some(package);
                }
            }
        }
    }
    found.notes.sort();
    found.notes.dedup();
    found
}

/// Returns the directories above `path`, nearest first; the root is the empty string.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| path.get(..at).unwrap_or_default()).rev().take(MAX_ANCESTORS)
}
