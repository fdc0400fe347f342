//! Homebrew: the keg (`Cellar/name/version`) that a file lies in.

use serde::Deserialize;

use super::anchor::{Anchor, Answer, Wanted};
use super::{Database, Package};

/// What is read of a keg's `INSTALL_RECEIPT.json`.
#[derive(Deserialize)]
struct Receipt {
    arch: Option<String>,
    source: Option<ReceiptSource>,
}

#[derive(Deserialize)]
struct ReceiptSource {
    tap: Option<String>,
}

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    anchor.prefix().ends_with("/Cellar")
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    for (spelling, hits) in wanted.spellings() {
        let mut parts = spelling.split('/').skip(1);
        let (Some(name), Some(version), Some(file)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if name.is_empty() || version.is_empty() || file.is_empty() {
            continue;
        }
        let receipt = format!("/{name}/{version}/INSTALL_RECEIPT.json");
        let mut package = Package::new(Database::Homebrew, anchor.path(&receipt), spelling, name, version);
        // Kegs that were built by hand have no receipt; their path still says what they are.
        if let Some(text) = anchor.text(&receipt) {
            match serde_json::from_str::<Receipt>(&text) {
                Ok(read) => {
                    package.arch = read.arch;
                    package.supplier = read.source.and_then(|source| source.tap);
                }
                Err(error) => answer.note(anchor.note(&receipt, error)),
            }
        }
        package.licence = licence(anchor, &format!("/{name}/{version}/.brew/{name}.rb"));
        hits.iter().for_each(|hit| answer.claim(*hit, || package.clone()));
    }
    answer
}

/// Returns the formula's `license "…"`, where it is one plain string.
fn licence(anchor: &Anchor<'_>, formula: &str) -> Option<String> {
    let text = anchor.text(formula)?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("license "))?;
    let licence = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    (!licence.is_empty() && !licence.contains('"')).then(|| licence.to_owned())
}
