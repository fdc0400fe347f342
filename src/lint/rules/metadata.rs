//! Can METADATA be read, and is it about the project and version of the file name? TW610.

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::{Sheet, Text};
use crate::tag::{normalize_distribution, normalize_version};
use crate::wheel::metadata::Metadata;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let found = match &sheet.metadata {
        Text::Absent => return Vec::new(),
        Text::Unreadable(error) => {
            vec![Diagnostic::new(Code::TW610, format!("cannot be read: {}", error.message()))]
        }
        Text::Read(metadata) => fields(metadata, sheet),
    };
    let member = sheet.member("METADATA");
    found.into_iter().map(|diagnostic| diagnostic.member(&member)).collect()
}

fn fields(metadata: &Metadata, sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = ["Metadata-Version", "Name", "Version"]
        .into_iter()
        .filter(|field| metadata.value(field).is_none_or(|value| value.trim().is_empty()))
        .map(|field| Diagnostic::new(Code::TW610, format!("has no `{field}`")))
        .collect();
    let Some(filename) = sheet.filename else { return found };
    if let Some(name) = metadata.value("Name").map(str::trim)
        && !name.is_empty()
        && normalize_distribution(name) != normalize_distribution(&filename.distribution)
    {
        let message = format!("is about `{name}`, the file name about `{}`", filename.distribution);
        found.push(Diagnostic::new(Code::TW610, message));
    }
    let normal = |version: &str| normalize_version(version).unwrap_or_else(|| version.to_owned());
    if let Some(version) = metadata.value("Version").map(str::trim)
        && !version.is_empty()
        && normal(version) != normal(&filename.version)
    {
        let message = format!("is about version `{version}`, the file name about `{}`", filename.version);
        found.push(Diagnostic::new(Code::TW610, message));
    }
    found
}
