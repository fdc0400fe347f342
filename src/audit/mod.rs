//! `audit`: a wheel or a bare binary, examined by every room, becomes a [`Report`].
//!
//! ```text
//! inventory ──> binaries ──> graph ──> tags ──> Report
//! (members)     (TW2xx, 5xx) (TW3xx)   (TW4xx, 601)
//! ```

mod binary;
mod graph;
mod inventory;
mod merged;
mod python;
mod repaired;
mod retagged;
mod tags;
mod windows;

use std::collections::BTreeSet;
use std::path::Path;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::{Error, Result};
use crate::format::Format;
use crate::lint::{self, Sheet};
use crate::load::{self, AddedDirectory, Binary, Graph, Inventory, LibrarySource, Target, Universe};
use crate::policy::apple::{self, RequiredArchs};
use crate::policy::{self, Given, PolicySet};
use crate::repair;
use crate::report::{Levels, Report};
use crate::tag::{AbiTag, PlatformTag};
use crate::wheel::Wheel;
use crate::wheel::install::{InstallScheme, Installed};
use crate::wheel::pythons::{Pythons, RequiresPython};

pub use merged::merged;
pub use repaired::{repaired, step_phrase};
pub use retagged::retagged;

/// How an audit is done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuditOptions {
    /// The policies.
    pub policies: PolicySet,
    /// Platform tags that the bytes must earn, beside those that the wheel claims.
    pub plat: Vec<PlatformTag>,
    /// On macOS, the architectures that every binary must have.
    pub require_archs: RequiredArchs,
    /// ABI tags of which the wheel must have one; none: any.
    pub require_abi: Vec<AbiTag>,
    /// What the report calls an error.
    pub levels: Levels,
    /// Whether exclusions that the wheel records count for nothing.
    pub ignore_recorded: bool,
    /// Whether binaries may need a newer processor than their architecture's baseline.
    pub any_processor: bool,
    /// Whether it is said what keeps the wheel from better tags.
    pub why_not_better: bool,
    /// The configuration file used, for the report.
    pub config: Option<String>,
    /// The present, in seconds since 1970, against which the times of members are held; `None`: against nothing.
    pub now: Option<i64>,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            policies: PolicySet::embedded(),
            plat: Vec::new(),
            require_abi: Vec::new(),
            require_archs: RequiredArchs::default(),
            levels: Levels::new(),
            ignore_recorded: false,
            any_processor: false,
            why_not_better: true,
            config: None,
            now: None,
        }
    }
}

impl AuditOptions {
    /// Returns an empty report about `path`.
    pub fn report(&self, path: &str) -> Report {
        let mut report = Report::new(path, self.levels.clone());
        report.config.clone_from(&self.config);
        report
    }
}

/// How much of a wheel is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The archive's structure, its text members and its binaries.
    Facts,
    /// Every member, whole: digests are compared with RECORD.
    Everything,
}

/// What is known of the binaries before they are judged.
#[derive(Debug, Default)]
struct Case<'a> {
    claimed: &'a [PlatformTag],
    excluded: BTreeSet<String>,
    /// The interpreters that it is for, which bring libraries of their own.
    pythons: Option<Pythons>,
    /// Directories that the wheel's own code gives to the loader.
    added: Vec<AddedDirectory>,
    /// It is a bare binary: nothing is claimed, and what lies beside it is not known.
    bare: bool,
}

/// Examines the wheel at `path`.
///
/// # Errors
/// `Io` if it cannot be read, `Malformed` if it is no archive at all.
pub fn audit(path: &Path, options: &AuditOptions, depth: Depth) -> Result<Report> {
    audit_wheel(&Wheel::open(path)?, options, depth)
}

/// What a wheel holds that a dependency tree is made of.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Contents {
    /// Its binaries, sorted by archive name.
    pub binaries: Vec<Binary>,
    /// Its platform tags.
    pub claimed: Vec<PlatformTag>,
    /// The interpreters that it is for.
    pub pythons: Option<Pythons>,
    /// Libraries that it records as left to the user's machine.
    pub excluded: BTreeSet<String>,
    /// Directories that its start-up code gives to the loader.
    pub added: Vec<AddedDirectory>,
}

