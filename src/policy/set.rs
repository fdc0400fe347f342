//! `PolicySet`: all policies, built in and from `--policy-file`.

use std::sync::{Arc, LazyLock};

use super::document::{Policy, PolicyFamily};
use super::embedded;
use crate::arch::Arch;
use crate::error::{Error, Result};
use crate::tag::PlatformTag;

/// All policies known; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct PolicySet {
    /// Sorted by family, most compatible first.
    policies: Vec<Arc<Policy>>,
}

static EMBEDDED: LazyLock<PolicySet> = LazyLock::new(|| {
    let read = |(path, text): &(&str, &str)| match Policy::read(text) {
        Ok(policies) => policies,
        // INVARIANT: every built-in policy is read by a test.
        Err(error) => unreachable!("policies/{path}: {error}"),
    };
    let mut set = PolicySet::default();
    set.add(embedded::POLICIES.iter().flat_map(read));
    set
});

impl PolicySet {
    /// Returns the policies that are built in.
    pub fn embedded() -> Self {
        EMBEDDED.clone()
    }

    /// Returns this set with the policies of a policy file, each replacing that of the same name.
    ///
    /// # Errors
    /// `Malformed` if the text is not a policy file (`policies/schema.json`), or names one policy twice.
    pub fn with_file(mut self, json: &str) -> Result<Self> {
        let policies = Policy::read(json)?;
        for (index, policy) in policies.iter().enumerate() {
            if policies.iter().skip(index + 1).any(|other| other.name == policy.name) {
                return Err(Error::malformed("two policies have this name").about(&policy.name));
            }
        }
        self.policies.retain(|old| policies.iter().all(|new| new.name != old.name));
        self.add(policies.into_iter());
        Ok(self)
    }

    /// Returns the policy that a platform tag names, by its own name or an alias, and the architecture:
    /// `manylinux2014_x86_64` is `manylinux_2_17` and [`Arch::X86_64`].
    pub fn find(&self, tag: &PlatformTag) -> Option<(&Policy, Arch)> {
        let name = tag.to_string();
        let arch = *tag.archs().first()?;
        let policy = self.policies.iter().find(|policy| {
            policy.arches.contains_key(&arch) && (policy.tag(arch) == name || policy.alias_tags(arch).contains(&name))
        })?;
        Some((policy, arch))
    }

    /// Returns the policies of a family, most compatible first.
    pub fn family(&self, family: PolicyFamily) -> impl Iterator<Item = &Policy> {
        self.all().filter(move |policy| policy.family == family)
    }

    /// Returns the policies of a family that an architecture has, most compatible first.
    pub fn of(&self, family: PolicyFamily, arch: Arch) -> impl Iterator<Item = &Policy> {
        self.family(family).filter(move |policy| policy.arches.contains_key(&arch))
    }

    /// Returns every policy: families in order, most compatible first.
    pub fn all(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().map(Arc::as_ref)
    }

    /// Returns true if some policy of the family gives the library on this architecture.
    pub fn gives(&self, family: PolicyFamily, arch: Arch, library: &str) -> bool {
        self.of(family, arch).any(|policy| policy.gives(arch, library))
    }

    fn add(&mut self, policies: impl Iterator<Item = Policy>) {
        self.policies.extend(policies.map(Arc::new));
        self.policies.sort_by(|one, other| {
            one.family.cmp(&other.family).then(other.rank.cmp(&one.rank)).then_with(|| one.name.cmp(&other.name))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> PlatformTag {
        text.parse().unwrap()
    }

    #[test]
    fn a_tag_is_found_by_name_and_alias() {
        let set = PolicySet::embedded();
        for (text, name, arch) in [
            ("manylinux_2_17_aarch64", "manylinux_2_17", Arch::Aarch64),
            ("manylinux2014_ppc64", "manylinux_2_17", Arch::Ppc64),
            ("manylinux1_i686", "manylinux_2_5", Arch::X86),
            ("musllinux_1_2_loongarch64", "musllinux_1_2", Arch::Loongarch64),
            ("android_24_arm64_v8a", "android_24", Arch::Aarch64),
            ("manylinux_2_43_loongarch64", "manylinux_2_43", Arch::Loongarch64),
        ] {
            let (policy, found) = set.find(&tag(text)).unwrap();
            assert_eq!((policy.name.as_str(), found), (name, arch));
        }
        for text in
            ["manylinux_2_4_x86_64", "manylinux_2_30_riscv65", "manylinux_2_30_loongarch64", "linux_x86_64", "any"]
        {
            assert!(set.find(&tag(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn the_most_compatible_policy_comes_first() {
        let set = PolicySet::embedded();
        let names = |family, arch| set.of(family, arch).map(|policy| policy.name.clone()).collect::<Vec<_>>();
        let manylinux = names(PolicyFamily::Manylinux, Arch::X86_64);
        assert_eq!(manylinux.first().map(String::as_str), Some("manylinux_2_5"));
        assert_eq!(manylinux.len(), 40);
        assert_eq!(names(PolicyFamily::Manylinux, Arch::Ppc64).len(), 27);
        assert_eq!(names(PolicyFamily::Musllinux, Arch::X86_64), ["musllinux_1_1", "musllinux_1_2"]);
        assert_eq!(names(PolicyFamily::Android, Arch::Aarch64).first().map(String::as_str), Some("android_21"));
    }

    #[test]
    fn a_policy_file_replaces_the_policy_of_its_name() {
        let json = r#"[{"aliases": [], "arches": {"x86_64": {"ceilings": {"GLIBC": "2.3"}, "nodes": []}},
            "denied": {}, "libraries": [], "name": "manylinux_2_17", "rank": 83, "retrieved": "2026-01-01",
            "source": "ours"}]"#;
        let set = PolicySet::embedded().with_file(json).unwrap();
        let (policy, _) = set.find(&tag("manylinux_2_17_x86_64")).unwrap();
        assert_eq!(policy.source, "ours");
        assert!(!policy.gives(Arch::X86_64, "libc.so.6"));
        assert!(set.find(&tag("manylinux2014_x86_64")).is_none());
        assert!(set.find(&tag("manylinux_2_18_x86_64")).is_some());
        let twice = format!("{},{}", &json[..json.len() - 1], &json[1..]);
        assert!(PolicySet::embedded().with_file(&twice).is_err());
    }
}
