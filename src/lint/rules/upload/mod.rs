//! Would PyPI's upload form take the metadata? TW635, TW638.

mod classifiers;
mod contact;
mod fields;
mod licence;
mod requirement;

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::Sheet;
use crate::wheel::metadata::Metadata;

/// The newest version of core metadata that PyPI takes.
const NEWEST: Version = (2, 5);
/// Every version of core metadata that there is, up to the newest that PyPI takes.
const VERSIONS: &[Version] = &[(1, 0), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (2, 4), NEWEST];
/// The longest summary that PyPI takes, in characters.
const SUMMARY: usize = 512;

/// Faults that are told; each part of the judgement stops at one more.
const TOLD: usize = 25;

/// A version of core metadata.
type Version = (u32, u32);

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let Some(metadata) = sheet.metadata.get() else { return Vec::new() };
    let version = metadata.value("Metadata-Version").map(str::trim).unwrap_or_default();
    let number = version.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let mut texts: Vec<String> = self::version(version, number).into_iter().collect();
    texts.extend(fields::faults(metadata, number));
    texts.extend(summary(metadata));
    texts.extend(fields::content_type(metadata));
    texts.extend(contact::faults(metadata));
    texts.extend(classifiers::faults(metadata));
    texts.extend(licence::faults(metadata));
    texts.extend(requirement::faults(metadata));
    if let Some(filename) = sheet.filename.filter(|filename| filename.version.contains('+')) {
        texts.push(format!("has the local version `{}`, which PyPI does not take", filename.version));
    }
    // Before 2.4 the field held what the backend found, and its files lie where it put them.
    let has_places = number.is_some_and(|number| number >= (2, 4));
    if has_places {
        texts.extend(licence::paths(metadata));
    }
    let more = texts.len().saturating_sub(TOLD);
    if more > 0 {
        texts.truncate(TOLD);
        texts.push("has more that PyPI does not take".to_owned());
    }
    let mut found: Vec<Diagnostic> = texts.into_iter().map(|text| Diagnostic::new(Code::TW638, text)).collect();
    if has_places {
        found.extend(absent_licences(metadata, sheet));
    }
    let member = sheet.member("METADATA");
    found.into_iter().map(|finding| finding.member(&member)).collect()
}

fn version(text: &str, number: Option<Version>) -> Option<String> {
    match number {
        Some(number) if number > NEWEST => {
            Some(format!("has `Metadata-Version: {text}`; PyPI takes {}.{} and earlier", NEWEST.0, NEWEST.1))
        }
        Some(number) if VERSIONS.contains(&number) => None,
        // That there is none is said elsewhere (TW610).
        None if text.is_empty() => None,
        _ => Some(format!("has `Metadata-Version: {text}`, which is none")),
    }
}

fn summary(metadata: &Metadata) -> Option<String> {
    let summary = metadata.value("Summary")?;
    let length = summary.chars().count();
    let lines = summary.trim().lines().count();
    (length > SUMMARY || lines > 1)
        .then(|| format!("has a `Summary` of {length} characters in {lines} lines; PyPI takes one line of {SUMMARY}"))
}

fn absent_licences(metadata: &Metadata, sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let folder = sheet.wheel.dist_info().unwrap_or_default();
    let files = metadata.values("License-File").into_iter().map(str::trim);
    let places = files.map(|file| (file, format!("{folder}/licenses/{file}")));
    places
        .filter(|(_, place)| sheet.wheel.member(place).is_none())
        .take(TOLD)
        .map(|(file, place)| {
            Diagnostic::new(Code::TW635, format!("has `License-File: {file}`, and there is no `{place}`"))
        })
        .collect()
}