impl Contents {
    /// Returns the contents of something that is no wheel: nothing but binaries.
    pub fn of_binaries(binaries: Vec<Binary>) -> Self {
        Self { binaries, ..Self::default() }
    }
}

/// Reads the binaries of the wheel at `path`.
///
/// # Errors
/// `Io` if it cannot be read, `Malformed` if it is no archive at all.
pub fn contents(path: &Path, ignore_recorded: bool) -> Result<Contents> {
    let wheel = Wheel::open(path)?;
    let sheet = Sheet::of(&wheel);
    let members = inventory::read(&wheel, &sheet, Depth::Facts);
    let options = AuditOptions { ignore_recorded, ..AuditOptions::default() };
    let added = load::added_directories(&wheel, &members.inventory.binaries);
    Ok(Contents {
        binaries: members.inventory.binaries,
        claimed: sheet.filename.map(|filename| filename.tags.platforms().to_vec()).unwrap_or_default(),
        pythons: pythons(&sheet),
        excluded: recorded(&wheel, &mut options.report(""), &options),
        added,
    })
}

/// The interpreters that a wheel is for; `None` if its file name says nothing.
fn pythons(sheet: &Sheet<'_>) -> Option<Pythons> {
    let required = sheet.metadata.get().and_then(RequiresPython::of);
    Some(Pythons::new(sheet.filename?.tags.clone(), required))
}

/// Returns the finding about a file that is no archive at all.
pub fn no_archive(error: &Error) -> Diagnostic {
    Diagnostic::new(Code::TW101, error.message().to_owned())
}

/// Returns the finding about a contradiction of truewheel's own.
pub fn own_fault(error: &Error) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::TW902, format!("truewheel contradicts itself: {}", error.message()));
    diagnostic.help("please report it, with the file if you can")
}

/// Returns the finding about a bare binary that cannot be read.
pub fn no_binary(error: &Error) -> Diagnostic {
    Diagnostic::new(Code::TW201, error.message().to_owned())
}

/// Examines an opened wheel.
///
/// # Errors
/// `Unsupported` if its dependency graph is too large to follow.
pub fn audit_wheel(wheel: &Wheel, options: &AuditOptions, depth: Depth) -> Result<Report> {
    let mut report = options.report(&wheel.path().display().to_string());
    let mut sheet = Sheet::of(wheel);
    let members = inventory::read(wheel, &sheet, depth);
    let mut case =
        Case { excluded: recorded(wheel, &mut report, options), pythons: pythons(&sheet), ..Case::default() };
    if let Some(filename) = sheet.filename {
        case.claimed = filename.tags.platforms();
        report.tags.claimed = filename.tags.expand().iter().map(ToString::to_string).collect();
    }
    case.added = load::added_directories(wheel, &members.inventory.binaries);
    sheet.digests = members.digests;
    sheet.corrupt = members.corrupt;
    sheet.binaries = members.places;
    sheet.traces = members.traces;
    sheet.native = members.native;
    sheet.now = options.now;
    for binary in members.inventory.binaries.iter().filter(|binary| binary.image.debug_bytes > 0) {
        let bytes = sheet.debug_bytes.entry(binary.member.clone()).or_default();
        *bytes = bytes.saturating_add(binary.image.debug_bytes);
    }
    sheet.traces_are_partial = depth == Depth::Facts;
    report.extend(lint::lint(&sheet));
    python::findings(&sheet, &members.inventory, &mut report);
    report.extend(python::required(&sheet, &options.require_abi));
    examine(&mut report, &members.inventory, &case, options)?;
    let only_linux = case.claimed.iter().all(|tag| tag.is_linux() || *tag == PlatformTag::Any);
    if members.inventory.binaries.is_empty() && members.inventory.unreadable.is_empty() && only_linux {
        report.tags.earned = vec![PlatformTag::Any.to_string()];
    }
    report.sort();
    Ok(report)
}

/// Returns the libraries that the wheel records as left to the user's machine.
fn recorded(wheel: &Wheel, report: &mut Report, options: &AuditOptions) -> BTreeSet<String> {
    let Some(member) = wheel.dist_info_member(repair::recorded::FILE_NAME).filter(|_| !options.ignore_recorded) else {
        return BTreeSet::new();
    };
    match wheel.read_small(member).and_then(|bytes| repair::Recorded::read(&bytes)) {
        Ok(recorded) => recorded.excluded.into_iter().collect(),
        Err(error) => {
            let message = format!("cannot be read, and counts for nothing: {}", error.message());
            report.push(Diagnostic::new(Code::TW610, message).member(member.name()).at(Severity::Warning));
            BTreeSet::new()
        }
    }
}

