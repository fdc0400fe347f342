//! Does the binary need a processor newer than the architecture's baseline?

use crate::diagnostic::Code;
use crate::policy::judge::Case;

/// Refuses what says of itself that it needs x86-64-v2 or later, unless it lies where only such processors look.
///
/// A file that says nothing may need anything: absence of the note is "unknown", never "baseline".
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    let binary = case.binary(place);
    let Some(level) = binary.image.elf().and_then(|elf| elf.properties.x86_level()) else { return };
    if level < 2 || level <= hwcaps_level(binary.member) {
        return;
    }
    let what = if level == u8::MAX { "a level later than x86-64-v4".to_owned() } else { format!("x86-64-v{level}") };
    let message = format!("needs {what} processors, and a platform tag is for every one of its architecture");
    let help = "build for the baseline, or install it in a `glibc-hwcaps/x86-64-vN` directory beside a baseline copy";
    case.refuse(place, Code::TW405, message, Some(help));
}

/// The level of the `glibc-hwcaps/x86-64-vN` directory that a file lies in, 0 for any other place.
fn hwcaps_level(member: &str) -> u8 {
    let parts: Vec<&str> = member.split('/').collect();
    let [.., "glibc-hwcaps", directory, _] = parts.as_slice() else { return 0 };
    match *directory {
        "x86-64-v2" => 2,
        "x86-64-v3" => 3,
        "x86-64-v4" => 4,
        _ => 0,
    }
}
