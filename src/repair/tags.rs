//! Which platform tags a repaired wheel carries: those that its final bytes earn, and no other.

use std::collections::BTreeSet;

use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::policy::{self, Earned, PolicySet, Subject};
use crate::tag::{IosSdk, MacosArch, PlatformTag};

/// What was asked of the tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// `--plat`; empty for `auto`.
    pub asked: &'a [PlatformTag],
    /// `--only-plat`: nothing better than asked for, or than claimed, is added.
    pub only: bool,
}

/// The family within which tags are better or worse than each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Glibc,
    Musl,
    Android,
    Macos(MacosArch),
    Ios(Arch, IosSdk),
    Windows(Arch),
    Plain,
}

impl Family {
    fn of(tag: &PlatformTag) -> Self {
        match tag {
            PlatformTag::Manylinux { .. } | PlatformTag::ManylinuxLegacy { .. } => Family::Glibc,
            PlatformTag::Musllinux { .. } => Family::Musl,
            PlatformTag::Android { .. } => Family::Android,
            PlatformTag::Macos { arch, .. } => Family::Macos(*arch),
            PlatformTag::Ios { arch, sdk, .. } => Family::Ios(*arch, *sdk),
            PlatformTag::Windows { arch } => Family::Windows(*arch),
            _ => Family::Plain,
        }
    }

    /// Whether a wheel gets this family's best tag whatever it claimed: C libraries are alternatives of one another,
    /// processors are not.
    fn is_always_wanted(self) -> bool {
        matches!(self, Family::Glibc | Family::Musl | Family::Android)
    }
}

/// Returns the platform tags of the result, in no particular order.
///
/// Claimed tags that are earned stay; of each C library's family, and of each set of processors that is claimed, the
/// best earned one is added if it is better than all of them (with its alias), and so is what was asked for. `linux_*`
/// is never combined with another tag. Where no tag of the claimed processors is earned, each processor's own is.
pub(super) fn select(claimed: &[PlatformTag], earned: &Earned, wanted: &Wanted<'_>) -> Vec<PlatformTag> {
    let is_earned = |tag: &&PlatformTag| earned.holds(&tag.normalized());
    let is_plain = |tag: &PlatformTag| Family::of(tag) == Family::Plain;
    let mut chosen: Vec<PlatformTag> = claimed.iter().filter(is_earned).filter(|tag| !is_plain(tag)).cloned().collect();
    let kept = chosen.clone();
    for tag in wanted.asked.iter().filter(is_earned) {
        if !is_plain(tag) && !kept.iter().any(|other| other.normalized() == tag.normalized()) {
            chosen.extend(with_alias(&tag.normalized()));
        }
    }
    if !wanted.only || (wanted.asked.is_empty() && kept.is_empty()) {
        let mut seen: BTreeSet<Family> = BTreeSet::new();
        for best in &earned.tags {
            let part = Family::of(best);
            // `earned` is in order, so the first of a family is better than every other.
            let is_wanted = part.is_always_wanted() || claimed.iter().any(|tag| Family::of(tag) == part);
            let first = part != Family::Plain && seen.insert(part);
            if first && is_wanted && !kept.iter().any(|tag| tag.normalized() == best.normalized()) {
                chosen.extend(with_alias(&best.normalized()));
            }
        }
    }
    if chosen.is_empty() {
        chosen = each_processor_s(claimed, &earned.tags);
    }
    let asked_for_plain = wanted.asked.iter().any(is_plain);
    if chosen.is_empty() || (asked_for_plain && wanted.only) {
        let plain: Vec<PlatformTag> = earned.tags.iter().filter(|tag| is_plain(tag)).cloned().collect();
        if !plain.is_empty() {
            return plain;
        }
    }
    let mut seen = BTreeSet::new();
    chosen.retain(|tag| seen.insert(tag.clone()));
    chosen
}

/// Of what is earned, the tags of single processors: of those that are claimed, else of all.
fn each_processor_s(claimed: &[PlatformTag], earned: &[PlatformTag]) -> Vec<PlatformTag> {
    let wanted: Vec<Arch> = claimed.iter().flat_map(PlatformTag::archs).collect();
    let own: Vec<&PlatformTag> = earned
        .iter()
        .filter(|tag| {
            matches!(Family::of(tag), Family::Macos(MacosArch::Single(_)) | Family::Ios(..) | Family::Windows(_))
        })
        .collect();
    let fits = |tag: &PlatformTag| tag.archs().iter().all(|arch| wanted.contains(arch));
    let some_fit = own.iter().any(|tag| fits(tag));
    own.into_iter().filter(|tag| fits(tag) || !some_fit).cloned().collect()
}

/// Returns the platform tags that a wheel with these claims gets where nothing is asked.
pub(crate) fn best_platforms(claimed: &[PlatformTag], earned: &Earned) -> Vec<PlatformTag> {
    select(claimed, earned, &Wanted::default())
}

