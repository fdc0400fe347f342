//! Which full tags no installer ever matches, or only one Python version does.

use super::{AbiFlags, AbiTag, PythonTag, Tag};

/// Why no installer matches a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeadReason {
    /// `py3-abi3`: a tag for any implementation never comes with a binary interface.
    GenericWithAbi,
    /// `cp3-none`: installers spell the minor version.
    MajorOnly,
    /// `cp315t-abi3t`: the free-threaded flag belongs to the ABI tag.
    FlagInPythonTag,
    /// `cp311-cp312`: both parts name a version, and not the same.
    VersionsDiffer,
    /// `pp311-abi3`: only CPython has the stable ABI.
    StableAbiElsewhere,
    /// `cp31-abi3`, `cp38-abi3t` before the stable ABI in question existed.
    StableAbiTooEarly,
    /// The interpreter or ABI is one that no installer generates.
    Unknown,
}

/// How many Python versions match a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Liveness {
    /// The versions its form is meant for.
    Alive,
    /// `cp39-none-*`: CPython 3.9 and no later one, although nothing in the form says so.
    OneVersionOnly,
    /// `cp315-abi3t`: free-threaded builds only; regular builds look for `abi3`.
    FreeThreadedOnly,
    /// None.
    Dead(DeadReason),
}

impl Tag {
    /// Returns the one version that the tag is for; `None` for those that later versions match too, and for dead ones.
    pub fn only_version(&self) -> Option<(u8, u16)> {
        let exact = matches!(self.abi, AbiTag::CPython { .. } | AbiTag::PyPy { .. } | AbiTag::GraalPy { .. });
        match self.liveness() {
            Liveness::OneVersionOnly => self.python.version(),
            Liveness::Alive if exact => self.abi.version(),
            _ => None,
        }
    }

    /// Returns how many Python versions match the tag, by what installers generate (packaging 26.3).
    pub fn liveness(&self) -> Liveness {
        let dead = Liveness::Dead;
        match (&self.python, &self.abi) {
            (PythonTag::Generic { .. }, AbiTag::None) => Liveness::Alive,
            (PythonTag::Generic { .. }, _) => dead(DeadReason::GenericWithAbi),
            (PythonTag::Other(text), _) => dead(match cpython_with_flags(text) {
                true => DeadReason::FlagInPythonTag,
                false => DeadReason::Unknown,
            }),
            (
                PythonTag::CPython { minor: None, .. }
                | PythonTag::PyPy { minor: None, .. }
                | PythonTag::GraalPy { minor: None, .. },
                _,
            ) => dead(DeadReason::MajorOnly),
            (_, AbiTag::None) => Liveness::OneVersionOnly,
            (PythonTag::CPython { major, minor: Some(minor) }, AbiTag::Abi3) => match (*major, *minor) {
                // PEP 384: from Python 3.2 on.
                (3, 2..) => Liveness::Alive,
                _ => dead(DeadReason::StableAbiTooEarly),
            },
            (PythonTag::CPython { major, minor: Some(minor) }, AbiTag::Abi3t) => match (*major, *minor) {
                // PEP 803: from 3.15 on; 3.14's tag is reserved, but installers generate it.
                (3, 14..) => Liveness::FreeThreadedOnly,
                _ => dead(DeadReason::StableAbiTooEarly),
            },
            (PythonTag::PyPy { .. } | PythonTag::GraalPy { .. }, AbiTag::Abi3 | AbiTag::Abi3t) => {
                dead(DeadReason::StableAbiElsewhere)
            }
            (PythonTag::CPython { .. }, AbiTag::CPython { .. })
            | (PythonTag::PyPy { .. }, AbiTag::PyPy { .. })
            | (PythonTag::GraalPy { .. }, AbiTag::GraalPy { .. }) => {
                match self.python.version() == self.abi.version() {
                    true => Liveness::Alive,
                    false => dead(DeadReason::VersionsDiffer),
                }
            }
            (_, AbiTag::CPython { .. } | AbiTag::PyPy { .. } | AbiTag::GraalPy { .. } | AbiTag::Other(_)) => {
                dead(DeadReason::Unknown)
            }
        }
    }
}

/// Tells whether the text is `cp` with a version and ABI flags, e.g. `cp315t`.
fn cpython_with_flags(text: &str) -> bool {
    text.parse().is_ok_and(|tag: AbiTag| matches!(tag, AbiTag::CPython { flags, .. } if flags != AbiFlags::default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::TagSet;

    fn liveness(text: &str) -> Liveness {
        let set: TagSet = text.parse().unwrap();
        set.expand()[0].liveness()
    }

    #[test]
    fn a_tag_with_an_interpreters_own_abi_is_for_that_version_only() {
        let only = |text: &str| text.parse::<TagSet>().unwrap().expand()[0].only_version();
        assert_eq!(only("cp39-none-win32"), Some((3, 9)));
        assert_eq!(only("cp313-cp313t-win32"), Some((3, 13)));
        assert_eq!(only("pp311-pypy311_pp73-win32"), Some((3, 11)));
        assert_eq!(only("cp39-abi3-win32").or_else(|| only("py39-none-any")).or_else(|| only("cp3-none-any")), None);
    }

    #[test]
    fn what_packaging_generates_is_alive_and_nothing_else() {
        let dead = Liveness::Dead;
        for (tag, expected) in [
            ("py39-none-any", Liveness::Alive),
            ("py3-none-win32", Liveness::Alive),
            ("cp39-abi3-win32", Liveness::Alive),
            ("cp312-cp312-win32", Liveness::Alive),
            ("cp313-cp313t-win32", Liveness::Alive),
            ("pp311-pypy311_pp73-win32", Liveness::Alive),
            ("graalpy312-graalpy250_312_native-win32", Liveness::Alive),
            ("cp39-none-win32", Liveness::OneVersionOnly),
            ("cp315-abi3t-win32", Liveness::FreeThreadedOnly),
            ("py3-abi3-win32", dead(DeadReason::GenericWithAbi)),
            ("cp3-abi3-win32", dead(DeadReason::MajorOnly)),
            ("cp3-none-win32", dead(DeadReason::MajorOnly)),
            ("cp315t-abi3t-win32", dead(DeadReason::FlagInPythonTag)),
            ("cp311-cp312-win32", dead(DeadReason::VersionsDiffer)),
            ("pp311-abi3-win32", dead(DeadReason::StableAbiElsewhere)),
            ("cp31-abi3-win32", dead(DeadReason::StableAbiTooEarly)),
            ("cp313-abi3t-win32", dead(DeadReason::StableAbiTooEarly)),
            ("pp311-cp311-win32", dead(DeadReason::Unknown)),
            ("xx9-none-any", dead(DeadReason::Unknown)),
        ] {
            assert_eq!(liveness(tag), expected, "{tag}");
        }
    }
}
