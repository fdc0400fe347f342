//! PE: imports are file names, looked for beside the extension and in the folders that start-up code adds.

use std::collections::{BTreeMap, BTreeSet};

use super::{Home, Homes, Wire, Wired, names};
use crate::diagnostic::{Code, Diagnostic};
use crate::error::Result;
use crate::format::pe::PeFacts;
use crate::format::{Edit, EditSet, ImportKind};
use crate::load::{Binary, ObjectId, Resolution, RootKind};
use crate::policy::windows;
use crate::repair::draft::{Drafter, Fate};
use crate::repair::options::Layout;
use crate::repair::places::Folder;
use crate::repair::plan::StartUpCode;

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
            edits.push(Edit::ClearDependentLoadFlags)?;
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

/// Where the one copy of a library lies that several folders may need, and the start-up code for it.
fn shared(drafter: &Drafter<'_>, name: &str, needed: &Wanted, homes: &mut Homes) -> BTreeSet<Folder> {
    let mut folders = needed.programs.clone();
    let mut rest: Vec<&Folder> = needed.python.iter().filter(|folder| !folders.contains(folder)).collect();
    if let ([only], Layout::Auto) = (rest.as_slice(), drafter.options.layout) {
        folders.insert((*only).clone());
        return folders;
    }
    if rest.is_empty() {
        return folders;
    }
    let can_add = |folder: &&Folder| {
        drafter.python_floor >= crate::python::startup::LOWEST && drafter.places.package_of(&folder.installed).is_some()
    };
    let fixed: Vec<&Folder> = rest.iter().copied().filter(|folder| !can_add(folder)).collect();
    let home = match fixed.as_slice() {
        [] => drafter.places.libraries.clone(),
        // It lies where it can only be found beside, and the others are told of that folder.
        [one] => (*one).clone(),
        [one, other, ..] => {
            homes.diagnostics.push(cannot_share(name, one, other));
            return folders;
        }
    };
    rest.retain(|folder| **folder != home);
    for folder in rest {
        if let Some(init) = drafter.places.package_of(&folder.installed) {
            homes.startup.entry(init.to_owned()).or_default().insert(home.installed.clone());
        }
    }
    folders.insert(home);
    folders
}

fn cannot_share(name: &str, one: &Folder, other: &Folder) -> Diagnostic {
    let place = |folder: &Folder| match folder.member.as_str() {
        "" => "the top level".to_owned(),
        member => format!("`{member}`"),
    };
    let message = format!(
        "`{name}` is needed in {} and in {}, and neither has start-up code that could tell the loader of the other",
        place(one),
        place(other)
    );
    Diagnostic::new(Code::TW321, message)
        .help("give each folder a copy of its own with `--layout adjacent`, or add an `__init__.py` to the package")
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
            let Some(found) = edge.elsewhere else { continue };
            let (name, there) = (&drafter.graph.import(edge).name, directory(&drafter.graph.object(found).location));
            match drafter.places.package_of(folder) {
                Some(init) if drafter.python_floor >= crate::python::startup::LOWEST => {
                    homes.startup.entry(init.to_owned()).or_default().insert(there.to_owned());
                }
                _ => homes.diagnostics.push(
                    Diagnostic::new(
                        Code::TW321,
                        format!(
                            "`{name}` lies in another folder of the wheel, and there is no `__init__.py` that could \
                             tell the loader of it"
                        ),
                    )
                    .member(drafter.graph.object(edge.importer).display_name())
                    .help("ship the DLL beside the extension"),
                ),
            }
        }
    }
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
                None => {}
            }
        }
        let Some(home) = home else { continue };
        if !drafter.graph.object(object).is_wheel() {
            // Vendored libraries have it cleared anyway.
        } else {
            edits.push(Edit::ClearDependentLoadFlags)?;
        }
        if !import.name.eq_ignore_ascii_case(&home.name) {
            edits.push(Edit::ReplaceImport { from: import.name.clone(), to: home.name.clone() })?;
        }
    }
    Ok(())
}

/// The first function that is asked for by name of an import.
fn first_function(drafter: &Drafter<'_>, object: ObjectId, import: usize) -> Option<String> {
    let symbols = &drafter.graph.object(object).symbols;
    let mut of = symbols.undefined.iter().filter(|symbol| symbol.import.map(usize::from) == Some(import));
    of.find(|symbol| !symbol.name.starts_with('#')).map(|symbol| symbol.name.to_string())
}

/// Returns start-up code as the plan holds it.
pub(in crate::repair) fn start_up_code(
    drafter: &Drafter<'_>,
    startup: &BTreeMap<String, BTreeSet<String>>,
    libraries: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<StartUpCode>> {
    let mut found = Vec::new();
    for (init, folders) in startup {
        let installed = drafter.places.packages.iter().find(|(_, member)| *member == init).map(|(folder, _)| folder);
        let Some(here) = installed else { continue };
        let [folder] = folders.iter().collect::<Vec<_>>()[..] else {
            let names: Vec<&str> = folders.iter().map(String::as_str).collect();
            return Err(crate::Error::refused(format!(
                "start-up code would have to name several folders: {}",
                names.join(", ")
            ))
            .about(init)
            .hint("use `--layout adjacent`"));
        };
        found.push(StartUpCode {
            member: init.clone(),
            folder: crate::repair::paths::relative(here, folder),
            libraries: libraries.get(folder).cloned().unwrap_or_default(),
            lowest: drafter.python_floor,
        });
    }
    Ok(found)
}
