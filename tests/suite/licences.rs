//! What the dependencies may be: their licences, the Rust they ask for, and no C in the bare library.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Licences that may be combined with MIT OR Apache-2.0 without changing what users must do.
const ALLOWED: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "MPL-2.0",
    "CC0-1.0",
    "Unlicense",
    "BSL-1.0",
];

fn metadata(arguments: &[&str]) -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    command.other_options(arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>());
    command.exec().unwrap()
}

/// Returns what the crate is built from: dependencies of those kinds, theirs too.
fn reached(metadata: &Metadata, kinds: &[DependencyKind]) -> BTreeSet<PackageId> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let mut found = BTreeSet::new();
    let mut open = vec![resolve.root.clone().unwrap()];
    while let Some(id) = open.pop() {
        if !found.insert(id.clone()) {
            continue;
        }
        let node = resolve.nodes.iter().find(|node| node.id == id).unwrap();
        for dependency in &node.deps {
            if dependency.dep_kinds.iter().any(|kind| kinds.contains(&kind.kind)) {
                open.push(dependency.pkg.clone());
            }
        }
    }
    found
}

/// Tells whether a licence expression can be met by the allowed licences alone.
///
/// SPDX: `AND` binds more tightly than `OR`; crates also write `/` for `OR`.
fn is_met(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    if let Some(open) = expression.find('(') {
        let close = expression[open..].find(')').unwrap() + open;
        let inner = if is_met(&expression[open + 1..close]) { "MIT" } else { "refused" };
        return is_met(&format!("{}{inner}{}", &expression[..open], &expression[close + 1..]));
    }
    expression.split(" OR ").any(|choice| choice.split(" AND ").all(|licence| ALLOWED.contains(&licence.trim())))
}

#[test]
fn licence_expressions_are_read() {
    assert!(is_met("MIT OR GPL-3.0"));
    assert!(is_met("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(is_met("Unlicense/MIT"));
    assert!(!is_met("MIT AND GPL-3.0"));
    assert!(!is_met("(GPL-2.0 OR GPL-3.0) AND MIT"));
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let metadata = metadata(&["--locked"]);
    let shipped = reached(&metadata, &[DependencyKind::Normal, DependencyKind::Build]);
    let mut refused = Vec::new();
    for package in metadata.packages.iter().filter(|package| shipped.contains(&package.id)) {
        let licence = package.license.as_deref().unwrap_or("none");
        if !is_met(licence) {
            refused.push(format!("{} {}: {licence}", package.name, package.version));
        }
    }
    assert!(shipped.len() > 20);
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn no_dependency_asks_for_a_newer_rust_than_the_crate() {
    let metadata = metadata(&["--locked"]);
    let ours = metadata.root_package().unwrap().rust_version.clone().unwrap();
    let shipped = reached(&metadata, &[DependencyKind::Normal, DependencyKind::Build]);
    let newer: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| shipped.contains(&package.id) && package.rust_version.as_ref().is_some_and(|v| *v > ours))
        .map(|package| format!("{} {} asks for {:?}", package.name, package.version, package.rust_version))
        .collect();
    assert!(newer.is_empty(), "{newer:#?}");
}

#[test]
fn the_bare_library_is_pure_rust_and_small() {
    let metadata = metadata(&["--locked", "--no-default-features"]);
    let shipped = reached(&metadata, &[DependencyKind::Normal, DependencyKind::Build]);
    let mut complaints = Vec::new();
    for package in metadata.packages.iter().filter(|package| shipped.contains(&package.id)) {
        let name = package.name.as_str();
        // A crate that builds or links C declares `links` or is one of these. Two that are pure Rust declare it only
        // to be the one copy in a program.
        if ["cc", "cmake", "pkg-config", "bindgen"].contains(&name) {
            complaints.push(format!("{name} builds C"));
        }
        if package.links.is_some() && !["rayon-core", "wasm-bindgen-shared"].contains(&name) {
            complaints.push(format!("{name} links {:?}", package.links));
        }
        if ["clap", "indicatif", "anstream", "env_logger", "log4rs", "tracing-subscriber"].contains(&name) {
            complaints.push(format!("{name} is for programs"));
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}
