//! The loader, simulated: which binary loads which library from where, and what was tried.
//!
//! One breadth-first engine ([`resolve()`]) asks the platform's loader rules (data, `platform::Loader`) and looks in
//! a [`Universe`]: the wheel's binaries as they lie after install, then the sources that the caller added, in the
//! contract's order (`--lib-path`, `--sysroot`, this machine). Only `source` touches the file system.

mod each;
mod expand;
pub mod graph;
mod inspect;
mod kept;
mod list;
mod resolve;
mod search;
pub mod source;
mod start_up;
mod tree;

#[cfg(test)]
mod other_loaders;
#[cfg(test)]
mod rules;
#[cfg(test)]
pub(crate) mod synthetic;

pub use each::{resolve_each, targets};
pub use graph::{
    Attempt, Edge, Graph, Library, Object, ObjectId, Origin, Resolution, Root, RootKind, SourceKind, Via, Why,
};
pub use inspect::{
    inspect_bytes, inspect_facts, inspect_in_part, inspect_keeping, inspect_members, inspect_wheel, is_data, layout_of,
};
pub use kept::Kept;
pub use resolve::resolve;
pub use source::{
    FileBytes, Files, Folder, LibrarySource, Sysroot, System, host_sources, is_this_machine, this_machine,
};
pub use start_up::{AddedBy, AddedDirectory, added_directories};

use std::path::Path;
use std::sync::Arc;

use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic};
use crate::error::Error;
use crate::format::{Image, SymbolFacts};
use crate::platform::Platform;
use crate::wheel::install::{InstallScheme, Installed};
use source::Examined;

/// A binary of a wheel (one slice), read once; its bytes are no longer held.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Binary {
    /// Its archive name.
    pub member: String,
    /// Where it lies after install, relative to the prefix, e.g. `lib/python3/site-packages/pkg/_core.so`.
    pub installed: String,
    /// Whether a loader ever sees it.
    pub role: Role,
    /// Its facts.
    pub image: Arc<Image>,
    /// Its dynamic symbols.
    pub symbols: Arc<SymbolFacts>,
    /// Its unpacked size in bytes.
    pub size: u64,
    /// Names of DLLs in the text of a PE file that it does not import, in lower case, sorted: what it may load at run time.
    pub named: Arc<[String]>,
}

impl Binary {
    /// Returns a binary that is loaded from where it is installed.
    pub fn new(member: impl Into<String>, installed: impl Into<String>, image: Image, symbols: SymbolFacts) -> Self {
        Self {
            member: member.into(),
            installed: installed.into(),
            role: Role::Loadable,
            image: Arc::new(image),
            symbols: Arc::new(symbols),
            size: 0,
            named: Arc::default(),
        }
    }

    /// Returns the same file where another wheel installs it.
    #[must_use]
    pub fn installed_as(self, installed: &Installed) -> Self {
        Self { installed: installed.path.clone(), role: Role::of(installed.scheme), ..self }
    }

    /// Returns the last component of its archive name.
    pub fn file_name(&self) -> &str {
        self.member.rsplit('/').next().unwrap_or(&self.member)
    }
}

/// Whether a loader ever sees a binary of the wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Installed where Python, a loader or a shell finds it.
    Loadable,
    /// Under `.data/data` or `.data/headers`: examined, but nothing starts loading there.
    Data,
}

impl Role {
    /// Returns the role of what is installed by a scheme.
    pub fn of(scheme: InstallScheme) -> Self {
        match scheme {
            InstallScheme::Purelib | InstallScheme::Platlib | InstallScheme::Scripts => Self::Loadable,
            InstallScheme::Data | InstallScheme::Headers | InstallScheme::Unknown => Self::Data,
        }
    }
}

/// A member that has a binary's magic number but cannot be read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unreadable {
    /// Its archive name.
    pub member: String,
    /// Why not.
    pub error: Error,
}

impl Unreadable {
    /// Returns a member that cannot be read.
    pub fn new(member: impl Into<String>, error: Error) -> Self {
        Self { member: member.into(), error }
    }

    /// Returns the finding about it.
    #[must_use]
    pub fn finding(&self) -> Diagnostic {
        Diagnostic::new(Code::TW201, format!("cannot be read: {}", self.error.message())).member(&self.member)
    }
}

/// The binaries of a wheel.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Inventory {
    /// Those that were read, sorted by archive name.
    pub binaries: Vec<Binary>,
    /// Those that were not, sorted by archive name.
    pub unreadable: Vec<Unreadable>,
}

