//! Would PyPI's upload form take the metadata? TW635, TW638.

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::Sheet;

/// The newest version of core metadata that PyPI takes.
const NEWEST: (u32, u32) = (2, 5);
/// The longest summary that PyPI takes, in characters.
const SUMMARY: usize = 512;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let Some(metadata) = sheet.metadata.get() else { return Vec::new() };
    let mut found = Vec::new();
    let mut say = |message: String| found.push(Diagnostic::new(Code::TW638, message));
    let version = metadata.value("Metadata-Version").map(str::trim).unwrap_or_default();
    let number = version.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match number {
        Some(number) if number > NEWEST => {
            say(format!("has `Metadata-Version: {version}`; PyPI takes {}.{} and earlier", NEWEST.0, NEWEST.1));
        }
        None if !version.is_empty() => say(format!("has `Metadata-Version: {version}`, which is none")),
        _ => {}
    }
    if let Some(summary) = metadata.value("Summary") {
        let length = summary.chars().count();
        if length > SUMMARY || summary.trim().contains('\n') {
            say(format!(
                "has a `Summary` of {length} characters in {} lines; PyPI takes one line of {SUMMARY}",
                summary.trim().lines().count()
            ));
        }
    }
    if metadata.value("License-Expression").is_some()
        && metadata.value("License").is_some_and(|text| !text.trim().is_empty())
    {
        say("has both `License` and `License-Expression`, and only one may stand".to_owned());
    }
    for requirement in metadata.values("Requires-Dist") {
        if requirement.split(';').next().is_some_and(|requirement| requirement.contains('@')) {
            say(format!("has `Requires-Dist: {}`: PyPI takes no direct reference", requirement.trim()));
        }
    }
    if let Some(filename) = sheet.filename.filter(|filename| filename.version.contains('+')) {
        say(format!("has the local version `{}`, which PyPI does not take", filename.version));
    }
    let folder = sheet.wheel.dist_info().unwrap_or_default();
    // Before 2.4 files of the field lie where the backend put them.
    if number.is_some_and(|number| number >= (2, 4)) {
        for file in metadata.values("License-File") {
            let file = file.trim();
            let place = format!("{folder}/licenses/{file}");
            if sheet.wheel.member(&place).is_none() {
                let message = format!("has `License-File: {file}`, and there is no `{place}`");
                found.push(Diagnostic::new(Code::TW635, message));
            }
        }
    }
    let member = sheet.member("METADATA");
    found.into_iter().map(|finding| finding.member(&member)).collect()
}
