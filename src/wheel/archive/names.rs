//! Names of members: which can be written everywhere, and which two become one.

use std::collections::{BTreeMap, BTreeSet};

use super::composed::taken_apart;

/// Longest name that any installer could write (Linux's `PATH_MAX`).
const MAX_NAME: usize = 4096;
/// Longest component that file systems take.
const MAX_COMPONENT: usize = 255;

/// Tells whether the character is a control, format or private-use character, which installers refuse in names.
pub(super) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2 | 0x180e | 0x200b..=0x200f
            | 0x202a..=0x202e | 0x2060..=0x206f | 0xe000..=0xf8ff | 0xfeff | 0xfff9..=0xfffb | 0x110bd | 0x110cd
            | 0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0001..=0xe007f | 0xf0000..)
}

/// Returns why the name cannot be a member of any wheel; nothing if it can.
pub(super) fn unsafe_reason(name: &str) -> Option<&'static str> {
    let path = name.strip_suffix('/').unwrap_or(name);
    let mut start = path.bytes();
    let drive = start.next().is_some_and(|first| first.is_ascii_alphabetic()) && start.next() == Some(b':');
    if name.is_empty() {
        Some("the name is empty")
    } else if name.len() > MAX_NAME {
        Some("the name is longer than 4096 bytes")
    } else if name.starts_with('/') {
        Some("the name is an absolute path")
    } else if drive {
        Some("the name starts with a drive letter")
    } else if name.contains('\\') {
        Some("the name holds a backslash")
    } else if name.chars().any(is_unprintable) {
        Some("the name holds a control character or an invisible one")
    } else if path.split('/').any(|part| part == "..") {
        Some("the name leaves the wheel by `..`")
    } else if path.split('/').any(|part| part.is_empty() || part == ".") {
        Some("the name has an empty component or `.`")
    } else if path.split('/').any(|part| part.len() > MAX_COMPONENT) {
        Some("a component of the name is longer than 255 bytes")
    } else {
        None
    }
}

/// Names that Windows gives to devices, whatever the extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Returns why the name cannot be written on Windows; nothing if it can.
pub(super) fn windows_reason(name: &str) -> Option<&'static str> {
    for part in name.split('/').filter(|part| !part.is_empty()) {
        if part.ends_with(['.', ' ']) {
            return Some("a component ends in a dot or space, which Windows drops");
        }
        if part.contains(['<', '>', ':', '"', '|', '?', '*']) {
            return Some("the name holds a character that Windows forbids");
        }
        let stem = part.split('.').next().unwrap_or(part).trim_end().to_ascii_lowercase();
        let numbered = ["com", "lpt"].iter().any(|port| {
            stem.strip_prefix(port).is_some_and(|rest| {
                let mut digits = rest.chars();
                digits.next().is_some_and(|digit| matches!(digit, '1'..='9' | '¹' | '²' | '³'))
                    && digits.next().is_none()
            })
        });
        if numbered || DEVICES.contains(&stem.as_str()) {
            return Some("the name is that of a Windows device");
        }
    }
    None
}

/// Two names that are one on some file system.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Collision<'a> {
    /// The name that stands later in the archive.
    pub(super) name: &'a str,
    /// The name that it collides with.
    pub(super) other: &'a str,
    /// What the file system does not tell apart.
    pub(super) blindness: Blindness,
}

/// What a file system does not tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blindness {
    /// Upper and lower case: Windows, macOS.
    Case,
    /// A composed character and its parts, and case: macOS.
    Composition,
}

impl Blindness {
    fn seen(self, name: &str) -> String {
        let folded = name.trim_end_matches('/').to_lowercase();
        match self {
            Blindness::Case => folded,
            Blindness::Composition => taken_apart(&folded),
        }
    }
}

/// Returns the names that collide with an earlier one; equal names are not meant.
pub(super) fn collisions<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<Collision<'a>> {
    let mut found = collisions_by(Blindness::Case, names.clone());
    // Names in ASCII have no composed characters.
    found.extend(collisions_by(Blindness::Composition, names.filter(|name| !name.is_ascii())));
    let mut told = BTreeSet::new();
    found.retain(|collision| told.insert(collision.name));
    found
}

fn collisions_by<'a>(blindness: Blindness, names: impl Iterator<Item = &'a str>) -> Vec<Collision<'a>> {
    let mut seen: BTreeMap<String, &'a str> = BTreeMap::new();
    let mut found = Vec::new();
    for name in names {
        let key = blindness.seen(name);
        match seen.get(&key) {
            Some(other) if *other != name => found.push(Collision { name, other, blindness }),
            Some(_) => {}
            None => {
                seen.insert(key, name);
            }
        }
    }
    found
}

/// Returns the names of members that are also a directory of other members; `names` are bytewise ascending.
pub(super) fn files_that_are_directories<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let is_inside =
        |directory: &str, name: &str| name.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    let inner = |name: &&'a str| {
        // `a`, `a.b`, `a/c`: what stands inside `a` is not always next, but it is where `a/` would be.
        let directory = format!("{name}/");
        let at = names.partition_point(|other| *other < directory.as_str());
        names.get(at).is_some_and(|other| is_inside(name, other))
    };
    names.iter().filter(|name| !name.ends_with('/')).copied().filter(inner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_safe() {
        for name in ["a", "a/b.py", "a/", "Ünïcode/x", "a-1.0.dist-info/RECORD", "a,b \"c\"", "..a/b..", "a.b/...c"] {
            assert_eq!(unsafe_reason(name), None, "{name}");
        }
    }

    #[test]
    fn names_that_leave_the_wheel_are_not() {
        let long = "x/".repeat(3000);
        let component = "x".repeat(256);
        for name in [
            "",
            "/",
            "/a",
            "C:/a",
            "c:a",
            "a\\b",
            "..",
            "../a",
            "a/../b",
            "a/..",
            "./a",
            "a//b",
            "a/./b",
            "a\0",
            "a\nb",
            "a\u{7f}",
            "a\u{85}",
            "a\u{202e}b",
            "a\u{feff}",
            "//",
            "a//",
            &long,
            &component,
        ] {
            assert!(unsafe_reason(name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn windows_names_are_found_whatever_the_extension() {
        for name in ["con", "a/NUL.txt", "Aux.h", "com1", "lpt9.x/a", "a./b", "a ", "a:b", "what?", "COM¹"] {
            assert!(windows_reason(name).is_some(), "{name}");
        }
        for name in ["console", "auxiliary.h", "com", "com0", "com10", "a/.b", "nul_", "x.con"] {
            assert_eq!(windows_reason(name), None, "{name}");
        }
    }

    #[test]
    fn case_is_folded_for_collisions() {
        let names = ["a/B.py", "a/c.py", "A/b.PY", "a/c.py"];
        let found = collisions(names.into_iter());
        assert_eq!(found, [Collision { name: "A/b.PY", other: "a/B.py", blindness: Blindness::Case }]);
    }

    #[test]
    fn composed_characters_are_one_with_their_parts() {
        let names = ["caf\u{e9}", "CAFE\u{301}", "cafe"];
        let found = collisions(names.into_iter());
        let blindness = Blindness::Composition;
        assert_eq!(found, [Collision { name: "CAFE\u{301}", other: "caf\u{e9}", blindness }]);
    }

    #[test]
    fn a_file_that_is_a_directory_too_is_found() {
        let mut names = ["a", "a.b", "a/c", "b/", "b/c", "d"];
        names.sort_unstable();
        assert_eq!(files_that_are_directories(&names), ["a"]);
    }
}
