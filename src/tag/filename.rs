//! `WheelFilename`: what a wheel's file name says (PEP 427, and the variant label of PEP 825).

use std::fmt;
use std::str::FromStr;

use super::TagSet;
use crate::error::{Error, Result};

/// The parts of a wheel's file name, each as spelled; writing gives back the name that was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct WheelFilename {
    /// The distribution's name as spelled: `foo_bar`.
    pub distribution: String,
    /// The version as spelled: `1.0.post1`.
    pub version: String,
    /// The build tag, which starts with a digit: `1abc`.
    pub build: Option<String>,
    /// The compressed tag sets.
    pub tags: TagSet,
    /// The variant label (PEP 825, draft): `x86_64_v3`.
    pub variant: Option<String>,
}

/// What is odd in a file name that can be read all the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NameProblem {
    /// The distribution's name is not in its normal form, which is given.
    DistributionNotNormalized(String),
    /// The distribution's name holds characters that no name may have.
    DistributionInvalid,
    /// The version is not in its normal form, which is given.
    VersionNotNormalized(String),
    /// The version is not one of PEP 440.
    VersionInvalid,
    /// The variant label holds other characters than `0-9a-z_.`.
    VariantInvalid,
    /// A tag holds other characters than ASCII letters, digits and `_`.
    TagInvalid(String),
    /// A compressed set is not in bytewise order or names a tag twice.
    TagsUnsorted,
}

/// Returns the distribution's name in the form that file names use: lower case, runs of `-_.` as one `_`.
///
/// PEP 503 with `_` for `-`, as the binary distribution format wants it.
pub fn normalize_distribution(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' => {
                if !normal.ends_with('_') {
                    normal.push('_');
                }
            }
            other => normal.extend(other.to_lowercase()),
        }
    }
    normal
}

/// Returns the version in the normal form of PEP 440; nothing if it is no such version.
///
/// File names cannot hold `-`, which old tools wrote as `_`; it is read back so.
pub fn normalize_version(version: &str) -> Option<String> {
    let parse = |text: &str| text.parse::<pep440_rs::Version>().ok().map(|version| version.to_string());
    parse(version).or_else(|| parse(&version.replace('_', "-")))
}

impl WheelFilename {
    /// Tells whether the other name is of the same distribution and version, however the two are spelled.
    pub fn same_distribution(&self, other: &Self) -> bool {
        let version = |name: &Self| normalize_version(&name.version).unwrap_or_else(|| name.version.clone());
        normalize_distribution(&self.distribution) == normalize_distribution(&other.distribution)
            && version(self) == version(other)
    }

    /// Returns `{distribution}-{version}` as spelled, the stem that dist-info and data directories should have.
    pub fn stem(&self) -> String {
        format!("{}-{}", self.distribution, self.version)
    }

    /// Returns the name with other tags.
    #[must_use]
    pub fn with_tags(&self, tags: TagSet) -> Self {
        Self { tags, ..self.clone() }
    }

    /// Returns the name with another build tag, or without one.
    ///
    /// # Errors
    ///
    /// Usage unless the tag starts with a digit and holds only letters, digits, `_` and `.`.
    pub fn with_build(&self, build: Option<&str>) -> Result<Self> {
        if let Some(build) = build {
            let starts_well = build.starts_with(|first: char| first.is_ascii_digit());
            if !starts_well || !build.chars().all(is_plain) {
                return Err(Error::usage("a build tag starts with a digit and has no `-`").about(build));
            }
        }
        Ok(Self { build: build.map(str::to_owned), ..self.clone() })
    }

