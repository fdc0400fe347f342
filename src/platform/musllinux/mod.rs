//! musllinux: ELF under musl.

use super::loader::{
    Carried, Configuration, Directories, Inherit, Loader, NameRule, OriginRule, PathImport, Refusal, Reuse, Step,
    Token, UnknownToken,
};
use super::{Libc, Platform, Vendoring, manylinux};
use crate::arch::Arch;
use crate::format::Format;
use crate::tag::PlatformTag;

/// The platform of `musllinux_*` tags.
#[derive(Debug, Clone, Copy)]
pub struct Musllinux;

/// musl's `ldso/dynlink.c` (`load_library`, `path_open`, `fixup_rpath`).
static LOADER: Loader = Loader {
    name: "musl",
    names: NameRule::Exact,
    reuse: &[Reuse::SearchedName, Reuse::SameFile],
    paths: PathImport::Literal,
    steps: &[
        Step::Environment,
        Step::SearchPath(Carried::RunpathElseRpath, Inherit::Ancestors),
        Step::Configuration,
        Step::Defaults,
    ],
    tokens: &[Token::Origin],
    unknown_token: UnknownToken::VoidsSearchPath,
    origin: OriginRule::AsFound,
    // The first file that can be opened is mapped; whatever is wrong with it then fails the import.
    wrong_machine: Refusal::Stop,
    not_a_library: Refusal::Stop,
    // `load_library`: "Catch and block attempts to reload the implementation itself".
    built_in: &["libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."],
};

impl Platform for Musllinux {
    fn name(&self) -> &'static str {
        "musllinux"
    }

    fn owns(&self, tag: &PlatformTag) -> bool {
        matches!(tag, PlatformTag::Musllinux { .. })
    }

    fn format(&self) -> Format {
        Format::Elf
    }

    fn libc(&self) -> Option<Libc> {
        Some(Libc::Musl)
    }

    fn loader(&self) -> &'static Loader {
        &LOADER
    }

    fn directories(&self, arch: Arch) -> Directories {
        Directories {
            configuration: match loader_arch(arch) {
                Some(name) => Configuration::MuslPath(format!("/etc/ld-musl-{name}.path")),
                None => Configuration::None,
            },
            defaults: ["/lib", "/usr/local/lib", "/usr/lib"].map(str::to_owned).to_vec(),
            implied: &[],
            variants: &[],
            lib: Vec::new(),
            platform: &[],
        }
    }

    fn vendoring(&self) -> &'static Vendoring {
        &manylinux::VENDORING
    }

    fn arch_name(&self, arch: Arch) -> String {
        arch.linux_name()
    }
}

/// `LDSO_ARCH` of musl's `arch/*/reloc.h`: the name in `ld-musl-*.so.1` and `libc.musl-*.so.1`.
pub fn loader_arch(arch: Arch) -> Option<&'static str> {
    Some(match arch {
        Arch::X86_64 => "x86_64",
        Arch::X86 => "i386",
        Arch::Aarch64 => "aarch64",
        Arch::Armv7l | Arch::Armv6l => "armhf",
        Arch::Ppc64le => "powerpc64le",
        Arch::Ppc64 => "powerpc64",
        Arch::Ppc => "powerpc",
        Arch::S390x => "s390x",
        Arch::Riscv64 => "riscv64",
        Arch::Loongarch64 => "loongarch64",
        _ => return None,
    })
}
