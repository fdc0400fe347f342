//! Does the binary ask for an executable stack?

use crate::diagnostic::{Code, Diagnostic};
use crate::format::ImageKind;
use crate::format::elf::Stack;
use crate::platform::Libc;
use crate::policy::subject::SubjectBinary;

/// Returns a warning about a library that asks for an executable stack: no policy says a word about it, loaders do.
pub(in crate::policy) fn finding(binary: &SubjectBinary<'_>, android: bool) -> Option<Diagnostic> {
    let elf = binary.image.elf()?;
    if binary.image.kind != ImageKind::Library || !elf.stack.is_executable() {
        return None;
    }
    let how = match elf.stack {
        Stack::Unstated { .. } => "has no `PT_GNU_STACK` header, so glibc makes the stack executable for it",
        Stack::Executable | Stack::Plain => "asks for an executable stack",
    };
    let elsewhere = android || binary.needs.evidence.first().is_some_and(|found| found.libc != Libc::Glibc);
    let consequence = match elsewhere {
        false => "glibc 2.41 and later refuse to open it (\"cannot enable executable stack\")",
        true => "hardened systems refuse it",
    };
    let diagnostic = Diagnostic::new(Code::TW203, format!("{how}; {consequence}"))
        .member(binary.member)
        .help("link with `-z noexecstack` and give assembler sources a `.note.GNU-stack` section");
    Some(diagnostic)
}
