//! Platforms as data: each says which tags are its own, how its loader searches, and how libraries are vendored for it.
//!
//! A platform answers questions; it does no I/O and holds no loop. What acts on the answers is written once, in
//! `load`, `policy` and `repair`.

pub mod android;
pub mod loader;
pub mod manylinux;
pub mod musllinux;

pub use loader::{Directories, Loader};

use crate::arch::Arch;
use crate::format::{Format, SearchPathKind};

/// Every platform.
pub const ALL: &[&dyn Platform] = &[&manylinux::Manylinux, &musllinux::Musllinux, &android::Android];

/// What is particular to one platform.
pub trait Platform: Sync {
    /// Returns the name, e.g. `manylinux`: how its tags begin.
    fn name(&self) -> &'static str;

    /// Returns the format of its binaries.
    fn format(&self) -> Format;

    /// Returns its C library.
    fn libc(&self) -> Libc;

    /// Returns the rules of its loader.
    fn loader(&self) -> &'static Loader;

    /// Returns where its loader looks on a system for this processor.
    fn directories(&self, arch: Arch) -> Directories;

    /// Returns how libraries are vendored.
    fn vendoring(&self) -> &'static Vendoring;

    /// Returns how its tags spell the processor, e.g. `arm64_v8a`.
    fn arch_name(&self, arch: Arch) -> String;

    /// Returns true if a process of `root` can load a library of `candidate`.
    fn loads(&self, root: Arch, candidate: Arch) -> bool {
        root == candidate
    }
}

impl std::fmt::Debug for dyn Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Libc {
    /// The GNU C library: `manylinux_*`.
    Glibc,
    /// musl: `musllinux_*`.
    Musl,
    /// Android's: `android_*`.
    Bionic,
}

impl Libc {
    /// Returns the name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Libc::Glibc => "glibc",
            Libc::Musl => "musl",
            Libc::Bionic => "bionic",
        }
    }
}

/// How libraries are vendored.
#[derive(Debug, Clone, Copy)]
pub struct Vendoring {
    /// Where vendored libraries lie.
    pub directory: VendorDirectory,
    /// How a vendored library is named.
    pub naming: VendorNaming,
    /// The kind of search path that is written.
    pub search_path: SearchPathKind,
    /// The word for "the directory I lie in" in a search path.
    pub origin: &'static str,
}

/// Where vendored libraries lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VendorDirectory {
    /// Beside the packages, named as the distribution with this appended, e.g. `numpy.libs`.
    Distribution(&'static str),
}

/// How a vendored library is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VendorNaming {
    /// `-` and this many hexadecimal digits before the first dot: `libfoo-1a2b3c4d.so.1`.
    BeforeFirstDot(usize),
}
