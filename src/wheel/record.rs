//! RECORD: which files a wheel installs, with digest and size (PEP 376, binary distribution format).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

use crate::error::{Error, Result};

/// More rows than any wheel has; the archive scan stops at as many members.
const MAX_ROWS: usize = 200_000;
/// A RECORD larger than this is none.
const MAX_SIZE: usize = 64 << 20;

/// One row: a path, and what its bytes should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordRow {
    /// The path as spelled.
    pub path: String,
    /// `algorithm=digest` as spelled; empty for RECORD itself and its signatures.
    pub digest: String,
    /// The size in bytes as spelled; may be empty.
    pub size: String,
}

/// What a row's digest column says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordDigest {
    /// Nothing.
    Absent,
    /// SHA-256, URL-safe base64 without padding, as the specification wants it.
    Sha256([u8; 32]),
    /// SHA-256, in another spelling (padded, or not URL-safe).
    OddSha256([u8; 32]),
    /// A stronger or equal algorithm that is allowed (`sha384`, `sha512`); its name.
    Other(String),
    /// `md5`, `sha1` or weaker, which the specification forbids.
    Weak(String),
    /// Not `algorithm=digest`.
    Malformed,
}

/// The rows of a RECORD, in file order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    rows: Vec<RecordRow>,
}

impl RecordRow {
    /// Returns the row of a file with this digest and size.
    pub fn new(path: impl Into<String>, digest: &[u8; 32], size: u64) -> Self {
        let digest = format!("sha256={}", URL_SAFE_NO_PAD.encode(digest));
        Self { path: path.into(), digest, size: size.to_string() }
    }

    /// Returns the row of a file that has no digest: RECORD itself.
    pub fn bare(path: impl Into<String>) -> Self {
        Self { path: path.into(), digest: String::new(), size: String::new() }
    }

    /// Returns the path with `/` between components, as the archive spells it.
    pub fn member(&self) -> String {
        self.path.replace('\\', "/")
    }

    /// Returns what the digest column says.
    pub fn parsed_digest(&self) -> RecordDigest {
        if self.digest.is_empty() {
            return RecordDigest::Absent;
        }
        let Some((algorithm, text)) = self.digest.split_once('=') else { return RecordDigest::Malformed };
        match algorithm {
            "sha256" => {
                let exact = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).ok();
                if let Some(digest) = URL_SAFE_NO_PAD.decode(text).ok().and_then(exact) {
                    return RecordDigest::Sha256(digest);
                }
                let url_safe: String = text
                    .chars()
                    .map(|c| match c {
                        '+' => '-',
                        '/' => '_',
                        other => other,
                    })
                    .collect();
                let padded = URL_SAFE.decode(&url_safe).ok().and_then(exact);
                let bare = || URL_SAFE_NO_PAD.decode(url_safe.trim_end_matches('=')).ok().and_then(exact);
                padded.or_else(bare).map_or(RecordDigest::Malformed, RecordDigest::OddSha256)
            }
            "sha384" | "sha512" => RecordDigest::Other(algorithm.to_owned()),
            "md5" | "sha1" | "sha224" => RecordDigest::Weak(algorithm.to_owned()),
            "" => RecordDigest::Malformed,
            other => RecordDigest::Other(other.to_owned()),
        }
    }
}

impl Record {
    /// Returns a RECORD of these rows.
    pub fn new(rows: Vec<RecordRow>) -> Self {
        Self { rows }
    }

    /// Reads a RECORD.
    ///
    /// # Errors
    /// `Malformed` if it is not UTF-8, a row has not one to three columns or an empty path, or there are more than
    /// two hundred thousand rows or 64 MiB; the row's number is named.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_SIZE {
            return Err(Error::malformed(format!("{} bytes, more than {MAX_SIZE}", bytes.len())));
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut rows = Vec::new();
        let mut record = csv::StringRecord::new();
        loop {
            let number = rows.len().saturating_add(1);
            let more = reader
                .read_record(&mut record)
                .map_err(|error| Error::malformed(format!("row {number}: {}", csv_reason(&error))))?;
            if !more {
                return Ok(Self { rows });
            }
            if rows.len() >= MAX_ROWS {
                return Err(Error::malformed(format!("more than {MAX_ROWS} rows")));
            }
            if record.len() > 3 {
                return Err(Error::malformed(format!("row {number}: {} columns, not three", record.len())));
            }
            let column = |at: usize| record.get(at).unwrap_or_default().to_owned();
            if column(0).is_empty() {
                return Err(Error::malformed(format!("row {number}: no path")));
            }
            rows.push(RecordRow { path: column(0), digest: column(1), size: column(2) });
        }
    }

    /// Returns the rows in file order.
    pub fn rows(&self) -> &[RecordRow] {
        &self.rows
    }

    /// Returns the rows by archive name; of several rows for one name the first counts.
    pub fn by_member(&self) -> BTreeMap<String, &RecordRow> {
        let mut map = BTreeMap::new();
        for row in &self.rows {
            map.entry(row.member()).or_insert(row);
        }
        map
    }

    /// Returns the file's bytes: comma, minimal quoting, line feeds.
    ///
    /// # Errors
    /// `Internal` if a row cannot be written as CSV.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let internal = |error: &dyn std::fmt::Display| {
            Error::new(crate::error::ErrorKind::Internal, format!("RECORD cannot be written: {error}"))
        };
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        for row in &self.rows {
            writer.write_record([&row.path, &row.digest, &row.size]).map_err(|error| internal(&error))?;
        }
        writer.into_inner().map_err(|error| internal(&error))
    }
}

fn csv_reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let rows = vec![
            RecordRow::new("pkg/a, \"b\".py", &[7; 32], 12),
            RecordRow::new("pkg/é.py", &[0; 32], 0),
            RecordRow::bare("pkg-1.dist-info/RECORD"),
        ];
        let bytes = Record::new(rows.clone()).to_bytes().unwrap();
        assert_eq!(Record::read(&bytes).unwrap().rows(), rows);
        assert!(bytes.ends_with(b"pkg-1.dist-info/RECORD,,\n"));
        assert_eq!(rows[0].parsed_digest(), RecordDigest::Sha256([7; 32]));
    }

    #[test]
    fn odd_rows_are_told_apart() {
        let digest = |text: &str| RecordRow { path: "a".into(), digest: text.into(), size: "1".into() }.parsed_digest();
        let plain = URL_SAFE_NO_PAD.encode([0xfb; 32]);
        assert_eq!(digest(&format!("sha256={plain}=")), RecordDigest::OddSha256([0xfb; 32]));
        assert_eq!(
            digest(&format!("sha256={}", plain.replace('-', "+").replace('_', "/"))),
            RecordDigest::OddSha256([0xfb; 32])
        );
        assert_eq!(digest("md5=abc"), RecordDigest::Weak("md5".into()));
        assert_eq!(digest("sha256=abc"), RecordDigest::Malformed);
        assert_eq!(digest("abc"), RecordDigest::Malformed);
    }

    #[test]
    fn hostile_text_is_an_error_that_names_the_row() {
        assert!(Record::read(b"a,b,c\na,b,c,d\n").unwrap_err().to_string().contains("row 2"));
        assert!(Record::read(b"\xff\xfe,,\n").unwrap_err().to_string().contains("UTF-8"));
        assert!(Record::read(b",x,1\n").is_err());
        assert_eq!(Record::read(b"a\r\nb,,\r\n").unwrap().rows().len(), 2);
        assert_eq!(Record::read(b"").unwrap().rows().len(), 0);
        assert!(Record::read(b"\"unterminated").is_ok());
    }
}
