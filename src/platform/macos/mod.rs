//! macOS: Mach-O under dyld.

use super::loader::{
    Carried, Directories, Inherit, Loader, NameRule, OriginRule, PathImport, Refusal, Reuse, Step, Token, UnknownToken,
};
use super::{Libc, Platform, VendorDirectory, VendorNaming, Vendoring, Wiring};
use crate::arch::Arch;
use crate::format::{Format, Image};
use crate::tag::PlatformTag;

/// The platform of `macosx_*` tags.
#[derive(Debug, Clone, Copy)]
pub struct Macos;

/// dyld (`dyld/Loader.cpp`, `JustInTimeLoader.cpp`): names are paths, `@rpath` is a stack, and an install name that is
/// loaded already answers before any search.
pub(super) static LOADER: Loader = Loader {
    name: "dyld",
    names: NameRule::Exact,
    reuse: &[Reuse::RequestedName, Reuse::Identity, Reuse::SameFile],
    paths: PathImport::LoadPath,
    steps: &[Step::SearchPath(Carried::Rpath, Inherit::Ancestors)],
    tokens: &[Token::LoaderPath, Token::ExecutablePath, Token::Rpath],
    unknown_token: UnknownToken::Literal,
    origin: OriginRule::Canonical,
    wrong_machine: Refusal::Skip,
    not_a_library: Refusal::Skip,
    built_in: &[],
};

/// delocate's convention: `pkg/.dylibs`, names kept, `/DLC/` identities, each import the way from its importer.
static VENDORING: Vendoring = Vendoring {
    directory: VendorDirectory::Package(".dylibs"),
    naming: VendorNaming::Kept,
    wiring: Wiring::LoadPath {
        origin: "@loader_path",
        identity: "/DLC",
        // Homebrew on Intel and what is installed by hand, Homebrew on Apple silicon, MacPorts, Apple's installer.
        shared: &["/usr/local/", "/opt/homebrew/", "/opt/local/", "/Library/"],
    },
    refusal: None,
};

impl Platform for Macos {
    fn name(&self) -> &'static str {
        "macos"
    }

    fn owns(&self, tag: &PlatformTag) -> bool {
        matches!(tag, PlatformTag::Macos { .. })
    }

    fn format(&self) -> Format {
        Format::MachO
    }

    fn libc(&self) -> Option<Libc> {
        None
    }

    fn loader(&self) -> &'static Loader {
        &LOADER
    }

    fn directories(&self, _arch: Arch) -> Directories {
        directories()
    }

    fn vendoring(&self) -> &'static Vendoring {
        &VENDORING
    }

    fn arch_name(&self, arch: Arch) -> String {
        arch.apple_name()
    }

    fn loads(&self, arch: Arch, image: &Image) -> bool {
        loads(arch, image)
    }
}

/// `DYLD_FALLBACK_LIBRARY_PATH`'s default for programs of today (dyld's `ProcessConfig`).
pub(super) fn directories() -> Directories {
    Directories { defaults: vec!["/usr/local/lib".into(), "/usr/lib".into()], ..Directories::default() }
}

/// Whether a process on `arch` loads the slice: its own, or the variant for newer processors of the same family.
pub(super) fn loads(arch: Arch, image: &Image) -> bool {
    image.format == Format::MachO && base(image.arch) == base(arch)
}

/// The processor that tags name: `x86_64h` slices are for `x86_64` tags, `arm64e` for `arm64`.
pub fn base(arch: Arch) -> Arch {
    match arch {
        Arch::X86_64h => Arch::X86_64,
        Arch::Arm64e => Arch::Aarch64,
        other => other,
    }
}
