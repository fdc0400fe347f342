//! `truewheel repair`: vendor, rewire, retag; each wheel is written whole or not at all.

use std::path::{Path, PathBuf};

use crate::audit::{self, AuditOptions};
use crate::cli::args::{self, RepairArgs, StripWhat};
use crate::cli::inputs;
use crate::cli::output::{Sink, write_file};
use crate::cli::printer::{Printer, View};
use crate::cli::search::{Search, split_list};
use crate::cli::settings::{Environment, Settings};
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::diagnostic::{Code, Severity};
use crate::error::{Error, ErrorKind, Result};
use crate::policy::PolicySet;
use crate::python::startup::Place;
use crate::repair::{self, Include, Layout, Options, Outcome, Patterns, PlanFile};
use crate::report::human::{self, Detail};
use crate::report::{OutputFormat, Report};
use crate::tag::PlatformTag;

/// Repairs each wheel; all are tried.
pub fn run(args: &RepairArgs, settings: &Settings, environment: &Environment, terminal: &Terminal) -> Status {
    let paths = inputs::expand(&args.inputs);
    let prepared = Repair::new(args, settings, environment, terminal).and_then(|repair| {
        if args.plan.save_plan.is_some() && paths.len() > 1 {
            return Err(Error::usage("`--save-plan` takes one wheel"));
        }
        Ok(repair)
    });
    let repair = match prepared {
        Ok(repair) => repair,
        Err(error) => {
            terminal.error(&error);
            return Status::Impossible;
        }
    };
    repair.all(paths)
}

/// What became of one wheel.
#[derive(Debug, Default)]
struct One {
    /// The path written.
    output: Option<PathBuf>,
    /// Why nothing was written, and what that makes of the exit status.
    failure: Option<(Error, Status)>,
    report: Option<Report>,
}

/// What holds for all wheels of a command.
struct Repair<'a> {
    args: &'a RepairArgs,
    terminal: &'a Terminal,
    options: Options,
    audit: AuditOptions,
}

impl<'a> Repair<'a> {
    fn new(
        args: &'a RepairArgs,
        settings: &Settings,
        environment: &Environment,
        terminal: &'a Terminal,
    ) -> Result<Self> {
        let audit = super::audit::options(&args.report, settings)?;
        let options = options(args, &audit.policies, environment)?;
        Ok(Self { args, terminal, options, audit })
    }

    fn all(&self, paths: inputs::Paths) -> Status {
        let mut status = Status::Done;
        let mut printer = Printer::new(&self.args.report, View::Findings, self.terminal);
        // In human form the report is what is said on stderr, unless it has a file of its own.
        let prints = self.args.report.format != OutputFormat::Human || self.args.report.output.is_some();
        let mut written = Sink::new(None);
        let progress = self.terminal.progress(paths.len());
        for path in paths {
            let One { output, failure, report } = match path {
                Ok(path) => {
                    progress.set_message(path.display().to_string());
                    progress.suspend(|| self.one(&path))
                }
                Err(error) => One { failure: Some((error, Status::Impossible)), ..One::default() },
            };
            progress.inc(1);
            if let Some((error, of_wheel)) = failure {
                progress.suspend(|| self.terminal.error(&error));
                status = status.max(of_wheel);
            }
            let printed = match output {
                Some(path) if self.args.report.format == OutputFormat::Human => {
                    progress.suspend(|| written.write(&format!("{}\n", path.display())))
                }
                _ => Ok(()),
            };
            let printed = printed.and_then(|()| match report {
                Some(report) if prints => printer.report(report),
                _ => Ok(()),
            });
            if let Err(error) = printed {
                progress.suspend(|| self.terminal.error(&error));
                status = Status::Impossible;
            }
        }
        progress.finish_and_clear();
        if let Err(error) = if prints { printer.finish() } else { Ok(()) } {
            self.terminal.error(&error);
            status = Status::Impossible;
        }
        status
    }

