//! What `show` and `check` share: each file examined, its report printed, the highest status kept.

use std::path::Path;

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
        config: settings.config.as_ref().map(|path| path.display().to_string()),
        ..AuditOptions::default()
    })
}

/// Examines each file and prints its report.
pub fn each(
    paths: inputs::Paths,
    mut printer: Printer,
    terminal: &Terminal,
    examine: &dyn Fn(&Path) -> Result<Report>,
    status_of: &dyn Fn(&Report) -> Status,
) -> Status {
    let mut status = Status::Done;
    let progress = terminal.progress(paths.len());
    for path in paths {
        let report = path.and_then(|path| {
            progress.set_message(path.display().to_string());
            examine(&path)
        });
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
    progress.finish_and_clear();
    if let Err(error) = printer.finish() {
        terminal.error(&error);
        status = Status::Impossible;
    }
    status
}
