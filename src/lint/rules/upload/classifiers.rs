//! Classifiers: those that PyPI has, from `policies/pypi/classifiers.tsv`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::TOLD;
use crate::wheel::metadata::Metadata;

/// Each classifier, and what replaces a deprecated one (`-`: nothing).
static KNOWN: LazyLock<BTreeMap<&'static str, Option<&'static str>>> = LazyLock::new(|| {
    let lines = data!("pypi/classifiers.tsv").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('\t').map_or((line, None), |(name, by)| (name, Some(by))))
        .collect()
});

pub(super) fn faults(metadata: &Metadata) -> Vec<String> {
    let mut names: Vec<&str> = metadata.values("Classifier").into_iter().map(str::trim).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| match KNOWN.get(name) {
            Some(None) => None,
            Some(Some("-")) => Some(format!("has the classifier `{name}`, which is deprecated")),
            Some(Some(by)) => Some(format!("has the classifier `{name}`, which is deprecated: `{by}`")),
            None if name.starts_with("Private ::") => {
                Some(format!("has the classifier `{name}`, which keeps the wheel from PyPI"))
            }
            None => Some(format!("has the classifier `{name}`, which PyPI does not know")),
        })
        .take(TOLD.saturating_add(1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifiers_are_looked_up() {
        let found = |name: &str| faults(&Metadata::read(format!("Classifier: {name}\n").as_bytes()).unwrap());
        assert!(KNOWN.len() > 800, "{}", KNOWN.len());
        for name in ["Programming Language :: Python :: 3", "Typing :: Typed", "Operating System :: OS Independent"] {
            assert_eq!(found(name), [""; 0], "{name}");
        }
        let deprecated = KNOWN.iter().find(|(_, by)| by.is_some()).unwrap().0;
        for name in ["Programming Language :: Phyton", "Private :: Do Not Upload", deprecated] {
            assert_eq!(found(name).len(), 1, "{name}");
        }
    }
}
