//! PE: imports are file names, looked for beside the extension and in the folders that start-up code adds.

use std::collections::{BTreeMap, BTreeSet};

use super::{Home, Homes, Wire, Wired, names};
use crate::diagnostic::{Code, Diagnostic};
use crate::error::Result;
use crate::format::pe::PeFacts;
use crate::format::{Edit, EditSet, ImportKind};
use crate::load::{Binary, ObjectId, Resolution, RootKind};
use crate::policy::windows;
use crate::python::startup::LOWEST;
use crate::repair::draft::{Drafter, Fate};
use crate::repair::options::Layout;
use crate::repair::places::Folder;

/// The way of PE.
pub(super) struct DirectoryWire;

/// Folders from which a library must be found: those of the load roots that load it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Wanted {
    /// Folders of extensions, and of libraries that Python code opens by their path.
    python: BTreeSet<Folder>,
    /// Folders of programs, for which no start-up code runs.
    programs: BTreeSet<Folder>,
}

impl Wanted {
    fn all(&self) -> BTreeSet<Folder> {
        self.python.union(&self.programs).cloned().collect()
    }
}

impl Wire for DirectoryWire {
    fn homes(&self, drafter: &Drafter<'_>, files: &[Vec<ObjectId>]) -> Result<Homes> {
        let names = names(drafter, files, |_| Vec::new())?;
        let wanted = wanted(drafter);
        let mut homes = Homes::default();
        for (slices, name) in files.iter().zip(names) {
            let mut needed = Wanted::default();
            for folders in slices.iter().filter_map(|id| wanted.get(id)) {
                needed.python.extend(folders.python.iter().cloned());
                needed.programs.extend(folders.programs.iter().cloned());
            }
            let folders = match drafter.options.layout {
                Layout::Adjacent => needed.all(),
                Layout::Auto | Layout::Libs => shared(drafter, &name, &needed, &mut homes),
            };
            homes.settle(slices, &Home { name, folders: folders.into_iter().collect() });
        }
        reach_others(drafter, &mut homes);
        let named: Vec<Diagnostic> = files.iter().filter_map(|slices| named_at_run_time(drafter, slices)).collect();
        homes.diagnostics.extend(named);
        Ok(homes)
    }

    fn vendored(&self, drafter: &Drafter<'_>, slices: &[ObjectId], _folder: &Folder, homes: &Homes) -> Result<EditSet> {
        let mut edits = EditSet::default();
        for &object in slices {
            import_edits(drafter, object, homes, &mut edits)?;
            // The flags of a vendored library were right where it came from.
            clear_flags(drafter, object, &mut edits)?;
        }
        Ok(edits)
    }

    fn own(&self, drafter: &Drafter<'_>, slices: &[ObjectId], loadable: bool, homes: &Homes) -> Result<Wired> {
        let mut wired = Wired::default();
        for &object in slices.iter().filter(|_| loadable) {
            import_edits(drafter, object, homes, &mut wired.edits)?;
        }
        Ok(wired)
    }
}

/// For each file outside, the folders of the roots that load it.
fn wanted(drafter: &Drafter<'_>) -> BTreeMap<ObjectId, Wanted> {
    let mut wanted: BTreeMap<ObjectId, Wanted> = BTreeMap::new();
    for root in drafter.graph.roots.iter().filter(|root| root.kind != RootKind::Data) {
        let binary = drafter.graph.object(root.object);
        let Some(member) = &binary.member else { continue };
        let folder = Folder::holding(member, &binary.location);
        for id in root.scope.iter().filter(|id| !drafter.graph.object(**id).is_wheel()) {
            let folders = wanted.entry(*id).or_default();
            match root.kind {
                RootKind::Program => folders.programs.insert(folder.clone()),
                _ => folders.python.insert(folder.clone()),
            };
        }
    }
    wanted
}

