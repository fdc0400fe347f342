//! Claimed python and ABI tags held against what the binaries need: TW505 to TW512.

use std::collections::BTreeSet;

use super::modules::{ABI3T, Build, Interpreters, Module, modules, who_imports};
use super::{AbiFacts, EntryStyle, PythonLibrary, WheelAbi, stable_symbol};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::tag::{Liveness, TagSet};

/// Symbols that are named in a message; how many more there are is said.
const SHOWN: usize = 3;

/// Returns what is untrue, and what is doubtful, in the python and ABI tags of a wheel.
///
/// Symbols can show that a claim of `none` or `abi3` is false; that it is true they show only as far as functions and
/// variables go. How an extension uses the layout of Python's structures stands in no symbol (TW511 is the one sign).
pub fn claims(tags: &TagSet, wheel: &WheelAbi) -> Vec<Diagnostic> {
    let case = Case { wheel, modules: modules(wheel) };
    let claims = claimed(tags);
    let mut found = Vec::new();
    for claim in &claims {
        found.extend(match &claim.interpreters {
            Interpreters::Any => case.none(),
            Interpreters::Stable(minor) => case.stable(claim, *minor),
            Interpreters::StableFreeThreaded(minor) => case.stable_free_threaded(claim, *minor),
            Interpreters::CPython { .. } | Interpreters::PyPy(_) | Interpreters::GraalPy(_) => case.version(claim),
        });
    }
    found.extend(case.left_over(&claims));
    let mut seen = BTreeSet::new();
    found.retain(|finding| seen.insert((finding.code, finding.member.clone(), finding.message.clone())));
    found
}

/// One pair of tags that installers match, and whom it is for.
struct Claim {
    /// `cp39-abi3`.
    text: String,
    interpreters: Interpreters,
}

/// The different claims of a wheel; of stable ABIs the lowest version alone, for it covers the others.
fn claimed(tags: &TagSet) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    let first_platform = tags.platforms().first();
    for tag in tags.expand().into_iter().filter(|tag| Some(&tag.platform) == first_platform) {
        if matches!(tag.liveness(), Liveness::Dead(_)) {
            continue;
        }
        let Some(interpreters) = Interpreters::of(&tag.python, &tag.abi) else { continue };
        let same = claims.iter().position(|other| match (&other.interpreters, &interpreters) {
            (Interpreters::Stable(_), Interpreters::Stable(_))
            | (Interpreters::StableFreeThreaded(_), Interpreters::StableFreeThreaded(_)) => true,
            (one, other) => one == other,
        });
        let claim = Claim { text: format!("{}-{}", tag.python, tag.abi), interpreters };
        match same.and_then(|at| claims.get_mut(at)) {
            Some(other) if claim.interpreters < other.interpreters => *other = claim,
            Some(_) => {}
            None => claims.push(claim),
        }
    }
    claims
}

/// A wheel while it is judged.
struct Case<'a> {
    wheel: &'a WheelAbi,
    modules: Vec<Module<'a>>,
}

