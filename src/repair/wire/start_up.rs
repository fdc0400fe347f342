//! Start-up code as the plan holds it: which folders an `__init__.py` names, and in which order the DLLs in them load.

use std::collections::{BTreeMap, BTreeSet};

use super::Homes;
use crate::load::{AddedBy, ObjectId};
use crate::repair::draft::Drafter;
use crate::repair::paths;
use crate::repair::places::Folder;
use crate::repair::plan::StartUpCode;

/// Returns the start-up code of every `__init__.py` that needs some.
///
/// A folder that code of an earlier repair names stays named, because the new code takes the place of the old.
pub(in crate::repair) fn start_up_code(drafter: &Drafter<'_>, homes: &Homes) -> Vec<StartUpCode> {
    let order = if homes.startup.is_empty() { Vec::new() } else { load_order(drafter, homes) };
    let code = homes.startup.iter().filter_map(|(init, folders)| {
        let (here, _) = drafter.places.packages.iter().find(|(_, member)| *member == init)?;
        let earlier = drafter.added.iter().filter(|added| added.member == *init && added.by == AddedBy::Truewheel);
        let mut installed: BTreeSet<&str> = folders.iter().map(|folder| folder.installed.as_str()).collect();
        installed.extend(earlier.map(|added| added.path.trim_start_matches('/')));
        let libraries = order.iter().filter(|location| installed.contains(paths::directory(location)));
        Some(StartUpCode {
            member: init.clone(),
            folders: installed.iter().map(|folder| paths::relative(here, folder)).collect(),
            libraries: libraries.map(|location| paths::relative(here, location)).collect(),
            lowest: drafter.python_floor,
        })
    });
    code.collect()
}

/// Installed paths of every library that something in the wheel imports or that lies among the vendored ones, what is
/// imported before what imports it.
fn load_order(drafter: &Drafter<'_>, homes: &Homes) -> Vec<String> {
    let mut walk = Walk { drafter, places: places(drafter, homes), seen: BTreeSet::new(), order: Vec::new() };
    // Libraries that need each other have no order: the first by name.
    let mut ids: Vec<ObjectId> = walk.places.keys().copied().collect();
    ids.sort_by(|a, b| walk.places.get(a).cmp(&walk.places.get(b)));
    for id in ids {
        walk.enter(id);
    }
    walk.order
}

/// Where the libraries will lie that start-up code may have to load: vendored ones, and those of the wheel that something
/// imports.
fn places(drafter: &Drafter<'_>, homes: &Homes) -> BTreeMap<ObjectId, Vec<String>> {
    let imported: BTreeSet<ObjectId> = drafter.graph.iter().flat_map(|(id, _)| drafter.inside(id)).collect();
    let shared = |location: &str| paths::directory(location) == drafter.places.libraries.installed;
    let place = |(id, object): (ObjectId, &crate::load::Object)| match homes.of(id) {
        Some(home) => {
            let location = |folder: &Folder| folder.location_of(&home.name);
            Some((id, home.folders.iter().map(location).collect()))
        }
        None if object.is_wheel() && (imported.contains(&id) || shared(&object.location)) => {
            Some((id, vec![object.location.clone()]))
        }
        None => None,
    };
    drafter.graph.iter().filter_map(place).collect()
}

struct Walk<'a, 'd> {
    drafter: &'a Drafter<'d>,
    places: BTreeMap<ObjectId, Vec<String>>,
    seen: BTreeSet<ObjectId>,
    order: Vec<String>,
}

impl Walk<'_, '_> {
    /// Lists a library behind all that it needs; by steps on a list, as chains may be long.
    fn enter(&mut self, id: ObjectId) {
        let mut stack = vec![(id, false)];
        while let Some((id, is_done)) = stack.pop() {
            if is_done {
                self.order.extend(self.places.get(&id).into_iter().flatten().cloned());
            } else if self.seen.insert(id) {
                stack.push((id, true));
                let mut needed: Vec<ObjectId> = self.drafter.inside(id).collect();
                needed.reverse();
                stack.extend(needed.into_iter().map(|id| (id, false)));
            }
        }
    }
}
