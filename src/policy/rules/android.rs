//! Would bionic's loader take the binary, on every device of the level and later?

use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::SearchPathKind;
use crate::format::elf::ElfFacts;
use crate::policy::document::{Number, PolicyFamily};
use crate::policy::judge::Case;

/// Pages of 16 KiB, which devices with Android 15 and later may have.
const LARGE_PAGE: u64 = 16 << 10;

/// Refuses what bionic refuses at the level or any later one (`linker/linker.cpp`, `linker_phdr.cpp`).
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    let binary = case.binary(place);
    let Some(elf) = binary.image.elf().filter(|_| case.policy.family == PolicyFamily::Android) else { return };
    for (refused, message, help) in refusals(elf) {
        if refused {
            case.refuse(place, Code::TW410, message.to_owned(), Some(help));
        }
    }
    let inside = binary.links.iter().any(|link| case.inside(link).is_some());
    for (needed, level, what) in levels(elf, inside) {
        if needed && case.policy.release < Number::parse(level) {
            let message = format!("{what}, which bionic knows from API level {level} on");
            case.refuse(place, Code::TW410, message, None);
        }
    }
    if binary.image.search_path(SearchPathKind::Rpath).next().is_some() {
        let message = "has a `DT_RPATH`, which bionic ignores";
        let help = "use `DT_RUNPATH` (`--rpath-kind runpath`)";
        case.note(place, Diagnostic::new(Code::TW410, message).at(Severity::Warning).help(help));
    }
    let large = matches!(case.arch, Arch::Aarch64 | Arch::X86_64);
    if large && elf.pages.max_page != 0 && elf.pages.max_page < LARGE_PAGE {
        let message = format!(
            "is laid out for pages of {} bytes; devices with pages of {LARGE_PAGE} bytes refuse it",
            elf.pages.max_page
        );
        let help = "link with `-z max-page-size=16384`";
        case.note(place, Diagnostic::new(Code::TW410, message).at(Severity::Warning).help(help));
    }
}

/// What every level that tags name, or a later one, refuses.
fn refusals(elf: &ElfFacts) -> [(bool, &'static str, &'static str); 3] {
    [
        (
            elf.text_relocations,
            "has text relocations, which bionic refuses from API level 23 on",
            "compile with `-fPIC`",
        ),
        (
            elf.writable_code,
            "has a segment that is both writable and executable, which bionic refuses from API level 26 on",
            "link without `-z noseparate-code` and `-N`",
        ),
        (
            elf.sections.is_none(),
            "has no section headers, which bionic demands from API level 24 on",
            "do not strip section headers",
        ),
    ]
}

/// What came with a level; `inside`: it imports a library of the wheel.
fn levels(elf: &ElfFacts, inside: bool) -> [(bool, &'static str, &'static str); 4] {
    [
        (inside, "24", "needs a library of the wheel, found by `DT_RUNPATH`"),
        (elf.hashes.gnu && !elf.hashes.sysv, "23", "has `DT_GNU_HASH` and no `DT_HASH`"),
        (elf.relocations.relr, "30", "has `DT_RELR` relocations"),
        (elf.relocations.android_relr, "28", "has `DT_ANDROID_RELR` relocations"),
    ]
}
