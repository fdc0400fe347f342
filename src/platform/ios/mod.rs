//! iOS: Mach-O under dyld, packaged by the application that embeds Python (PEP 730).

use super::loader::{Directories, Loader};
use super::{Libc, Platform, VendorDirectory, VendorNaming, Vendoring, Wiring, macos};
use crate::arch::Arch;
use crate::format::{Format, Image};
use crate::tag::PlatformTag;

/// The platform of `ios_*` tags.
#[derive(Debug, Clone, Copy)]
pub struct Ios;

/// As on macOS would it be, but that nothing is vendored: the build of an app makes frameworks of `.so` files alone, moves
/// them away from what lies beside them, and no app may bring a bare library.
static VENDORING: Vendoring = Vendoring {
    directory: VendorDirectory::Package(".dylibs"),
    naming: VendorNaming::Kept,
    wiring: Wiring::LoadPath { origin: "@loader_path", identity: "/DLC", shared: &[] },
    refusal: Some("an app on iOS loads nothing but frameworks, and only extension modules become such"),
};

impl Platform for Ios {
    fn name(&self) -> &'static str {
        "ios"
    }

    fn owns(&self, tag: &PlatformTag) -> bool {
        matches!(tag, PlatformTag::Ios { .. })
    }

    fn format(&self) -> Format {
        Format::MachO
    }

    fn libc(&self) -> Option<Libc> {
        None
    }

    fn loader(&self) -> &'static Loader {
        &macos::LOADER
    }

    fn directories(&self, _arch: Arch) -> Directories {
        macos::directories()
    }

    fn vendoring(&self) -> &'static Vendoring {
        &VENDORING
    }

    fn arch_name(&self, arch: Arch) -> String {
        arch.apple_name()
    }

    fn loads(&self, arch: Arch, image: &Image) -> bool {
        macos::loads(arch, image)
    }
}
