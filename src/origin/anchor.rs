//! `Anchor`: a directory that a database describes, and the files asked for as they are spelled below it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{FileBytes, Note, Package, RootFs};
use crate::error::Result;

/// The largest database that is looked at; the largest seen in the field are about a third of it.
pub(super) const DATABASE_LIMIT: u64 = 512 << 20;
/// The largest file of a database that keeps one for each package (a `.list`, a RECORD, a `conda-meta` file); the
/// largest seen have some megabytes.
pub(super) const TEXT_LIMIT: u64 = 16 << 20;
/// More packages than any one installation has; what is beyond is not read.
pub(super) const MAX_PACKAGES: usize = 200_000;

/// Notes that one database may give.
const MAX_NOTES: usize = 20;

/// Directories that are links into `/usr` on merged systems, and may be spelled either way in a database.
const MERGED: [&str; 7] = ["lib", "lib32", "lib64", "libx32", "libo32", "bin", "sbin"];

/// A directory of a root; paths are relative to it and begin with `/`.
pub(super) struct Anchor<'a> {
    root: &'a dyn RootFs,
    /// Path of the directory without a final `/`; empty for the root itself.
    prefix: String,
}

impl<'a> Anchor<'a> {
    pub(super) fn new(root: &'a dyn RootFs, prefix: &str) -> Self {
        Self { root, prefix: prefix.trim_end_matches('/').to_owned() }
    }

    /// The path of the directory in its root, without a final `/`.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The path in the root of a path below the directory.
    pub(super) fn path(&self, below: &str) -> String {
        format!("{}{below}", self.prefix)
    }

    pub(super) fn read(&self, below: &str, limit: u64) -> Result<Option<FileBytes>> {
        self.root.read(&self.path(below), limit)
    }

    pub(super) fn exists(&self, below: &str) -> bool {
        self.root.exists(&self.path(below))
    }

    pub(super) fn list(&self, below: &str) -> Vec<String> {
        let path = self.path(below);
        self.root.list(if path.is_empty() { "/" } else { &path })
    }

    /// Returns the text of a small file, bytes that are not UTF-8 replaced; `None` if absent or unreadable.
    pub(super) fn text(&self, below: &str) -> Option<String> {
        let bytes = self.read(below, TEXT_LIMIT).ok()??;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns a note about the database at `below`.
    pub(super) fn note(&self, below: &str, message: impl std::fmt::Display) -> Note {
        Note { database: self.path(below), message: message.to_string() }
    }
}

/// One file asked for, found under one of its spellings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// Index of the file.
    pub(super) index: usize,
    /// How near the spelling is to the bytes: 0 the canonical path, 1 the same with `/usr` merged or not, 2 and 3
    /// the path as asked, where that is a link.
    pub(super) rank: u8,
}

/// What one database said: an owner for each file, the one under the best spelling, then the first by name.
#[derive(Default)]
pub(super) struct Answer {
    owners: BTreeMap<usize, (u8, Package)>,
    notes: Vec<Note>,
}

impl Answer {
    /// Notes the claim of a package on a file; `package` is asked only if the claim is better than those before.
    pub(super) fn claim(&mut self, hit: Hit, package: impl FnOnce() -> Package) {
        if self.owners.get(&hit.index).is_some_and(|(rank, _)| *rank < hit.rank) {
            return;
        }
        let package = package();
        if let Some((rank, other)) = self.owners.get(&hit.index)
            && (rank, &other.name, &other.arch) <= (&hit.rank, &package.name, &package.arch)
        {
            return;
        }
        self.owners.insert(hit.index, (hit.rank, package));
    }

    /// Returns true if some file has an owner.
    pub(super) fn has_owners(&self) -> bool {
        !self.owners.is_empty()
    }

    /// Completes the packages that own something, once all claims are in.
    pub(super) fn describe(&mut self, each: impl FnMut(&mut Package)) {
        self.owners.values_mut().map(|(_, package)| package).for_each(each);
    }

    /// Notes that something could not be read; what is beyond the limit would be more of the same.
    pub(super) fn note(&mut self, note: Note) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }

    /// Returns the bytes of a file; `None` if it is absent, or unreadable, which is noted.
    pub(super) fn read(&mut self, anchor: &Anchor<'_>, below: &str, limit: u64) -> Option<FileBytes> {
        match anchor.read(below, limit) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.note(anchor.note(below, error.message()));
                None
            }
        }
    }

    /// Returns the owners by file, and the notes.
    pub(super) fn into_parts(self) -> (impl Iterator<Item = (usize, Package)>, Vec<Note>) {
        (self.owners.into_iter().map(|(index, (_, package))| (index, package)), self.notes)
    }
}

