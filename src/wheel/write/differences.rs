//! `Differences`: where the new bytes of a member are not the old ones.

use std::ops::Range;

/// Bytes that are compared at a time; a difference is told no more exactly than that.
const GRAIN: usize = 1024;

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
        let mut from = 0_u64;
        for (old, new) in old.chunks(GRAIN).zip(new.chunks(GRAIN)) {
            let common = old.len().min(new.len());
            let to = from.saturating_add(common as u64);
            if old.get(..common) != new.get(..common) {
                match changed.last_mut() {
                    Some(last) if last.end == from => last.end = to,
                    _ => changed.push(from..to),
                }
            }
            from = to;
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
        for at in [1023, 1024, 4999] {
            new[at] = 8;
        }
        let found = Differences::between(&old, &new);
        assert_eq!(found.changed(), [0..2048, 4096..5000]);
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
