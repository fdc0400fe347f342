//! `retag`: other tags for a wheel, with the proof that they are true.
//!
//! ```text
//! asked ──> tags ──> renames ──> claims held against the bytes ──> WHEEL, RECORD, file name
//! ```
//! Nothing is read that the proof does not need: a build tag alone costs a copy.

mod platform;
mod rename;
mod request;

pub(super) use platform::judge;

pub use request::{RetagOptions, TagEdit};

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::abi::{self, WheelAbi};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::{Error, Result};
use crate::lint;
use crate::load::{self, Binary, Inventory, Unreadable};
use crate::policy::Earned;
use crate::repair::rewrite::{Mending, Rewrite, is_rewritable};
use crate::repair::{self, Step};
use crate::tag::{Liveness, PlatformTag, Tag, TagSet, WheelFilename};
use crate::wheel::dist_info::DistInfoProblem;
use crate::wheel::pythons::Pythons;
use crate::wheel::wheel_file::WheelFile;
use crate::wheel::write::Ready;
use crate::wheel::{FaultLevel, Member, Wheel};

/// What became of a retagging.
#[derive(Debug)]
#[non_exhaustive]
pub struct Retagged {
    /// The file name of the input.
    pub before: WheelFilename,
    /// The file name of the result.
    pub name: WheelFilename,
    /// What was or would be done.
    pub steps: Vec<Step>,
    /// Why the tags are true, a phrase each, the tags first.
    pub proof: Vec<String>,
    /// The platform tags that the bytes earn; none where that was not asked.
    pub earned: Earned,
    /// The binaries that were read, by the names they have in the result.
    pub binaries: Vec<Binary>,
    /// Everything found, at the codes' own levels.
    pub diagnostics: Vec<Diagnostic>,
    /// The result, waiting to be published.
    output: Option<Ready>,
}

impl Retagged {
    /// Returns true if a finding says that nothing must be written, those of `accept` apart; an untrue tag is never
    /// accepted.
    pub fn is_refused(&self, accept: &[Code]) -> bool {
        let refuses = |finding: &Diagnostic| finding.refuses(if is_about_tags(finding.code) { &[] } else { accept });
        self.diagnostics.iter().any(refuses)
    }

    /// Gives the result its name, and returns its path; `None` if nothing was to be written.
    ///
    /// # Errors
    /// `Refused` if [`Retagged::is_refused`]; `Io` if it cannot be renamed. Nothing is written then.
    pub fn publish(&mut self, accept: &[Code]) -> Result<Option<PathBuf>> {
        if self.is_refused(accept) {
            let untrue = |finding: &Diagnostic| is_about_tags(finding.code) && finding.refuses(&[]);
            return Err(match self.diagnostics.iter().any(untrue) {
                true => Error::refused(format!("the wheel is not what `{}` says", self.name.tags))
                    .hint("`--force` writes it all the same"),
                false => Error::refused("the wheel cannot be retagged as asked"),
            });
        }
        self.output.take().map(Ready::publish).transpose()
    }
}

/// Whether a finding says that a tag is untrue or useless; `--force` makes it a warning.
fn is_about_tags(code: Code) -> bool {
    code.name().starts_with("TW4")
        || code.name().starts_with("TW5")
        || matches!(code, Code::TW601 | Code::TW611 | Code::TW614 | Code::TW615 | Code::TW620)
}

/// Retags the wheel at `path` into `folder`; nothing has its final name before [`Retagged::publish`].
///
/// With `folder` of `None` only the tags are found and proven.
///
/// # Errors
/// `Io` for what cannot be read or written; `Usage` for options that make no sense; `Malformed` and `Refused` if the
/// wheel, or what is asked of it, is at fault. Findings about the wheel are in the outcome.
pub fn retag(path: &Path, options: &RetagOptions, folder: Option<&Path>) -> Result<Retagged> {
    let wheel = Wheel::open(path)?;
    let before = wheel.filename()?.clone();
    let mut outcome = Retagged {
        name: before.clone(),
        before,
        steps: Vec::new(),
        proof: Vec::new(),
        earned: Earned::default(),
        binaries: Vec::new(),
        diagnostics: Vec::new(),
        output: None,
    };
    if !is_rewritable(&wheel) {
        let faults = wheel.faults().iter().filter(|fault| fault.level == FaultLevel::Error);
        outcome.diagnostics = faults.map(lint::archive_finding).collect();
        return Ok(outcome);
    }
    let work = Work { wheel: &wheel, options };
    let rewrite = work.prepare(&mut outcome)?;
    if options.force {
        for finding in outcome.diagnostics.iter_mut().filter(|finding| is_about_tags(finding.code)) {
            finding.severity = finding.severity.min(Severity::Warning);
        }
    }
    if let (Some(folder), false) = (folder, outcome.is_refused(&options.accept)) {
        outcome.output = Some(work.write(&rewrite, folder, &mut outcome)?);
    }
    Ok(outcome)
}

