//! `truewheel repair`: vendors what a wheel needs, wires it, and gives it the tags that its bytes earn.

use std::io::Write;
use std::path::Path;

use crate::audit::{self, AuditOptions};
use crate::cli::args::RepairArgs;
use crate::cli::args::repair::{Layout, PeerArgs};
use crate::cli::inputs;
use crate::cli::printer::{Printer, View};
use crate::cli::search::{Search, split_list};
use crate::cli::settings::{Environment, Settings};
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::diagnostic::Code;
use crate::error::{Error, Result};
use crate::repair::{self, Include, Options, Outcome, Patterns, PlanFile};
use crate::report::{OutputFormat, Report};
use crate::tag::PlatformTag;

/// Repairs each wheel; the highest status counts.
pub fn run(args: &RepairArgs, settings: &Settings, environment: &Environment, terminal: &Terminal) -> Status {
    let prepared = options(args, environment, terminal)
        .and_then(|options| Ok((options, super::audit::options(&args.report, settings)?)));
    let (options, audit) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            terminal.error(&error);
            return Status::Impossible;
        }
    };
    notes(args, terminal);
    let mut printer = Printer::new(&args.report, View::Findings, terminal);
    let mut status = Status::Done;
    let paths = inputs::expand(&args.inputs);
    let progress = terminal.progress(paths.len());
    for path in paths {
        let done = path.map_err(|error| (Status::Impossible, error)).and_then(|path| {
            progress.set_message(path.display().to_string());
            one(args, &options, &audit, &path, terminal)
        });
        progress.inc(1);
        match done {
            Ok((report, one)) => {
                status = status.max(one);
                if args.report.format != OutputFormat::Human
                    && let Err(error) = printer.report(report)
                {
                    terminal.error(&error);
                    status = Status::Impossible;
                }
            }
            Err((one, error)) => {
                status = status.max(one);
                progress.suspend(|| terminal.error(&error));
            }
        }
        if printer.is_closed() {
            break;
        }
    }
    progress.finish_and_clear();
    if args.report.format != OutputFormat::Human
        && let Err(error) = printer.finish()
    {
        terminal.error(&error);
        status = Status::Impossible;
    }
    status
}

/// Repairs one wheel and says what was done.
fn one(
    args: &RepairArgs,
    options: &Options,
    audit: &AuditOptions,
    path: &Path,
    terminal: &Terminal,
) -> Result<(Report, Status), (Status, Error)> {
    let failed = |error: Error| (Status::of_writing(&error), error.about(path.display()));
    let folder = (!args.plan.dry_run).then_some(args.wheel_dir.as_path());
    let mut outcome = repair::repair(path, options, folder).map_err(failed)?;
    if let (Some(file), Some(plan)) = (&args.plan.save_plan, &outcome.plan) {
        save(file, &plan.decisions).map_err(failed)?;
    }
    let mut report = audit::repaired(path, &outcome, audit);
    let refused = outcome.is_refused(&options.accept);
    let human = args.report.format == OutputFormat::Human;
    if !refused {
        let written = outcome.publish(&options.accept).map_err(failed)?;
        if let Some(written) = written {
            report.outputs.push(written.display().to_string());
        }
    }
    if human {
        told(&report, &outcome, args, terminal);
        for output in &report.outputs {
            print_path(output).map_err(|error| (Status::Impossible, error))?;
        }
    }
    Ok((report, if refused { Status::Fault } else { Status::Done }))
}

/// Findings and steps, for people, on stderr.
fn told(report: &Report, outcome: &Outcome, args: &RepairArgs, terminal: &Terminal) {
    let text = crate::report::human::findings(report, terminal.palette(), terminal.detail());
    terminal.raw(&text);
    let Some(plan) = &outcome.plan else { return };
    for step in plan.steps() {
        terminal.say(&audit::step_phrase(&step));
    }
    if args.plan.dry_run {
        terminal.say(&format!("would write {}", outcome.name));
    }
}

/// Prints a path alone on a line; a closed pipe ends it quietly.
fn print_path(path: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{path}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::io("stdout", &error)),
        _ => Ok(()),
    }
}

/// Writes a plan file, atomically.
fn save(file: &Path, plan: &PlanFile) -> Result<()> {
    let text = plan.to_text()?;
    let fail = |error: &std::io::Error| Error::io(file.display(), error);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(|error| fail(&error))?;
    temporary.write_all(text.as_bytes()).map_err(|error| fail(&error))?;
    temporary.persist(file).map_err(|error| fail(&error.error))?;
    Ok(())
}

/// Flags of other tools that have no effect here.
fn notes(args: &RepairArgs, terminal: &Terminal) {
    let PeerArgs { with_mangle, namespace_pkg, patcher, allow_pure_python_wheel, .. } = &args.peers;
    let told = [
        (*with_mangle, "`--with-mangle` has no effect: libraries that the wheel brings keep their names"),
        (!namespace_pkg.is_empty(), "`--namespace-pkg` has no effect: no `__init__.py` is ever created"),
        (patcher.is_some(), "`--patcher` has no effect: truewheel edits binaries itself"),
        (*allow_pure_python_wheel, "`--allow-pure-python-wheel` has no effect: a wheel without binaries is copied"),
        (args.libraries.layout != Layout::Auto, "`--layout` has no effect on wheels for Linux"),
    ];
    for (_, text) in told.iter().filter(|(given, _)| *given) {
        terminal.note(text);
    }
}

