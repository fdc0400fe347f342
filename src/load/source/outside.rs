//! The sources outside the wheel: a `--lib-path` directory, a `--sysroot`, this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Examined, FileKind, LibrarySource, Located, Sysroot, config};
use crate::error::Result;
use crate::format::{self, Excerpt, Image, SymbolFacts};
use crate::load::graph::{SourceKind, Via};
use crate::platform::loader::{Directories, NameRule};

/// A directory that the user named: it is searched itself, and what is found in it finds its own beside it.
#[derive(Debug, Clone)]
pub struct Folder {
    view: Sysroot,
    directory: String,
    kind: SourceKind,
    is_windows_own: bool,
}

impl Folder {
    /// Returns the source of a directory. One inside `sysroot` follows symbolic links as that root does.
    ///
    /// # Errors
    /// `Io` if it is absent or no directory.
    pub fn new(directory: impl AsRef<Path>, sysroot: Option<&Sysroot>) -> Result<Self> {
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
        Ok(Self { view, directory, kind: SourceKind::Folder, is_windows_own: false })
    }

    /// Returns the source of a directory of this machine's `PATH`, where that is how Windows finds DLLs.
    ///
    /// # Errors
    /// As [`Folder::new`].
    pub fn on_path(directory: impl AsRef<Path>) -> Result<Self> {
        let is_windows_own = is_windows_own(&directory.as_ref().display().to_string());
        Ok(Self { kind: SourceKind::Host, is_windows_own, ..Self::new(directory, None)? })
    }
}

/// Whether a directory is Windows' own: `C:\Windows`, or one below it.
fn is_windows_own(directory: &str) -> bool {
    let mut parts = directory.split(['/', '\\']).filter(|part| !part.is_empty());
    parts.next().is_some_and(|drive| drive.ends_with(':'))
        && parts.next().is_some_and(|first| first.eq_ignore_ascii_case("windows"))
}

/// Returns the sources that this machine is; `environment` are the directories of `LD_LIBRARY_PATH` or its like.
///
/// Where paths have drive letters there is no one tree to look in: each directory of `PATH` is a source of its own, and one
/// that is absent or relative is passed over.
pub fn host_sources(environment: &[String]) -> Vec<Box<dyn LibrarySource>> {
    if !cfg!(windows) {
        return vec![Box::new(System::host(environment.to_vec()))];
    }
    let absolute = environment.iter().filter(|directory| Path::new(directory).is_absolute());
    let folders = absolute.filter_map(|directory| Folder::on_path(directory).ok());
    folders.map(|folder| Box::new(folder) as Box<dyn LibrarySource>).collect()
}

impl LibrarySource for Folder {
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

    fn directories(&self, _system: &Directories) -> Vec<(Via, String)> {
        let via = if self.kind == SourceKind::Host { Via::Environment } else { Via::Folder };
        vec![(via, self.directory.clone())]
    }

    fn is_root(&self) -> bool {
        false
    }

    fn is_windows_own(&self) -> bool {
        self.is_windows_own
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
    Ok(images.into_iter().map(|image| read_symbols((&*bytes).into(), image)).collect())
}

/// Reads the symbols of a slice; what keeps them from being read becomes a fault of the image.
pub(in crate::load) fn read_symbols(file: Excerpt<'_>, mut image: Image) -> (Arc<Image>, Arc<SymbolFacts>) {
    let symbols = match format::symbols_of_excerpt(file, &image) {
        Ok(symbols) => symbols,
        Err(error) => {
            let message = error.message().to_owned();
            let unread_exports = Some(message.clone());
            image.faults.push(format::image::Fault { kind: format::image::FaultKind::Truncated, message });
            SymbolFacts { unread_exports, ..SymbolFacts::default() }
        }
    };
    (Arc::new(image), Arc::new(symbols))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_path_is_searched_as_part_of_this_machine() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::on_path(directory.path()).unwrap();
        assert_eq!((folder.kind(), folder.is_root(), folder.is_windows_own()), (SourceKind::Host, false, false));
        let found = folder.directories(&Directories::default());
        assert_eq!(found.iter().map(|(via, _)| *via).collect::<Vec<_>>(), [Via::Environment]);
        assert!(Folder::on_path(directory.path().join("absent")).is_err());
    }

    #[test]
    fn windows_own_directories_are_known() {
        for own in [r"C:\Windows", r"c:\WINDOWS\system32", "D:/Windows/System32/Wbem"] {
            assert!(is_windows_own(own), "{own}");
        }
        for other in [r"C:\Program Files\Windows", r"C:\WindowsApps", "/windows/system32", r"C:\", ""] {
            assert!(!is_windows_own(other), "{other}");
        }
    }
}