/// A wheel and what is asked of it.
struct Work<'a> {
    wheel: &'a Wheel,
    options: &'a RetagOptions,
}

/// What was read for a proof.
struct Facts {
    inventory: Inventory,
    abi: WheelAbi,
    excluded: BTreeSet<String>,
}

impl Work<'_> {
    /// Finds the tags, proves them, and returns what is to be written.
    fn prepare(&self, outcome: &mut Retagged) -> Result<Rewrite> {
        let before = outcome.before.clone();
        let file = self.wheel_file()?;
        let says_otherwise = !agrees(&file, &before.tags);
        let mut tags = self.asked(&before.tags, outcome)?;
        let proves = self.options.auto
            || self.options.mends
            || self.options.rename_extensions
            || says_otherwise
            || tags != before.tags;
        let mut rewrite = Rewrite::new(before.clone());
        rewrite.mending = self.options.mends.then_some(Mending { now: self.options.now });
        if proves {
            let mut facts = self.facts(outcome)?;
            if self.options.auto && self.options.python.is_keep() && self.options.abi.is_keep() {
                tags = self.widest(&before.tags, &tags, &facts, outcome);
            }
            if self.options.rename_extensions {
                let taken = |name: &str| self.wheel.member(name).is_some();
                rewrite.renames = rename::renames(&facts.abi, &tags, &taken)?;
                facts = facts.renamed(&rewrite.renames, self.wheel);
            }
            tags = self.prove(&before.tags, tags, says_otherwise, &facts, outcome)?;
            rewrite.purelib = purelib(&file, &before.tags, &tags, &facts);
            outcome.binaries = facts.inventory.binaries;
        }
        let build = match self.options.build.as_deref() {
            None => before.build.clone(),
            Some("") => None,
            Some(build) => Some(build.to_owned()),
        };
        rewrite.name = before.with_tags(tags).with_build(build.as_deref())?;
        if self.options.mends {
            rewrite.name = rewrite.name.normalized();
        }
        outcome.name = rewrite.name.clone();
        outcome.steps = steps(&before, &rewrite);
        let other = self.wheel.dist_info_facts().problems.iter().find_map(|problem| match problem {
            DistInfoProblem::OtherDistribution(wanted) => Some(wanted.clone()),
            _ => None,
        });
        match other {
            Some(wanted) => Err(Error::refused(format!(
                "the file name says `{wanted}`, and the wheel is of another distribution or version"
            ))
            .hint("do not rename wheels")),
            None => Ok(rewrite),
        }
    }

    fn wheel_file(&self) -> Result<WheelFile> {
        let folder = self.wheel.dist_info().ok_or_else(|| Error::refused("the wheel has no dist-info directory"))?;
        let member =
            self.wheel.dist_info_member("WHEEL").ok_or_else(|| Error::refused("no `WHEEL` file").about(folder))?;
        WheelFile::read(&self.wheel.read_small(member)?).map_err(|error| error.about(member.name()))
    }

    /// The tags with the changes that flags ask for.
    fn asked(&self, before: &TagSet, outcome: &mut Retagged) -> Result<TagSet> {
        let (python, no_python) = self.options.python.apply(&before.python)?;
        let (abi, no_abi) = self.options.abi.apply(&before.abi)?;
        let (platform, no_platform) = self.options.platform.apply(&before.platform)?;
        for (flag, missing) in [("python-tag", no_python), ("abi-tag", no_abi), ("platform-tag", no_platform)] {
            outcome.diagnostics.extend(
                missing
                    .into_iter()
                    .map(|tag| Diagnostic::new(Code::TW703, format!("`--{flag} -{tag}`: the wheel has no such tag"))),
            );
        }
        let mut tags = before.clone();
        (tags.python, tags.abi, tags.platform) = (python, abi, platform);
        Ok(tags)
    }

    /// Reads the binaries.
    fn facts(&self, outcome: &mut Retagged) -> Result<Facts> {
        let inventory = load::inspect_facts(self.wheel);
        outcome.diagnostics.extend(inventory.unreadable.iter().map(Unreadable::finding));
        let excluded = match self.options.ignore_recorded {
            true => BTreeSet::new(),
            false => repair::read_recorded(self.wheel)?.excluded.into_iter().collect(),
        };
        Ok(Facts { abi: abi_of(&inventory.binaries, self.wheel), inventory, excluded })
    }

    /// The tags with those for Python the widest that are proven.
    fn widest(&self, before: &TagSet, asked: &TagSet, facts: &Facts, outcome: &mut Retagged) -> TagSet {
        let mut tags = asked.clone();
        let named = match self.options.rename_extensions {
            true => facts.abi.clone().with_plain_names(),
            false => facts.abi.clone(),
        };
        let Some(widest) = abi::widest(before, &named) else {
            let why = facts.abi.binaries.iter().find(|facts| !facts.is_free_of_python());
            let message = "nothing in the names of its modules says which Python they are for";
            let finding =
                Diagnostic::new(Code::TW508, message).help("name the tags with `--python-tag` and `--abi-tag`");
            outcome.diagnostics.push(match why {
                Some(facts) => finding.member(&facts.member),
                None => finding,
            });
            return tags;
        };
        tags.python = before.python.changed_to(widest.pythons);
        tags.abi = before.abi.changed_to(widest.abis);
        outcome.proof.extend(widest.why_not.iter().take(3).map(|reason| format!("not `none`: {reason}")));
        tags
    }

    /// Holds the tags against the bytes, and returns them, their platforms the best where `--auto` finds them; a part that
    /// stays as it was is not proven anew.
    fn prove(
        &self,
        before: &TagSet,
        mut after: TagSet,
        says_otherwise: bool,
        facts: &Facts,
        outcome: &mut Retagged,
    ) -> Result<TagSet> {
        let all = self.options.auto || says_otherwise;
        let mut lead: Vec<String> = Vec::new();
        if all || self.options.rename_extensions || (&before.python, &before.abi) != (&after.python, &after.abi) {
            outcome.diagnostics.extend(dead(before, &after));
            outcome.diagnostics.extend(abi::claims(&after, &facts.abi));
            if let Some(widest) = abi::widest(&after, &facts.abi) {
                lead.push(widest.proof);
                lead.extend(widest.limit);
            }
        }
        if all || before.platform != after.platform {
            let binaries = &facts.inventory.binaries;
            let pythons = Pythons::of(self.wheel, after.clone());
            let case = platform::Case::new(&self.options.policies, binaries, &pythons, &facts.excluded)?;
            let formats: BTreeSet<_> = binaries.iter().map(|binary| binary.image.format).collect();
            // Binaries for several systems, in a wheel for any: no platform is the one that was meant.
            let is_carrier = before.platforms() == [PlatformTag::Any] && formats.len() > 1;
            if self.options.auto && self.options.platform.is_keep() && !is_carrier {
                let (best, findings) = case.best(before.platforms());
                after.platform = before.platform.changed_to(best);
                outcome.diagnostics.extend(findings);
            }
            let judged = case.judgement(after.platforms());
            if judged.findings.is_empty() && !binaries.is_empty() {
                let names: Vec<String> = after.platforms().iter().map(|tag| format!("`{tag}`")).collect();
                lead.push(format!("the bytes earn {}", names.join(", ")));
            }
            outcome.diagnostics.extend(judged.findings);
            outcome.earned = judged.earned;
        }
        if !lead.is_empty() {
            outcome.proof.insert(0, format!("{after}: {}", lead.join("; ")));
        }
        Ok(after)
    }

    /// Writes the result and reads again what it says of itself.
    fn write(&self, rewrite: &Rewrite, folder: &Path, outcome: &mut Retagged) -> Result<Ready> {
        let options = repair::Options {
            compress: self.options.compress,
            source_date_epoch: self.options.source_date_epoch,
            ..repair::Options::default()
        };
        let written = rewrite.write(self.wheel, &options, folder)?;
        outcome.diagnostics.extend(written.diagnostics);
        let Some(output) = written.output else { return Ok(Ready::InPlace(written.destination)) };
        let changed = !outcome.steps.is_empty() || rewrite.purelib.is_some() || rewrite.mending.is_some();
        if changed {
            let result = Wheel::open(output.path())?;
            outcome.diagnostics.extend(differences(&result, rewrite)?);
        }
        Ok(Ready::New(output))
    }
}