/// Everything in which libraries are looked for, in order.
#[derive(Default)]
pub struct Universe<'a> {
    wheel: &'a [Binary],
    providers: Vec<(String, &'a [Binary])>,
    sources: Vec<Box<dyn LibrarySource + 'a>>,
    added: Vec<AddedDirectory>,
    files: Option<&'a Files>,
}

impl<'a> Universe<'a> {
    /// Returns a universe of nothing but a wheel's binaries.
    pub fn new(wheel: &'a [Binary]) -> Self {
        Self { wheel, ..Self::default() }
    }

    /// Adds the binaries that another distribution installs into the same tree.
    #[must_use]
    pub fn with_provider(mut self, distribution: impl Into<String>, binaries: &'a [Binary]) -> Self {
        self.providers.push((distribution.into(), binaries));
        self
    }

    /// Adds a source that is asked after all those added before.
    #[must_use]
    pub fn with_source(mut self, source: impl LibrarySource + 'a) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// Adds a source as [`Universe::with_source`] does.
    #[must_use]
    pub fn with_boxed_source(mut self, source: Box<dyn LibrarySource + 'a>) -> Self {
        self.sources.push(source);
        self
    }

    /// Adds an installed directory that start-up code gives to the loader (`os.add_dll_directory`).
    #[must_use]
    pub fn with_added_directory(mut self, installed: impl Into<AddedDirectory>) -> Self {
        self.added.push(installed.into());
        self
    }

    /// Takes what is known of files outside from `files`, and leaves there what is read.
    #[must_use]
    pub fn with_files(mut self, files: &'a Files) -> Self {
        self.files = Some(files);
        self
    }

    /// Returns the wheel's binaries.
    pub fn wheel(&self) -> &'a [Binary] {
        self.wheel
    }

    /// Returns the other distributions and what they install, in the order added.
    pub fn providers(&self) -> &[(String, &'a [Binary])] {
        &self.providers
    }

    /// Returns the installed directories that start-up code gives to the loader.
    pub fn added_directories(&self) -> &[AddedDirectory] {
        &self.added
    }

    /// Returns the sources outside the wheel, in the order they are asked.
    pub fn sources(&self) -> &[Box<dyn LibrarySource + 'a>] {
        &self.sources
    }

    /// Reads the binary at a canonical path of a source, `on_disk` by the file system's own name.
    fn examine(&self, source: &dyn LibrarySource, canonical: &str, on_disk: &Path) -> Arc<Examined> {
        let read = || source.examine(canonical);
        match self.files {
            Some(files) => files.examined(on_disk, read),
            None => Arc::new(read()),
        }
    }
}

/// What loads the wheel.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Whose loader.
    pub platform: &'static dyn Platform,
    /// On which processor.
    pub arch: Arch,
}

/// What the caller knows of libraries that do not come with the wheel.
pub trait Outside {
    /// Returns true if the target's policy gives the library of this name.
    fn is_system(&self, name: &str) -> bool;

    /// Returns who has a library of this name where no source has one: the system, or the running Python.
    fn fallback(&self, name: &str) -> Option<Resolution> {
        let _ = name;
        None
    }

    /// Returns true if of several files of this name the newest counts, wherever in the same kind of source it lies.
    fn wants_newest(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Returns true if the running Python provides it: a libpython, never taken from anywhere.
    fn is_python(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Returns true if the library of this name is left to the user's machine.
    fn is_excluded(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Returns true if the file at this path, on disk or inside its sysroot, is left to the user's machine.
    fn is_excluded_path(&self, path: &str) -> bool {
        let _ = path;
        false
    }
}

impl<T: Outside + ?Sized> Outside for &T {
    fn is_system(&self, name: &str) -> bool {
        (**self).is_system(name)
    }

    fn fallback(&self, name: &str) -> Option<Resolution> {
        (**self).fallback(name)
    }

    fn wants_newest(&self, name: &str) -> bool {
        (**self).wants_newest(name)
    }

    fn is_python(&self, name: &str) -> bool {
        (**self).is_python(name)
    }

    fn is_excluded(&self, name: &str) -> bool {
        (**self).is_excluded(name)
    }

    fn is_excluded_path(&self, path: &str) -> bool {
        (**self).is_excluded_path(path)
    }
}

/// An [`Outside`] that knows nothing: every library that the wheel lacks is searched for.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingOutside;

impl Outside for NothingOutside {
    fn is_system(&self, _name: &str) -> bool {
        false
    }
}
