//! What Windows tags state: a processor.

use super::earned::Earned;
use super::subject::{Standing, Subject};
use crate::arch::Arch;
use crate::diagnostic::Diagnostic;
use crate::format::ImageKind;
use crate::tag::PlatformTag;

/// Returns true if Windows has the library of this name on this processor.
pub fn is_system(name: &str, _arch: Arch) -> bool {
    let name = name.to_ascii_lowercase();
    ["api-ms-win-", "ext-ms-"].iter().any(|prefix| name.starts_with(prefix))
}

/// Returns the tags that the binaries earn: that of their processor.
pub(super) fn earned(subject: &Subject<'_>, _claimed: &[PlatformTag]) -> Earned {
    let own = subject.binaries().iter().filter(|binary| binary.standing != Standing::External);
    let mut archs: Vec<Arch> =
        own.filter(|binary| binary.image.kind != ImageKind::Object).map(|binary| binary.image.arch).collect();
    archs.sort_unstable();
    archs.dedup();
    let tags = match archs.as_slice() {
        [arch @ (Arch::X86 | Arch::X86_64 | Arch::Aarch64)] => vec![PlatformTag::Windows { arch: *arch }],
        _ => Vec::new(),
    };
    Earned { tags, ..Earned::default() }
}

/// Returns every reason why `tag` is not earned.
pub(super) fn refusals(_tag: &PlatformTag, _subject: &Subject<'_>) -> Vec<Diagnostic> {
    Vec::new()
}
