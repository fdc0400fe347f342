//! `Error`: the job could not be done. What was found while the job *was* done is a `Diagnostic`.

use std::fmt;

/// What kind of failure an [`Error`] is; it decides the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused: absent, unreadable, disk full.
    Io,
    /// What was asked for makes no sense: unknown tag, conflicting flags, a pattern that matches nothing.
    Usage,
    /// A file is not what its format demands (archive, RECORD, ELF, …).
    Malformed,
    /// The file is sound but carries something that cannot be handled safely.
    Unsupported,
    /// The wheel, or what is asked of it, is at fault: nothing was written.
    Refused,
    /// truewheel contradicts itself; a bug.
    Internal,
}

/// Why the job could not be done: a kind, a message, what it is about, and ways out.
///
/// `Display` prints `subject: message`; contexts added later stand before it.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    subject: Option<String>,
    message: String,
    context: Vec<String>,
    hints: Vec<String>,
}

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns an error of `kind`; `message` is a phrase, lower case, no full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, subject: None, message: message.into(), context: Vec::new(), hints: Vec::new() }
    }

    /// Returns a [`ErrorKind::Malformed`] error.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, message)
    }

    /// Returns a [`ErrorKind::Unsupported`] error.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Returns a [`ErrorKind::Usage`] error.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Returns a [`ErrorKind::Refused`] error.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// Returns a [`ErrorKind::Io`] error about `subject`.
    pub fn io(subject: impl fmt::Display, source: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, io_message(source)).about(subject)
    }

    /// Names what the error is about: a member, a path, a flag. The innermost name given first stays.
    #[must_use]
    pub fn about(mut self, subject: impl fmt::Display) -> Self {
        self.subject.get_or_insert_with(|| subject.to_string());
        self
    }

    /// Adds what was being done, printed before the message.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.context.push(context.into());
        self
    }

    /// Adds a way out, printed as a line of its own.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns what the error is about, if that was said.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Returns the message without subject and context.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the ways out, in the order they were added.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

/// The operating system's words, lower case and without the number that Rust appends.
fn io_message(source: &std::io::Error) -> String {
    let text = source.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for context in self.context.iter().rev() {
            write!(f, "{context}: ")?;
        }
        if let Some(subject) = &self.subject {
            write!(f, "`{subject}`: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_subject_stays() {
        let error = Error::malformed("no `DT_NULL`").about("pkg/a.so").about("x.whl");
        assert_eq!(error.to_string(), "`pkg/a.so`: no `DT_NULL`");
    }

    #[test]
    fn the_system_s_words_are_lower_case_without_number() {
        let source = std::io::Error::from_raw_os_error(2);
        assert_eq!(Error::io("a.whl", &source).to_string(), "`a.whl`: no such file or directory");
    }
}
