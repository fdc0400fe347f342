//! The exports trie: a tree of name parts, as dyld walks it.

use super::read::Macho;
use crate::error::{Error, Result};

/// `EXPORT_SYMBOL_FLAGS_KIND_MASK`.
const KIND: u64 = 3;
/// `EXPORT_SYMBOL_FLAGS_KIND_THREAD_LOCAL`.
const THREAD_LOCAL: u64 = 1;
/// `EXPORT_SYMBOL_FLAGS_REEXPORT`.
const REEXPORT: u64 = 8;
/// The longest name that is followed.
const MAX_NAME: usize = 64 * 1024;

/// Returns the bytes of the trie; `None` where the slice has none.
///
/// # Errors
/// `Malformed` if it leaves the slice.
pub(super) fn find<'a>(slice: &Macho<'a>) -> Result<Option<&'a [u8]>> {
    // LC_DYLD_EXPORTS_TRIE is a place; LC_DYLD_INFO and LC_DYLD_INFO_ONLY end with one.
    for (kind, at) in [(0x8000_0033, 8), (0x8000_0022, 40), (0x22, 40)] {
        if let Some(command) = slice.of_kind(kind).next() {
            let (offset, size) = (command.bytes.u32(at)?, command.bytes.u32(at + 4)?);
            let trie = slice.bytes.slice(u64::from(offset), u64::from(size))?;
            return Ok((size > 0).then_some(trie));
        }
    }
    Ok(None)
}

/// A node to visit, and the name that leads there: its length in the shared buffer.
struct Visit<'a> {
    node: usize,
    prefix: usize,
    edge: &'a [u8],
}

/// What the trie says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exported {
    pub(super) is_thread_local: bool,
    /// The ordinal of the library that really has it.
    pub(super) reexported: Option<u64>,
}

/// Calls `found` with each exported name.
///
/// # Errors
/// `Malformed` if a node leaves the trie or is reached twice; what `found` fails with.
pub(super) fn walk(trie: &[u8], mut found: impl FnMut(&[u8], Exported) -> Result<()>) -> Result<()> {
    let outside = || Error::malformed("a node of the exports trie leaves it");
    let mut visited = vec![0_u64; trie.len() / 64 + 1];
    let mut name = Vec::new();
    let mut stack = vec![Visit { node: 0, prefix: 0, edge: &[] }];
    while let Some(Visit { node, prefix, edge }) = stack.pop() {
        let seen = visited.get_mut(node / 64).ok_or_else(outside)?;
        if *seen & (1 << (node % 64)) != 0 {
            return Err(Error::malformed("a node of the exports trie is reached twice"));
        }
        *seen |= 1 << (node % 64);
        name.truncate(prefix);
        name.extend_from_slice(edge);
        if name.len() > MAX_NAME {
            return Err(Error::malformed(format!("an exported name of more than {MAX_NAME} bytes")));
        }
        let rest = trie.get(node..).ok_or_else(outside)?;
        let (size, rest) = uleb(rest).ok_or_else(outside)?;
        let size = usize::try_from(size).map_err(|_| outside())?;
        let (terminal, children) = rest.split_at_checked(size).ok_or_else(outside)?;
        if let Some((flags, rest)) = uleb(terminal) {
            let reexported = if flags & REEXPORT == 0 { None } else { uleb(rest).map(|(ordinal, _)| ordinal) };
            found(&name, Exported { is_thread_local: flags & KIND == THREAD_LOCAL, reexported })?;
        }
        let (count, mut rest) = children.split_first().ok_or_else(outside)?;
        for _ in 0..*count {
            let end = rest.iter().position(|byte| *byte == 0).ok_or_else(outside)?;
            let (edge, after) = rest.split_at_checked(end).ok_or_else(outside)?;
            let (child, after) = uleb(after.get(1..).unwrap_or_default()).ok_or_else(outside)?;
            let child = usize::try_from(child).map_err(|_| outside())?;
            stack.push(Visit { node: child, prefix: name.len(), edge });
            rest = after;
        }
    }
    Ok(())
}

/// Reads a number of seven bits a byte, and returns what follows it.
fn uleb(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        let part = u64::from(byte & 0x7f);
        value |= part.checked_shl(7 * index as u32).filter(|shifted| shifted >> (7 * index) == part)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..).unwrap_or_default()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `_a` (regular) and `_ab` (thread-local).
    const TRIE: [u8; 20] = [0, 1, b'_', b'a', 0, 7, 0, 3, 0, 0x10, 0, 1, b'b', 0, 16, 0, 2, 1, 0x20, 0];

    fn names(trie: &[u8]) -> Result<Vec<(String, bool)>> {
        let mut names = Vec::new();
        walk(trie, |name, export| {
            names.push((String::from_utf8_lossy(name).into_owned(), export.is_thread_local));
            Ok(())
        })?;
        Ok(names)
    }

    #[test]
    fn names_are_joined_from_their_edges() {
        assert_eq!(names(&TRIE).unwrap(), [("_a".to_owned(), false), ("_ab".to_owned(), true)]);
    }

    #[test]
    fn a_loop_is_an_error() {
        let mut trie = TRIE;
        trie[14] = 0;
        assert!(names(&trie).is_err());
        trie[14] = 7;
        assert!(names(&trie).is_err());
        trie[14] = 200;
        assert!(names(&trie).is_err());
        for end in 0..TRIE.len() - 1 {
            assert!(names(&TRIE[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn numbers_that_overflow_are_refused() {
        assert_eq!(uleb(&[0x80, 1, 9]), Some((128, &[9][..])));
        assert_eq!(uleb(&[0xff; 9]), None);
        assert_eq!(uleb(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), None);
    }
}
