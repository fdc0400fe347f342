//! The report of a repair: what the result holds, what was done, what was found.

use std::path::Path;

use super::{AuditOptions, binary, graph};
use crate::load::Target;
use crate::repair::{Outcome, Step};
use crate::report::Report;

/// Returns the report of a repair of the wheel at `path`; outputs are for the caller to add.
pub fn repaired(path: &Path, outcome: &Outcome, options: &AuditOptions) -> Report {
    let mut report = options.report(&path.display().to_string());
    if let Some(plan) = &outcome.plan {
        report.tags.claimed = plan.tags.before.tags.expand().iter().map(ToString::to_string).collect();
        report.plan = plan.steps();
    } else {
        report.tags.claimed = outcome.name.tags.expand().iter().map(ToString::to_string).collect();
    }
    report.tags.earned = outcome.earned.tags.iter().map(ToString::to_string).collect();
    if let Some(Target { platform, arch }) = outcome.target {
        for entry in &outcome.binaries {
            report.binaries.push(binary::entry(entry, Target { platform, arch }));
        }
        graph::fill(&mut report, &outcome.graph);
    }
    report.extend(outcome.diagnostics.iter().cloned());
    report.sort();
    report
}

/// Returns a step as a phrase.
pub fn step_phrase(step: &Step) -> String {
    let list = |edits: &[String]| if edits.is_empty() { String::new() } else { format!(": {}", edits.join(", ")) };
    match step {
        Step::Vendor { member, source, joined, edits, .. } => {
            let joined: String = joined.iter().map(|part| format!(" joined with {}", part.source)).collect();
            format!("vendor {source}{joined} as {member}{}", list(edits))
        }
        Step::Edit { member, edits } => format!("edit {member}{}", list(edits)),
        Step::StartUp { member, folder } => format!("tell Windows' loader of {folder} in {member}"),
        Step::Move { member, to } => format!("move {member} to {to}, a script takes its place"),
        Step::Fuse { member } => format!("fuse {member}"),
        Step::Take { member, wheel } => format!("take {member} from {wheel}"),
        Step::Rename { member, to } => format!("rename {member} to {to}"),
        Step::Retag { from, to } => format!("tag {from} -> {to}"),
    }
}
