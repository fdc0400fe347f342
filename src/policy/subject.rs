//! `Subject`: the facts of a wheel that a judgement needs: its binaries, and who provides what they import.

use crate::format::{Image, SymbolFacts};

/// Who provides a library that a binary imports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provider {
    /// A binary of the wheel; the index into [`Subject::binaries`].
    Wheel(usize),
    /// Left to the user's machine by `--exclude`; does not count against a tag.
    Excluded,
    /// Nothing in the wheel: the policy gives it, or it is outside the policy.
    Outside,
}

/// One binary of the wheel.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SubjectBinary<'a> {
    /// Archive name.
    pub member: &'a str,
    /// Its facts.
    pub image: &'a Image,
    /// Its dynamic symbols.
    pub symbols: &'a SymbolFacts,
    /// Who provides each of [`Image::imports`], in the same order.
    pub providers: Vec<Provider>,
    /// True if the interpreter or the system loads it by itself.
    pub root: bool,
    /// Archive names from a load root to the importer of this binary, root first; empty for a root.
    pub chain: Vec<String>,
}

impl<'a> SubjectBinary<'a> {
    /// Returns a load root whose imports are all outside the wheel.
    pub fn new(member: &'a str, image: &'a Image, symbols: &'a SymbolFacts) -> Self {
        let providers = vec![Provider::Outside; image.imports.len()];
        Self { member, image, symbols, providers, root: true, chain: Vec::new() }
    }
}

/// All binaries of a wheel.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Subject<'a> {
    /// The binaries, sorted by archive name.
    pub binaries: Vec<SubjectBinary<'a>>,
}

impl<'a> Subject<'a> {
    /// Returns a subject of these binaries.
    pub fn new(binaries: Vec<SubjectBinary<'a>>) -> Self {
        Self { binaries }
    }
}
