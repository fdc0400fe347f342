//! `Pythons`: which Pythons a wheel is for, by its tags and by `Requires-Python` of METADATA.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use super::Wheel;
use super::metadata::Metadata;
use crate::tag::{AbiTag, Liveness, PythonTag, Tag, TagSet};

/// Bounds of `Requires-Python` that are judged: nobody writes more.
const MOST: usize = 100;
/// Micro versions that are tried: no minor version has more releases.
const MICROS: u64 = 100;
/// The oldest Python that `py3` stands for where nothing else says so: 3.5 is older than all that are still alive.
const OLDEST: (u8, u16) = (3, 5);
/// The last minor version that is asked about: what a Python brings has never changed so far ahead.
const LAST: u16 = 40;

/// The set of versions that installers let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiresPython(VersionSpecifiers);

impl RequiresPython {
    /// Reads a set of versions; `None` if it is none.
    pub fn read(text: &str) -> Option<Self> {
        version_set(text).map(Self)
    }

    /// Reads what METADATA says; `None` if it says nothing that is a set of versions.
    pub fn of(metadata: &Metadata) -> Option<Self> {
        Self::read(metadata.value("Requires-Python")?.trim()).filter(|set| !set.0.is_empty())
    }

    /// Returns true if some release of a minor version is let in; of a set that nobody would write every one is.
    pub fn lets_in(&self, (major, minor): (u8, u16)) -> bool {
        // Bounds may lie within the minor version, on both sides of the only releases that are let in.
        let release = |micro| Version::new([u64::from(major), u64::from(minor), micro]);
        self.0.len() > MOST || (0..MICROS).any(|micro| self.0.contains(&release(micro)))
    }
}

/// Reads a set of versions as installers do, which pass over what is empty between commas; `None` if it is none.
pub fn version_set(text: &str) -> Option<VersionSpecifiers> {
    let parts: Vec<&str> = text.split(',').filter(|part| !part.trim().is_empty()).collect();
    VersionSpecifiers::from_str(&parts.join(",")).ok()
}

/// Which Pythons a wheel is for: those that its tags name, as far as METADATA lets them in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Pythons {
    /// The wheel's tags.
    pub tags: TagSet,
    /// Its `Requires-Python`, where there is one.
    pub required: Option<RequiresPython>,
}

/// The versions of one interpreter that a tag stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meant {
    /// The tag.
    pub python: PythonTag,
    /// Its ABI.
    pub abi: AbiTag,
    /// Each version, ascending; never empty.
    pub versions: Vec<(u8, u16)>,
    /// Nothing says which one is the oldest: `py3` without a lower bound.
    pub is_open: bool,
}

impl Pythons {
    /// Returns the Pythons of these tags, as far as `required` lets them in.
    pub fn new(tags: TagSet, required: Option<RequiresPython>) -> Self {
        Self { tags, required }
    }

    /// Returns the Pythons of these tags, as far as the METADATA of `wheel`, where it can be read, lets them in.
    pub fn of(wheel: &Wheel, tags: TagSet) -> Self {
        let bytes = wheel.dist_info_member("METADATA").and_then(|member| wheel.read_small(member).ok());
        let metadata = bytes.and_then(|bytes| Metadata::read(&bytes).ok());
        Self::new(tags, metadata.as_ref().and_then(RequiresPython::of))
    }

    /// Returns true if METADATA does not exclude a version.
    pub fn lets_in(&self, version: (u8, u16)) -> bool {
        self.required.as_ref().is_none_or(|required| required.lets_in(version))
    }

    /// Returns what each tag stands for; tags for no known Python, and `py2`, stand for nothing. A tag whose Pythons are
    /// all excluded counts only where no other is left.
    pub fn meant(&self) -> Vec<Meant> {
        let all = self.tags.expand();
        let alive = all.iter().any(is_alive);
        let of = |lets_in: &dyn Fn((u8, u16)) -> bool| -> Vec<Meant> {
            let tags = all.iter().filter(|tag| !alive || is_alive(tag));
            let mut meant: Vec<Meant> = tags.filter_map(|tag| meant(tag, lets_in)).collect();
            // The platform makes no difference.
            meant.dedup();
            meant
        };
        // Each version is asked about once, however many tags there are.
        let known: RefCell<BTreeMap<(u8, u16), bool>> = RefCell::default();
        let lets_in = |version| *known.borrow_mut().entry(version).or_insert_with(|| self.lets_in(version));
        match of(&lets_in) {
            none if none.is_empty() => of(&|_| true),
            some => some,
        }
    }
}

