//! The tree that the wheel and its providers install: which object lies at which path.

use std::collections::HashMap;

use super::expand::normalize;
use super::graph::{Object, ObjectId};
use crate::platform::loader::NameRule;

/// Objects by the path at which they lie after install, relative to the prefix.
#[derive(Debug, Default)]
pub(super) struct Tree {
    names: Option<NameRule>,
    files: HashMap<String, Vec<ObjectId>>,
    by_name: HashMap<String, Vec<ObjectId>>,
}

impl Tree {
    /// Returns an empty tree in which paths compare by `names`.
    pub(super) fn new(names: NameRule) -> Self {
        Self { names: Some(names), ..Self::default() }
    }

    /// Adds an object. Two slices of one file have one path; of two distributions' files at one path the first counts.
    pub(super) fn insert(&mut self, id: ObjectId, object: &Object) {
        let path = self.key(&normalize(&object.location).unwrap_or_default());
        self.files.entry(path).or_default().push(id);
        if !object.is_wheel() {
            return;
        }
        let mut names = vec![object.file_name()];
        names.extend(object.image.identity.as_deref());
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.by_name.entry(self.key(name)).or_default().push(id);
        }
    }

    /// Returns the objects at a normal path (no `..`), slices of one file; empty if there is none.
    pub(super) fn at(&self, normal: &str) -> &[ObjectId] {
        self.files.get(&self.key(normal)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the wheel's objects that have this file name or call themselves so.
    pub(super) fn named(&self, name: &str) -> &[ObjectId] {
        self.by_name.get(&self.key(name)).map(Vec::as_slice).unwrap_or_default()
    }

    fn key(&self, text: &str) -> String {
        match self.names {
            Some(NameRule::IgnoreAsciiCase) => text.to_ascii_lowercase(),
            Some(NameRule::Exact) | None => text.to_owned(),
        }
    }
}
