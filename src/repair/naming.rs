//! Names of vendored libraries: one name always means one content.
//!
//! The hash in a name covers the source bytes and whatever else shapes the result: the new names of its vendored
//! dependencies, its search path, the strip mode. Libraries that need each other are hashed as one.

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::platform::VendorNaming;

/// Changes whenever the same inputs would be edited to other bytes, so that old and new results never share a name.
const EDITION: &[u8] = b"truewheel vendored library 1";

/// What shapes one vendored library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// The file's own name, symbolic links followed.
    pub file_name: String,
    /// SHA-256 of the source file.
    pub digest: [u8; 32],
    /// Whatever else shapes the content: search path, strip mode, removed imports.
    pub marks: Vec<String>,
    /// Its imports in file order: the name, and which vendored library it is, if it is one.
    pub imports: Vec<(String, Option<usize>)>,
    /// Keeps its file name.
    pub keep_name: bool,
}

/// Returns the new file name of each library, in the same order.
///
/// # Errors
/// `Refused` if two libraries of different content keep the same name.
pub(super) fn vendored_names(
    shapes: &[Shape],
    naming: VendorNaming,
    is_taken: impl Fn(&str) -> bool,
) -> Result<Vec<String>> {
    let mut names: Vec<Option<String>> = vec![None; shapes.len()];
    let mut contents: Vec<Option<[u8; 32]>> = vec![None; shapes.len()];
    for component in components(shapes) {
        let shared = component_hash(&component, shapes, &names);
        for &index in &component {
            let shape = &shapes[index];
            let mut hash = Sha256::new();
            hash.update(shared);
            hash.update(shape.digest);
            hash.update(shape.file_name.as_bytes());
            let content: [u8; 32] = hash.finalize().into();
            names[index] = Some(match shape.keep_name {
                true => shape.file_name.clone(),
                false if naming == VendorNaming::Kept && clashes(index, shapes, &is_taken) => {
                    mangled(&shape.file_name, &content, ON_CLASH)
                }
                false => mangled(&shape.file_name, &content, naming),
            });
            contents[index] = Some(content);
        }
    }
    let names: Vec<String> = names.into_iter().flatten().collect();
    for (index, name) in names.iter().enumerate() {
        if let Some(other) = (0..index).find(|&other| names[other] == *name && contents[other] != contents[index]) {
            return Err(Error::refused(format!(
                "two different libraries would both be vendored as `{name}`: {} and {}",
                shapes[other].file_name, shapes[index].file_name
            ))
            .hint("do not keep this name (`--no-mangle`)"));
        }
    }
    Ok(names)
}

/// What names are made of where they are kept but cannot be.
const ON_CLASH: VendorNaming = VendorNaming::BeforeExtension(8);

/// Whether another library of other content, or a member of the wheel, has the name; macOS does not tell case apart.
fn clashes(index: usize, shapes: &[Shape], is_taken: impl Fn(&str) -> bool) -> bool {
    let shape = &shapes[index];
    let same = |other: &Shape| other.file_name.eq_ignore_ascii_case(&shape.file_name) && other.digest != shape.digest;
    shapes.iter().any(same) || is_taken(&shape.file_name)
}

/// The hash of libraries that need each other: all that shapes any of them, in an order that does not depend on how
/// they were found.
fn component_hash(component: &[usize], shapes: &[Shape], names: &[Option<String>]) -> [u8; 32] {
    let mut order = component.to_vec();
    order.sort_by(|&a, &b| (&shapes[a].file_name, shapes[a].digest).cmp(&(&shapes[b].file_name, shapes[b].digest)));
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(EDITION);
    for &index in &order {
        let shape = &shapes[index];
        part(shape.file_name.as_bytes());
        part(&shape.digest);
        part(&[u8::from(shape.keep_name)]);
        for mark in &shape.marks {
            part(mark.as_bytes());
        }
        for (name, target) in &shape.imports {
            part(name.as_bytes());
            match target.map(|target| (target, order.iter().position(|&member| member == target))) {
                Some((_, Some(position))) => part(format!("within {position}").as_bytes()),
                // Dependencies come first, so that theirs is a name already.
                Some((target, None)) => part(names[target].as_deref().unwrap_or_default().as_bytes()),
                None => part(b"outside"),
            }
        }
    }
    hash.finalize().into()
}

/// Returns `libfoo-1a2b3c4d.so.1.2` of `libfoo.so.1.2`; a name that ends so already stays.
fn mangled(file_name: &str, content: &[u8; 32], naming: VendorNaming) -> String {
    let (digits, at) = match naming {
        VendorNaming::BeforeFirstDot(digits) => (digits, stem_length(file_name)),
        VendorNaming::BeforeExtension(digits) => (digits, file_name.rfind('.').unwrap_or(file_name.len())),
        VendorNaming::Kept => return file_name.to_owned(),
    };
    let hex: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
    let hash = hex.get(..digits).unwrap_or(&hex);
    let (stem, rest) = file_name.split_at(at);
    match stem.ends_with(&format!("-{hash}")) {
        true => file_name.to_owned(),
        false => format!("{stem}-{hash}{rest}"),
    }
}

/// The length of what stands before `.so`, else before the first dot.
fn stem_length(file_name: &str) -> usize {
    let ends = |at: usize| matches!(file_name.as_bytes().get(at + 3), None | Some(b'.'));
    file_name
        .match_indices(".so")
        .map(|(at, _)| at)
        .find(|&at| at > 0 && ends(at))
        .or_else(|| file_name.find('.').filter(|&at| at > 0))
        .unwrap_or(file_name.len())
}

