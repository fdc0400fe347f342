//! Which tags the bytes earn, whether those that are claimed are among them, and what keeps the wheel from better ones.

use std::collections::BTreeSet;

use super::{AuditOptions, Case};
use crate::diagnostic::{Code, Diagnostic};
use crate::load::Graph;
use crate::policy::{self, Externals, PolicyFamily, Reason, Requirement, Subject};
use crate::report::{Blocker, NextTag, Report};
use crate::tag::PlatformTag;

/// What the judgement of claimed tags has said of missing libraries.
#[derive(Debug, Default)]
pub(super) struct Judged {
    libraries: BTreeSet<(String, String)>,
}

impl Judged {
    /// Returns true if a finding names this library of this member.
    pub(super) fn named(&self, member: &str, library: &str) -> bool {
        self.libraries.contains(&(member.to_owned(), library.to_owned()))
    }
}

/// Fills in tags earned and what keeps the wheel from better ones; reports tags that are claimed or asked for and do not
/// hold, with every reason.
pub(super) fn judge(report: &mut Report, graph: &Graph, case: &Case<'_>, options: &AuditOptions) -> Judged {
    let mut subject = Subject::of(graph, Externals::Absent);
    if options.any_processor {
        subject = subject.tolerating(Code::TW405);
    }
    let earned = policy::earned(&options.policies, &subject, case.claimed);
    let mut judged = Judged::default();
    let asked = case.claimed.iter().map(|tag| (tag, false)).chain(options.plat.iter().map(|tag| (tag, true)));
    let mut seen: Vec<PlatformTag> = Vec::new();
    for (tag, by_caller) in asked {
        let is_judged = matches!(tag, PlatformTag::Linux { .. }) || PolicyFamily::of(tag).is_some();
        if !is_judged || earned.holds(tag) || seen.contains(&tag.normalized()) {
            continue;
        }
        seen.push(tag.normalized());
        let Some((policy, arch)) = options.policies.find(tag) else {
            report.push(no_policy(tag, by_caller));
            continue;
        };
        let best = earned.tags.first().map(|tag| format!("the best that they earn is `{tag}`"));
        let who = if by_caller { "was asked for" } else { "is claimed" };
        let message = format!("`{tag}` {who}, and the bytes do not earn it");
        let untrue = Diagnostic::new(Code::TW601, message);
        report.push(match best {
            Some(best) => untrue.help(best),
            None => untrue,
        });
        let verdict = policy::judge_within(&options.policies, policy, arch, &subject);
        for reason in &verdict.reasons {
            let python = matches!(reason.code, Code::TW501 | Code::TW503 | Code::TW504);
            if let Requirement::Library { library } = &reason.requirement {
                judged.libraries.insert((reason.member.clone(), library.clone()));
            }
            // What is wrong with the Python side of a binary is said once, whatever the tag.
            if !(python && reported(report, reason)) {
                report.push(reason.diagnostic());
            }
        }
    }
    if !case.bare {
        report.tags.earned = earned.tags.iter().map(ToString::to_string).collect();
    }
    report.extend(earned.notes);
    report.next_tags = earned
        .better
        .iter()
        .map(|verdict| {
            let blockers = verdict.reasons.iter().map(|reason| blocker(reason, graph)).collect();
            NextTag::new(&verdict.tag, blockers)
        })
        .collect();
    judged
}

fn reported(report: &Report, reason: &Reason) -> bool {
    report.diagnostics.iter().any(|finding| {
        finding.diagnostic.code == reason.code && finding.diagnostic.member.as_deref() == Some(reason.member.as_str())
    })
}

/// The finding about a tag for which there is no policy to judge by.
fn no_policy(tag: &PlatformTag, by_caller: bool) -> Diagnostic {
    match tag {
        PlatformTag::Linux { .. } => {
            Diagnostic::new(Code::TW601, format!("`{tag}` names another processor than that of the binaries"))
        }
        _ => {
            let who = if by_caller { "asked for" } else { "claimed" };
            Diagnostic::new(Code::TW615, format!("there is no policy `{tag}`, which is {who}"))
                .help("`truewheel policies` lists all")
        }
    }
}

/// A reason as the report holds it, with a chain from each load root.
fn blocker(reason: &Reason, graph: &Graph) -> Blocker {
    let diagnostic = reason.diagnostic();
    let mut blocker = Blocker::new(reason.code, diagnostic.message);
    blocker.member = Some(reason.member.clone()).filter(|member| !member.is_empty());
    blocker.library = reason.library().map(str::to_owned);
    blocker.symbols = reason.symbols().to_vec();
    blocker.version = match &reason.requirement {
        Requirement::Version { version, .. } => Some(version.clone()),
        Requirement::Release { release, .. } => release.clone(),
        _ => None,
    };
    blocker.chains = chains(&reason.member, graph);
    if blocker.chains.is_empty() && !reason.chain.is_empty() {
        blocker.chains.push(reason.chain.clone());
    }
    blocker
}

/// For each load root from which the binary is loaded, the shortest chain.
fn chains(member: &str, graph: &Graph) -> Vec<Vec<String>> {
    let Some((id, _)) = graph.wheel_objects().find(|(_, object)| object.member.as_deref() == Some(member)) else {
        return Vec::new();
    };
    let names = |chain: Vec<_>| chain.into_iter().map(|id| graph.object(id).display_name().to_owned()).collect();
    graph.all_roots().filter_map(|root| root.chain(id)).map(names).collect()
}
