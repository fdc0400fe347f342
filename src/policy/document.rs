//! `Policy`: one policy file, read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use crate::arch::Arch;
use crate::error::{Error, Result};
use crate::platform::{Libc, Platform};
use crate::tag::PlatformTag;

/// The families of policies, in the order in which tags are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PolicyFamily {
    /// `manylinux_2_N_*`: glibc.
    Manylinux,
    /// `musllinux_1_N_*`: musl.
    Musllinux,
    /// `android_N_*`: bionic.
    Android,
}

impl PolicyFamily {
    /// Every family, in order.
    pub const ALL: [PolicyFamily; 3] = [PolicyFamily::Manylinux, PolicyFamily::Musllinux, PolicyFamily::Android];

    /// Returns the name with which tags and folders begin, e.g. `manylinux`.
    pub fn name(self) -> &'static str {
        match self {
            PolicyFamily::Manylinux => "manylinux",
            PolicyFamily::Musllinux => "musllinux",
            PolicyFamily::Android => "android",
        }
    }

    /// Returns the family of a platform's tags, if it has policies of symbol versions: Linux and Android.
    pub fn of_platform(platform: &dyn Platform) -> Option<Self> {
        Some(match platform.libc()? {
            Libc::Glibc => PolicyFamily::Manylinux,
            Libc::Musl => PolicyFamily::Musllinux,
            Libc::Bionic => PolicyFamily::Android,
        })
    }

    /// Returns the family of a platform tag, if it has policies.
    pub fn of(tag: &PlatformTag) -> Option<Self> {
        match tag {
            PlatformTag::Manylinux { .. } | PlatformTag::ManylinuxLegacy { .. } => Some(PolicyFamily::Manylinux),
            PlatformTag::Musllinux { .. } => Some(PolicyFamily::Musllinux),
            PlatformTag::Android { .. } => Some(PolicyFamily::Android),
            _ => None,
        }
    }
}

/// A dotted number, compared part by part: `2.9` is older than `2.17`, and `11.0` than `11.0.0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Number(Vec<u32>);

impl Number {
    /// Returns the number that `text` spells; `None` unless it is digits and single dots.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        text.split('.').map(|part| if plain(part) { part.parse().ok() } else { None }).collect::<Option<_>>().map(Self)
    }
}

impl Number {
    /// Returns true if this is of the same series as `release` (1.2 of 1.2.6) and not its first, e.g. 1.2.3.
    pub(super) fn is_later_in_series_of(&self, release: &Number) -> bool {
        self.0.get(..2) == release.0.get(..2) && self.0.get(2).is_some_and(|patch| *patch > 0)
    }
}

impl TryFrom<String> for Number {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no number"))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// A version node taken apart: `GLIBC_2.34` is the family `GLIBC` and the number 2.34.
///
/// A node whose text after the first `_` is no number (`CXXABI_TM_1`, `GLIBC_ABI_DT_RELR`) has no number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Node {
    /// The whole name.
    pub name: String,
    /// The text before the first `_`.
    pub family: String,
    /// The number after it.
    pub number: Option<Number>,
}

impl Node {
    /// Returns the node of that name.
    pub fn new(name: &str) -> Self {
        let (family, rest) = name.split_once('_').unwrap_or((name, ""));
        Self { name: name.to_owned(), family: family.to_owned(), number: Number::parse(rest) }
    }
}

/// What one policy allows on one architecture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ceilings {
    /// Family of version nodes (`GLIBC`, `GLIBCXX`, …) to the newest number allowed, e.g. 2.17.
    pub ceilings: BTreeMap<String, Number>,
    /// Libraries that machines of this architecture have, beside [`Policy::libraries`].
    pub libraries: BTreeSet<String>,
    /// Nodes allowed by their whole name, e.g. `CXXABI_TM_1`.
    pub nodes: BTreeSet<String>,
}

impl Ceilings {
    /// Returns true if a library that the policy gives may be asked for this node.
    pub fn allows(&self, node: &Node) -> bool {
        match &node.number {
            Some(number) => self.ceilings.get(&node.family).is_some_and(|ceiling| number <= ceiling),
            None => self.nodes.contains(&node.name),
        }
    }

    /// Returns the newest node of a family that is allowed, e.g. `GLIBC_2.17`.
    pub fn newest(&self, family: &str) -> Option<String> {
        self.ceilings.get(family).map(|number| format!("{family}_{number}"))
    }
}

