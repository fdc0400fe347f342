//! Directories of a wheel that its own Python code gives to Windows' loader, before an extension asks for a DLL in them.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{Binary, layout_of};
use crate::format::Format;
use crate::python::startup;
pub use crate::python::startup::AddedBy;
use crate::wheel::Wheel;
use crate::wheel::install::{InstallLayout, InstallScheme};

/// Python files beyond this are no start-up code, in bytes.
const MAX_SOURCE: u64 = 1 << 20;

/// A directory that start-up code gives to the loader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct AddedDirectory {
    /// The installed directory, with `/` before it.
    pub path: String,
    /// The installed directory of the package whose import runs the code; nothing where that is not known, and the code
    /// counts for all of the wheel.
    pub within: Option<String>,
    /// The archive name of the Python file; empty where the caller adds a directory of its own.
    pub member: String,
    /// Whose code it is.
    pub by: AddedBy,
    /// The directory is written out in the file. Else the file loads DLLs, and names the directory somewhere.
    pub is_certain: bool,
}

impl From<String> for AddedDirectory {
    fn from(path: String) -> Self {
        Self { path, within: None, member: String::new(), by: AddedBy::Truewheel, is_certain: true }
    }
}

impl From<&String> for AddedDirectory {
    fn from(path: &String) -> Self {
        Self::from(path.clone())
    }
}

impl From<&str> for AddedDirectory {
    fn from(path: &str) -> Self {
        Self::from(path.to_owned())
    }
}

impl AddedDirectory {
    /// Returns a directory, with `/` before it, that the import of the package in an installed directory adds.
    pub fn of_package(path: String, within: impl Into<String>) -> Self {
        Self { within: Some(within.into()), ..Self::from(path) }
    }

