//! Is everything there that makes an archive a wheel? TW603, TW610.

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::{Sheet, Text};
use crate::wheel::dist_info::DistInfoProblem;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for problem in &sheet.wheel.dist_info_facts().problems {
        found.push(match problem {
            DistInfoProblem::Missing => Diagnostic::new(Code::TW603, "there is no `.dist-info` directory")
                .help("build the wheel with a build backend, not with a zip program"),
            DistInfoProblem::Several(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                Diagnostic::new(Code::TW603, format!("there are several dist-info directories: {}", names.join(", ")))
            }
            DistInfoProblem::SpelledOtherwise(wanted) => Diagnostic::new(
                Code::TW610,
                format!("the dist-info directory is not spelled as the file name wants: `{wanted}`"),
            )
            .at(Severity::Warning),
            DistInfoProblem::OtherDistribution(wanted) => Diagnostic::new(
                Code::TW610,
                format!("the dist-info directory is not that of the file name: `{wanted}`"),
            ),
        });
    }
    if sheet.wheel.dist_info().is_some() {
        let absent = [
            ("WHEEL", matches!(sheet.wheel_file, Text::Absent)),
            ("METADATA", matches!(sheet.metadata, Text::Absent)),
            ("RECORD", matches!(sheet.record, Text::Absent)),
        ];
        for (name, _) in absent.into_iter().filter(|(_, absent)| *absent) {
            found.push(Diagnostic::new(Code::TW603, "is missing").member(sheet.member(name)));
        }
    }
    found
}
