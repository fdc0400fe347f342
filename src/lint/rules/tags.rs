//! Are the platform tags ones that mean something? TW612, TW614, TW615.

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::Sheet;
use crate::tag::PlatformTag;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let Some(filename) = sheet.filename else { return Vec::new() };
    let mut found = Vec::new();
    for tag in filename.tags.platforms() {
        match tag {
            PlatformTag::Linux { .. } if !tag.is_accepted_by_pypi() => found.push(
                Diagnostic::new(
                    Code::TW612,
                    format!("the wheel is tagged `{tag}`, for the machine it was built on; PyPI refuses it"),
                )
                .help("`truewheel repair` gives it the best tag that it earns"),
            ),
            PlatformTag::Other(name) => {
                found.push(Diagnostic::new(Code::TW615, format!("the tag `{name}` is of no known platform")));
            }
            PlatformTag::Any => found.extend(sheet.binaries.first().map(|(member, _)| {
                Diagnostic::new(Code::TW614, "is a binary, in a wheel that is tagged for any platform")
                    .member(member)
                    .help("tag the wheel for the binary's platform")
            })),
            _ => {}
        }
    }
    found
}
