//! Where libraries are looked for outside the wheel, as flags and environment say.

use std::path::{Path, PathBuf};

use super::args::SearchArgs;
use super::settings::Environment;
use super::terminal::Terminal;
use crate::error::{Error, Result};
use crate::load::{self, Folder, LibrarySource, Sysroot, System, Target};

/// Folders, a sysroot, and whether this machine may be looked at.
#[derive(Debug)]
pub struct Search {
    /// `--lib-path` and its like, in order.
    pub folders: Vec<PathBuf>,
    /// `--sysroot`.
    pub sysroot: Option<PathBuf>,
    /// Whether this machine may be looked at, where it is the wheel's platform.
    pub host: bool,
    /// The directories of `LD_LIBRARY_PATH` on this machine.
    pub environment: Vec<String>,
}

impl Search {
    /// Returns what the flags ask for.
    ///
    /// # Errors
    /// `Usage` if the sysroot is no folder.
    pub fn new(args: &SearchArgs, environment: &Environment) -> Result<Self> {
        let mut folders = args.lib_path.clone();
        for list in args.add_path.iter().chain(&args.ldpaths) {
            folders.extend(split_list(list).into_iter().map(PathBuf::from));
        }
        if let Some(root) = args.sysroot.as_ref().filter(|root| !root.is_dir()) {
            return Err(Error::usage("is not a folder").about(root.display()).context("`--sysroot`"));
        }
        let peers = args.add_path.is_empty() && args.ldpaths.is_empty();
        let host = peers && !args.no_host_libs && args.sysroot.is_none();
        let variables: &[&str] = match std::env::consts::OS {
            "macos" => &["DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"],
            "windows" => &["PATH"],
            _ => &["LD_LIBRARY_PATH"],
        };
        // auditwheel's own variable is for whatever it repairs, foreign wheels and `--ldpaths` included; like the loader's it
        // may name folders that are not there.
        let named = directories(&["AUDITWHEEL_LD_LIBRARY_PATH"], environment);
        folders.extend(named.into_iter().filter(|folder| folder.is_dir()));
        let environment =
            directories(variables, environment).into_iter().map(|path| path.display().to_string()).collect();
        Ok(Self { folders, sysroot: args.sysroot.clone(), host, environment })
    }

    /// Warns of folders that are not there.
    pub fn warn(&self, terminal: &Terminal) {
        for folder in self.folders.iter().filter(|folder| !folder.is_dir()) {
            terminal.warning(&format!("`--lib-path {}` is not a folder", folder.display()));
        }
    }

    /// Returns the sources in the contract's order; this machine only where it is the binaries' platform.
    ///
    /// # Errors
    /// `Io` if the sysroot cannot be opened.
    pub fn sources(&self, target: Target) -> Result<Vec<Box<dyn LibrarySource>>> {
        let view = self.sysroot.as_deref().map(Sysroot::new).transpose()?;
        let mut sources: Vec<Box<dyn LibrarySource>> = Vec::new();
        for folder in self.folders.iter().filter(|folder| folder.is_dir()) {
            sources.push(Box::new(Folder::new(folder, view.as_ref())?));
        }
        if let Some(view) = view {
            sources.push(Box::new(System::sysroot(view)));
        }
        if self.host && load::is_this_machine(target) {
            sources.extend(load::host_sources(&self.environment));
        }
        Ok(sources)
    }
}

/// Returns the directories in variables, in order.
fn directories(variables: &[&str], environment: &Environment) -> Vec<PathBuf> {
    let lists = variables.iter().filter_map(|name| environment.get(name));
    lists.flat_map(|list| std::env::split_paths(list).collect::<Vec<_>>()).collect()
}

/// Returns the names that flags give, of which one may hold several, as delvewheel's does; what is there as a path is one.
pub fn each_name(given: &[String]) -> Vec<String> {
    let each = |text: &String| if Path::new(text).exists() { vec![text.clone()] } else { split_list(text) };
    given.iter().flat_map(each).collect()
}

/// Returns the elements of a list that peers separate by `;`, and by `:` where paths have no drive letters.
pub fn split_list(list: &str) -> Vec<String> {
    let separators: &[char] = if cfg!(windows) { &[';'] } else { &[';', ':'] };
    list.split(separators).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}
