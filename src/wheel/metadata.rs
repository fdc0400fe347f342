//! METADATA: core metadata, read leniently and edited without touching a byte that is not asked for.

use crate::error::{Error, Result};

/// A METADATA file larger than this is none: the largest on PyPI have a few megabytes of description.
const MAX_SIZE: usize = 64 << 20;

/// The METADATA file, with its headers found (core metadata specification; headers end at the first empty line).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    bytes: Vec<u8>,
    headers: Vec<Header>,
    end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    name: String,
    value: String,
    end: usize,
}

impl Metadata {
    /// Reads a METADATA file.
    ///
    /// # Errors
    /// `Malformed` if it is too large, its headers are not UTF-8, or a line among them is no header.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_SIZE {
            return Err(Error::malformed(format!("{} bytes, more than {MAX_SIZE}", bytes.len())));
        }
        let mut headers: Vec<Header> = Vec::new();
        let mut at = 0_usize;
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let content = line.strip_suffix(b"\n").unwrap_or(line);
            let content = content.strip_suffix(b"\r").unwrap_or(content);
            if content.is_empty() {
                break;
            }
            at = at.saturating_add(line.len());
            let place = || format!("line {}", number.saturating_add(1));
            let text =
                std::str::from_utf8(content).map_err(|_| Error::malformed(format!("{} is not UTF-8", place())))?;
            match (text.starts_with([' ', '\t']), headers.last_mut()) {
                (true, Some(header)) => {
                    header.value.push('\n');
                    header.value.push_str(text.trim_start());
                    header.end = at;
                }
                (true, None) => return Err(Error::malformed(format!("{} continues nothing", place()))),
                (false, _) => {
                    let (name, value) = text
                        .split_once(':')
                        .filter(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()))
                        .ok_or_else(|| Error::malformed(format!("{} is no header", place())))?;
                    headers.push(Header { name: name.to_owned(), value: value.trim().to_owned(), end: at });
                }
            }
        }
        Ok(Self { bytes: bytes.to_vec(), headers, end: at })
    }

    /// Returns the names of all headers, in file order and as spelled.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|header| header.name.as_str())
    }

    /// Returns every value of a header, in file order; names compare without case; folded lines are joined by `\n`.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_str())
            .collect()
    }

    /// Returns the first value of a header.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    /// Adds a header after the last of the same name, else after all; the file's own line ending is used.
    ///
    /// # Errors
    /// `Usage` if the value has more than one line.
    pub fn add(&mut self, name: &str, value: &str) -> Result<()> {
        if value.contains(['\n', '\r']) {
            return Err(Error::usage(format!("the value of `{name}` has more than one line")));
        }
        let same = self.headers.iter().rposition(|header| header.name.eq_ignore_ascii_case(name));
        let at = same.and_then(|index| self.headers.get(index)).map_or(self.end, |header| header.end);
        let head = self.bytes.get(..at).unwrap_or_default();
        let ending = if self.bytes.windows(2).any(|pair| pair == b"\r\n") { "\r\n" } else { "\n" };
        let mut line = String::new();
        // The last header may lack its line end.
        if !head.is_empty() && !head.ends_with(b"\n") {
            line.push_str(ending);
        }
        line.push_str(&format!("{name}: {value}{ending}"));
        let mut bytes = head.to_vec();
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(self.bytes.get(at..).unwrap_or_default());
        *self = Self::read(&bytes)?;
        Ok(())
    }

    /// Returns the file's bytes.
    pub fn to_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_goes_after_the_last_of_its_name() {
        let mut metadata = Metadata::read(b"Name: a\nRequires-Dist: x\nSummary: s\n\nbody\n").unwrap();
        metadata.add("Requires-Dist", "y").unwrap();
        metadata.add("License-File", "COPYING").unwrap();
        assert_eq!(
            metadata.to_bytes(),
            b"Name: a\nRequires-Dist: x\nRequires-Dist: y\nSummary: s\nLicense-File: COPYING\n\nbody\n"
        );
    }

    #[test]
    fn folded_lines_belong_to_their_header_and_bodies_may_be_anything() {
        let metadata = Metadata::read(b"Name: a\nLicense: one\n  two\n\nName: not this \xff\n").unwrap();
        assert_eq!(metadata.value("license"), Some("one\ntwo"));
        assert_eq!(metadata.values("Name"), ["a"]);
    }

    #[test]
    fn line_endings_are_kept() {
        let mut metadata = Metadata::read(b"Name: a\r\nVersion: 1\r\n").unwrap();
        metadata.add("X", "1").unwrap();
        assert_eq!(metadata.to_bytes(), b"Name: a\r\nVersion: 1\r\nX: 1\r\n");
        let mut metadata = Metadata::read(b"Name: a").unwrap();
        metadata.add("Version", "1").unwrap();
        assert_eq!(metadata.to_bytes(), b"Name: a\nVersion: 1\n");
    }

    #[test]
    fn hostile_headers_are_errors_that_name_the_line() {
        for text in [&b" x\n"[..], b"Name: a\nnonsense\n", b"Name: \xff\n", b": x\n"] {
            assert!(Metadata::read(text).unwrap_err().to_string().contains("line "));
        }
        assert!(Metadata::read(b"").unwrap().values("Name").is_empty());
    }
}
