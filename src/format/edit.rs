//! Edits declared: what to change in a binary, checked for conflicts before any layout.

use std::collections::BTreeMap;

use super::image::SearchPathKind;
use crate::error::{Error, Result};

/// How much `Strip` removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StripLevel {
    /// Debug sections.
    Debug,
    /// Debug sections and the static symbol table.
    All,
}

/// One wish. The order of a set's edits matters only where stated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Edit {
    /// Sets SONAME or install name.
    SetIdentity(String),
    /// Renames an imported library everywhere it is named; version references follow.
    ReplaceImport {
        /// The name as it is now.
        from: String,
        /// The name as it shall be.
        to: String,
    },
    /// Adds a needed library after the last one.
    AddImport(String),
    /// Removes a needed library, its version references included.
    RemoveImport(String),
    /// Sets the whole search path; empty removes it. Kind `None` keeps the kind that is there, else `Rpath`.
    SetSearchPath {
        /// The directories.
        paths: Vec<String>,
        /// Which search path.
        kind: Option<SearchPathKind>,
    },
    /// Adds a directory at the end of the search path, unless it is there.
    AddSearchPath(String),
    /// Removes a directory from the search path.
    RemoveSearchPath(String),
    /// Puts one directory in the place of another in the search path; one that is there already stays where it is.
    ReplaceSearchPath {
        /// The directory as it is now.
        from: String,
        /// The directory as it shall be.
        to: String,
    },
    /// Removes directories where they stand in the search path a second time, in each slice by itself (Mach-O).
    DropRepeatedSearchPaths,
    /// Converts the search path to this kind.
    SetSearchPathKind(SearchPathKind),
    /// Sets the program interpreter.
    SetInterpreter(String),
    /// Clears the executable-stack flag.
    ClearExecutableStack,
    /// Removes sections that no loader needs.
    Strip(StripLevel),
    /// Has the loader bind delay imports at load (PE): those of one library, or all.
    DelayToEager(Option<String>),
    /// Clears `DependentLoadFlags` (PE), so that the directories which the process allows are searched.
    ClearDependentLoadFlags,
    /// Sets the oldest system that the binary says it runs on, e.g. `11.0` (Mach-O).
    SetMinVersion(String),
    /// Signs the binary, without a certificate (Mach-O).
    Sign,
}

/// Edits of one file that do not contradict each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EditSet {
    edits: Vec<Edit>,
    /// What each edit decides, and its place: a file may have as many imports as its author likes.
    decided: BTreeMap<Decides, usize>,
}

/// What an edit decides, of which there can be one answer only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Decides {
    Identity,
    Interpreter,
    SearchPath,
    SearchPathKind,
    MinVersion,
    /// What becomes of the import of that name.
    Import(String),
    /// What becomes of that directory of the search path.
    Directory(String),
    /// Nothing that another edit could decide.
    Itself(Edit),
}

impl Decides {
    fn of(edit: &Edit) -> Self {
        match edit {
            Edit::SetIdentity(_) => Decides::Identity,
            Edit::SetInterpreter(_) => Decides::Interpreter,
            Edit::SetSearchPath { .. } => Decides::SearchPath,
            Edit::SetSearchPathKind(_) => Decides::SearchPathKind,
            Edit::SetMinVersion(_) => Decides::MinVersion,
            Edit::ReplaceImport { from: name, .. } | Edit::RemoveImport(name) => Decides::Import(name.clone()),
            Edit::ReplaceSearchPath { from: path, .. } | Edit::RemoveSearchPath(path) => {
                Decides::Directory(path.clone())
            }
            other => Decides::Itself(other.clone()),
        }
    }
}

impl EditSet {
    /// Returns the set of `edits`.
    ///
    /// # Errors
    /// `Usage` if two edits contradict each other: one import or directory renamed to two names, or renamed and
    /// removed; the identity, the interpreter or the whole search path set twice.
    pub fn new(edits: impl IntoIterator<Item = Edit>) -> Result<Self> {
        let mut set = Self::default();
        for edit in edits {
            set.push(edit)?;
        }
        Ok(set)
    }

