//! Does `Requires-Python` let in the Pythons that the tags are for? TW636.

use std::collections::BTreeMap;

use pep440_rs::{Version, VersionSpecifiers};

use super::version_set;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;
use crate::tag::{AbiTag, Liveness, Tag, WheelFilename};
use crate::wheel::metadata::Metadata;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let (Some(metadata), Some(filename)) = (sheet.metadata.get(), sheet.filename) else { return Vec::new() };
    let mut found = excluded(metadata, filename, sheet);
    found.extend(only_three(metadata, filename, sheet));
    found
}

/// A classifier that says Python 3 alone, and a tag for Python 2.
fn only_three(metadata: &Metadata, filename: &WheelFilename, sheet: &Sheet<'_>) -> Option<Diagnostic> {
    const ONLY_THREE: &str = "Programming Language :: Python :: 3 :: Only";
    let says = metadata.values("Classifier").iter().any(|value| value.trim() == ONLY_THREE);
    let python = filename.tags.pythons().iter().find(|python| python.major() == Some(2))?;
    let text = format!("has the classifier `{ONLY_THREE}`, and `{python}` is for Python 2");
    says.then(|| Diagnostic::new(Code::TW636, text).member(sheet.member("METADATA")).at(Severity::Warning))
}

/// Tags for Pythons that `Requires-Python` does not let in.
fn excluded(metadata: &Metadata, filename: &WheelFilename, sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let Some(text) = metadata.value("Requires-Python").map(str::trim).filter(|text| !text.is_empty()) else {
        return Vec::new();
    };
    let member = sheet.member("METADATA");
    // What is no set of versions is said to be that elsewhere (TW638); more bounds than anybody writes are not judged.
    let Some(specifiers) = version_set(text).filter(|set| set.len() <= MOST) else { return Vec::new() };
    let (mut out, mut open) = (Vec::new(), false);
    let mut known: BTreeMap<(u8, u16), bool> = BTreeMap::new();
    for tag in filename.tags.expand() {
        match one_version(&tag) {
            Some(version) if !*known.entry(version).or_insert_with(|| contains(&specifiers, version)) => {
                let text = format!("`{}-{}`", tag.python, tag.abi);
                if !out.contains(&text) {
                    out.push(text);
                }
            }
            Some(_) => open = true,
            None => open |= !matches!(tag.liveness(), Liveness::Dead(_)),
        }
    }
    if out.is_empty() {
        return Vec::new();
    }
    let message = format!("has `Requires-Python: {text}`, which excludes the Python that {} is for", out.join(", "));
    let severity = if open { Severity::Warning } else { Severity::Error };
    vec![Diagnostic::new(Code::TW636, message).member(member).at(severity)]
}

/// The one version that a tag is for; `None` for those that later versions match too, and for dead ones.
fn one_version(tag: &Tag) -> Option<(u8, u16)> {
    let exact = matches!(tag.abi, AbiTag::CPython { .. } | AbiTag::PyPy { .. } | AbiTag::GraalPy { .. });
    match tag.liveness() {
        Liveness::OneVersionOnly => tag.python.version(),
        Liveness::Alive if exact => tag.abi.version(),
        _ => None,
    }
}

/// Bounds of `Requires-Python` that are judged.
const MOST: usize = 100;
/// Micro versions that are tried: no minor version has more releases.
const MICROS: u64 = 100;

/// Whether some release of a minor version is let in.
fn contains(specifiers: &VersionSpecifiers, (major, minor): (u8, u16)) -> bool {
    // Bounds may lie within the minor version, on both sides of the only releases that are let in.
    (0..MICROS).any(|micro| specifiers.contains(&Version::new([u64::from(major), u64::from(minor), micro])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minor_version_is_in_if_one_of_its_releases_is() {
        let contains = |text: &str, version| contains(&version_set(text).unwrap(), version);
        assert!(contains(">=3.9.1", (3, 9)) && contains("<=3.9", (3, 9)) && contains(">=3.6,!=3.9.0", (3, 9)));
        assert!(contains("==3.9.7", (3, 9)) && contains(">=3.9.2,<3.9.20", (3, 9)));
        assert!(contains(">=3.9,", (3, 9)) && !contains(">=3.10,", (3, 9)));
        assert!(!contains(">=3.10", (3, 9)) && !contains("<3.9", (3, 9)) && !contains("!=3.9.*", (3, 9)));
    }
}
