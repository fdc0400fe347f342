//! `truewheel check`: what an installer, a loader or PyPI would stumble over, with an exit status for CI.

use std::path::Path;

use crate::audit::AuditOptions;
use crate::cli::args::CheckArgs;
use crate::cli::inputs;
use crate::cli::printer::{Printer, View};
use crate::cli::settings::{Environment, Settings};
use crate::cli::status::Status;
use crate::cli::subject::{self, Subject};
use crate::cli::terminal::Terminal;
use crate::compose::retag::{self, RetagOptions};
use crate::diagnostic::Code;
use crate::error::{Error, ErrorKind, Result};
use crate::report::Report;
use crate::tag::AbiTag;

/// Checks each file; status 1 if any finding is an error.
pub fn run(args: &CheckArgs, settings: &Settings, environment: &Environment, terminal: &Terminal) -> Status {
    let prepared = super::audit::options(&args.report, settings).and_then(|mut options| {
        let names: Vec<&str> = args.plat.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
        options.plat = super::policies::platforms(&names, &options.policies)?;
        options.require_archs = args.require_archs.clone().unwrap_or_default();
        options.levels.set_profile(args.profile);
        options.require_abi = abis(&args.require_abi)?;
        options.ignore_recorded = args.ignore_recorded;
        options.why_not_better = false;
        let mending = args.fix.then(|| mending(&options, environment)).transpose()?;
        Ok((options, mending))
    });
    let (options, mending) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            terminal.error(&error);
            return Status::Impossible;
        }
    };
    let printer = Printer::new(&args.report, View::Findings, terminal);
    let paths = inputs::with_folders(inputs::expand(&args.inputs));
    let examine = |path: &Path| match (&mending, args.wheel_dir.as_deref()) {
        (Some(mending), Some(folder)) => fix(path, folder, mending, &options, terminal),
        _ => subject::check(path, &options),
    };
    super::audit::each(paths, printer, terminal, &examine, &Status::of)
}

/// Returns the tags of `--require-abi`.
fn abis(names: &[String]) -> Result<Vec<AbiTag>> {
    let mut tags = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let Ok(tag) = name.parse::<AbiTag>();
        if matches!(tag, AbiTag::Other(_)) {
            return Err(Error::usage(format!("`{name}` is no ABI tag")).about("--require-abi"));
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// Returns what `--fix` asks for.
fn mending(options: &AuditOptions, environment: &Environment) -> Result<RetagOptions> {
    Ok(RetagOptions {
        mends: true,
        now: options.now,
        source_date_epoch: super::write::source_date_epoch(environment)?,
        policies: options.policies.clone(),
        ignore_recorded: options.ignore_recorded,
        // A binary that cannot be read is told of in the report, and stays as it is.
        accept: vec![Code::TW201],
        ..RetagOptions::default()
    })
}

/// Mends a wheel into `folder` and reports on the result; on the wheel itself, where it cannot be mended.
fn fix(
    path: &Path,
    folder: &Path,
    mending: &RetagOptions,
    options: &AuditOptions,
    terminal: &Terminal,
) -> Result<Report> {
    let written = match subject::identify(path)? {
        Subject::Binary(_) => Err(Error::refused("a bare binary is not mended")),
        Subject::Archive => {
            retag::retag(path, mending, Some(folder)).and_then(|mut made| made.publish(&mending.accept))
        }
    };
    match written {
        Ok(Some(result)) => {
            let mut report = subject::check(&result, options)?;
            report.wheel = path.display().to_string();
            report.outputs.push(result.display().to_string());
            terminal.say(&format!("wrote {}", result.display()));
            Ok(report)
        }
        Err(error) if matches!(error.kind(), ErrorKind::Io | ErrorKind::Internal) => Err(error.about(path.display())),
        Ok(None) | Err(_) => subject::check(path, options),
    }
}
