//! Addresses in METADATA: mail and web (warehouse, `forklift/metadata.py`).

use std::collections::BTreeSet;

use super::TOLD;
use crate::wheel::metadata::Metadata;

/// The longest label of a `Project-URL`, in characters.
const LABEL: usize = 32;

pub(super) fn faults(metadata: &Metadata) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["Author-email", "Maintainer-email"] {
        if let Some(value) = metadata.value(name).map(str::trim)
            && !is_mail(value)
        {
            found.push(format!("has `{name}: {value}`, which is no mail address"));
        }
    }
    for name in ["Home-page", "Download-URL"] {
        if let Some(value) = metadata.value(name).map(str::trim).filter(|value| !value.is_empty())
            && !is_web(value)
        {
            found.push(format!("has `{name}: {value}`, which is no address of the web"));
        }
    }
    found.extend(project_urls(metadata));
    found
}

fn project_urls(metadata: &Metadata) -> Vec<String> {
    let mut labels = BTreeSet::new();
    let values = metadata.values("Project-URL").into_iter().map(str::trim);
    let odd = values.filter_map(|value| {
        let (label, address) = value.split_once(',').unwrap_or((value, ""));
        let what = match label.trim() {
            "" => "no label".to_owned(),
            label if !labels.insert(label) => "a label that another one has".to_owned(),
            label if label.chars().count() > LABEL => format!("a label of more than {LABEL} characters"),
            _ if !is_web(address.trim()) => "no address of the web behind a label and a comma".to_owned(),
            _ => return None,
        };
        Some(format!("has `Project-URL: {value}`, which has {what}"))
    });
    odd.take(TOLD.saturating_add(1)).collect()
}

/// Whether the first address of the list is one; what is too odd to be taken apart here counts as one.
fn is_mail(text: &str) -> bool {
    // Quoted names and comments may hold anything.
    if text.is_empty() || text.contains(['"', '(', '\\']) {
        return true;
    }
    let first = match (text.find('<'), text.find(',')) {
        (Some(open), comma) if comma.is_none_or(|comma| open < comma) => {
            let inside = text.get(open.saturating_add(1)..).unwrap_or_default();
            inside.split('>').next().unwrap_or_default()
        }
        _ => text.split(',').next().unwrap_or_default(),
    };
    // A name without an address is allowed: nothing is checked then.
    if first.trim().is_empty() {
        return true;
    }
    let Some((local, domain)) = first.trim().rsplit_once('@') else { return false };
    let is_plain = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let dots = |text: &str| text.split('.').all(|part| !part.is_empty());
    // Top-level domains that name nothing outside (RFC 6761, RFC 6762, RFC 7686).
    let top = domain.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let reserved = ["arpa", "invalid", "local", "localhost", "onion", "test"].contains(&top.as_str());
    is_plain(local)
        && local.len() <= 64
        && dots(local)
        && is_plain(domain)
        && domain.contains('.')
        && dots(domain)
        && !reserved
}

/// Whether the text is a URI of the web.
fn is_web(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known && !rest.is_empty() && !rest.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for text in ["a@b.org", "A B <a.b@c.d.org>", "a@b.org, c@d", "\"a, b\" <x>", "", "Jane <>", "a+b@c.org"] {
            assert!(is_mail(text), "{text}");
        }
        for text in ["UNKNOWN", "jane at b.org", "a@b", "a b@c.org", "Jane <jane>", "a@b..org", "a@host.local"] {
            assert!(!is_mail(text), "{text}");
        }
        for text in ["https://a.org", "http://a.org/b?c#d", "HTTPS://A"] {
            assert!(is_web(text), "{text}");
        }
        for text in ["UNKNOWN", "a.org", "ftp://a.org", "https://a.org/b c", "git+https://a.org"] {
            assert!(!is_web(text), "{text}");
        }
    }

    #[test]
    fn project_urls_have_a_label_and_an_address() {
        let found = |text: &str| project_urls(&Metadata::read(text.as_bytes()).unwrap());
        assert_eq!(found("Project-URL: Source, https://a.org\nProject-URL: Docs,https://b.org\n"), [""; 0]);
        let odd = "Project-URL: , https://a.org\nProject-URL: https://a.org\nProject-URL: A, https://a\nProject-URL: A, https://b\n";
        assert_eq!(found(odd).len(), 3, "{:?}", found(odd));
        assert!(found(&format!("Project-URL: {}, https://a\n", "x".repeat(33)))[0].contains("32"));
    }
}
