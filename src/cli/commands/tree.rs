//! `truewheel tree`: the dependency tree of a wheel, a bare binary, or a folder of binaries.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::audit::{self, Contents};
use crate::cli::args::{TreeArgs, TreeFormat};
use crate::cli::inputs;
use crate::cli::output::Sink;
use crate::cli::search::{Search, each_name};
use crate::cli::settings::Environment;
use crate::cli::status::Status;
use crate::cli::subject::{Subject, identify};
use crate::cli::terminal::Terminal;
use crate::error::{Error, Result};
use crate::format::SearchPathKind;
use crate::load::{Binary, Outside, Resolution, Target};
use crate::policy::{Given, PolicySet};
use crate::repair::Patterns;
use crate::report::human::{Detail, Palette};
use crate::report::tree::{self, Place};

/// Prints the tree of each file.
pub fn run(args: &TreeArgs, environment: &Environment, terminal: &Terminal) -> Status {
    let mut status = Status::Done;
    let mut sink = Sink::new(args.output.as_deref());
    let palette = if sink.is_stdout() { terminal.stdout_palette() } else { Palette::default() };
    let search = match Search::new(&args.search, environment) {
        Ok(search) => search,
        Err(error) => {
            terminal.error(&error);
            return Status::Impossible;
        }
    };
    search.warn(terminal);
    for path in inputs::expand(&args.inputs) {
        let text = path.and_then(|path| draw(&path, args, &search, (terminal.detail(), &palette)));
        if let Err(error) = text.and_then(|text| sink.write(&text)) {
            terminal.error(&error);
            status = Status::Impossible;
        }
        if sink.is_closed() {
            break;
        }
    }
    if let Err(error) = sink.finish() {
        terminal.error(&error);
        status = Status::Impossible;
    }
    status
}

fn draw(path: &Path, args: &TreeArgs, search: &Search, (detail, palette): (Detail, &Palette)) -> Result<String> {
    let name = path.display().to_string();
    let exclude = Patterns::with_presets(&each_name(&args.exclude))?;
    let (contents, place) = match path.is_dir() {
        true => (Contents::of_binaries(below(path)?), Place::Disk),
        false => match identify(path)? {
            Subject::Binary(bytes) => (Contents::of_binaries(bare(path, &bytes)?), Place::Disk),
            Subject::Archive => {
                (audit::contents(path, args.ignore_recorded).map_err(|error| error.about(&name))?, Place::Wheel)
            }
        },
    };
    let policies = PolicySet::embedded();
    let outside = |target: &Target| {
        // What Linux gives is looked for like all else; on other systems it is not there as files to look at.
        let is_here = target.platform.libc().is_some();
        let given = Given::new(&policies, target.platform, target.arch).for_pythons(contents.pythons.as_ref());
        Excluded { exclude: &exclude, recorded: &contents.excluded, given: (!is_here).then_some(given) }
    };
    let graph = audit::dependency_graph(&contents, |target| search.sources(target), outside)?;
    Ok(match args.format {
        TreeFormat::Human => tree::human(&name, &graph, (palette, detail), place),
        TreeFormat::Json => tree::json(&name, &graph, place),
    })
}

/// What is left to the user's machine; everything else is looked for.
struct Excluded<'a> {
    exclude: &'a Patterns,
    recorded: &'a BTreeSet<String>,
    given: Option<Given<'a>>,
}

impl Outside for Excluded<'_> {
    fn is_system(&self, name: &str) -> bool {
        self.given.as_ref().is_some_and(|given| given.is_system(name))
    }

    fn fallback(&self, name: &str) -> Option<Resolution> {
        self.given.as_ref().and_then(|given| given.fallback(name))
    }

    fn is_python(&self, name: &str) -> bool {
        self.given.as_ref().is_some_and(|given| given.is_python(name))
    }

    fn is_excluded(&self, name: &str) -> bool {
        self.exclude.matches(name) || self.recorded.contains(name)
    }

    fn is_excluded_path(&self, path: &str) -> bool {
        self.exclude.matches(path)
    }
}

/// Returns every binary in a folder and below it, an unpacked wheel for instance; each by its path from there.
fn below(folder: &Path) -> Result<Vec<Binary>> {
    let root = dunce::canonicalize(folder).map_err(|error| Error::io(folder.display(), &error))?;
    let mut binaries = Vec::new();
    for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(&root).display().to_string();
            let source = error.into_io_error().unwrap_or_else(|| std::io::Error::other("a loop of links"));
            Error::io(path, &source)
        })?;
        // A link to a file is a name of its own, by which others may import it.
        if !entry.path().is_file() {
            continue;
        }
        let Ok(Subject::Binary(bytes)) = identify(entry.path()) else { continue };
        let name = entry.path().strip_prefix(&root).unwrap_or(entry.path()).display().to_string();
        binaries
            .extend(audit::read_binary(&name, &installed(entry.path()), &bytes).map_err(|error| error.about(name))?);
    }
    match binaries.is_empty() {
        true => Err(Error::usage("holds no binary").about(folder.display())),
        false => Ok(binaries),
    }
}

/// Returns a bare binary, and what lies where its search paths lead from its own place: it stands for a wheel that is
/// not packed yet.
fn bare(path: &Path, bytes: &[u8]) -> Result<Vec<Binary>> {
    let place = std::fs::canonicalize(path).map_err(|error| Error::io(path.display(), &error))?;
    let mut binaries = audit::read_binary(&path.display().to_string(), &installed(&place), bytes)?;
    let mut known = BTreeSet::from([place.clone()]);
    let mut open = vec![(place, 0)];
    while let Some((place, index)) = open.pop() {
        for found in beside(&place, binaries.get(index)) {
            if known.insert(found.clone())
                && let Ok(bytes) = std::fs::read(&found)
                && let Ok(others) = audit::read_binary(&found.display().to_string(), &installed(&found), &bytes)
            {
                open.push((found, binaries.len()));
                binaries.extend(others);
            }
        }
    }
    Ok(binaries)
}

/// The path under the root directory, as the loader's engine wants it.
fn installed(place: &Path) -> String {
    place.display().to_string().trim_start_matches('/').to_owned()
}

/// Files that have the name of an import and lie in a directory of the binary's own search path.
fn beside(place: &Path, binary: Option<&Binary>) -> Vec<PathBuf> {
    let (Some(binary), Some(folder)) = (binary, place.parent()) else { return Vec::new() };
    let paths =
        [SearchPathKind::Rpath, SearchPathKind::Runpath].into_iter().flat_map(|kind| binary.image.search_path(kind));
    let folders = paths.filter_map(|path| {
        let rest = path.strip_prefix("$ORIGIN").or_else(|| path.strip_prefix("${ORIGIN}"))?;
        rest.is_empty().then(|| folder.to_owned()).or_else(|| Some(folder.join(rest.strip_prefix('/')?)))
    });
    let names: Vec<&str> = binary.image.imports.iter().map(|import| import.name.as_str()).collect();
    folders
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
        .filter_map(|path| std::fs::canonicalize(path).ok())
        .filter(|path| path.is_file())
        .collect()
}