/// Where the one copy of a library lies that several folders may need, and the start-up code for it. With `--layout libs`
/// programs, which no code can tell where it is, have theirs beside them.
fn shared(drafter: &Drafter<'_>, name: &str, needed: &Wanted, homes: &mut Homes) -> BTreeSet<Folder> {
    let is_libs = drafter.options.layout == Layout::Libs;
    let mut folders = if is_libs { needed.programs.clone() } else { BTreeSet::new() };
    let everyone = needed.all();
    let open: Vec<&Folder> = everyone.iter().filter(|folder| !folders.contains(folder)).collect();
    match open.as_slice() {
        [] => return folders,
        [only] if !is_libs => return BTreeSet::from([(*only).clone()]),
        _ => {}
    }
    let can_add = |folder: &Folder| {
        drafter.python_floor >= LOWEST
            && drafter.places.package_of(&folder.installed).is_some()
            && !needed.programs.contains(folder)
    };
    let fixed: Vec<&Folder> = open.iter().copied().filter(|folder| !can_add(folder)).collect();
    let home = match fixed.as_slice() {
        [] => drafter.places.libraries.clone(),
        // It lies where it can only be found beside, and the others are told of that folder.
        [one] => (*one).clone(),
        [one, other, ..] => {
            homes.diagnostics.push(cannot_share(drafter, name, [one, other]));
            return folders;
        }
    };
    for folder in open.into_iter().filter(|folder| **folder != home) {
        if let Some(init) = drafter.places.package_of(&folder.installed) {
            homes.startup.entry(init.to_owned()).or_default().insert(home.clone());
        }
    }
    folders.insert(home);
    folders
}

fn cannot_share(drafter: &Drafter<'_>, name: &str, folders: [&Folder; 2]) -> Diagnostic {
    let place = |folder: &Folder| match folder.member.as_str() {
        "" => "the top level".to_owned(),
        member => format!("`{member}`"),
    };
    let message = format!(
        "`{name}` is needed in {} and in {}, and neither has start-up code that could tell the loader of the other",
        place(folders[0]),
        place(folders[1])
    );
    // Only an included library lies among the vendored ones before it is decided where those go.
    let is_included = folders.contains(&&drafter.places.libraries);
    Diagnostic::new(Code::TW321, message).help(match is_included {
        true => {
            "say where the included library goes with `--include NAME=FOLDER` (`.` is the top level), or give each folder a \
             copy of its own with `--layout adjacent`"
        }
        false => "give each folder a copy of its own with `--layout adjacent`, or add an `__init__.py` to the package",
    })
}

/// Returns the binary of the wheel that names a DLL in its text without importing it: it may load it when it runs, so
/// the name has to stay. Visual C++'s runtimes are named in many texts and are never loaded so.
pub(super) fn named_by<'a>(drafter: &Drafter<'a>, file_name: &str) -> Option<&'a Binary> {
    let name = file_name.to_ascii_lowercase();
    let named = |binary: &&Binary| binary.named.contains(&name) && !binary.file_name().eq_ignore_ascii_case(&name);
    drafter.binaries.iter().find(named).filter(|_| !windows::is_runtime(&name))
}

/// A library that some binary names in its text without importing it.
fn named_at_run_time(drafter: &Drafter<'_>, slices: &[ObjectId]) -> Option<Diagnostic> {
    let object = slices.first().map(|id| drafter.graph.object(*id))?;
    let who = named_by(drafter, object.file_name())?;
    let name = object.file_name();
    let message =
        format!("names `{name}` without importing it: it may load it when it runs, so `{name}` keeps its name");
    Some(Diagnostic::new(Code::TW312, message).member(&who.member))
}

