//! The widest python and ABI tags that the bytes allow, with the proof.

use std::collections::BTreeSet;

use super::claims::{claims, list};
use super::modules::{ABI3T, Interpreters, modules};
use super::{AbiFacts, EntryStyle, ExtensionSuffix, PythonLibrary, SuffixClass, WheelAbi, stable_symbol};
use crate::diagnostic::Severity;
use crate::format::Format;
use crate::tag::{AbiTag, PythonTag, TagSet};

/// The widest tags, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Widest {
    /// The python tags.
    pub pythons: Vec<PythonTag>,
    /// The ABI tags.
    pub abis: Vec<AbiTag>,
    /// What shows it, a phrase.
    pub proof: String,
    /// What symbols cannot show about it, a phrase.
    pub limit: Option<String>,
    /// Why not wider: phrases, each about one binary.
    pub why_not: Vec<String>,
}

/// What symbols leave open about every extension module for the stable ABI.
const LIMIT: &str = "symbols do not show whether it relies on the layout of one version's structures";

/// Returns the widest tags that are proven, given those that the wheel claims; `None` if nothing about its modules tells
/// which Python they are for.
///
/// The python tags of a wheel for any ABI that are for any implementation stay, a declared version of the stable ABI is
/// never lowered.
pub fn widest(tags: &TagSet, wheel: &WheelAbi) -> Option<Widest> {
    let mut why_not: Vec<String> =
        wheel.bytecode.iter().map(|member| format!("`{member}` is compiled Python without source")).collect();
    why_not.extend(wheel.binaries.iter().filter_map(needs_python));
    // Code that looks for a library by such a name does not find it with other Pythons.
    let named = |facts: &&AbiFacts| facts.python.suffix.as_ref().is_some_and(ExtensionSuffix::names_an_interpreter);
    let libraries = wheel.loadable().filter(|facts| facts.is_free_of_python()).filter(named);
    why_not.extend(libraries.map(|facts| format!("`{}` has a name that is for some Pythons alone", facts.member)));
    why_not.dedup();
    if why_not.is_empty() {
        return Some(none(tags, wheel));
    }
    match stable(tags, wheel) {
        Ok(Some(found)) => return Some(Widest { why_not, ..found }),
        Ok(None) => {}
        Err(reason) => why_not.push(reason),
    }
    version(tags, wheel).or_else(|| claimed(tags, wheel)).map(|found| Widest { why_not, ..found })
}

/// The tags as they are claimed, where nothing contradicts them.
fn claimed(tags: &TagSet, wheel: &WheelAbi) -> Option<Widest> {
    let has_modules = wheel.loadable().any(AbiFacts::is_extension);
    let contradicted = claims(tags, wheel).iter().any(|finding| finding.severity == Severity::Error);
    (!has_modules && !contradicted).then(|| Widest {
        pythons: tags.pythons().to_vec(),
        abis: tags.abis().to_vec(),
        proof: "nothing contradicts what is claimed".to_owned(),
        limit: None,
        why_not: Vec::new(),
    })
}

/// Why a binary is not free of Python.
fn needs_python(facts: &AbiFacts) -> Option<String> {
    if facts.is_free_of_python() {
        return None;
    }
    let member = &facts.member;
    Some(match (facts.python.entry_points.first(), facts.libraries.first()) {
        (Some(entry), _) => format!("`{member}` exports `{}`", entry.symbol()),
        (None, _) if !facts.needed.is_empty() => format!("`{member}` needs {}", list(&facts.needed)),
        (None, Some((name, _))) => format!("`{member}` links `{name}`"),
        (None, None) => format!("`{member}` is an extension module"),
    })
}

