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
    /// It is a distribution's, whose packages have files in [`FOLDERS`] alone.
    is_distribution: bool,
}

impl Source {
    const fn distribution(stands_at: fn(&Anchor<'_>) -> bool, owners: fn(&Anchor<'_>, &Wanted) -> Answer) -> Self {
        Self { stands_at, owners, is_distribution: true }
    }

    const fn other(stands_at: fn(&Anchor<'_>) -> bool, owners: fn(&Anchor<'_>, &Wanted) -> Answer) -> Self {
        Self { stands_at, owners, is_distribution: false }
    }

    /// Whether the database that stands at the anchor can know the file: those of distributions list hundreds of thousands.
    fn may_own(&self, anchor: &Anchor<'_>, path: &str) -> bool {
        let below = path.strip_prefix(anchor.prefix()).unwrap_or_default();
        let first = below.trim_start_matches('/').split('/').next().unwrap_or_default();
        !self.is_distribution || first.starts_with("lib") || FOLDERS.contains(&first)
    }
}

/// Folders of a system in which its packages may have files, beside `/lib` and its like (Filesystem Hierarchy Standard 3.0,
/// chapter 3); the others are its users' and the machine's own.
const FOLDERS: [&str; 8] = ["bin", "boot", "etc", "opt", "sbin", "srv", "usr", "var"];

/// In order of authority: a system's package manager lays claim to more than a Python installer that ran below it.
const SOURCES: [Source; 12] = [
    Source::distribution(dpkg::stands_at, dpkg::owners),
    Source::distribution(rpm::stands_at, rpm::owners),
    Source::distribution(apk::stands_at, apk::owners),
    // MSYS2's packages lie below `/mingw64`, `/ucrt64` and others.
    Source::other(pacman::stands_at, pacman::owners),
    Source::other(nix::stands_at, nix::owners),
    Source::other(conda::stands_at, conda::owners),
    Source::other(homebrew::stands_at, homebrew::owners),
    Source::other(macports::stands_at, macports::owners),
    Source::other(vcpkg::stands_at, vcpkg::owners),
    Source::other(conan::stands_at, conan::owners),
    Source::other(nuget::stands_at, nuget::owners),
    Source::other(pypi::stands_at, pypi::owners),
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
            let open = open.filter(|(_, ((path, real), package))| {
                let may_own =
                    source.may_own(&anchor, path) || real.as_deref().is_some_and(|real| source.may_own(&anchor, real));
                package.is_none() && may_own
            });
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
