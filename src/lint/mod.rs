//! `lint`: what `check` asks of the archive and its metadata, beyond policy and ABI; one file a question.

mod rules;
pub mod scan;

pub use rules::{archive_finding, own_machine};

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::tag::WheelFilename;
use crate::wheel::Wheel;
use crate::wheel::metadata::Metadata;
use crate::wheel::record::Record;
use crate::wheel::wheel_file::WheelFile;

/// A text member as it was found.
#[derive(Debug)]
pub enum Text<T> {
    /// It is not there.
    Absent,
    /// It cannot be read, with the reason.
    Unreadable(Error),
    /// It was read.
    Read(T),
}

impl<T> Text<T> {
    /// Returns what was read.
    pub fn get(&self) -> Option<&T> {
        match self {
            Text::Read(value) => Some(value),
            Text::Absent | Text::Unreadable(_) => None,
        }
    }
}

/// What an algorithm made of a member's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256.
    pub sha256: [u8; 32],
    /// The size in bytes.
    pub size: u64,
}

/// A wheel's text members and whatever else the rules look at.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sheet<'a> {
    /// The wheel.
    pub wheel: &'a Wheel,
    /// What the file name says, if it is a wheel's.
    pub filename: Option<&'a WheelFilename>,
    /// WHEEL.
    pub wheel_file: Text<WheelFile>,
    /// METADATA.
    pub metadata: Text<Metadata>,
    /// RECORD.
    pub record: Text<Record>,
    /// Digests of members, where they were computed.
    pub digests: BTreeMap<String, Digest>,
    /// Members that cannot be unpacked.
    pub corrupt: BTreeMap<String, Error>,
    /// Archive names of binaries that some loader takes, and whether each lies where only pure Python belongs.
    pub binaries: Vec<(String, bool)>,
    /// What the bytes of members give away, where they were searched.
    pub traces: scan::Traces,
    /// Bytes of debug data, by the archive name of the binary; only where there are any.
    pub debug_bytes: BTreeMap<String, u64>,
    /// How many members are machine code or the like, whether a loader takes them or not.
    pub native: usize,
    /// The present, in seconds since 1970; `None` if nothing is held against it.
    pub now: Option<i64>,
    /// Members were not searched, or not all.
    pub traces_are_partial: bool,
}

impl<'a> Sheet<'a> {
    /// Reads the text members.
    pub fn of(wheel: &'a Wheel) -> Self {
        Self {
            wheel,
            filename: wheel.filename().ok(),
            wheel_file: text(wheel, "WHEEL", WheelFile::read),
            metadata: text(wheel, "METADATA", Metadata::read),
            record: text(wheel, "RECORD", Record::read),
            digests: BTreeMap::new(),
            corrupt: BTreeMap::new(),
            binaries: Vec::new(),
            traces: scan::Traces::new(),
            debug_bytes: BTreeMap::new(),
            native: 0,
            now: None,
            traces_are_partial: true,
        }
    }

    /// Returns the archive name of a file of the dist-info directory, or its bare name where there is no directory.
    fn member(&self, name: &str) -> String {
        self.wheel.dist_info().map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"))
    }
}

fn text<T>(wheel: &Wheel, name: &str, read: impl Fn(&[u8]) -> crate::error::Result<T>) -> Text<T> {
    match wheel.dist_info_member(name) {
        None => Text::Absent,
        Some(member) => match wheel.read_small(member).and_then(|bytes| read(&bytes)) {
            Ok(value) => Text::Read(value),
            Err(error) => Text::Unreadable(error),
        },
    }
}

/// Returns what every rule finds.
pub fn lint(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    rules::ALL.iter().flat_map(|rule| rule(sheet)).collect()
}
