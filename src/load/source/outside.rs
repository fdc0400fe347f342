//! The sources outside the wheel: a `--lib-path` directory, a `--sysroot`, this machine.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Examined, FileKind, LibrarySource, Located, Sysroot, config};
use crate::error::Result;
use crate::format::{self, Image, SymbolFacts};
use crate::load::graph::{SourceKind, Via};
use crate::platform::loader::{Directories, NameRule};

/// A directory that the user named: it is searched itself, and what is found in it finds its own beside it.
#[derive(Debug, Clone)]
pub struct Folder {
    view: Sysroot,
    directory: String,
}

impl Folder {
    /// Returns the source of a directory. One inside `sysroot` follows symbolic links as that root does.
    ///
    /// # Errors
    /// `Io` if it is absent or no directory.
    pub fn new(directory: impl AsRef<std::path::Path>, sysroot: Option<&Sysroot>) -> Result<Self> {
        let on_disk = Sysroot::new(directory.as_ref())?;
        let inside = sysroot.and_then(|view| Some((view.clone(), view.inside(on_disk.root())?)));
        let (view, directory) = match inside {
            Some(found) => found,
            None => {
                let host = Sysroot::host();
                match host.inside(on_disk.root()) {
                    Some(directory) => (host, directory),
                    // Where paths have drive letters the directory is a world of its own.
                    None => (on_disk, "/".to_owned()),
                }
            }
        };
        Ok(Self { view, directory })
    }
}

impl LibrarySource for Folder {
    fn kind(&self) -> SourceKind {
        SourceKind::Folder
    }

    fn locate(&self, path: &str, names: NameRule) -> Located {
        locate(&self.view, path, names)
    }

    fn examine(&self, canonical: &str) -> Examined {
        examine(&self.view, canonical)
    }

    fn on_disk(&self, canonical: &str) -> PathBuf {
        self.view.on_disk(canonical)
    }

    fn directories(&self, _system: &Directories) -> Vec<(Via, String)> {
        vec![(Via::Folder, self.directory.clone())]
    }

    fn is_root(&self) -> bool {
        false
    }
}

/// A whole system: its loader's configuration and directories, and absolute search paths.
#[derive(Debug, Clone)]
pub struct System {
    view: Sysroot,
    kind: SourceKind,
    environment: Vec<String>,
}

impl System {
    /// Returns the source of a target root.
    pub fn sysroot(view: Sysroot) -> Self {
        Self { view, kind: SourceKind::Sysroot, environment: Vec::new() }
    }

    /// Returns the source of this machine; `environment` are the directories of `LD_LIBRARY_PATH` or its like.
    pub fn host(environment: Vec<String>) -> Self {
        Self { view: Sysroot::host(), kind: SourceKind::Host, environment }
    }
}

impl LibrarySource for System {
    fn kind(&self) -> SourceKind {
        self.kind
    }

    fn locate(&self, path: &str, names: NameRule) -> Located {
        locate(&self.view, path, names)
    }

    fn examine(&self, canonical: &str) -> Examined {
        examine(&self.view, canonical)
    }

    fn on_disk(&self, canonical: &str) -> PathBuf {
        self.view.on_disk(canonical)
    }

    fn directories(&self, system: &Directories) -> Vec<(Via, String)> {
        let found = config::read(&self.view, system);
        // An empty or relative element is the current directory, which is nobody's library directory.
        let environment = self.environment.iter().filter(|path| path.starts_with('/')).cloned();
        environment
            .map(|path| (Via::Environment, path))
            .chain(found.configured.into_iter().map(|path| (Via::Configuration, path)))
            .chain(found.defaults.into_iter().map(|path| (Via::Defaults, path)))
            .collect()
    }

    fn is_root(&self) -> bool {
        true
    }
}

fn locate(view: &Sysroot, path: &str, names: NameRule) -> Located {
    let found = match names {
        NameRule::Exact => view.canonicalize(path),
        NameRule::IgnoreAsciiCase => {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            let listed = view.list_dir(if directory.is_empty() { "/" } else { directory });
            let exact = listed.iter().find(|entry| *entry == name);
            let entry = exact.or_else(|| listed.iter().find(|entry| entry.eq_ignore_ascii_case(name)));
            entry.and_then(|entry| view.canonicalize(&format!("{directory}/{entry}")))
        }
    };
    let Some(canonical) = found else { return Located::Absent };
    match view.kind(&canonical) {
        Some(FileKind::File) => {
            let directory = path.rsplit_once('/').and_then(|(directory, _)| view.canonicalize(directory));
            Located::File { canonical, directory: directory.unwrap_or_else(|| "/".to_owned()) }
        }
        Some(FileKind::Directory | FileKind::Other) => Located::NotAFile,
        None => Located::Absent,
    }
}

fn examine(view: &Sysroot, canonical: &str) -> Examined {
    let bytes = view.map(canonical).map_err(|error| error.message().to_owned())?;
    if format::detect(&bytes).is_none() {
        return Err("it is no binary of a known format".to_owned());
    }
    let images = format::inspect_unverified(&bytes).map_err(|error| error.message().to_owned())?;
    Ok(images.into_iter().map(|image| read_symbols(&bytes, image)).collect())
}

/// Reads the symbols of a slice; what keeps them from being read becomes a fault of the image.
pub(in crate::load) fn read_symbols(bytes: &[u8], mut image: Image) -> (Arc<Image>, Arc<SymbolFacts>) {
    let symbols = match format::symbols(bytes, &image) {
        Ok(symbols) => symbols,
        Err(error) => {
            let message = error.message().to_owned();
            image.faults.push(format::image::Fault { kind: format::image::FaultKind::Truncated, message });
            SymbolFacts::default()
        }
    };
    (Arc::new(image), Arc::new(symbols))
}
