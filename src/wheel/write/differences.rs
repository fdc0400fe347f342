//! `Differences`: where the new bytes of a member are not the old ones.

use std::ops::Range;

/// Bytes that are compared at a time.
const PIECE: usize = 1024;
/// How exactly a difference is told.
const GRAIN: usize = 32;

/// Where new bytes are not the old ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences {
    /// Ascending, apart from each other, within both; where one is longer, from the end of the shorter on it is not in.
    changed: Vec<Range<u64>>,
    old: u64,
    new: u64,
}

impl Differences {
    /// Compares byte by byte, without looking for what has moved.
    pub fn between(old: &[u8], new: &[u8]) -> Self {
        let mut changed: Vec<Range<u64>> = Vec::new();
        let mut start = 0_u64;
        for (old, new) in old.chunks(PIECE).zip(new.chunks(PIECE)) {
            let common = old.len().min(new.len());
            let (old, new) = (old.get(..common).unwrap_or(old), new.get(..common).unwrap_or(new));
            if old != new {
                let mut from = start;
                for (old, new) in old.chunks(GRAIN).zip(new.chunks(GRAIN)) {
                    let to = from.saturating_add(old.len() as u64);
                    match changed.last_mut() {
                        _ if old == new => {}
                        Some(last) if last.end == from => last.end = to,
                        _ => changed.push(from..to),
                    }
                    from = to;
                }
            }
            start = start.saturating_add(common as u64);
        }
        Self { changed, old: old.len() as u64, new: new.len() as u64 }
    }

    /// Returns true if the bytes are the same.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.old == self.new
    }

    /// Returns the ranges that differ within the length that both have.
    pub(super) fn changed(&self) -> &[Range<u64>] {
        &self.changed
    }

    /// Returns the number of old bytes.
    pub(super) fn old_size(&self) -> u64 {
        self.old
    }

    /// Returns the number of new bytes.
    pub(super) fn new_size(&self) -> u64 {
        self.new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_found_and_joined() {
        let old = vec![7; 5000];
        assert!(Differences::between(&old, &old).is_empty());
        let mut new = old.clone();
        for at in [1023, 1024, 1100, 4999] {
            new[at] = 8;
        }
        let found = Differences::between(&old, &new);
        assert_eq!(found.changed(), [992..1056, 1088..1120, 4992..5000]);
        assert!(!found.is_empty());
    }

    #[test]
    fn lengths_count() {
        let found = Differences::between(&[1; 2000], &[1; 3000]);
        assert!(found.changed().is_empty() && !found.is_empty());
        assert_eq!((found.old_size(), found.new_size()), (2000, 3000));
        let found = Differences::between(&[1; 2000], &[2; 1500]);
        assert_eq!(found.changed().iter().map(|range| (range.start, range.end)).collect::<Vec<_>>(), [(0, 1500)]);
    }
}