/// Says which claimed tags the bytes do not allow, what stands in their place, and why.
pub(crate) fn raised(
    policies: &PolicySet,
    judged: &Subject<'_>,
    claimed: &[PlatformTag],
    chosen: &[PlatformTag],
    earned: &Earned,
) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for tag in claimed.iter().filter(|tag| !earned.holds(tag) && !earned.holds(&tag.normalized())) {
        let names: Vec<String> = chosen.iter().map(|tag| format!("`{tag}`")).collect();
        let message =
            format!("`{tag}` is claimed and not true of the bytes; the wheel becomes {}", names.join(" and "));
        diagnostics.push(Diagnostic::new(Code::TW616, message));
        let reasons = policy::refusals(policies, tag, judged);
        diagnostics.extend(reasons.into_iter().map(|reason| reason.at(Severity::Note)));
    }
    diagnostics
}

/// Returns the tag, and the name from before PEP 600 where it has one.
fn with_alias(tag: &PlatformTag) -> Vec<PlatformTag> {
    std::iter::once(tag.clone()).chain(tag.legacy_alias()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Vec<PlatformTag> {
        text.split_whitespace().map(|tag| tag.parse().unwrap()).collect()
    }

    fn chosen(claimed: &str, earned: &str, asked: &str, only: bool) -> String {
        let asked = tags(asked);
        let earned = Earned { tags: tags(earned), ..Earned::default() };
        let result = select(&tags(claimed), &earned, &Wanted { asked: &asked, only });
        result.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    const EARNED: &str =
        "manylinux_2_17_x86_64 manylinux2014_x86_64 manylinux_2_28_x86_64 manylinux_2_34_x86_64 linux_x86_64";

    #[test]
    fn a_linux_tag_becomes_the_best_with_its_alias() {
        assert_eq!(chosen("linux_x86_64", EARNED, "", false), "manylinux_2_17_x86_64 manylinux2014_x86_64");
    }

    #[test]
    fn what_was_asked_for_stands_beside_the_best() {
        assert_eq!(
            chosen("linux_x86_64", EARNED, "manylinux_2_28_x86_64", false),
            "manylinux_2_28_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64"
        );
        assert_eq!(chosen("linux_x86_64", EARNED, "manylinux_2_28_x86_64", true), "manylinux_2_28_x86_64");
    }

    #[test]
    fn a_claimed_tag_stays_as_spelled_and_a_better_one_is_added() {
        assert_eq!(chosen("manylinux2014_x86_64", EARNED, "", false), "manylinux2014_x86_64");
        assert_eq!(
            chosen("manylinux_2_34_x86_64", EARNED, "", false),
            "manylinux_2_34_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64"
        );
    }

    #[test]
    fn a_claimed_tag_that_is_not_earned_goes() {
        assert_eq!(
            chosen("manylinux_2_5_x86_64 manylinux1_x86_64", "manylinux_2_28_x86_64 linux_x86_64", "", false),
            "manylinux_2_28_x86_64"
        );
    }

    #[test]
    fn both_libc_families_where_both_are_earned() {
        let earned = "manylinux_2_5_x86_64 manylinux1_x86_64 musllinux_1_1_x86_64 linux_x86_64";
        assert_eq!(
            chosen("linux_x86_64", earned, "", false),
            "manylinux_2_5_x86_64 manylinux1_x86_64 musllinux_1_1_x86_64"
        );
    }

    #[test]
    fn linux_stands_alone() {
        assert_eq!(chosen("linux_mips", "linux_mips", "", false), "linux_mips");
        assert_eq!(chosen("manylinux_2_17_x86_64", "linux_x86_64", "linux_x86_64", false), "linux_x86_64");
        assert_eq!(chosen("linux_x86_64", EARNED, "linux_x86_64", true), "linux_x86_64");
    }

    #[test]
    fn a_macos_version_that_the_bytes_do_not_allow_is_raised() {
        assert_eq!(chosen("macosx_10_9_x86_64", "macosx_11_0_x86_64", "", false), "macosx_11_0_x86_64");
        assert_eq!(chosen("macosx_11_0_arm64", "macosx_11_0_arm64", "", false), "macosx_11_0_arm64");
        assert_eq!(
            chosen("macosx_10_9_universal2", "macosx_10_13_x86_64 macosx_12_0_arm64", "", false),
            "macosx_10_13_x86_64 macosx_12_0_arm64"
        );
        assert_eq!(chosen("macosx_10_9_universal2", "macosx_10_13_x86_64", "", false), "macosx_10_13_x86_64");
    }

    #[test]
    fn only_claimed_processors_are_tagged() {
        let earned = "macosx_10_9_universal2 macosx_10_9_x86_64 macosx_11_0_arm64";
        assert_eq!(chosen("macosx_11_0_arm64", earned, "", false), "macosx_11_0_arm64");
        assert_eq!(chosen("win_amd64", "win_amd64", "", false), "win_amd64");
        assert_eq!(chosen("win32", "win_amd64", "", false), "win_amd64");
    }

    #[test]
    fn a_second_run_changes_nothing() {
        let once = chosen("linux_x86_64", EARNED, "manylinux_2_28_x86_64", false);
        assert_eq!(chosen(&once, EARNED, "", false), once);
        assert_eq!(chosen(&once, EARNED, "manylinux_2_28_x86_64", false), once);
        let only = chosen("linux_x86_64", EARNED, "manylinux_2_28_x86_64", true);
        assert_eq!(chosen(&only, EARNED, "", true), only);
    }
}
