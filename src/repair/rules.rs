//! What repair knows of libraries outside the wheel: given by the policy, left to the user, decided by a plan.

use std::collections::BTreeSet;

use super::options::Patterns;
use super::plan_file::{Action, PlanFile};
use crate::abi;
use crate::arch::Arch;
use crate::diagnostic::Diagnostic;
use crate::load::{Outside, Resolution};
use crate::policy::{self, Policy};

/// The policies whose libraries count as given.
pub(super) enum Given<'a> {
    /// `auto`: whatever some policy of the platform gives; the tag follows from it.
    Any(policy::Given<'a>),
    /// `--plat`: what every policy asked for gives.
    All(Vec<&'a Policy>, Arch),
    /// No policy is known for this processor: only what the loader and the C library are.
    Nothing,
}

/// [`Outside`] as a repair sees it.
pub(super) struct Rules<'a> {
    pub given: Given<'a>,
    pub exclude: &'a Patterns,
    pub recorded: BTreeSet<String>,
    pub plan: Option<&'a PlanFile>,
}

impl Rules<'_> {
    fn planned(&self, name: &str) -> Option<Action> {
        self.plan.and_then(|plan| plan.action_for_all(name))
    }

    /// Returns true if the policy itself gives the library, whatever a plan says.
    pub fn policy_gives(&self, name: &str) -> bool {
        match &self.given {
            Given::Any(given) => given.gives(name),
            Given::All(policies, arch) => policies.iter().all(|policy| policy.gives(*arch, name)),
            Given::Nothing => {
                ["libc.so.", "libm.so.", "libpthread.so.", "libdl.so.", "librt.so.", "ld-linux", "ld64.so.", "ld.so."]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
            }
        }
    }

    /// Returns the finding about a library that is left to those Pythons that bring it, if it is one.
    pub fn doubt(&self, name: &str) -> Option<Diagnostic> {
        match &self.given {
            Given::Any(given) => given.doubt(name),
            Given::All(..) | Given::Nothing => None,
        }
    }
}

impl Outside for Rules<'_> {
    fn is_system(&self, name: &str) -> bool {
        match self.planned(name) {
            Some(Action::Vendor) => false,
            Some(Action::Exclude | Action::System | Action::Drop) | None => self.policy_gives(name),
        }
    }

    fn fallback(&self, name: &str) -> Option<Resolution> {
        match &self.given {
            Given::Any(given) => given.fallback(name),
            Given::All(..) | Given::Nothing => None,
        }
    }

    fn wants_newest(&self, name: &str) -> bool {
        matches!(&self.given, Given::Any(given) if given.wants_newest(name))
    }

    fn is_python(&self, name: &str) -> bool {
        match &self.given {
            Given::Any(given) => given.is_python(name),
            Given::All(..) | Given::Nothing => abi::is_libpython(name),
        }
    }

    fn is_excluded(&self, name: &str) -> bool {
        match self.planned(name) {
            Some(Action::Exclude | Action::Drop) => true,
            Some(Action::Vendor | Action::System) => false,
            None => self.exclude.matches(name) || self.recorded.contains(name),
        }
    }

    fn is_excluded_path(&self, path: &str) -> bool {
        self.exclude.matches(path)
    }
}
