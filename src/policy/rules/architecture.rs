//! Is the binary for the tag's machine?

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::Format;
use crate::policy::judge::{Case, is_for};
use crate::policy::subject::Standing;

/// Refuses libraries and programs for another machine that a Linux tag could name.
///
/// Code for machines that no tag names (GPU kernels, BPF), relocatable objects, what is installed as data, and files of
/// other systems (the `.exe` launchers that installers carry) are never loaded by this machine's loader: they are notes.
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    let binary = case.binary(place);
    if is_for(case.arch, binary.image) {
        return;
    }
    let (own, wanted) = (binary.image.arch.linux_name(), case.arch.linux_name());
    let message = match binary.image.format {
        Format::Elf => format!("is for {own}, not for {wanted}"),
        Format::MachO => format!("is for macOS ({own}), not for Linux"),
        Format::Pe => format!("is for Windows ({own}), not for Linux"),
    };
    let is_elf = binary.image.format == Format::Elf;
    if is_elf && binary.image.is_loadable() && binary.standing != Standing::Data {
        let help = "remove it, or put it into a wheel of its own architecture";
        case.refuse(place, Code::TW406, message, Some(help));
    } else {
        case.note(place, Diagnostic::new(Code::TW406, message).at(Severity::Note));
    }
}
