//! Composed characters taken apart: names that differ only in that are one on Apple's file systems.

use std::collections::BTreeMap;
use std::sync::LazyLock;

macro_rules! table {
    ($path:literal) => {
        include_str!(concat!("../../../policies/", $path))
    };
}

/// What each character is composed of.
static DECOMPOSITIONS: LazyLock<BTreeMap<char, String>> = LazyLock::new(|| {
    let character = |text: &str| u32::from_str_radix(text, 16).ok().and_then(char::from_u32);
    let lines = table!("unicode/decompositions.tsv").lines();
    lines
        .filter_map(|line| {
            let (composed, parts) = line.split_once('\t')?;
            Some((character(composed)?, parts.split(' ').map(character).collect::<Option<String>>()?))
        })
        .collect()
});

/// Returns the name with each composed character taken apart; marks keep their order.
pub(super) fn taken_apart(name: &str) -> String {
    let mut parts = String::with_capacity(name.len());
    for character in name.chars() {
        match hangul(character) {
            Some(jamo) => parts.extend(jamo.into_iter().flatten()),
            None => match DECOMPOSITIONS.get(&character) {
                Some(decomposition) => parts.push_str(decomposition),
                None => parts.push(character),
            },
        }
    }
    parts
}

/// The letters of a Hangul syllable (The Unicode Standard, 3.12, "Hangul Syllable Decomposition").
fn hangul(character: char) -> Option<[Option<char>; 3]> {
    let index = u32::from(character).checked_sub(0xac00).filter(|index| *index < 11_172)?;
    let last = index % 28;
    let letter = |base: u32, index: u32| char::from_u32(base.saturating_add(index));
    let end = if last == 0 { None } else { letter(0x11a7, last) };
    Some([letter(0x1100, index / 588), letter(0x1161, index % 588 / 28), end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composed_and_decomposed_spellings_are_one() {
        for (composed, apart) in [
            ("é", "e\u{301}"),
            ("ế", "e\u{302}\u{301}"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
            ("plain", "plain"),
        ] {
            assert_eq!(taken_apart(composed), apart);
            assert_eq!(taken_apart(apart), apart);
        }
    }
}
