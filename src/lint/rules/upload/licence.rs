//! Licence fields: `License-Expression` and `License-File` (PEP 639), identifiers from `policies/pypi/licences.txt`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::TOLD;
use crate::wheel::metadata::Metadata;

/// Identifiers in lower case; those of exceptions begin with `with `.
static KNOWN: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let lines = data!("pypi/licences.txt").lines();
    lines.filter(|line| !line.starts_with('#')).collect()
});

pub(super) fn faults(metadata: &Metadata) -> Vec<String> {
    let mut found = Vec::new();
    let expression = metadata.value("License-Expression");
    if expression.is_some() && metadata.value("License").is_some_and(|text| !text.trim().is_empty()) {
        found.push("has both `License` and `License-Expression`, and only one may stand".to_owned());
    }
    if let Some(why) = expression.and_then(expression_fault) {
        found.push(format!("has `License-Expression: {}`, {why}", expression.unwrap_or_default().trim()));
    }
    found
}

/// Paths of licence files that lead elsewhere.
pub(super) fn paths(metadata: &Metadata) -> Vec<String> {
    let is_odd = |file: &&str| {
        let drive = file.as_bytes().get(1) == Some(&b':');
        file.contains("..") || file.contains(['*', '\\']) || file.starts_with('/') || drive
    };
    let files = metadata.values("License-File").into_iter().map(str::trim).filter(is_odd).take(TOLD);
    files.map(|file| format!("has `License-File: {file}`, which is no path from the project's root")).collect()
}

/// Why the text is no SPDX expression: `term [WITH exception] {AND|OR term}`, a term in parentheses being one too.
fn expression_fault(text: &str) -> Option<String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut depth = 0_usize;
    let mut wants_term = true;
    let mut wants_exception = false;
    let mut may_have_exception = false;
    for token in spaced.split_whitespace() {
        let lower = token.to_ascii_lowercase();
        match lower.as_str() {
            _ if wants_exception => {
                if !KNOWN.contains(format!("with {lower}").as_str()) {
                    return Some(format!("and SPDX has no exception `{token}`"));
                }
                wants_exception = false;
            }
            "(" if wants_term => depth = depth.saturating_add(1),
            ")" if !wants_term && depth > 0 => depth = depth.saturating_sub(1),
            "and" | "or" if !wants_term => wants_term = true,
            "with" if may_have_exception => wants_exception = true,
            "(" | ")" | "and" | "or" | "with" => return Some(format!("in which `{token}` stands at a wrong place")),
            _ if !wants_term => return Some(format!("in which no `AND` or `OR` stands before `{token}`")),
            _ if !is_known(&lower) => return Some(format!("and SPDX has no licence `{token}`")),
            _ => {
                wants_term = false;
                may_have_exception = true;
                continue;
            }
        }
        may_have_exception = false;
    }
    let ends = !wants_term && !wants_exception && depth == 0;
    (!ends).then(|| "which ends early".to_owned())
}

fn is_known(lower: &str) -> bool {
    let own = lower.strip_prefix("licenseref-");
    own.is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
    }) || KNOWN.contains(lower.strip_suffix('+').unwrap_or(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_packaging_reads_them() {
        for text in [
            "MIT",
            "mit OR apache-2.0",
            "(MIT AND BSD-3-Clause) OR LicenseRef-Own",
            "GPL-3.0-or-later WITH GCC-exception-3.1 AND MIT",
            "Apache-2.0+",
        ] {
            assert_eq!(expression_fault(text), None, "{text}");
        }
        for text in
            ["Apache 2.0", "BSD", "MIT AND", "(MIT", "MIT)", "MIT WITH Nothing", "AND MIT", "", "MIT OR OR MIT", "WITH"]
        {
            assert!(expression_fault(text).is_some(), "{text}");
        }
    }
}