/// Libraries that the wheel ships where the loader does not look: start-up code names their folders.
fn reach_others(drafter: &Drafter<'_>, homes: &mut Homes) {
    for root in drafter.graph.roots.iter().filter(|root| matches!(root.kind, RootKind::Extension | RootKind::Library)) {
        let folder = directory(&drafter.graph.object(root.object).location);
        for edge in root.edges.iter().filter(|edge| edge.resolution == Resolution::Missing) {
            let Some(found) = edge.elsewhere.map(|id| drafter.graph.object(id)) else { continue };
            let name = &drafter.graph.import(edge).name;
            match (drafter.places.package_of(folder), found.member.as_deref()) {
                (Some(init), Some(member)) if drafter.python_floor >= LOWEST => {
                    let there = Folder::holding(member, &found.location);
                    homes.startup.entry(init.to_owned()).or_default().insert(there);
                }
                (package, _) => {
                    let importer = drafter.graph.object(edge.importer).display_name();
                    homes.diagnostics.push(cannot_reach(name, package.is_some()).member(importer));
                }
            }
        }
    }
}

/// A DLL of another folder that the loader cannot be told of, in a regular package or outside of one.
fn cannot_reach(name: &str, in_package: bool) -> Diagnostic {
    let why = match in_package {
        true => format!("Pythons older than {}.{} have nothing that could tell the loader of it", LOWEST.0, LOWEST.1),
        false => "there is no `__init__.py` that could tell the loader of it".to_owned(),
    };
    let message = format!("`{name}` lies in another folder of the wheel, and {why}");
    Diagnostic::new(Code::TW321, message).help("ship the DLL beside the extension")
}

fn directory(location: &str) -> &str {
    location.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Adds the edits of the imports of one object.
fn import_edits(drafter: &Drafter<'_>, object: ObjectId, homes: &Homes, edits: &mut EditSet) -> Result<()> {
    let mut handled = BTreeSet::new();
    for edge in drafter.links.edges_of(object) {
        let import = drafter.graph.import(edge);
        if !handled.insert(import.name.to_ascii_lowercase()) {
            continue;
        }
        let Fate::Inside(target) = drafter.fate(edge) else { continue };
        let home = homes.of(target);
        // The helper that loads a delayed import looks neither beside the extension nor where start-up code points. What a
        // runtime loads only where Windows lacks something may stay delayed.
        let is_needed = !windows::is_optional(drafter.graph.object(object).file_name(), &import.name);
        let moves = home.is_some() || edge.resolution == Resolution::Missing;
        if import.kind == ImportKind::Delay && moves && is_needed {
            let name = home.map_or(&import.name, |home| &home.name);
            let protected = drafter.graph.object(object).image.pe().is_some_and(PeFacts::protects_delay_imports);
            match first_function(drafter, object, edge.import) {
                _ if !protected => edits.push(Edit::DelayToEager(Some(import.name.clone())))?,
                // The table may not be filled at load: with an import of its own the DLL is there when its turn comes.
                Some(function) => edits.push(Edit::AddImport(format!("{name}!{function}")))?,
                // Nothing ever asks for it.
                None => {}
            }
        }
        let Some(home) = home else { continue };
        clear_flags(drafter, object, edits)?;
        if !import.name.eq_ignore_ascii_case(&home.name) {
            edits.push(Edit::ReplaceImport { from: import.name.clone(), to: home.name.clone() })?;
        }
    }
    Ok(())
}

/// Clears the flags that keep the loader from the folders of vendored libraries, where there are some.
fn clear_flags(drafter: &Drafter<'_>, object: ObjectId, edits: &mut EditSet) -> Result<()> {
    let facts = drafter.graph.object(object).image.pe();
    if facts.is_none_or(|facts| facts.dependent_load_flags == 0) {
        return Ok(());
    }
    edits.push(Edit::ClearDependentLoadFlags)
}

/// The first function that is asked for of an import, by name where one is.
fn first_function(drafter: &Drafter<'_>, object: ObjectId, import: usize) -> Option<String> {
    let symbols = &drafter.graph.object(object).symbols;
    let of = || symbols.undefined.iter().filter(|symbol| symbol.import.map(usize::from) == Some(import));
    let named = of().find(|symbol| !symbol.name.starts_with('#'));
    named.or_else(|| of().next()).map(|symbol| symbol.name.to_string())
}
