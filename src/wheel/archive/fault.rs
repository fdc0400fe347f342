//! `ArchiveFault`: one thing that is wrong with an archive, named.

use std::collections::BTreeMap;

/// What is wrong; each kind is one diagnostic of the archive family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The file is not, or not only, a zip archive (TW101).
    NotAnArchive,
    /// Local entries, central directory and file do not agree (TW102).
    Framing,
    /// Two members have one name (TW103).
    Duplicate,
    /// A name leaves the wheel or cannot be written everywhere (TW104).
    UnsafePath,
    /// A member is a symbolic link (TW105).
    Symlink,
    /// The archive unpacks to absurdly much (TW106).
    Bomb,
    /// A member is compressed by another method than stored or deflate (TW107).
    Method,
    /// A member is encrypted (TW108).
    Encrypted,
    /// A member's sizes follow its data (TW109).
    DataDescriptor,
    /// A member cannot be unpacked (TW110).
    Corrupt,
    /// A zip64 field is wrong (TW111).
    Zip64,
    /// The archive carries a comment (TW112).
    Comment,
    /// Two names are one on a case-insensitive file system (TW113).
    Collision,
    /// A member's permission bits are odd (TW114).
    Mode,
}

impl FaultKind {
    /// Tells whether writing the same members anew leaves the fault behind.
    ///
    /// Only these do: all others leave open what the archive's content is.
    pub fn is_cured_by_rewriting(self) -> bool {
        match self {
            FaultKind::Method | FaultKind::DataDescriptor | FaultKind::Comment | FaultKind::Mode => true,
            FaultKind::NotAnArchive
            | FaultKind::Framing
            | FaultKind::Duplicate
            | FaultKind::UnsafePath
            | FaultKind::Symlink
            | FaultKind::Bomb
            | FaultKind::Encrypted
            | FaultKind::Corrupt
            | FaultKind::Zip64
            | FaultKind::Collision => false,
        }
    }
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultLevel {
    /// Harmless, and worth knowing.
    Note,
    /// Worth a look; installers and PyPI take it.
    Warning,
    /// An installer fails, PyPI refuses the archive, or readers disagree about what is in it.
    Error,
}

/// One thing that is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ArchiveFault {
    /// What kind of fault.
    pub kind: FaultKind,
    /// How bad it is.
    pub level: FaultLevel,
    /// The archive name it is about, with anything unprintable escaped; nothing for the archive as a whole.
    pub member: Option<String>,
    /// A phrase, lower case, no full stop; the member is not repeated in it.
    pub message: String,
}

/// How many faults of one kind are told one by one; a hostile archive could have millions.
const TOLD_OF_A_KIND: usize = 25;

/// Collects faults: the first of each kind as they are, the rest as a count.
#[derive(Debug, Default)]
pub(super) struct FaultList {
    told: Vec<ArchiveFault>,
    seen: BTreeMap<(FaultKind, FaultLevel), usize>,
}

impl FaultList {
    /// Adds a fault at error level.
    pub(super) fn error(&mut self, kind: FaultKind, member: Option<&str>, message: impl Into<String>) {
        self.add(kind, FaultLevel::Error, member, message);
    }

    /// Adds a fault at warning level.
    pub(super) fn warning(&mut self, kind: FaultKind, member: Option<&str>, message: impl Into<String>) {
        self.add(kind, FaultLevel::Warning, member, message);
    }

    /// Adds a fault.
    pub(super) fn add(&mut self, kind: FaultKind, level: FaultLevel, member: Option<&str>, message: impl Into<String>) {
        let count = self.seen.entry((kind, level)).or_default();
        *count = count.saturating_add(1);
        if *count <= TOLD_OF_A_KIND {
            let member = member.map(printable);
            self.told.push(ArchiveFault { kind, level, member, message: message.into() });
        }
    }

    /// Returns the faults, by the order they were found in, and for each kind how many more there are.
    pub(super) fn finish(mut self) -> Vec<ArchiveFault> {
        for ((kind, level), count) in self.seen {
            let more = count.saturating_sub(TOLD_OF_A_KIND);
            if more > 0 {
                let message = format!("{more} more of the same kind");
                self.told.push(ArchiveFault { kind, level, member: None, message });
            }
        }
        self.told
    }
}

/// Longest name that stands in a message.
const TOLD_OF_A_NAME: usize = 300;

/// Returns the name with control characters escaped and cut to a length that a terminal can take.
pub(super) fn printable(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if text.len() >= TOLD_OF_A_NAME {
            text.push('…');
            break;
        }
        match super::names::is_unprintable(character) {
            true => text.extend(character.escape_default()),
            false => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_faults_are_told_as_a_count() {
        let mut faults = FaultList::default();
        for number in 0..1_000_000 {
            faults.error(FaultKind::Duplicate, Some("a"), format!("{number}"));
        }
        let faults = faults.finish();
        assert_eq!(faults.len(), TOLD_OF_A_KIND + 1);
        assert_eq!(faults.last().unwrap().message, "999975 more of the same kind");
    }

    #[test]
    fn names_in_messages_are_short_and_printable() {
        assert_eq!(printable("a\0b\n\u{202e}"), "a\\u{0}b\\n\\u{202e}");
        assert!(printable(&"x".repeat(70_000)).len() < 400);
    }
}
