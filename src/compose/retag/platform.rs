//! Platform tags held against the bytes, by the code that `check` and `repair` judge with.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::Result;
use crate::load::{self, Binary, Universe};
use crate::platform;
use crate::policy::{self, Earned, Externals, Given, PolicySet, Subject};
use crate::tag::{PlatformTag, TagSet};

/// What the bytes say of platform tags.
#[derive(Debug, Default)]
pub(in crate::compose) struct Judgement {
    /// What they earn.
    pub(in crate::compose) earned: Earned,
    /// Why those asked about do not hold.
    pub(in crate::compose) findings: Vec<Diagnostic>,
}

/// Judges the platform tags of `tags` for these binaries.
///
/// # Errors
/// `Unsupported` if the dependency graph is too large to follow.
pub(in crate::compose) fn judge(
    policies: &PolicySet,
    binaries: &[Binary],
    tags: &TagSet,
    excluded: &BTreeSet<String>,
) -> Result<Judgement> {
    let claimed = tags.platforms();
    let mut judgement = Judgement::default();
    if binaries.is_empty() {
        judgement.earned.tags = vec![PlatformTag::Any];
        judgement.findings = claimed.iter().filter_map(unknown).collect();
        return Ok(judgement);
    }
    let target = policy::platform(binaries, claimed);
    let images = binaries.iter().map(|binary| (binary.member.as_str(), binary.image.as_ref()));
    let targets = load::targets(target, images, claimed);
    let graph = load::resolve_each(&Universe::new(binaries), &targets, |target| {
        Given::new(policies, target.platform, target.arch).for_tags(Some(tags)).leaving(excluded)
    })?;
    let subject = Subject::of(&graph, Externals::Absent);
    judgement.earned = policy::earned(policies, &subject, claimed);
    for tag in claimed {
        judgement.findings.extend(unknown(tag));
        if *tag == PlatformTag::Any {
            judgement.findings.extend(binaries.first().map(|binary| {
                Diagnostic::new(Code::TW614, "is a binary, and the tag `any` is for every platform")
                    .member(&binary.member)
            }));
        } else if platform::of(tag).is_some() && !holds(&judgement.earned, tag) {
            judgement.findings.extend(untrue(policies, tag, &subject, &judgement.earned));
        }
    }
    Ok(judgement)
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
