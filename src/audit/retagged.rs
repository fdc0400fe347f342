//! The report of a retagging: what was read, what was done, why the tags are true.

use std::path::Path;

use super::{AuditOptions, binary, targets};
use crate::compose::retag::Retagged;
use crate::report::Report;

/// Returns the report of a retagging of the wheel at `path`; outputs are for the caller to add.
pub fn retagged(path: &Path, outcome: &Retagged, options: &AuditOptions) -> Report {
    let mut report = options.report(&path.display().to_string());
    report.tags.claimed = outcome.before.tags.expand().iter().map(ToString::to_string).collect();
    report.tags.earned = outcome.earned.tags.iter().map(ToString::to_string).collect();
    report.plan.clone_from(&outcome.steps);
    report.proof.clone_from(&outcome.proof);
    if let Some(target) = targets(&outcome.binaries, outcome.before.tags.platforms()).first() {
        report.binaries.extend(outcome.binaries.iter().map(|entry| binary::entry(entry, *target)));
    }
    report.extend(outcome.diagnostics.iter().cloned());
    report.sort();
    report
}
