//! What a wheel is repaired for, and where things lie in it: read once, before anything is decided.

use std::collections::{BTreeMap, BTreeSet};

use super::include::{self, Included};
use super::make;
use super::options::Options;
use super::places::{Folder, Places};
use crate::error::{Error, Result};
use crate::format::Format;
use crate::load::{self, AddedDirectory, Inventory, Target, Universe, layout_of};
use crate::platform::VendorDirectory;
use crate::python::startup;
use crate::tag::{PythonTag, WheelFilename};
use crate::wheel::install::{InstallLayout, InstallScheme, SITE_PACKAGES};
use crate::wheel::pythons::Pythons;
use crate::wheel::wheel_file::WheelFile;
use crate::wheel::{Member, Wheel};

/// Where things lie in a wheel, and what it is for.
pub(super) struct Context {
    /// For which platform, and for each of its processors; never empty.
    pub targets: Vec<Target>,
    pub places: Places,
    /// What stands before members that are installed into site-packages: nothing, or `pkg-1.data/platlib/`.
    root: String,
    pub false_purelib: bool,
    /// Installed directories that start-up code in the wheel gives to the loader (Windows).
    pub added: Vec<AddedDirectory>,
    /// The Pythons that the wheel is for.
    pub pythons: Pythons,
    /// The oldest of them that start-up code has to serve.
    pub python_floor: (u8, u16),
}

/// The last Python of the second kind.
const PYTHON_2: (u8, u16) = (2, 7);

impl Context {
    /// Reads what is needed of `WHEEL` and of the members' names.
    ///
    /// # Errors
    /// `Refused` if the binaries are for no one platform, `Usage` for a `--lib-dir` that cannot be a folder's.
    pub fn of(wheel: &Wheel, filename: &WheelFilename, inventory: &Inventory, options: &Options) -> Result<Self> {
        let targets = make::targets(&inventory.binaries, filename, &options.plat)?;
        let target = *targets.first().ok_or_else(|| Error::refused("no binary says what the wheel is for"))?;
        let purelib = wheel
            .dist_info_member("WHEEL")
            .map(|member| wheel.read_small(member))
            .transpose()?
            .and_then(|bytes| WheelFile::read(&bytes).ok()?.root_is_purelib())
            .unwrap_or(false);
        let data = InstallLayout::data_directory(wheel.members().iter().map(Member::name), &filename.stem())
            .unwrap_or_else(|| format!("{}.data", filename.stem()));
        let in_data = |member: &str| member.strip_prefix(&data).is_some_and(|rest| rest.starts_with('/'));
        let at_root = inventory.binaries.iter().any(|binary| !in_data(&binary.member));
        // A wheel whose root is pure Python keeps its libraries where its binaries are: some systems install the two
        // into different folders.
        let root = if purelib && !at_root { format!("{data}/platlib/") } else { String::new() };
        let layout = layout_of(wheel);
        let packages = packages(wheel, &layout);
        let distribution = filename.distribution.as_str();
        let libraries = match target.platform.vendoring().directory {
            VendorDirectory::Distribution(suffix) => {
                let suffix = options.lib_dir.as_deref().unwrap_or(suffix);
                check_suffix(suffix)?;
                format!("{distribution}{suffix}")
            }
            VendorDirectory::Package(name) => {
                let name = options.lib_dir.as_deref().unwrap_or(name);
                check_suffix(name)?;
                match main_package(&packages, distribution) {
                    Some(package) => format!("{package}/{name}"),
                    None => format!("{distribution}{name}"),
                }
            }
        };
        let in_site_packages =
            |path: &str| Folder { member: format!("{root}{path}"), installed: format!("{SITE_PACKAGES}/{path}") };
        let (added, without_start_up) = match target.platform.format() {
            Format::Pe => {
                (load::added_directories(wheel, &inventory.binaries), without_start_up(wheel, &packages, &layout)?)
            }
            Format::Elf | Format::MachO => (Vec::new(), BTreeSet::new()),
        };
        let places = Places {
            libraries: in_site_packages(&libraries),
            scripts: format!("{data}/scripts/"),
            programs: in_site_packages(&format!("{distribution}.scripts")),
            packages,
            without_start_up,
            members: wheel.members().iter().map(|member| member.name().to_lowercase()).collect(),
        };
        let pythons = Pythons::of(wheel, filename.tags.clone());
        let python_floor = python_floor(&pythons);
        Ok(Self { targets, places, root, false_purelib: purelib && at_root, added, pythons, python_floor })
    }

