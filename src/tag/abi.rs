//! `AbiTag`: which binary interface of Python a wheel needs, the second part of a tag.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::{joined_version, plain_number};

/// The build flags in a CPython ABI tag: `t`, `d`, `m`, `u`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbiFlags {
    /// `t`: built without the global interpreter lock.
    pub free_threaded: bool,
    /// `d`: a debug build.
    pub debug: bool,
    /// `m`: pymalloc, spelled until 3.7.
    pub pymalloc: bool,
    /// `u`: wide Unicode, spelled until 3.2.
    pub wide_unicode: bool,
}

/// The binary interface that one tag names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AbiTag {
    /// No binary interface of Python: `none`.
    None,
    /// The stable ABI: `abi3`.
    Abi3,
    /// The stable ABI that free-threaded builds share, from 3.15 on: `abi3t`.
    Abi3t,
    /// One minor version of CPython: `cp312`, `cp313t`, `cp27mu`.
    CPython {
        /// 3 of `cp313t`.
        major: u8,
        /// 13 of `cp313t`.
        minor: u16,
        /// `t` of `cp313t`.
        flags: AbiFlags,
    },
    /// One minor version and ABI generation of PyPy: `pypy311_pp73`.
    PyPy {
        /// 3 of `pypy311_pp73`.
        major: u8,
        /// 11 of `pypy311_pp73`.
        minor: u16,
        /// 73 of `pypy311_pp73`.
        generation: u16,
    },
    /// One release series and minor version of GraalPy: `graalpy250_312_native`.
    GraalPy {
        /// 250 of `graalpy250_312_native`.
        release: u16,
        /// 3 of `graalpy250_312_native`.
        major: u8,
        /// 12 of `graalpy250_312_native`.
        minor: u16,
    },
    /// Anything else, as spelled.
    Other(String),
}

impl AbiTag {
    /// Returns the `major.minor` of the one Python it is for; nothing for `none` and the stable ABIs.
    pub fn version(&self) -> Option<(u8, u16)> {
        match *self {
            AbiTag::CPython { major, minor, .. }
            | AbiTag::PyPy { major, minor, .. }
            | AbiTag::GraalPy { major, minor, .. } => Some((major, minor)),
            AbiTag::None | AbiTag::Abi3 | AbiTag::Abi3t | AbiTag::Other(_) => None,
        }
    }

    /// Tells whether it is `abi3` or `abi3t`.
    pub fn is_stable(&self) -> bool {
        matches!(self, AbiTag::Abi3 | AbiTag::Abi3t)
    }
}

fn read_cpython(text: &str) -> Option<AbiTag> {
    let rest = text.strip_prefix("cp")?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    let (version, letters) = rest.split_at_checked(digits)?;
    let (major, minor) = joined_version(version)?;
    let mut flags = AbiFlags::default();
    for letter in letters.chars() {
        match letter {
            't' => flags.free_threaded = true,
            'd' => flags.debug = true,
            'm' => flags.pymalloc = true,
            'u' => flags.wide_unicode = true,
            _ => return None,
        }
    }
    Some(AbiTag::CPython { major, minor: minor?, flags })
}

fn read_pypy(text: &str) -> Option<AbiTag> {
    let (version, generation) = text.strip_prefix("pypy")?.split_once("_pp")?;
    let (major, minor) = joined_version(version)?;
    Some(AbiTag::PyPy { major, minor: minor?, generation: plain_number(generation)? })
}

fn read_graalpy(text: &str) -> Option<AbiTag> {
    let (release, rest) = text.strip_prefix("graalpy")?.split_once('_')?;
    let (major, minor) = joined_version(rest.strip_suffix("_native")?)?;
    Some(AbiTag::GraalPy { release: plain_number(release)?, major, minor: minor? })
}

impl FromStr for AbiTag {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let read = match text {
            "none" => Some(AbiTag::None),
            "abi3" => Some(AbiTag::Abi3),
            "abi3t" => Some(AbiTag::Abi3t),
            text => read_cpython(text).or_else(|| read_pypy(text)).or_else(|| read_graalpy(text)),
        };
        // Flags in an unusual order would be written in the usual one.
        let read = read.filter(|tag| tag.to_string() == text);
        Ok(read.unwrap_or_else(|| AbiTag::Other(text.to_owned())))
    }
}

impl fmt::Display for AbiTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AbiTag::None => f.write_str("none"),
            AbiTag::Abi3 => f.write_str("abi3"),
            AbiTag::Abi3t => f.write_str("abi3t"),
            AbiTag::CPython { major, minor, flags } => {
                write!(f, "cp{major}{minor}")?;
                let letters =
                    [(flags.free_threaded, "t"), (flags.debug, "d"), (flags.pymalloc, "m"), (flags.wide_unicode, "u")];
                letters.iter().filter(|(set, _)| *set).try_for_each(|(_, letter)| f.write_str(letter))
            }
            AbiTag::PyPy { major, minor, generation } => write!(f, "pypy{major}{minor}_pp{generation}"),
            AbiTag::GraalPy { release, major, minor } => write!(f, "graalpy{release}_{major}{minor}_native"),
            AbiTag::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> AbiTag {
        text.parse().unwrap()
    }

    #[test]
    fn every_text_is_written_back_as_it_was() {
        let texts = [
            "none",
            "abi3",
            "abi3t",
            "cp312",
            "cp313t",
            "cp313td",
            "cp27mu",
            "cp27dmu",
            "cp36m",
            "pypy311_pp73",
            "pypy41",
            "graalpy250_312_native",
            "cp313dt",
            "cp3",
            "",
            "cp",
            "pypy3_pp",
            "é",
        ];
        for text in texts {
            assert_eq!(read(text).to_string(), text);
        }
    }

    #[test]
    fn flags_are_read() {
        let flags = AbiFlags { free_threaded: true, ..AbiFlags::default() };
        assert_eq!(read("cp313t"), AbiTag::CPython { major: 3, minor: 13, flags });
        assert_eq!(read("cp313dt"), AbiTag::Other("cp313dt".into()));
        assert_eq!(read("pypy311_pp73"), AbiTag::PyPy { major: 3, minor: 11, generation: 73 });
        assert_eq!(read("graalpy250_312_native"), AbiTag::GraalPy { release: 250, major: 3, minor: 12 });
    }
}