/// Files that one package lists, each once, with the spelling it was listed under.
#[derive(Default)]
pub(super) struct Files(Vec<(Hit, String)>);

impl Files {
    /// Takes up what `spelling` names.
    pub(super) fn add(&mut self, wanted: &Wanted, spelling: &str) {
        for hit in wanted.find(spelling) {
            if self.0.iter().all(|(other, _)| other != hit) {
                self.0.push((*hit, spelling.to_owned()));
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Claims all of them for one package.
    pub(super) fn claim(&self, answer: &mut Answer, package: &Package) {
        for (hit, file) in &self.0 {
            answer.claim(*hit, || Package { file: file.clone(), ..package.clone() });
        }
    }
}

/// The files asked for, by every spelling that a database below one anchor may use.
#[derive(Default)]
pub(super) struct Wanted {
    spellings: HashMap<String, Vec<Hit>>,
    /// Last components of the spellings, and what is before them.
    names: HashSet<String>,
    folders: HashSet<String>,
}

impl Wanted {
    /// Collects the spellings below `anchor` of `files`: (index, path as asked, canonical path).
    pub(super) fn new<'f>(anchor: &Anchor<'_>, files: impl Iterator<Item = (usize, &'f str, Option<&'f str>)>) -> Self {
        let mut wanted = Self::default();
        for (index, asked, canonical) in files {
            // A development package owns the link, the library's package the bytes: the canonical path ranks first.
            for (rank, path) in [(0, canonical), (2, Some(asked))] {
                let Some(below) = path.and_then(|path| path.strip_prefix(anchor.prefix())) else { continue };
                if !below.starts_with('/') {
                    continue;
                }
                wanted.add(below, Hit { index, rank });
                if let Some(other) = other_spelling(below)
                    && canonical.is_some()
                    && anchor.root.canonicalize(&anchor.path(&other)).as_deref() == canonical
                {
                    wanted.add(&other, Hit { index, rank: rank + 1 });
                }
            }
        }
        wanted
    }

    fn add(&mut self, spelling: &str, hit: Hit) {
        let hits = self.spellings.entry(spelling.to_owned()).or_default();
        if hits.iter().all(|other| other.index != hit.index) {
            hits.push(hit);
        }
        let (folder, name) = spelling.rsplit_once('/').unwrap_or_default();
        self.names.insert(name.to_owned());
        self.folders.insert(folder.to_owned());
    }

    /// Returns the files that `spelling` names; it begins with `/`.
    pub(super) fn find(&self, spelling: &str) -> &[Hit] {
        self.spellings.get(spelling).map_or(&[], Vec::as_slice)
    }

    /// Returns true if some file has this last component; a cheap test before a path is put together.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns true if some file is in this directory (`/usr/lib`); what is put together is then no longer than what
    /// was asked for, however long a hostile database's directories are.
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        self.folders.contains(folder)
    }

    /// Returns true if no file is below the anchor.
    pub(super) fn is_empty(&self) -> bool {
        self.spellings.is_empty()
    }

    /// Returns every spelling, in no order.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.spellings.keys().map(String::as_str)
    }

    /// Returns every spelling with its files, sorted.
    pub(super) fn spellings(&self) -> Vec<(&str, &[Hit])> {
        let mut all: Vec<_> = self.spellings.iter().map(|(spelling, hits)| (&**spelling, &**hits)).collect();
        all.sort_unstable();
        all
    }
}

/// Lengths of the paths that are looked for: nearly all others differ in that already.
pub(super) struct Lengths(Vec<bool>);

impl Lengths {
    pub(super) fn has(&self, length: usize) -> bool {
        self.0.get(length).copied().unwrap_or(false)
    }
}

impl FromIterator<usize> for Lengths {
    fn from_iter<I: IntoIterator<Item = usize>>(lengths: I) -> Self {
        let mut table = Vec::new();
        for length in lengths {
            if table.len() <= length {
                table.resize(length.saturating_add(1), false);
            }
            if let Some(has) = table.get_mut(length) {
                *has = true;
            }
        }
        Self(table)
    }
}

/// Returns `/usr/lib/x` for `/lib/x` and the reverse, where the directory is one that merged systems link.
fn other_spelling(path: &str) -> Option<String> {
    let first = |rest: &str| MERGED.contains(&rest.split('/').next().unwrap_or_default());
    match path.strip_prefix("/usr/") {
        Some(rest) => first(rest).then(|| format!("/{rest}")),
        None => path.strip_prefix('/').filter(|rest| first(rest)).map(|rest| format!("/usr/{rest}")),
    }
}
