//! The report of a repair: what the result holds, what was done, what was found.

use std::path::Path;

use super::{AuditOptions, binary, fill_graph};
use crate::load::Target;
use crate::repair::{Outcome, Step};
use crate::report::{Report, StepEntry};

/// Returns the report of a repair of the wheel at `path`; outputs are for the caller to add.
pub fn repaired(path: &Path, outcome: &Outcome, options: &AuditOptions) -> Report {
    let mut report = options.report(&path.display().to_string());
    if let Some(plan) = &outcome.plan {
        report.tags.claimed = plan.tags.before.tags.expand().iter().map(ToString::to_string).collect();
        report.plan = plan.steps().iter().map(step).collect();
    } else {
        report.tags.claimed = outcome.name.tags.expand().iter().map(ToString::to_string).collect();
    }
    report.tags.earned = outcome.earned.tags.iter().map(ToString::to_string).collect();
    if let Some(Target { platform, arch }) = outcome.target {
        for entry in &outcome.binaries {
            report.binaries.push(binary::entry(entry, Target { platform, arch }));
        }
        fill_graph(&mut report, &outcome.graph);
    }
    report.extend(outcome.diagnostics.iter().cloned());
    report.sort();
    report
}

/// Returns a step as a report holds it.
fn step(step: &Step) -> StepEntry {
    let (action, member, from, to) = match step {
        Step::Vendor { member, source, .. } => ("vendor", Some(member), Some(source), None),
        Step::Edit { member, .. } => ("edit", Some(member), None, None),
        Step::Move { member, to } => ("move", Some(member), None, Some(to)),
        Step::Retag { from, to } => ("tag", None, Some(from), Some(to)),
    };
    let mut entry = StepEntry::new(action, step_phrase(step));
    entry.member = member.cloned();
    entry.from = from.cloned();
    entry.to = to.cloned();
    entry
}

/// Returns a step as a phrase.
pub fn step_phrase(step: &Step) -> String {
    let list = |edits: &[String]| if edits.is_empty() { String::new() } else { format!(": {}", edits.join(", ")) };
    match step {
        Step::Vendor { member, source, edits, .. } => format!("vendor {source} as {member}{}", list(edits)),
        Step::Edit { member, edits } => format!("edit {member}{}", list(edits)),
        Step::Move { member, to } => format!("move {member} to {to}, a script takes its place"),
        Step::Retag { from, to } => format!("tag {from} -> {to}"),
    }
}
