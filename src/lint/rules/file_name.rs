//! Is the file's name one that installers can read? TW608.

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
        // How a set is spelled changes nothing for anyone who reads it.
        NameProblem::TagsUnsorted => None,
    });
    found.map(|(severity, message)| Diagnostic::new(Code::TW608, message).at(severity)).collect()
}
