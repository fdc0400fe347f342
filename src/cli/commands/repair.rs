//! `truewheel repair`: vendor, rewire, retag; each wheel is written whole or not at all.

use std::path::{Path, PathBuf};

use super::write::{self, One, Results, of_wheel, refusal};
use crate::audit::{self, AuditOptions};
use crate::cli::args::{self, RepairArgs, StripWhat};
use crate::cli::inputs;
use crate::cli::output::write_file;
use crate::cli::search::{Search, each_name};
use crate::cli::settings::{Environment, Settings};
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::error::{Error, Result};
use crate::policy::PolicySet;
use crate::python::startup::Place;
use crate::repair::{Batch, Include, Layout, Options, Outcome, Patterns, PlanFile};

/// Repairs each wheel; all are tried.
pub fn run(args: &RepairArgs, settings: &Settings, environment: &Environment, terminal: &Terminal) -> Status {
    let paths = inputs::expand(&args.inputs);
    // For one wheel nothing need be kept.
    let batch = if paths.len() > 1 { Batch::new() } else { Batch::default() };
    let prepared = Repair::new(args, settings, environment, terminal, batch).and_then(|repair| {
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
    write::all(paths, &args.report, terminal, &|path| repair.one(path))
}

/// What holds for all wheels of a command.
struct Repair<'a> {
    args: &'a RepairArgs,
    terminal: &'a Terminal,
    options: Options,
    audit: AuditOptions,
    results: Results,
    batch: Batch,
}

impl<'a> Repair<'a> {
    fn new(
        args: &'a RepairArgs,
        settings: &Settings,
        environment: &Environment,
        terminal: &'a Terminal,
        batch: Batch,
    ) -> Result<Self> {
        let audit = super::audit::options(&args.report, settings)?;
        let options = options(args, &audit.policies, environment)?;
        Ok(Self { args, terminal, options, audit, results: Results::default(), batch })
    }

    /// Repairs one wheel.
    fn one(&self, path: &Path) -> One {
        let name = path.display().to_string();
        let made = self.folder().and_then(|folder| self.batch.repair(path, &self.options, folder.as_deref()));
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
        write::say(self.terminal, &report);
        match self.publish(path, &mut outcome) {
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
    fn publish(&self, path: &Path, outcome: &mut Outcome) -> Result<Option<PathBuf>> {
        let refused = outcome.is_refused(&self.options.accept);
        let destination = self.args.wheel_dir.join(outcome.name.to_string());
        if !refused {
            self.results.claim(&destination, path)?;
        }
        if let (false, Some(file), Some(plan)) = (refused, &self.args.plan.save_plan, &outcome.plan) {
            write_file(file, plan.decisions.to_text()?.as_bytes(), None)?;
        }
        if self.args.plan.dry_run && !refused {
            self.terminal.say(&format!("would write {}", destination.display()));
            return Ok(None);
        }
        outcome.publish(&self.options.accept)
    }
}

/// Returns what the flags ask for.
fn options(given: &RepairArgs, policies: &PolicySet, environment: &Environment) -> Result<Options> {
    let peers = &given.peers;
    let libraries = &given.libraries;
    let mut options = Options { policies: policies.clone(), ..Options::default() };
    let names: Vec<&str> = given.plat.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
    options.plat = if names == ["auto"] { Vec::new() } else { super::policies::platforms(&names, policies)? };
    options.plat_of_image = given.plat_of_image;
    options.only_plat = given.only_plat;
    // `--plat auto` is an answer too.
    let target = environment.get("MACOSX_DEPLOYMENT_TARGET").map(|value| value.to_string_lossy().into_owned());
    let target = peers.require_target_macos_version.clone().or(target);
    options.deployment_target = target.filter(|_| given.plat.is_empty() || given.plat_of_image);
    options.require_archs = libraries.require_archs.clone().unwrap_or_default();
    options.update_tags = !given.no_update_tags;
    let search = Search::new(&given.search, environment)?;
    options.search.folders = search.folders;
    options.search.sysroot = search.sysroot;
    options.search.host = search.host;
    options.search.executable.clone_from(&libraries.executable_path);
    options.search.environment = search.environment;
    let exclude = each_name(&[libraries.exclude.clone(), peers.no_dll.clone()].concat());
    options.exclude = Patterns::with_presets(&exclude)?;
    options.exclude_as_given = exclude;
    let included = each_name(&[libraries.include.clone(), peers.add_dll.clone()].concat());
    options.include = included.iter().map(|text| include(text)).collect();
    let keep_all = peers.no_mangle_all.then(|| "*".to_owned());
    options.no_mangle = Patterns::new(each_name(&libraries.no_mangle).into_iter().chain(keep_all))?;
    options.lib_dir = libraries.lib_dir.clone();
    options.layout = match libraries.layout {
        args::repair::Layout::Auto => Layout::Auto,
        args::repair::Layout::Adjacent => Layout::Adjacent,
        args::repair::Layout::Libs => Layout::Libs,
    };
    options.include_symbols = peers.include_symbols;
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
    options.accept = given.result.accept.iter().map(|name| write::accepted(name)).collect::<Result<_>>()?;
    options.source_date_epoch = write::source_date_epoch(environment)?;
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

/// Reads `LIB[=DEST]`.
fn include(text: &str) -> Include {
    match text.rsplit_once('=').filter(|(library, _)| !library.is_empty() && !Path::new(text).exists()) {
        Some((library, destination)) => {
            Include { library: library.to_owned(), destination: Some(destination.to_owned()) }
        }
        None => Include { library: text.to_owned(), destination: None },
    }
}
