//! Wheels for several processors: one graph whose roots are each walked by the loader of their own processor.

use std::collections::BTreeSet;

use super::graph::{Graph, ObjectId, Resolution, Root, Via};
use super::{Outside, Target, Universe, resolve};
use crate::arch::Arch;
use crate::error::Result;
use crate::format::{Format, Image, ImageKind};
use crate::platform::{Platform, detect, macos};
use crate::tag::PlatformTag;

/// Returns what loads `binaries` (names and facts) on `platform`: one target for each processor that a process could be
/// for, the claimed or most frequent one alone where files are for one processor (ELF, PE); empty without binaries.
pub fn targets<'a>(
    platform: &'static dyn Platform,
    binaries: impl IntoIterator<Item = (&'a str, &'a Image)>,
    claimed: &[PlatformTag],
) -> Vec<Target> {
    let binaries: Vec<(&str, &Image)> = binaries.into_iter().collect();
    match platform.format() {
        Format::Elf | Format::Pe => {
            let own = binaries.iter().copied().filter(|(_, image)| image.format == platform.format());
            let arch = detect::detect(own, claimed).arch;
            arch.filter(|_| !binaries.is_empty()).map(|arch| Target { platform, arch }).into_iter().collect()
        }
        Format::MachO => {
            let own = binaries.iter().filter(|(_, image)| image.format == Format::MachO);
            let loadable = |image: &Image| image.kind != ImageKind::Object;
            let archs: BTreeSet<Arch> =
                own.filter(|(_, image)| loadable(image)).map(|(_, image)| macos::base(image.arch)).collect();
            archs.into_iter().map(|arch| Target { platform, arch }).collect()
        }
    }
}

/// Resolves as [`resolve`] does, once for each target, into one graph.
///
/// The wheel's objects are numbered as the universe's binaries are, whatever the number of targets; files found outside
/// are objects of the target that found them (of a universal file, each slice is one).
///
/// # Errors
/// As [`resolve`].
pub fn resolve_each<O: Outside>(
    universe: &Universe<'_>,
    targets: &[Target],
    outside: impl Fn(&Target) -> O,
) -> Result<Graph> {
    let mut joined: Option<Graph> = None;
    for target in targets {
        let graph = resolve(universe, *target, &outside(target))?;
        match &mut joined {
            None => joined = Some(graph),
            Some(joined) => join(joined, graph),
        }
    }
    let mut graph = joined.unwrap_or_default();
    graph.roots.sort_by_key(|root| root.object);
    graph.data.sort_by_key(|root| root.object);
    Ok(graph)
}

/// Adds the roots of `other`, and the objects that only it has.
fn join(graph: &mut Graph, other: Graph) {
    // What the wheel and its providers install comes first, and is the same in both.
    let shared = other.objects.iter().take_while(|object| object.external_path().is_none()).count();
    let moved = graph.objects.len() - shared;
    let renumber = |id: &mut ObjectId| {
        if id.0 >= shared {
            id.0 += moved;
        }
    };
    graph.objects.extend(other.objects.into_iter().skip(shared));
    let roots = |roots: Vec<Root>| roots.into_iter().map(|root| renumbered(root, renumber)).collect::<Vec<_>>();
    graph.roots.extend(roots(other.roots));
    graph.data.extend(roots(other.data));
    // Foreign is what no target loads.
    graph.foreign.retain(|id| other.foreign.contains(id));
}

fn renumbered(mut root: Root, renumber: impl Fn(&mut ObjectId)) -> Root {
    renumber(&mut root.object);
    root.scope.iter_mut().for_each(&renumber);
    for edge in &mut root.edges {
        renumber(&mut edge.importer);
        if let Resolution::Object(id) = &mut edge.resolution {
            renumber(id);
        }
        edge.elsewhere.iter_mut().for_each(&renumber);
        edge.variants.iter_mut().for_each(&renumber);
        edge.via.object_mut().into_iter().for_each(&renumber);
        if edge.tried.iter().any(|attempt| matches!(attempt.via, Via::Rpath(_) | Via::Runpath(_))) {
            let mut tried = edge.tried.to_vec();
            tried.iter_mut().filter_map(|attempt| attempt.via.object_mut()).for_each(&renumber);
            edge.tried = tried.into();
        }
    }
    root.turns.iter_mut().for_each(|turn| renumber(&mut turn.object));
    root
}
