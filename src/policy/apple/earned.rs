//! Which tags the slices of a wheel earn, and why not better.

use std::collections::BTreeSet;

use super::AppleRules;
use super::reasons::{against, is_named, machines, said, too_new};
use super::survey::{Machine, Survey};
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::macho::AppleVersion;
use crate::policy::earned::Earned;
use crate::policy::judge::Verdict;
use crate::policy::subject::Subject;
use crate::tag::{IosSdk, MacosArch, PlatformTag};

/// Returns the tags that the binaries earn: sets of architectures whose versions agree, then each architecture's own,
/// then claimed ones that promise less.
///
/// A wheel without anything that a loader loads earns `any`.
pub(in crate::policy) fn earned(subject: &Subject<'_>, claimed: &[PlatformTag]) -> Earned {
    let rules = rules_for(claimed);
    let survey = Survey::of(rules, subject);
    if survey.is_empty() {
        return Earned { tags: vec![PlatformTag::Any], ..Earned::default() };
    }
    let mut earned = Earned { tags: own_tags(rules, subject, &survey), ..Earned::default() };
    earned.tags = with_sets(earned.tags);
    for tag in claimed {
        if !earned.tags.contains(tag) && promises(rules, subject, &survey, tag) {
            // What says less than the own tag, and means the same (nothing older runs on arm64), is more compatible.
            let own = |other: &PlatformTag| machines(rules, other) == machines(rules, tag) && said(tag) < said(other);
            let at = earned.tags.iter().position(own).unwrap_or(earned.tags.len());
            earned.tags.insert(at, tag.clone());
        }
    }
    for tag in &earned.tags {
        for machine in machines(rules, tag) {
            earned.better.extend(better(rules, subject, &survey, &machine, tag));
            earned.notes.extend(point_release(rules, subject, &survey, &machine));
            earned.notes.extend(translated(subject, &survey, &machine));
        }
    }
    let mut seen = BTreeSet::new();
    earned.better.retain(|verdict| seen.insert(verdict.tag.clone()));
    let mut seen = BTreeSet::new();
    earned.notes.retain(|note| seen.insert((note.member.clone(), note.message.clone())));
    earned
}

/// Returns true if `tag` promises no more than `earned` do together: its architectures, at these versions or later ones.
pub(in crate::policy) fn implied(earned: &[PlatformTag], tag: &PlatformTag) -> bool {
    let rules = rules_for(std::slice::from_ref(tag));
    let at_least = |tag: &PlatformTag, machine: &Machine| {
        let floor = rules.arch(machine.arch, &machine.sdk).map(|known| known.floor).unwrap_or_default();
        said(tag).map(|said| rules.in_tags(said).max(rules.in_tags(floor)))
    };
    let wanted = machines(rules, tag);
    !wanted.is_empty()
        && tag.asked_for_instead().is_none()
        && wanted.iter().all(|machine| {
            let promised = at_least(tag, machine);
            earned.iter().any(|own| machines(rules, own).contains(machine) && at_least(own, machine) <= promised)
        })
}

/// Returns every reason why `tag` is not earned.
pub(in crate::policy) fn refusals(tag: &PlatformTag, subject: &Subject<'_>) -> Vec<Diagnostic> {
    let rules = rules_for(std::slice::from_ref(tag));
    let reasons = against(rules, subject, &Survey::of(rules, subject), tag);
    reasons
        .iter()
        .map(|reason| {
            let mut diagnostic = reason.diagnostic().at(Severity::Error);
            diagnostic.member = diagnostic.member.filter(|member| !member.is_empty());
            diagnostic
        })
        .collect()
}

/// Returns the rules of the system that the tags name: iOS's where one is for it, else macOS's.
fn rules_for(tags: &[PlatformTag]) -> &'static AppleRules {
    match tags.iter().any(|tag| matches!(tag, PlatformTag::Ios { .. })) {
        true => AppleRules::ios(),
        false => AppleRules::macos(),
    }
}

fn promises(rules: &AppleRules, subject: &Subject<'_>, survey: &Survey, tag: &PlatformTag) -> bool {
    said(tag).is_some()
        && !machines(rules, tag).is_empty()
        && !survey.is_empty()
        && against(rules, subject, survey, tag).is_empty()
}

/// Each machine's own tag, oldest processor first.
fn own_tags(rules: &AppleRules, subject: &Subject<'_>, survey: &Survey) -> Vec<PlatformTag> {
    let mut tags = Vec::new();
    for machine in survey.machines() {
        let whole = is_named(rules, machine.arch) && survey.lacking(subject, &machine).is_empty();
        if let Some(version) = survey.version(&machine).filter(|_| whole) {
            tags.extend(tag(rules, &machine, version));
        }
    }
    tags
}

