//! One repair from end to end: read, plan, carry out, prove, publish.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::apply::{self, Making, Staged};
use super::batch::Batch;
use super::context::Context;
use super::deployment::{self, Targeted};
use super::make::{self, Input};
use super::options::Options;
use super::plan::{Plan, TagChange};
use super::plan_file::PlanFile;
use super::prove;
use super::recorded::{self, Recorded};
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::{Error, ErrorKind, Result};
use crate::format::Change;
use crate::lint;
use crate::load::{self, Binary, Graph, Kept, Target};
use crate::policy::Earned;
use crate::tag::{PlatformTag, WheelFilename};
use crate::wheel::write::{Ready, copy_whole};
use crate::wheel::{FaultLevel, Wheel};

/// What became of a repair.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The plan; `None` for a wheel without binaries.
    pub plan: Option<Plan>,
    /// The file name of the result.
    pub name: WheelFilename,
    /// The binaries of the result; of the input if nothing was written.
    pub binaries: Vec<Binary>,
    /// Who loads what in the result; before anything changes if nothing was written.
    pub graph: Graph,
    /// For which platform and processor; `None` for a wheel without binaries.
    pub target: Option<Target>,
    /// What the bytes earn.
    pub earned: Earned,
    /// What was done to each changed member.
    pub changes: BTreeMap<String, Vec<Change>>,
    /// Everything found, at the codes' own levels.
    pub diagnostics: Vec<Diagnostic>,
    /// The result, proven, waiting to be published; `None` where nothing is to be written.
    output: Option<Ready>,
}

impl Outcome {
    /// Returns true if a finding says that nothing must be written, those of `accept` apart.
    ///
    /// A tag that is not earned is never accepted, nor an archive at fault.
    pub fn is_refused(&self, accept: &[Code]) -> bool {
        self.diagnostics.iter().any(|diagnostic| {
            let tag = matches!(diagnostic.code, Code::TW409 | Code::TW601);
            diagnostic.refuses(if tag { &[] } else { accept })
        })
    }

    /// Gives the result its name, and returns its path; `None` if nothing was to be written.
    ///
    /// # Errors
    /// `Refused` if [`Outcome::is_refused`]; `Io` if it cannot be renamed. Nothing is written then.
    pub fn publish(&mut self, accept: &[Code]) -> Result<Option<PathBuf>> {
        if self.is_refused(accept) {
            return Err(Error::refused("the wheel cannot be repaired as asked"));
        }
        self.output.take().map(Ready::publish).transpose()
    }
}

/// Plans and carries out the repair of a wheel into `folder`; nothing has its final name before
/// [`Outcome::publish`].
///
/// With `folder` of `None` only the plan is made.
///
/// # Errors
/// `Io` for what cannot be read or written; `Usage` for options that make no sense; `Malformed` and `Refused` if the
/// wheel is at fault. Findings about the wheel are in the outcome.
pub fn repair(path: &Path, options: &Options, folder: Option<&Path>) -> Result<Outcome> {
    Batch::default().repair(path, options, folder)
}

