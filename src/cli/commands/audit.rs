//! What `show` and `check` share: each file examined, its report printed, the highest status kept.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::prelude::*;

use crate::audit::AuditOptions;
use crate::cli::args::ReportArgs;
use crate::cli::inputs;
use crate::cli::levels;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::error::Result;
use crate::report::Report;

/// Returns the options that the common flags give.
///
/// # Errors
/// `Usage` or `Io` if a level or the policy file is wrong.
pub fn options(args: &ReportArgs, settings: &Settings) -> Result<AuditOptions> {
    Ok(AuditOptions {
        policies: super::policies::policy_set(args.policy_file.as_deref())?,
        levels: levels::levels(args, settings)?,
        now: SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|past| i64::try_from(past.as_secs()).ok()),
        config: settings.config.as_ref().map(|path| path.display().to_string()),
        ..AuditOptions::default()
    })
}

/// Files larger than this, in bytes, are examined one at a time: each core has work in one of them, and what is known of
/// several would be held at once.
const LARGE: u64 = 24 << 20;

/// Examines each file and prints its report, in the order given; small ones several at a time.
pub fn each(
    paths: inputs::Paths,
    mut printer: Printer,
    terminal: &Terminal,
    examine: &(dyn Fn(&Path) -> Result<Report> + Sync),
    status_of: &dyn Fn(&Report) -> Status,
) -> Status {
    let mut status = Status::Done;
    let progress = terminal.progress(paths.len());
    for batch in batches(paths) {
        if let Some(Ok(path)) = batch.first() {
            progress.set_message(path.display().to_string());
        }
        let reports: Vec<Result<Report>> =
            batch.into_par_iter().map(|path| path.and_then(|path| examine(&path))).collect();
        for report in reports {
            progress.inc(1);
            let outcome = report.and_then(|report| {
                status = status.max(status_of(&report));
                progress.suspend(|| printer.report(report))
            });
            if let Err(error) = outcome {
                status = Status::Impossible;
                progress.suspend(|| terminal.error(&error));
            }
            if printer.is_closed() {
                break;
            }
        }
        if printer.is_closed() {
            break;
        }
    }
    progress.finish_and_clear();
    if let Err(error) = printer.finish() {
        terminal.error(&error);
        status = Status::Impossible;
    }
    status
}

/// Paths in their order, twice as many together as there are threads; large files alone.
fn batches(paths: inputs::Paths) -> Vec<inputs::Paths> {
    let most = rayon::current_num_threads().saturating_mul(2).max(1);
    let mut batches: Vec<inputs::Paths> = Vec::new();
    let mut open = false;
    for path in paths {
        let size = path.as_ref().ok().and_then(|path| std::fs::metadata(path).ok()).map_or(0, |facts| facts.len());
        match batches.last_mut().filter(|batch| open && size <= LARGE && batch.len() < most) {
            Some(batch) => batch.push(path),
            None => batches.push(vec![path]),
        }
        open = size <= LARGE;
    }
    batches
}
