//! apk: Alpine, Wolfi, the musllinux images.

use super::anchor::{Anchor, Answer, DATABASE_LIMIT, Hit, Wanted, last_component};
use super::{Database, Package, os_release};

/// Where the database is; apk-tools 3 moves it below `/usr`.
const INSTALLED: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    INSTALLED.iter().any(|path| anchor.exists(path))
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    let Some(path) = INSTALLED.into_iter().find(|path| anchor.exists(path)) else { return answer };
    let bytes = match anchor.read(path, DATABASE_LIMIT) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return answer,
        Err(error) => {
            answer.notes.push(anchor.note(path, error.message()));
            return answer;
        }
    };
    let distro = os_release::distro(anchor);
    for (files, mut package) in installed(&bytes, wanted) {
        package.distro = Some(distro.clone());
        package.database_path = anchor.path(path);
        for (hit, file) in files {
            answer.owners.push((hit, Package { file, ..package.clone() }));
        }
    }
    answer
}

/// Returns the packages that own something wanted (apk's `installed` format: one letter and `:` a line, a blank
/// line after each package; `F:` names a directory, each `R:` after it a file in it).
fn installed(bytes: &[u8], wanted: &Wanted) -> Vec<(Vec<(Hit, String)>, Package)> {
    let mut found = Vec::new();
    let mut files: Vec<(Hit, String)> = Vec::new();
    let mut package = empty();
    let mut directory = "";
    for line in bytes.split(|byte| *byte == b'\n').chain([&b""[..]]) {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        if line.is_empty() {
            let finished = std::mem::replace(&mut package, empty());
            let files = std::mem::take(&mut files);
            if !files.is_empty() && !finished.name.is_empty() && !finished.version.is_empty() {
                found.push((files, finished));
            }
            directory = "";
            continue;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
        match key {
            "P" => package.name = value.to_owned(),
            "V" => package.version = value.to_owned(),
            "A" => package.arch = text(),
            "L" => package.licence = text(),
            "o" => package.source = text(),
            "m" => package.supplier = text(),
            "F" => directory = value.trim_matches('/'),
            "R" if wanted.has_name(last_component(value)) => {
                let path = if directory.is_empty() { format!("/{value}") } else { format!("/{directory}/{value}") };
                files.extend(wanted.find(&path).iter().map(|hit| (*hit, path.clone())));
            }
            _ => {}
        }
    }
    found
}

fn empty() -> Package {
    Package::new(Database::Apk, "", "", "", "")
}