    /// Repairs one wheel.
    fn one(&self, path: &Path) -> One {
        let name = path.display().to_string();
        let made = self.folder().and_then(|folder| repair::repair(path, &self.options, folder.as_deref()));
        let mut outcome = match made {
            Ok(outcome) => outcome,
            Err(error) => {
                let status = Status::of_writing(&error);
                let report = (status == Status::Fault).then(|| {
                    let mut report = self.audit.report(&name);
                    report.push(refusal(&error));
                    report
                });
                return One { failure: Some((of_wheel(error, &name), status)), report, output: None };
            }
        };
        let mut report = audit::repaired(path, &outcome, &self.audit);
        self.say(&report);
        match self.publish(&mut outcome) {
            Ok(output) => {
                report.outputs.extend(output.iter().map(|path| path.display().to_string()));
                One { output, failure: None, report: Some(report) }
            }
            Err(error) => {
                let status = Status::of_writing(&error);
                One { output: None, failure: Some((of_wheel(error, &name), status)), report: Some(report) }
            }
        }
    }

    /// Returns the folder of results, made if it is not there; `None` if nothing is to be written.
    fn folder(&self) -> Result<Option<PathBuf>> {
        if self.args.plan.dry_run {
            return Ok(None);
        }
        let folder = &self.args.wheel_dir;
        std::fs::create_dir_all(folder).map_err(|error| Error::io(folder.display(), &error))?;
        Ok(Some(folder.clone()))
    }

    /// Gives the result its name, and writes the plan's decisions.
    fn publish(&self, outcome: &mut Outcome) -> Result<Option<PathBuf>> {
        let refused = outcome.is_refused(&self.options.accept);
        if let (false, Some(file), Some(plan)) = (refused, &self.args.plan.save_plan, &outcome.plan) {
            write_file(file, plan.decisions.to_text()?.as_bytes(), None)?;
        }
        if self.args.plan.dry_run && !refused {
            self.terminal.say(&format!("would write {}", self.args.wheel_dir.join(outcome.name.to_string()).display()));
            return Ok(None);
        }
        outcome.publish(&self.options.accept)
    }

    /// Says what was found and done.
    fn say(&self, report: &Report) {
        let least = match self.terminal.detail() {
            Detail::Quiet => Severity::Error,
            Detail::Normal => Severity::Warning,
            Detail::Verbose => Severity::Note,
        };
        for finding in report.diagnostics.iter().filter(|finding| finding.diagnostic.severity >= least) {
            self.terminal.raw(&human::finding(finding, self.terminal.palette()));
        }
        // What was refused was not done.
        let done = report.verdict == crate::report::Outcome::Ok || !report.outputs.is_empty();
        for step in report.plan.iter().filter(|_| done) {
            let phrase = audit::step_phrase(step);
            // What is changed inside a binary is for those who ask.
            let short = phrase.split(": ").next().unwrap_or(&phrase);
            self.terminal.say(if self.terminal.detail() == Detail::Verbose { &phrase } else { short });
        }
    }
}

/// Names the wheel in an error, before the member that the error is about.
fn of_wheel(error: Error, name: &str) -> Error {
    match error.subject() {
        Some(subject) if subject != name => error.context(format!("`{name}`")),
        Some(_) => error,
        None => error.about(name),
    }
}

/// The finding that an error becomes, so that a report says it too.
fn refusal(error: &Error) -> crate::diagnostic::Diagnostic {
    match error.kind() {
        ErrorKind::Malformed => audit::no_archive(error),
        _ => crate::diagnostic::Diagnostic::new(Code::TW702, error.message().to_owned()),
    }
}