/// Returns sets of libraries that need each other, those needed by others first (Tarjan's algorithm, without
/// recursion: a chain of dependencies may be long).
fn components(shapes: &[Shape]) -> Vec<Vec<usize>> {
    #[derive(Clone, Copy)]
    struct Visit {
        index: usize,
        low: usize,
        on_stack: bool,
    }
    let targets: Vec<Vec<usize>> =
        shapes.iter().map(|shape| shape.imports.iter().filter_map(|(_, target)| *target).collect()).collect();
    let mut visits: Vec<Option<Visit>> = vec![None; shapes.len()];
    let (mut stack, mut found, mut counter) = (Vec::new(), Vec::new(), 0);
    for start in 0..shapes.len() {
        if visits[start].is_some() {
            continue;
        }
        let mut work: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((node, next)) = work.pop() {
            if next == 0 {
                visits[node] = Some(Visit { index: counter, low: counter, on_stack: true });
                counter += 1;
                stack.push(node);
            }
            // INVARIANT: a node on the work list has been visited.
            let mut here = visits[node].unwrap_or(Visit { index: 0, low: 0, on_stack: false });
            let mut descended = false;
            for (position, &target) in targets[node].iter().enumerate().skip(next.saturating_sub(1)) {
                match visits[target] {
                    None => {
                        visits[node] = Some(here);
                        work.push((node, position + 1));
                        work.push((target, 0));
                        descended = true;
                        break;
                    }
                    Some(other) if other.on_stack => here.low = here.low.min(other.low),
                    Some(_) => {}
                }
            }
            visits[node] = Some(here);
            if descended {
                continue;
            }
            if here.low == here.index {
                let mut component = Vec::new();
                while let Some(member) = stack.pop() {
                    if let Some(visit) = &mut visits[member] {
                        visit.on_stack = false;
                    }
                    component.push(member);
                    if member == node {
                        break;
                    }
                }
                component.sort_unstable();
                found.push(component);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMING: VendorNaming = VendorNaming::BeforeFirstDot(8);

    fn shape(file_name: &str, imports: &[(&str, Option<usize>)]) -> Shape {
        Shape {
            file_name: file_name.into(),
            digest: Sha256::digest(file_name.as_bytes()).into(),
            marks: Vec::new(),
            imports: imports.iter().map(|(name, target)| ((*name).to_owned(), *target)).collect(),
            keep_name: false,
        }
    }

    #[test]
    fn the_hash_stands_before_so() {
        let content = [0xab; 32];
        assert_eq!(mangled("libfoo.so.1.2", &content, NAMING), "libfoo-abababab.so.1.2");
        assert_eq!(mangled("libusb-1.0.so.0.3.0", &content, NAMING), "libusb-1.0-abababab.so.0.3.0");
        assert_eq!(mangled("libsodium.so", &content, NAMING), "libsodium-abababab.so");
        assert_eq!(mangled("libsolv.so.1", &content, NAMING), "libsolv-abababab.so.1");
        assert_eq!(mangled("plugin", &content, NAMING), "plugin-abababab");
        assert_eq!(mangled("libfoo-abababab.so.1", &content, NAMING), "libfoo-abababab.so.1");
    }

    #[test]
    fn a_dependency_s_name_shapes_the_name() {
        let with = |leaf: &str| {
            vendored_names(&[shape("liba.so.1", &[("libb.so", Some(1))]), shape(leaf, &[])], NAMING, |_| false).unwrap()
                [0]
            .clone()
        };
        assert_ne!(with("libb.so"), with("libc.so"));
    }

    #[test]
    fn libraries_that_need_each_other_are_hashed_as_one() {
        let pair = |mark: &str| {
            let mut b = shape("libb.so", &[("liba.so", Some(0))]);
            b.marks.push(mark.into());
            vendored_names(&[shape("liba.so", &[("libb.so", Some(1))]), b], NAMING, |_| false).unwrap()
        };
        assert_ne!(pair("")[0], pair("stripped")[0]);
        assert_eq!(components(&[shape("a", &[("b", Some(1))]), shape("b", &[("a", Some(0))])]), [vec![0, 1]]);
    }

    #[test]
    fn names_do_not_depend_on_the_order_of_finding() {
        let forth =
            vendored_names(&[shape("a.so", &[("b.so", Some(1))]), shape("b.so", &[])], NAMING, |_| false).unwrap();
        let back =
            vendored_names(&[shape("b.so", &[]), shape("a.so", &[("b.so", Some(0))])], NAMING, |_| false).unwrap();
        assert_eq!((&forth[0], &forth[1]), (&back[1], &back[0]));
    }

    #[test]
    fn two_contents_cannot_keep_one_name() {
        let mut a = shape("liba.so", &[]);
        a.keep_name = true;
        let mut b = a.clone();
        b.digest = [1; 32];
        assert!(vendored_names(&[a, b], NAMING, |_| false).is_err());
    }

    #[test]
    fn a_kept_name_gets_a_hash_only_where_it_clashes() {
        let kept =
            |shapes: &[Shape], taken: &str| vendored_names(shapes, VendorNaming::Kept, |name| name == taken).unwrap();
        let mut other = shape("LIBA.dylib", &[]);
        other.digest = [1; 32];
        let names = kept(&[shape("liba.dylib", &[]), other, shape("libb.1.dylib", &[])], "");
        assert!(names[0].starts_with("liba-") && names[1].starts_with("LIBA-"), "{names:?}");
        assert_eq!(names[2], "libb.1.dylib");
        assert!(kept(&[shape("liba.dylib", &[])], "liba.dylib")[0].starts_with("liba-"));
    }

    #[test]
    fn a_long_chain_does_not_recurse() {
        let count = 20_000;
        let shapes: Vec<Shape> =
            (0..count).map(|index| shape("x", &[("y", (index + 1 < count).then_some(index + 1))])).collect();
        assert_eq!(components(&shapes).len(), count);
    }
}
