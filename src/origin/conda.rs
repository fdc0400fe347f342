//! conda: the environment above a file, by its `conda-meta` folder.

use serde::Deserialize;

use super::anchor::{Anchor, Answer, MAX_PACKAGES, TEXT_LIMIT, Wanted};
use super::{Database, Package};

const META: &str = "/conda-meta";

/// What is read of one `conda-meta/*.json`.
#[derive(Deserialize)]
struct Record {
    name: String,
    version: String,
    build: Option<String>,
    channel: Option<String>,
    subdir: Option<String>,
    license: Option<String>,
    url: Option<String>,
    #[serde(rename = "fn")]
    archive: Option<String>,
    #[serde(default)]
    files: Vec<String>,
}

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    anchor.exists(META)
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    for name in anchor.list(META).into_iter().filter(|name| name.ends_with(".json")).take(MAX_PACKAGES) {
        let below = format!("{META}/{name}");
        let Some(bytes) = answer.read(anchor, &below, TEXT_LIMIT) else { continue };
        let record: Record = match serde_json::from_slice(&bytes) {
            Ok(record) => record,
            Err(error) => {
                answer.note(anchor.note(&below, error));
                continue;
            }
        };
        for file in &record.files {
            for hit in wanted.find(&format!("/{file}")) {
                answer.claim(*hit, || package(&record, anchor.path(&below), file));
            }
        }
    }
    answer
}

fn package(record: &Record, database: String, file: &str) -> Package {
    let mut package = Package::new(Database::Conda, database, file, &*record.name, &*record.version);
    package.arch = record.subdir.clone();
    package.licence = record.license.clone().filter(|text| !text.is_empty());
    let archive = record.archive.as_deref().or(record.url.as_deref()).unwrap_or_default();
    let kind = [".conda", ".tar.bz2"].into_iter().find(|suffix| archive.ends_with(suffix));
    let values = [
        ("build", record.build.as_deref()),
        ("channel", record.channel.as_deref().and_then(channel)),
        ("subdir", record.subdir.as_deref()),
        ("type", kind.map(|suffix| suffix.trim_start_matches('.'))),
    ];
    for (key, value) in values {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            package.qualifiers.push((key.to_owned(), value.to_owned()));
        }
    }
    package
}

/// Returns the channel's name: `conda-forge` of `https://conda.anaconda.org/conda-forge/linux-64`.
fn channel(channel: &str) -> Option<&str> {
    let path = channel.split_once("://").map_or(channel, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    // A private channel's address may carry a token (`/t/<token>/name`): only the name leaves this machine.
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| *last == "noarch" || last.contains('-') && is_subdir(last)) {
        parts.pop();
    }
    parts.last().copied()
}

fn is_subdir(name: &str) -> bool {
    ["linux-", "osx-", "win-", "emscripten-", "wasi-", "zos-", "freebsd-"].iter().any(|system| name.starts_with(system))
}
