//! The dist-info directory of a wheel: found although it may be spelled otherwise than the file name.

use std::collections::BTreeSet;

use crate::tag::{WheelFilename, normalize_distribution, normalize_version};

/// What is odd about the dist-info directories of a wheel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DistInfoProblem {
    /// There is none.
    Missing,
    /// There are several; all are named.
    Several(Vec<String>),
    /// It is spelled otherwise than the file name wants, which is given; name and version are the same once normalised.
    SpelledOtherwise(String),
    /// It is that of another name or version than the file name, which is given.
    OtherDistribution(String),
}

/// The dist-info directory, and what is odd about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DistInfo {
    /// The directory without slash: `demo-1.0.dist-info`.
    pub directory: Option<String>,
    /// What is odd.
    pub problems: Vec<DistInfoProblem>,
}

impl DistInfo {
    /// Returns `{name}-{version}` as the directory spells it.
    pub fn stem(&self) -> Option<&str> {
        self.directory.as_deref()?.strip_suffix(SUFFIX)
    }

    /// Returns the directory of install schemes that belongs to it: `demo-1.0.data`.
    pub fn data_directory(&self) -> Option<String> {
        self.stem().map(|stem| format!("{stem}.data"))
    }
}

const SUFFIX: &str = ".dist-info";

/// Returns name and version of a dist-info directory in normal form.
fn identity(stem: &str) -> (String, String) {
    let (name, version) = stem.rsplit_once('-').unwrap_or((stem, ""));
    (normalize_distribution(name), normalize_version(version).unwrap_or_else(|| version.to_owned()))
}

/// Finds the dist-info directory among the names of a wheel's members.
///
/// Of several, the one that the file name means is taken, else the first in bytewise order.
pub fn find<'a>(names: impl Iterator<Item = &'a str>, filename: Option<&WheelFilename>) -> DistInfo {
    let directories: BTreeSet<&str> =
        names.filter_map(|name| name.split_once('/').map(|(top, _)| top)).filter(|top| top.ends_with(SUFFIX)).collect();
    let wanted = filename.map(|filename| format!("{}{SUFFIX}", filename.stem()));
    let meant = filename.map(|filename| identity(&filename.stem()));
    let is_meant = |directory: &&str| directory.strip_suffix(SUFFIX).map(identity) == meant;
    let exact = directories.iter().find(|directory| wanted.as_deref() == Some(**directory));
    let found = exact.or_else(|| directories.iter().find(|it| is_meant(it))).or_else(|| directories.first()).copied();
    let mut problems = Vec::new();
    match (found, &wanted) {
        (None, _) => problems.push(DistInfoProblem::Missing),
        (Some(found), Some(wanted)) if found != wanted => problems.push(match is_meant(&found) {
            true => DistInfoProblem::SpelledOtherwise(wanted.clone()),
            false => DistInfoProblem::OtherDistribution(wanted.clone()),
        }),
        _ => {}
    }
    if directories.len() > 1 {
        problems.push(DistInfoProblem::Several(directories.iter().map(|it| (*it).to_owned()).collect()));
    }
    DistInfo { directory: found.map(str::to_owned), problems }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], filename: &str) -> (Option<String>, Vec<DistInfoProblem>) {
        let filename = filename.parse().ok();
        let info = find(names.iter().copied(), filename.as_ref());
        (info.directory, info.problems)
    }

    const NAME: &str = "foo_bar-1.0-py3-none-any.whl";

    #[test]
    fn the_exact_spelling_is_plain() {
        let names = ["foo_bar/x.py", "foo_bar-1.0.dist-info/WHEEL"];
        assert_eq!(found(&names, NAME), (Some("foo_bar-1.0.dist-info".into()), vec![]));
    }

    #[test]
    fn other_spellings_are_found_and_said() {
        for spelled in ["Foo.Bar-1.0.dist-info", "foo-bar-1.0.dist-info", "FOO_bar-1.0.dist-info"] {
            let name = format!("{spelled}/WHEEL");
            let (directory, problems) = found(&[&name], NAME);
            assert_eq!(directory.as_deref(), Some(spelled));
            let wanted = "foo_bar-1.0.dist-info".to_owned();
            assert_eq!(problems, [DistInfoProblem::SpelledOtherwise(wanted)]);
        }
    }

    #[test]
    fn of_several_the_meant_one_is_taken() {
        let names = ["a-1.dist-info/WHEEL", "Foo_Bar-1.0.0.dist-info/WHEEL", "z-1.dist-info/x"];
        let (directory, problems) = found(&names, "foo_bar-1.0.0-py3-none-any.whl");
        assert_eq!(directory.as_deref(), Some("Foo_Bar-1.0.0.dist-info"));
        assert_eq!(problems.len(), 2);
        assert!(matches!(&problems[1], DistInfoProblem::Several(all) if all.len() == 3));
        assert_eq!(found(&["x.py", "a.dist-info"], NAME), (None, vec![DistInfoProblem::Missing]));
    }
}
