//! Module entry points: the exported functions by which an interpreter makes a module of a binary.

use super::ExtensionSuffix;
use crate::format::SymbolFacts;

/// Which protocol an entry point follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EntryStyle {
    /// `PyInit_<module>`, and `PyInitU_<module>` for names beyond ASCII (PEP 3121, PEP 489).
    Init,
    /// `PyModExport_<module>` and `PyModExportU_<module>` (PEP 793).
    Export,
    /// `init<module>`, of Python 2.
    Python2,
    /// `_cffi_pypyinit_<module>`, which cffi gives PyPy.
    PyPyCffi,
}

/// One module entry point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryPoint {
    /// Which protocol.
    pub style: EntryStyle,
    /// The module's last name part; in the encoded form of PEP 489 where `encoded`.
    pub module: String,
    /// The name is beyond ASCII and spelled in PEP 489's punycode (`PyInitU_`, `PyModExportU_`).
    pub encoded: bool,
}

impl EntryPoint {
    /// Returns the exported function's name, e.g. `PyInit__core`.
    pub fn symbol(&self) -> String {
        let known = PREFIXES.iter().find(|(_, style, encoded)| *style == self.style && *encoded == self.encoded);
        format!("{}{}", known.map_or("init", |(prefix, _, _)| prefix), self.module)
    }
}

/// Prefixes of Python 3's and PyPy's entry points.
const PREFIXES: [(&str, EntryStyle, bool); 5] = [
    ("PyInit_", EntryStyle::Init, false),
    ("PyInitU_", EntryStyle::Init, true),
    ("PyModExport_", EntryStyle::Export, false),
    ("PyModExportU_", EntryStyle::Export, true),
    ("_cffi_pypyinit_", EntryStyle::PyPyCffi, false),
];

/// Returns the entry points that a binary exports, sorted.
///
/// Many C libraries export an `init…`: it counts only if it fits the file's stem and the binary uses Python.
pub(super) fn entry_points(symbols: &SymbolFacts, file_name: &str) -> Vec<EntryPoint> {
    let stem = stem(file_name);
    let mut found = Vec::new();
    for name in &symbols.python_exports {
        if let Some((module, style, encoded)) =
            PREFIXES.iter().find_map(|(prefix, style, encoded)| Some((name.strip_prefix(prefix)?, *style, *encoded)))
        {
            if !module.is_empty() {
                found.push(EntryPoint { style, module: module.to_owned(), encoded });
            }
        } else if name.strip_prefix("init").is_some_and(|module| module == stem) && uses_python(symbols) {
            found.push(EntryPoint { style: EntryStyle::Python2, module: stem.to_owned(), encoded: false });
        }
    }
    found.sort();
    found
}

/// Whether Python imports a shared library with these entry points.
///
/// A libpython exports the entry points of its built-in modules: what carries an interpreter is an extension only if its
/// name says so.
pub(super) fn is_extension(entries: &[EntryPoint], suffix: Option<&ExtensionSuffix>, has_interpreter: bool) -> bool {
    if entries.is_empty() {
        return false;
    }
    match suffix {
        None => !has_interpreter,
        Some(ExtensionSuffix { module, .. }) => {
            !has_interpreter
                || suffix.is_some_and(ExtensionSuffix::names_an_interpreter)
                || entries.iter().any(|entry| entry.encoded || entry.module == *module)
        }
    }
}

/// Whether anything of Python's API is undefined.
fn uses_python(symbols: &SymbolFacts) -> bool {
    symbols.undefined.iter().any(|symbol| symbol.name.starts_with("Py") || symbol.name.starts_with("_Py"))
}

/// The file's name up to the first dot.
fn stem(file_name: &str) -> &str {
    file_name.split('.').next().unwrap_or(file_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Binding, Symbol, SymbolKind};

    fn symbols(exports: &[&str], undefined: &[&str]) -> SymbolFacts {
        SymbolFacts {
            python_exports: exports.iter().map(|name| (*name).to_owned()).collect(),
            undefined: undefined
                .iter()
                .map(|name| Symbol {
                    name: (*name).into(),
                    version: None,
                    import: None,
                    binding: Binding::Global,
                    kind: SymbolKind::Unknown,
                })
                .collect(),
            ..SymbolFacts::default()
        }
    }

    fn is_extension_file(exports: &[&str], undefined: &[&str], file_name: &str) -> bool {
        let symbols = symbols(exports, undefined);
        let interpreter = exports.contains(&"Py_Initialize");
        let suffix = ExtensionSuffix::of(file_name);
        is_extension(&entry_points(&symbols, file_name), suffix.as_ref(), interpreter)
    }

    #[test]
    fn each_protocol_makes_an_extension() {
        assert!(is_extension_file(&["PyInit_a"], &[], "a.so"));
        assert!(is_extension_file(&["PyInitU_mdulo_0bb"], &[], "módulo.so"));
        assert!(is_extension_file(&["PyModExport_a"], &[], "a.abi3t.so"));
        assert!(is_extension_file(&["PyModExportU_mdulo_0bb"], &[], "módulo.so"));
        assert!(is_extension_file(&["_cffi_pypyinit_a"], &[], "a.pypy311-pp73-x86_64-linux-gnu.so"));
        assert!(is_extension_file(&["inita"], &["Py_InitModule4_64"], "a.so"));
    }

    #[test]
    fn an_init_function_of_a_c_library_makes_none() {
        assert!(!is_extension_file(&["initialise"], &["Py_None"], "a.so"));
        assert!(!is_extension_file(&["inita"], &[], "a.so"));
        assert!(!is_extension_file(&["PyInit_"], &[], "a.so"));
        assert!(!is_extension_file(&["PyObject_Call"], &[], "a.cpython-311-x86_64-linux-gnu.so"));
    }

    #[test]
    fn a_libpython_with_built_in_modules_is_a_library() {
        let exports = ["PyInit_gc", "PyInit__ast", "Py_Initialize"];
        assert!(!is_extension_file(&exports, &[], "libpython3.11.so.1.0"));
        assert!(!is_extension_file(&exports, &[], "libpython3.so"));
    }

    #[test]
    fn an_extension_that_carries_an_interpreter_stays_one() {
        let exports = ["PyInit_fat", "PyInit_gc", "Py_Initialize"];
        assert!(is_extension_file(&exports, &[], "fat.so"));
        assert!(is_extension_file(&exports, &[], "renamed.cpython-311-x86_64-linux-gnu.so"));
    }
}
