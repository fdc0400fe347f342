//! The Python side of a binary: entry points, which interpreter it is for, and whether it carries one.

mod claims;
#[cfg(test)]
mod claims_tests;
mod dead;
mod diagnose;
mod entry;
mod facts;
mod library;
mod modules;
mod stable;
mod suffix;
mod widest;

pub use claims::claims;
pub use dead::dead_tags;
pub use diagnose::{LibpythonRule, diagnose};
pub use entry::{EntryPoint, EntryStyle};
pub use facts::{AbiFacts, WheelAbi};
pub use library::PythonLibrary;
pub use modules::imported_by;
pub use stable::{Condition, StableSymbol, stable_symbol};
pub use suffix::{ExtensionSuffix, LibcHint, SuffixClass};
pub use widest::{Widest, widest};

use crate::format::{Binding, Image, ImageKind, SymbolFacts};

/// What a binary is to Python and to the system; the `kind` of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BinaryKind {
    /// An extension module: Python imports it.
    Extension,
    /// A shared library.
    Library,
    /// A program.
    Program,
    /// Nothing that a loader loads.
    Object,
}

impl BinaryKind {
    /// Returns the name used in machine output.
    pub fn name(self) -> &'static str {
        match self {
            BinaryKind::Extension => "extension",
            BinaryKind::Library => "library",
            BinaryKind::Program => "program",
            BinaryKind::Object => "object",
        }
    }
}

/// The Python side of one binary.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PythonAbi {
    /// What it is.
    pub kind: BinaryKind,
    /// Module entry points that it exports, sorted by name.
    pub entry_points: Vec<EntryPoint>,
    /// What its file name says about the interpreters that import it; `None` where the name is no extension's.
    pub suffix: Option<ExtensionSuffix>,
    /// The import that is a libpython, e.g. `libpython3.11.so.1.0`.
    pub libpython: Option<String>,
    /// It is a libpython itself, by its file name or its own name.
    pub is_libpython: bool,
    /// It exports `Py_Initialize` or a sibling: it carries an interpreter.
    pub has_interpreter: bool,
    /// Undefined `PyUnicodeUCS2_*`: for Python 2 with narrow strings.
    pub narrow_unicode: Vec<String>,
    /// Undefined `PyFPE_*` symbols.
    pub fpe: Vec<String>,
}

/// Returns the Python side of a binary; `file_name` is the last part of its archive name.
pub fn examine(image: &Image, symbols: &SymbolFacts, file_name: &str) -> PythonAbi {
    let entry_points = entry::entry_points(symbols, file_name);
    let suffix = ExtensionSuffix::of(file_name);
    let has_interpreter = has_interpreter(symbols);
    let kind = match image.kind {
        ImageKind::Object => BinaryKind::Object,
        ImageKind::Program => BinaryKind::Program,
        ImageKind::Library if entry::is_extension(&entry_points, suffix.as_ref(), has_interpreter) => {
            BinaryKind::Extension
        }
        ImageKind::Library => BinaryKind::Library,
    };
    PythonAbi {
        kind,
        entry_points,
        suffix,
        libpython: image.imports.iter().map(|import| &import.name).find(|name| is_libpython(name)).cloned(),
        is_libpython: is_libpython(file_name) || image.identity.as_deref().is_some_and(is_libpython),
        has_interpreter,
        narrow_unicode: strongly_needed(symbols, |name| name.starts_with("PyUnicodeUCS2_")),
        fpe: strongly_needed(symbols, |name| matches!(name, "PyFPE_jbuf" | "PyFPE_dummy" | "PyFPE_counter")),
    }
}

/// Returns true if `name` is a libpython's: `libpython3.so`, `libpython3.13t.so.1.0`, `libpypy3.10-c.so`, also with
/// the hash that a repair puts into it; Windows' DLLs and macOS' frameworks too.
pub fn is_libpython(name: &str) -> bool {
    PythonLibrary::of(name).is_some()
}

/// Whether the binary exports what starts an interpreter.
fn has_interpreter(symbols: &SymbolFacts) -> bool {
    symbols.python_exports.iter().any(|name| {
        matches!(
            name.as_str(),
            "Py_Initialize" | "Py_InitializeEx" | "Py_InitializeFromConfig" | "Py_InitializeFromInitConfig"
        )
    })
}

/// The names of undefined symbols that must resolve and that `wanted` picks, in file order.
fn strongly_needed(symbols: &SymbolFacts, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    symbols
        .undefined
        .iter()
        .filter(|symbol| symbol.binding != Binding::Weak && wanted(&symbol.name))
        .map(|symbol| symbol.name.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_libpython_is_known() {
        for name in [
            "libpython3.so",
            "libpython3.13t.so.1.0",
            "libpython3.11.so.1.0",
            "libpython2.7.so.1.0",
            "libpython3.6m.so.1.0",
            "libpython3.12d.so",
            "libpython3.11-0a1b2c3d.so.1.0",
            "libpypy3-c.so",
            "libpypy3.10-c.so",
            "libpypy-c.so",
            "/usr/local/lib/libpython3.12.dylib",
            "@rpath/libpypy3.10-c.dylib",
            "/Library/Frameworks/Python.framework/Versions/3.12/Python",
            "@rpath/PythonT.framework/Versions/3.14/PythonT",
            "python312.dll",
            "PYTHON3.dll",
            "python313t_d.dll",
            "libpypy3.10-c.dll",
        ] {
            assert!(is_libpython(name), "{name}");
        }
    }

    #[test]
    fn other_libraries_are_no_libpython() {
        for name in [
            "libpython.so",
            "libpythonic.so.1",
            "libpython3.11-extras.so",
            "libboost_python311.so.1.74.0",
            "libpython3.11.a",
            "libpython3.11.so.conf",
            "libpypysomething.so",
            "python3.11.so",
            "Python",
            "/opt/Python/lib",
            "pythoncom312.dll",
            "pythonnet.dll",
            "python.dll",
            "",
        ] {
            assert!(!is_libpython(name), "{name}");
        }
    }
}
