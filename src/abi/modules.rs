//! Extension modules by the name that Python imports, and which interpreter imports which file.

use std::collections::BTreeMap;

use super::{AbiFacts, ExtensionSuffix, SuffixClass, WheelAbi};
use crate::format::Format;
use crate::tag::{AbiTag, PythonTag, TagSet};

/// The interpreters that one python tag and ABI tag are for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interpreters {
    /// One minor version of CPython.
    CPython {
        version: (u16, u16),
        flags: Build,
    },
    /// CPython from this minor version on, by the stable ABI.
    Stable(u16),
    /// The same for free-threaded builds.
    StableFreeThreaded(u16),
    /// One version of PyPy or GraalPy, by the text in its suffix, e.g. `pypy311-pp73`.
    PyPy(String),
    GraalPy(String),
    /// Any: `none`.
    Any,
}

/// Which build of CPython.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Build {
    pub(super) free_threaded: bool,
    pub(super) debug: bool,
}

/// The release from which on CPython knows the suffixes `.abi3-<platform>.so`, `.abi3t.so` (PEP 803).
pub(super) const ABI3T: u16 = 15;

impl Interpreters {
    /// Returns those of a pair of tags; `None` for pairs that no installer matches, or no rule is known for.
    pub(super) fn of(python: &PythonTag, abi: &AbiTag) -> Option<Self> {
        match (python, abi) {
            (_, AbiTag::None) => Some(Interpreters::Any),
            (PythonTag::CPython { major: 3, minor: Some(minor) }, AbiTag::Abi3) => Some(Interpreters::Stable(*minor)),
            (PythonTag::CPython { major: 3, minor: Some(minor) }, AbiTag::Abi3t) => {
                Some(Interpreters::StableFreeThreaded(*minor))
            }
            (PythonTag::CPython { major, minor: Some(minor) }, AbiTag::CPython { major: other, minor: own, flags })
                if (major, minor) == (other, own) =>
            {
                let flags = Build { free_threaded: flags.free_threaded, debug: flags.debug };
                Some(Interpreters::CPython { version: (u16::from(*major), *minor), flags })
            }
            (PythonTag::PyPy { .. }, AbiTag::PyPy { .. }) => {
                Some(Interpreters::PyPy(abi.to_string().replace('_', "-")))
            }
            (PythonTag::GraalPy { .. }, AbiTag::GraalPy { .. }) => {
                Some(Interpreters::GraalPy(abi.to_string().replace('_', "-")))
            }
            _ => None,
        }
    }

    /// Returns true if all of them import a file with this suffix.
    pub(super) fn import(&self, suffix: &ExtensionSuffix) -> bool {
        let with_platform = suffix.platform.is_some();
        match (self, &suffix.class) {
            (_, SuffixClass::Plain) | (Interpreters::Any, _) => true,
            (Interpreters::CPython { version, flags }, SuffixClass::CPython { version: own, flags: letters }) => {
                version == own && flags.free_threaded == letters.contains('t') && flags.debug == letters.contains('d')
            }
            // A debug build imports what is built for the stable ABI as well.
            (Interpreters::CPython { version, flags }, SuffixClass::Abi3) => {
                !flags.free_threaded && (!with_platform || *version >= (3, ABI3T))
            }
            (Interpreters::CPython { version, .. }, SuffixClass::Abi3t) => *version >= (3, ABI3T),
            (Interpreters::Stable(minor), SuffixClass::Abi3) => !with_platform || *minor >= ABI3T,
            (Interpreters::Stable(minor) | Interpreters::StableFreeThreaded(minor), SuffixClass::Abi3t) => {
                *minor >= ABI3T
            }
            (Interpreters::PyPy(name), SuffixClass::PyPy(own))
            | (Interpreters::GraalPy(name), SuffixClass::GraalPy(own)) => name == own,
            _ => false,
        }
    }
}

/// Returns true if some of the interpreters that the tags are for import a file with this suffix.
pub fn imported_by(suffix: &ExtensionSuffix, tags: &TagSet) -> bool {
    tags.expand()
        .iter()
        .filter_map(|tag| Interpreters::of(&tag.python, &tag.abi))
        .any(|interpreters| interpreters.import(suffix))
}

/// The files that give one module, one for each interpreter that its authors thought of.
#[derive(Debug)]
pub(super) struct Module<'a> {
    pub(super) files: Vec<(&'a AbiFacts, &'a ExtensionSuffix)>,
}

impl Module<'_> {
    /// Returns true if there are files for different interpreters.
    pub(super) fn is_for_several(&self) -> bool {
        self.files.iter().any(|(_, suffix)| self.files.first().is_some_and(|(_, first)| first.class != suffix.class))
    }
}

