//! `truewheel retag`: other tags, with the proof that they are true; each wheel is written whole or not at all.

use std::path::{Path, PathBuf};

use super::write::{self, One, Results, is_one_file, of_wheel, refusal};
use crate::audit::{self, AuditOptions};
use crate::cli::args::RetagArgs;
use crate::cli::inputs;
use crate::cli::settings::{Environment, Settings};
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::compose::retag::{self, RetagOptions, Retagged, TagEdit};
use crate::error::{Error, Result};
use crate::report::Report;

/// Retags each wheel; all are tried.
pub fn run(args: &RetagArgs, settings: &Settings, environment: &Environment, terminal: &Terminal) -> Status {
    let prepared = super::audit::options(&args.report, settings).and_then(|audit| {
        let options = options(args, &audit, environment)?;
        Ok(Retag { args, terminal, options, audit, results: Results::default() })
    });
    match prepared {
        Ok(retag) => write::all(inputs::expand(&args.inputs), &args.report, terminal, &|path| retag.one(path)),
        Err(error) => {
            terminal.error(&error);
            Status::Impossible
        }
    }
}

/// What holds for all wheels of a command.
struct Retag<'a> {
    args: &'a RetagArgs,
    terminal: &'a Terminal,
    options: RetagOptions,
    audit: AuditOptions,
    results: Results,
}

impl Retag<'_> {
    /// Retags one wheel.
    fn one(&self, path: &Path) -> One {
        let name = path.display().to_string();
        let fail = |error: Error, report| {
            let status = Status::of_writing(&error);
            One { failure: Some((of_wheel(error, &name), status)), report, output: None }
        };
        let folder = (!self.args.result.dry_run).then_some(self.args.wheel_dir.as_path());
        let mut outcome = match retag::retag(path, &self.options, folder) {
            Ok(outcome) => outcome,
            Err(error) => {
                let report = (Status::of_writing(&error) == Status::Fault).then(|| {
                    let mut report = self.audit.report(&name);
                    report.push(refusal(&error));
                    report
                });
                return fail(error, report);
            }
        };
        let mut report = audit::retagged(path, &outcome, &self.audit);
        write::say(self.terminal, &report);
        self.prove(&report, outcome.is_refused(&self.options.accept));
        match self.publish(path, &mut outcome) {
            Ok(output) => {
                report.outputs.extend(output.iter().map(|path| path.display().to_string()));
                One { output, failure: None, report: Some(report) }
            }
            Err(error) => fail(error, Some(report)),
        }
    }

    /// Says why the tags are true.
    fn prove(&self, report: &Report, is_refused: bool) {
        for line in report.proof.iter().filter(|_| !is_refused) {
            self.terminal.say(line);
        }
    }

    /// Gives the result its name, and removes the wheel that was read if that was asked for.
    fn publish(&self, path: &Path, outcome: &mut Retagged) -> Result<Option<PathBuf>> {
        let destination = self.args.wheel_dir.join(outcome.name.to_string());
        if !outcome.is_refused(&self.options.accept) {
            self.results.claim(&destination, path)?;
        }
        if self.args.result.dry_run && !outcome.is_refused(&self.options.accept) {
            self.terminal.say(&format!("would write {}", destination.display()));
            return Ok(None);
        }
        let output = outcome.publish(&self.options.accept)?;
        if let Some(written) = output.as_deref().filter(|_| self.args.result.remove)
            && !is_one_file(path, written)
        {
            std::fs::remove_file(path).map_err(|error| Error::io(path.display(), &error))?;
        }
        Ok(output)
    }
}

/// Returns what the flags ask for.
fn options(args: &RetagArgs, audit: &AuditOptions, environment: &Environment) -> Result<RetagOptions> {
    let edit = |text: &Option<String>, flag: &str| match text {
        None => Ok(TagEdit::Keep),
        Some(text) => TagEdit::read(text).map_err(|error| error.about(flag)),
    };
    let build = args.tags.build.as_deref();
    if let Some(build) = build.filter(|build| !build.is_empty()) {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
        if !build.starts_with(|first: char| first.is_ascii_digit()) || !build.chars().all(is_plain) {
            return Err(
                Error::usage("a build tag begins with a digit, and holds letters, digits, `_` and `.`").about(build)
            );
        }
    }
    Ok(RetagOptions {
        python: edit(&args.tags.python_tag, "--python-tag")?,
        abi: edit(&args.tags.abi_tag, "--abi-tag")?,
        platform: edit(&args.tags.platform_tag, "--platform-tag")?,
        build: build.map(str::to_owned),
        auto: args.tags.auto,
        force: args.tags.force,
        ignore_recorded: args.tags.ignore_recorded,
        rename_extensions: args.result.rename_extensions,
        accept: args.result.accept.iter().map(|name| write::accepted(name)).collect::<Result<_>>()?,
        source_date_epoch: write::source_date_epoch(environment)?,
        policies: audit.policies.clone(),
        ..RetagOptions::default()
    })
}
