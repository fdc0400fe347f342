//! `Given`: what the policies of a machine give, as the loader's engine asks it; and which family a wheel's binaries are of.

use super::document::PolicyFamily;
use super::rules::Evidence;
use super::set::PolicySet;
use super::subject::SubjectBinary;
use crate::abi;
use crate::arch::Arch;
use crate::load::{Binary, Outside};
use crate::platform::Libc;
use crate::tag::PlatformTag;

/// Answers for the libraries that some policy of a family gives on an architecture, and for libpython.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Given<'a> {
    set: &'a PolicySet,
    family: PolicyFamily,
    arch: Arch,
}

impl<'a> Given<'a> {
    /// Returns what the policies of `family` give on `arch`.
    pub fn new(set: &'a PolicySet, family: PolicyFamily, arch: Arch) -> Self {
        Self { set, family, arch }
    }
}

impl Outside for Given<'_> {
    fn is_system(&self, name: &str) -> bool {
        self.set.gives(self.family, self.arch, name)
    }

    fn is_python(&self, name: &str) -> bool {
        abi::is_libpython(name)
    }
}

/// Returns the family whose loader the binaries are for: Android if the tags say so, musl if a binary shows it and none
/// shows glibc, else what the tags say, else manylinux.
pub fn family(binaries: &[Binary], claimed: &[PlatformTag]) -> PolicyFamily {
    let families: Vec<PolicyFamily> = claimed.iter().filter_map(PolicyFamily::of).collect();
    if families.contains(&PolicyFamily::Android) {
        return PolicyFamily::Android;
    }
    let shown: Vec<Libc> = binaries
        .iter()
        .map(|binary| SubjectBinary::new(&binary.member, &binary.image, &binary.symbols))
        .flat_map(|binary| Evidence::of(&binary, false))
        .map(|evidence| evidence.libc)
        .collect();
    match (shown.contains(&Libc::Musl), shown.contains(&Libc::Glibc)) {
        (true, false) => PolicyFamily::Musllinux,
        (false, true) => PolicyFamily::Manylinux,
        _ => families.first().copied().unwrap_or(PolicyFamily::Manylinux),
    }
}
