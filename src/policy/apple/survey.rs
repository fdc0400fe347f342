//! What a wheel's slices state, taken together: for each architecture the oldest system, and which binaries lack it.

use std::collections::{BTreeMap, BTreeSet};

use super::AppleRules;
use crate::arch::Arch;
use crate::format::macho::{ApplePlatform, AppleVersion};
use crate::format::{Image, ImageKind};
use crate::platform::macos;
use crate::policy::subject::{Provider, Standing, Subject};

/// Which code a tag is about: a processor, under an SDK (`macosx`, `iphoneos`, `iphonesimulator`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Machine {
    /// The SDK, as tags spell it.
    pub(super) sdk: String,
    /// The processor, as tags name it.
    pub(super) arch: Arch,
}

/// A slice that a loader loads.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    /// Its place in the subject.
    pub(super) place: usize,
    /// What it is for.
    pub(super) machine: Machine,
    /// The oldest system that it states, not below that of the architecture; as it stands in the file.
    pub(super) stated: AppleVersion,
    /// That, as a tag can say it.
    pub(super) version: AppleVersion,
}

/// Why a binary does not do for a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lack {
    /// It has no code for the processor.
    Arch,
    /// Its code is for another of Apple's systems.
    Platform(ApplePlatform),
}

/// The slices of a wheel.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Slices for the system, in the subject's order.
    pub(super) slices: Vec<Slice>,
    /// Slices for other systems of Apple's.
    foreign: Vec<(usize, Arch, ApplePlatform)>,
    /// The wheel's own binaries that a loader loads: places of the slices by archive name.
    members: BTreeMap<String, Vec<usize>>,
}

impl Survey {
    /// Looks at every slice that a loader loads.
    pub(super) fn of(rules: &AppleRules, subject: &Subject<'_>) -> Self {
        let mut survey = Survey::default();
        for (place, binary) in subject.binaries().iter().enumerate() {
            let Some(facts) = binary.image.macho().filter(|_| binary.image.kind != ImageKind::Object) else { continue };
            if binary.standing != Standing::External {
                survey.members.entry(binary.member.to_owned()).or_default().push(place);
            }
            let arch = macos::base(binary.image.arch);
            let own = facts.platforms.iter().find_map(|stated| Some((rules.sdk(stated.platform)?, stated.min_os)));
            let (sdk, stated) = match (own, facts.platforms.first()) {
                (Some(own), _) => own,
                (None, Some(other)) => {
                    survey.foreign.push((place, arch, other.platform));
                    continue;
                }
                // Linkers of long ago wrote no version.
                (None, None) => (rules.platforms.first().map_or("", |(_, sdk)| sdk.as_str()), AppleVersion::default()),
            };
            let floor = rules.arch(arch, sdk).map(|known| known.floor).unwrap_or_default();
            let stated = stated.max(floor);
            survey.slices.push(Slice {
                place,
                machine: Machine { sdk: sdk.to_owned(), arch },
                stated,
                version: rules.in_tags(stated),
            });
        }
        survey
    }

    /// Returns the machines that some slice is for.
    pub(super) fn machines(&self) -> BTreeSet<Machine> {
        self.slices.iter().map(|slice| slice.machine.clone()).collect()
    }

    /// Returns true if there is nothing that a loader loads.
    pub(super) fn is_empty(&self) -> bool {
        self.slices.is_empty() && self.foreign.is_empty()
    }

    /// Returns the slices for a machine.
    pub(super) fn on(&self, machine: &Machine) -> impl Iterator<Item = &Slice> {
        self.slices.iter().filter(move |slice| slice.machine == *machine)
    }

    /// Returns the version that a tag must say for a machine: the newest of its slices'.
    pub(super) fn version(&self, machine: &Machine) -> Option<AppleVersion> {
        self.on(machine).map(|slice| slice.version).max()
    }

