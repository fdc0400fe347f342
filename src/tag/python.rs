//! `PythonTag`: which interpreters a wheel is for, the first part of a tag.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::joined_version;

/// The interpreters that one tag names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PythonTag {
    /// Any implementation: `py3`, `py39`.
    Generic {
        /// 3 of `py39`.
        major: u8,
        /// 9 of `py39`; nothing in `py3`.
        minor: Option<u16>,
    },
    /// CPython: `cp312`.
    CPython {
        /// 3 of `cp312`.
        major: u8,
        /// 12 of `cp312`; nothing in `cp3`, which matches no interpreter.
        minor: Option<u16>,
    },
    /// PyPy: `pp311`.
    PyPy {
        /// 3 of `pp311`.
        major: u8,
        /// 11 of `pp311`.
        minor: Option<u16>,
    },
    /// GraalPy: `graalpy312`.
    GraalPy {
        /// 3 of `graalpy312`.
        major: u8,
        /// 12 of `graalpy312`.
        minor: Option<u16>,
    },
    /// Anything else, as spelled: `ip27`, `cp315t`.
    Other(String),
}

impl PythonTag {
    /// Returns the `major.minor` that the tag names; nothing where the minor version is left open.
    pub fn version(&self) -> Option<(u8, u16)> {
        match *self {
            PythonTag::Generic { major, minor }
            | PythonTag::CPython { major, minor }
            | PythonTag::PyPy { major, minor }
            | PythonTag::GraalPy { major, minor } => Some((major, minor?)),
            PythonTag::Other(_) => None,
        }
    }

    /// Returns the major version that the tag names.
    pub fn major(&self) -> Option<u8> {
        match *self {
            PythonTag::Generic { major, .. }
            | PythonTag::CPython { major, .. }
            | PythonTag::PyPy { major, .. }
            | PythonTag::GraalPy { major, .. } => Some(major),
            PythonTag::Other(_) => None,
        }
    }

    /// Tells whether the tag is `py…`, for any implementation.
    pub fn is_generic(&self) -> bool {
        matches!(self, PythonTag::Generic { .. })
    }
}

impl FromStr for PythonTag {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        type Make = fn(u8, Option<u16>) -> PythonTag;
        let kinds: [(&str, Make); 4] = [
            ("graalpy", |major, minor| PythonTag::GraalPy { major, minor }),
            ("py", |major, minor| PythonTag::Generic { major, minor }),
            ("cp", |major, minor| PythonTag::CPython { major, minor }),
            ("pp", |major, minor| PythonTag::PyPy { major, minor }),
        ];
        let read = kinds.iter().find_map(|(prefix, make)| {
            let (major, minor) = joined_version(text.strip_prefix(prefix)?)?;
            Some(make(major, minor))
        });
        Ok(read.unwrap_or_else(|| PythonTag::Other(text.to_owned())))
    }
}

impl fmt::Display for PythonTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, major, minor) = match self {
            PythonTag::Generic { major, minor } => ("py", major, minor),
            PythonTag::CPython { major, minor } => ("cp", major, minor),
            PythonTag::PyPy { major, minor } => ("pp", major, minor),
            PythonTag::GraalPy { major, minor } => ("graalpy", major, minor),
            PythonTag::Other(text) => return f.write_str(text),
        };
        write!(f, "{prefix}{major}")?;
        minor.map_or(Ok(()), |minor| write!(f, "{minor}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> PythonTag {
        text.parse().unwrap()
    }

    #[test]
    fn every_text_is_written_back_as_it_was() {
        for text in ["py3", "py39", "cp312", "cp3", "pp311", "graalpy312", "cp315t", "cp", "", "py3_9", "cp0312", "äö"]
        {
            assert_eq!(read(text).to_string(), text);
        }
    }

    #[test]
    fn the_first_digit_is_the_major_version() {
        assert_eq!(read("cp312"), PythonTag::CPython { major: 3, minor: Some(12) });
        assert_eq!(read("cp312").version(), Some((3, 12)));
        assert_eq!(read("py3").version(), None);
        assert_eq!(read("cp315t"), PythonTag::Other("cp315t".into()));
        assert_eq!(read("cp99999999999"), PythonTag::Other("cp99999999999".into()));
    }
}
