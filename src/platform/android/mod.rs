//! Android: ELF under bionic.

use super::loader::{
    Carried, Configuration, Directories, Inherit, Loader, NameRule, OriginRule, PathImport, Refusal, Reuse, Step,
    Token, UnknownToken,
};
use super::{Libc, Platform, VendorDirectory, VendorNaming, Vendoring, Wiring};
use crate::arch::Arch;
use crate::format::{Format, SearchPathKind};
use crate::tag::PlatformTag;

/// The platform of `android_*` tags.
#[derive(Debug, Clone, Copy)]
pub struct Android;

/// bionic's `linker/linker.cpp` (`find_library_internal`, `open_library`), API level 24 and later.
static LOADER: Loader = Loader {
    name: "bionic",
    names: NameRule::Exact,
    reuse: &[Reuse::Identity, Reuse::SameFile],
    paths: PathImport::Literal,
    steps: &[Step::Environment, Step::SearchPath(Carried::Runpath, Inherit::Own), Step::Defaults],
    // `soinfo::set_dt_runpath` replaces nothing else.
    tokens: &[Token::Origin],
    unknown_token: UnknownToken::Literal,
    origin: OriginRule::Canonical,
    wrong_machine: Refusal::Stop,
    not_a_library: Refusal::Stop,
    built_in: &[],
};

/// As on manylinux, but bionic knows only `DT_RUNPATH`.
static VENDORING: Vendoring = Vendoring {
    directory: VendorDirectory::Distribution(".libs"),
    naming: VendorNaming::BeforeFirstDot(8),
    wiring: Wiring::SearchPath { kind: SearchPathKind::Runpath, origin: "$ORIGIN" },
    refusal: None,
};

impl Platform for Android {
    fn name(&self) -> &'static str {
        "android"
    }

    fn owns(&self, tag: &PlatformTag) -> bool {
        matches!(tag, PlatformTag::Android { .. })
    }

    fn format(&self) -> Format {
        Format::Elf
    }

    fn libc(&self) -> Option<Libc> {
        Some(Libc::Bionic)
    }

    fn loader(&self) -> &'static Loader {
        &LOADER
    }

    fn directories(&self, arch: Arch) -> Directories {
        let lib = if arch.pointer_bits() == 64 { "lib64" } else { "lib" };
        Directories {
            configuration: Configuration::None,
            // `kDefaultLdPaths` of linker.cpp.
            defaults: ["/system/", "/odm/", "/vendor/"].map(|root| format!("{root}{lib}")).to_vec(),
            implied: &[],
            variants: &[],
            lib: Vec::new(),
            platform: &[],
        }
    }

    fn vendoring(&self) -> &'static Vendoring {
        &VENDORING
    }

    fn arch_name(&self, arch: Arch) -> String {
        arch.android_name()
    }
}
