//! `WheelAbi`: what the binaries of a wheel need of Python, in one value of every format.

use std::collections::BTreeSet;

use super::{BinaryKind, PythonAbi, PythonLibrary, examine};
use crate::format::{Binding, Format, Symbol};
use crate::load::{Binary, Role};

/// What one slice of one binary needs of Python.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AbiFacts {
    /// Its archive name.
    pub member: String,
    /// Its format.
    pub format: Format,
    /// Whether a loader ever sees it.
    pub role: Role,
    /// Entry points, file-name suffix, libpython, and what it is.
    pub python: PythonAbi,
    /// Python's symbols that it cannot do without and that no binary of the wheel exports, sorted.
    pub needed: Vec<String>,
    /// Python's symbols that it can do without, sorted.
    pub weak: Vec<String>,
    /// Python's libraries that it links and that are not in the wheel, as spelled.
    pub libraries: Vec<(String, PythonLibrary)>,
}

/// What the binaries of a wheel need of Python.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct WheelAbi {
    /// One item for each slice of each binary, in the order of the binaries.
    pub binaries: Vec<AbiFacts>,
    /// Archive names of compiled Python files that have no source beside them: for one version of Python alone.
    pub bytecode: Vec<String>,
    /// The wheel carries an interpreter of its own.
    pub has_interpreter: bool,
}

impl AbiFacts {
    /// Returns the last part of its archive name.
    pub fn file_name(&self) -> &str {
        self.member.rsplit('/').next().unwrap_or(&self.member)
    }

    /// Returns true if Python imports it.
    pub fn is_extension(&self) -> bool {
        self.python.kind == BinaryKind::Extension
    }

    /// Returns true if it needs nothing of Python and Python does not import it.
    pub fn is_free_of_python(&self) -> bool {
        self.is_interpreter()
            || (!self.is_extension()
                && self.python.entry_points.is_empty()
                && self.needed.is_empty()
                && self.libraries.is_empty())
    }

    /// Returns true if it is an interpreter: a program that carries one, or a libpython.
    pub fn is_interpreter(&self) -> bool {
        self.python.has_interpreter && !self.is_extension()
    }
}

impl WheelAbi {
    /// Returns the facts of these binaries.
    pub fn of(binaries: &[Binary]) -> Self {
        // What a binary of the wheel exports does not come from Python, however it is called.
        let defined: BTreeSet<&str> =
            binaries.iter().flat_map(|binary| &binary.symbols.python_exports).map(String::as_str).collect();
        let files: BTreeSet<String> = binaries.iter().map(|binary| binary.file_name().to_ascii_lowercase()).collect();
        let facts: Vec<AbiFacts> = binaries.iter().map(|binary| facts(binary, &defined, &files)).collect();
        let has_interpreter = facts.iter().any(AbiFacts::is_interpreter);
        Self { binaries: facts, bytecode: Vec::new(), has_interpreter }
    }

    /// Adds the compiled Python files among `members` that have no source beside them.
    #[must_use]
    pub fn with_members<'a>(mut self, members: impl IntoIterator<Item = &'a str>) -> Self {
        let members: BTreeSet<&str> = members.into_iter().collect();
        // A file in `__pycache__` is never imported without its source.
        let compiled = members.iter().filter(|name| name.ends_with(".pyc") && !name.contains("__pycache__/"));
        self.bytecode = compiled
            .filter(|name| name.strip_suffix('c').is_some_and(|source| !members.contains(source)))
            .map(|name| (*name).to_owned())
            .collect();
        self
    }

    /// Returns the facts as if libraries that need nothing of Python had names that every Python finds.
    #[must_use]
    pub fn with_plain_names(mut self) -> Self {
        for facts in self.binaries.iter_mut().filter(|facts| facts.is_free_of_python()) {
            facts.python.suffix = None;
        }
        self
    }

    /// Returns the binaries that a loader sees.
    pub fn loadable(&self) -> impl Iterator<Item = &AbiFacts> {
        self.binaries.iter().filter(|facts| facts.role == Role::Loadable && facts.python.kind != BinaryKind::Object)
    }
}

fn facts(binary: &Binary, defined: &BTreeSet<&str>, files: &BTreeSet<String>) -> AbiFacts {
    let image = &binary.image;
    let python = examine(image, &binary.symbols, binary.file_name());
    let in_wheel = |name: &str| {
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        files.contains(&file.to_ascii_lowercase())
    };
    let libraries = image
        .imports
        .iter()
        .filter_map(|import| Some((import.name.clone(), PythonLibrary::of(&import.name)?)))
        .filter(|(name, _)| !in_wheel(name))
        .collect();
    // Formats that say which library a symbol comes from: a library of the wheel's own is not Python's. Asked once for
    // each import, as symbols may be millions.
    let from_python: Vec<bool> = image
        .imports
        .iter()
        .map(|import| PythonLibrary::of(&import.name).is_some() || !in_wheel(&import.name))
        .collect();
    let of_python = |symbol: &&Symbol| {
        symbol.import.and_then(|at| from_python.get(usize::from(at))).is_none_or(|from_python| *from_python)
    };
    let names = |weak: bool| -> Vec<String> {
        let mut names: Vec<String> = binary
            .symbols
            .undefined
            .iter()
            .filter(|symbol| (symbol.binding == Binding::Weak) == weak)
            .filter(of_python)
            .map(|symbol| &*symbol.name)
            .filter(|name| is_python_name(name) && !defined.contains(name))
            .map(str::to_owned)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    AbiFacts {
        member: binary.member.clone(),
        format: image.format,
        role: binary.role,
        needed: names(false),
        weak: names(true),
        libraries,
        python,
    }
}

/// Whether a name is one of Python's API.
fn is_python_name(name: &str) -> bool {
    name.starts_with("Py") || name.starts_with("_Py")
}
