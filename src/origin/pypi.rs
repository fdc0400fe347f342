//! Another Python distribution: the RECORD of an installed wheel that lists the file.

use super::anchor::{Anchor, Answer, Files, MAX_PACKAGES, TEXT_LIMIT, Wanted};
use super::{Database, Package};

/// Where site directories are below an environment; `{}` is a version as `python3.12`.
const SITE: [&str; 2] = ["site-packages", "dist-packages"];

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    !site_directories(anchor).is_empty()
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    for site in site_directories(anchor) {
        for info in anchor.list(&site).into_iter().filter(|name| name.ends_with(".dist-info")).take(MAX_PACKAGES) {
            let record = format!("{site}/{info}/RECORD");
            let Some(bytes) = answer.read(anchor, &record, TEXT_LIMIT) else { continue };
            let mut rows =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&*bytes).into_byte_records();
            let mut files = Files::default();
            // INVARIANT: a row that cannot be read ends the file; what it would have named is of unknown origin.
            while let Some(Ok(row)) = rows.next() {
                let Some(path) = row.get(0).and_then(|path| std::str::from_utf8(path).ok()) else { continue };
                let Some(path) = joined(&site, path) else { continue };
                files.add(wanted, &path);
            }
            if !files.is_empty()
                && let Some(package) = described(anchor, &format!("{site}/{info}"))
            {
                files.claim(&mut answer, &package);
            }
        }
    }
    answer
}

/// Returns the directories with `.dist-info` folders: the anchor itself, or those of an environment at the anchor.
fn site_directories(anchor: &Anchor<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if SITE.iter().any(|name| anchor.prefix().ends_with(&format!("/{name}"))) || has_distributions(anchor, "") {
        found.push(String::new());
    }
    // A wheel's `.data/data` lands in the environment: its rows climb out of the site directory.
    for library in ["/lib", "/lib64", "/Lib", "/local/lib"] {
        let mut folders = vec![library.to_owned()];
        if library != "/Lib" {
            let pythons = anchor.list(library).into_iter();
            let pythons = pythons.filter(|name| name.starts_with("python") || name.starts_with("pypy"));
            folders = pythons.map(|name| format!("{library}/{name}")).collect();
        }
        for folder in folders {
            found.extend(SITE.iter().map(|site| format!("{folder}/{site}")).filter(|site| anchor.exists(site)));
        }
    }
    found
}

fn has_distributions(anchor: &Anchor<'_>, below: &str) -> bool {
    anchor.list(below).iter().any(|name| name.ends_with(".dist-info"))
}

/// Resolves a RECORD path against the site directory; `None` if it leaves the anchor.
fn joined(site: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some(path.to_owned());
    }
    let mut parts: Vec<&str> = site.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

/// Returns the distribution that a `.dist-info` folder describes.
fn described(anchor: &Anchor<'_>, info: &str) -> Option<Package> {
    let metadata = format!("{info}/METADATA");
    let text = anchor.text(&metadata)?;
    let header = |name: &str| {
        let value = text.lines().take_while(|line| !line.trim().is_empty()).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })?;
        (!value.is_empty() && value != "UNKNOWN").then(|| value.to_owned())
    };
    let mut package = Package::new(Database::Pypi, anchor.path(info), "", header("Name")?, header("Version")?);
    package.licence = header("License-Expression").or_else(|| header("License"));
    Some(package)
}
