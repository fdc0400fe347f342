//! `merge`: one `universal2` wheel of two single-architecture ones: binaries fused, everything else alike or chosen.
//!
//! ```text
//! two wheels ──> each member: same, fused, taken, in conflict ──> tags by the fused slices ──> one wheel
//! ```

mod pair;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::arch::Arch;
use crate::compose::retag::judge;
use crate::diagnostic::{Code, Diagnostic};
use crate::error::{Error, Result};
use crate::format::ImageKind;
use crate::load::{self, Binary, Unreadable};
use crate::platform::macos;
use crate::policy::{Earned, PolicySet};
use crate::repair::rewrite::{Rewrite, is_rewritable};
use crate::repair::{self, Step};
use crate::tag::{MacosArch, PlatformTag, WheelFilename};
use crate::wheel::Wheel;
use crate::wheel::pythons::Pythons;
use crate::wheel::write::Output;

pub use pair::{Side, Taken};

/// How wheels are merged.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MergeOptions {
    /// Which wheel's file is taken where the two differ and cannot be fused; `None`: that is an error.
    pub take: Option<Side>,
    /// `--compress`, 0 to 12.
    pub compress: u8,
    /// `SOURCE_DATE_EPOCH`.
    pub source_date_epoch: Option<i64>,
    /// Codes of `--accept`.
    pub accept: Vec<Code>,
    /// The policies.
    pub policies: PolicySet,
}

impl Default for MergeOptions {
    fn default() -> Self {
        let defaults = repair::Options::default();
        Self {
            take: None,
            compress: defaults.compress,
            source_date_epoch: None,
            accept: Vec::new(),
            policies: defaults.policies,
        }
    }
}

/// What became of a merge.
#[derive(Debug)]
#[non_exhaustive]
pub struct Merged {
    /// The file names of the inputs.
    pub before: [WheelFilename; 2],
    /// The file name of the result.
    pub name: WheelFilename,
    /// What was or would be done.
    pub steps: Vec<Step>,
    /// What the slices earn together.
    pub earned: Earned,
    /// The binaries of the result.
    pub binaries: Vec<Binary>,
    /// Everything found, at the codes' own levels.
    pub diagnostics: Vec<Diagnostic>,
    output: Option<Output>,
}

impl Merged {
    /// Returns true if a finding says that nothing must be written, those of `accept` apart; an untrue tag is never
    /// accepted.
    pub fn is_refused(&self, accept: &[Code]) -> bool {
        self.diagnostics.iter().any(|finding| {
            let tag = finding.code == Code::TW601 || finding.code.name().starts_with("TW4");
            finding.refuses(if tag { &[] } else { accept })
        })
    }

    /// Gives the result its name, and returns its path; `None` if nothing was to be written.
    ///
    /// # Errors
    /// `Refused` if [`Merged::is_refused`]; `Io` if it cannot be renamed. Nothing is written then.
    pub fn publish(&mut self, accept: &[Code]) -> Result<Option<PathBuf>> {
        if self.is_refused(accept) {
            return Err(Error::refused("the wheels cannot be merged"));
        }
        self.output.take().map(Output::publish).transpose()
    }
}

