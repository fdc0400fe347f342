//! Requirements in METADATA: can they be read, and do they name a project of the index?

use super::TOLD;
use crate::wheel::metadata::Metadata;
use crate::wheel::pythons::version_set;

pub(super) fn faults(metadata: &Metadata) -> Vec<String> {
    let fields = ["Requires-Dist", "Provides-Dist", "Obsoletes-Dist"].into_iter();
    let requirements = fields.flat_map(|name| metadata.values(name).into_iter().map(move |text| (name, text.trim())));
    let odd = requirements.filter_map(|(name, text)| Some(format!("has `{name}: {text}`: {}", fault(text)?)));
    let mut found: Vec<String> = odd.take(TOLD.saturating_add(1)).collect();
    let extras = metadata.values("Provides-Extra").into_iter().map(str::trim).filter(|text| !is_name(text)).take(TOLD);
    found.extend(extras.map(|text| format!("has `Provides-Extra: {text}`, which is no name of an extra")));
    if let Some(text) = metadata.value("Requires-Python").map(str::trim).filter(|text| !text.is_empty())
        && version_set(text).is_none()
    {
        found.push(format!("has `Requires-Python: {text}`, which is no set of versions"));
    }
    found
}

/// What is wrong with a requirement (dependency specifiers, "Grammar"); what stands behind `;` is not judged.
fn fault(text: &str) -> Option<String> {
    let head = text.split(';').next().unwrap_or_default().trim();
    let end = head.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(head.len());
    let (name, rest) = head.split_at_checked(end)?;
    if !is_name(name) {
        return Some("it does not begin with the name of a project".to_owned());
    }
    let rest = match rest.trim_start().strip_prefix('[') {
        None => rest.trim_start(),
        Some(extras) => match extras.split_once(']') {
            Some((list, rest)) if list.trim().is_empty() || list.split(',').all(|extra| is_name(extra.trim())) => {
                rest.trim_start()
            }
            _ => return Some("its extras cannot be read".to_owned()),
        },
    };
    if rest.starts_with('@') {
        return Some("PyPI takes no direct reference".to_owned());
    }
    let versions = rest.strip_prefix('(').and_then(|rest| rest.trim_end().strip_suffix(')')).unwrap_or(rest);
    let versions = versions.trim();
    // Arbitrary equality takes any text.
    if versions.contains("===") || version_set(versions).is_some() {
        return None;
    }
    Some(format!("`{versions}` is no set of versions"))
}

/// Whether the text is a name of a project or an extra (PEP 508).
fn is_name(text: &str) -> bool {
    let bounded = |edge: Option<char>| edge.is_some_and(|c| c.is_ascii_alphanumeric());
    bounded(text.chars().next())
        && bounded(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_taken_apart() {
        for text in [
            "numpy",
            "numpy>=1.0",
            "numpy (>=1.0,!=1.5.*)",
            "a.b-c[x,y] ~= 1.4 ; python_version < '3'",
            "numpy[] ==1.*",
            "a===anything",
            "typing_extensions>=4,; extra == 'x'",
            "a >=1, , <2",
            "a ; os_name == '@'",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
        for text in ["", "-x", "a @ https://b.org/c.whl", "a>=", "a>=1.*", "a [x", "a[x y]", "a 1.0", "a=1.0"] {
            assert!(fault(text).is_some(), "{text}");
        }
    }
}
