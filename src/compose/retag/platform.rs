//! Platform tags held against the bytes, by the code that `check` and `repair` judge with.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::Result;
use crate::lint;
use crate::load::{self, Binary, Graph, Universe};
use crate::platform;
use crate::policy::{self, Earned, Externals, Given, PolicySet, Subject};
use crate::repair;
use crate::tag::PlatformTag;
use crate::wheel::pythons::Pythons;

/// What the bytes say of platform tags.
#[derive(Debug, Default)]
pub(in crate::compose) struct Judgement {
    /// What they earn.
    pub(in crate::compose) earned: Earned,
    /// Why those asked about do not hold.
    pub(in crate::compose) findings: Vec<Diagnostic>,
}

/// Judges the platform tags of `pythons` for these binaries.
///
/// # Errors
/// `Unsupported` if the dependency graph is too large to follow.
pub(in crate::compose) fn judge(
    policies: &PolicySet,
    binaries: &[Binary],
    pythons: &Pythons,
    excluded: &BTreeSet<String>,
) -> Result<Judgement> {
    Ok(Case::new(policies, binaries, pythons, excluded)?.judgement(pythons.tags.platforms()))
}

/// The binaries of a wheel and what they load: platform tags are held against that without resolving it anew.
pub(super) struct Case<'a> {
    policies: &'a PolicySet,
    binaries: &'a [Binary],
    graph: Graph,
}

impl<'a> Case<'a> {
    /// Resolves what the binaries load, for interpreters that bring libraries of their own.
    ///
    /// # Errors
    /// `Unsupported` if the dependency graph is too large to follow.
    pub(super) fn new(
        policies: &'a PolicySet,
        binaries: &'a [Binary],
        pythons: &Pythons,
        excluded: &BTreeSet<String>,
    ) -> Result<Self> {
        let claimed = pythons.tags.platforms();
        let target = policy::platform(binaries, claimed);
        let images = binaries.iter().map(|binary| (binary.member.as_str(), binary.image.as_ref()));
        let targets = load::targets(target, images, claimed);
        let graph = load::resolve_each(&Universe::new(binaries), &targets, |target| {
            Given::new(policies, target.platform, target.arch).for_pythons(Some(pythons)).leaving(excluded)
        })?;
        Ok(Self { policies, binaries, graph })
    }

    fn subject(&self) -> Subject<'_> {
        Subject::of(&self.graph, Externals::Absent)
    }

    /// Holds platform tags against the bytes.
    pub(super) fn judgement(&self, claimed: &[PlatformTag]) -> Judgement {
        let mut findings: Vec<Diagnostic> = claimed.iter().filter_map(unknown).collect();
        if self.binaries.is_empty() {
            return Judgement { earned: Earned { tags: vec![PlatformTag::Any], ..Earned::default() }, findings };
        }
        let subject = self.subject();
        let earned = policy::earned(self.policies, &subject, claimed);
        for tag in claimed {
            if *tag == PlatformTag::Any {
                let message = "is a binary, and the tag `any` is for every platform";
                let loadable = self.binaries.iter().find(|binary| binary.image.is_loadable());
                findings.extend(loadable.map(|binary| Diagnostic::new(Code::TW614, message).member(&binary.member)));
            } else if platform::of(tag).is_some() && !holds(&earned, tag) {
                findings.extend(untrue(self.policies, tag, &subject, &earned));
            }
        }
        Judgement { earned, findings }
    }

    /// The best platform tags for a wheel with these claims, and what must be said of them.
    ///
    /// Where a policy's tag was claimed and none is earned, the claim stays, untrue as it is: nobody gets a wheel for one
    /// machine unasked.
    pub(super) fn best(&self, claimed: &[PlatformTag]) -> (Vec<PlatformTag>, Vec<Diagnostic>) {
        let earned = self.judgement(claimed).earned;
        let best = repair::best_platforms(claimed, &earned);
        // Where none is true of the bytes those that are claimed stay as well, and the proof says why they are not.
        if best.is_empty() {
            return (claimed.to_vec(), Vec::new());
        }
        let promised: Vec<PlatformTag> = claimed.iter().filter(|tag| is_promise(tag)).cloned().collect();
        match best.iter().find(|tag| matches!(tag, PlatformTag::Linux { .. })) {
            Some(_) if !promised.is_empty() => (claimed.to_vec(), Vec::new()),
            Some(own) => {
                let finding = lint::own_machine(own);
                (best, vec![finding])
            }
            None => {
                let raised = repair::raised(self.policies, &self.subject(), &promised, &best, &earned);
                (best, raised)
            }
        }
    }
}

/// Whether a tag says more than for which machine a wheel was built.
fn is_promise(tag: &PlatformTag) -> bool {
    !matches!(tag, PlatformTag::Linux { .. } | PlatformTag::Any)
}

/// Whether a tag is earned, in whatever spelling.
pub(super) fn holds(earned: &Earned, tag: &PlatformTag) -> bool {
    earned.holds(tag) || earned.holds(&tag.normalized())
}

fn unknown(tag: &PlatformTag) -> Option<Diagnostic> {
    let PlatformTag::Other(name) = tag else { return None };
    Some(Diagnostic::new(Code::TW615, format!("the tag `{name}` is of no known platform")))
}

/// Says that a tag does not hold, and every reason.
fn untrue(policies: &PolicySet, tag: &PlatformTag, subject: &Subject<'_>, earned: &Earned) -> Vec<Diagnostic> {
    let found = policies.find(tag);
    let has_policies = platform::of(tag).is_some_and(|platform| platform.libc().is_some());
    if found.is_none() && has_policies && !matches!(tag, PlatformTag::Linux { .. }) {
        let message = format!("there is no policy `{tag}`");
        return vec![Diagnostic::new(Code::TW615, message).help("`truewheel policies` lists all")];
    }
    let untrue = Diagnostic::new(Code::TW601, format!("the bytes do not earn `{tag}`"));
    let mut findings = vec![match earned.tags.first() {
        Some(best) => untrue.help(format!("the best that they earn is `{best}`")),
        None => untrue,
    }];
    match found {
        Some((policy, arch)) => {
            let verdict = policy::judge_within(policies, policy, arch, subject);
            findings.extend(verdict.reasons.iter().map(|reason| reason.diagnostic().at(Severity::Error)));
        }
        None => findings.extend(policy::refusals(policies, tag, subject)),
    }
    findings
}
