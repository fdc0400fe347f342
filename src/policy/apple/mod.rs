//! What macOS and iOS tags state: a version of the system and processors.

use super::earned::Earned;
use super::subject::Subject;
use crate::diagnostic::Diagnostic;
use crate::tag::PlatformTag;

/// Returns true if the system has the library of this install name, be it as a file or in dyld's cache.
pub fn is_system(name: &str) -> bool {
    (name.starts_with("/usr/lib/") || name.starts_with("/System/")) && !name.starts_with("/System/Volumes/")
}

/// Returns the tags that the binaries earn.
pub(super) fn earned(_subject: &Subject<'_>, _claimed: &[PlatformTag]) -> Earned {
    Earned::default()
}

/// Returns every reason why `tag` is not earned.
pub(super) fn refusals(_tag: &PlatformTag, _subject: &Subject<'_>) -> Vec<Diagnostic> {
    Vec::new()
}