/// Merges two wheels into `folder`; nothing has its final name before [`Merged::publish`].
///
/// With `folder` of `None` it is only said what would be done. In which order the wheels are given says only which file
/// [`MergeOptions::take`] means.
///
/// # Errors
/// `Io` for what cannot be read or written; `Malformed` and `Refused` if a wheel is at fault or the two are not two
/// builds of one thing. Findings are in the outcome.
pub fn merge(paths: [&Path; 2], options: &MergeOptions, folder: Option<&Path>) -> Result<Merged> {
    let mut wheels = [Wheel::open(paths[0])?, Wheel::open(paths[1])?];
    for (wheel, path) in wheels.iter().zip(paths) {
        if !is_rewritable(wheel) {
            let hint = "`truewheel check` says what is wrong";
            return Err(Error::refused("the archive is not sound").about(path.display()).hint(hint));
        }
    }
    alike(wheels[0].filename()?, wheels[1].filename()?)?;
    let mut inventories = [0, 1].map(|at| load::inspect_members(&wheels[at], |_| true));
    let mut take = options.take;
    if order([&inventories[0].binaries, &inventories[1].binaries])?.is_gt() {
        wheels.reverse();
        inventories.reverse();
        take = take.map(Side::other);
    }
    let [first, second] = wheels;
    let [inventory, other] = inventories;
    let names = [first.filename()?.clone(), second.filename()?.clone()];
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    diagnostics.extend(inventory.unreadable.iter().chain(&other.unreadable).map(Unreadable::finding));
    let pairing = pair::pair(&first, &second, [&inventory.binaries, &other.binaries], take)?;
    diagnostics.extend(pairing.diagnostics);
    let binaries = pair::binaries(&pairing.taken, inventory.binaries, other.binaries);
    let mut tags = names[0].tags.clone();
    let claimed: Vec<PlatformTag> = names.iter().flat_map(|name| name.tags.platforms()).cloned().collect();
    let pythons = Pythons::of(&first, tags.with_platforms(claimed.clone()));
    let judged = judge(&options.policies, &binaries, &pythons, &pairing.excluded)?;
    let platforms = widest(&judged.earned.tags, &claimed);
    if platforms.is_empty() {
        diagnostics.extend(judged.findings);
    } else {
        tags = tags.with_platforms(platforms);
    }
    let mut rewrite = Rewrite::new(names[0].with_tags(tags));
    rewrite.taken = pairing.taken;
    let mut steps: Vec<Step> = rewrite.taken.iter().map(|(member, part)| part.step(member, &names[1])).collect();
    if rewrite.name.tags != names[0].tags {
        steps.push(Step::Retag { from: names[0].tags.to_string(), to: rewrite.name.tags.to_string() });
    }
    let mut merged = Merged {
        before: names,
        name: rewrite.name.clone(),
        steps,
        earned: judged.earned,
        binaries,
        diagnostics,
        output: None,
    };
    if let (Some(folder), false) = (folder, merged.is_refused(&options.accept)) {
        merged.output = write(&first, &second, &rewrite, options, folder, &mut merged.diagnostics)?;
    }
    Ok(merged)
}

