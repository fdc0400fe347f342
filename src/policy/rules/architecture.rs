//! Is the binary for the tag's machine?

use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::{Image, ImageKind};
use crate::platform::runs_on;
use crate::policy::judge::Case;
use crate::policy::subject::Standing;

/// Refuses libraries and programs for another machine that a Linux tag could name.
///
/// Code for machines that no tag names (GPU kernels, BPF), relocatable objects and what is installed as data are
/// never loaded by this machine's loader: they are notes.
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    let binary = case.binary(place);
    if runs_on(case.arch, binary.image) {
        return;
    }
    let message = format!("is for {}, not for {}", binary.image.arch.linux_name(), case.arch.linux_name());
    if is_loadable(binary.image) && binary.standing != Standing::Data {
        let help = "remove it, or put it into a wheel of its own architecture";
        case.refuse(place, Code::TW406, message, Some(help));
    } else {
        case.note(place, Diagnostic::new(Code::TW406, message).at(Severity::Note));
    }
}

/// Returns true if a loader of some machine that tags name would take the binary.
fn is_loadable(image: &Image) -> bool {
    image.kind != ImageKind::Object && !matches!(image.arch, Arch::Other(_))
}
