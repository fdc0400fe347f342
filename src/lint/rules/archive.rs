//! Is the archive one that every reader unpacks alike? TW101 to TW114.

use super::members::has_modes;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;
use crate::wheel::{ArchiveFault, FaultKind, FaultLevel};

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let counts = |fault: &&ArchiveFault| fault.kind != FaultKind::Mode || has_modes(sheet);
    let faults = sheet.wheel.faults().iter().filter(counts).map(finding);
    let corrupt = sheet.corrupt.iter().map(|(name, error)| {
        let goes_on = sheet.wheel.member(name).filter(|member| sheet.wheel.goes_on(member));
        match goes_on {
            Some(member) => {
                let size = member.size();
                let text = format!("goes on behind its {size} bytes: pip takes those alone, uv refuses the wheel");
                Diagnostic::new(Code::TW110, text).at(Severity::Warning)
            }
            None => Diagnostic::new(Code::TW110, format!("cannot be unpacked: {}", error.message())),
        }
        .member(name)
    });
    faults.chain(corrupt).collect()
}

/// Returns the finding that a fault of the archive is.
pub fn finding(fault: &ArchiveFault) -> Diagnostic {
    let severity = match fault.level {
        FaultLevel::Note => Severity::Note,
        FaultLevel::Warning => Severity::Warning,
        FaultLevel::Error => Severity::Error,
    };
    let diagnostic = Diagnostic::new(code(fault.kind), fault.message.clone()).at(severity);
    let diagnostic = match fault.kind {
        FaultKind::Mode => diagnostic.help("`truewheel check --fix` gives files mode 644 and programs 755"),
        kind if kind.is_cured_by_rewriting() => {
            diagnostic.help("`truewheel check --fix` writes the archive anew without it")
        }
        _ => diagnostic,
    };
    match &fault.member {
        Some(member) => diagnostic.member(member),
        None => diagnostic,
    }
}

/// Returns the code of a fault.
fn code(kind: FaultKind) -> Code {
    match kind {
        FaultKind::NotAnArchive => Code::TW101,
        FaultKind::Framing => Code::TW102,
        FaultKind::Duplicate => Code::TW103,
        FaultKind::UnsafePath => Code::TW104,
        FaultKind::Symlink => Code::TW105,
        FaultKind::Bomb => Code::TW106,
        FaultKind::Method => Code::TW107,
        FaultKind::Encrypted => Code::TW108,
        FaultKind::DataDescriptor => Code::TW109,
        FaultKind::Corrupt => Code::TW110,
        FaultKind::Zip64 => Code::TW111,
        FaultKind::Comment => Code::TW112,
        FaultKind::Collision => Code::TW113,
        FaultKind::Mode => Code::TW114,
    }
}
