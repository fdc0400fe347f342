//! `--include`: libraries that nothing imports, found by path or by name, placed as if the wheel had them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::options::Options;
use super::places::{Folder, Places};
use crate::error::{Error, Result};
use crate::format::{self, Image};
use crate::load::source::Located;
use crate::load::{Binary, FileBytes, Graph, Target, Universe};
use crate::wheel::install::SITE_PACKAGES;

/// Binaries that stand for the included libraries, and where each comes from, by archive name.
pub(super) type Included = (Vec<Binary>, BTreeMap<String, PathBuf>);

/// Finds every included library.
///
/// # Errors
/// `Refused` if one is nowhere or is no library for this processor; `Usage` if a destination leaves site-packages or
/// a library is both included and excluded.
pub(super) fn included(
    options: &Options,
    targets: &[Target],
    places: &Places,
    universe: &Universe<'_>,
    root: &str,
) -> Result<Included> {
    let mut found = (Vec::new(), BTreeMap::new());
    for include in &options.include {
        let name = include.library.as_str();
        if options.exclude.matches(name) || options.exclude.matches(base(name)) {
            return Err(Error::usage("both included and excluded").about(name));
        }
        let path = locate(name, targets, universe)?;
        let folder = match &include.destination {
            None => places.libraries.clone(),
            Some(folder) => destination(folder, root)?,
        };
        let file = path.to_string_lossy();
        let (member, installed) = (folder.member_of(base(&file)), folder.location_of(base(&file)));
        let bytes = FileBytes::open(&path)?;
        let images = format::inspect_unverified(&bytes).map_err(|error| error.about(path.display()))?;
        let fitting: Vec<_> = images.into_iter().filter(|image| fits(targets, image)).collect();
        if fitting.is_empty() {
            let archs: Vec<String> = targets.iter().map(|target| target.platform.arch_name(target.arch)).collect();
            return Err(
                Error::refused(format!("included, but it is not for {}", archs.join(" or "))).about(path.display())
            );
        }
        for image in fitting {
            let symbols = format::symbols(&bytes, &image).map_err(|error| error.about(path.display()))?;
            found.0.push(Binary::new(&member, &installed, image, symbols));
        }
        found.1.insert(member, path);
    }
    Ok(found)
}

/// Returns the graph in which imports of an included library find the copy in the wheel, under the name that it keeps: two
/// copies would be two libraries in one process.
pub(super) fn imported(mut graph: Graph, included: &BTreeMap<String, PathBuf>) -> Graph {
    let canonical: BTreeMap<&str, PathBuf> =
        included.iter().filter_map(|(member, path)| Some((member.as_str(), dunce::canonicalize(path).ok()?))).collect();
    graph.prefer_elsewhere(|outside, own| {
        let path = own.member.as_deref().and_then(|member| canonical.get(member));
        path.is_some_and(|path| outside.external_path() == Some(path))
    });
    graph
}

/// A folder below site-packages; `.` is site-packages itself.
fn destination(folder: &str, root: &str) -> Result<Folder> {
    let plain = if folder == "." { "" } else { folder.trim_matches('/') };
    let fine = plain.split('/').all(|part| !matches!(part, "." | "..") && (!part.is_empty() || plain.is_empty()));
    if !fine || plain.contains('\\') {
        return Err(Error::usage("the folder of an included library lies inside site-packages").about(folder));
    }
    let member = format!("{root}{plain}").trim_end_matches('/').to_owned();
    let installed = format!("{SITE_PACKAGES}/{plain}").trim_end_matches('/').to_owned();
    Ok(Folder { member, installed })
}

/// The file that a path or a name stands for.
fn locate(name: &str, targets: &[Target], universe: &Universe<'_>) -> Result<PathBuf> {
    let path = Path::new(name);
    if name.contains('/') || path.is_absolute() {
        return Ok(path.to_path_buf());
    }
    let Some(target) = targets.first() else { return Err(Error::refused("the wheel is for no processor")) };
    let directories = target.platform.directories(target.arch);
    let mut tried = Vec::new();
    for source in universe.sources() {
        for (_, directory) in source.directories(&directories) {
            let candidate = format!("{}/{name}", directory.trim_end_matches('/'));
            if let Located::File { canonical, .. } = source.locate(&candidate, target.platform.loader().names) {
                let fits =
                    source.examine(&canonical).is_ok_and(|slices| slices.iter().any(|(image, _)| fits(targets, image)));
                if fits {
                    // The name that was asked for stays, whatever a symbolic link leads to.
                    return Ok(source.on_disk(&candidate));
                }
            }
            tried.push(directory);
        }
    }
    let message = match tried.is_empty() {
        true => "included, but no folder to look in was given".to_owned(),
        false => format!("included, but it is nowhere; looked in {}", tried.join(", ")),
    };
    Err(Error::refused(message).about(name).hint("give its path, or the folder with `--lib-path`"))
}

/// Whether a process of some target can load the slice.
fn fits(targets: &[Target], image: &Image) -> bool {
    targets.iter().any(|target| target.platform.loads(target.arch, image))
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
