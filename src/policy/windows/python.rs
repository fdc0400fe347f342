//! What Pythons bring on Windows, and which Windows they need: `policies/windows/python.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::system::bare;
use crate::abi;
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::policy::document::Number;
use crate::tag::{AbiTag, PythonTag};
use crate::wheel::pythons::{Meant, Pythons};

/// `policies/windows/python.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    floors: BTreeMap<String, Number>,
    provided: Vec<Rule>,
    provided_debug: Vec<String>,
    #[serde(rename = "retrieved")]
    _retrieved: String,
    #[serde(rename = "source")]
    _source: String,
}

/// DLLs that some interpreters bring.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    arches: Vec<String>,
    from: Number,
    implementation: String,
    libraries: Vec<String>,
    #[serde(default)]
    until: Option<Number>,
}

struct Data {
    document: Document,
    /// Python version to kernel version, ascending.
    floors: BTreeMap<Number, Number>,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    // INVARIANT: the built-in file is read by a test, pattern by pattern.
    let document: Document =
        serde_json::from_str(include_str!("../../../policies/windows/python.json")).expect("windows/python.json");
    let floors = document
        .floors
        .iter()
        .map(|(python, kernel)| (Number::parse(python).expect("a version"), kernel.clone()))
        .collect();
    Data { document, floors }
});

/// What is known of the interpreters that a wheel is for: the least that any of them offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interpreters {
    /// DLLs that each of them brings, in lower case.
    pub libraries: BTreeSet<String>,
    /// DLLs that some of them bring and the oldest do not, where nothing says which one is the oldest.
    pub uncertain: BTreeSet<String>,
    /// The lowest Python version, where tags or METADATA name one.
    pub lowest: Option<(u8, u16)>,
    /// The kernel version of the oldest Windows on which the lowest one runs, not older than those that there are lists
    /// of; nothing where the Pythons are left open.
    pub floor: Option<Number>,
}

impl Interpreters {
    /// Returns what the interpreters that a wheel is for offer on a processor; where nothing is known of them, what the
    /// newest CPython does.
    pub fn of(pythons: Option<&Pythons>, arch: Arch) -> Self {
        let newest = Interpreter { implementation: "cp", version: (3, 99), debug: false };
        let meant = pythons.map(Pythons::meant).unwrap_or_default();
        let mut found: Vec<Interpreter> = meant.iter().flat_map(interpreters).collect();
        if found.is_empty() {
            return Self { libraries: provided(&newest, arch), ..Self::default() };
        }
        if arch == Arch::Aarch64 {
            // There is no older CPython for Windows on ARM64.
            found.iter_mut().for_each(|interpreter| interpreter.version = interpreter.version.max((3, 11)));
        }
        let each: Vec<BTreeSet<String>> = found.iter().map(|interpreter| provided(interpreter, arch)).collect();
        let by_some: BTreeSet<String> = each.iter().flatten().cloned().collect();
        let by_all = |name: &String| each.iter().all(|own| own.contains(name));
        let (libraries, others): (BTreeSet<String>, _) = by_some.into_iter().partition(by_all);
        let is_open = meant.iter().any(|meant| meant.is_open);
        let uncertain = if is_open { others } else { BTreeSet::new() };
        let lowest = found.iter().map(|interpreter| interpreter.version).min();
        let floor = lowest.filter(|_| !is_open).and_then(|version| {
            let version = number(version);
            let floor = DATA.floors.range(..=version).next_back().map(|(_, kernel)| kernel.clone())?;
            // There is no older Windows for ARM64, and there are no lists of what older ones than 7 have.
            Some(floor.max(Number::parse(if arch == Arch::Aarch64 { "10.0" } else { "6.1" })?))
        });
        Self { libraries, uncertain, lowest, floor }
    }

    /// Returns true if the running interpreter brings a DLL of this name, its own one included.
    pub fn provide(&self, name: &str) -> bool {
        abi::is_libpython(name) || self.libraries.contains(&bare(name))
    }

    /// Returns true if only some of the interpreters bring a DLL of this name, and nothing says whether others are meant.
    pub fn may_provide(&self, name: &str) -> bool {
        self.uncertain.contains(&bare(name))
    }
}

/// Returns the finding about a DLL that is left to those Pythons that bring it.
pub fn of_newer_pythons(name: &str) -> Diagnostic {
    Diagnostic::new(Code::TW301, format!("needs `{name}`, which not every Python that the tags allow brings"))
        .at(Severity::Warning)
        .help("say in `Requires-Python` which Pythons the wheel is for, or let `truewheel repair` vendor it: `--lib-path`")
}

/// One interpreter that a wheel is for.
struct Interpreter {
    implementation: &'static str,
    version: (u8, u16),
    debug: bool,
}

/// The interpreters that a tag stands for, as far as they are known.
fn interpreters(meant: &Meant) -> Vec<Interpreter> {
    let implementation = match meant.python {
        PythonTag::CPython { .. } => "cp",
        PythonTag::PyPy { .. } => "pp",
        PythonTag::GraalPy { .. } => "graalpy",
        // Of what every implementation brings, CPython's rules say the least.
        PythonTag::Generic { .. } => "cp",
        PythonTag::Other(_) => return Vec::new(),
    };
    let debug = matches!(meant.abi, AbiTag::CPython { flags, .. } if flags.debug);
    meant.versions.iter().map(|version| Interpreter { implementation, version: *version, debug }).collect()
}

