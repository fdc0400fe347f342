//! `Status`: the exit status of a command; the highest of several wheels counts.

use crate::error::{Error, ErrorKind};
use crate::report::{Outcome, Report};

/// The exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Done; nothing at error level where that is asked.
    Done,
    /// The wheel, or what is asked of it, is at fault.
    Fault,
    /// It could not be done: input, output, usage.
    Impossible,
}

impl Status {
    /// Returns the number.
    pub fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::Fault => 1,
            Status::Impossible => 2,
        }
    }

    /// Returns the status of a report for commands that enforce.
    pub fn of(report: &Report) -> Self {
        match report.verdict {
            Outcome::Ok => Status::Done,
            Outcome::Fault => Status::Fault,
        }
    }

    /// Returns the status of an error for commands that write wheels: 1 if the wheel or what is asked of it is at
    /// fault.
    pub fn of_writing(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Malformed | ErrorKind::Unsupported | ErrorKind::Refused => Status::Fault,
            ErrorKind::Io | ErrorKind::Usage | ErrorKind::Internal => Status::Impossible,
        }
    }
}
