//! What the commands that write wheels share: paths on standard output, talk on standard error, reports where asked.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::audit;
use crate::cli::args::ReportArgs;
use crate::cli::inputs;
use crate::cli::output::Sink;
use crate::cli::printer::{Printer, View};
use crate::cli::settings::Environment;
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::diagnostic::{Code, Severity};
use crate::error::{Error, ErrorKind, Result};
use crate::report::human::{self, Detail};
use crate::report::{OutputFormat, Report};

/// What became of one wheel.
#[derive(Debug, Default)]
pub(super) struct One {
    /// The path written.
    pub(super) output: Option<PathBuf>,
    /// Why nothing was written, and what that makes of the exit status.
    pub(super) failure: Option<(Error, Status)>,
    /// What was found and done.
    pub(super) report: Option<Report>,
}

/// The results of one command: none may take the place of another's.
#[derive(Debug, Default)]
pub(super) struct Results(RefCell<BTreeMap<PathBuf, PathBuf>>);

impl Results {
    /// Notes that `result` is made of `input`.
    ///
    /// # Errors
    /// `Refused` if it was made of another wheel before.
    pub(super) fn claim(&self, result: &Path, input: &Path) -> Result<()> {
        let mut made = self.0.borrow_mut();
        match made.get(result) {
            // A result of before that is repaired again takes its own place.
            Some(other) if !is_one_file(other, input) && !is_one_file(result, input) => {
                let message = format!("the result of `{}` has this name too", other.display());
                Err(Error::refused(message).about(result.display()).hint("write them into different folders"))
            }
            _ => {
                made.insert(result.to_owned(), input.to_owned());
                Ok(())
            }
        }
    }
}

/// Whether two paths lead to one file.
pub(super) fn is_one_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Writes each wheel by `one`, and prints paths and reports; all are tried.
pub(super) fn all(paths: inputs::Paths, args: &ReportArgs, terminal: &Terminal, one: &dyn Fn(&Path) -> One) -> Status {
    let mut status = Status::Done;
    let mut printer = Printer::new(args, View::Findings, terminal);
    // In human form the report is what is said on stderr, unless it has a file of its own.
    let prints = args.format != OutputFormat::Human || args.output.is_some();
    let mut written = Sink::new(None);
    let progress = terminal.progress(paths.len());
    for path in paths {
        let One { output, failure, report } = match path {
            Ok(path) => {
                progress.set_message(path.display().to_string());
                progress.suspend(|| one(&path))
            }
            Err(error) => One { failure: Some((error, Status::Impossible)), ..One::default() },
        };
        progress.inc(1);
        if let Some((error, of_wheel)) = failure {
            progress.suspend(|| terminal.error(&error));
            status = status.max(of_wheel);
        }
        let printed = match output {
            Some(path) if args.format == OutputFormat::Human => {
                progress.suspend(|| written.write(&format!("{}\n", path.display())))
            }
            _ => Ok(()),
        };
        let printed = printed.and_then(|()| match report {
            Some(report) if prints => printer.report(report),
            _ => Ok(()),
        });
        if let Err(error) = printed {
            progress.suspend(|| terminal.error(&error));
            status = Status::Impossible;
        }
    }
    progress.finish_and_clear();
    if let Err(error) = if prints { printer.finish() } else { Ok(()) } {
        terminal.error(&error);
        status = Status::Impossible;
    }
    status
}

/// Says what was found and done.
pub(super) fn say(terminal: &Terminal, report: &Report) {
    let least = match terminal.detail() {
        Detail::Quiet => Severity::Error,
        Detail::Normal => Severity::Warning,
        Detail::Verbose => Severity::Note,
    };
    for finding in report.diagnostics.iter().filter(|finding| finding.diagnostic.severity >= least) {
        terminal.raw(&human::finding(finding, terminal.palette()));
    }
    // What was refused was not done.
    let done = report.verdict == crate::report::Outcome::Ok || !report.outputs.is_empty();
    for step in report.plan.iter().filter(|_| done) {
        let phrase = audit::step_phrase(step);
        // What is changed inside a binary is for those who ask.
        let short = phrase.split(": ").next().unwrap_or(&phrase);
        terminal.say(if terminal.detail() == Detail::Verbose { &phrase } else { short });
    }
}

/// Names the wheel in an error, before the member that the error is about.
pub(super) fn of_wheel(error: Error, name: &str) -> Error {
    match error.subject() {
        Some(subject) if subject != name => error.context(format!("`{name}`")),
        Some(_) => error,
        None => error.about(name),
    }
}

/// The finding that an error becomes, so that a report says it too.
pub(super) fn refusal(error: &Error) -> crate::diagnostic::Diagnostic {
    match error.kind() {
        ErrorKind::Malformed => audit::no_archive(error),
        _ => crate::diagnostic::Diagnostic::new(Code::TW702, error.message().to_owned()),
    }
}

/// Returns a code of `--accept`.
pub(super) fn accepted(name: &str) -> Result<Code> {
    name.parse::<Code>().map_err(|()| Error::usage(format!("`{name}` is no code or slug")).about("--accept"))
}

/// Returns `SOURCE_DATE_EPOCH`.
pub(super) fn source_date_epoch(environment: &Environment) -> Result<Option<i64>> {
    let Some(value) = environment.get("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = value.to_str().and_then(|text| text.trim().parse::<i64>().ok());
    seconds.map(Some).ok_or_else(|| Error::usage("is not a number of seconds").about("SOURCE_DATE_EPOCH"))
}
