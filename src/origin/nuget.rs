//! NuGet: the folder of one package above a file, by its `.nuspec`.

use super::anchor::{Anchor, Answer, TEXT_LIMIT, Wanted};
use super::{Database, Package};

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    nuspec(anchor).is_some()
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    let Some(name) = nuspec(anchor) else { return answer };
    let below = format!("/{name}");
    let Some(bytes) = answer.read(anchor, &below, TEXT_LIMIT) else { return answer };
    let text = String::from_utf8_lossy(&bytes);
    let Some(metadata) = text.split_once("<metadata").map(|(_, rest)| rest) else {
        answer.note(anchor.note(&below, "no `metadata`"));
        return answer;
    };
    let (Some(id), Some(version)) = (element(metadata, "id"), element(metadata, "version")) else {
        answer.note(anchor.note(&below, "no package name and version"));
        return answer;
    };
    for (spelling, hits) in wanted.spellings() {
        for hit in hits {
            answer.claim(*hit, || {
                let mut package = Package::new(Database::NuGet, anchor.path(&below), spelling, &*id, &*version);
                package.licence = licence(metadata);
                package.supplier = element(metadata, "authors");
                package
            });
        }
    }
    answer
}

/// The package's own description: one alone, and the folder is that of an unpacked package.
fn nuspec(anchor: &Anchor<'_>) -> Option<String> {
    let mut found = anchor.list("").into_iter().filter(|name| name.to_ascii_lowercase().ends_with(".nuspec"));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The expression of `<license type="expression">`; other kinds name a file.
fn licence(metadata: &str) -> Option<String> {
    let (_, rest) = metadata.split_once("<license ")?;
    let (attributes, rest) = rest.split_once('>')?;
    let (text, _) = rest.split_once("</license>")?;
    let is_expression = attributes.split_whitespace().any(|word| word.replace('\'', "\"") == "type=\"expression\"");
    is_expression.then(|| unescaped(text.trim())).filter(|text| !text.is_empty())
}

/// The text of the first element of that name; `.nuspec` files have each once, without attributes.
fn element(metadata: &str, name: &str) -> Option<String> {
    let (_, rest) = metadata.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = unescaped(text.trim());
    (!text.is_empty() && !text.contains('<')).then_some(text)
}

fn unescaped(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