/// One policy: all that a tag allows, and where that is known from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// The tag without architecture, e.g. `manylinux_2_17`.
    pub name: String,
    /// Other names of the same policy, e.g. `manylinux2014`.
    pub aliases: Vec<String>,
    /// The family.
    pub family: PolicyFamily,
    /// Place in the family: the higher, the more machines it runs on.
    pub rank: u32,
    /// Where the facts are from.
    pub source: String,
    /// The day the facts were read, `YYYY-MM-DD`.
    pub retrieved: String,
    /// What is allowed on each architecture; an architecture that is absent has no such policy.
    pub arches: BTreeMap<Arch, Ceilings>,
    /// Libraries that every machine of this policy has.
    pub libraries: BTreeSet<String>,
    /// Beginnings of names that the loader takes for its own (musl: `libc.`, `libpthread.`, …).
    pub library_prefixes: Vec<String>,
    /// Library to symbols that not every machine of this policy has in it.
    pub denied: BTreeMap<String, BTreeSet<String>>,
    /// The release whose symbols are allowed where libraries have no versions: of musl (1.2.6), or an API level (24).
    pub release: Option<Number>,
}

impl Policy {
    /// Returns the tag for `arch`, e.g. `manylinux_2_17_x86_64`.
    pub fn tag(&self, arch: Arch) -> String {
        format!("{}_{}", self.name, self.arch_name(arch))
    }

    /// Returns the tag for `arch` under each alias, e.g. `manylinux2014_x86_64`.
    pub fn alias_tags(&self, arch: Arch) -> Vec<String> {
        self.aliases.iter().map(|alias| format!("{alias}_{}", self.arch_name(arch))).collect()
    }

    /// Returns true if a machine of this policy and architecture has the library, the dynamic loader included.
    pub fn gives(&self, arch: Arch, library: &str) -> bool {
        self.libraries.contains(library)
            || self.arches.get(&arch).is_some_and(|here| here.libraries.contains(library))
            || self.library_prefixes.iter().any(|prefix| library.starts_with(prefix.as_str()))
    }

    fn arch_name(&self, arch: Arch) -> String {
        match self.family {
            PolicyFamily::Android => arch.android_name(),
            PolicyFamily::Manylinux | PolicyFamily::Musllinux => arch.linux_name(),
        }
    }

    /// Reads a policy file: one policy, or a list of policies.
    ///
    /// # Errors
    /// `Malformed` if the text is not JSON, names an unknown field, family or architecture, or a number that is none.
    pub fn read(json: &str) -> Result<Vec<Policy>> {
        if json.len() > MAX_FILE {
            return Err(Error::malformed(format!("a policy file of {} bytes, more than {MAX_FILE}", json.len())));
        }
        let text = json.trim_start();
        let documents = if text.starts_with('[') {
            serde_json::from_str::<Vec<Document>>(text)
        } else {
            serde_json::from_str::<Document>(text).map(|one| vec![one])
        };
        let documents = documents.map_err(|error| Error::malformed(format!("not a policy file: {error}")))?;
        documents.into_iter().map(Document::check).collect()
    }
}

/// No policy file that anyone writes is larger; all built-in ones together have a tenth of it.
const MAX_FILE: usize = 4 << 20;
/// Longer than any name of a library, symbol or node that a policy lists.
const MAX_NAME: usize = 512;

/// A policy file as it stands in JSON (`policies/schema.json`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    aliases: Vec<String>,
    arches: BTreeMap<String, ArchDocument>,
    denied: BTreeMap<String, BTreeSet<String>>,
    libraries: BTreeSet<String>,
    #[serde(default)]
    library_prefixes: Vec<String>,
    name: String,
    rank: u32,
    release: Option<String>,
    retrieved: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchDocument {
    ceilings: BTreeMap<String, String>,
    #[serde(default)]
    libraries: BTreeSet<String>,
    nodes: BTreeSet<String>,
}

impl Document {
    fn check(self) -> Result<Policy> {
        let at = |message: String| Error::malformed(message).about(&self.name);
        let (family, level) = family_and_level(&self.name)
            .ok_or_else(|| at("a policy's name is `manylinux_2_N`, `musllinux_1_N` or `android_N`".into()))?;
        for name in self.names() {
            if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
                return Err(at(format!("`{}` is not a name", name.escape_debug().take(MAX_NAME).collect::<String>())));
            }
        }
        for alias in &self.aliases {
            if family != PolicyFamily::Manylinux || !alias.starts_with("manylinux") {
                return Err(at(format!("`{alias}` is not an alias of a manylinux policy")));
            }
        }
        let mut arches = BTreeMap::new();
        for (name, document) in &self.arches {
            let arch = match family {
                PolicyFamily::Android => Arch::from_android_name(name),
                PolicyFamily::Manylinux | PolicyFamily::Musllinux => Arch::from_linux_name(name),
            };
            let arch = arch.ok_or_else(|| at(format!("`{name}` is not an architecture")))?;
            arches.insert(arch, document.check().map_err(|message| at(format!("`{name}`: {message}")))?);
        }
        let release = match (&self.release, family) {
            (Some(text), PolicyFamily::Musllinux | PolicyFamily::Android) => {
                Some(Number::parse(text).ok_or_else(|| at(format!("the release `{text}` is not a number")))?)
            }
            (Some(_), PolicyFamily::Manylinux) => return Err(at("a manylinux policy has no release".into())),
            (None, PolicyFamily::Manylinux) => None,
            (None, PolicyFamily::Musllinux | PolicyFamily::Android) => Some(level),
        };
        Ok(Policy {
            aliases: self.aliases,
            family,
            rank: self.rank,
            source: self.source,
            retrieved: self.retrieved,
            arches,
            libraries: self.libraries,
            library_prefixes: self.library_prefixes,
            denied: self.denied,
            release,
            name: self.name,
        })
    }

    /// Every text that names something.
    fn names(&self) -> impl Iterator<Item = &String> {
        let denied = self.denied.iter().flat_map(|(library, symbols)| std::iter::once(library).chain(symbols));
        let arches = self.arches.values().flat_map(|arch| arch.nodes.iter().chain(&arch.libraries));
        self.aliases.iter().chain(&self.libraries).chain(&self.library_prefixes).chain(denied).chain(arches)
    }
}