    /// Returns the wheel's binaries that do not do for a machine, by archive name, with the place of one slice.
    ///
    /// Code for newer processors alone is none for all that a tag names: Rosetta does not run `x86_64h`, and a process of
    /// plain arm64 does not load `arm64e`. A file that is named for another processor (`attach_x86_64.dylib`) is not meant
    /// for this one. A program for Intel runs on Apple silicon too. A library that others import is only needed on the
    /// processors of the slices that import it: where one of this machine's does, and finds no code, the import is missing,
    /// which is told elsewhere.
    pub(super) fn lacking(&self, subject: &Subject<'_>, machine: &Machine) -> Vec<(usize, Lack)> {
        let mut lacking = Vec::new();
        let imported = imported(subject);
        for (member, places) in &self.members {
            let is_plain = |slice: &Slice| subject.at(slice.place).image.arch == machine.arch;
            if places.iter().any(|place| self.on(machine).any(|slice| slice.place == *place && is_plain(slice))) {
                continue;
            }
            let foreign = self.foreign.iter().find(|(place, arch, _)| places.contains(place) && *arch == machine.arch);
            if let Some((place, _, platform)) = foreign {
                lacking.push((*place, Lack::Platform(*platform)));
                continue;
            }
            let images: Vec<&Image> = places.iter().map(|place| subject.at(*place).image).collect();
            let own: Vec<Arch> = images.iter().map(|image| macos::base(image.arch)).collect();
            let by_others = places.iter().all(|place| imported.contains(place));
            if named_for_another(member, machine.arch, &own) || is_translated(&images, machine) || by_others {
                continue;
            }
            lacking.extend(places.first().map(|place| (*place, Lack::Arch)));
        }
        lacking
    }

    /// Returns the programs that run on a machine only by translation.
    pub(super) fn translated(&self, subject: &Subject<'_>, machine: &Machine) -> Vec<usize> {
        let found = self.members.values().filter(|places| {
            let images: Vec<&Image> = places.iter().map(|place| subject.at(*place).image).collect();
            let own = images.iter().any(|image| macos::base(image.arch) == machine.arch);
            !own && is_translated(&images, machine)
        });
        found.filter_map(|places| places.first().copied()).collect()
    }
}

/// Places of the binaries that others import.
fn imported(subject: &Subject<'_>) -> BTreeSet<usize> {
    let links = subject.binaries().iter().flat_map(|binary| &binary.links);
    links
        .filter_map(|link| match link.provider {
            Provider::Wheel(place) | Provider::Vendored(place) => Some(place),
            Provider::Excluded | Provider::Python | Provider::Outside => None,
        })
        .collect()
}

/// Returns true if it is a program for Intel, and the machine one that translates.
fn is_translated(images: &[&Image], machine: &Machine) -> bool {
    machine.arch == Arch::Aarch64
        && machine.sdk == "macosx"
        && images.iter().any(|image| image.kind == ImageKind::Program && image.arch == Arch::X86_64)
}

/// Returns true if the path of a file says which processor it is for, and it is not this one.
pub(super) fn named_for_another(member: &str, arch: Arch, own: &[Arch]) -> bool {
    let named = named_archs(member);
    !named.contains(&arch) && own.iter().any(|own| named.contains(own))
}

/// Returns the processors that a path names.
fn named_archs(member: &str) -> Vec<Arch> {
    const WORDS: [(&str, Arch); 9] = [
        ("x86_64", Arch::X86_64),
        ("x86-64", Arch::X86_64),
        ("amd64", Arch::X86_64),
        ("x64", Arch::X86_64),
        ("arm64", Arch::Aarch64),
        ("aarch64", Arch::Aarch64),
        ("i386", Arch::X86),
        ("i686", Arch::X86),
        ("x86", Arch::X86),
    ];
    let member = member.to_ascii_lowercase();
    let stands_alone = |word: &str| {
        member.match_indices(word).any(|(at, _)| {
            let before = member.get(..at).and_then(|text| text.chars().next_back());
            let after = member.get(at + word.len()..).unwrap_or_default();
            let ends = !after.starts_with(|next: char| next.is_ascii_alphanumeric())
                && !(word == "x86" && (after.starts_with("_64") || after.starts_with("-64")));
            ends && !before.is_some_and(|before| before.is_ascii_alphanumeric())
        })
    };
    WORDS.iter().filter(|(word, _)| stands_alone(word)).map(|(_, arch)| *arch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_names_a_processor_is_understood() {
        for (path, archs) in [
            ("pydevd/attach_x86_64.dylib", vec![Arch::X86_64]),
            ("lib/osx-arm64/libfoo.dylib", vec![Arch::Aarch64]),
            ("lib/x86/libfoo.dylib", vec![Arch::X86]),
            ("bin/x64/tool", vec![Arch::X86_64]),
            ("pkg/alarm64x/libfoo.dylib", vec![]),
            ("pkg/_core.cpython-311-darwin.so", vec![]),
        ] {
            assert_eq!(named_archs(path), archs, "{path}");
        }
    }
}