/// Repairs a wheel of a batch.
///
/// # Errors
/// As [`repair`].
pub(super) fn repair_wheel(wheel: &Wheel, options: &Options, folder: Option<&Path>, batch: &Batch) -> Result<Outcome> {
    let filename = wheel.filename()?.clone();
    let faults = archive_faults(wheel);
    if faults.iter().any(|fault| fault.severity == Severity::Error) {
        return Ok(refused(filename, faults));
    }
    let kept = Kept::of(wheel);
    let inventory = load::inspect_keeping(wheel, &kept);
    let platforms = filename.tags.platforms();
    let elsewhere = platforms.iter().find(|tag| !handled(tag));
    if let Some(tag) = elsewhere {
        return Err(Error::refused(format!("wheels for `{tag}` are not repaired by this version")));
    }
    if inventory.binaries.is_empty() && inventory.unreadable.is_empty() {
        return pure(wheel, filename, options, folder);
    }
    if inventory.unreadable.is_empty() && nothing_is_loaded(&inventory.binaries, &filename) {
        return copied(wheel, filename, "the wheel holds no binary that is loaded; it is copied", folder);
    }
    let recorded = read_recorded(wheel)?;
    let Targeted { options, notes } = deployment::targeted(options, &inventory.binaries, platforms)?;
    let options = &*options;
    let context = Context::of(wheel, &filename, &inventory, options)?;
    let mut diagnostics = faults;
    diagnostics.extend(notes);
    let (included, sources) = context.included(options, &inventory)?;
    let mut binaries = inventory.binaries.clone();
    binaries.extend(included);
    let input = Input {
        filename: &filename,
        binaries: &binaries,
        included: &sources,
        places: &context.places,
        recorded: &recorded,
        targets: &context.targets,
        added: &context.added,
        pythons: &context.pythons,
        python_floor: context.python_floor,
        unreadable: &inventory.unreadable,
        files: &batch.files,
        false_purelib: context.false_purelib,
    };
    let mut plan = make::make(&input, options)?;
    diagnostics.append(&mut plan.diagnostics.clone());
    let mut outcome = Outcome {
        name: plan.tags.after.clone(),
        binaries: inventory.binaries.clone(),
        graph: plan.graph.clone(),
        earned: plan.tags.earned.clone(),
        target: context.targets.first().copied(),
        changes: BTreeMap::new(),
        diagnostics,
        output: None,
        plan: None,
    };
    if let (Some(folder), false) = (folder, outcome.is_refused(&options.accept)) {
        let making = Making { options, folder, batch };
        let staged = apply::apply(wheel, &plan, making, kept)?;
        finish(&mut outcome, staged, &input, &plan, making)?;
    }
    plan.diagnostics = outcome.diagnostics.clone();
    outcome.plan = Some(plan);
    Ok(outcome)
}

/// Proves what was written and takes its facts into the outcome.
fn finish(outcome: &mut Outcome, mut staged: Staged, input: &Input<'_>, plan: &Plan, making: Making<'_>) -> Result<()> {
    for (member, note) in &staged.notes {
        outcome.diagnostics.push(Diagnostic::new(Code::TW202, note.clone()).member(member).at(Severity::Note));
    }
    for name in &staged.dropped {
        outcome.diagnostics.push(Diagnostic::new(Code::TW613, "the signature is not true of the result").member(name));
    }
    outcome.changes = std::mem::take(&mut staged.changes);
    let Some(output) = staged.output.take() else {
        outcome.output = Some(Ready::InPlace(making.folder.join(plan.tags.after.to_string())));
        return Ok(());
    };
    let result = Wheel::open(output.path())?;
    let proof = prove::prove(&result, input, plan, making, &staged)?;
    drop(result);
    outcome.diagnostics.extend(proof.diagnostics);
    outcome.binaries = proof.binaries;
    outcome.graph = proof.graph;
    outcome.earned = proof.earned;
    outcome.output = Some(Ready::New(output));
    Ok(())
}

/// Whether wheels of this platform are repaired.
fn handled(tag: &PlatformTag) -> bool {
    matches!(tag, PlatformTag::Any) || crate::platform::of(tag).is_some()
}