impl Facts {
    /// The facts under new names.
    fn renamed(mut self, renames: &BTreeMap<String, String>, wheel: &Wheel) -> Self {
        for binary in &mut self.inventory.binaries {
            if let Some(name) = renames.get(&binary.member) {
                let end = binary.member.len().min(binary.installed.len());
                if binary.installed.ends_with(&binary.member) {
                    binary.installed.truncate(binary.installed.len() - end);
                    binary.installed.push_str(name);
                }
                binary.member.clone_from(name);
            }
        }
        self.abi = abi_of(&self.inventory.binaries, wheel);
        self
    }
}

fn abi_of(binaries: &[Binary], wheel: &Wheel) -> WheelAbi {
    WheelAbi::of(binaries).with_members(wheel.members().iter().map(Member::name))
}

/// Whether WHEEL claims the tags of the file name.
fn agrees(file: &WheelFile, tags: &TagSet) -> bool {
    let expand = |text: &str| match text.trim().parse::<TagSet>() {
        Ok(set) => set.expand().iter().map(ToString::to_string).collect(),
        Err(_) => vec![text.to_owned()],
    };
    let own: BTreeSet<String> = file.tags().into_iter().flat_map(expand).collect();
    own == tags.expand().iter().map(ToString::to_string).collect()
}

