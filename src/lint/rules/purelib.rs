//! Does a binary lie where only pure Python belongs? TW611.

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::Sheet;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let misplaced = sheet.binaries.iter().filter(|(_, in_purelib)| *in_purelib);
    misplaced
        .map(|(member, _)| {
            let (why, help) = match sheet.wheel_file.get().and_then(|file| file.root_is_purelib()) {
                Some(true) if !member.contains(".data/purelib/") => (
                    "is a binary, and `Root-Is-Purelib: true` says that there are none",
                    "tell the build backend of the extension modules; `truewheel repair` writes `false`",
                ),
                _ => ("is a binary under `purelib`, where only pure Python belongs", "install it under `platlib`"),
            };
            Diagnostic::new(Code::TW611, why).member(member).help(help)
        })
        .collect()
}
