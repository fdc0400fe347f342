//! Does the binary ask for an executable stack?

use crate::diagnostic::{Code, Diagnostic};
use crate::format::ImageKind;
use crate::format::elf::Stack;
use crate::policy::document::PolicyFamily;
use crate::policy::judge::Case;

/// Warns of libraries that ask for an executable stack: no policy says a word about it, loaders do.
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    let binary = case.binary(place);
    let Some(elf) = binary.image.elf() else { return };
    if binary.image.kind != ImageKind::Library || !elf.stack.is_executable() {
        return;
    }
    let how = match elf.stack {
        Stack::Unstated { .. } => "has no `PT_GNU_STACK` header, so the loader makes the stack executable",
        Stack::Executable | Stack::Plain => "asks for an executable stack",
    };
    let consequence = match case.policy.family {
        PolicyFamily::Manylinux => "glibc 2.41 and later refuse to open it (\"cannot enable executable stack\")",
        PolicyFamily::Musllinux | PolicyFamily::Android => "hardened systems refuse it",
    };
    let diagnostic = Diagnostic::new(Code::TW203, format!("{how}; {consequence}"))
        .help("link with `-z noexecstack` and give assembler sources a `.note.GNU-stack` section");
    case.note(place, diagnostic);
}