fn is_alive(tag: &Tag) -> bool {
    !matches!(tag.liveness(), Liveness::Dead(_))
}

fn meant(tag: &Tag, lets_in: &dyn Fn((u8, u16)) -> bool) -> Option<Meant> {
    let named = tag.python.version();
    let (major, first) = match (&tag.python, named) {
        (_, Some(version)) => version,
        (PythonTag::Generic { major: 3, .. }, None) => OLDEST,
        _ => return None,
    };
    let last = if tag.only_version().is_some() { first } else { LAST.max(first) };
    let versions: Vec<_> = (first..=last).map(|minor| (major, minor)).filter(|version| lets_in(*version)).collect();
    let lowest = *versions.first()?;
    let is_open = named.is_none() && lowest == OLDEST;
    Some(Meant { python: tag.python.clone(), abi: tag.abi.clone(), versions, is_open })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(python: &str, abi: &str, required: &str) -> Vec<Meant> {
        Pythons::new(TagSet::from_parts(python, abi, "win32.win_amd64"), RequiresPython::read(required)).meant()
    }

    #[test]
    fn a_minor_version_is_let_in_if_one_of_its_releases_is() {
        let lets_in = |text: &str, version| RequiresPython::read(text).unwrap().lets_in(version);
        assert!(lets_in(">=3.9.1", (3, 9)) && lets_in("<=3.9", (3, 9)) && lets_in(">=3.6,!=3.9.0", (3, 9)));
        assert!(lets_in("==3.9.7", (3, 9)) && lets_in(">=3.9.2,<3.9.20", (3, 9)));
        assert!(lets_in(">=3.9,", (3, 9)) && !lets_in(">=3.10,", (3, 9)));
        assert!(!lets_in(">=3.10", (3, 9)) && !lets_in("<3.9", (3, 9)) && !lets_in("!=3.9.*", (3, 9)));
        assert!(lets_in(&vec!["!=3.9.*"; MOST + 1].join(","), (3, 9)), "nobody writes so many");
    }

    #[test]
    fn bounds_narrow_what_a_tag_leaves_open() {
        for (python, abi, required, lowest, highest, is_open) in [
            ("py3", "none", "", (3, 5), (3, 40), true),
            ("py3", "none", ">=3", (3, 5), (3, 40), true),
            ("py3", "none", ">=3.10", (3, 10), (3, 40), false),
            ("py3", "none", ">=3.6,!=3.7.*,<3.9", (3, 6), (3, 8), false),
            ("py39", "none", ">=3.7", (3, 9), (3, 40), false),
            ("cp38", "abi3", ">=3.11", (3, 11), (3, 40), false),
            ("cp38", "none", "", (3, 8), (3, 8), false),
            ("cp311", "cp311", ">=3.9", (3, 11), (3, 11), false),
            ("cp311", "cp311", ">=3.12", (3, 11), (3, 11), false),
        ] {
            let found = meant(python, abi, required);
            assert_eq!(found.len(), 1, "{python}-{abi} {required}");
            let seen = (*found[0].versions.first().unwrap(), *found[0].versions.last().unwrap(), found[0].is_open);
            assert_eq!(seen, (lowest, highest, is_open), "{python}-{abi} {required}");
        }
    }

    #[test]
    fn what_is_excluded_or_dead_counts_only_where_nothing_else_is_left() {
        let lowest = |python: &str, abi: &str, required: &str| -> Vec<(u8, u16)> {
            meant(python, abi, required).iter().map(|meant| meant.versions[0]).collect()
        };
        assert_eq!(lowest("cp38.cp39", "cp38.cp39", ""), [(3, 8), (3, 9)], "no `cp38-cp39`");
        assert_eq!(lowest("cp38.cp39", "cp38.cp39", ">=3.9"), [(3, 9)]);
        assert_eq!(lowest("py2.py3", "none", ""), [(3, 5)]);
        assert_eq!(lowest("cp311", "cp312", ""), [(3, 11)], "dead, and all there is");
        assert!(lowest("xx3", "none", "").is_empty());
    }
}