    /// Returns the name with each part in its normal form; a part that cannot be read stays as spelled.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let mut normal = Self { tags: self.tags.sorted(), ..self.clone() };
        for problem in self.problems() {
            match problem {
                NameProblem::DistributionNotNormalized(name) => normal.distribution = name,
                NameProblem::VersionNotNormalized(version) => normal.version = version,
                NameProblem::DistributionInvalid
                | NameProblem::VersionInvalid
                | NameProblem::VariantInvalid
                | NameProblem::TagInvalid(_)
                | NameProblem::TagsUnsorted => {}
            }
        }
        normal
    }

    /// Returns what is odd in the name, in the order of its parts.
    pub fn problems(&self) -> Vec<NameProblem> {
        let mut problems = Vec::new();
        let bounded = |edge: Option<char>| edge.is_some_and(|character| character.is_ascii_alphanumeric());
        let name = &self.distribution;
        if !name.chars().all(is_plain) || !bounded(name.chars().next()) || !bounded(name.chars().next_back()) {
            problems.push(NameProblem::DistributionInvalid);
        } else if normalize_distribution(name) != *name {
            problems.push(NameProblem::DistributionNotNormalized(normalize_distribution(name)));
        }
        match normalize_version(&self.version) {
            None => problems.push(NameProblem::VersionInvalid),
            Some(normal) if normal != self.version => problems.push(NameProblem::VersionNotNormalized(normal)),
            Some(_) => {}
        }
        let sets = [self.tags.python.as_str(), self.tags.abi.as_str(), self.tags.platform.as_str()];
        for tag in sets.iter().flat_map(|set| set.split('.')) {
            if tag.is_empty() || !tag.chars().all(|character| character.is_ascii_alphanumeric() || character == '_') {
                problems.push(NameProblem::TagInvalid(tag.to_owned()));
            }
        }
        if !self.tags.is_sorted() {
            problems.push(NameProblem::TagsUnsorted);
        }
        let label_is_plain = |label: &String| {
            !label.is_empty() && label.chars().all(|it| matches!(it, '0'..='9' | 'a'..='z' | '_' | '.'))
        };
        if self.variant.as_ref().is_some_and(|label| !label_is_plain(label)) {
            problems.push(NameProblem::VariantInvalid);
        }
        problems
    }
}

/// Tells whether the character may stand in a name, a build tag or a label.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.')
}

impl FromStr for WheelFilename {
    type Err = Error;

    /// Reads a file name, without folder.
    ///
    /// # Errors
    ///
    /// Malformed if it does not end in `.whl`, has an empty part, or has other than five to seven parts.
    fn from_str(text: &str) -> Result<Self> {
        let fail = |message: &str| Err(Error::malformed(message).about(text));
        let Some(stem) = text.strip_suffix(".whl") else {
            return fail("a wheel's name ends in `.whl`");
        };
        if stem.chars().any(|character| character.is_control() || matches!(character, '/' | '\\')) {
            return fail("a wheel's name has no slash and no control character");
        }
        let parts: Vec<&str> = stem.split('-').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return fail("a part of the wheel's name is empty");
        }
        let is_build = |part: &str| part.starts_with(|first: char| first.is_ascii_digit());
        // PEP 825: no python tag starts with a digit, so a third part that does is a build tag.
        let (build, tags, variant, head) = match parts[..] {
            [name, version, python, abi, platform] => (None, [python, abi, platform], None, [name, version]),
            [name, version, build, python, abi, platform] if is_build(build) => {
                (Some(build), [python, abi, platform], None, [name, version])
            }
            [name, version, python, abi, platform, label] => {
                (None, [python, abi, platform], Some(label), [name, version])
            }
            [name, version, build, python, abi, platform, label] if is_build(build) => {
                (Some(build), [python, abi, platform], Some(label), [name, version])
            }
            _ => return fail("a wheel's name is `name-version[-build]-python-abi-platform.whl`"),
        };
        let [python, abi, platform] = tags;
        let [distribution, version] = head.map(str::to_owned);
        Ok(Self {
            distribution,
            version,
            build: build.map(str::to_owned),
            tags: TagSet::from_parts(python, abi, platform),
            variant: variant.map(str::to_owned),
        })
    }
}