    /// Adds one edit.
    ///
    /// # Errors
    /// As [`EditSet::new`].
    pub fn push(&mut self, edit: Edit) -> Result<()> {
        let decides = Decides::of(&edit);
        match self.decided.get(&decides).and_then(|place| self.edits.get(*place)) {
            Some(same) if *same == edit => {}
            Some(other) => return Err(Error::usage(format!("`{edit}` contradicts `{other}`"))),
            None => {
                self.decided.insert(decides, self.edits.len());
                self.edits.push(edit);
            }
        }
        Ok(())
    }

    /// Carries out every [`Edit::ReplaceSearchPath`] on the directories of a search path.
    pub(super) fn replace_directories(&self, paths: &mut Vec<Vec<u8>>) {
        for edit in &self.edits {
            let Edit::ReplaceSearchPath { from, to } = edit else { continue };
            if from != to && paths.iter().any(|path| path == to.as_bytes()) {
                paths.retain(|path| path != from.as_bytes());
            }
            let old = paths.iter_mut().filter(|path| *path == from.as_bytes());
            old.for_each(|path| *path = to.clone().into_bytes());
        }
    }

    /// Returns the edits in the order they were added.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Returns true if nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }
}

/// What an edit did, for people and for the SBOM: `soname`, `a` → `b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What was changed, in the format's own word: `soname`, `needed`, `rpath`, `install name`, …
    pub what: &'static str,
    /// Before; `None` where there was nothing.
    pub from: Option<String>,
    /// After; `None` where nothing is left.
    pub to: Option<String>,
}

/// The bytes after an [`EditSet`], and what was done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Edited {
    /// The new file; equal to the old one if nothing had to change.
    pub bytes: Vec<u8>,
    /// What changed; empty if nothing did.
    pub changes: Vec<Change>,
    /// What was lost or is worth knowing, phrases: `.dynamic` left RELRO, signature dropped, …
    pub notes: Vec<String>,
}

impl Edited {
    /// Returns the result of an edit.
    pub fn new(bytes: Vec<u8>, changes: Vec<Change>, notes: Vec<String>) -> Self {
        Self { bytes, changes, notes }
    }
}

impl std::fmt::Display for Edit {
    /// Writes the edit as the command line spells it, e.g. `set-soname libx.so.1`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Edit::SetIdentity(name) => write!(f, "set-soname {name}"),
            Edit::ReplaceImport { from, to } => write!(f, "replace-import {from}={to}"),
            Edit::AddImport(name) => write!(f, "add-import {name}"),
            Edit::RemoveImport(name) => write!(f, "remove-import {name}"),
            Edit::SetSearchPath { paths, kind } => {
                let kind = kind.map_or("rpath", SearchPathKind::name);
                write!(f, "set-{kind} {}", paths.join(":"))
            }
            Edit::AddSearchPath(path) => write!(f, "add-rpath {path}"),
            Edit::RemoveSearchPath(path) => write!(f, "remove-rpath {path}"),
            Edit::ReplaceSearchPath { from, to } => write!(f, "replace-rpath {from}={to}"),
            Edit::DropRepeatedSearchPaths => f.write_str("drop-repeated-rpaths"),
            Edit::SetSearchPathKind(kind) => write!(f, "rpath-kind {}", kind.name()),
            Edit::SetInterpreter(path) => write!(f, "set-interpreter {path}"),
            Edit::ClearExecutableStack => f.write_str("clear-exec-stack"),
            Edit::Strip(StripLevel::Debug) => f.write_str("strip=debug"),
            Edit::Strip(StripLevel::All) => f.write_str("strip=all"),
            Edit::DelayToEager(None) => f.write_str("delay-to-eager"),
            Edit::DelayToEager(Some(name)) => write!(f, "delay-to-eager={name}"),
            Edit::ClearDependentLoadFlags => f.write_str("clear-dependent-load-flags"),
            Edit::SetMinVersion(version) => write!(f, "set-min-version {version}"),
            Edit::Sign => f.write_str("sign"),
        }
    }
}
