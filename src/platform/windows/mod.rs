//! Windows: PE under `LoadLibraryEx` as CPython calls it.

use super::loader::{Directories, Loader, NameRule, OriginRule, PathImport, Refusal, Reuse, Step, UnknownToken};
use super::{Libc, Platform, VendorDirectory, VendorNaming, Vendoring, Wiring, runs_on};
use crate::arch::Arch;
use crate::format::pe::Hybrid;
use crate::format::{Format, Image};
use crate::tag::PlatformTag;

/// The platform of `win32`, `win_amd64` and `win_arm64`.
#[derive(Debug, Clone, Copy)]
pub struct Windows;

/// CPython 3.8 and later (`Python/dynload_win.c`): `LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR`;
/// names without case, one module for each base name, a union of directories.
static LOADER: Loader = Loader {
    name: "windows",
    names: NameRule::IgnoreAsciiCase,
    reuse: &[Reuse::FileName],
    paths: PathImport::BaseName,
    steps: &[Step::RootDirectory, Step::AddedDirectories, Step::Environment, Step::Defaults],
    tokens: &[],
    unknown_token: UnknownToken::Literal,
    origin: OriginRule::AsFound,
    wrong_machine: Refusal::Skip,
    not_a_library: Refusal::Stop,
    built_in: &["api-ms-win-", "ext-ms-"],
};

/// delvewheel's names; beside the extension, or beside the packages with start-up code.
static VENDORING: Vendoring = Vendoring {
    directory: VendorDirectory::Distribution(".libs"),
    naming: VendorNaming::BeforeExtension(32),
    wiring: Wiring::Directory,
    refusal: None,
};

/// Returns true if a name is of a kind of file that Windows loads: capital letters mean nothing in it.
pub fn is_file_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["dll", "pyd", "exe", "drv", "ocx", "cpl"].iter().any(|known| known.eq_ignore_ascii_case(extension))
}

impl Platform for Windows {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn owns(&self, tag: &PlatformTag) -> bool {
        matches!(tag, PlatformTag::Windows { .. })
    }

    fn format(&self) -> Format {
        Format::Pe
    }

    fn libc(&self) -> Option<Libc> {
        None
    }

    fn loader(&self) -> &'static Loader {
        &LOADER
    }

    fn directories(&self, _arch: Arch) -> Directories {
        Directories { defaults: vec!["/Windows/System32".into()], ..Directories::default() }
    }

    fn vendoring(&self) -> &'static Vendoring {
        &VENDORING
    }

    fn arch_name(&self, arch: Arch) -> String {
        arch.windows_name()
    }

    fn loads(&self, arch: Arch, image: &Image) -> bool {
        // ARM64EC and CHPE files say that they are for x64 and x86; only ARM64 machines can run them. ARM64X files say
        // that they are for ARM64, and are.
        let hybrid = image.pe().and_then(|facts| facts.hybrid);
        image.format == Format::Pe && runs_on(arch, image) && !matches!(hybrid, Some(Hybrid::Arm64ec | Hybrid::Chpe))
    }
}