impl<'a> Case<'a> {
    /// `none`: nothing of Python's is needed, and Python imports nothing.
    fn none(&self) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> = Vec::new();
        // An interpreter that the wheel brings has modules of its own.
        let lowered = |severity: Severity| if self.wheel.has_interpreter { Severity::Warning } else { severity };
        for facts in self.wheel.loadable().filter(|facts| !facts.is_interpreter()) {
            let several = self.is_one_of_several(facts);
            let severity = lowered(if several { Severity::Warning } else { Severity::Error });
            let say = |message: String| Diagnostic::new(Code::TW508, message).member(&facts.member).at(severity);
            if let Some(entry) = facts.python.entry_points.first().filter(|_| facts.is_extension()) {
                let name = entry.symbol();
                let message = format!(
                    "is an extension module (it exports `{name}`), and the ABI tag `none` says that there is none"
                );
                found.push(say(message).help(
                    "tag the wheel for the Python it was built for; `truewheel retag --auto` finds the widest tags",
                ));
            } else if !facts.needed.is_empty() {
                let message = format!(
                    "needs {} of Python, and the ABI tag `none` says that nothing is needed",
                    list(&facts.needed)
                );
                found.push(say(message));
            } else if let Some((name, _)) = facts.libraries.first() {
                found
                    .push(say(format!("links `{name}`, and the ABI tag `none` says that nothing is needed of Python")));
            } else if !facts.weak.is_empty() {
                let message =
                    format!("uses {} of Python where there is one, and the ABI tag is `none`", list(&facts.weak));
                found.push(Diagnostic::new(Code::TW508, message).member(&facts.member).at(Severity::Warning));
            } else if let Some(suffix) = facts.python.suffix.as_ref().filter(|suffix| suffix.names_an_interpreter()) {
                let message = format!("{}, by its name, and the ABI tag is `none`", who_imports(suffix, facts.format));
                let help = "if the package looks for it by that name, it finds it with that interpreter alone; `truewheel retag --rename-extensions` gives it a plain name";
                found
                    .push(Diagnostic::new(Code::TW507, message).member(&facts.member).at(Severity::Warning).help(help));
            }
        }
        found.extend(self.wheel.bytecode.iter().map(|member| {
            let message =
                "is compiled Python without its source, for one version of Python alone, and the ABI tag is `none`";
            Diagnostic::new(Code::TW508, message).member(member).at(Severity::Warning)
        }));
        found
    }

    /// `abi3` from `minor` on.
    fn stable(&self, claim: &Claim, minor: u16) -> Vec<Diagnostic> {
        let mut found = self.importable(claim);
        for facts in self.judged(claim) {
            found.extend(symbols(facts, claim, minor));
            for (name, library) in &facts.libraries {
                let fits = match library {
                    PythonLibrary::Stable { debug } => !debug,
                    // CPython 3.15 and later install a copy that leads to their own.
                    PythonLibrary::StableFreeThreaded { debug } => !debug && minor >= ABI3T,
                    PythonLibrary::Version { .. } | PythonLibrary::PyPy | PythonLibrary::GraalPy => !counts(facts),
                    PythonLibrary::Framework => true,
                };
                found.extend((!fits).then(|| wrong_library(facts, name, *library, claim)));
            }
            found.extend(doubt(facts));
        }
        found
    }

    /// `abi3t` from `minor` on (PEP 803).
    fn stable_free_threaded(&self, claim: &Claim, minor: u16) -> Vec<Diagnostic> {
        let mut found = self.importable(claim);
        for facts in self.judged(claim) {
            found.extend(symbols(facts, claim, minor));
            for (name, library) in &facts.libraries {
                let fits = match library {
                    PythonLibrary::StableFreeThreaded { debug } => !debug,
                    PythonLibrary::Stable { .. }
                    | PythonLibrary::Version { .. }
                    | PythonLibrary::PyPy
                    | PythonLibrary::GraalPy => !counts(facts),
                    PythonLibrary::Framework => true,
                };
                found.extend((!fits).then(|| wrong_library(facts, name, *library, claim)));
            }
            let exports = facts.python.entry_points.iter().any(|entry| entry.style == EntryStyle::Export);
            if facts.is_extension() && !exports {
                let message = format!(
                    "exports no `PyModExport_` function, which `{}` needs: `PyModuleDef` is not of its ABI",
                    claim.text
                );
                found.push(Diagnostic::new(Code::TW510, message).member(&facts.member));
            }
        }
        found
    }

    /// One version of one implementation.
    fn version(&self, claim: &Claim) -> Vec<Diagnostic> {
        let mut found = self.importable(claim);
        for facts in self.judged(claim).filter(|facts| counts(facts)) {
            for (name, library) in &facts.libraries {
                if !fits_version(*library, &claim.interpreters) {
                    found.push(wrong_library(facts, name, *library, claim));
                }
            }
        }
        found
    }

    /// Modules of which no file is imported by those whom a claim is for.
    fn importable(&self, claim: &Claim) -> Vec<Diagnostic> {
        let severity = if self.wheel.has_interpreter { Severity::Warning } else { Severity::Error };
        self.modules
            .iter()
            .filter(|module| !module.files.iter().any(|(_, suffix)| claim.interpreters.import(suffix)))
            .filter_map(|module| module.files.first())
            .map(|(facts, suffix)| {
                let message = format!(
                    "{}, and `{}` claims {}",
                    who_imports(suffix, facts.format),
                    claim.text,
                    whom(&claim.interpreters)
                );
                Diagnostic::new(Code::TW507, message).member(&facts.member).at(severity)
            })
            .collect()
    }

    /// Files of modules that nobody whom the wheel is for imports, while another file serves them.
    fn left_over(&self, claims: &[Claim]) -> Vec<Diagnostic> {
        let idle = |suffix| !claims.iter().any(|claim| claim.interpreters.import(suffix));
        let mut found = Vec::new();
        for module in self.modules.iter().filter(|module| !claims.is_empty() && module.files.len() > 1) {
            if module.files.iter().all(|(_, suffix)| idle(suffix)) {
                continue;
            }
            for (facts, suffix) in module.files.iter().filter(|(_, suffix)| idle(suffix)) {
                let message = format!("{}, and no tag of the wheel is for it", who_imports(suffix, facts.format));
                found.push(Diagnostic::new(Code::TW507, message).member(&facts.member).at(Severity::Warning));
            }
        }
        found
    }

    /// The binaries that those whom a claim is for load: files of modules for others are none of them.
    fn judged<'s>(&'s self, claim: &'s Claim) -> impl Iterator<Item = &'a AbiFacts> + 's {
        self.wheel.loadable().filter(|facts| !facts.is_interpreter()).filter(move |facts| {
            let suffix = facts.python.suffix.as_ref().filter(|_| facts.is_extension());
            suffix.is_none_or(|suffix| claim.interpreters.import(suffix))
        })
    }

    /// Whether the module of an extension has files for several interpreters.
    fn is_one_of_several(&self, facts: &AbiFacts) -> bool {
        let has = |module: &&Module<'_>| module.files.iter().any(|(other, _)| other.member == facts.member);
        self.modules.iter().find(has).is_some_and(Module::is_for_several)
    }
}

