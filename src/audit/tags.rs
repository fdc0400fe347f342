//! Which tags the bytes earn, whether those that are claimed are among them, and what keeps the wheel from better ones.

use std::collections::{BTreeMap, BTreeSet};

use super::{AuditOptions, Case};
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::load::{Graph, Object, ObjectId, Root};
use crate::platform;
use crate::policy::{self, Externals, PolicyFamily, PolicySet, Reason, Requirement, Subject};
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
        let is_judged = platform::of(tag).is_some();
        if let PlatformTag::Linux { arch } = tag
            && earned.holds(tag)
        {
            report.extend(foreign(&options.policies, *arch, &subject));
        }
        if !is_judged || earned.holds(tag) || seen.contains(&tag.normalized()) {
            continue;
        }
        seen.push(tag.normalized());
        let found = options.policies.find(tag);
        let has_policies = platform::of(tag).is_some_and(|platform| platform.libc().is_some());
        if found.is_none() && has_policies {
            report.push(no_policy(tag, by_caller));
            continue;
        }
        let best = earned.tags.first().map(|tag| format!("the best that they earn is `{tag}`"));
        let who = if by_caller { "was asked for" } else { "is claimed" };
        let message = format!("`{tag}` {who}, and the bytes do not earn it");
        let untrue = Diagnostic::new(Code::TW601, message);
        report.push(match best {
            Some(best) => untrue.help(best),
            None => untrue,
        });
        let Some((policy, arch)) = found else {
            report.extend(policy::refusals(&options.policies, tag, &subject));
            continue;
        };
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
    if !options.why_not_better {
        return judged;
    }
    let mut chains = Chains::of(graph);
    report.next_tags = earned
        .better
        .iter()
        .map(|verdict| {
            let blockers = verdict.reasons.iter().map(|reason| blocker(reason, &mut chains)).collect();
            NextTag::new(&verdict.tag, blockers)
        })
        .collect();
    judged
}

/// Binaries for other machines, which no policy refuses where the tag is `linux_*`.
fn foreign(policies: &PolicySet, arch: Arch, subject: &Subject<'_>) -> Vec<Diagnostic> {
    let any = [PolicyFamily::Manylinux, PolicyFamily::Musllinux]
        .into_iter()
        .find_map(|family| policies.of(family, arch).next());
    let reasons = any.map(|policy| policy::judge(policy, arch, subject).reasons).unwrap_or_default();
    let foreign = reasons.iter().filter(|reason| reason.code == Code::TW406);
    foreign.map(|reason| reason.diagnostic().at(Severity::Warning)).collect()
}

fn reported(report: &Report, reason: &Reason) -> bool {
    report.diagnostics.iter().any(|finding| {
        finding.diagnostic.code == reason.code && finding.diagnostic.member.as_deref() == Some(reason.member.as_str())
    })
}

/// The finding about a tag for which there is no policy to judge by.
fn no_policy(tag: &PlatformTag, by_caller: bool) -> Diagnostic {
    match tag {
        PlatformTag::Linux { .. } => Diagnostic::new(
            Code::TW601,
            format!("`{tag}` is claimed, and the binaries are for another system or processor"),
        ),
        _ => {
            let who = if by_caller { "asked for" } else { "claimed" };
            Diagnostic::new(Code::TW615, format!("there is no policy `{tag}`, which is {who}"))
                .help("`truewheel policies` lists all")
        }
    }
}

/// For each binary, from each load root that loads it the shortest chain; each is found once.
struct Chains<'a> {
    graph: &'a Graph,
    /// Binaries of the wheel by archive name.
    objects: BTreeMap<&'a str, ObjectId>,
    /// For each object the roots that load it.
    roots: BTreeMap<ObjectId, Vec<&'a Root>>,
    known: BTreeMap<String, Vec<Vec<String>>>,
}

impl<'a> Chains<'a> {
    fn of(graph: &'a Graph) -> Self {
        let named = |(id, object): (ObjectId, &'a Object)| object.member.as_deref().map(|member| (member, id));
        let mut roots: BTreeMap<ObjectId, Vec<&Root>> = BTreeMap::new();
        for root in graph.all_roots() {
            let variants = root.edges.iter().flat_map(|edge| &edge.variants);
            let loaded: BTreeSet<ObjectId> = root.scope.iter().chain(variants).copied().collect();
            for id in loaded {
                roots.entry(id).or_default().push(root);
            }
        }
        Self { graph, objects: graph.wheel_objects().filter_map(named).collect(), roots, known: BTreeMap::new() }
    }

    fn to(&mut self, member: &str) -> Vec<Vec<String>> {
        if let Some(chains) = self.known.get(member) {
            return chains.clone();
        }
        let graph = self.graph;
        let names = |chain: Vec<ObjectId>| chain.into_iter().map(|id| graph.object(id).display_name().to_owned());
        let id = self.objects.get(member).copied();
        let roots = id.and_then(|id| Some((id, self.roots.get(&id)?)));
        let chains: Vec<Vec<String>> = roots
            .into_iter()
            .flat_map(|(id, roots)| roots.iter().filter_map(move |root| root.chain(id)))
            .map(|chain| names(chain).collect())
            .collect();
        self.known.insert(member.to_owned(), chains.clone());
        chains
    }
}

/// A reason as the report holds it, with every chain.
fn blocker(reason: &Reason, chains: &mut Chains<'_>) -> Blocker {
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
    blocker.chains = chains.to(&reason.member);
    if blocker.chains.is_empty() && !reason.chain.is_empty() {
        blocker.chains.push(reason.chain.clone());
    }
    blocker
}
