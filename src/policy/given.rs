//! `Given`: what a machine gives, as the loader's engine asks it; and which platform a wheel's binaries are for.

use std::collections::{BTreeMap, BTreeSet};

use super::document::PolicyFamily;
use super::rules::Evidence;
use super::set::PolicySet;
use super::subject::SubjectBinary;
use super::{apple, windows};
use crate::abi;
use crate::arch::Arch;
use crate::diagnostic::Diagnostic;
use crate::format::{Format, Image, ImageKind};
use crate::load::{Binary, Outside, Resolution};
use crate::platform::{self, Libc, Platform};
use crate::tag::PlatformTag;
use crate::wheel::pythons::Pythons;

/// Answers for the libraries that a platform gives on an architecture, and for libpython.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Given<'a> {
    set: &'a PolicySet,
    platform: &'static dyn Platform,
    arch: Arch,
    interpreters: windows::Interpreters,
    excluded: Option<&'a BTreeSet<String>>,
}

impl<'a> Given<'a> {
    /// Returns what `platform` gives on `arch`, on Linux and Android by some policy of `set`.
    pub fn new(set: &'a PolicySet, platform: &'static dyn Platform, arch: Arch) -> Self {
        Self { set, platform, arch, interpreters: windows::Interpreters::of(None, arch), excluded: None }
    }

    /// Takes into account which interpreters a wheel is for: on Windows they bring libraries of their own.
    #[must_use]
    pub fn for_pythons(mut self, pythons: Option<&Pythons>) -> Self {
        self.interpreters = windows::Interpreters::of(pythons, self.arch);
        self
    }

    /// Returns the finding about a library that is left to those Pythons that bring it, if it is one.
    pub fn doubt(&self, name: &str) -> Option<Diagnostic> {
        (self.fallback(name) == Some(Resolution::Python)).then(|| windows::of_newer_pythons(name))
    }

    /// Leaves libraries of these names to the user's machine.
    #[must_use]
    pub fn leaving(mut self, excluded: &'a BTreeSet<String>) -> Self {
        self.excluded = Some(excluded);
        self
    }

    /// Returns true if the platform gives the library of this name.
    pub fn gives(&self, name: &str) -> bool {
        match self.platform.format() {
            Format::Elf => {
                PolicyFamily::of_platform(self.platform).is_some_and(|family| self.set.gives(family, self.arch, name))
            }
            Format::MachO => apple::is_system(name),
            Format::Pe => {
                windows::is_system(name, self.arch) && windows::ambiguity(name).is_none() && !self.is_newer(name)
            }
        }
    }

    /// Returns true if Windows has the DLL only in releases newer than the oldest on which the wheel's Pythons run.
    fn is_newer(&self, name: &str) -> bool {
        let floor = self.interpreters.floor.as_ref();
        floor.is_some_and(|floor| windows::since(name, self.arch).is_some_and(|since| since > *floor))
    }
}

impl Outside for Given<'_> {
    fn is_system(&self, name: &str) -> bool {
        self.gives(name)
    }

    fn fallback(&self, name: &str) -> Option<Resolution> {
        match self.platform.format() {
            Format::Pe if windows::is_system(name, self.arch) => Some(Resolution::System),
            Format::Pe if self.interpreters.may_provide(name) => Some(Resolution::Python),
            Format::Pe | Format::Elf | Format::MachO => None,
        }
    }

    fn wants_newest(&self, name: &str) -> bool {
        self.platform.format() == Format::Pe && windows::is_runtime(name)
    }

    fn is_python(&self, name: &str) -> bool {
        match self.platform.format() {
            Format::Pe => self.interpreters.provide(name),
            Format::MachO => abi::is_libpython(name) || apple::is_python(name),
            Format::Elf => abi::is_libpython(name),
        }
    }

    fn is_excluded(&self, name: &str) -> bool {
        self.excluded.is_some_and(|excluded| excluded.contains(name))
    }
}

/// Returns the platform whose loader the binaries are for.
///
/// The format decides: a claimed tag's where there is such a binary, else that of most. Of ELF: Android if the tags say
/// so, musl if a binary shows it and none shows glibc, else what the tags say, else manylinux. Of Mach-O: iOS if a tag
/// says so, else macOS.
pub fn platform(binaries: &[Binary], claimed: &[PlatformTag]) -> &'static dyn Platform {
    let owners: Vec<&'static dyn Platform> = claimed.iter().filter_map(platform::of).collect();
    match format(binaries.iter().map(|binary| &*binary.image), claimed) {
        Format::Elf => elf_platform(binaries, &owners),
        Format::MachO => {
            let owner = owners.iter().copied().find(|owner| owner.format() == Format::MachO);
            owner.unwrap_or(&platform::macos::Macos)
        }
        Format::Pe => &platform::windows::Windows,
    }
}

/// Returns the format that decides on the platform: a claimed tag's where there is such a binary (or none at all), else
/// that of most binaries.
pub(super) fn format<'a>(images: impl Iterator<Item = &'a Image>, claimed: &[PlatformTag]) -> Format {
    let mut formats: BTreeMap<Format, usize> = BTreeMap::new();
    for image in images.filter(|image| image.kind != ImageKind::Object) {
        *formats.entry(image.format).or_default() += 1;
    }
    let mut owned = claimed.iter().filter_map(platform::of).map(|owner| owner.format());
    let fitting = owned.find(|format| formats.is_empty() || formats.contains_key(format));
    let most = formats.iter().max_by_key(|(format, count)| (**count, std::cmp::Reverse(**format)));
    fitting.or(most.map(|(format, _)| *format)).unwrap_or(Format::Elf)
}

fn elf_platform(binaries: &[Binary], owners: &[&'static dyn Platform]) -> &'static dyn Platform {
    let claims = |libc: Libc| owners.iter().any(|owner| owner.libc() == Some(libc));
    if claims(Libc::Bionic) {
        return &platform::android::Android;
    }
    let shown: Vec<Libc> = binaries
        .iter()
        .map(|binary| SubjectBinary::new(&binary.member, &binary.image, &binary.symbols))
        .flat_map(|binary| Evidence::of(&binary, false))
        .map(|evidence| evidence.libc)
        .collect();
    match (shown.contains(&Libc::Musl), shown.contains(&Libc::Glibc)) {
        (true, false) => &platform::musllinux::Musllinux,
        (false, true) => &platform::manylinux::Manylinux,
        _ => owners.iter().copied().find(|owner| owner.libc().is_some()).unwrap_or(&platform::manylinux::Manylinux),
    }
}
