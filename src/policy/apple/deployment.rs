//! What `MACOSX_DEPLOYMENT_TARGET` asks of a wheel's tags.

use std::collections::BTreeSet;

use super::AppleRules;
use crate::arch::Arch;
use crate::error::{Error, Result};
use crate::format::macho::AppleVersion;
use crate::tag::{MacosArch, PlatformTag};

/// Returns the tags that `MACOSX_DEPLOYMENT_TARGET` stands for in a wheel with code for `archs` that claims `claimed`:
/// that version for each architecture, arm64 not below 11.0; both as `universal2`.
///
/// # Errors
/// `Usage` if the value is no version.
pub fn deployment_tags(value: &str, archs: &BTreeSet<Arch>, claimed: &[PlatformTag]) -> Result<Vec<PlatformTag>> {
    let rules = AppleRules::macos();
    let version = AppleVersion::parse(value.trim())
        .filter(|version| version.major() >= 10)
        .ok_or_else(|| Error::usage(format!("`{value}` is no version of macOS")).about("MACOSX_DEPLOYMENT_TARGET"))?;
    let named: BTreeSet<Arch> =
        claimed.iter().filter(|tag| matches!(tag, PlatformTag::Macos { .. })).flat_map(PlatformTag::archs).collect();
    let mut wanted: BTreeSet<Arch> = archs.intersection(&named).copied().collect();
    if wanted.is_empty() {
        wanted.clone_from(archs);
    }
    let at = |arch: MacosArch, version: AppleVersion| {
        let version = rules.in_tags(version);
        PlatformTag::Macos { major: version.major(), minor: u16::from(version.minor()), arch }
    };
    if wanted == BTreeSet::from([Arch::X86_64, Arch::Aarch64]) {
        return Ok(vec![at(MacosArch::Universal2, version)]);
    }
    let single = |arch: &Arch| {
        let floor = rules.arch(*arch, "macosx").map(|known| known.floor).unwrap_or_default();
        at(MacosArch::Single(*arch), version.max(floor))
    };
    Ok(wanted.iter().filter(|arch| rules.archs.iter().any(|known| known.arch == **arch)).map(single).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Vec<PlatformTag> {
        text.split_whitespace().map(|tag| tag.parse().unwrap()).collect()
    }

    #[test]
    fn a_deployment_target_is_a_tag_for_each_architecture() {
        let read = |value: &str, archs: &[Arch], claimed: &str| {
            let archs = archs.iter().copied().collect();
            let tags = deployment_tags(value, &archs, &tags(claimed)).unwrap();
            tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read("10.13", &[Arch::X86_64], "macosx_10_9_x86_64"), "macosx_10_13_x86_64");
        assert_eq!(read("10.13", &[Arch::Aarch64], "macosx_11_0_arm64"), "macosx_11_0_arm64");
        assert_eq!(read("13.3", &[Arch::Aarch64], "macosx_11_0_arm64"), "macosx_13_0_arm64");
        let both = [Arch::X86_64, Arch::Aarch64];
        assert_eq!(read("10.13", &both, "macosx_10_9_universal2"), "macosx_10_13_universal2");
        assert_eq!(read("10.13", &both, "macosx_11_0_arm64"), "macosx_11_0_arm64");
        assert_eq!(read("11", &both, "any"), "macosx_11_0_universal2");
        for value in ["", "eleven", "9.0", "11.0.0.0"] {
            assert!(deployment_tags(value, &BTreeSet::new(), &[]).is_err(), "{value}");
        }
    }
}
