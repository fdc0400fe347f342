//! Does RECORD list every member, with the digest that it has? TW604 to TW607.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::{Sheet, Text};
use crate::wheel::record::{Record, RecordDigest, RecordRow};

/// More findings of one kind than people read.
const TOLD: usize = 25;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    match &sheet.record {
        Text::Absent => Vec::new(),
        Text::Unreadable(error) => {
            let diagnostic = Diagnostic::new(Code::TW607, format!("cannot be read: {}", error.message()));
            vec![diagnostic.member(sheet.member("RECORD"))]
        }
        Text::Read(record) => {
            let mut found = told(unlisted(record, sheet), sheet);
            found.extend(told(absent(record, sheet), sheet));
            found.extend(told(rows(record, sheet), sheet));
            found.extend(own_digest(record, sheet));
            found
        }
    }
}

/// The first findings, and how many more there are.
fn told(mut found: Vec<Diagnostic>, sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let more = found.len().saturating_sub(TOLD);
    if let Some(code) = found.get(TOLD).map(|finding| finding.code) {
        found.truncate(TOLD);
        let message = format!("has {more} more findings of this kind");
        found.push(Diagnostic::new(code, message).member(sheet.member("RECORD")));
    }
    found
}

/// RECORD and its signatures: they need no row with a digest.
fn is_own(sheet: &Sheet<'_>, member: &str) -> bool {
    ["RECORD", "RECORD.jws", "RECORD.p7s"].iter().any(|name| sheet.member(name) == member)
}

/// Members that no row lists.
fn unlisted(record: &Record, sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let rows = record.by_member();
    let binaries: BTreeSet<&str> = sheet.binaries.iter().map(|(member, _)| member.as_str()).collect();
    let mut seen = BTreeSet::new();
    let members = sheet.wheel.members().iter().map(|member| member.name());
    members
        .filter(|member| seen.insert(*member) && !rows.contains_key(*member) && !is_own(sheet, member))
        .map(|member| {
            let message = match binaries.contains(member) {
                true => "is not in RECORD, and is a binary that is shipped all the same",
                false => "is not in RECORD",
            };
            Diagnostic::new(Code::TW604, message).member(member)
        })
        .collect()
}

/// Rows that are no member's.
fn absent(record: &Record, sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let member_names: BTreeSet<&str> = sheet.wheel.members().iter().map(|member| member.name()).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for row in record.rows() {
        let member = row.member();
        if member.ends_with('/') {
            found.push(Diagnostic::new(Code::TW605, format!("lists `{member}`, a directory")));
        } else if !member_names.contains(member.as_str()) {
            found.push(Diagnostic::new(Code::TW605, format!("lists `{member}`, which is not in the archive")));
        } else if !seen.insert(member.clone()) {
            found.push(Diagnostic::new(Code::TW607, format!("lists `{member}` twice")));
        }
    }
    found.into_iter().map(|finding| finding.member(sheet.member("RECORD"))).collect()
}

/// A digest that RECORD states of itself: writing it down changes it.
fn own_digest(record: &Record, sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let member = sheet.member("RECORD");
    let row = record.rows().iter().find(|row| row.member() == member)?;
    let text = "states a digest or a size of itself, which it cannot know";
    let states = !row.digest.is_empty() || !row.size.is_empty();
    states.then(|| Diagnostic::new(Code::TW607, text).member(member).at(Severity::Warning))
}

/// Digests and sizes.
fn rows(record: &Record, sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (member, row) in record.by_member() {
        let known = sheet.wheel.member(&member).is_some();
        if known && !is_own(sheet, &member) {
            found.extend(digest(row, &member, sheet));
            found.extend(size(row, &member, sheet));
        }
    }
    found
}

fn digest(row: &RecordRow, member: &str, sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let odd = |code, message: String| Some(Diagnostic::new(code, message).member(member));
    match row.parsed_digest() {
        RecordDigest::Sha256(digest) => mismatch(digest, member, sheet),
        RecordDigest::OddSha256(digest) => mismatch(digest, member, sheet).or_else(|| {
            let message = "has a digest in RECORD that is not URL-safe base64 without padding".to_owned();
            odd(Code::TW607, message).map(|finding| finding.at(Severity::Warning))
        }),
        RecordDigest::Absent => odd(Code::TW607, "has no digest in RECORD".to_owned()),
        RecordDigest::Weak(algorithm) => {
            odd(Code::TW607, format!("has a digest in RECORD by `{algorithm}`, which the specification forbids"))
        }
        RecordDigest::Malformed => odd(Code::TW607, format!("has `{}` in RECORD, which is no digest", row.digest)),
        // Allowed, and rare enough that nothing is gained by a third algorithm.
        RecordDigest::Other(_) => None,
    }
}

fn mismatch(stated: [u8; 32], member: &str, sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let real = sheet.digests.get(member)?;
    (real.sha256 != stated).then(|| {
        Diagnostic::new(Code::TW606, "has another digest than RECORD states: it was changed after the wheel was built")
            .member(member)
            .help("write RECORD anew with `truewheel repair` if the change was meant")
    })
}

fn size(row: &RecordRow, member: &str, sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let real = sheet.wheel.member(member)?.size();
    let text = row.size.trim();
    if text.is_empty() || text.parse::<u64>().ok() == Some(real) {
        return None;
    }
    let message = format!("has {real} bytes, and `{text}` by RECORD");
    Some(Diagnostic::new(Code::TW606, message).member(member))
}
