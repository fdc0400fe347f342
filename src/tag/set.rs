//! `TagSet`: the compressed tag sets of a file name or a WHEEL line, and the tags they stand for.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::{AbiTag, PlatformTag, PythonTag};
use crate::error::{Error, Result};

/// One full tag: `cp39-abi3-win_amd64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// The first part.
    pub python: PythonTag,
    /// The second part.
    pub abi: AbiTag,
    /// The third part.
    pub platform: PlatformTag,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python, self.abi, self.platform)
    }
}

/// One part of a tag with its alternatives, `py2.py3`; keeps the spelling that it was read from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompressedSet<T> {
    spelling: String,
    tags: Vec<T>,
}

impl<T> CompressedSet<T>
where
    T: FromStr<Err = Infallible> + fmt::Display + Clone + PartialEq,
{
    /// Reads alternatives separated by dots; an alternative that is named twice counts once.
    pub fn read(text: &str) -> Self {
        let mut tags: Vec<T> = Vec::new();
        for part in text.split('.') {
            let Ok(tag) = part.parse::<T>();
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Self { spelling: text.to_owned(), tags }
    }

    /// Returns the set of `tags`, spelled in bytewise order as PEP 425 wants it, each once.
    pub fn sorted(tags: impl IntoIterator<Item = T>) -> Self {
        let mut spelled: Vec<(String, T)> = tags.into_iter().map(|tag| (tag.to_string(), tag)).collect();
        spelled.sort_by(|left, right| left.0.cmp(&right.0));
        spelled.dedup_by(|left, right| left.0 == right.0);
        let spelling = spelled.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(".");
        Self { spelling, tags: spelled.into_iter().map(|(_, tag)| tag).collect() }
    }

    /// Returns the set of `tags`: this very set, spelling and order kept, where it holds the same ones; else sorted.
    #[must_use]
    pub fn changed_to(&self, tags: impl IntoIterator<Item = T>) -> Self {
        let new = Self::sorted(tags);
        let same = new.tags.len() == self.tags.len() && new.tags.iter().all(|tag| self.tags.contains(tag));
        if same { self.clone() } else { new }
    }

    /// Returns the alternatives in the order they are spelled.
    pub fn tags(&self) -> &[T] {
        &self.tags
    }

    /// Returns the text it was read from or sorted into.
    pub fn as_str(&self) -> &str {
        &self.spelling
    }

    /// Tells whether it is spelled in bytewise order and names nothing twice.
    pub fn is_sorted(&self) -> bool {
        Self::sorted(self.tags.iter().cloned()).spelling == self.spelling
    }
}

impl<T> fmt::Display for CompressedSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelling)
    }
}

/// The three compressed sets of a wheel: `cp39.cp310-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct TagSet {
    /// The interpreters.
    pub python: CompressedSet<PythonTag>,
    /// The binary interfaces.
    pub abi: CompressedSet<AbiTag>,
    /// The platforms.
    pub platform: CompressedSet<PlatformTag>,
}

impl TagSet {
    /// Returns the set read from its three parts.
    pub fn from_parts(python: &str, abi: &str, platform: &str) -> Self {
        Self {
            python: CompressedSet::read(python),
            abi: CompressedSet::read(abi),
            platform: CompressedSet::read(platform),
        }
    }

    /// Returns the python tags in the order they are spelled.
    pub fn pythons(&self) -> &[PythonTag] {
        self.python.tags()
    }

    /// Returns the ABI tags in the order they are spelled.
    pub fn abis(&self) -> &[AbiTag] {
        self.abi.tags()
    }

    /// Returns the platform tags in the order they are spelled.
    pub fn platforms(&self) -> &[PlatformTag] {
        self.platform.tags()
    }

    /// Returns the same tags, each set in bytewise order and each tag once.
    #[must_use]
    pub fn sorted(&self) -> Self {
        Self {
            python: CompressedSet::sorted(self.python.tags().iter().cloned()),
            abi: CompressedSet::sorted(self.abi.tags().iter().cloned()),
            platform: CompressedSet::sorted(self.platform.tags().iter().cloned()),
        }
    }

