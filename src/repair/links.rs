//! The graph seen from its edges: who imports what, each outcome once, and the shortest chain to every object.

use std::collections::{BTreeMap, VecDeque};

use crate::load::{Edge, Graph, ObjectId, Resolution};

/// Edges of a graph by importer, and chains from load roots.
pub(super) struct Links<'a> {
    pub graph: &'a Graph,
    edges: BTreeMap<ObjectId, Vec<&'a Edge>>,
    parents: BTreeMap<ObjectId, Option<ObjectId>>,
}

impl<'a> Links<'a> {
    /// Reads every edge once.
    pub fn of(graph: &'a Graph) -> Self {
        let mut edges: BTreeMap<ObjectId, Vec<&'a Edge>> = BTreeMap::new();
        let mut seen = std::collections::HashSet::new();
        for edge in graph.all_roots().flat_map(|root| &root.edges) {
            if seen.insert((edge.importer, edge.import, edge.resolution)) {
                edges.entry(edge.importer).or_default().push(edge);
            }
        }
        for list in edges.values_mut() {
            list.sort_by_key(|edge| edge.import);
        }
        let mut parents = BTreeMap::new();
        let mut queue = VecDeque::new();
        for root in graph.all_roots() {
            if parents.insert(root.object, None).is_none() {
                queue.push_back(root.object);
            }
        }
        while let Some(current) = queue.pop_front() {
            for edge in edges.get(&current).map(Vec::as_slice).unwrap_or_default() {
                let elsewhere = edge.elsewhere.filter(|_| edge.resolution == Resolution::Missing);
                let target = match edge.resolution {
                    Resolution::Object(target) => Some(target),
                    _ => elsewhere,
                };
                let Some(target) = target else { continue };
                if let std::collections::btree_map::Entry::Vacant(entry) = parents.entry(target) {
                    entry.insert(Some(current));
                    queue.push_back(target);
                }
            }
        }
        Self { graph, edges, parents }
    }

    /// Returns the edges of one object by import; an import that resolves in several ways has several.
    pub fn edges_of(&self, importer: ObjectId) -> &[&'a Edge] {
        self.edges.get(&importer).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the shortest chain from a load root to the object, both included.
    pub fn chain(&self, object: ObjectId) -> Vec<ObjectId> {
        let mut chain = vec![object];
        let mut at = object;
        while let Some(Some(parent)) = self.parents.get(&at) {
            chain.push(*parent);
            at = *parent;
        }
        chain.reverse();
        chain
    }
}