fn none(tags: &TagSet, wheel: &WheelAbi) -> Widest {
    let generic = |tag: &&PythonTag| tag.is_generic();
    let was_none = tags.abis() == [AbiTag::None];
    let claimed: Vec<PythonTag> = tags.pythons().iter().filter(generic).cloned().collect();
    let two = claimed.iter().any(|tag| matches!(tag, PythonTag::Generic { major: 2, .. }));
    let major = |major| PythonTag::Generic { major, minor: None };
    let pythons = match () {
        () if was_none && !claimed.is_empty() => claimed,
        () if two => vec![major(2), major(3)],
        () => vec![major(3)],
    };
    let files: BTreeSet<&str> = wheel.binaries.iter().map(|facts| facts.member.as_str()).collect();
    let proof = match files.len() {
        0 => "no binary".to_owned(),
        1 => "1 binary, no Python symbol, no entry point, no libpython".to_owned(),
        count => format!("{count} binaries, no Python symbol, no entry point, no libpython"),
    };
    Widest { pythons, abis: vec![AbiTag::None], proof, limit: None, why_not: Vec::new() }
}

/// The stable ABI, where every module is declared to be built for it; the reason where one is declared and is not.
fn stable(tags: &TagSet, wheel: &WheelAbi) -> Result<Option<Widest>, String> {
    let claimed = tags.abis().iter().any(AbiTag::is_stable);
    let modules = modules(wheel);
    let declared = |facts: &AbiFacts, class: &SuffixClass| match class {
        SuffixClass::Abi3 | SuffixClass::Abi3t => true,
        SuffixClass::Plain => claimed || (facts.format == Format::Pe && links_stable(facts)),
        _ => false,
    };
    let is_declared = !modules.is_empty()
        && modules.iter().all(|module| module.files.iter().any(|(facts, suffix)| declared(facts, &suffix.class)));
    if !is_declared {
        return Ok(None);
    }
    let mut newest = 2;
    let mut symbols: BTreeSet<&str> = BTreeSet::new();
    let judged = || {
        wheel.loadable().filter(|facts| !facts.is_interpreter()).filter(|facts| {
            !facts.is_extension() || facts.python.suffix.as_ref().is_none_or(|suffix| declared(facts, &suffix.class))
        })
    };
    for facts in judged() {
        for name in &facts.needed {
            let symbol = stable_symbol(name)
                .filter(|symbol| symbol.condition.is_none_or(|condition| condition.holds(facts.format)))
                .ok_or_else(|| format!("`{}` needs `{name}`, which is not of the stable ABI", facts.member))?;
            newest = newest.max(symbol.added);
            symbols.insert(name);
        }
        let foreign = facts.libraries.iter().find(|(_, library)| {
            facts.format == Format::Pe
                && !matches!(
                    library,
                    PythonLibrary::Stable { debug: false } | PythonLibrary::StableFreeThreaded { debug: false }
                )
        });
        if let Some((name, _)) = foreign {
            return Err(format!("`{}` links `{name}`, which is not the stable ABI's", facts.member));
        }
    }
    let free_threaded = modules.iter().all(|module| {
        module.files.iter().any(|(facts, suffix)| {
            let links =
                facts.libraries.iter().any(|(_, library)| matches!(library, PythonLibrary::StableFreeThreaded { .. }));
            let exports = facts.python.entry_points.iter().any(|entry| entry.style == EntryStyle::Export);
            exports
                && (suffix.class == SuffixClass::Abi3t
                    || (suffix.class == SuffixClass::Plain && (links || tags.abis().contains(&AbiTag::Abi3t))))
        })
    });
    let with_platform = modules
        .iter()
        .flat_map(|module| &module.files)
        .any(|(_, suffix)| suffix.class == SuffixClass::Abi3 && suffix.platform.is_some());
    let least = if free_threaded || with_platform { newest.max(ABI3T) } else { newest };
    // Lower than what was declared, or than what it was built with, is never proven.
    let own = tags.pythons().iter().filter_map(|tag| match tag {
        PythonTag::CPython { major: 3, minor } => *minor,
        _ => None,
    });
    let Some(minor) = own.min().map(|own| own.max(least)) else {
        return Err("no tag of the wheel tells the version of the stable ABI that it was built for".to_owned());
    };
    let count = modules.len();
    let what = if count == 1 { "1 module".to_owned() } else { format!("{count} modules") };
    let proof = format!("{what}, {} Python symbols, all of the stable ABI of 3.{newest} or earlier", symbols.len());
    let abis = if free_threaded { vec![AbiTag::Abi3, AbiTag::Abi3t] } else { vec![AbiTag::Abi3] };
    Ok(Some(Widest {
        pythons: vec![PythonTag::CPython { major: 3, minor: Some(minor) }],
        abis,
        proof,
        limit: Some(LIMIT.to_owned()),
        why_not: Vec::new(),
    }))
}