/// Returns the options that the flags and the environment ask for.
fn options(args: &RepairArgs, environment: &Environment, terminal: &Terminal) -> Result<Options> {
    let mut options = Options::default();
    options.policies = super::policies::policy_set(args.report.policy_file.as_deref())?;
    options.plat = platforms(&args.plat)?;
    options.only_plat = args.only_plat;
    let search = Search::new(&args.search, environment, terminal)?;
    options.search.folders = search.folders.into_iter().filter(|folder| folder.is_dir()).collect();
    options.search.sysroot = search.sysroot;
    options.search.host = search.host;
    options.search.environment = search.environment;
    let mut exclude = args.libraries.exclude.clone();
    exclude.extend(args.peers.no_dll.iter().flat_map(|list| split_list(list)));
    options.exclude = Patterns::with_presets(&exclude)?;
    options.exclude_as_given = exclude;
    options.include = args.libraries.include.iter().map(|text| include(text)).collect();
    options.include.extend(
        args.peers
            .add_dll
            .iter()
            .flat_map(|list| split_list(list))
            .map(|library| Include { library, destination: None }),
    );
    let mut no_mangle = args.libraries.no_mangle.clone();
    if args.peers.no_mangle_all {
        no_mangle.push("*".into());
    }
    options.no_mangle = Patterns::new(no_mangle)?;
    options.lib_dir.clone_from(&args.libraries.lib_dir);
    options.strip = args.result.strip.and_then(crate::cli::args::StripWhat::level);
    options.compress = level(args, environment)?;
    options.update_tags = !args.no_update_tags;
    options.ignore_missing = args.peers.ignore_missing_dependencies;
    options.ignore_recorded = args.libraries.ignore_recorded;
    options.any_processor = args.peers.disable_isa_ext_check;
    options.sbom = !args.result.no_sbom;
    options.source_date_epoch = epoch(environment)?;
    options.decisions = args.plan.plan.as_deref().map(plan_file).transpose()?;
    options.accept = args.result.accept.iter().map(|name| accepted(name)).collect::<Result<_>>()?;
    if environment.get("AUDITWHEEL_PATCHER").is_some() {
        terminal.note("`AUDITWHEEL_PATCHER` has no effect: truewheel edits binaries itself");
    }
    Ok(options)
}

/// Returns the tags of `--plat`; none for `auto`.
fn platforms(names: &[String]) -> Result<Vec<PlatformTag>> {
    let mut tags = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty() && *name != "auto") {
        match name.parse::<PlatformTag>() {
            Ok(PlatformTag::Other(_)) => return Err(Error::usage("no platform tag").about(name).context("`--plat`")),
            Ok(tag) => tags.push(tag),
        }
    }
    Ok(tags)
}

/// Reads `LIB[=DEST]`, split at the last `=`.
fn include(text: &str) -> Include {
    match text.rsplit_once('=') {
        Some((library, destination)) => Include { library: library.into(), destination: Some(destination.into()) },
        None => Include { library: text.into(), destination: None },
    }
}

/// Returns the compression level: the flag, else auditwheel's variable, else 6.
fn level(args: &RepairArgs, environment: &Environment) -> Result<u8> {
    const DEFAULT: u8 = 6;
    let given = match (args.result.compress, environment.get("AUDITWHEEL_ZIP_COMPRESSION_LEVEL")) {
        (Some(level), _) => level,
        (None, None) => return Ok(DEFAULT),
        (None, Some(text)) => text
            .to_str()
            .and_then(|text| text.parse().ok())
            .filter(|level| (-1..=9).contains(level))
            .ok_or_else(|| Error::usage("no level from -1 to 9").about("AUDITWHEEL_ZIP_COMPRESSION_LEVEL"))?,
    };
    // -1 is zlib's word for its default.
    Ok(u8::try_from(given).unwrap_or(DEFAULT))
}

/// Returns `SOURCE_DATE_EPOCH` (reproducible-builds.org: seconds since 1970).
fn epoch(environment: &Environment) -> Result<Option<i64>> {
    let Some(text) = environment.get("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = text.to_str().and_then(|text| text.trim().parse().ok());
    seconds.map(Some).ok_or_else(|| Error::usage("no number of seconds").about("SOURCE_DATE_EPOCH"))
}

fn plan_file(path: &Path) -> Result<PlanFile> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io(path.display(), &error))?;
    PlanFile::read(&text).map_err(|error| error.about(path.display()))
}

fn accepted(name: &str) -> Result<Code> {
    name.parse().map_err(|()| Error::usage("no code or slug").about(name).context("`--accept`"))
}
