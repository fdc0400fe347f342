//! `Diagnostic`: the job was done, and this is what it found.

mod code;

pub use code::{Code, Family};

use std::fmt;

/// Bytes of a message that are kept; what quotes more than that tells nobody more.
const LONGEST: usize = 4096;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Should be looked at; does not change the exit status.
    Warning,
    /// An installer or a loader fails, or a claim is untrue; exit status 1.
    Error,
}

impl Severity {
    /// Returns the name used in machine output.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One finding: a code, the member it is about, a message, ways out, and the chain that leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What kind of finding.
    pub code: Code,
    /// How bad; the code's own level until levels are applied where it enters a report.
    pub severity: Severity,
    /// The archive name it is about; `None` for the wheel as a whole.
    pub member: Option<String>,
    /// A phrase, lower case, no full stop; literals in backticks; the member is not repeated in it.
    pub message: String,
    /// A way out.
    pub help: Option<String>,
    /// Archive names from a load root to the member, root first; empty where there is no such chain.
    pub chain: Vec<String>,
}

impl Diagnostic {
    /// Returns a finding at the code's own level.
    ///
    /// Of a message that quotes without end (a field of RECORD can have megabytes) only the beginning is kept.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
            message.truncate(end);
            message.push('…');
        }
        Self { code, severity: code.severity(), member: None, message, help: None, chain: Vec::new() }
    }

    /// Names the member it is about.
    #[must_use]
    pub fn member(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the chain of archive names that leads to the member, root first.
    #[must_use]
    pub fn chain(mut self, chain: Vec<String>) -> Self {
        self.chain = chain;
        self
    }

    /// Sets a level other than the code's own.
    #[must_use]
    pub fn at(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Returns true if it keeps a wheel from being written, those of `accept` apart.
    ///
    /// What is wrong with the archive that was read is never accepted: nobody could say what would be written.
    pub fn refuses(&self, accept: &[Code]) -> bool {
        let acceptable = self.code.family() != Family::Archive;
        self.severity == Severity::Error && !(acceptable && accept.contains(&self.code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_end_is_cut_between_characters() {
        let message = Diagnostic::new(Code::TW605, "é".repeat(1 << 20) + "x").message;
        assert!(message.ends_with("é…") && message.len() <= LONGEST + '…'.len_utf8());
        let odd = Diagnostic::new(Code::TW605, "x".to_owned() + &"é".repeat(1 << 20)).message;
        assert!(odd.ends_with("é…"));
        assert_eq!(Diagnostic::new(Code::TW605, "short").message, "short");
    }
}
