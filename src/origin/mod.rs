//! Whose file is it: package databases, read directly, name the package that a library came from.
//!
//! One file a database, all over a [`RootFs`]: no subprocess, so a target root is as good as this machine. What a
//! database says is a stranger's word: it is bounded, and what cannot be read becomes a [`Note`].

mod anchor;
mod apk;
mod conan;
mod conda;
mod dpkg;
mod homebrew;
mod lookup;
mod macports;
mod memory;
mod nix;
mod nuget;
mod os_release;
mod pacman;
mod paragraphs;
mod purl;
mod pypi;
mod root;
mod rpm;
mod sysroot;
mod vcpkg;

pub mod sbom;

pub use lookup::{Found, lookup, lookup_all};
pub use memory::MemoryRoot;
pub use root::{FileBytes, RootFs};

use std::fmt;

/// The kind of database that knew a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Database {
    /// Debian, Ubuntu: `/var/lib/dpkg`.
    Dpkg,
    /// Fedora, RHEL, openSUSE and the manylinux images: `/var/lib/rpm`.
    Rpm,
    /// Alpine and the musllinux images: `/lib/apk/db/installed`.
    Apk,
    /// Arch Linux, MSYS2: `/var/lib/pacman/local`.
    Pacman,
    /// Nix: the store path itself.
    Nix,
    /// Conda: `conda-meta` of the environment above the file.
    Conda,
    /// Homebrew: the keg (`Cellar/name/version`) above the file.
    Homebrew,
    /// MacPorts: the registry of the prefix above the file.
    MacPorts,
    /// vcpkg: `installed/vcpkg/info`.
    Vcpkg,
    /// Conan: the package folder above the file.
    Conan,
    /// NuGet: the `.nuspec` of the package folder above the file.
    NuGet,
    /// Another Python distribution: RECORD of a `.dist-info` beside its files.
    Pypi,
}

impl Database {
    /// Returns the name used in machine output, e.g. `dpkg`.
    pub fn name(self) -> &'static str {
        match self {
            Database::Dpkg => "dpkg",
            Database::Rpm => "rpm",
            Database::Apk => "apk",
            Database::Pacman => "pacman",
            Database::Nix => "nix",
            Database::Conda => "conda",
            Database::Homebrew => "homebrew",
            Database::MacPorts => "macports",
            Database::Vcpkg => "vcpkg",
            Database::Conan => "conan",
            Database::NuGet => "nuget",
            Database::Pypi => "pypi",
        }
    }
}

/// The distribution that a root is an installation of, by its os-release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distro {
    /// `ID`, e.g. `debian`; `linux` where the file does not say.
    pub id: String,
    /// `VERSION_ID`, e.g. `12`, else `VERSION_CODENAME`.
    pub version: Option<String>,
}

/// The package that a file belongs to, as its database describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Package {
    /// What kind of database knew it.
    pub database: Database,
    /// Where that database is, within the root.
    pub database_path: String,
    /// The file as the database spells it, within the root or below the environment.
    pub file: String,
    /// The package's name, without architecture.
    pub name: String,
    /// The version as the packaging system prints it, the revision or release included; rpm's epoch is apart.
    pub version: String,
    /// rpm's epoch; other systems keep it in the version.
    pub epoch: Option<String>,
    /// The architecture in the packaging system's own words: `amd64`, `x86_64`, `linux-64`.
    pub arch: Option<String>,
    /// The distribution, where the database belongs to one.
    pub distro: Option<Distro>,
    /// The licence, word for word as the database has it.
    pub licence: Option<String>,
    /// The package that it was built from (`libffi`, `zlib-1.2.11-40.el9.src.rpm`).
    pub source: Option<String>,
    /// Who made the package, as the database has it.
    pub supplier: Option<String>,
    /// Further package URL qualifiers (`build`, `channel`, `subdir`), sorted.
    pub qualifiers: Vec<(String, String)>,
}

impl Package {
    /// Returns a package of which only the necessary is known.
    pub fn new(
        database: Database,
        database_path: impl Into<String>,
        file: impl Into<String>,
        name: impl Into<String>,
        version: impl Into<String>,
    ) -> Self {
        Self {
            database,
            database_path: database_path.into(),
            file: file.into(),
            name: name.into(),
            version: version.into(),
            epoch: None,
            arch: None,
            distro: None,
            licence: None,
            source: None,
            supplier: None,
            qualifiers: Vec::new(),
        }
    }
}

/// Something about a database that kept it from being read, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Where the database is, within the root.
    pub database: String,
    /// Why it could not be read, a phrase.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database unreadable: `{}`: {}", self.database, self.message)
    }
}
