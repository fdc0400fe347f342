//! pacman: Arch Linux, and MSYS2 on Windows.

use super::anchor::{Anchor, Answer, Files, MAX_PACKAGES, TEXT_LIMIT, Wanted};
use super::{Database, Package, os_release};

const LOCAL: &str = "/var/lib/pacman/local";

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    anchor.exists(LOCAL)
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    let distro = os_release::distro(anchor);
    for folder in anchor.list(LOCAL).into_iter().take(MAX_PACKAGES) {
        let below = format!("{LOCAL}/{folder}/files");
        let Some(bytes) = answer.read(anchor, &below, TEXT_LIMIT) else { continue };
        let mut files = Files::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            files.add(wanted, &format!("/{line}"));
        }
        if files.is_empty() {
            continue;
        }
        let description = format!("{LOCAL}/{folder}/desc");
        let text = anchor.text(&description).unwrap_or_default();
        let value = |key| section(&text, key).map(str::to_owned);
        let (Some(name), Some(version)) = (value("NAME"), value("VERSION")) else {
            answer.note(anchor.note(&description, "no package name and version"));
            continue;
        };
        let mut package = Package::new(Database::Pacman, anchor.path(&description), "", name, version);
        package.arch = value("ARCH");
        package.licence = value("LICENSE");
        package.source = value("BASE");
        package.supplier = value("PACKAGER");
        package.distro = Some(distro.clone());
        files.claim(&mut answer, &package);
    }
    answer
}

/// Returns the first line below `%key%`.
fn section<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut lines = text.lines();
    lines.find(|line| line.strip_prefix('%').and_then(|line| line.strip_suffix('%')) == Some(key))?;
    lines.next().map(str::trim).filter(|line| !line.is_empty())
}
