//! What a search path or a path-like import stands for: words such as `$ORIGIN` replaced, and what it is relative to.

use crate::platform::loader::{Directories, Loader, Token, UnknownToken};

/// In which set of paths a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// What the wheel and its providers install.
    Installed,
    /// The source of this number, in which the object that names the directory lies itself.
    Source(usize),
    /// An absolute path of the target system: every source that is a root.
    System,
}

/// The object that carries a search path: where it lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carrier<'a> {
    /// In which set of paths.
    pub place: Place,
    /// Its directory.
    pub directory: &'a str,
}

/// The directories that one element stands for, or why it stands for none.
pub(super) type Expanded = Result<Vec<(Place, String)>, &'static str>;

/// Replaces the words that `loader` knows in one element of a search path, or in an import that is a path.
pub(super) fn expand(text: &str, loader: &Loader, words: &Directories, carrier: Carrier<'_>) -> Expanded {
    if let Some(rest) = after_at_word(text, "@loader_path", Token::LoaderPath, loader) {
        return Ok(vec![(carrier.place, format!("{}{rest}", carrier.directory))]);
    }
    if after_at_word(text, "@executable_path", Token::ExecutablePath, loader).is_some() {
        return Err("it depends on which program runs");
    }
    let mut alternatives = vec![String::new()];
    let mut anchored = false;
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, word) = rest.split_at(at);
        append(&mut alternatives, &[before]);
        match token_at(word, loader) {
            Some((Token::Origin, length)) => {
                anchored |= alternatives.iter().all(String::is_empty);
                append(&mut alternatives, &[carrier.directory]);
                rest = &word[length..];
            }
            Some((Token::Lib, length)) => {
                let values: Vec<&str> = words.lib.iter().map(String::as_str).collect();
                append(&mut alternatives, &values);
                rest = &word[length..];
            }
            Some((Token::Platform, length)) => {
                append(&mut alternatives, words.platform);
                rest = &word[length..];
            }
            Some((Token::LoaderPath | Token::ExecutablePath | Token::Rpath, _)) | None => {
                append(&mut alternatives, &["$"]);
                rest = &word[1..];
            }
        }
    }
    append(&mut alternatives, &[rest]);
    if alternatives.is_empty() {
        return Err("a word in it has no value on this processor");
    }
    if text.is_empty() {
        return Err("an empty element is the current directory");
    }
    if anchored {
        return Ok(alternatives.into_iter().map(|path| (carrier.place, path)).collect());
    }
    if !text.starts_with('/') {
        return Err("it is relative to the current directory");
    }
    Ok(alternatives.into_iter().map(|path| (Place::System, path)).collect())
}

/// Returns true if a word in the element makes the loader ignore the whole search path.
pub(super) fn voids_search_path(text: &str, loader: &Loader) -> bool {
    loader.unknown_token == UnknownToken::VoidsSearchPath
        && text.match_indices('$').any(|(at, _)| token_at(&text[at..], loader).is_none())
}

/// Removes `.`, `..` and empty components; `None` if the path climbs above its root.
pub(super) fn normalize(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Returns what follows an `@` word that the loader knows and `text` begins with, a `/` first or nothing.
fn after_at_word<'a>(text: &'a str, word: &str, token: Token, loader: &Loader) -> Option<&'a str> {
    let rest = text.strip_prefix(word).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    loader.tokens.contains(&token).then_some(rest)
}

/// Returns the token that `text` begins with, and its length.
fn token_at(text: &str, loader: &Loader) -> Option<(Token, usize)> {
    let known = loader.tokens.iter().filter_map(|token| match token {
        Token::Origin => Some((*token, "ORIGIN")),
        Token::Lib => Some((*token, "LIB")),
        Token::Platform => Some((*token, "PLATFORM")),
        Token::LoaderPath | Token::ExecutablePath | Token::Rpath => None,
    });
    let body = text.strip_prefix('$')?;
    for (token, word) in known {
        if let Some(rest) = body.strip_prefix('{') {
            if rest.strip_prefix(word).is_some_and(|rest| rest.starts_with('}')) {
                return Some((token, word.len() + 3));
            }
            continue;
        }
        let Some(rest) = body.strip_prefix(word) else { continue };
        // glibc's `is_dst` since 2.29: the longest identifier must be the word.
        let longer = rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        if !longer || loader.unknown_token == UnknownToken::VoidsSearchPath {
            return Some((token, word.len() + 1));
        }
    }
    None
}