    /// Returns every full tag it stands for: python by python, in it ABI by ABI, in it platform by platform.
    pub fn expand(&self) -> Vec<Tag> {
        let mut tags = Vec::new();
        for python in self.pythons() {
            for abi in self.abis() {
                for platform in self.platforms() {
                    tags.push(Tag { python: python.clone(), abi: abi.clone(), platform: platform.clone() });
                }
            }
        }
        tags
    }

    /// Returns this set with other python tags; the spelling stays where they are the same ones.
    #[must_use]
    pub fn with_pythons(&self, tags: impl IntoIterator<Item = PythonTag>) -> Self {
        Self { python: self.python.changed_to(tags), ..self.clone() }
    }

    /// Returns this set with other ABI tags; the spelling stays where they are the same ones.
    #[must_use]
    pub fn with_abis(&self, tags: impl IntoIterator<Item = AbiTag>) -> Self {
        Self { abi: self.abi.changed_to(tags), ..self.clone() }
    }

    /// Returns this set with other platform tags; the spelling stays where they are the same ones.
    #[must_use]
    pub fn with_platforms(&self, tags: impl IntoIterator<Item = PlatformTag>) -> Self {
        Self { platform: self.platform.changed_to(tags), ..self.clone() }
    }

    /// Tells whether all three sets are spelled in bytewise order.
    pub fn is_sorted(&self) -> bool {
        self.python.is_sorted() && self.abi.is_sorted() && self.platform.is_sorted()
    }
}

impl FromStr for TagSet {
    type Err = Error;

    /// Reads `python-abi-platform`.
    ///
    /// # Errors
    ///
    /// Malformed unless there are exactly three parts, none of them with an empty alternative.
    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [python, abi, platform] = parts[..] else {
            return Err(Error::malformed("a tag has three parts, `python-abi-platform`").about(text));
        };
        if [python, abi, platform].iter().any(|part| part.split('.').any(str::is_empty)) {
            return Err(Error::malformed("a part of the tag is empty").about(text));
        }
        Ok(Self::from_parts(python, abi, platform))
    }
}

impl fmt::Display for TagSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python, self.abi, self.platform)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> TagSet {
        text.parse().unwrap()
    }

    #[test]
    fn expansion_follows_the_spelling() {
        let tags: Vec<String> = read("py2.py3-none-win32.any").expand().iter().map(Tag::to_string).collect();
        assert_eq!(tags, ["py2-none-win32", "py2-none-any", "py3-none-win32", "py3-none-any"]);
    }

    #[test]
    fn an_unchanged_set_keeps_its_spelling_and_a_changed_one_is_sorted() {
        let set = read("cp311-cp311-manylinux_2_5_x86_64.manylinux1_x86_64");
        let mut platforms = set.platforms().to_vec();
        platforms.reverse();
        assert_eq!(set.with_platforms(platforms.clone()), set);
        platforms.push("musllinux_1_1_x86_64".parse().unwrap());
        let more = set.with_platforms(platforms);
        assert_eq!(more.platform.as_str(), "manylinux1_x86_64.manylinux_2_5_x86_64.musllinux_1_1_x86_64");
        assert!(!set.is_sorted());
        assert!(more.is_sorted());
    }

    #[test]
    fn an_alternative_named_twice_counts_once_and_is_not_sorted() {
        let set = read("py3.py3-none-any");
        assert_eq!(set.expand().len(), 1);
        assert_eq!(set.to_string(), "py3.py3-none-any");
        assert!(!set.is_sorted());
    }

    #[test]
    fn other_than_three_parts_is_an_error() {
        for text in ["", "py3", "py3-none", "py3-none-any-any", "py3--any", "py3.-none-any"] {
            assert!(text.parse::<TagSet>().is_err(), "{text}");
        }
    }
}
