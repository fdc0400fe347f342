//! apk: Alpine, Wolfi, the musllinux images.

use super::anchor::{Anchor, Answer, DATABASE_LIMIT, Files, Wanted};
use super::{Database, Package, os_release};

/// Where the database is; apk-tools 3 moves it below `/usr`.
const INSTALLED: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    INSTALLED.iter().any(|path| anchor.exists(path))
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    let Some(path) = INSTALLED.into_iter().find(|path| anchor.exists(path)) else { return answer };
    let Some(bytes) = answer.read(anchor, path, DATABASE_LIMIT) else { return answer };
    let distro = os_release::distro(anchor);
    installed(&bytes, wanted, &mut answer);
    answer.describe(|package| {
        package.distro = Some(distro.clone());
        package.database_path = anchor.path(path);
    });
    answer
}

/// Claims for the packages that own something wanted (apk's `installed` format: one letter and `:` a line, a blank
/// line after each package; `F:` names a directory, each `R:` after it a file in it).
fn installed(bytes: &[u8], wanted: &Wanted, answer: &mut Answer) {
    let mut files = Files::default();
    let mut package = empty();
    // The directory that the files after it are in, if one that is asked for is.
    let mut directory = None;
    for line in bytes.split(|byte| *byte == b'\n').chain([&b""[..]]) {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        if line.is_empty() {
            let finished = std::mem::replace(&mut package, empty());
            let files = std::mem::take(&mut files);
            if !finished.name.is_empty() && !finished.version.is_empty() {
                files.claim(answer, &finished);
            }
            directory = None;
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
            "F" => {
                let folder = value.trim_matches('/');
                let folder = if folder.is_empty() { String::new() } else { format!("/{folder}") };
                directory = wanted.has_folder(&folder).then_some(folder);
            }
            "R" if wanted.has_name(value) => {
                if let Some(directory) = &directory {
                    files.add(wanted, &format!("{directory}/{value}"));
                }
            }
            _ => {}
        }
    }
}

fn empty() -> Package {
    Package::new(Database::Apk, "", "", "", "")
}