/// Appends each of `values` to each alternative.
fn append(alternatives: &mut Vec<String>, values: &[&str]) {
    if let [value] = values {
        alternatives.iter_mut().for_each(|alternative| alternative.push_str(value));
        return;
    }
    *alternatives = alternatives
        .iter()
        // Hostile paths could multiply: more than any real path needs is not followed.
        .take(MAX_ALTERNATIVES)
        .flat_map(|alternative| values.iter().map(move |value| format!("{alternative}{value}")))
        .collect();
}

/// More alternatives of one search path than words in it can reasonably give.
const MAX_ALTERNATIVES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;
    use crate::platform::{Platform, manylinux::Manylinux, musllinux::Musllinux};

    fn expanded(platform: &dyn Platform, text: &str) -> Expanded {
        let carrier = Carrier { place: Place::Installed, directory: "/site/pkg" };
        expand(text, platform.loader(), &platform.directories(Arch::X86_64), carrier)
    }

    fn one(place: Place, path: &str) -> Expanded {
        Ok(vec![(place, path.to_owned())])
    }

    #[test]
    fn origin_is_relative_to_the_object_that_carries_it() {
        for text in ["$ORIGIN/../pkg.libs", "${ORIGIN}/../pkg.libs"] {
            assert_eq!(expanded(&Manylinux, text), one(Place::Installed, "/site/pkg/../pkg.libs"));
        }
        assert_eq!(expanded(&Manylinux, "$ORIGIN"), one(Place::Installed, "/site/pkg"));
    }

    #[test]
    fn absolute_paths_are_the_target_system_s() {
        assert_eq!(expanded(&Manylinux, "/opt/lib"), one(Place::System, "/opt/lib"));
    }

    #[test]
    fn lib_and_platform_have_a_value_for_each_distribution_and_processor() {
        let found = expanded(&Manylinux, "/opt/$LIB").unwrap();
        assert_eq!(
            found.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>(),
            ["/opt/lib64", "/opt/lib/x86_64-linux-gnu"]
        );
        let found = expanded(&Manylinux, "$ORIGIN/${PLATFORM}").unwrap();
        assert!(found.contains(&(Place::Installed, "/site/pkg/x86_64".to_owned())));
    }

    #[test]
    fn a_word_without_value_discards_the_element() {
        let carrier = Carrier { place: Place::Installed, directory: "/site/pkg" };
        let words = Manylinux.directories(Arch::Riscv64);
        assert!(expand("/opt/$PLATFORM", Manylinux.loader(), &words, carrier).is_err());
    }

    #[test]
    fn glibc_takes_the_longest_identifier_and_leaves_unknown_words() {
        assert_eq!(expanded(&Manylinux, "/a/$ORIGINAL"), one(Place::System, "/a/$ORIGINAL"));
        assert_eq!(expanded(&Manylinux, "/a/$HOME/b"), one(Place::System, "/a/$HOME/b"));
        assert!(!voids_search_path("/a/$HOME", Manylinux.loader()));
    }

    #[test]
    fn musl_knows_only_origin_and_gives_up_at_other_words() {
        assert_eq!(expanded(&Musllinux, "$ORIGIN/x"), one(Place::Installed, "/site/pkg/x"));
        assert!(voids_search_path("$LIB/x", Musllinux.loader()));
        assert!(!voids_search_path("${ORIGIN}/x", Musllinux.loader()));
    }

    #[test]
    fn empty_and_relative_elements_depend_on_the_current_directory() {
        assert!(expanded(&Manylinux, "").is_err());
        assert!(expanded(&Manylinux, "lib").is_err());
        assert!(expanded(&Manylinux, "./lib").is_err());
    }

    #[test]
    fn normalizing_never_climbs_above_the_root() {
        assert_eq!(normalize("/a/b/../../c//./d").as_deref(), Some("c/d"));
        assert_eq!(normalize("/a/../../c"), None);
    }

    #[test]
    fn alternatives_do_not_multiply_without_end() {
        let text = format!("/{}", "$LIB/".repeat(200));
        assert!(expanded(&Manylinux, &text).unwrap().len() <= 2 * MAX_ALTERNATIVES);
    }
}
