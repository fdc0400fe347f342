//! Where new strings go in `.dynstr`: on a string that is there, in bytes that nobody names any more, or at the end.

use std::collections::BTreeMap;

/// The dynamic strings with the new ones in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    /// The bytes; longer than before if something went to the end.
    pub(crate) text: Vec<u8>,
    /// Where each new string begins.
    pub(crate) offsets: BTreeMap<Vec<u8>, u64>,
}

/// Which bytes of the strings must stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Live(Vec<bool>);

impl Live {
    /// Marks every byte of the strings that begin at `starts`; linkers let one string be the tail of another.
    pub(crate) fn of(text: &[u8], starts: impl IntoIterator<Item = u64>) -> Self {
        let mut live = vec![false; text.len()];
        // Tools take offset 0 for "no name".
        for start in starts.into_iter().chain([0]) {
            if let Some(mark) = usize::try_from(start).ok().and_then(|start| live.get_mut(start)) {
                *mark = true;
            }
        }
        // One pass, however many strings share a tail: a live byte makes the next one live, up to the NUL.
        let mut inside = false;
        for (mark, byte) in live.iter_mut().zip(text) {
            inside |= *mark;
            *mark = inside;
            inside &= *byte != 0;
        }
        Self(live)
    }

    /// Marks every byte: nothing may be overwritten.
    pub(crate) fn everything(text: &[u8]) -> Self {
        Self(vec![true; text.len()])
    }

    /// Returns true if the byte at `at` must stay.
    pub(crate) fn holds(&self, at: usize) -> bool {
        self.0.get(at).copied().unwrap_or(false)
    }

    fn mark(&mut self, from: usize, to: usize) {
        self.0.get_mut(from..to).into_iter().for_each(|part| part.fill(true));
    }

    /// The runs of bytes that may be overwritten, in order.
    fn runs(&self) -> Vec<(usize, usize)> {
        let mut runs = Vec::new();
        let mut start = None;
        for (at, live) in self.0.iter().enumerate() {
            match (live, start) {
                (false, None) => start = Some(at),
                (true, Some(from)) => {
                    runs.push((from, at));
                    start = None;
                }
                (true, None) | (false, Some(_)) => {}
            }
        }
        runs.extend(start.map(|from| (from, self.0.len())));
        runs
    }
}

/// Places `wanted` strings in `text`.
///
/// `live` says what must stay; `freed` are the offsets of strings that this edit takes away: where nothing that stays
/// covers them they are cleared, because old search paths give away where something was built.
pub(crate) fn place(text: &[u8], mut live: Live, freed: &[u64], wanted: &[Vec<u8>]) -> Placement {
    let mut placed = Placement { text: text.to_vec(), offsets: BTreeMap::new() };
    let gone = Live::of(text, freed.iter().copied());
    let mut waiting: Vec<&Vec<u8>> = wanted.iter().collect();
    waiting.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    waiting.dedup();
    let ends: Vec<usize> = text.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at).collect();
    waiting.retain(|string| match find(text, &live, &ends, string) {
        Some(at) => {
            live.mark(at, at + string.len() + 1);
            placed.offsets.insert((*string).clone(), at as u64);
            false
        }
        None => true,
    });
    for (at, byte) in placed.text.iter_mut().enumerate() {
        // Byte 0 is marked in both.
        if gone.holds(at) && !live.holds(at) {
            *byte = 0;
        }
    }
    let mut runs = live.runs();
    let mut at_end: Vec<&Vec<u8>> = Vec::new();
    for string in waiting {
        // The longest come first, so a string that is the tail of another new one finds it.
        let host = placed.offsets.iter().find(|(other, _)| other.ends_with(string));
        if let Some(at) = host.map(|(other, at)| at + (other.len() - string.len()) as u64) {
            placed.offsets.insert(string.clone(), at);
            continue;
        }
        if let Some(host) = at_end.iter().find(|other| other.ends_with(string)) {
            debug_assert!(host.len() > string.len());
            at_end.push(string);
            continue;
        }
        let size = string.len() + 1;
        let fitting =
            runs.iter_mut().filter(|(from, to)| to - from >= size).min_by_key(|(from, to)| (to - from, *from));
        match fitting {
            Some(run) => {
                // Half of an old string would be left behind the new one.
                placed.text.get_mut(run.0..run.1).into_iter().for_each(|rest| rest.fill(0));
                overwrite(&mut placed.text, run.0, string);
                placed.offsets.insert(string.clone(), run.0 as u64);
                run.0 += size;
            }
            None => at_end.push(string),
        }
    }
    // What is left of the last run, if it touches the end, is part of the room there.
    let mut end = match runs.last() {
        Some((from, to)) if *to == text.len() && !at_end.is_empty() => {
            placed.text.truncate(*from);
            *from
        }
        _ => text.len(),
    };
    for string in at_end {
        let host = placed.offsets.iter().find(|(other, _)| other.ends_with(string));
        if let Some(at) = host.map(|(other, at)| at + (other.len() - string.len()) as u64) {
            placed.offsets.insert(string.clone(), at);
            continue;
        }
        overwrite(&mut placed.text, end, string);
        placed.offsets.insert(string.clone(), end as u64);
        end += string.len() + 1;
    }
    placed.text.resize(placed.text.len().max(text.len()), 0);
    placed
}