/// The DLLs that an interpreter brings on a processor.
fn provided(interpreter: &Interpreter, arch: Arch) -> BTreeSet<String> {
    let arch = match arch {
        Arch::X86 => "x86",
        Arch::X86_64 => "x64",
        Arch::Aarch64 => "arm64",
        _ => return BTreeSet::new(),
    };
    let version = number(interpreter.version);
    let document = &DATA.document;
    let rules = document.provided.iter().filter(|rule| {
        rule.implementation == interpreter.implementation
            && rule.arches.iter().any(|other| other == arch)
            && rule.from <= version
            && rule.until.as_ref().is_none_or(|until| version <= *until)
    });
    let debug = interpreter.debug.then_some(&document.provided_debug).into_iter().flatten();
    rules.flat_map(|rule| &rule.libraries).chain(debug).cloned().collect()
}

fn number((major, minor): (u8, u16)) -> Number {
    // INVARIANT: two numbers and a dot are a number.
    Number::parse(&format!("{major}.{minor}")).expect("a number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::TagSet;
    use crate::wheel::pythons::RequiresPython;

    fn of(python: &str, abi: &str, arch: Arch) -> Interpreters {
        Interpreters::of(Some(&Pythons::new(TagSet::from_parts(python, abi, "win_amd64"), None)), arch)
    }

    fn requiring(python: &str, abi: &str, required: &str) -> Interpreters {
        let tags = TagSet::from_parts(python, abi, "win_amd64");
        Interpreters::of(Some(&Pythons::new(tags, RequiresPython::read(required))), Arch::X86_64)
    }

    #[test]
    fn requires_python_bounds_what_tags_leave_open() {
        for (python, abi, required, provides, may_provide) in [
            ("py3", "none", "", false, true),
            ("py3", "none", ">=3", false, true),
            ("py3", "none", ">=3.9", true, false),
            ("py3", "none", ">=3.8", false, false),
            ("py3", "none", "<3.9", false, false),
            ("py2.py3", "none", ">=3.10", true, false),
            ("cp38", "abi3", ">=3.10", true, false),
            ("cp38", "abi3", ">=3.8", false, false),
            ("cp38", "cp38", ">=3.10", false, false),
        ] {
            let found = requiring(python, abi, required);
            let seen = (found.provide("VCRUNTIME140_1.dll"), found.may_provide("VCRUNTIME140_1.dll"));
            assert_eq!(seen, (provides, may_provide), "{python}-{abi} {required}");
            assert!(!found.may_provide("msvcp140.dll"));
        }
        let floor = requiring("py3", "none", ">=3.9").floor.unwrap();
        assert_eq!(super::super::release_name(&floor), "Windows 8.1");
        assert_eq!(requiring("cp38", "abi3", ">=3.13").lowest, Some((3, 13)));
    }

    #[test]
    fn each_python_brings_the_runtime_that_it_was_built_with() {
        for (python, abi, arch, newer, older) in [
            ("cp39", "cp39", Arch::X86_64, true, true),
            ("cp313", "cp313t", Arch::Aarch64, true, true),
            ("cp39", "abi3", Arch::X86_64, true, true),
            ("cp38", "cp38", Arch::X86_64, false, true),
            ("cp38.cp312", "abi3", Arch::X86_64, false, true),
            ("cp312", "cp312", Arch::X86, false, true),
            ("cp34", "cp34m", Arch::X86_64, false, false),
            ("pp310", "pypy310_pp73", Arch::X86_64, false, true),
            ("graalpy312", "graalpy250_312_native", Arch::X86_64, true, true),
            ("py3", "none", Arch::X86_64, false, true),
            ("py39", "none", Arch::X86_64, true, true),
            ("cp37", "abi3", Arch::Aarch64, true, true),
        ] {
            let found = of(python, abi, arch);
            let seen = (found.provide("VCRUNTIME140_1.dll"), found.provide("vcruntime140.dll"));
            assert_eq!(seen, (newer, older), "{python}-{abi} {arch:?}");
            assert!(!found.provide("msvcp140.dll"));
        }
        assert!(of("cp27", "cp27m", Arch::X86).provide("msvcr90.dll"));
        assert!(of("cp33", "cp33m", Arch::X86).provide("msvcr100.dll"));
    }

    #[test]
    fn only_debug_builds_bring_debug_runtimes() {
        assert!(!of("cp312", "cp312", Arch::X86_64).provide("ucrtbased.dll"));
        assert!(of("cp312", "cp312d", Arch::X86_64).provide("ucrtbased.dll"));
    }

    #[test]
    fn without_tags_the_newest_cpython_counts() {
        let found = Interpreters::of(None, Arch::X86_64);
        assert!(found.provide("vcruntime140_1.dll") && found.floor.is_none() && found.lowest.is_none());
    }

    #[test]
    fn newer_pythons_need_newer_windows() {
        let floor = |python: &str, abi: &str| {
            of(python, abi, Arch::X86_64).floor.map(|kernel| super::super::release_name(&kernel)).unwrap_or_default()
        };
        assert_eq!(floor("cp38", "cp38"), "Windows 7");
        assert_eq!(floor("cp312", "cp312"), "Windows 8.1");
        assert_eq!(floor("cp314", "cp314"), "Windows 10 build 14393");
        assert_eq!(floor("cp36", "cp36m"), "Windows 7", "the oldest one of which there are lists");
        assert_eq!(floor("py3", "none"), "");
        let on_arm = of("cp311", "abi3", Arch::Aarch64).floor.unwrap();
        assert_eq!(super::super::release_name(&on_arm), "Windows 10");
    }
}
