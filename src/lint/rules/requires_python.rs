//! Does `Requires-Python` let in the Pythons that the tags are for? TW636.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;
use crate::tag::{Liveness, WheelFilename};
use crate::wheel::metadata::Metadata;
use crate::wheel::pythons::RequiresPython;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let (Some(metadata), Some(filename)) = (sheet.metadata.get(), sheet.filename) else { return Vec::new() };
    let mut found = excluded(metadata, filename, sheet);
    found.extend(only_three(metadata, filename, sheet));
    found
}

/// A classifier that says Python 3 alone, and a tag for Python 2.
fn only_three(metadata: &Metadata, filename: &WheelFilename, sheet: &Sheet<'_>) -> Option<Diagnostic> {
    const ONLY_THREE: &str = "Programming Language :: Python :: 3 :: Only";
    let says = metadata.values("Classifier").iter().any(|value| value.trim() == ONLY_THREE);
    let python = filename.tags.pythons().iter().find(|python| python.major() == Some(2))?;
    let text = format!("has the classifier `{ONLY_THREE}`, and `{python}` is for Python 2");
    says.then(|| Diagnostic::new(Code::TW636, text).member(sheet.member("METADATA")).at(Severity::Warning))
}

/// Tags for Pythons that `Requires-Python` does not let in.
fn excluded(metadata: &Metadata, filename: &WheelFilename, sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let Some(text) = metadata.value("Requires-Python").map(str::trim).filter(|text| !text.is_empty()) else {
        return Vec::new();
    };
    let member = sheet.member("METADATA");
    // What is no set of versions is said to be that elsewhere (TW638).
    let Some(required) = RequiresPython::read(text) else { return Vec::new() };
    let (mut out, mut open) = (Vec::new(), false);
    let mut known: BTreeMap<(u8, u16), bool> = BTreeMap::new();
    for tag in filename.tags.expand() {
        match tag.only_version() {
            Some(version) if !*known.entry(version).or_insert_with(|| required.lets_in(version)) => {
                let text = format!("`{}-{}`", tag.python, tag.abi);
                if !out.contains(&text) {
                    out.push(text);
                }
            }
            Some(_) => open = true,
            None => open |= !matches!(tag.liveness(), Liveness::Dead(_)),
        }
    }
    if out.is_empty() {
        return Vec::new();
    }
    let message = format!("has `Requires-Python: {text}`, which excludes the Python that {} is for", out.join(", "));
    let severity = if open { Severity::Warning } else { Severity::Error };
    vec![Diagnostic::new(Code::TW636, message).member(member).at(severity)]
}
