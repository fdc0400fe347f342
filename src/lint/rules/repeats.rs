//! Is there something in the wheel twice, or in two spellings? TW644, TW653.

use std::collections::BTreeMap;

use super::{mebibytes, others};
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::Sheet;

/// Copies smaller than this are not worth a word, in bytes.
const WORTH: u64 = 64 << 10;
/// Groups of copies that are told, those that waste most.
const TOLD: usize = 3;
/// Two spellings of one suffix.
const SPELLINGS: &[(&str, &str)] = &[
    ("yaml", "yml"),
    ("jpeg", "jpg"),
    ("html", "htm"),
    ("tiff", "tif"),
    ("text", "txt"),
    ("markdown", "md"),
    ("mpeg", "mpg"),
];

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut found = copies(sheet);
    found.extend(SPELLINGS.iter().filter_map(|(one, other)| spelled_twice(sheet, one, other)));
    found
}

/// Large members whose bytes are another's.
fn copies(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut groups: BTreeMap<(u64, [u8; 32]), Vec<&str>> = BTreeMap::new();
    for (member, digest) in sheet.digests.iter().filter(|(_, digest)| digest.size >= WORTH) {
        groups.entry((digest.size, digest.sha256)).or_default().push(member);
    }
    let mut copies: Vec<(u64, u64, Vec<&str>)> = groups
        .into_iter()
        .filter(|(_, members)| members.len() > 1)
        .map(|((size, _), members)| (size.saturating_mul(members.len().saturating_sub(1) as u64), size, members))
        .collect();
    copies.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.2.cmp(&b.2)));
    let more = copies.len().saturating_sub(TOLD);
    let mut found = Vec::new();
    for (wasted, size, members) in copies.into_iter().take(TOLD) {
        let [first, second, rest @ ..] = members.as_slice() else { continue };
        let text = format!(
            "holds the same {} as `{first}`{}: {} in all for nothing",
            mebibytes(size),
            others(rest.len()),
            mebibytes(wasted)
        );
        found.push(
            Diagnostic::new(Code::TW644, text)
                .member(*second)
                .help("wheels have no links: keep the one file that is loaded"),
        );
    }
    if let (Some(last), 1..) = (found.last_mut(), more) {
        last.message.push_str(&format!("; {more} more groups of files are alike"));
    }
    found
}

fn spelled_twice(sheet: &Sheet<'_>, one: &str, other: &str) -> Option<Diagnostic> {
    let first = |suffix: &str| {
        let members = sheet.wheel.members().iter().map(|member| member.name());
        members
            .filter_map(|name| Some((name, name.rsplit('/').next()?.rsplit_once('.')?.1)))
            .find_map(|(name, end)| (end == suffix).then_some(name))
    };
    let (long, short) = (first(one)?, first(other)?);
    let text = format!("is spelled `.{other}`, and `{long}` is `.{one}`: patterns for one miss the other");
    Some(Diagnostic::new(Code::TW653, text).member(short))
}
