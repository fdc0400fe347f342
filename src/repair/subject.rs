//! A graph as the policies judge it: now, or as it will be when libraries have been vendored.

use std::collections::BTreeMap;

use super::links::Links;
use crate::load::{ObjectId, Resolution};
use crate::policy::{Provider, Subject, SubjectBinary};

/// Returns the subject of the binaries in `inside`, which maps each to its archive name.
///
/// An import of something that is not inside is outside, except where it is left to the user's machine.
pub(super) fn subject<'a>(
    links: &Links<'a>,
    inside: &'a BTreeMap<ObjectId, String>,
    left: &dyn Fn(&crate::load::Edge) -> bool,
) -> Subject<'a> {
    let index: BTreeMap<ObjectId, usize> = inside.keys().enumerate().map(|(at, id)| (*id, at)).collect();
    let roots: std::collections::BTreeSet<ObjectId> = links.graph.roots.iter().map(|root| root.object).collect();
    let name = |id: &ObjectId| inside.get(id).cloned().unwrap_or_default();
    let binaries = inside
        .iter()
        .map(|(&id, member)| {
            let object = links.graph.object(id);
            let mut binary = SubjectBinary::new(member, &object.image, &object.symbols);
            binary.root = roots.contains(&id);
            binary.chain = links.chain(id).iter().map(name).collect();
            for edge in links.edges_of(id) {
                let Some(provider) = binary.providers.get_mut(edge.import) else { continue };
                let target = match edge.resolution {
                    Resolution::Object(target) => Some(target),
                    Resolution::Missing => edge.elsewhere,
                    Resolution::System | Resolution::Python | Resolution::Excluded => None,
                };
                *provider = match target.and_then(|target| index.get(&target)) {
                    Some(&at) => Provider::Wheel(at),
                    None if edge.resolution == Resolution::Excluded || left(edge) => Provider::Excluded,
                    None => continue,
                };
            }
            binary
        })
        .collect();
    Subject::new(binaries)
}
