//! `truewheel merge`: one universal2 wheel of two, written whole or not at all.

use std::path::{Path, PathBuf};

use super::write::{self, One, of_wheel, refusal};
use crate::audit::{self, AuditOptions};
use crate::cli::args::MergeArgs;
use crate::cli::args::merge::Take;
use crate::cli::inputs;
use crate::cli::settings::{Environment, Settings};
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::compose::merge::{self, MergeOptions, Side};
use crate::error::{Error, ErrorKind, Result};

/// Merges the two wheels.
pub fn run(args: &MergeArgs, settings: &Settings, environment: &Environment, terminal: &Terminal) -> Status {
    let prepared = super::audit::options(&args.report, settings)
        .and_then(|audit| Ok((options(args, &audit, environment)?, audit, wheels(args)?)));
    let (options, audit, [first, second]) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            terminal.error(&error);
            return Status::Impossible;
        }
    };
    let one = |path: &Path| one([path, &second], args, &options, &audit, terminal);
    write::all(vec![Ok(first)], &args.report, terminal, &one)
}

fn one(paths: [&Path; 2], args: &MergeArgs, options: &MergeOptions, audit: &AuditOptions, terminal: &Terminal) -> One {
    let name = paths[0].display().to_string();
    let fail = |error: Error, report| {
        let status = Status::of_writing(&error);
        One { failure: Some((of_wheel(error, &name), status)), report, output: None }
    };
    let folder = (!args.dry_run).then_some(args.wheel_dir.as_path());
    let mut merged = match merge::merge(paths, options, folder) {
        Ok(merged) => merged,
        Err(error) => {
            let report = (Status::of_writing(&error) == Status::Fault).then(|| {
                let mut report = audit.report(&name);
                report.push(refusal(&error));
                report
            });
            return fail(error, report);
        }
    };
    let mut report = audit::merged(paths[0], &merged, audit);
    write::say(terminal, &report);
    if args.dry_run && !merged.is_refused(&options.accept) {
        terminal.say(&format!("would write {}", args.wheel_dir.join(merged.name.to_string()).display()));
        return One { output: None, failure: None, report: Some(report) };
    }
    match merged.publish(&options.accept) {
        Ok(output) => {
            report.outputs.extend(output.iter().map(|path| path.display().to_string()));
            One { output, failure: None, report: Some(report) }
        }
        Err(error) => fail(error, Some(report)),
    }
}

/// Returns the two wheels, in the order in which they were given.
fn wheels(args: &MergeArgs) -> Result<[PathBuf; 2]> {
    let paths = inputs::expand(&args.inputs).into_iter().collect::<Result<Vec<PathBuf>>>()?;
    for path in &paths {
        if !path.is_file() {
            return Err(Error::new(ErrorKind::Io, "there is no such file").about(path.display()));
        }
    }
    <[PathBuf; 2]>::try_from(paths)
        .map_err(|paths| Error::usage(format!("two wheels are merged, and not {}", paths.len())))
}

/// Returns what the flags ask for.
fn options(args: &MergeArgs, audit: &AuditOptions, environment: &Environment) -> Result<MergeOptions> {
    Ok(MergeOptions {
        take: args.take.map(|take| match take {
            Take::First => Side::First,
            Take::Second => Side::Second,
        }),
        accept: args.accept.iter().map(|name| write::accepted(name)).collect::<Result<_>>()?,
        source_date_epoch: write::source_date_epoch(environment)?,
        policies: audit.policies.clone(),
        ..MergeOptions::default()
    })
}