/// Writes the result, reads it again and says where it is not what was planned.
fn write(
    first: &Wheel,
    second: &Wheel,
    rewrite: &Rewrite,
    options: &MergeOptions,
    folder: &Path,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Option<Output>> {
    let writing = repair::Options {
        compress: options.compress,
        source_date_epoch: options.source_date_epoch,
        ..repair::Options::default()
    };
    let written = rewrite.write_with(first, Some(second), &writing, folder)?;
    diagnostics.extend(written.diagnostics);
    let Some(output) = written.output else { return Ok(None) };
    let result = Wheel::open(output.path())?;
    let mut failed = |member: &str, message: &str| {
        diagnostics.push(Diagnostic::new(Code::TW901, message.to_owned()).member(member));
    };
    for difference in repair::record_differences(&result)? {
        failed("RECORD", &difference);
    }
    let fused = |name: &str| rewrite.taken.get(name) == Some(&Taken::Fused);
    let again = load::inspect_members(&result, |member| fused(member.name()));
    for unreadable in &again.unreadable {
        failed(&unreadable.member, unreadable.error.message());
    }
    for (member, _) in rewrite.taken.iter().filter(|(_, part)| **part == Taken::Fused) {
        if again.binaries.iter().filter(|binary| binary.member == *member).count() < 2 {
            failed(member, "is not of two slices in the result");
        }
    }
    Ok(Some(output))
}

/// Refuses wheels that are not two builds of one thing for macOS.
fn alike(first: &WheelFilename, second: &WheelFilename) -> Result<()> {
    let says = |what: &str| Err(Error::refused(format!("the wheels are {what}: `{first}` and `{second}`")));
    if !first.same_distribution(second) {
        return says("of different distributions or versions");
    }
    let set = |values: Vec<String>| values.into_iter().collect::<BTreeSet<_>>();
    let python = |name: &WheelFilename| set(name.tags.pythons().iter().map(ToString::to_string).collect());
    let abi = |name: &WheelFilename| set(name.tags.abis().iter().map(ToString::to_string).collect());
    if python(first) != python(second) || abi(first) != abi(second) || first.build != second.build {
        return says("for different Pythons or builds");
    }
    let is_macos =
        |name: &WheelFilename| name.tags.platforms().iter().all(|tag| matches!(tag, PlatformTag::Macos { .. }));
    if !is_macos(first) || !is_macos(second) {
        return says("not both for macOS, whose binaries alone can be of several architectures");
    }
    Ok(())
}

/// Returns which wheel comes first, by the processors that they are for, so that the result does not depend on who was
/// given first: the first one has the spelling of names, the times and the order of what both hold alike.
///
/// Refuses wheels that are for the same processors: one of them was given twice, or is not the one that was meant.
fn order(binaries: [&[Binary]; 2]) -> Result<Ordering> {
    let archs = |binaries: &[Binary]| -> BTreeSet<Arch> {
        let loaded = binaries.iter().filter(|binary| binary.image.kind != ImageKind::Object);
        loaded.map(|binary| macos::base(binary.image.arch)).collect()
    };
    let [first, second] = binaries.map(archs);
    if first != second || first.is_empty() {
        return Ok(first.cmp(&second));
    }
    let names: Vec<String> = first.into_iter().map(Arch::apple_name).collect();
    Err(Error::refused(format!(
        "both wheels are for {}: a merge joins code for different processors",
        names.join(" and ")
    ))
    .hint("give one wheel for x86_64 and one for arm64"))
}

/// Of what is earned: the one tag for both architectures if there is one, else each claimed architecture's own.
fn widest(earned: &[PlatformTag], claimed: &[PlatformTag]) -> Vec<PlatformTag> {
    let arch = |tag: &PlatformTag| match tag {
        PlatformTag::Macos { arch, .. } => Some(*arch),
        _ => None,
    };
    if let Some(tag) = earned.iter().find(|tag| arch(tag) == Some(MacosArch::Universal2)) {
        return vec![tag.clone()];
    }
    let wanted: Vec<_> = claimed.iter().flat_map(PlatformTag::archs).collect();
    let single = |tag: &&PlatformTag| matches!(arch(tag), Some(MacosArch::Single(arch)) if wanted.contains(&arch));
    let mut own: Vec<PlatformTag> = Vec::new();
    for tag in earned.iter().filter(single) {
        if !own.iter().any(|other| arch(other) == arch(tag)) {
            own.push(tag.clone());
        }
    }
    match wanted.iter().all(|one| own.iter().any(|tag| tag.archs().contains(one))) {
        true => own,
        false => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Vec<PlatformTag> {
        text.split_whitespace().map(|tag| tag.parse().unwrap()).collect()
    }

    fn chosen(earned: &str, claimed: &str) -> String {
        widest(&tags(earned), &tags(claimed)).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_tag_for_both_else_each_architecture_s_own() {
        let claimed = "macosx_10_13_x86_64 macosx_12_0_arm64";
        assert_eq!(
            chosen("macosx_10_13_universal2 macosx_10_13_x86_64 macosx_11_0_arm64", claimed),
            "macosx_10_13_universal2"
        );
        assert_eq!(chosen("macosx_10_13_x86_64 macosx_12_0_arm64", claimed), claimed);
        assert_eq!(chosen("macosx_10_13_x86_64", claimed), "");
    }
}
