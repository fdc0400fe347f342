//! vcpkg: an `installed` folder, or the tree of a manifest build.

use serde::Deserialize;

use super::anchor::{Anchor, Answer, DATABASE_LIMIT, MAX_PACKAGES, Wanted};
use super::paragraphs::paragraphs;
use super::{Database, Package};

const INFO: &str = "/vcpkg/info";
const STATUS: &str = "/vcpkg/status";

/// What is read of a port's `vcpkg.spdx.json`.
#[derive(Deserialize)]
struct Spdx {
    #[serde(default)]
    packages: Vec<SpdxPackage>,
}

#[derive(Deserialize)]
struct SpdxPackage {
    #[serde(rename = "licenseConcluded")]
    licence: Option<String>,
}

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    anchor.exists(INFO)
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    for name in anchor.list(INFO).into_iter().filter(|name| name.ends_with(".list")).take(MAX_PACKAGES) {
        let below = format!("{INFO}/{name}");
        let Some(text) = anchor.text(&below) else { continue };
        for line in text.lines() {
            let path = format!("/{line}");
            for hit in wanted.find(&path) {
                // `<port>_<version>_<triplet>.list`; the first folder of each line is the triplet.
                let triplet = line.split('/').next().unwrap_or_default();
                let stem = name.strip_suffix(&format!("_{triplet}.list")).and_then(|stem| stem.split_once('_'));
                let Some((port, version)) = stem else { continue };
                answer.claim(*hit, || {
                    let mut package = Package::new(Database::Vcpkg, anchor.path(&below), &*path, port, version);
                    package.arch = Some(triplet.to_owned());
                    package.qualifiers = vec![("triplet".to_owned(), triplet.to_owned())];
                    package
                });
            }
        }
    }
    // Only for those that were found are the other two files read.
    answer.describe(|package| {
        let triplet = package.arch.clone().unwrap_or_default();
        package.licence = licence(anchor, &format!("/{triplet}/share/{}/vcpkg.spdx.json", package.name));
        if let Some(number) = port_version(anchor, &package.name, &triplet) {
            package.qualifiers.insert(0, ("port_version".to_owned(), number));
        }
    });
    answer
}

/// Returns the port's revision; absent where it is 0.
fn port_version(anchor: &Anchor<'_>, port: &str, triplet: &str) -> Option<String> {
    let bytes = anchor.read(STATUS, DATABASE_LIMIT).ok()??;
    // A later paragraph overrides an earlier one; those of features have no version of their own.
    let found = paragraphs(&bytes).filter(|paragraph| {
        paragraph.field("Package") == Some(port)
            && paragraph.field("Architecture") == Some(triplet)
            && paragraph.field("Feature").is_none()
    });
    found.last()?.field("Port-Version").filter(|number| *number != "0").map(str::to_owned)
}

fn licence(anchor: &Anchor<'_>, path: &str) -> Option<String> {
    let spdx: Spdx = serde_json::from_str(&anchor.text(path)?).ok()?;
    let licence = spdx.packages.into_iter().next()?.licence?;
    (!licence.is_empty() && licence != "NOASSERTION" && licence != "NONE").then_some(licence)
}
