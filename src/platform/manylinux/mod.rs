//! manylinux: ELF under the GNU C library.

use super::loader::{
    Carried, Configuration, Directories, Inherit, Loader, NameRule, OriginRule, PathImport, Refusal, Reuse, Step,
    Token, UnknownToken,
};
use super::{Libc, Platform, VendorDirectory, VendorNaming, Vendoring, Wiring};
use crate::arch::Arch;
use crate::format::{Format, SearchPathKind};
use crate::tag::PlatformTag;

/// The platform of `manylinux_*` and `linux_*` tags.
#[derive(Debug, Clone, Copy)]
pub struct Manylinux;

/// glibc's `elf/dl-load.c` (`_dl_map_object`, `open_path`) and `elf/dl-load.h` (`DL_DST_REQUIRED`).
static LOADER: Loader = Loader {
    name: "glibc",
    names: NameRule::Exact,
    reuse: &[Reuse::RequestedName, Reuse::Identity, Reuse::SameFile],
    paths: PathImport::Expanded,
    steps: &[
        Step::SearchPath(Carried::Rpath, Inherit::AncestorsUnlessRunpath),
        Step::Environment,
        Step::SearchPath(Carried::Runpath, Inherit::Own),
        Step::Configuration,
        Step::Defaults,
    ],
    tokens: &[Token::Origin, Token::Lib, Token::Platform],
    unknown_token: UnknownToken::Literal,
    origin: OriginRule::AsFound,
    // `open_verify` returns ENOENT for another class or machine, so the search goes on; every other fault is fatal.
    wrong_machine: Refusal::Skip,
    not_a_library: Refusal::Stop,
    // `_dl_rtld_map` is in the list of loaded objects from the start, under its SONAME.
    built_in: &["ld-linux", "ld64.so."],
};

/// What auditwheel does, which everyone expects.
pub(super) static VENDORING: Vendoring = Vendoring {
    directory: VendorDirectory::Distribution(".libs"),
    naming: VendorNaming::BeforeFirstDot(8),
    wiring: Wiring::SearchPath { kind: SearchPathKind::Rpath, origin: "$ORIGIN" },
    refusal: None,
};

impl Platform for Manylinux {
    fn name(&self) -> &'static str {
        "manylinux"
    }

    fn owns(&self, tag: &PlatformTag) -> bool {
        matches!(tag, PlatformTag::Linux { .. } | PlatformTag::Manylinux { .. } | PlatformTag::ManylinuxLegacy { .. })
    }

    fn format(&self) -> Format {
        Format::Elf
    }

    fn libc(&self) -> Option<Libc> {
        Some(Libc::Glibc)
    }

    fn loader(&self) -> &'static Loader {
        &LOADER
    }

    fn directories(&self, arch: Arch) -> Directories {
        let triplet = multiarch(arch);
        let mut defaults = Vec::new();
        if let Some(triplet) = triplet {
            // Debian's glibc is built with slibdir and libdir set to these.
            defaults.extend([format!("/lib/{triplet}"), format!("/usr/lib/{triplet}")]);
        }
        // sysdeps/unix/sysv/linux/*/configure: slibdir and libdir.
        let library = library_directory(arch);
        defaults.extend([format!("/{library}"), format!("/usr/{library}")]);
        if library != "lib" {
            // Debian and its kin keep architecture-independent leftovers here, and ldconfig's cache covers them.
            defaults.extend(["/lib".to_owned(), "/usr/lib".to_owned()]);
        }
        let mut lib = vec![library.to_owned()];
        lib.extend(triplet.map(|triplet| format!("lib/{triplet}")));
        Directories {
            configuration: Configuration::LdSoConf("/etc/ld.so.conf".to_owned()),
            defaults,
            implied: implied(arch),
            variants: hwcaps(arch),
            lib,
            platform: platform_words(arch),
        }
    }

    fn vendoring(&self) -> &'static Vendoring {
        &VENDORING
    }

    fn arch_name(&self, arch: Arch) -> String {
        arch.linux_name()
    }
}

/// Debian's multiarch tuple.
fn multiarch(arch: Arch) -> Option<&'static str> {
    Some(match arch {
        Arch::X86_64 => "x86_64-linux-gnu",
        Arch::X86 => "i386-linux-gnu",
        Arch::Aarch64 => "aarch64-linux-gnu",
        Arch::Armv7l => "arm-linux-gnueabihf",
        Arch::Armv6l => "arm-linux-gnueabi",
        Arch::Ppc64le => "powerpc64le-linux-gnu",
        Arch::Ppc64 => "powerpc64-linux-gnu",
        Arch::Ppc => "powerpc-linux-gnu",
        Arch::S390x => "s390x-linux-gnu",
        Arch::Riscv64 => "riscv64-linux-gnu",
        Arch::Loongarch64 => "loongarch64-linux-gnu",
        _ => return None,
    })
}

/// The last part of `slibdir` and `libdir`.
fn library_directory(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 | Arch::Aarch64 | Arch::Ppc64le | Arch::Ppc64 | Arch::S390x | Arch::Loongarch64 => "lib64",
        Arch::Riscv64 => "lib64/lp64d",
        _ => "lib",
    }
}

/// `add_system_dir` of `sysdeps/unix/sysv/linux/{riscv,loongarch}/dl-cache.h`.
fn implied(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::Riscv64 => &["lib64/lp64d"],
        Arch::Loongarch64 => &["lib64"],
        _ => &[],
    }
}

/// `sysdeps/*/dl-hwcaps-subdirs.c`, glibc 2.33 and later.
fn hwcaps(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => &["glibc-hwcaps/x86-64-v4", "glibc-hwcaps/x86-64-v3", "glibc-hwcaps/x86-64-v2"],
        Arch::Ppc64le => &["glibc-hwcaps/power10", "glibc-hwcaps/power9"],
        Arch::S390x => {
            &["glibc-hwcaps/z17", "glibc-hwcaps/z16", "glibc-hwcaps/z15", "glibc-hwcaps/z14", "glibc-hwcaps/z13"]
        }
        _ => &[],
    }
}

/// `AT_PLATFORM` as kernels set it.
fn platform_words(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => &["x86_64", "haswell", "xeon_phi"],
        Arch::X86 => &["i686"],
        Arch::Aarch64 => &["aarch64"],
        Arch::Armv7l => &["v7l", "v8l"],
        Arch::Armv6l => &["v6l"],
        Arch::Ppc64le | Arch::Ppc64 => &["power8", "power9", "power10", "power11"],
        Arch::S390x => &["z13", "z14", "z15", "z16", "z17"],
        _ => &[],
    }
}
