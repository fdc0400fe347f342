//! Tags that no installer matches, or only one Python where many seem meant: TW620.

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::tag::{AbiTag, DeadReason, Liveness, PythonTag, Tag, TagSet};

/// Returns a finding for each python or ABI tag that no installer matches in any combination, and for each `cpXY-none`
/// that is for one version alone.
///
/// In a compressed set some combinations are dead by nature (`cp311.cp312-cp311.cp312`): a part is dead only if all its
/// combinations are.
pub fn dead_tags(tags: &TagSet) -> Vec<Diagnostic> {
    let first_platform = tags.platforms().first();
    let pairs: Vec<Tag> = tags.expand().into_iter().filter(|tag| Some(&tag.platform) == first_platform).collect();
    let mut found = Vec::new();
    let is_dead = |tag: &&Tag| matches!(tag.liveness(), Liveness::Dead(_));
    let mut told: Vec<&Tag> = Vec::new();
    let parts = tags.pythons().iter().map(Part::Python).chain(tags.abis().iter().map(Part::Abi));
    for part in parts {
        let own: Vec<&Tag> = pairs.iter().filter(|tag| part.is_of(tag)).collect();
        let Some(first) = own.first().filter(|_| own.iter().all(is_dead)) else { continue };
        if told.iter().any(|tag| own.contains(tag)) {
            continue;
        }
        told.push(first);
        if let Liveness::Dead(reason) = first.liveness() {
            found.push(finding(first, reason));
        }
    }
    found.extend(one_version(&pairs));
    found
}

/// A part of a tag.
enum Part<'a> {
    Python(&'a PythonTag),
    Abi(&'a AbiTag),
}

impl Part<'_> {
    fn is_of(&self, tag: &Tag) -> bool {
        match self {
            Part::Python(python) => tag.python == **python,
            Part::Abi(abi) => tag.abi == **abi,
        }
    }
}

fn finding(tag: &Tag, reason: DeadReason) -> Diagnostic {
    let (python, abi) = (&tag.python, &tag.abi);
    let text = format!("{python}-{abi}");
    let (why, help) = match reason {
        DeadReason::GenericWithAbi => (
            "a tag for any implementation never comes with an ABI".to_owned(),
            match (abi, python.version()) {
                (AbiTag::Abi3 | AbiTag::Abi3t, Some((major, minor))) => {
                    Some(format!("`cp{major}{minor}-{abi}` is meant"))
                }
                (AbiTag::Abi3 | AbiTag::Abi3t, None) => Some(format!("`cp3N-{abi}` is for CPython from 3.N on")),
                _ => None,
            },
        ),
        DeadReason::MajorOnly => (
            "installers spell the minor version".to_owned(),
            (*abi == AbiTag::None).then(|| "`py3-none` is for every Python 3".to_owned()),
        ),
        DeadReason::FlagInPythonTag => (
            "the letter belongs to the ABI tag".to_owned(),
            Some(format!(
                "`{}-{abi}` is meant",
                python.to_string().trim_end_matches(|letter: char| letter.is_ascii_lowercase())
            )),
        ),
        DeadReason::VersionsDiffer => ("its two parts are for different versions".to_owned(), None),
        DeadReason::StableAbiElsewhere => ("the stable ABI is CPython's alone".to_owned(), None),
        DeadReason::StableAbiTooEarly => (format!("there was no `{abi}` then"), None),
        _ => ("no installer knows an interpreter or ABI of that name".to_owned(), None),
    };
    let found = Diagnostic::new(Code::TW620, format!("no installer matches `{text}`: {why}"));
    match help {
        Some(help) => found.help(help),
        None => found,
    }
}

/// `cp39-none`, where no tag for any implementation stands beside it: later versions do not match.
fn one_version(pairs: &[Tag]) -> Vec<Diagnostic> {
    let generic = |tag: &Tag| tag.python.is_generic() && tag.abi == AbiTag::None;
    if pairs.iter().any(generic) {
        return Vec::new();
    }
    let only = |tag: &&Tag| tag.liveness() == Liveness::OneVersionOnly;
    let found = pairs.iter().filter(only).map(|tag| {
        let version = tag.python.version().map_or_else(String::new, |(major, minor)| format!("{major}{minor}"));
        let message = format!("`{}-none` is for that one version: later ones do not match it", tag.python);
        Diagnostic::new(Code::TW620, message)
            .at(Severity::Warning)
            .help(format!("`py{version}-none` is for that version and every later one"))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(tags: &str) -> Vec<String> {
        dead_tags(&tags.parse().unwrap()).into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn tags_that_live_give_nothing() {
        for tags in [
            "py2.py3-none-any",
            "cp39-abi3-win32",
            "cp311-cp311-win32",
            "cp310.cp311-cp310.cp311-win32",
            "cp315-abi3.abi3t-win32",
            "pp310.pp311-pypy310_pp73.pypy311_pp73-win32",
            "cp39.py3-none-any",
        ] {
            assert_eq!(messages(tags), Vec::<String>::new(), "{tags}");
        }
    }

    #[test]
    fn dead_ones_are_named_with_the_reason() {
        assert_eq!(
            messages("py3-abi3-any"),
            ["no installer matches `py3-abi3`: a tag for any implementation never comes with an ABI"]
        );
        assert_eq!(messages("cp3-none-any"), ["no installer matches `cp3-none`: installers spell the minor version"]);
        assert_eq!(
            messages("cp315t-abi3t-any"),
            ["no installer matches `cp315t-abi3t`: the letter belongs to the ABI tag"]
        );
        assert_eq!(
            messages("cp311-cp312-any"),
            ["no installer matches `cp311-cp312`: its two parts are for different versions"]
        );
        // One part of a set.
        assert_eq!(
            messages("cp311.cp312-cp311-any"),
            ["no installer matches `cp312-cp311`: its two parts are for different versions"]
        );
    }

    #[test]
    fn one_version_alone_is_a_warning() {
        let found = dead_tags(&"cp39-none-any".parse().unwrap());
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].help.as_deref(), Some("`py39-none` is for that version and every later one"));
    }
}