    /// Returns true if the code has run when a binary in this installed directory is loaded.
    pub fn serves(&self, directory: &str) -> bool {
        let directory = directory.trim_start_matches('/');
        self.within.as_deref().is_none_or(|within| {
            directory.strip_prefix(within).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// Returns the directories that a wheel's own code gives to the loader, sorted.
///
/// Python files are read only where a binary needs a DLL that lies in another directory of the wheel.
pub fn added_directories(wheel: &Wheel, binaries: &[Binary]) -> Vec<AddedDirectory> {
    let mut wanted = wanted(binaries);
    let mut found: BTreeSet<AddedDirectory> = BTreeSet::new();
    if wanted.remove("") {
        // `python.exe` lies at the prefix, and the loader looks in the program's own directory.
        found.insert(AddedDirectory::from("/"));
    }
    if wanted.is_empty() {
        return found.into_iter().collect();
    }
    let layout = layout_of(wheel);
    let sources: Vec<(&str, String)> = wheel
        .members()
        .par_iter()
        .filter(|member| member.name().ends_with(".py") && member.size() <= MAX_SOURCE)
        .filter_map(|member| {
            let bytes = wheel.read(member).ok()?;
            let text = String::from_utf8_lossy(&bytes);
            startup::loads_libraries(&text).then(|| (member.name(), text.into_owned()))
        })
        .collect();
    for (member, source) in &sources {
        found.extend(written_out(member, source, &layout));
    }
    wanted.retain(|directory| !found.iter().any(|added| added.path.trim_start_matches('/') == *directory));
    for directory in wanted {
        let name = directory.rsplit('/').next().unwrap_or_default();
        if let Some((member, _)) = sources.iter().find(|(_, source)| has_word(source, name)) {
            found.insert(AddedDirectory {
                path: format!("/{directory}"),
                within: None,
                member: (*member).to_owned(),
                by: AddedBy::Package,
                is_certain: false,
            });
        }
    }
    found.into_iter().collect()
}

/// Installed directories of DLLs that a binary in another directory imports, and has no own one of.
fn wanted(binaries: &[Binary]) -> BTreeSet<String> {
    let mut homes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let is_pe = |binary: &&Binary| binary.image.format == Format::Pe;
    for binary in binaries.iter().filter(is_pe) {
        homes.entry(binary.file_name().to_ascii_lowercase()).or_default().push(directory_of(&binary.installed));
    }
    let mut wanted = BTreeSet::new();
    for binary in binaries.iter().filter(is_pe) {
        let own = directory_of(&binary.installed);
        for import in &binary.image.imports {
            let found = homes.get(&import.name.to_ascii_lowercase()).map(Vec::as_slice).unwrap_or_default();
            if !found.contains(&own) {
                wanted.extend(found.iter().map(|directory| (*directory).to_owned()));
            }
        }
    }
    wanted
}

/// The directories that are written out in one file.
fn written_out(member: &str, source: &str, layout: &InstallLayout) -> Vec<AddedDirectory> {
    let installed = layout.installed(member);
    if !matches!(installed.scheme, InstallScheme::Purelib | InstallScheme::Platlib) {
        return Vec::new();
    }
    let (here, file_name) = installed.path.rsplit_once('/').unwrap_or(("", &installed.path));
    // Other modules are imported by their package in ways that cannot be told: they count for all of it.
    let within = if file_name == "__init__.py" { Some(here.to_owned()) } else { top_package(member, &installed.path) };
    startup::added_folders(source)
        .into_iter()
        .filter_map(|added| {
            let path = joined(here, &added.folder)?;
            // A DLL that is loaded by its path answers to its name from then on.
            let path = match path.to_ascii_lowercase().ends_with(".dll") {
                true => directory_of(&path).to_owned(),
                false => path,
            };
            Some(AddedDirectory {
                path: format!("/{path}"),
                within: within.clone(),
                member: member.to_owned(),
                by: added.by,
                is_certain: true,
            })
        })
        .collect()
}

/// The installed directory of the top-level package that a module lies in; nothing for a module at the top.
fn top_package(member: &str, installed: &str) -> Option<String> {
    let depth = member.matches('/').count();
    let top = installed.rsplitn(depth + 2, '/').last().filter(|_| depth > 0)?;
    let rest = installed.strip_prefix(top)?.trim_start_matches('/');
    Some(format!("{top}/{}", rest.split('/').next()?))
}

/// Joins a directory and a path that may begin with `..`; nothing if that leaves the installation.
fn joined(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Whether a name stands in a text by itself.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let after = text.get(at + word.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_joined_and_never_leaves_the_installation() {
        assert_eq!(joined("lib/site/p", "../demo.libs").as_deref(), Some("lib/site/demo.libs"));
        assert_eq!(joined("lib/site/p", "./bin/").as_deref(), Some("lib/site/p/bin"));
        assert_eq!(joined("a", "../.."), None);
    }

    #[test]
    fn a_module_s_code_counts_for_its_top_level_package() {
        assert_eq!(top_package("p/q/m.py", "lib/site/p/q/m.py").as_deref(), Some("lib/site/p"));
        assert_eq!(top_package("p/m.py", "lib/site/p/m.py").as_deref(), Some("lib/site/p"));
        assert_eq!(top_package("m.py", "lib/site/m.py"), None);
    }

    #[test]
    fn code_serves_what_lies_below_its_package() {
        let added = AddedDirectory { within: Some("lib/site/p".into()), ..AddedDirectory::from("/lib/site/x.libs") };
        assert!(added.serves("/lib/site/p") && added.serves("/lib/site/p/q"));
        assert!(!added.serves("/lib/site/pq") && !added.serves("/lib/site"));
        assert!(AddedDirectory::from("/x").serves("/y"));
    }

    #[test]
    fn words_stand_by_themselves() {
        assert!(has_word("import pywin32_system32\n", "pywin32_system32"));
        assert!(!has_word("import pywin32_system32x\n", "pywin32_system32"));
        assert!(!has_word("x", ""));
    }
}
