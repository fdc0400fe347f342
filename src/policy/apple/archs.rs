//! `RequiredArchs`: the architectures that every binary must have (`--require-archs`), and what lacks one.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::survey::named_for_another;
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic};
use crate::error::{Error, Result};
use crate::format::{Image, ImageKind};
use crate::platform::macos;
use crate::tag::{MacosArch, PlatformTag};

/// The architectures of `--require-archs`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequiredArchs {
    /// None.
    #[default]
    Nothing,
    /// Those that the wheel's own tags name.
    Claimed,
    /// These: `x86_64,arm64`, `universal2`, `intel`, as cibuildwheel and delocate spell them.
    These(BTreeSet<Arch>),
}

impl RequiredArchs {
    /// Returns the architectures, for a wheel of these tags.
    pub fn archs(&self, claimed: &[PlatformTag]) -> BTreeSet<Arch> {
        match self {
            Self::Nothing => BTreeSet::new(),
            Self::Claimed => claimed.iter().flat_map(PlatformTag::archs).collect(),
            Self::These(archs) => archs.clone(),
        }
    }
}

impl FromStr for RequiredArchs {
    type Err = Error;

    /// Reads names separated by commas or spaces; none at all stands for those of the tags.
    fn from_str(text: &str) -> Result<Self> {
        let mut archs = BTreeSet::new();
        for name in text.split([',', ' ', '\t']).filter(|name| !name.is_empty()) {
            let known = MacosArch::ALL.into_iter().find(|arch| arch.to_string() == name);
            let known = known.ok_or_else(|| {
                let names: Vec<String> = MacosArch::ALL.iter().map(|arch| format!("`{arch}`")).collect();
                Error::usage(format!("`{name}` is no architecture of macOS"))
                    .hint(format!("known: {}", names.join(", ")))
            })?;
            archs.extend(known.archs());
        }
        Ok(if archs.is_empty() { Self::Claimed } else { Self::These(archs) })
    }
}

/// Returns a finding for each binary (archive names and slices) that lacks one of the architectures, sorted by name.
///
/// Every file counts, whether something was vendored or not. Excused is only a file whose path names the one processor
/// that it is for, like `attach_x86_64.dylib`.
pub fn missing_archs<'a>(
    binaries: impl IntoIterator<Item = (&'a str, &'a Image)>,
    wanted: &BTreeSet<Arch>,
) -> Vec<Diagnostic> {
    let mut members: BTreeMap<&str, Vec<Arch>> = BTreeMap::new();
    for (member, image) in binaries {
        if image.macho().is_some() && image.kind != ImageKind::Object {
            let archs = members.entry(member).or_default();
            if !archs.contains(&image.arch) {
                archs.push(image.arch);
            }
        }
    }
    let mut found = Vec::new();
    for (member, own) in members {
        let families: Vec<Arch> = own.iter().map(|arch| macos::base(*arch)).collect();
        let lacking: Vec<String> = wanted
            .iter()
            .copied()
            .filter(|arch| !own.contains(arch) && !named_for_another(member, *arch, &families))
            .map(Arch::apple_name)
            .collect();
        if lacking.is_empty() {
            continue;
        }
        let own: Vec<String> = own.into_iter().map(Arch::apple_name).collect();
        let message = format!(
            "has code for {}, and none for {}, which `--require-archs` asks for",
            own.join(" and "),
            lacking.join(" and ")
        );
        found.push(
            Diagnostic::new(Code::TW412, message)
                .member(member)
                .help("build it for the missing architecture and join both (`truewheel merge`)"),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let claimed = ["macosx_11_0_arm64".parse().unwrap()];
        text.parse::<RequiredArchs>().unwrap().archs(&claimed).into_iter().map(Arch::apple_name).collect()
    }

    #[test]
    fn every_spelling_of_cibuildwheel_and_delocate_is_read() {
        for (text, archs) in [
            ("x86_64", vec!["x86_64"]),
            ("arm64", vec!["arm64"]),
            ("x86_64,arm64", vec!["x86_64", "arm64"]),
            ("x86_64, arm64", vec!["x86_64", "arm64"]),
            ("arm64 x86_64", vec!["x86_64", "arm64"]),
            ("universal2", vec!["x86_64", "arm64"]),
            ("intel", vec!["x86_64", "i386"]),
            ("", vec!["arm64"]),
        ] {
            assert_eq!(read(text), archs, "{text}");
        }
        assert!("arm65".parse::<RequiredArchs>().is_err());
        assert!(RequiredArchs::default().archs(&["macosx_11_0_arm64".parse().unwrap()]).is_empty());
    }
}
