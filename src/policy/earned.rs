//! `earned`: every platform tag that a wheel's bytes earn, most compatible first, and why not better.

use std::collections::BTreeMap;

use super::document::{Policy, PolicyFamily};
use super::given::format;
use super::judge::{Verdict, is_for, judge};
use super::rules::{Evidence, stack_finding};
use super::set::PolicySet;
use super::subject::{Standing, Subject};
use super::{apple, windows};
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::{Format, Image};
use crate::platform::{self, Libc, detect};
use crate::tag::PlatformTag;

/// The tags that hold, and the verdicts of those that do not.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Earned {
    /// Platform tags that hold, most compatible first; an alias right after its PEP 600 name; glibc before musl; on
    /// Linux `linux_<arch>` last.
    pub tags: Vec<PlatformTag>,
    /// Why not better: of each set of reasons the most compatible tag that it keeps from the wheel, nearest first.
    /// Without these reasons the wheel would earn that tag.
    pub better: Vec<Verdict>,
    /// What does not decide but should be known: executable stacks, and of the best tag of each family its notes.
    pub notes: Vec<Diagnostic>,
}

impl Earned {
    /// Returns true if `tag` holds, in the spelling of a tag or of an alias; on macOS and iOS also one that promises less
    /// than those that are listed.
    pub fn holds(&self, tag: &PlatformTag) -> bool {
        self.tags.contains(tag) || apple::implied(&self.tags, tag)
    }

    /// Returns true if a tag with a policy holds: more than `linux_<arch>`.
    pub fn has_policy(&self) -> bool {
        self.tags.iter().any(|tag| PolicyFamily::of(tag).is_some())
    }
}

/// The machine that a wheel is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machine {
    /// The processor.
    pub arch: Arch,
    /// Whether it is Android rather than Linux.
    pub android: bool,
}

/// Returns the machine that a wheel for Linux or Android is for, by its platform tags and its ELF files; `None` where
/// none is for a machine that tags name.
pub fn machine(subject: &Subject<'_>, claimed: &[PlatformTag]) -> Option<Machine> {
    let own = subject.binaries().iter().filter(|binary| binary.standing != Standing::External);
    let elf = own.filter(|binary| binary.image.format == Format::Elf);
    let found = detect(elf.map(|binary| (binary.member, binary.image)), claimed);
    let arch = found.arch.filter(|arch| !subject.binaries().is_empty() && !matches!(arch, Arch::Other(_)))?;
    let android = claimed.iter().any(|tag| matches!(tag, PlatformTag::Android { .. }));
    Some(Machine { arch, android })
}

/// Returns the C libraries that the wheel's own binaries show, each with its first sign: "`a.so` needs `libc.so.6`".
pub fn libcs(subject: &Subject<'_>, android: bool) -> BTreeMap<Libc, String> {
    let mut found = BTreeMap::new();
    for binary in subject.binaries().iter().filter(|binary| binary.standing != Standing::External) {
        for evidence in Evidence::of(binary, android) {
            found.entry(evidence.libc).or_insert_with(|| format!("`{}` {}", binary.member, evidence.sign));
        }
    }
    found
}

/// Returns the platform tags that the binaries earn; `claimed` are the wheel's own platform tags, which say whether it
/// is for Android and, where binaries of several are in it, for which processor.
///
/// A wheel without binaries, or with none for a machine that tags name, earns `any`.
pub fn earned(set: &PolicySet, subject: &Subject<'_>, claimed: &[PlatformTag]) -> Earned {
    let own = subject.binaries().iter().filter(|binary| binary.standing != Standing::External);
    match format(own.map(|binary| binary.image), claimed) {
        Format::Elf => earned_on_linux(set, subject, claimed),
        Format::MachO => apple::earned(subject, claimed),
        Format::Pe => windows::earned(subject, claimed),
    }
}

/// Returns every reason why a platform tag is not earned, as errors.
pub fn refusals(set: &PolicySet, tag: &PlatformTag, subject: &Subject<'_>) -> Vec<Diagnostic> {
    match platform::of(tag).map(|platform| platform.format()) {
        Some(Format::MachO) => apple::refusals(tag, subject),
        Some(Format::Pe) => windows::refusals(tag, subject),
        Some(Format::Elf) | None => {
            let reasons = set.find(tag).map(|(policy, arch)| judge(policy, arch, subject).reasons);
            reasons.unwrap_or_default().iter().map(|reason| reason.diagnostic().at(Severity::Error)).collect()
        }
    }
}

