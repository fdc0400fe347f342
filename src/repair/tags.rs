//! Which platform tags a repaired wheel carries: those that its final bytes earn, and no other.

use std::collections::BTreeSet;

use crate::tag::PlatformTag;

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
    Plain,
}

fn family(tag: &PlatformTag) -> Family {
    match tag {
        PlatformTag::Manylinux { .. } | PlatformTag::ManylinuxLegacy { .. } => Family::Glibc,
        PlatformTag::Musllinux { .. } => Family::Musl,
        PlatformTag::Android { .. } => Family::Android,
        _ => Family::Plain,
    }
}

/// Returns the platform tags of the result, in no particular order.
///
/// Claimed tags that are earned stay; of each C library's family the best earned one is added if it is better than
/// all of them (with its alias), and so is what was asked for. `linux_*` is never combined with another tag.
/// `earned` is most compatible first.
pub(super) fn select(claimed: &[PlatformTag], earned: &[PlatformTag], wanted: &Wanted<'_>) -> Vec<PlatformTag> {
    let earned_levels: BTreeSet<PlatformTag> = earned.iter().map(PlatformTag::normalized).collect();
    let is_earned = |tag: &&PlatformTag| earned_levels.contains(&tag.normalized());
    let mut chosen: Vec<PlatformTag> =
        claimed.iter().filter(is_earned).filter(|tag| family(tag) != Family::Plain).cloned().collect();
    let kept = chosen.clone();
    for tag in wanted.asked.iter().filter(is_earned) {
        if family(tag) != Family::Plain && !kept.iter().any(|other| other.normalized() == tag.normalized()) {
            chosen.extend(with_alias(&tag.normalized()));
        }
    }
    if !wanted.only || (wanted.asked.is_empty() && kept.is_empty()) {
        for part in [Family::Glibc, Family::Musl, Family::Android] {
            let Some(best) = earned.iter().find(|tag| family(tag) == part).map(PlatformTag::normalized) else {
                continue;
            };
            // `earned` is in order, so the best one is better than every other.
            if !kept.iter().any(|tag| tag.normalized() == best) {
                chosen.extend(with_alias(&best));
            }
        }
    }
    let asked_for_plain = wanted.asked.iter().any(|tag| family(tag) == Family::Plain);
    if chosen.is_empty() || (asked_for_plain && wanted.only) {
        let plain: Vec<PlatformTag> = earned.iter().filter(|tag| family(tag) == Family::Plain).cloned().collect();
        if !plain.is_empty() {
            return plain;
        }
    }
    let mut seen = BTreeSet::new();
    chosen.retain(|tag| seen.insert(tag.clone()));
    chosen
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
        let result = select(&tags(claimed), &tags(earned), &Wanted { asked: &asked, only });
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
    fn a_second_run_changes_nothing() {
        let once = chosen("linux_x86_64", EARNED, "manylinux_2_28_x86_64", false);
        assert_eq!(chosen(&once, EARNED, "", false), once);
        assert_eq!(chosen(&once, EARNED, "manylinux_2_28_x86_64", false), once);
        let only = chosen("linux_x86_64", EARNED, "manylinux_2_28_x86_64", true);
        assert_eq!(chosen(&only, EARNED, "", true), only);
    }
}
