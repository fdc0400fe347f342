//! Is the file's name one that installers can read? TW608, TW643.

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;
use crate::tag::NameProblem;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let filename = match sheet.wheel.filename() {
        Ok(filename) => filename,
        Err(error) => {
            let diagnostic = Diagnostic::new(Code::TW608, format!("the file name cannot be read: {}", error.message()));
            return vec![diagnostic.help("a wheel is called `NAME-VERSION-PYTHON-ABI-PLATFORM.whl`")];
        }
    };
    let found = filename.problems().into_iter().filter_map(|problem| match problem {
        NameProblem::DistributionInvalid => {
            Some((Severity::Error, format!("the name `{}` holds what no name may", filename.distribution)))
        }
        NameProblem::VersionInvalid => {
            Some((Severity::Error, format!("the version `{}` is none of PEP 440", filename.version)))
        }
        NameProblem::TagInvalid(tag) => Some((Severity::Error, format!("the tag `{tag}` holds what no tag may"))),
        NameProblem::VariantInvalid => Some((Severity::Error, "the variant label holds what no label may".to_owned())),
        NameProblem::DistributionNotNormalized(normal) => {
            Some((Severity::Warning, format!("the name is not in its normal form `{normal}`, which PyPI demands")))
        }
        NameProblem::VersionNotNormalized(normal) => {
            Some((Severity::Warning, format!("the version is not in its normal form `{normal}`")))
        }
        NameProblem::TagsUnsorted => None,
    });
    let mut found: Vec<Diagnostic> =
        found.map(|(severity, message)| Diagnostic::new(Code::TW608, message).at(severity)).collect();
    // How a set is spelled changes nothing for installers; whoever compares names stumbles.
    if !filename.tags.is_sorted() {
        let message = format!("the tags are not in order: `{}`", filename.tags.sorted());
        found.push(Diagnostic::new(Code::TW643, message).help("`truewheel check --fix` spells them so"));
    }
    found
}
