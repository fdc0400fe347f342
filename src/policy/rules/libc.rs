//! Is the binary for the tag's C library?

use crate::abi::{ExtensionSuffix, LibcHint};
use crate::diagnostic::Code;
use crate::platform::Libc;
use crate::policy::document::PolicyFamily;
use crate::policy::judge::Case;
use crate::policy::subject::{Provider, SubjectBinary};
use crate::policy::symbols;

/// Refuses a binary that shows another C library than the policy's.
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    let ours = libc_of(case.policy.family);
    let binary = case.binary(place);
    let android = if ours == Libc::Bionic { Evidence::of(binary, true) } else { Vec::new() };
    let shown = if ours == Libc::Bionic { &android } else { &binary.needs.evidence };
    if let Some(found) = shown.iter().find(|found| found.libc != ours) {
        let message = format!("{}, so it is for {}, not for {}", found.sign, found.libc.name(), ours.name());
        case.refuse(place, Code::TW407, message, None);
    }
}

fn libc_of(family: PolicyFamily) -> Libc {
    match family {
        PolicyFamily::Manylinux => Libc::Glibc,
        PolicyFamily::Musllinux => Libc::Musl,
        PolicyFamily::Android => Libc::Bionic,
    }
}

/// A sign of the C library a binary is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Evidence {
    /// The C library.
    pub(in crate::policy) libc: Libc,
    /// The sign, as the beginning of a sentence about the binary: "needs `libc.so.6`".
    pub(in crate::policy) sign: String,
}

impl Evidence {
    /// Returns the signs in a binary, the surest first; `android`: the wheel is tagged for Android, whose C library
    /// is `libc.so` too.
    pub(in crate::policy) fn of(binary: &SubjectBinary<'_>, android: bool) -> Vec<Evidence> {
        let mut found = Vec::new();
        let mut say = |libc, sign: String| found.push(Evidence { libc, sign });
        let elf = binary.image.elf();
        if let Some(interpreter) = elf.and_then(|elf| elf.interpreter.as_deref()) {
            let name = interpreter.rsplit('/').next().unwrap_or(interpreter);
            if let Some(libc) = libc_of_library(name, android) {
                say(libc, format!("has the interpreter `{interpreter}`"));
            }
        }
        for link in &binary.links {
            // What the wheel brings itself tells nothing about the machine.
            if !matches!(link.provider, Provider::Wheel(_))
                && let Some(libc) = libc_of_library(link.name, android)
            {
                say(libc, format!("needs `{}`", link.name));
            }
        }
        // Only the C library's own nodes tell of it: GCC's runtime has a `GLIBC_2.0` on every C library (libgcc's
        // `libgcc-glibc.ver`), whatever a vendored copy of it is called.
        let nodes = binary.symbols.versions.iter().filter(|need| need.version.starts_with("GLIBC_"));
        for need in nodes.filter(|need| symbols::is_glibc(&need.library)) {
            if !binary.links.iter().any(|link| is_inside(link.provider, link.name, &need.library)) {
                say(Libc::Glibc, format!("needs `{}` of `{}`", need.version, need.library));
            }
        }
        if let Some(api) = elf.and_then(|elf| elf.android_api) {
            say(Libc::Bionic, format!("has a note of Android API level {api}"));
        }
        match ExtensionSuffix::of(binary.file_name()).and_then(|suffix| suffix.libc_hint()) {
            Some(LibcHint::Musl) => say(Libc::Musl, "is named so".to_owned()),
            Some(LibcHint::Glibc) => say(Libc::Glibc, "is named so".to_owned()),
            None => {}
        }
        found
    }
}

fn is_inside(provider: Provider, name: &str, library: &str) -> bool {
    name == library && matches!(provider, Provider::Wheel(_))
}

/// The C library whose own library or loader has this name.
pub(in crate::policy) fn libc_of_library(name: &str, android: bool) -> Option<Libc> {
    if name.starts_with("ld-musl-") || name.starts_with("libc.musl-") {
        return Some(Libc::Musl);
    }
    match name {
        "libc.so" if android => Some(Libc::Bionic),
        "libc.so" => Some(Libc::Musl),
        "linker" | "linker64" => Some(Libc::Bionic),
        name if symbols::is_glibc(name) => Some(Libc::Glibc),
        _ => None,
    }
}