/// Examines a bare binary; `path` is the name that the report gives it.
///
/// # Errors
/// `Unsupported` if the bytes are of no known format, `Malformed` if they cannot be read at all.
pub fn audit_binary(path: &str, bytes: &[u8], options: &AuditOptions) -> Result<Report> {
    let binaries = read_binary(path, path.trim_start_matches('/'), bytes)?;
    let inventory = Inventory { binaries, ..Inventory::default() };
    let mut report = options.report(path);
    let case = Case { bare: true, ..Case::default() };
    examine(&mut report, &inventory, &case, options)?;
    report.sort();
    Ok(report)
}

/// Reads every slice of a bare binary; `installed` is where it is taken to lie.
///
/// # Errors
/// `Unsupported` if the bytes are of no known format, `Malformed` if they cannot be read at all.
pub fn read_binary(name: &str, installed: &str, bytes: &[u8]) -> Result<Vec<Binary>> {
    load::inspect_bytes(bytes, name, &Installed::new(InstallScheme::Platlib, installed))
}

/// Examines binaries: each alone, then who loads what, then which tags hold.
fn examine(report: &mut Report, inventory: &Inventory, case: &Case<'_>, options: &AuditOptions) -> Result<()> {
    for unreadable in &inventory.unreadable {
        report.push(unreadable.finding());
    }
    let targets = targets(&inventory.binaries, case.claimed);
    let Some(target) = targets.first() else { return Ok(()) };
    for entry in &inventory.binaries {
        report.binaries.push(binary::entry(entry, *target));
        report.extend(binary::findings(entry, target.platform, &case.excluded));
    }
    if target.platform.name() == "macos" {
        let images = inventory.binaries.iter().map(|binary| (binary.member.as_str(), &*binary.image));
        report.extend(apple::missing_archs(images, &options.require_archs.archs(case.claimed)));
    }
    let graph = resolve(&inventory.binaries, &targets, case, options)?;
    graph::fill(report, &graph);
    let judged = tags::judge(report, &graph, case, options);
    report.extend(graph::findings(&graph, case, &judged));
    if target.platform.format() == Format::Pe {
        report.extend(windows::findings(&graph, &inventory.binaries, case, target.arch));
    }
    Ok(())
}

/// Returns the platform whose loader loads the binaries, and each processor that they are for; empty without binaries.
fn targets(binaries: &[Binary], claimed: &[PlatformTag]) -> Vec<Target> {
    let platform = policy::platform(binaries, claimed);
    load::targets(platform, binaries.iter().map(|binary| (binary.member.as_str(), binary.image.as_ref())), claimed)
}

/// Resolves the imports with nothing but the binaries themselves and what the platform gives.
fn resolve(binaries: &[Binary], targets: &[Target], case: &Case<'_>, options: &AuditOptions) -> Result<Graph> {
    let given = |target: &Target| {
        Given::new(&options.policies, target.platform, target.arch)
            .for_pythons(case.pythons.as_ref())
            .leaving(&case.excluded)
    };
    let universe = case.added.iter().cloned().fold(Universe::new(binaries), Universe::with_added_directory);
    load::resolve_each(&universe, targets, given)
}

/// Resolves the imports of a wheel's binaries in all that the sources give, for a dependency tree; empty without
/// binaries.
///
/// # Errors
/// As [`load::resolve`], and what `sources` returns.
pub fn dependency_graph<O: load::Outside>(
    contents: &Contents,
    sources: impl FnOnce(Target) -> Result<Vec<Box<dyn LibrarySource>>>,
    outside: impl Fn(&Target) -> O,
) -> Result<Graph> {
    let targets = targets(&contents.binaries, &contents.claimed);
    let Some(target) = targets.first() else { return Ok(Graph::default()) };
    let universe =
        contents.added.iter().cloned().fold(Universe::new(&contents.binaries), Universe::with_added_directory);
    let universe = sources(*target)?.into_iter().fold(universe, Universe::with_boxed_source);
    load::resolve_each(&universe, &targets, outside)
}
