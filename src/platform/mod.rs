//! Platforms as data: each says which tags are its own, how its loader searches, and how libraries are vendored for it.
//!
//! A platform answers questions; it does no I/O and holds no loop. What acts on the answers is written once, in
//! `load`, `policy` and `repair`.

pub mod android;
pub mod detect;
pub mod ios;
pub mod loader;
pub mod macos;
pub mod manylinux;
pub mod musllinux;
pub mod windows;

pub use detect::{Detection, detect};
pub use loader::{Directories, Loader};

use crate::arch::Arch;
use crate::format::{Format, Image, SearchPathKind};
use crate::tag::PlatformTag;

/// Every platform.
pub const ALL: &[&dyn Platform] =
    &[&manylinux::Manylinux, &musllinux::Musllinux, &android::Android, &macos::Macos, &ios::Ios, &windows::Windows];

/// What is particular to one platform.
pub trait Platform: Sync {
    /// Returns the name, e.g. `manylinux`: how its tags begin.
    fn name(&self) -> &'static str;

    /// Returns true if the tag is one of its own.
    fn owns(&self, tag: &PlatformTag) -> bool;

    /// Returns the format of its binaries.
    fn format(&self) -> Format;

    /// Returns its C library, if its tags speak of one (Linux and Android).
    fn libc(&self) -> Option<Libc>;

    /// Returns the rules of its loader.
    fn loader(&self) -> &'static Loader;

    /// Returns where its loader looks on a system for this processor.
    fn directories(&self, arch: Arch) -> Directories;

    /// Returns how libraries are vendored.
    fn vendoring(&self) -> &'static Vendoring;

    /// Returns how its tags spell the processor, e.g. `arm64_v8a`.
    fn arch_name(&self, arch: Arch) -> String;

    /// Returns true if a process on `arch` can load the binary.
    fn loads(&self, arch: Arch, image: &Image) -> bool {
        image.format == self.format() && runs_on(arch, image)
    }
}

/// Returns true if a process on `arch` can load the binary, as far as its machine and float ABI tell.
pub fn runs_on(arch: Arch, image: &Image) -> bool {
    match (arch, image.arch) {
        // A 32-bit Arm library that does not say how it passes floats goes with either kind: glibc's
        // `VALID_FLOAT_ABI` refuses only what says the contrary.
        (Arch::Armv7l, Arch::Armv6l) => image.elf().is_some_and(|facts| facts.float_abi.is_none()),
        // A hard-float library is `Armv7l` whatever processor it was compiled for, so a wheel for ARMv6 may hold it.
        (Arch::Armv6l, Arch::Armv7l) => true,
        (arch, own) => arch == own,
    }
}

/// Returns the platform that a tag belongs to; `None` for `any` and unknown tags.
///
/// `linux_*` is given to manylinux, although it says nothing about the C library (see [`detect()`]).
pub fn of(tag: &PlatformTag) -> Option<&'static dyn Platform> {
    ALL.iter().copied().find(|platform| platform.owns(tag))
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
    /// How a binary is made to find it.
    pub wiring: Wiring,
    /// Why a library that a wheel brings would never be loaded, where that is so: none is vendored.
    pub refusal: Option<&'static str>,
}

/// How a binary is made to find a library that was vendored for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wiring {
    /// Imports are file names, and a search path leads to the library's directory (ELF).
    SearchPath {
        /// The kind of search path that is written.
        kind: SearchPathKind,
        /// The word for "the directory I lie in" in it.
        origin: &'static str,
    },
    /// Each import is itself the way from the importer to the library (Mach-O).
    LoadPath {
        /// The word for "the directory I lie in".
        origin: &'static str,
        /// What begins the name that a vendored library gives itself, so that nobody else's imports mean it.
        identity: &'static str,
        /// Folders in which package managers install, the same on every machine that has them.
        shared: &'static [&'static str],
    },
    /// Imports are file names, looked for in the importing extension's directory and in those that start-up code adds
    /// (PE).
    Directory,
}

/// Where vendored libraries lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VendorDirectory {
    /// Beside the packages, named as the distribution with this appended, e.g. `numpy.libs`.
    Distribution(&'static str),
    /// A folder of this name in the distribution's package; beside the packages, appended to the distribution's name,
    /// where there is no package.
    Package(&'static str),
}

/// How a vendored library is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VendorNaming {
    /// `-` and this many hexadecimal digits before the first dot: `libfoo-1a2b3c4d.so.1`.
    BeforeFirstDot(usize),
    /// `-` and this many hexadecimal digits before the last dot: `foo-1a2b….dll`.
    BeforeExtension(usize),
    /// The name by which it is imported.
    Kept,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_of_a_platform_has_one() {
        for (tag, name) in [
            ("manylinux_2_28_x86_64", Some("manylinux")),
            ("manylinux2014_aarch64", Some("manylinux")),
            ("linux_s390x", Some("manylinux")),
            ("musllinux_1_2_armv7l", Some("musllinux")),
            ("android_24_arm64_v8a", Some("android")),
            ("macosx_11_0_universal2", Some("macos")),
            ("ios_13_0_arm64_iphoneos", Some("ios")),
            ("win32", Some("windows")),
            ("any", None),
            ("plan9_mips", None),
        ] {
            let tag: PlatformTag = tag.parse().unwrap();
            assert_eq!(of(&tag).map(|platform| platform.name()), name);
            assert!(ALL.iter().filter(|platform| platform.owns(&tag)).count() <= 1);
        }
    }

    #[test]
    fn each_platform_has_its_own_libc_and_name() {
        for (index, platform) in ALL.iter().enumerate() {
            for other in &ALL[index + 1..] {
                assert!(platform.name() != other.name());
                assert!(platform.libc().is_none() || platform.libc() != other.libc());
            }
        }
    }

    #[test]
    fn only_android_writes_a_runpath() {
        for platform in ALL.iter().filter(|platform| platform.format() == Format::Elf) {
            let expected = if platform.name() == "android" { SearchPathKind::Runpath } else { SearchPathKind::Rpath };
            let Wiring::SearchPath { kind, .. } = platform.vendoring().wiring else { panic!("{platform:?}") };
            assert_eq!(kind, expected);
        }
    }
}
