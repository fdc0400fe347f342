//! `Subject`: what a judgement needs to know of a wheel: its binaries, who provides what they import, in which scope.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::needs::Needs;
use crate::diagnostic::Code;
use crate::format::{Image, SymbolFacts};
use crate::load::{Graph, ObjectId, Origin, Resolution};

/// Who provides a library that a binary imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Provider {
    /// A binary of the wheel: its place in [`Subject::binaries`].
    Wheel(usize),
    /// A file outside that a repair would vendor where the policy does not give it: its place likewise.
    Vendored(usize),
    /// The user's machine or another distribution, by the caller's wish: does not count against a tag.
    Excluded,
    /// The running Python: a libpython.
    Python,
    /// Nothing in the wheel: the policy gives it, or it is outside the policy.
    Outside,
}

/// What files outside the wheel are to a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Externals {
    /// Not in the wheel: the bytes are judged as they are.
    Absent,
    /// In the wheel, wherever the policy does not give the library: what a repair would make of it.
    Vendored,
}

/// One import of a binary and who provides it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link<'a> {
    /// The name, as imported.
    pub name: &'a str,
    /// Who provides it.
    pub provider: Provider,
}

/// Whether and how a binary is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A binary of the wheel that something loads.
    Loaded,
    /// Under `.data/data` or `.data/headers`, and nothing loads it.
    Data,
    /// A file outside ([`Externals::Vendored`]).
    External,
}

/// One binary.
#[derive(Debug)]
#[non_exhaustive]
pub struct SubjectBinary<'a> {
    /// Archive name, or the path of a file outside.
    pub member: &'a str,
    /// Its facts.
    pub image: &'a Image,
    /// Its dynamic symbols.
    pub symbols: &'a SymbolFacts,
    /// Whether and how it is loaded.
    pub standing: Standing,
    /// Its imports; one that resolves differently under several roots is there once for each outcome.
    pub links: Vec<Link<'a>>,
    /// The scopes it is loaded in: places in [`Subject::scopes`].
    pub scopes: Vec<usize>,
    chain: OnceLock<Vec<String>>,
    pub(super) needs: Needs<'a>,
}

impl<'a> SubjectBinary<'a> {
    /// Returns a binary whose imports are all outside the wheel.
    pub fn new(member: &'a str, image: &'a Image, symbols: &'a SymbolFacts) -> Self {
        let link = |import: &'a crate::format::Import| Link { name: &import.name, provider: Provider::Outside };
        Self {
            member,
            image,
            symbols,
            standing: Standing::Loaded,
            links: image.imports.iter().map(link).collect(),
            scopes: Vec::new(),
            chain: OnceLock::new(),
            needs: Needs::default(),
        }
    }

    /// Returns the last component of its name.
    pub fn file_name(&self) -> &'a str {
        self.member.rsplit('/').next().unwrap_or(self.member)
    }
}

/// All binaries of a wheel, and how they load each other.
#[derive(Debug, Default)]
pub struct Subject<'a> {
    binaries: Vec<SubjectBinary<'a>>,
    /// For each load root, the binaries in whose order symbols are looked up.
    scopes: Vec<Vec<usize>>,
    /// The graph that chains are read from.
    graph: Option<&'a Graph>,
    tolerated: BTreeSet<Code>,
}

impl<'a> Subject<'a> {
    /// Returns a subject of binaries that are each loaded with the binaries of the wheel that they link.
    pub fn new(binaries: Vec<SubjectBinary<'a>>) -> Self {
        let scopes = (0..binaries.len()).map(|root| closure(&binaries, root)).collect();
        Self { binaries, scopes, ..Self::default() }.prepared()
    }