impl ArchDocument {
    fn check(&self) -> Result<Ceilings, String> {
        let mut ceilings = BTreeMap::new();
        for (family, text) in &self.ceilings {
            let number = Number::parse(text).ok_or_else(|| format!("the ceiling `{text}` is not a number"))?;
            ceilings.insert(family.clone(), number);
        }
        Ok(Ceilings { ceilings, libraries: self.libraries.clone(), nodes: self.nodes.clone() })
    }
}

/// The family that a policy's name names, and the numbers in it.
fn family_and_level(name: &str) -> Option<(PolicyFamily, Number)> {
    PolicyFamily::ALL.into_iter().find_map(|family| {
        let level = name.strip_prefix(family.name())?.strip_prefix('_')?;
        let parts = if family == PolicyFamily::Android { 1 } else { 2 };
        let number = Number::parse(&level.replace('_', "."))?;
        (number.0.len() == parts).then_some((family, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(arches: &str) -> String {
        format!(
            r#"{{"aliases": [], "arches": {arches}, "denied": {{}}, "libraries": ["libc.so.6"],
               "name": "manylinux_2_17", "rank": 83, "retrieved": "2026-08-04", "source": "here"}}"#
        )
    }

    #[test]
    fn a_ceiling_is_compared_part_by_part() {
        let json = policy(r#"{"x86_64": {"ceilings": {"GLIBC": "2.17"}, "nodes": ["CXXABI_TM_1"]}}"#);
        let policies = Policy::read(&json).unwrap();
        let here = &policies[0].arches[&Arch::X86_64];
        for (node, allowed) in [
            ("GLIBC_2.2.5", true),
            ("GLIBC_2.9", true),
            ("GLIBC_2.17", true),
            ("GLIBC_2.17.1", false),
            ("GLIBC_2.18", false),
            ("GLIBC_ABI_DT_RELR", false),
            ("CXXABI_TM_1", true),
            ("CXXABI_1.3", false),
            ("FOO_1.0", false),
            ("GLIBC", false),
            ("GLIBC_", false),
            ("GLIBC_2..1", false),
            ("", false),
        ] {
            assert_eq!(here.allows(&Node::new(node)), allowed, "{node}");
        }
        assert_eq!(here.newest("GLIBC").as_deref(), Some("GLIBC_2.17"));
    }

    #[test]
    fn a_hostile_policy_file_is_refused_with_its_reason() {
        for (json, reason) in [
            ("", "not a policy file"),
            ("[[[[", "not a policy file"),
            (&"[".repeat(100_000), "not a policy file"),
            (r#"{"name": "manylinux_2_17"}"#, "missing field"),
            (&policy("{}").replace("manylinux_2_17", "manylinux_2_x"), "a policy's name is"),
            (&policy("{}").replace("manylinux_2_17", "linux"), "a policy's name is"),
            (&policy(r#"{"z80": {"ceilings": {}, "nodes": []}}"#), "`z80` is not an architecture"),
            (&policy(r#"{"x86_64": {"ceilings": {"GLIBC": "two"}, "nodes": []}}"#), "`two` is not a number"),
            (&policy(r#"{"x86_64": {"ceilings": {"GLIBC": "99999999999"}, "nodes": []}}"#), "is not a number"),
            (&policy("{}").replace("libc.so.6", r"a\u0000b"), "is not a name"),
            (&policy("{}").replace("\"aliases\"", "\"alias\""), "unknown field"),
            (&" ".repeat(MAX_FILE + 1), "bytes, more than"),
        ] {
            let error = Policy::read(json).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Malformed);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
