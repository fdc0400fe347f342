//! Names of DLLs that stand in a file as text: what it may load at run time.

use std::collections::BTreeSet;

/// The longest name that is taken for a DLL's.
const MAX_NAME: usize = 128;
/// Bytes that are looked at as one.
const BLOCK: usize = 32;
/// Names that are kept.
const MAX_NAMES: usize = 4096;

/// Returns the DLL names in the text of a file, lower case, sorted: ASCII and UTF-16, whatever they are for.
///
/// Names in import tables are among them; what is left when those are taken away is loaded at run time, if at all. A
/// name that is preceded by `\` or `/` is the last part of a path.
pub fn named_libraries(bytes: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for at in dots(bytes) {
        if names.len() >= MAX_NAMES {
            break;
        }
        let narrow = bytes.get(at + 1..at + 4).is_some_and(is_dll);
        if narrow && !bytes.get(at + 4).is_some_and(|byte| is_name(*byte)) {
            let start =
                bytes.get(..at).unwrap_or_default().iter().rev().take(MAX_NAME).take_while(|byte| is_name(**byte));
            let length = start.count();
            // `%s.dll` is a pattern, not a name.
            let is_pattern = at.checked_sub(length + 1).and_then(|before| bytes.get(before)) == Some(&b'%');
            if !is_pattern {
                add(&mut names, bytes.get(at - length..at + 4).unwrap_or_default().iter().copied(), length);
            }
            continue;
        }
        let wide = |index: usize| match bytes.get(at + 2 * index..at + 2 * index + 2) {
            Some([letter, 0]) => Some(*letter),
            _ => None,
        };
        if let (Some(a), Some(b), Some(c)) = (wide(1), wide(2), wide(3))
            && is_dll(&[a, b, c])
            && wide(0).is_some()
            && !wide(4).is_some_and(is_name)
        {
            let before = bytes.get(..at).unwrap_or_default().rchunks_exact(2).take(MAX_NAME);
            let length = before.take_while(|pair| matches!(pair, [letter, 0] if is_name(*letter))).count();
            let text = bytes.get(at - 2 * length..at + 8).unwrap_or_default();
            add(&mut names, text.chunks_exact(2).filter_map(|pair| pair.first().copied()), length);
        }
    }
    names
}

/// Where dots are, which are rarer than the letters that follow them; whole blocks without one are passed over at once.
fn dots(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let blocks = bytes.chunks(BLOCK).enumerate();
    let with_dot = blocks.filter(|(_, block)| block.iter().fold(false, |found, byte| found | (*byte == b'.')));
    with_dot.flat_map(|(index, block)| {
        let within = block.iter().enumerate().filter(|(_, byte)| **byte == b'.');
        within.map(move |(at, _)| index * BLOCK + at)
    })
}

fn add(names: &mut BTreeSet<String>, text: impl Iterator<Item = u8>, stem: usize) {
    if stem > 0 && stem < MAX_NAME {
        names.insert(text.map(|byte| char::from(byte.to_ascii_lowercase())).collect());
    }
}

fn is_dll(letters: &[u8]) -> bool {
    letters.eq_ignore_ascii_case(b"dll")
}

/// Characters that names of DLLs are made of; anything else ends one.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.' | b'~' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> Vec<String> {
        named_libraries(bytes).into_iter().collect()
    }

    #[test]
    fn narrow_and_wide_names_are_found() {
        let mut bytes = b"\0lib\\MKL_rt.2.DLL\0x.dllx\0 .dll %s.dll\0".to_vec();
        for character in "C:\\foo-1.dll".bytes() {
            bytes.extend([character, 0]);
        }
        assert_eq!(names(&bytes), ["foo-1.dll", "mkl_rt.2.dll"]);
    }

    #[test]
    fn a_name_at_either_end_of_the_file_is_found() {
        assert_eq!(names(b"a.dll"), ["a.dll"]);
        assert_eq!(names(b".dll"), [] as [&str; 0]);
        assert_eq!(names(b"a\0.\0d\0l\0l\0"), ["a.dll"]);
        assert_eq!(names(b"a.d"), [] as [&str; 0]);
    }
}