/// Whether what a binary links decides which Python it is for: on Windows the name of the DLL does; elsewhere the running
/// interpreter gives the symbols, and a libpython that is linked is TW501's business.
fn counts(facts: &AbiFacts) -> bool {
    facts.format == crate::format::Format::Pe
}

/// Symbols outside the stable ABI, or of a later version of it.
fn symbols(facts: &AbiFacts, claim: &Claim, minor: u16) -> Vec<Diagnostic> {
    let mut foreign = Vec::new();
    let mut late: Vec<(u16, &String)> = Vec::new();
    let mut elsewhere = Vec::new();
    for name in &facts.needed {
        match stable_symbol(name) {
            None => foreign.push(name.clone()),
            Some(symbol) => match symbol.condition.filter(|condition| !condition.holds(facts.format)) {
                Some(condition) => elsewhere.push((name, condition)),
                None if symbol.added > minor => late.push((symbol.added, name)),
                None => {}
            },
        }
    }
    let mut found = Vec::new();
    if !foreign.is_empty() {
        let verb = if foreign.len() == 1 { "is" } else { "are" };
        let message =
            format!("needs {}, which {verb} not of the stable ABI that `{}` claims", list(&foreign), claim.text);
        found.push(
            Diagnostic::new(Code::TW505, message)
                .help("build with `Py_LIMITED_API`, or tag the wheel for one version of Python"),
        );
    }
    for (name, condition) in elsewhere {
        let message = format!("needs `{name}`, which the stable ABI has {}", condition.phrase());
        found.push(Diagnostic::new(Code::TW505, message));
    }
    if let Some((newest, _)) = late.iter().max() {
        let names: Vec<String> = late.iter().map(|(_, name)| (*name).clone()).collect();
        let since: Vec<String> = {
            let mut releases: Vec<u16> = late.iter().map(|(added, _)| *added).collect();
            releases.sort_unstable();
            releases.dedup();
            releases.iter().map(|release| format!("3.{release}")).collect()
        };
        let message = format!(
            "needs {}, which the stable ABI has only since {}; `{}` claims it of 3.{minor}",
            list(&names),
            since.join(", "),
            claim.text
        );
        let help = format!(
            "tag the wheel `cp3{newest}-abi3`, or build it with `Py_LIMITED_API` set to the version that the tag names"
        );
        found.push(Diagnostic::new(Code::TW506, message).help(help));
    }
    found.into_iter().map(|finding| finding.member(&facts.member)).collect()
}