/// The tag of one machine at a version.
fn tag(rules: &AppleRules, machine: &Machine, version: AppleVersion) -> Option<PlatformTag> {
    let (major, minor) = (version.major(), u16::from(version.minor()));
    if rules.name == "macos" {
        return Some(PlatformTag::Macos { major, minor, arch: MacosArch::Single(machine.arch) });
    }
    let sdk = [IosSdk::Device, IosSdk::Simulator].into_iter().find(|sdk| sdk.name() == machine.sdk)?;
    Some(PlatformTag::Ios { major, minor, arch: machine.arch, sdk })
}

/// Puts before them the sets that installers know and whose members agree on the version.
///
/// Nothing older than macOS 11 runs on arm64, so there `universal2` may say what the Intel code needs.
fn with_sets(tags: Vec<PlatformTag>) -> Vec<PlatformTag> {
    let version = |wanted: Arch| {
        tags.iter().find_map(|tag| match tag {
            PlatformTag::Macos { major, minor, arch: MacosArch::Single(arch) } if *arch == wanted => {
                Some((*major, *minor))
            }
            _ => None,
        })
    };
    let mut sets = Vec::new();
    if let (Some((major, minor)), Some(arm)) = (version(Arch::X86_64), version(Arch::Aarch64))
        && (arm == (major, minor) || arm == (11, 0))
    {
        sets.push(PlatformTag::Macos { major, minor, arch: MacosArch::Universal2 });
    }
    if let (Some((major, minor)), Some(other)) = (version(Arch::X86_64), version(Arch::X86))
        && other == (major, minor)
    {
        sets.push(PlatformTag::Macos { major, minor, arch: MacosArch::Intel });
    }
    sets.extend(tags);
    sets
}

/// The next older version that a machine's tag would say if it were not for the slices that need more.
fn better(
    rules: &AppleRules,
    subject: &Subject<'_>,
    survey: &Survey,
    machine: &Machine,
    earned: &PlatformTag,
) -> Option<Verdict> {
    if machines(rules, earned).len() != 1 {
        return None;
    }
    let newest = survey.version(machine)?;
    let next = survey.on(machine).map(|slice| slice.version).filter(|version| *version < newest).max()?;
    let next = tag(rules, machine, next)?;
    let mut reasons: Vec<_> = survey
        .on(machine)
        .filter(|slice| slice.version == newest)
        .map(|slice| too_new(rules, subject, slice, &next))
        .collect();
    reasons.sort_by(|one, other| one.key().cmp(&other.key()));
    Some(Verdict { tag: next.to_string(), reasons, notes: Vec::new() })
}

/// A point release that slices need and no tag can say.
fn point_release(rules: &AppleRules, subject: &Subject<'_>, survey: &Survey, machine: &Machine) -> Option<Diagnostic> {
    let version = survey.version(machine)?;
    let slices: Vec<_> =
        survey.on(machine).filter(|slice| slice.version == version && slice.stated > version).collect();
    let first = slices.iter().max_by_key(|slice| (slice.stated, std::cmp::Reverse(slice.place)))?;
    // Before macOS 11 tags leave out the third number only, which no binary is built for on purpose.
    if rules.minor_is_zero_from == 0 || version.major() < rules.minor_is_zero_from {
        return None;
    }
    let others = match slices.len() {
        0 | 1 => String::new(),
        2 => ", and another binary a point release too".to_owned(),
        count => format!(", and {} other binaries a point release too", count - 1),
    };
    let message = format!(
        "needs {} {} ({}){others}; installers know only `{}_0`",
        rules.system_name(),
        first.stated,
        machine.arch.apple_name(),
        version.major()
    );
    let diagnostic = Diagnostic::new(Code::TW416, message).member(subject.at(first.place).member);
    Some(diagnostic.chain(subject.chain(first.place)))
}

/// Programs that the machine runs by translation only.
fn translated(subject: &Subject<'_>, survey: &Survey, machine: &Machine) -> Vec<Diagnostic> {
    let note = |place: usize| {
        let message = "has code for x86_64 only; on arm64 it runs by translation (Rosetta)";
        Diagnostic::new(Code::TW412, message).at(Severity::Warning).member(subject.at(place).member)
    };
    survey.translated(subject, machine).into_iter().map(note).collect()
}
