//! The Python side of a binary: entry points, which interpreter it is for, and whether it carries one.

mod diagnose;
mod entry;
mod suffix;

pub use diagnose::{LibpythonRule, diagnose};
pub use entry::{EntryPoint, EntryStyle};
pub use suffix::{ExtensionSuffix, LibcHint, SuffixClass};

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
/// the hash that a repair puts into it; `libpython3.12.dylib` and the binary of `Python.framework` or
/// `PythonT.framework`; `python312.dll`, `python3t.dll`, `libpypy3.10-c.dll`, whatever their case. Folders before it do
/// not count.
pub fn is_libpython(name: &str) -> bool {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    if base.len() > 4 && base.get(base.len() - 4..).is_some_and(|end| end.eq_ignore_ascii_case(".dll")) {
        return is_python_dll(&base.get(..base.len() - 4).unwrap_or_default().to_ascii_lowercase());
    }
    if let ("Python" | "PythonT", true) =
        (base, name.contains("Python.framework/") || name.contains("PythonT.framework/"))
    {
        return true;
    }
    let Some(rest) = base.strip_prefix("lib") else { return false };
    let (stem, release) = match rest.strip_suffix(".dylib") {
        Some(stem) => (stem, ""),
        None => match rest.split_once(".so") {
            Some(parts) => parts,
            None => return false,
        },
    };
    if !release.split('.').enumerate().all(|(index, part)| match index {
        0 => part.is_empty(),
        _ => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
    }) {
        return false;
    }
    let stem = without_hash(stem);
    if let Some(version) = stem.strip_prefix("python") {
        // ABI flags follow the version: `t` free-threaded, `d` debug, `m` and `u` before 3.8.
        let flags = version.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
        return version.starts_with(|character: char| character.is_ascii_digit())
            && flags.bytes().all(|byte| matches!(byte, b't' | b'd' | b'm' | b'u'));
    }
    stem.strip_prefix("pypy")
        .and_then(|rest| rest.strip_suffix("-c"))
        .is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// Whether `stem`, in lower case and without `.dll`, is that of a Python for Windows.
fn is_python_dll(stem: &str) -> bool {
    if let Some(version) = stem.strip_prefix("python") {
        let flags = version.trim_start_matches(|character: char| character.is_ascii_digit());
        return flags.len() < version.len() && matches!(flags, "" | "t" | "_d" | "t_d");
    }
    // GraalPy's, then PyPy's.
    stem == "python-native" || stem.starts_with("libpypy") && stem.ends_with("-c")
}

/// Returns `stem` without the hash that auditwheel and truewheel put at its end.
fn without_hash(stem: &str) -> &str {
    match stem.rsplit_once('-') {
        Some((rest, hash)) if hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
        _ => stem,
    }
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