/// The one sign by which symbols show that an extension may not be built for the limited API.
fn doubt(facts: &AbiFacts) -> Option<Diagnostic> {
    let ready = facts.is_extension() && facts.needed.iter().any(|name| name == "PyType_Ready");
    let heap = facts.needed.iter().any(|name| {
        matches!(
            name.as_str(),
            "PyType_FromSpec" | "PyType_FromSpecWithBases" | "PyType_FromModuleAndSpec" | "PyType_FromMetaclass"
        )
    });
    (ready && !heap).then(|| {
        let message = "needs `PyType_Ready` and no function that makes types from a description: its types may be static, laid out for one version of Python, which no symbol shows";
        Diagnostic::new(Code::TW511, message)
            .member(&facts.member)
            .help("make sure that every source file is compiled with `Py_LIMITED_API`")
    })
}

fn wrong_library(facts: &AbiFacts, name: &str, library: PythonLibrary, claim: &Claim) -> Diagnostic {
    let message = match library.is_debug() {
        true => format!("links `{name}`, of a debug build of Python, which few machines have"),
        false => format!("links `{name}`, and `{}` claims {}", claim.text, whom(&claim.interpreters)),
    };
    Diagnostic::new(Code::TW509, message).member(&facts.member)
}

/// Whether those whom a claim is for have a library.
fn fits_version(library: PythonLibrary, interpreters: &Interpreters) -> bool {
    match (interpreters, library) {
        (Interpreters::CPython { version, flags }, PythonLibrary::Version { version: own, free_threaded, debug }) => {
            *version == own && *flags == Build { free_threaded, debug }
        }
        (Interpreters::CPython { flags, .. }, PythonLibrary::Stable { debug }) => {
            !flags.free_threaded && flags.debug == debug
        }
        (Interpreters::CPython { version, flags }, PythonLibrary::StableFreeThreaded { debug }) => {
            *version >= (3, ABI3T) && flags.debug == debug
        }
        (Interpreters::PyPy(_), PythonLibrary::PyPy) => true,
        (Interpreters::GraalPy(_), PythonLibrary::GraalPy) => true,
        (Interpreters::PyPy(_) | Interpreters::GraalPy(_), _) => false,
        (Interpreters::CPython { .. }, PythonLibrary::PyPy | PythonLibrary::GraalPy) => false,
        _ => true,
    }
}

/// Whom a claim is for, as a phrase.
fn whom(interpreters: &Interpreters) -> String {
    match interpreters {
        Interpreters::CPython { version: (major, minor), flags } => {
            let build = match (flags.free_threaded, flags.debug) {
                (true, false) => "the free-threaded build of ",
                (false, true) => "the debug build of ",
                (true, true) => "the free-threaded debug build of ",
                (false, false) => "",
            };
            format!("{build}CPython {major}.{minor}")
        }
        Interpreters::Stable(minor) => format!("CPython from 3.{minor} on"),
        Interpreters::StableFreeThreaded(minor) => format!("free-threaded CPython from 3.{minor} on"),
        Interpreters::PyPy(name) => format!("PyPy (`{name}`)"),
        Interpreters::GraalPy(name) => format!("GraalPy (`{name}`)"),
        Interpreters::Any => "every Python".to_owned(),
    }
}

/// The first symbols of a list, and how many more.
pub(super) fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
