//! `Anchor`: a directory that a database describes, and the files asked for as they are spelled below it.

use std::collections::{HashMap, HashSet};

use super::{FileBytes, Note, Package, RootFs};
use crate::error::Result;

/// The largest database that is looked at; the largest seen in the field are about a third of it.
pub(super) const DATABASE_LIMIT: u64 = 512 << 20;
/// The largest text file of a database that keeps one for each package (a `.list`, a RECORD, a `conda-meta` file).
pub(super) const TEXT_LIMIT: u64 = 64 << 20;
/// More packages than any one installation has; what is beyond is not read.
pub(super) const MAX_PACKAGES: usize = 200_000;

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

/// What one database said.
#[derive(Default)]
pub(super) struct Answer {
    /// Files asked for, each with an owner; one file may have several.
    pub(super) owners: Vec<(Hit, Package)>,
    /// What could not be read.
    pub(super) notes: Vec<Note>,
}

/// The files asked for, by every spelling that a database below one anchor may use.
#[derive(Default)]
pub(super) struct Wanted {
    spellings: HashMap<String, Vec<Hit>>,
    /// Last components of the spellings.
    names: HashSet<String>,
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
        self.names.insert(last_component(spelling).to_owned());
    }

    /// Returns the files that `spelling` names; it begins with `/`.
    pub(super) fn find(&self, spelling: &str) -> &[Hit] {
        self.spellings.get(spelling).map_or(&[], Vec::as_slice)
    }

    /// Returns true if some file has this last component; a cheap test before a path is put together.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns true if no file is below the anchor.
    pub(super) fn is_empty(&self) -> bool {
        self.spellings.is_empty()
    }

    /// Returns every spelling with its files, sorted.
    pub(super) fn spellings(&self) -> Vec<(&str, &[Hit])> {
        let mut all: Vec<_> = self.spellings.iter().map(|(spelling, hits)| (&**spelling, &**hits)).collect();
        all.sort_unstable();
        all
    }
}

/// Returns what follows the last `/`.
pub(super) fn last_component(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns `/usr/lib/x` for `/lib/x` and the reverse, where the directory is one that merged systems link.
fn other_spelling(path: &str) -> Option<String> {
    let first = |rest: &str| MERGED.contains(&rest.split('/').next().unwrap_or_default());
    match path.strip_prefix("/usr/") {
        Some(rest) => first(rest).then(|| format!("/{rest}")),
        None => path.strip_prefix('/').filter(|rest| first(rest)).map(|rest| format!("/usr/{rest}")),
    }
}
