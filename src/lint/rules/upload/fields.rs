//! Which fields METADATA may have, from which version on, and how often (core metadata specification, as packaging reads it).

use std::collections::BTreeSet;

use super::{TOLD, Version};
use crate::wheel::metadata::Metadata;

/// A field of core metadata.
struct Field {
    name: &'static str,
    /// The version that it came with.
    since: Version,
    /// It may stand more than once.
    many: bool,
}

const fn one(name: &'static str, since: Version) -> Field {
    Field { name, since, many: false }
}

const fn many(name: &'static str, since: Version) -> Field {
    Field { name, since, many: true }
}

const FIELDS: &[Field] = &[
    one("Metadata-Version", (1, 0)),
    one("Name", (1, 0)),
    one("Version", (1, 0)),
    many("Platform", (1, 0)),
    many("Supported-Platform", (1, 1)),
    one("Summary", (1, 0)),
    one("Description", (1, 0)),
    one("Description-Content-Type", (2, 1)),
    one("Keywords", (1, 0)),
    one("Home-page", (1, 0)),
    one("Download-URL", (1, 1)),
    one("Author", (1, 0)),
    one("Author-email", (1, 0)),
    one("Maintainer", (1, 2)),
    one("Maintainer-email", (1, 2)),
    one("License", (1, 0)),
    one("License-Expression", (2, 4)),
    // It came with 2.4, but backends wrote it long before, and upload tools leave it out then (twine 6.1).
    many("License-File", (1, 0)),
    many("Classifier", (1, 1)),
    many("Requires-Dist", (1, 2)),
    one("Requires-Python", (1, 2)),
    many("Requires-External", (1, 2)),
    many("Project-URL", (1, 2)),
    many("Provides-Extra", (2, 1)),
    many("Provides-Dist", (1, 2)),
    many("Obsoletes-Dist", (1, 2)),
    many("Requires", (1, 1)),
    many("Provides", (1, 1)),
    many("Obsoletes", (1, 1)),
    many("Dynamic", (2, 2)),
    many("Import-Name", (2, 5)),
    many("Import-Namespace", (2, 5)),
];

/// What of it the backend may leave open is never these.
const NEVER_DYNAMIC: [&str; 3] = ["Name", "Version", "Metadata-Version"];

fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name.eq_ignore_ascii_case(name))
}

/// Fields that are unknown, too new for the version stated, or there too often.
pub(super) fn faults(metadata: &Metadata, version: Option<Version>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let names = metadata.names().filter(|name| seen.insert(name.to_ascii_lowercase()));
    let mut found: Vec<String> =
        names.filter_map(|name| name_fault(name, version)).take(TOLD.saturating_add(1)).collect();
    let repeated = FIELDS.iter().filter(|field| !field.many).map(|field| (field, metadata.values(field.name).len()));
    let repeated = repeated.filter(|(_, count)| *count > 1);
    found.extend(repeated.map(|(field, count)| format!("has `{}` {count} times, and it may stand once", field.name)));
    found.extend(dynamic(metadata));
    found
}

/// Why a field must not be there.
fn name_fault(name: &str, version: Option<Version>) -> Option<String> {
    let Some(field) = field(name) else {
        return Some(format!("has a field `{name}`, which core metadata does not know"));
    };
    let (major, minor) = version.filter(|version| *version < field.since)?;
    let (since_major, since_minor) = field.since;
    Some(format!(
        "has `{name}`, which came with version {since_major}.{since_minor}, and states version {major}.{minor}"
    ))
}

fn dynamic(metadata: &Metadata) -> Vec<String> {
    let values = metadata.values("Dynamic").into_iter().map(str::trim);
    let may_not = |name: &&str| match field(name) {
        Some(field) => NEVER_DYNAMIC.contains(&field.name),
        None => true,
    };
    let odd = values.filter(may_not).take(TOLD.saturating_add(1));
    odd.map(|name| format!("has `Dynamic: {name}`, which is no field that may be dynamic")).collect()
}

/// The form of the description, which PyPI renders.
pub(super) fn content_type(metadata: &Metadata) -> Option<String> {
    let text = metadata.value("Description-Content-Type").map(str::trim).filter(|text| !text.is_empty())?;
    let mut parts = text.split(';').map(str::trim);
    let form = parts.next().unwrap_or_default().to_ascii_lowercase();
    let mut fine = matches!(form.as_str(), "text/plain" | "text/x-rst" | "text/markdown");
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim().trim_matches('"');
        fine &= match name.trim().to_ascii_lowercase().as_str() {
            "charset" => value.eq_ignore_ascii_case("utf-8"),
            "variant" => form != "text/markdown" || matches!(value, "GFM" | "CommonMark"),
            _ => true,
        };
    }
    (!fine).then(|| format!("has `Description-Content-Type: {text}`, which PyPI does not render"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<String> {
        let metadata = Metadata::read(text.as_bytes()).unwrap();
        let mut found = faults(&metadata, Some((2, 1)));
        found.extend(content_type(&metadata));
        found
    }

    #[test]
    fn what_pypi_takes_is_sound() {
        let text = "Metadata-Version: 2.1\nname: a\nVersion: 1\nLicense-File: LICENSE\nClassifier: x\nClassifier: y\nHome-Page: https://a\n";
        assert_eq!(faults_of(text), Vec::<String>::new());
        for form in ["text/markdown; charset=UTF-8; variant=GFM", "text/x-rst", "Text/Plain;charset=utf-8"] {
            assert_eq!(faults_of(&format!("Description-Content-Type: {form}\n")), Vec::<String>::new(), "{form}");
        }
    }

    #[test]
    fn what_it_refuses_is_named() {
        assert_eq!(
            faults_of("License-Expression: MIT\nLicence: b\nSummary: c\nsummary: d\n"),
            [
                "has `License-Expression`, which came with version 2.4, and states version 2.1",
                "has a field `Licence`, which core metadata does not know",
                "has `Summary` 2 times, and it may stand once",
            ]
        );
        for form in ["text/html", "text/markdown; variant=Pandoc", "text/x-rst; charset=latin-1", "markdown"] {
            assert_eq!(faults_of(&format!("Description-Content-Type: {form}\n")).len(), 1, "{form}");
        }
    }

    #[test]
    fn what_may_be_dynamic_is_a_field_other_than_name_and_version() {
        let found = |name: &str| dynamic(&Metadata::read(format!("Dynamic: {name}\n").as_bytes()).unwrap()).len();
        assert_eq!((found("license"), found("Home-page"), found("Version"), found("Colour")), (0, 0, 1, 1));
    }
}