/// Finds `string` as a whole string or as the tail of one; where nothing has to be kept for it alone, if possible.
fn find(text: &[u8], live: &Live, ends: &[usize], string: &[u8]) -> Option<usize> {
    let mut possible = None;
    for end in ends {
        let Some(at) = end.checked_sub(string.len()) else { continue };
        // A name has no NUL, so a comparison never runs past the string that ends here.
        if text.get(at..*end) != Some(string) {
            continue;
        }
        if live.holds(at) {
            return Some(at);
        }
        possible = possible.or(Some(at));
    }
    possible
}

/// Writes a string and its NUL, growing the text if need be.
fn overwrite(text: &mut Vec<u8>, at: usize, string: &[u8]) {
    let end = at + string.len() + 1;
    if text.len() < end {
        text.resize(end, 0);
    }
    text.get_mut(at..end - 1).into_iter().for_each(|target| target.copy_from_slice(string));
    text.get_mut(end - 1).into_iter().for_each(|last| *last = 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\0lib/alpha\0beta\0/build/gamma\0";

    fn wanted(names: &[&str]) -> Vec<Vec<u8>> {
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    }

    #[test]
    fn a_name_that_is_the_tail_of_another_costs_nothing() {
        let live = Live::of(TEXT, [1, 11, 16]);
        let placed = place(TEXT, live, &[], &wanted(&["alpha", "gamma"]));
        assert_eq!(placed.text, TEXT);
        assert_eq!(placed.offsets[b"alpha".as_slice()], 5);
        assert_eq!(placed.offsets[b"gamma".as_slice()], 23);
    }

    #[test]
    fn a_freed_string_is_cleared_but_not_its_tail_that_a_symbol_uses() {
        // A symbol `gamma` at 23 lives in the tail of a search path at 16.
        let live = Live::of(TEXT, [1, 11, 23]);
        let placed = place(TEXT, live, &[16], &[]);
        assert_eq!(placed.text, b"\0lib/alpha\0beta\0\0\0\0\0\0\0\0gamma\0");
    }

    #[test]
    fn freed_bytes_are_used_before_the_end() {
        let live = Live::of(TEXT, [11, 16]);
        let placed = place(TEXT, live, &[1], &wanted(&["new", "longer-name"]));
        assert_eq!(placed.offsets[b"new".as_slice()], 1);
        assert_eq!(placed.offsets[b"longer-name".as_slice()], TEXT.len() as u64);
        assert_eq!(placed.text.len(), TEXT.len() + 12);
    }

    #[test]
    fn the_last_string_grows_in_its_own_place() {
        let live = Live::of(TEXT, [1, 11]);
        let placed = place(TEXT, live, &[16], &wanted(&["/build/gamma/delta"]));
        assert_eq!(placed.offsets[b"/build/gamma/delta".as_slice()], 16);
        assert_eq!(placed.text.len(), 16 + 19);
    }

    #[test]
    fn new_names_share_their_tails() {
        let live = Live::of(TEXT, [1, 11, 16]);
        let placed = place(TEXT, live, &[], &wanted(&["x.so", "libx.so"]));
        assert_eq!(placed.text.len(), TEXT.len() + 8);
        assert_eq!(placed.offsets[b"x.so".as_slice()], placed.offsets[b"libx.so".as_slice()] + 3);
    }
}
