//! Where things lie in the wheel that is repaired.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A folder of a wheel, by both its names.
///
/// Folders of several archive names that are one after install (`ns`, `pkg-1.data/platlib/ns`) are equal.
#[derive(Debug, Clone, Default)]
pub(super) struct Folder {
    /// Its archive name: `pkg.libs`, `pkg-1.data/platlib/pkg.libs`; empty for the root.
    pub member: String,
    /// Where it lies after install, relative to the prefix.
    pub installed: String,
}

impl PartialEq for Folder {
    fn eq(&self, other: &Self) -> bool {
        self.installed == other.installed
    }
}

impl Eq for Folder {}

impl PartialOrd for Folder {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Folder {
    fn cmp(&self, other: &Self) -> Ordering {
        self.installed.cmp(&other.installed)
    }
}

impl Folder {
    /// Returns the folder in which the binary of these names lies.
    pub fn holding(member: &str, installed: &str) -> Self {
        let parent = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        Self { member: parent(member), installed: parent(installed) }
    }

    /// Returns the archive name of a file in it.
    pub fn member_of(&self, file_name: &str) -> String {
        match self.member.as_str() {
            "" => file_name.to_owned(),
            folder => format!("{folder}/{file_name}"),
        }
    }

    /// Returns where a file in it lies after install.
    pub fn location_of(&self, file_name: &str) -> String {
        format!("{}/{file_name}", self.installed)
    }
}

/// Where things lie in the wheel that is repaired.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// The folder of vendored libraries, by the platform's convention.
    pub libraries: Folder,
    /// Archive name prefix of installed programs: `pkg-1.data/scripts/`.
    pub scripts: String,
    /// The folder that programs move to: `pkg.scripts`.
    pub programs: Folder,
    /// Regular packages: of each the installed directory, and the archive name of its `__init__.py`.
    pub packages: BTreeMap<String, String>,
    /// Those whose `__init__.py` may never run, or may be another distribution's: start-up code has no place in them.
    pub without_start_up: BTreeSet<String>,
    /// Archive names of the wheel's members, in lower case: what is new must not be taken for one of them.
    pub members: BTreeSet<String>,
}

impl Places {
    /// Returns the archive name of the `__init__.py` of the nearest regular package that holds an installed directory and
    /// has a place for start-up code: it runs before anything in that directory is imported.
    pub fn package_of(&self, installed: &str) -> Option<&str> {
        let mut folder = installed;
        loop {
            if let Some(init) = self.packages.get(folder).filter(|_| !self.without_start_up.contains(folder)) {
                return Some(init);
            }
            folder = folder.rsplit_once('/')?.0;
        }
    }
}