/// Tags that no installer matches are refused, and so is `cp39-none`, where it was not claimed before.
fn dead(before: &TagSet, after: &TagSet) -> Vec<Diagnostic> {
    let pair = |tag: &Tag| (tag.python.clone(), tag.abi.clone());
    let claimed: Vec<_> = before.expand().iter().map(pair).collect();
    let is_new = |tag: &Tag| tag.liveness() == Liveness::OneVersionOnly && !claimed.contains(&pair(tag));
    let new_one = after.expand().iter().any(is_new);
    let findings = abi::dead_tags(after).into_iter().map(|finding| match finding.severity {
        Severity::Warning if new_one => finding.at(Severity::Error),
        Severity::Error | Severity::Warning | Severity::Note => finding,
    });
    findings.collect()
}

/// What `Root-Is-Purelib` has to become.
fn purelib(file: &WheelFile, before: &TagSet, after: &TagSet, facts: &Facts) -> Option<bool> {
    let says = file.root_is_purelib().unwrap_or(false);
    let loadable = |binary: &Binary| binary.image.is_loadable();
    let has_binaries = facts.inventory.binaries.iter().any(loadable) || !facts.inventory.unreadable.is_empty();
    let is_any = |tags: &TagSet| tags.platforms() == [PlatformTag::Any];
    let wanted = match (is_any(before), is_any(after)) {
        _ if has_binaries => false,
        (false, true) => true,
        (true, false) => false,
        _ => says,
    };
    (wanted != says).then_some(wanted)
}

/// What is done, in words for people and machines.
fn steps(before: &WheelFilename, rewrite: &Rewrite) -> Vec<Step> {
    let mut steps = Vec::new();
    let text = |name: &WheelFilename| match &name.build {
        Some(build) if before.build != rewrite.name.build => format!("{build}-{}", name.tags),
        _ => name.tags.to_string(),
    };
    if before.tags != rewrite.name.tags || before.build != rewrite.name.build {
        steps.push(Step::Retag { from: text(before), to: text(&rewrite.name) });
    }
    steps.extend(rewrite.renames.iter().map(|(from, to)| Step::Rename { member: from.clone(), to: to.clone() }));
    steps
}

/// Where the result does not say what it should.
fn differences(result: &Wheel, rewrite: &Rewrite) -> Result<Vec<Diagnostic>> {
    let mut found: Vec<String> = repair::record_differences(result)?;
    let member = result.dist_info_member("WHEEL").ok_or_else(|| Error::refused("the result has no `WHEEL` file"))?;
    let file = WheelFile::read(&result.read_small(member)?)?;
    if !agrees(&file, &rewrite.name.tags) {
        found.push("file name and WHEEL of the result claim different tags".to_owned());
    }
    if file.build() != rewrite.name.build.as_deref() {
        found.push("file name and WHEEL of the result have different build tags".to_owned());
    }
    if result.dist_info() != Some(format!("{}.dist-info", rewrite.name.stem()).as_str()) {
        found.push("the dist-info directory of the result is not the file name's".to_owned());
    }
    Ok(found.into_iter().map(|message| Diagnostic::new(Code::TW901, message)).collect())
}