fn earned_on_linux(set: &PolicySet, subject: &Subject<'_>, claimed: &[PlatformTag]) -> Earned {
    let Some(machine) = machine(subject, claimed) else {
        let elsewhere = |image: &Image| image.format != Format::Elf && image.is_loadable();
        let any = !subject.binaries().iter().any(|binary| elsewhere(binary.image));
        return Earned { tags: any.then_some(PlatformTag::Any).into_iter().collect(), ..Earned::default() };
    };
    let families: &[PolicyFamily] =
        if machine.android { &[PolicyFamily::Android] } else { &[PolicyFamily::Manylinux, PolicyFamily::Musllinux] };
    let mut result = Earned::default();
    for (place, binary) in subject.binaries().iter().enumerate() {
        if binary.standing != Standing::External && is_for(machine.arch, binary.image) {
            let found = stack_finding(binary, machine.android);
            result.notes.extend(found.map(|found| found.chain(subject.chain(place))));
        }
    }
    let mut refused = Vec::new();
    for family in families {
        let policies: Vec<&Policy> = set.of(*family, machine.arch).collect();
        let mut verdicts: Vec<Verdict> = policies.iter().map(|policy| judge(policy, machine.arch, subject)).collect();
        for (policy, _) in policies.iter().zip(&verdicts).filter(|(_, verdict)| verdict.satisfied()) {
            let names = std::iter::once(policy.tag(machine.arch)).chain(policy.alias_tags(machine.arch));
            result.tags.extend(names.filter_map(|name| name.parse().ok()));
        }
        let best = verdicts.iter().position(Verdict::satisfied);
        let wrong_libc = best.is_none() && verdicts.iter().flat_map(|v| &v.reasons).any(|r| r.code == Code::TW407);
        let told = best.map_or(verdicts.last(), |best| verdicts.get(best)).filter(|_| !wrong_libc);
        result.notes.extend(told.into_iter().flat_map(|verdict| verdict.notes.iter().cloned()));
        say_who_allows(&mut verdicts);
        verdicts.truncate(best.unwrap_or(verdicts.len()));
        refused.push((wrong_libc, distinct(verdicts)));
    }
    // A family for whose C library nothing was built says nothing about how to do better, unless all are like that.
    let all_wrong = refused.iter().all(|(wrong_libc, _)| *wrong_libc);
    for (_, verdicts) in refused.into_iter().filter(|(wrong_libc, _)| all_wrong || !*wrong_libc) {
        result.better.extend(verdicts);
    }
    if !machine.android {
        result.tags.push(PlatformTag::Linux { arch: machine.arch });
    }
    result
}

/// Names in each reason the most compatible tag of the family that does not mind it; verdicts are most compatible first.
fn say_who_allows(verdicts: &mut [Verdict]) {
    let mut settled: Vec<Vec<Option<String>>> = Vec::new();
    for (index, verdict) in verdicts.iter().enumerate() {
        let later = verdicts.get(index + 1..).unwrap_or_default();
        let allows =
            |reason: &super::Reason| later.iter().find(|other| !other.minds(reason)).map(|other| other.tag.clone());
        settled.push(verdict.reasons.iter().map(allows).collect());
    }
    for (verdict, settled) in verdicts.iter_mut().zip(settled) {
        for (reason, allowed_by) in verdict.reasons.iter_mut().zip(settled) {
            reason.allowed_by = allowed_by;
        }
    }
}

/// Of verdicts with the same needs keeps the most compatible one; nearest first.
fn distinct(verdicts: Vec<Verdict>) -> Vec<Verdict> {
    let same = |one: &Verdict, other: &Verdict| {
        one.reasons.len() == other.reasons.len() && one.reasons.iter().all(|reason| other.minds(reason))
    };
    let mut kept: Vec<Verdict> = Vec::new();
    for verdict in verdicts {
        if !kept.iter().any(|other| same(other, &verdict)) {
            kept.push(verdict);
        }
    }
    kept.reverse();
    kept
}
