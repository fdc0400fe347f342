//! `Policy`: one policy file, as values.

use std::collections::{BTreeMap, BTreeSet};

use crate::arch::Arch;

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

/// What one policy allows on one architecture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ceilings {
    /// Family of version nodes (`GLIBC`, `GLIBCXX`, …) to the newest number allowed, e.g. `2.17`.
    pub ceilings: BTreeMap<String, String>,
    /// Nodes allowed by their whole name, e.g. `CXXABI_TM_1`.
    pub nodes: BTreeSet<String>,
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
    /// Library to symbols that not every machine of this policy has in it.
    pub denied: BTreeMap<String, BTreeSet<String>>,
}

impl Policy {
    /// Returns the tag for `arch`, e.g. `manylinux_2_17_x86_64`.
    pub fn tag(&self, arch: Arch) -> String {
        match self.family {
            PolicyFamily::Android => format!("{}_{}", self.name, arch.android_name()),
            PolicyFamily::Manylinux | PolicyFamily::Musllinux => format!("{}_{}", self.name, arch.linux_name()),
        }
    }

    /// Returns the tag for `arch` under each alias, e.g. `manylinux2014_x86_64`.
    pub fn alias_tags(&self, arch: Arch) -> Vec<String> {
        self.aliases.iter().map(|alias| format!("{alias}_{}", arch.linux_name())).collect()
    }

    /// Returns true if a machine of this policy has the library, the dynamic loader included.
    pub fn gives(&self, library: &str) -> bool {
        self.libraries.contains(library)
    }
}
