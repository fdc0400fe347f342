//! The report of a merge: what the result holds, what was done, what was found.

use std::path::Path;

use super::{AuditOptions, binary, targets};
use crate::compose::merge::Merged;
use crate::report::Report;

/// Returns the report of a merge whose first wheel is at `path`; outputs are for the caller to add.
pub fn merged(path: &Path, outcome: &Merged, options: &AuditOptions) -> Report {
    let mut report = options.report(&path.display().to_string());
    let claimed: Vec<_> = outcome.before.iter().flat_map(|name| name.tags.platforms()).cloned().collect();
    report.tags.claimed =
        outcome.before.iter().flat_map(|name| name.tags.expand()).map(|tag| tag.to_string()).collect();
    report.tags.earned = outcome.earned.tags.iter().map(ToString::to_string).collect();
    report.plan.clone_from(&outcome.steps);
    if let Some(target) = targets(&outcome.binaries, &claimed).first() {
        report.binaries.extend(outcome.binaries.iter().map(|entry| binary::entry(entry, *target)));
    }
    report.extend(outcome.diagnostics.iter().cloned());
    report.sort();
    report
}
