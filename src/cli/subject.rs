//! The file that a command is about: a wheel, a bare binary, or neither.

use std::io::Read;
use std::path::Path;

use crate::audit::{self, AuditOptions};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::report::Report;

/// What a path leads to.
pub enum Subject {
    /// A bare binary, read.
    Binary(Vec<u8>),
    /// Anything else, to be taken for a wheel.
    Archive,
}

/// Looks at a file's first bytes.
///
/// # Errors
/// `Io` if it is absent, a folder or cannot be read.
pub fn identify(path: &Path) -> Result<Subject> {
    let io = |error: &std::io::Error| Error::io(path.display(), error);
    // Asked before it is opened: opening a pipe waits for its writer.
    let metadata = std::fs::metadata(path).map_err(|error| io(&error))?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "is a folder" } else { "is not a file" };
        return Err(Error::new(ErrorKind::Io, what).about(path.display()));
    }
    let mut file = std::fs::File::open(path).map_err(|error| io(&error))?;
    let mut head = Vec::new();
    file.by_ref().take(64).read_to_end(&mut head).map_err(|error| io(&error))?;
    if format::detect(&head).is_none() {
        return Ok(Subject::Archive);
    }
    file.read_to_end(&mut head).map_err(|error| io(&error))?;
    Ok(Subject::Binary(head))
}

/// Examines a file for `show`.
///
/// # Errors
/// `Io` if it cannot be read, `Malformed` or `Unsupported` if it is of no known format.
pub fn show(path: &Path, options: &AuditOptions) -> Result<Report> {
    let name = path.display().to_string();
    match identify(path)? {
        Subject::Binary(bytes) => audit::audit_binary(&name, &bytes, options).map_err(|error| error.about(name)),
        Subject::Archive => audit::audit(path, options, audit::Depth::Facts).map_err(|error| error.about(name)),
    }
}

/// Examines a file for `check`: whatever is there gives a report.
///
/// # Errors
/// `Io` if it is absent or cannot be read.
pub fn check(path: &Path, options: &AuditOptions) -> Result<Report> {
    let name = path.display().to_string();
    let (result, finding): (_, fn(&Error) -> Diagnostic) = match identify(path)? {
        Subject::Binary(bytes) => (audit::audit_binary(&name, &bytes, options), audit::no_binary),
        Subject::Archive => (audit::audit(path, options, audit::Depth::Everything), audit::no_archive),
    };
    match result {
        Err(error) if error.kind() == ErrorKind::Io => Err(error.about(name)),
        Err(error) => {
            let mut report = options.report(&name);
            report.push(if error.kind() == ErrorKind::Internal { audit::own_fault(&error) } else { finding(&error) });
            Ok(report)
        }
        Ok(report) => Ok(report),
    }
}