/// Returns the modules of a wheel, by folder and name; universal files count once.
pub(super) fn modules(wheel: &WheelAbi) -> Vec<Module<'_>> {
    let mut found: BTreeMap<(&str, &str), Module<'_>> = BTreeMap::new();
    for facts in wheel.loadable().filter(|facts| facts.is_extension()) {
        let Some(suffix) = &facts.python.suffix else { continue };
        let folder = facts.member.rsplit_once('/').map_or("", |(folder, _)| folder);
        let module = found.entry((folder, &suffix.module)).or_insert_with(|| Module { files: Vec::new() });
        if module.files.iter().all(|(other, _)| other.member != facts.member) {
            module.files.push((facts, suffix));
        }
    }
    found.into_values().collect()
}

/// Returns who imports a file of this suffix, as a phrase.
pub(super) fn who_imports(suffix: &ExtensionSuffix, format: Format) -> String {
    let named = match &suffix.class {
        SuffixClass::CPython { version: (major, minor), flags } => {
            let build = match (flags.contains('t'), flags.contains('d')) {
                (true, false) => "the free-threaded build of ",
                (false, true) => "the debug build of ",
                (true, true) => "the free-threaded debug build of ",
                (false, false) => "",
            };
            format!("{build}CPython {major}.{minor} alone")
        }
        SuffixClass::Abi3 if suffix.platform.is_some() && format != Format::Pe => {
            format!("CPython from 3.{ABI3T} on")
        }
        SuffixClass::Abi3 => "CPython with the lock".to_owned(),
        SuffixClass::Abi3t => format!("CPython from 3.{ABI3T} on"),
        SuffixClass::PyPy(name) => format!("PyPy alone (`{name}`)"),
        SuffixClass::GraalPy(name) => format!("GraalPy alone (`{name}`)"),
        SuffixClass::Plain => "every interpreter".to_owned(),
    };
    format!("is a file that {named} imports")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(python: &str, abi: &str, file: &str) -> bool {
        let (python, abi) = (python.parse().unwrap(), abi.parse().unwrap());
        Interpreters::of(&python, &abi).unwrap().import(&ExtensionSuffix::of(file).unwrap())
    }

    #[test]
    fn a_version_imports_its_own_suffix_and_those_of_all() {
        assert!(imports("cp311", "cp311", "a.cpython-311-x86_64-linux-gnu.so"));
        assert!(imports("cp311", "cp311", "a.cp311-win_amd64.pyd"));
        assert!(imports("cp311", "cp311", "a.abi3.so"));
        assert!(imports("cp311", "cp311", "a.so"));
        assert!(imports("cp36", "cp36m", "a.cpython-36m-x86_64-linux-gnu.so"));
        assert!(!imports("cp312", "cp312", "a.cpython-311-x86_64-linux-gnu.so"));
        assert!(!imports("cp313", "cp313", "a.cpython-313t-x86_64-linux-gnu.so"));
        assert!(!imports("cp311", "cp311", "a.pypy311-pp73-x86_64-linux-gnu.so"));
    }

    #[test]
    fn free_threaded_builds_import_no_abi3() {
        assert!(imports("cp313", "cp313t", "a.cpython-313t-x86_64-linux-gnu.so"));
        assert!(!imports("cp313", "cp313t", "a.abi3.so"));
        assert!(!imports("cp313", "cp313t", "a.cpython-313-x86_64-linux-gnu.so"));
        assert!(imports("cp315", "cp315t", "a.abi3t.so"));
    }

    #[test]
    fn the_stable_abi_s_suffixes_came_in_two_steps() {
        assert!(imports("cp38", "abi3", "a.abi3.so"));
        assert!(imports("cp38", "abi3", "a.pyd"));
        assert!(!imports("cp314", "abi3", "a.abi3-x86_64-linux-gnu.so"));
        assert!(imports("cp315", "abi3", "a.abi3-x86_64-linux-gnu.so"));
        assert!(imports("cp315", "abi3", "a.abi3t.so"));
        assert!(!imports("cp314", "abi3", "a.abi3t.so"));
        assert!(imports("cp315", "abi3t", "a.abi3t-x86_64-linux-gnu.so"));
        assert!(!imports("cp315", "abi3t", "a.abi3.so"));
        assert!(!imports("cp312", "abi3", "a.cpython-312-x86_64-linux-gnu.so"));
    }

    #[test]
    fn other_implementations_import_their_own() {
        assert!(imports("pp311", "pypy311_pp73", "a.pypy311-pp73-x86_64-linux-gnu.so"));
        assert!(!imports("pp310", "pypy310_pp73", "a.pypy311-pp73-x86_64-linux-gnu.so"));
        assert!(!imports("pp311", "pypy311_pp73", "a.abi3.so"));
        assert!(imports("graalpy312", "graalpy250_312_native", "a.graalpy250-312-native-x86_64-linux.so"));
    }
}
