//! Input to document: the components, what they were before, and who needs whom.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::licence;
use super::model::{
    Bom, Component, Composition, Dependency, Evidence, Hash, Lifecycle, Metadata, Occurrence, Pedigree, Property,
    Supplier, Tool, Tools,
};
use super::{Original, SbomInput, Vendored};
use crate::format::Change;
use crate::origin::purl;

/// The name that `truewheel` writes as its own.
pub(super) const TOOL: &str = "truewheel";

/// Returns the document without its serial number, as a value.
pub(super) fn bom(input: &SbomInput) -> Value {
    // The root's reference is its package URL; a name that no URL can carry leaves a plain one.
    let url = purl::of_distribution(&input.name, &input.version, &input.file_name);
    let root = if url.is_empty() { "wheel".to_owned() } else { url.clone() };
    // By path: a file is vendored once, the order of the input does not show.
    let vendored: BTreeMap<&str, &Vendored> = input.vendored.iter().map(|file| (&*file.path, file)).collect();
    let known = |paths: &[String]| {
        let mut references: Vec<String> =
            paths.iter().filter(|path| vendored.contains_key(&***path)).map(|path| reference(path)).collect();
        references.sort();
        references.dedup();
        references
    };
    let mut dependencies = vec![Dependency { reference: root.clone(), depends_on: known(&input.needed) }];
    dependencies.extend(
        vendored.values().map(|file| Dependency { reference: reference(&file.path), depends_on: known(&file.needed) }),
    );
    let unknown: Vec<String> = vendored
        .values()
        .filter(|file| file.originals().any(|original| original.package.is_none()))
        .map(|file| reference(&file.path))
        .collect();
    let bom = Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: String::new(),
        version: 1,
        metadata: Metadata {
            timestamp: input.timestamp.and_then(timestamp),
            lifecycles: [Lifecycle { phase: "post-build" }],
            tools: Tools { components: [Tool { kind: "application", name: TOOL, version: env!("CARGO_PKG_VERSION") }] },
            component: Component {
                kind: "library",
                reference: Some(root),
                name: input.name.clone(),
                version: Some(input.version.clone()),
                purl: Some(url).filter(|url| !url.is_empty()),
                ..Component::default()
            },
        },
        components: vendored.values().map(|file| component(file)).collect(),
        dependencies,
        // What a file of unknown origin is made of is not known either, and this is CycloneDX's word for it.
        compositions: if unknown.is_empty() {
            Vec::new()
        } else {
            vec![Composition { aggregate: "unknown", assemblies: unknown }]
        },
    };
    // INVARIANT: strings, numbers and lists alone always serialise.
    serde_json::to_value(bom).unwrap_or_default()
}

/// Returns the reference of a vendored file: its path in the wheel, which no other has.
fn reference(path: &str) -> String {
    format!("file:{path}")
}

fn component(file: &Vendored) -> Component {
    let mut component = described(&file.original);
    component.reference = Some(reference(&file.path));
    component.hashes = sha256(&file.final_sha256);
    component.evidence = Some(Evidence { occurrences: vec![Occurrence { location: file.path.clone() }] });
    if file.final_sha256 != file.original.sha256 {
        let before = |original: &Original| Component { hashes: sha256(&original.sha256), ..described(original) };
        component.pedigree =
            Some(Pedigree { ancestors: file.originals().map(before).collect(), notes: notes(&file.changes) });
    }
    for property in file.originals().flat_map(properties) {
        // What several files have in common is said once.
        if !component.properties.contains(&property) {
            component.properties.push(property);
        }
    }
    component
}

/// What no field of CycloneDX is for.
fn properties(file: &Original) -> impl Iterator<Item = Property> {
    let package = file.package.as_ref();
    let origin = package.map_or("unknown", |package| package.database.name());
    let values = [
        ("truewheel:origin", Some(origin.to_owned())),
        ("truewheel:original-name", Some(file.name.clone())),
        ("truewheel:package-file", package.map(|package| package.file.clone())),
        ("truewheel:source-package", package.and_then(|package| package.source.clone())),
        ("truewheel:identity", file.identity.clone()),
        ("truewheel:build-id", file.build_id.clone()),
        ("truewheel:product", file.stated.as_ref().and_then(|stated| stated.product.clone())),
    ];
    values
        .into_iter()
        .filter_map(|(name, value)| Some(Property { name, value: value.filter(|value| !value.is_empty())? }))
}

/// What holds of a file before and after it was rewritten.
fn described(file: &Original) -> Component {
    let Some(package) = &file.package else {
        let stated = file.stated.clone().unwrap_or_default();
        return Component {
            kind: "library",
            supplier: stated.company.map(|name| Supplier { name }),
            name: file.name.clone(),
            version: stated.version,
            ..Component::default()
        };
    };
    Component {
        kind: "library",
        supplier: package.supplier.clone().map(|name| Supplier { name }),
        name: package.name.clone(),
        version: Some(match &package.epoch {
            Some(epoch) => format!("{epoch}:{}", package.version),
            None => package.version.clone(),
        }),
        licenses: licence::choice(package.licence.as_deref()),
        purl: Some(package.purl()).filter(|purl| !purl.is_empty()),
        ..Component::default()
    }
}

fn sha256(content: &str) -> Vec<Hash> {
    // The schema allows hexadecimal of the right length alone.
    let sound = content.len() == 64 && content.bytes().all(|byte| byte.is_ascii_hexdigit());
    if sound { vec![Hash { alg: "SHA-256", content: content.to_ascii_lowercase() }] } else { Vec::new() }
}

/// One line a change: `` needed: `libz.so.1` -> `libz-1a2b3c4d.so.1` ``.
fn notes(changes: &[Change]) -> Option<String> {
    let lines: Vec<String> = changes
        .iter()
        .map(|change| match (&change.from, &change.to) {
            (Some(from), Some(to)) => format!("{}: `{from}` -> `{to}`", change.what),
            (Some(from), None) => format!("{}: `{from}` removed", change.what),
            (None, Some(to)) => format!("{}: `{to}` added", change.what),
            (None, None) => change.what.to_owned(),
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn timestamp(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}