impl fmt::Display for WheelFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.distribution, self.version)?;
        if let Some(build) = &self.build {
            write!(f, "-{build}")?;
        }
        write!(f, "-{}", self.tags)?;
        if let Some(label) = &self.variant {
            write!(f, "-{label}")?;
        }
        f.write_str(".whl")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> WheelFilename {
        text.parse().unwrap()
    }

    #[test]
    fn every_name_is_written_back_as_it_was() {
        for text in [
            "foo-1.0-py3-none-any.whl",
            "foo_bar-1.0.post1+local.1-1abc-cp39-abi3-manylinux_2_5_x86_64.manylinux1_x86_64.whl",
            "foo-1.0-cp312-cp312-linux_x86_64-x86_64_v3.whl",
            "foo-1.0-2-cp312-cp312-linux_x86_64-null.whl",
            "Foo.Bar-1_0-py3.py2-none-any.whl",
            "föö-1.0-py3-none-any.whl",
        ] {
            assert_eq!(read(text).to_string(), text);
        }
    }

    #[test]
    fn a_third_part_with_a_digit_is_a_build_tag_else_the_last_is_a_label() {
        assert_eq!(read("foo-1.0-3-py3-none-any.whl").build.as_deref(), Some("3"));
        let labelled = read("foo-1.0-cp312-cp312-linux_x86_64-x86_64_v3.whl");
        assert_eq!((labelled.build, labelled.variant.as_deref()), (None, Some("x86_64_v3")));
        let both = read("foo-1.0-2-cp312-cp312-linux_x86_64-null.whl");
        assert_eq!((both.build.as_deref(), both.variant.as_deref()), (Some("2"), Some("null")));
    }

    #[test]
    fn odd_names_are_read_and_reported() {
        assert_eq!(read("foo_bar-1.0-py3-none-any.whl").problems(), []);
        assert_eq!(
            read("Foo.Bar-1.0-py3.py2-none-any.whl").problems(),
            [NameProblem::DistributionNotNormalized("foo_bar".into()), NameProblem::TagsUnsorted]
        );
        assert_eq!(
            read("foo-1.0.0RC1-py3-none-any.whl").problems(),
            [NameProblem::VersionNotNormalized("1.0.0rc1".into())]
        );
        assert_eq!(read("foo-banana-py3-none-any.whl").problems(), [NameProblem::VersionInvalid]);
        assert_eq!(read("föö-1.0-py3-none-any.whl").problems(), [NameProblem::DistributionInvalid]);
        assert_eq!(read("foo-1.0-py3..py2-none-any.whl").problems()[0], NameProblem::TagInvalid(String::new()));
        assert_eq!(read("foo-1.0-py3-none-any-X.whl").problems(), [NameProblem::VariantInvalid]);
    }

    #[test]
    fn what_is_no_wheel_s_name_is_an_error() {
        for text in [
            "",
            ".whl",
            "foo.whl",
            "foo-1.0.whl",
            "foo-1.0-py3-none-any.zip",
            "foo--py3-none-any.whl",
            "-1-2-3-4.whl",
            "a-b-c-d-e-f-g-h.whl",
            "foo-1.0-a-py3-none-any-x.whl",
            "a/b-1.0-py3-none-any.whl",
            "foo-1\n-py3-none-any.whl",
        ] {
            assert!(text.parse::<WheelFilename>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn build_tags_start_with_a_digit() {
        let name = read("foo-1.0-py3-none-any.whl");
        assert_eq!(name.with_build(Some("1a")).unwrap().to_string(), "foo-1.0-1a-py3-none-any.whl");
        assert_eq!(name.with_build(Some("1a")).unwrap().with_build(None).unwrap(), name);
        for build in ["", "a1", "1-2", "1/2"] {
            assert!(name.with_build(Some(build)).is_err(), "{build}");
        }
    }
}
