//! Nix: the store path itself names the package.

use super::anchor::{Anchor, Answer, Wanted};
use super::{Database, Package};

/// Outputs of a derivation, which are written after the version; what is before them is the version.
const OUTPUTS: [&str; 10] = ["lib", "out", "dev", "bin", "man", "doc", "static", "libgcc", "dist", "debug"];

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    anchor.prefix().ends_with("/nix/store")
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    for (spelling, hits) in wanted.spellings() {
        let Some(object) = spelling.split('/').nth(1) else { continue };
        let Some((name, version)) = derivation(object) else { continue };
        for hit in hits {
            answer.claim(*hit, || {
                Package::new(Database::Nix, anchor.path(&format!("/{object}")), spelling, name, version)
            });
        }
    }
    answer
}

/// Splits a store object's name after its 32 characters of hash, as Nix does: the version begins after the first
/// dash that is not followed by a letter.
fn derivation(object: &str) -> Option<(&str, &str)> {
    let (hash, name) = object.split_once('-')?;
    if hash.len() != 32 || !hash.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return None;
    }
    let dash = name
        .match_indices('-')
        .find(|(at, _)| name.as_bytes().get(at + 1).is_some_and(|next| !next.is_ascii_alphabetic()))?
        .0;
    let (name, version) = (name.get(..dash)?, name.get(dash + 1..)?);
    let version = match version.rsplit_once('-') {
        Some((version, output)) if OUTPUTS.contains(&output) => version,
        _ => version,
    };
    (!name.is_empty() && !version.is_empty()).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_paths_split_as_nix_splits_them() {
        let hash = "0123456789abcdfghijklmnpqrsvwxyz";
        assert_eq!(derivation(&format!("{hash}-zlib-1.3.1")), Some(("zlib", "1.3.1")));
        assert_eq!(derivation(&format!("{hash}-gcc-13.3.0-lib")), Some(("gcc", "13.3.0")));
        assert_eq!(derivation(&format!("{hash}-apple-sdk-11.0-rc1")), Some(("apple-sdk", "11.0-rc1")));
        assert_eq!(derivation(&format!("{hash}-source")), None);
        assert_eq!(derivation("short-zlib-1.3"), None);
    }
}