    /// Returns the subject that a resolved graph describes.
    pub fn of(graph: &'a Graph, externals: Externals) -> Self {
        let mut binaries: Vec<SubjectBinary<'a>> = Vec::with_capacity(graph.objects.len());
        let data: BTreeSet<ObjectId> = graph.data.iter().map(|root| root.object).collect();
        let mut places: BTreeMap<ObjectId, usize> = BTreeMap::new();
        for (id, object) in graph.iter() {
            let standing = match &object.origin {
                Origin::Wheel if data.contains(&id) => Standing::Data,
                Origin::Wheel => Standing::Loaded,
                Origin::External(_) if externals == Externals::Vendored => Standing::External,
                _ => continue,
            };
            places.insert(id, binaries.len());
            let mut binary = SubjectBinary::new(object.display_name(), &object.image, &object.symbols);
            binary.standing = standing;
            // What was not resolved (another machine's binary) says nothing about its imports.
            binary.links.clear();
            binaries.push(binary);
        }
        let mut seen = BTreeSet::new();
        for edge in graph.all_roots().flat_map(|root| &root.edges) {
            let Some(&importer) = places.get(&edge.importer) else { continue };
            let provider = match edge.resolution {
                Resolution::Object(target) => match (&graph.object(target).origin, places.get(&target)) {
                    (Origin::Wheel, Some(&place)) => Provider::Wheel(place),
                    (Origin::External(_), Some(&place)) => Provider::Vendored(place),
                    (Origin::Provider(_), _) => Provider::Excluded,
                    _ => Provider::Outside,
                },
                Resolution::Excluded => Provider::Excluded,
                Resolution::Python => Provider::Python,
                // A repair makes reachable what lies elsewhere in the wheel.
                Resolution::Missing if externals == Externals::Vendored => {
                    match edge.elsewhere.and_then(|other| places.get(&other)) {
                        Some(&place) => Provider::Wheel(place),
                        None => Provider::Outside,
                    }
                }
                Resolution::System | Resolution::Missing => Provider::Outside,
            };
            let link = Link { name: &graph.import(edge).name, provider };
            if seen.insert((importer, link.clone())) {
                // INVARIANT: `places` holds places in `binaries`.
                binaries[importer].links.push(link);
            }
        }
        let mut scopes: Vec<Vec<usize>> = Vec::new();
        for root in graph.all_roots() {
            let scope: Vec<usize> = root.scope.iter().filter_map(|id| places.get(id).copied()).collect();
            // Copies for newer processors are loaded in place of another, with the same scope.
            let variants = root.edges.iter().flat_map(|edge| &edge.variants).filter_map(|id| places.get(id));
            for &member in scope.iter().chain(variants) {
                // INVARIANT: `places` holds places in `binaries`.
                if binaries[member].scopes.last() != Some(&scopes.len()) {
                    binaries[member].scopes.push(scopes.len());
                }
            }
            scopes.push(scope);
        }
        Self { binaries, scopes, graph: Some(graph), tolerated: BTreeSet::new() }.prepared()
    }

    /// Lets reasons of this code be notes: what was found does not keep the wheel from a tag.
    #[must_use]
    pub fn tolerating(mut self, code: Code) -> Self {
        self.tolerated.insert(code);
        self
    }

    /// Returns true if reasons of this code do not count.
    pub fn tolerates(&self, code: Code) -> bool {
        self.tolerated.contains(&code)
    }

    /// Returns the binaries: the wheel's in order of archive names, then the files outside.
    pub fn binaries(&self) -> &[SubjectBinary<'a>] {
        &self.binaries
    }

    /// Returns for each load root the places of the binaries it loads, in the order of symbol lookup.
    pub fn scopes(&self) -> &[Vec<usize>] {
        &self.scopes
    }

    /// Returns the binary at a place that a [`Provider`] or a scope names.
    pub(super) fn at(&self, place: usize) -> &SubjectBinary<'a> {
        // INVARIANT: places are made together with the binaries they name.
        &self.binaries[place]
    }

    /// Returns the names from a load root to the binary at a place, root first; at least the binary's own.
    pub(super) fn chain(&self, place: usize) -> Vec<String> {
        let binary = self.at(place);
        let find = || {
            let id = self.graph.and_then(|graph| {
                let found = |(_, object): &(ObjectId, &crate::load::Object)| object.display_name() == binary.member;
                graph.iter().find(found).map(|(id, _)| graph.chain(id))
            });
            id.filter(|chain| !chain.is_empty()).unwrap_or_else(|| vec![binary.member.to_owned()])
        };
        binary.chain.get_or_init(find).clone()
    }

    fn prepared(mut self) -> Self {
        for place in 0..self.binaries.len() {
            if self.binaries[place].scopes.is_empty() {
                let mine = |(_, scope): &(usize, &Vec<usize>)| scope.contains(&place);
                self.binaries[place].scopes =
                    self.scopes.iter().enumerate().filter(mine).map(|(scope, _)| scope).collect();
            }
        }
        for place in 0..self.binaries.len() {
            let needs = Needs::of(&self, place);
            self.binaries[place].needs = needs;
        }
        self
    }
}

/// The binary at a place and all of the wheel that it links, breadth first.
fn closure(binaries: &[SubjectBinary<'_>], root: usize) -> Vec<usize> {
    let mut scope = vec![root];
    let mut next = 0;
    while let Some(&place) = scope.get(next) {
        next += 1;
        for link in &binaries[place].links {
            if let Provider::Wheel(target) | Provider::Vendored(target) = link.provider
                && !scope.contains(&target)
            {
                scope.push(target);
            }
        }
    }
    scope
}