/// A wheel without binaries: copied, or retagged for `any` if it claims to be for one platform.
///
/// What is asked of the tag (`--plat`, which images set for everything they build) plays no part.
fn pure(wheel: &Wheel, filename: WheelFilename, options: &Options, folder: Option<&Path>) -> Result<Outcome> {
    let earned = Earned { tags: vec![PlatformTag::Any], ..Earned::default() };
    let after = match options.update_tags {
        true => filename.with_tags(filename.tags.with_platforms([PlatformTag::Any])),
        false => filename.clone(),
    };
    if after == filename {
        return copied(wheel, filename, "the wheel holds no binary; it is copied", folder);
    }
    let mut outcome = untouched(after.clone(), "the wheel holds no binary, so it is for any platform");
    let Some(folder) = folder else { return Ok(outcome) };
    let plan = Plan {
        vendored: Vec::new(),
        edits: Vec::new(),
        startup: Vec::new(),
        tags: TagChange { before: filename, after, earned },
        platlib: false,
        recorded: read_recorded(wheel)?,
        decisions: PlanFile::default(),
        diagnostics: Vec::new(),
        graph: Graph::default(),
    };
    let staged = apply::apply(wheel, &plan, Making { options, folder, batch: &Batch::default() }, Kept::default())?;
    if let Some(output) = staged.output {
        let result = Wheel::open(output.path())?;
        let differences = prove::record_differences(&result)?;
        outcome.diagnostics.extend(differences.into_iter().map(|message| Diagnostic::new(Code::TW901, message)));
        outcome.output = Some(Ready::New(output));
    }
    outcome.plan = Some(plan);
    Ok(outcome)
}

/// Returns true if no loader takes any of the binaries, and neither they nor a tag say which processor the wheel is for.
fn nothing_is_loaded(binaries: &[Binary], filename: &WheelFilename) -> bool {
    let named = |target: &Target| !matches!(target.arch, Arch::Other(_));
    !binaries.iter().any(|binary| binary.image.is_loadable())
        && !make::targets(binaries, filename, &[]).is_ok_and(|targets| targets.iter().all(named))
}

/// A wheel in which nothing is to be done: copied byte for byte.
fn copied(wheel: &Wheel, filename: WheelFilename, message: &str, folder: Option<&Path>) -> Result<Outcome> {
    let mut outcome = untouched(filename, message);
    if let Some(folder) = folder {
        let destination = folder.join(outcome.name.to_string());
        outcome.output = Some(match copy_whole(wheel.path(), &destination)? {
            Some(output) => Ready::New(output),
            None => Ready::InPlace(destination),
        });
    }
    Ok(outcome)
}

/// The outcome for a wheel without anything that is loaded; nothing is written yet.
fn untouched(name: WheelFilename, message: &str) -> Outcome {
    Outcome {
        plan: None,
        name,
        binaries: Vec::new(),
        graph: Graph::default(),
        target: None,
        earned: Earned { tags: vec![PlatformTag::Any], ..Earned::default() },
        changes: BTreeMap::new(),
        diagnostics: vec![Diagnostic::new(Code::TW614, message).at(Severity::Note)],
        output: None,
    }
}

/// Faults of the archive that leave open what is in it; those that rewriting cures are not among them.
fn archive_faults(wheel: &Wheel) -> Vec<Diagnostic> {
    let faults =
        wheel.faults().iter().filter(|fault| !fault.kind.is_cured_by_rewriting() && fault.level == FaultLevel::Error);
    faults.map(lint::archive_finding).collect()
}

fn refused(filename: WheelFilename, diagnostics: Vec<Diagnostic>) -> Outcome {
    Outcome {
        plan: None,
        name: filename,
        binaries: Vec::new(),
        graph: Graph::default(),
        target: None,
        earned: Earned::default(),
        changes: BTreeMap::new(),
        diagnostics,
        output: None,
    }
}

/// Reads what an earlier repair recorded.
pub(crate) fn read_recorded(wheel: &Wheel) -> Result<Recorded> {
    match wheel.dist_info_member(recorded::FILE_NAME) {
        None => Ok(Recorded::default()),
        Some(member) if member.size() > (4 << 20) => {
            Err(Error::new(ErrorKind::Malformed, format!("{} bytes are no record", member.size())).about(member.name()))
        }
        Some(member) => Recorded::read(&wheel.read_small(member)?).map_err(|error| error.about(member.name())),
    }
}