/// Returns what the flags ask for.
fn options(given: &RepairArgs, policies: &PolicySet, environment: &Environment) -> Result<Options> {
    let peers = &given.peers;
    let libraries = &given.libraries;
    let mut options = Options { policies: policies.clone(), ..Options::default() };
    options.plat = platforms(&given.plat, policies)?;
    options.only_plat = given.only_plat;
    options.update_tags = !given.no_update_tags;
    let search = Search::new(&given.search, environment)?;
    options.search.folders = search.folders;
    options.search.sysroot = search.sysroot;
    options.search.host = search.host;
    options.search.environment = search.environment;
    let mut exclude = libraries.exclude.clone();
    exclude.extend(peers.no_dll.iter().flat_map(|list| split_list(list)));
    options.exclude = Patterns::with_presets(&exclude)?;
    options.exclude_as_given = exclude;
    options.include = libraries
        .include
        .iter()
        .cloned()
        .chain(peers.add_dll.iter().flat_map(|list| split_list(list)))
        .map(|text| include(&text))
        .collect();
    let keep_all = peers.no_mangle_all.then(|| "*".to_owned());
    options.no_mangle = Patterns::new(libraries.no_mangle.iter().cloned().chain(keep_all))?;
    options.lib_dir = libraries.lib_dir.clone();
    options.layout = match libraries.layout {
        args::repair::Layout::Auto => Layout::Auto,
        args::repair::Layout::Adjacent => Layout::Adjacent,
        args::repair::Layout::Libs => Layout::Libs,
    };
    if peers.custom_patch {
        options.startup_place = Place::Mark;
    }
    options.ignore_recorded = libraries.ignore_recorded;
    options.ignore_missing = peers.ignore_missing_dependencies;
    options.any_processor = peers.disable_isa_ext_check;
    options.strip = given.result.strip.and_then(StripWhat::level);
    // -1 is what zlib, and with it auditwheel, calls its default.
    if let Some(level) = given.result.compress.and_then(|level| u8::try_from(level).ok()) {
        options.compress = level;
    }
    options.sbom = !given.result.no_sbom;
    options.accept = given.result.accept.iter().map(|name| accepted(name)).collect::<Result<_>>()?;
    options.source_date_epoch = source_date_epoch(environment)?;
    if let Some(path) = &given.plan.plan {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path.display(), &error))?;
        let plan = PlanFile::read(&text).map_err(|error| {
            let usage = Error::usage(error.message().to_owned());
            error.hints().iter().fold(usage, |usage, hint| usage.hint(hint)).about(path.display())
        })?;
        options.decisions = Some(plan);
    }
    Ok(options)
}

/// Returns the tags of `--plat`; none for `auto`.
fn platforms(names: &[String], policies: &PolicySet) -> Result<Vec<PlatformTag>> {
    let names: Vec<&str> = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
    if names == ["auto"] {
        return Ok(Vec::new());
    }
    let mut tags = Vec::new();
    for name in names {
        let Ok(tag) = name.parse::<PlatformTag>();
        let is_known = match &tag {
            PlatformTag::Linux { .. } => true,
            PlatformTag::Any | PlatformTag::Other(_) => false,
            other if crate::policy::PolicyFamily::of(other).is_some() => policies.find(other).is_some(),
            _ => true,
        };
        if !is_known {
            let error = Error::usage(format!("there is no platform `{name}`")).about("--plat");
            return Err(error.hint("`truewheel policies` lists those of Linux and Android"));
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// Reads `LIB[=DEST]`.
fn include(text: &str) -> Include {
    match text.rsplit_once('=').filter(|(library, _)| !library.is_empty() && !Path::new(text).exists()) {
        Some((library, destination)) => {
            Include { library: library.to_owned(), destination: Some(destination.to_owned()) }
        }
        None => Include { library: text.to_owned(), destination: None },
    }
}

fn accepted(name: &str) -> Result<Code> {
    name.parse::<Code>().map_err(|()| Error::usage(format!("`{name}` is no code or slug")).about("--accept"))
}

fn source_date_epoch(environment: &Environment) -> Result<Option<i64>> {
    let Some(value) = environment.get("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = value.to_str().and_then(|text| text.trim().parse::<i64>().ok());
    seconds.map(Some).ok_or_else(|| Error::usage("is not a number of seconds").about("SOURCE_DATE_EPOCH"))
}