fn links_stable(facts: &AbiFacts) -> bool {
    !facts.libraries.is_empty()
        && facts.libraries.iter().all(|(_, library)| {
            matches!(library, PythonLibrary::Stable { .. } | PythonLibrary::StableFreeThreaded { .. })
        })
}

/// One version, or several: those claimed whom every module is for, else those whom the modules' names and DLLs name.
fn version(tags: &TagSet, wheel: &WheelAbi) -> Option<Widest> {
    let modules = modules(wheel);
    let serves = |python: &PythonTag, abi: &AbiTag| {
        Interpreters::of(python, abi).is_some_and(|interpreters| {
            interpreters != Interpreters::Any
                && !matches!(interpreters, Interpreters::Stable(_) | Interpreters::StableFreeThreaded(_))
                && modules.iter().all(|module| module.files.iter().any(|(_, suffix)| interpreters.import(suffix)))
        })
    };
    let mut pairs: Vec<(PythonTag, AbiTag)> = Vec::new();
    for python in tags.pythons() {
        pairs.extend(tags.abis().iter().filter(|abi| serves(python, abi)).map(|abi| (python.clone(), abi.clone())));
    }
    if pairs.is_empty() {
        for pair in
            modules.iter().flat_map(|module| &module.files).flat_map(|(facts, suffix)| named(facts, &suffix.class))
        {
            if serves(&pair.0, &pair.1) && !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
    }
    if pairs.is_empty() {
        return None;
    }
    let texts: Vec<String> = pairs.iter().map(|(python, abi)| format!("{python}-{abi}")).collect();
    let what = if modules.len() == 1 { "1 module".to_owned() } else { format!("{} modules", modules.len()) };
    let (pythons, abis) = pairs.into_iter().unzip();
    let proof = format!("{what} with a file that `{}` imports", texts.join("`, `"));
    Some(Widest { pythons, abis, proof, limit: None, why_not: Vec::new() })
}

/// The tags of whom a file is for by its name or the DLL that it links.
fn named(facts: &AbiFacts, class: &SuffixClass) -> Vec<(PythonTag, AbiTag)> {
    let pair = |python: String, abi: String| {
        let (Ok(python), Ok(abi)) = (python.parse(), abi.parse());
        (python, abi)
    };
    match class {
        SuffixClass::CPython { version: (major, minor), flags } => {
            vec![pair(format!("cp{major}{minor}"), format!("cp{major}{minor}{flags}"))]
        }
        SuffixClass::PyPy(name) => {
            let version: String =
                name.strip_prefix("pypy").unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
            vec![pair(format!("pp{version}"), name.replace('-', "_"))]
        }
        SuffixClass::GraalPy(name) => {
            let version = name.split('-').nth(1).unwrap_or_default();
            vec![pair(format!("graalpy{version}"), name.replace('-', "_"))]
        }
        SuffixClass::Plain | SuffixClass::Abi3 | SuffixClass::Abi3t => facts
            .libraries
            .iter()
            .filter_map(|(_, library)| match library {
                PythonLibrary::Version { version: (major, minor), free_threaded, debug: false }
                    if facts.format == Format::Pe =>
                {
                    let flag = if *free_threaded { "t" } else { "" };
                    Some(pair(format!("cp{major}{minor}"), format!("cp{major}{minor}{flag}")))
                }
                _ => None,
            })
            .collect(),
    }
}
