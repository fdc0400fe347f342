//! The files that a command is about: paths, globs, and lists on standard input.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::args::Inputs;
use crate::error::{Error, Result};

/// Paths, or why one cannot be had.
pub type Paths = Vec<Result<PathBuf>>;

/// More of a list of paths than anyone has.
const LIST_LIMIT: u64 = 64 << 20;

/// Returns the paths in the order given, each once; what cannot be had is an error in its place.
pub fn expand(inputs: &Inputs) -> Paths {
    let mut found = Paths::new();
    if inputs.from_stdin0 {
        add_list(0, &mut found);
    }
    for path in &inputs.paths {
        if path.as_os_str() == "-" {
            if !inputs.from_stdin0 {
                add_list(b'\n', &mut found);
            }
        } else {
            add_argument(path, &mut found);
        }
    }
    if found.is_empty() {
        found.push(Err(Error::usage("the list of paths on standard input is empty")));
    }
    found
}

/// Replaces each folder by the wheels in it and below, sorted; a folder without any is an error.
pub fn with_folders(paths: Paths) -> Paths {
    let mut found = Paths::new();
    for path in paths {
        match path {
            Ok(path) if path.is_dir() => add_folder(&path, &mut found),
            Ok(path) => add(path, &mut found),
            Err(error) => found.push(Err(error)),
        }
    }
    found
}

fn add_folder(folder: &Path, found: &mut Paths) {
    let mut any = false;
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        match entry {
            Ok(entry) => {
                let is_wheel = entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("whl"));
                if is_wheel && entry.path().is_file() {
                    any = true;
                    add(entry.into_path(), found);
                }
            }
            Err(error) => {
                let path = error.path().unwrap_or(folder).display().to_string();
                let source = error.into_io_error().unwrap_or_else(|| std::io::Error::other("a loop of links"));
                found.push(Err(Error::io(path, &source)));
            }
        }
    }
    if !any {
        found.push(Err(Error::usage("holds no wheel").about(folder.display())));
    }
}

/// Adds one argument: a path that is there, or what its pattern matches.
fn add_argument(path: &Path, found: &mut Paths) {
    let is_pattern = |text: &str| text.contains(['*', '?', '[']);
    // A file of exactly this name is meant even if the name reads as a pattern.
    let pattern = match path.to_str() {
        Some(text) if is_pattern(text) && !path.exists() => text,
        _ => return add(path.to_owned(), found),
    };
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let matches = match glob::glob_with(pattern, options) {
        Ok(matches) => matches,
        Err(error) => return found.push(Err(Error::usage(error.to_string()).about(pattern))),
    };
    let before = found.len();
    let mut any = false;
    for entry in matches {
        any = true;
        match entry {
            Ok(path) => add(path, found),
            Err(error) => found.push(Err(Error::io(error.path().display(), error.error()))),
        }
    }
    if !any && found.len() == before {
        found.push(Err(Error::usage("matches nothing").about(pattern)));
    }
}

/// Adds the paths of the list on standard input, taken literally.
fn add_list(separator: u8, found: &mut Paths) {
    let mut list = Vec::new();
    if let Err(error) = std::io::stdin().lock().take(LIST_LIMIT).read_to_end(&mut list) {
        return found.push(Err(Error::io("standard input", &error)));
    }
    for item in list.split(|byte| *byte == separator) {
        let item = if separator == b'\n' { item.strip_suffix(b"\r").unwrap_or(item) } else { item };
        if !item.is_empty() {
            add(PathBuf::from(os_string(item)), found);
        }
    }
}

/// Adds a path unless it is there already.
fn add(path: PathBuf, found: &mut Paths) {
    if !found.iter().any(|other| other.as_ref().is_ok_and(|other| *other == path)) {
        found.push(Ok(path));
    }
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
