//! Conan: a package folder, which `conaninfo.txt` marks, where its path names the recipe.

use super::anchor::{Anchor, Answer, Wanted};
use super::{Database, Package};

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    anchor.exists("/conaninfo.txt") && reference(anchor.prefix()).is_some()
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    let Some((name, version, user)) = reference(anchor.prefix()) else { return answer };
    for (spelling, hits) in wanted.spellings() {
        let mut package = Package::new(Database::Conan, anchor.path("/conaninfo.txt"), spelling, name, version);
        if let Some((user, channel)) = user {
            package.qualifiers = vec![("channel".into(), channel.into()), ("user".into(), user.into())];
        }
        hits.iter().for_each(|hit| answer.claim(*hit, || package.clone()));
    }
    answer
}

/// Name, version, and user with channel where they are not `_`.
type Reference<'a> = (&'a str, &'a str, Option<(&'a str, &'a str)>);

/// Reads the reference from the folder: Conan 1's cache (`…/data/name/version/user/channel/package/id`), or what
/// Conan 2's `full_deploy` writes (`…/full_deploy/host/name/version/…`). Conan 2's own cache keeps it in a database
/// of its client alone, so its packages stay of unknown origin.
fn reference(folder: &str) -> Option<Reference<'_>> {
    let parts: Vec<&str> = folder.split('/').collect();
    if let [.., "data", name, version, user, channel, "package", _] = parts.as_slice() {
        return Some((name, version, (*user != "_").then_some((*user, *channel))));
    }
    let deployed = parts.iter().rposition(|part| *part == "full_deploy")?;
    match parts.get(deployed + 1..)? {
        ["host" | "build", name, version, ..] => Some((name, version, None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_of_folders_are_understood() {
        assert_eq!(reference("/h/.conan/data/zlib/1.3.1/_/_/package/ab12"), Some(("zlib", "1.3.1", None)));
        assert_eq!(reference("/b/full_deploy/host/zlib/1.3.1/Release/x86_64"), Some(("zlib", "1.3.1", None)));
        assert_eq!(reference("/h/.conan2/p/b/zlib12345/p"), None);
    }
}