    /// Finds what `--include` names.
    ///
    /// # Errors
    /// As [`include::included`].
    pub fn included(&self, options: &Options, inventory: &Inventory) -> Result<Included> {
        if options.include.is_empty() {
            return Ok((Vec::new(), BTreeMap::new()));
        }
        // Folders that are not there are told of when the plan is made.
        let universe = make::sources(Universe::new(&inventory.binaries), options, &self.targets, &mut Vec::new())?;
        include::included(options, &self.targets, &self.places, &universe, &self.root)
    }
}

/// Regular packages: of each the installed directory, and the archive name of its `__init__.py`.
fn packages(wheel: &Wheel, layout: &InstallLayout) -> BTreeMap<String, String> {
    let inits = wheel.members().iter().map(Member::name).filter(|name| {
        let file_name = name.rsplit('/').next().unwrap_or(name);
        file_name.eq_ignore_ascii_case("__init__.py")
    });
    let installed = inits.filter_map(|name| {
        let installed = layout.installed(name);
        let python = matches!(installed.scheme, InstallScheme::Purelib | InstallScheme::Platlib);
        let (folder, _) = installed.path.rsplit_once('/')?;
        (python && folder != SITE_PACKAGES).then(|| (folder.to_owned(), name.to_owned()))
    });
    installed.collect()
}

/// Packages whose `__init__.py` may not be what runs: Python prefers an extension module of that name (mypyc compiles
/// `__init__.py` and ships both), and of a namespace package that is shared the old way another distribution may bring the
/// file that stays.
fn without_start_up(
    wheel: &Wheel,
    packages: &BTreeMap<String, String>,
    layout: &InstallLayout,
) -> Result<BTreeSet<String>> {
    let compiled = wheel.members().iter().filter_map(|member| {
        let installed = layout.installed(member.name()).path;
        let (folder, file_name) = installed.rsplit_once('/')?;
        let file_name = file_name.to_ascii_lowercase();
        (file_name.starts_with("__init__.") && file_name.ends_with(".pyd")).then(|| folder.to_owned())
    });
    let mut without: BTreeSet<String> = compiled.collect();
    for (folder, init) in packages {
        if let Some(member) = wheel.members().iter().find(|member| member.name() == init.as_str())
            && startup::shares_namespace(&wheel.read_small(member)?)
        {
            without.insert(folder.clone());
        }
    }
    Ok(without)
}

/// The top-level package of the distribution's name, else the first one.
fn main_package(packages: &BTreeMap<String, String>, distribution: &str) -> Option<String> {
    let top = packages.keys().filter_map(|folder| folder.strip_prefix(SITE_PACKAGES)?.strip_prefix('/'));
    let top: BTreeSet<&str> = top.filter(|name| !name.contains('/')).collect();
    top.get(distribution).or_else(|| top.first()).map(|name| (*name).to_owned())
}

/// The oldest Python that tags and METADATA name; where they leave it open, the oldest that start-up code knows.
fn python_floor(pythons: &Pythons) -> (u8, u16) {
    let is_two = |tag: &PythonTag| tag.major().is_some_and(|major| major < 3);
    if pythons.tags.pythons().iter().any(is_two) && pythons.lets_in(PYTHON_2) {
        return PYTHON_2;
    }
    let meant = pythons.meant();
    let lowest = meant.iter().filter_map(|meant| {
        let lowest = *meant.versions.first()?;
        // No bound that `py3` comes with keeps start-up code away: most are older than those who wrote them.
        Some(if meant.python.version().is_none() { lowest.max(startup::LOWEST) } else { lowest })
    });
    lowest.min().unwrap_or(startup::LOWEST)
}

/// Refuses folder names that would not be one folder beside the packages.
fn check_suffix(suffix: &str) -> Result<()> {
    // What Windows forbids no wheel may hold, whoever installs it.
    let forbidden = |c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c);
    let odd = suffix.is_empty() || suffix.contains(forbidden) || suffix.ends_with([' ', '.']);
    let reserved = [".dist-info", ".data"].iter().any(|end| suffix.ends_with(end));
    if odd || reserved {
        return Err(Error::usage(format!(
            "`--lib-dir {}` is no ending of a folder of libraries",
            suffix.escape_debug()
        )));
    }
    Ok(())
}
