//! dpkg: Debian, Ubuntu and their kin, images without a shell ("distroless") included.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::anchor::{Anchor, Answer, DATABASE_LIMIT, Files, Lengths, MAX_PACKAGES, TEXT_LIMIT, Wanted};
use super::paragraphs::{Paragraph, paragraphs};
use super::{Database, Note, Package, os_release};

const STATUS: &str = "/var/lib/dpkg/status";
const STATUS_FOLDER: &str = "/var/lib/dpkg/status.d";
const INFO: &str = "/var/lib/dpkg/info";
const DIVERSIONS: &str = "/var/lib/dpkg/diversions";

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    anchor.exists(STATUS) || anchor.exists(STATUS_FOLDER)
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    let distro = os_release::distro(anchor);
    let owned = file_lists(anchor, wanted, &mut answer);
    if !owned.is_empty() {
        status(anchor, &owned, &mut answer);
    }
    distroless(anchor, wanted, &mut answer);
    answer.describe(|package| {
        package.distro = Some(distro.clone());
        package.licence = licence(anchor, &package.name);
    });
    answer
}

/// Files found in file lists: name of the list (`libc6:amd64`) to the files.
type Owned = BTreeMap<String, Files>;

/// Searches every `.list` once; what is diverted belongs to the package that diverted it.
fn file_lists(anchor: &Anchor<'_>, wanted: &Wanted, answer: &mut Answer) -> Owned {
    let diversions = diversions(anchor);
    let lengths: Lengths = wanted.paths().chain(diversions.by_path.keys().map(String::as_str)).map(str::len).collect();
    let lists: Vec<String> =
        anchor.list(INFO).into_iter().filter(|name| name.ends_with(".list")).take(MAX_PACKAGES).collect();
    let searched: Vec<Result<Option<(String, Files)>, Note>> = lists
        .par_iter()
        .map(|name| {
            let below = format!("{INFO}/{name}");
            let bytes = match anchor.read(&below, TEXT_LIMIT) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Ok(None),
                Err(error) => return Err(anchor.note(&below, error.message())),
            };
            let owner = name.strip_suffix(".list").unwrap_or(name);
            let mut files = Files::default();
            // Hundreds of thousands of lines: nearly all are told apart by their length.
            for line in Lines(&bytes).filter(|line| lengths.has(line.len())) {
                let Ok(line) = std::str::from_utf8(line) else { continue };
                files.add(wanted, diversions.place(line, owner));
            }
            Ok((!files.is_empty()).then(|| (owner.to_owned(), files)))
        })
        .collect();
    let mut owned = Owned::new();
    for result in searched {
        match result {
            Ok(Some((owner, files))) => {
                owned.insert(owner, files);
            }
            Ok(None) => {}
            Err(note) => answer.note(note),
        }
    }
    owned
}

/// The lines of a text, without their ends.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.0).unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        Some(line)
    }
}

/// dpkg-divert(1): a file that one package lists is kept elsewhere, so that another package's can take its place.
#[derive(Default)]
struct Diversions {
    /// From the path in the lists to where the file is, and the package whose file stays.
    by_path: BTreeMap<String, (String, String)>,
}

impl Diversions {
    /// Returns where the file is that the list of `owner` calls `path`.
    fn place<'p>(&'p self, path: &'p str, owner: &str) -> &'p str {
        match self.by_path.get(path) {
            Some((to, by)) if owner.split(':').next() != Some(by) => to,
            _ => path,
        }
    }
}

/// Reads the diversions: three lines each (from, to, package; `:` where the administrator did it).
fn diversions(anchor: &Anchor<'_>) -> Diversions {
    let text = anchor.text(DIVERSIONS).unwrap_or_default();
    let mut diversions = Diversions::default();
    let mut lines = text.lines();
    while let (Some(from), Some(to), Some(by)) = (lines.next(), lines.next(), lines.next()) {
        diversions.by_path.insert(from.to_owned(), (to.to_owned(), by.to_owned()));
    }
    diversions
}

/// Finds the packages of the file lists in the status file.
fn status(anchor: &Anchor<'_>, owned: &Owned, answer: &mut Answer) {
    let Some(bytes) = answer.read(anchor, STATUS, DATABASE_LIMIT) else { return };
    let mut described = BTreeSet::new();
    for paragraph in paragraphs(&bytes) {
        let Some(name) = paragraph.field("Package") else { continue };
        let arch = paragraph.field("Architecture").unwrap_or_default();
        // `Multi-Arch: same` packages can be installed more than once; their lists carry the architecture.
        let qualified = format!("{name}:{arch}");
        for list in [name, &qualified] {
            if let Some(files) = owned.get(list)
                && let Some(package) = package(paragraph, anchor.path(STATUS))
            {
                described.insert(list.to_owned());
                files.claim(answer, &package);
            }
        }
    }
    for list in owned.keys().filter(|list| !described.contains(*list)) {
        answer.note(anchor.note(STATUS, format!("`{list}` has a file list and no entry")));
    }
}

/// Distroless images: `status.d/<name>` is the package's paragraph, `status.d/<name>.md5sums` its files.
fn distroless(anchor: &Anchor<'_>, wanted: &Wanted, answer: &mut Answer) {
    for name in anchor.list(STATUS_FOLDER).into_iter().take(MAX_PACKAGES) {
        let Some(stem) = name.strip_suffix(".md5sums") else { continue };
        let Some(sums) = anchor.text(&format!("{STATUS_FOLDER}/{name}")) else { continue };
        let mut files = Files::default();
        for line in sums.lines() {
            // md5sum's line: the digest, two blanks, the path without its first `/`.
            let Some((_, path)) = line.split_once("  ") else { continue };
            let path = format!("/{}", path.trim_start_matches("./").trim_start_matches('/'));
            files.add(wanted, &path);
        }
        if files.is_empty() {
            continue;
        }
        let control = format!("{STATUS_FOLDER}/{stem}");
        let text = anchor.text(&control).unwrap_or_default();
        match paragraphs(text.as_bytes()).next().and_then(|paragraph| package(paragraph, anchor.path(&control))) {
            Some(package) => files.claim(answer, &package),
            None => answer.note(anchor.note(&control, "no package name and version")),
        }
    }
}

fn package(paragraph: Paragraph<'_>, database: String) -> Option<Package> {
    let (name, version) = (paragraph.field("Package")?, paragraph.field("Version")?);
    let mut package = Package::new(Database::Dpkg, database, "", name, version);
    package.arch = paragraph.field("Architecture").map(str::to_owned);
    // `Source: glibc`, or `Source: gcc-12 (12.2.0-14)` where the versions differ.
    package.source = paragraph.field("Source").map(|source| match source.split_once(" (") {
        Some((source, version)) => format!("{source}@{}", version.trim_end_matches(')')),
        None => source.to_owned(),
    });
    package.supplier = paragraph.field("Maintainer").map(str::to_owned);
    Some(package)
}

/// Returns the licence of `Files: *` in a machine-readable copyright file (DEP 5), in Debian's short names.
fn licence(anchor: &Anchor<'_>, name: &str) -> Option<String> {
    if name.contains('/') {
        return None;
    }
    let text = anchor.text(&format!("/usr/share/doc/{name}/copyright"))?;
    let mut sections = paragraphs(text.as_bytes());
    sections.next()?.field("Format").filter(|format| format.contains("copyright-format"))?;
    let all = sections.find(|section| section.field("Files") == Some("*"))?;
    all.field("License").map(str::to_owned)
}
