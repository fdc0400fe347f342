//! What Windows tags state: a processor.

use crate::arch::Arch;
use crate::diagnostic::Diagnostic;
use crate::format::ImageKind;
use crate::policy::earned::Earned;
use crate::policy::subject::{Standing, Subject};
use crate::tag::PlatformTag;

/// Returns the tags that the binaries earn: that of their processor.
pub(in crate::policy) fn earned(subject: &Subject<'_>, _claimed: &[PlatformTag]) -> Earned {
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
pub(in crate::policy) fn refusals(_tag: &PlatformTag, _subject: &Subject<'_>) -> Vec<Diagnostic> {
    Vec::new()
}
