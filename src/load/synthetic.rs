//! Universes without files, for the tests of this room: binaries by a few words, sources as lists.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::graph::{Graph, Resolution, SourceKind, Via};
use super::source::{Examined, LibrarySource, Located};
use super::{Binary, NothingOutside, Outside, Target, Universe, resolve};
use crate::arch::Arch;
use crate::format::{
    self, Binding, Format, Image, ImageKind, Import, ImportKind, SearchPath, SearchPathKind, Symbol, SymbolFacts,
    SymbolKind,
};
use crate::platform::Platform;
use crate::platform::loader::{Directories, NameRule};
use crate::platform::{android::Android, manylinux::Manylinux, musllinux::Musllinux};

pub(super) static GLIBC: &dyn Platform = &Manylinux;
pub(super) static MUSL: &dyn Platform = &Musllinux;
pub(super) static BIONIC: &dyn Platform = &Android;

/// Returns the facts of an x86_64 library described by words: `needs:NAME`, `soname:NAME`, `rpath:A:B`,
/// `runpath:A:B`, `arch:NAME`, `program`, `object`, `exports:NAME`, `wants:NAME`, `wants-weakly:NAME`, `format:pe`.
pub(crate) fn facts(words: &str) -> (Image, SymbolFacts) {
    let mut image = format::inspect(&header()).unwrap().remove(0);
    image.arch = Arch::X86_64;
    image.kind = ImageKind::Library;
    let mut symbols = SymbolFacts::default();
    for word in words.split_whitespace() {
        let (key, value) = word.split_once(':').unwrap_or((word, ""));
        let kind = if key == "rpath" { SearchPathKind::Rpath } else { SearchPathKind::Runpath };
        match key {
            "needs" => image.imports.push(Import { name: value.to_owned(), kind: ImportKind::Needed }),
            "soname" => image.identity = Some(value.to_owned()),
            "rpath" | "runpath" => {
                image.search_paths.extend(value.split(':').map(|path| SearchPath { path: path.to_owned(), kind }));
            }
            "arch" => image.arch = Arch::from_linux_name(value).unwrap(),
            "program" => image.kind = ImageKind::Program,
            "object" => image.kind = ImageKind::Object,
            "exports" => symbols.python_exports.push(value.to_owned()),
            "wants" => symbols.undefined.push(undefined(value, Binding::Global)),
            "wants-weakly" => symbols.undefined.push(undefined(value, Binding::Weak)),
            "format" => image.format = if value == "pe" { Format::Pe } else { Format::MachO },
            _ => panic!("unknown word {word}"),
        }
    }
    (image, symbols)
}

fn undefined(name: &str, binding: Binding) -> Symbol {
    Symbol { name: name.into(), version: None, import: None, binding, kind: SymbolKind::Unknown }
}

/// The smallest thing that is an ELF file: the header of an x86_64 shared library, and nothing else.
fn header() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    for (at, value) in [(16, 3), (18, 62), (20, 1), (52, 64), (54, 56), (58, 64)] {
        bytes[at] = value;
    }
    bytes
}

/// Returns the binaries of a wheel, each a path in site-packages and its words.
pub(crate) fn wheel(members: &[(&str, &str)]) -> Vec<Binary> {
    members
        .iter()
        .map(|(member, words)| {
            let (image, symbols) = facts(words);
            Binary::new(*member, format!("lib/python3/site-packages/{member}"), image, symbols)
        })
        .collect()
}

/// A source that is a list of paths and words; a path with `-> TARGET` is a symbolic link.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub kind: Option<SourceKind>,
    pub files: BTreeMap<String, String>,
    pub directories: Vec<(Via, String)>,
}

impl Listed {
    pub(crate) fn host(files: &[(&str, &str)], environment: &[&str], configured: &[&str]) -> Self {
        let contributed = |via: Via, paths: &[&str]| -> Vec<(Via, String)> {
            paths.iter().map(|path| (via, (*path).to_owned())).collect()
        };
        let mut directories = contributed(Via::Environment, environment);
        directories.extend(contributed(Via::Configuration, configured));
        directories.extend(contributed(Via::Defaults, &["/lib64", "/usr/lib64"]));
        Self { kind: Some(SourceKind::Host), files: list(files), directories }
    }

    pub(super) fn sysroot(files: &[(&str, &str)]) -> Self {
        Self { kind: Some(SourceKind::Sysroot), ..Self::host(files, &[], &[]) }
    }

    pub(super) fn folder(directory: &str, files: &[(&str, &str)]) -> Self {
        let directories = vec![(Via::Folder, directory.to_owned())];
        Self { kind: Some(SourceKind::Folder), files: list(files), directories }
    }
}

fn list(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, words)| ((*path).to_owned(), (*words).to_owned())).collect()
}

impl LibrarySource for Listed {
    fn kind(&self) -> SourceKind {
        self.kind.unwrap()
    }

    fn locate(&self, path: &str, _names: NameRule) -> Located {
        let path = format!("/{}", super::expand::normalize(path).unwrap_or_default());
        let directory = path.rsplit_once('/').unwrap().0.to_owned();
        match self.files.get(&path).map(String::as_str) {
            None => Located::Absent,
            Some("directory") => Located::NotAFile,
            Some(words) => match words.strip_prefix("-> ") {
                Some(target) => match self.locate(target, NameRule::Exact) {
                    Located::File { canonical, .. } => Located::File { canonical, directory },
                    other => other,
                },
                None => Located::File { canonical: path, directory },
            },
        }
    }

    fn examine(&self, canonical: &str) -> Examined {
        let words = &self.files[canonical];
        if words == "text" {
            return Err("it is no binary of a known format".to_owned());
        }
        let (image, symbols) = facts(words);
        Ok(vec![(Arc::new(image), Arc::new(symbols))])
    }

    fn on_disk(&self, canonical: &str) -> PathBuf {
        PathBuf::from(format!("{}{canonical}", if self.kind == Some(SourceKind::Sysroot) { "/root" } else { "" }))
    }

    fn directories(&self, _system: &Directories) -> Vec<(Via, String)> {
        self.directories.clone()
    }

    fn is_root(&self) -> bool {
        self.kind != Some(SourceKind::Folder)
    }
}

/// Resolves for x86_64 with nothing outside known.
pub(super) fn graph(platform: &'static dyn Platform, universe: &Universe<'_>) -> Graph {
    graph_with(platform, universe, &NothingOutside)
}

pub(super) fn graph_with(platform: &'static dyn Platform, universe: &Universe<'_>, outside: &dyn Outside) -> Graph {
    resolve(universe, Target { platform, arch: Arch::X86_64 }, outside).unwrap()
}

/// Returns every edge as `importer name -> outcome`, root by root, each once.
pub(super) fn edges(graph: &Graph) -> Vec<String> {
    let mut lines = Vec::new();
    for edge in graph.all_roots().flat_map(|root| &root.edges) {
        let outcome = match edge.resolution {
            Resolution::Object(id) => short(graph.object(id).display_name()).to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        let importer = short(graph.object(edge.importer).display_name());
        let line = format!("{importer} {} -> {outcome}", graph.import(edge).name);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn short(name: &str) -> &str {
    name.strip_prefix("/usr").unwrap_or(name)
}
