//! `PlatformTag`: which operating system, version and processor a wheel is for, the third part of a tag.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::plain_number;
use crate::arch::Arch;

/// A manylinux name from before PEP 600, which stands for a glibc version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LegacyManylinux {
    /// `manylinux1`, glibc 2.5 (PEP 513).
    Manylinux1,
    /// `manylinux2010`, glibc 2.12 (PEP 571).
    Manylinux2010,
    /// `manylinux2014`, glibc 2.17 (PEP 599).
    Manylinux2014,
}

impl LegacyManylinux {
    /// Every legacy name, oldest first.
    pub const ALL: [LegacyManylinux; 3] =
        [LegacyManylinux::Manylinux1, LegacyManylinux::Manylinux2010, LegacyManylinux::Manylinux2014];

    /// Returns the name, e.g. `manylinux2014`.
    pub fn name(self) -> &'static str {
        match self {
            LegacyManylinux::Manylinux1 => "manylinux1",
            LegacyManylinux::Manylinux2010 => "manylinux2010",
            LegacyManylinux::Manylinux2014 => "manylinux2014",
        }
    }

    /// Returns the glibc version it stands for, by PEP 600.
    pub fn glibc(self) -> (u16, u16) {
        match self {
            LegacyManylinux::Manylinux1 => (2, 5),
            LegacyManylinux::Manylinux2010 => (2, 12),
            LegacyManylinux::Manylinux2014 => (2, 17),
        }
    }

    /// Tells whether the name was ever defined for the processor (PEP 513, 571, 599).
    pub fn covers(self, arch: Arch) -> bool {
        match self {
            LegacyManylinux::Manylinux1 | LegacyManylinux::Manylinux2010 => {
                matches!(arch, Arch::X86_64 | Arch::X86)
            }
            LegacyManylinux::Manylinux2014 => matches!(
                arch,
                Arch::X86_64 | Arch::X86 | Arch::Aarch64 | Arch::Armv7l | Arch::Ppc64 | Arch::Ppc64le | Arch::S390x
            ),
        }
    }
}

/// What the last part of a `macosx_*` tag names: one processor or a set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MacosArch {
    /// One processor: `x86_64`, `arm64`, `i386`, `ppc`, `ppc64`.
    Single(Arch),
    /// `universal2`: arm64 and x86_64.
    Universal2,
    /// `universal`: i386, ppc, ppc64 and x86_64.
    Universal,
    /// `intel`: i386 and x86_64.
    Intel,
    /// `fat`: i386 and ppc.
    Fat,
    /// `fat3`: i386, ppc and x86_64.
    Fat3,
    /// `fat64`: ppc64 and x86_64.
    Fat64,
}

impl MacosArch {
    /// Every value that a tag can spell.
    pub const ALL: [MacosArch; 11] = [
        MacosArch::Single(Arch::X86_64),
        MacosArch::Single(Arch::Aarch64),
        MacosArch::Universal2,
        MacosArch::Single(Arch::X86),
        MacosArch::Single(Arch::Ppc),
        MacosArch::Single(Arch::Ppc64),
        MacosArch::Intel,
        MacosArch::Universal,
        MacosArch::Fat,
        MacosArch::Fat3,
        MacosArch::Fat64,
    ];

    /// Returns the processors it stands for.
    pub fn archs(self) -> Vec<Arch> {
        match self {
            MacosArch::Single(arch) => vec![arch],
            MacosArch::Universal2 => vec![Arch::X86_64, Arch::Aarch64],
            MacosArch::Universal => vec![Arch::X86, Arch::Ppc, Arch::Ppc64, Arch::X86_64],
            MacosArch::Intel => vec![Arch::X86, Arch::X86_64],
            MacosArch::Fat => vec![Arch::X86, Arch::Ppc],
            MacosArch::Fat3 => vec![Arch::X86, Arch::Ppc, Arch::X86_64],
            MacosArch::Fat64 => vec![Arch::Ppc64, Arch::X86_64],
        }
    }
}

impl fmt::Display for MacosArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MacosArch::Single(arch) => f.write_str(&arch.apple_name()),
            MacosArch::Universal2 => f.write_str("universal2"),
            MacosArch::Universal => f.write_str("universal"),
            MacosArch::Intel => f.write_str("intel"),
            MacosArch::Fat => f.write_str("fat"),
            MacosArch::Fat3 => f.write_str("fat3"),
            MacosArch::Fat64 => f.write_str("fat64"),
        }
    }
}

/// Device or simulator, the last part of an `ios_*` tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IosSdk {
    /// `iphoneos`.
    Device,
    /// `iphonesimulator`.
    Simulator,
}

impl IosSdk {
    /// Returns the spelling in a tag.
    pub fn name(self) -> &'static str {
        match self {
            IosSdk::Device => "iphoneos",
            IosSdk::Simulator => "iphonesimulator",
        }
    }
}

/// The platform that one tag names. Reading is total; writing gives back what was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PlatformTag {
    /// Every platform: `any`.
    Any,
    /// A Linux of the builder's own kind: `linux_x86_64`.
    Linux {
        /// The processor.
        arch: Arch,
    },
    /// glibc of at least a version (PEP 600): `manylinux_2_28_x86_64`.
    Manylinux {
        /// 2 of `manylinux_2_28_x86_64`.
        major: u16,
        /// 28 of `manylinux_2_28_x86_64`.
        minor: u16,
        /// The processor.
        arch: Arch,
    },
    /// A name from before PEP 600: `manylinux2014_x86_64`.
    ManylinuxLegacy {
        /// The name.
        alias: LegacyManylinux,
        /// The processor.
        arch: Arch,
    },
    /// musl of at least a version (PEP 656): `musllinux_1_2_aarch64`.
    Musllinux {
        /// 1 of `musllinux_1_2_aarch64`.
        major: u16,
        /// 2 of `musllinux_1_2_aarch64`.
        minor: u16,
        /// The processor.
        arch: Arch,
    },
    /// Android of at least an API level (PEP 738): `android_21_arm64_v8a`.
    Android {
        /// 21 of `android_21_arm64_v8a`.
        api: u16,
        /// The processor.
        arch: Arch,
    },
    /// macOS of at least a version: `macosx_11_0_arm64`.
    Macos {
        /// 11 of `macosx_11_0_arm64`.
        major: u16,
        /// 0 of `macosx_11_0_arm64`.
        minor: u16,
        /// The processor or set of processors.
        arch: MacosArch,
    },
    /// iOS of at least a version (PEP 730): `ios_13_0_arm64_iphoneos`.
    Ios {
        /// 13 of `ios_13_0_arm64_iphoneos`.
        major: u16,
        /// 0 of `ios_13_0_arm64_iphoneos`.
        minor: u16,
        /// The processor.
        arch: Arch,
        /// Device or simulator.
        sdk: IosSdk,
    },
    /// Windows: `win_amd64`, `win32`, `win_arm64`.
    Windows {
        /// The processor.
        arch: Arch,
    },
    /// Anything else, as spelled: `pyemscripten_2026_0_wasm32`, `win_ia64`.
    Other(String),
}

impl PlatformTag {
    /// Returns the PEP 600 name of a legacy manylinux name, and every other tag as it is.
    #[must_use]
    pub fn normalized(&self) -> PlatformTag {
        match self {
            PlatformTag::ManylinuxLegacy { alias, arch } => {
                let (major, minor) = alias.glibc();
                PlatformTag::Manylinux { major, minor, arch: *arch }
            }
            other => other.clone(),
        }
    }

    /// Returns the legacy name of a manylinux tag where one is defined for that version and processor.
    pub fn legacy_alias(&self) -> Option<PlatformTag> {
        let PlatformTag::Manylinux { major, minor, arch } = *self else { return None };
        let alias = LegacyManylinux::ALL.into_iter().find(|alias| alias.glibc() == (major, minor))?;
        alias.covers(arch).then_some(PlatformTag::ManylinuxLegacy { alias, arch })
    }

    /// Returns the tag to use instead of one that no installer ever asks for (packaging.tags, `mac_platforms`).
    ///
    /// Since macOS 11 the minor number of the system plays no part: `macosx_13_3_arm64` is asked for by nobody,
    /// `macosx_13_0_arm64` is. arm64 begins with macOS 11; only `universal2` is asked for with older versions too.
    pub fn asked_for_instead(&self) -> Option<PlatformTag> {
        match *self {
            PlatformTag::Macos { major: major @ 11.., minor: 1.., arch } => {
                Some(PlatformTag::Macos { major, minor: 0, arch })
            }
            PlatformTag::Macos { major: ..11, arch: arch @ MacosArch::Single(Arch::Aarch64), .. } => {
                Some(PlatformTag::Macos { major: 11, minor: 0, arch })
            }
            _ => None,
        }
    }

    /// Returns the processors it names: none for `any` and unknown tags, several for macOS's sets.
    pub fn archs(&self) -> Vec<Arch> {
        match self {
            PlatformTag::Linux { arch }
            | PlatformTag::Manylinux { arch, .. }
            | PlatformTag::ManylinuxLegacy { arch, .. }
            | PlatformTag::Musllinux { arch, .. }
            | PlatformTag::Android { arch, .. }
            | PlatformTag::Ios { arch, .. }
            | PlatformTag::Windows { arch } => vec![*arch],
            PlatformTag::Macos { arch, .. } => arch.archs(),
            PlatformTag::Any | PlatformTag::Other(_) => Vec::new(),
        }
    }

    /// Tells whether it is one of the Linux families: `linux`, `manylinux`, `musllinux`.
    pub fn is_linux(&self) -> bool {
        matches!(
            self,
            PlatformTag::Linux { .. }
                | PlatformTag::Manylinux { .. }
                | PlatformTag::ManylinuxLegacy { .. }
                | PlatformTag::Musllinux { .. }
        )
    }
}

/// Splits `2_28_x86_64` into 2, 28 and `x86_64`.
fn version_and_rest(text: &str) -> Option<(u16, u16, &str)> {
    let (major, text) = text.split_once('_')?;
    let (minor, rest) = text.split_once('_')?;
    Some((plain_number(major)?, plain_number(minor)?, rest))
}

fn read_linux(text: &str) -> Option<PlatformTag> {
    if let Some(rest) = text.strip_prefix("manylinux_") {
        let (major, minor, arch) = version_and_rest(rest)?;
        return Some(PlatformTag::Manylinux { major, minor, arch: Arch::from_linux_name(arch)? });
    }
    if let Some(rest) = text.strip_prefix("musllinux_") {
        let (major, minor, arch) = version_and_rest(rest)?;
        return Some(PlatformTag::Musllinux { major, minor, arch: Arch::from_linux_name(arch)? });
    }
    if let Some(arch) = text.strip_prefix("linux_") {
        return Some(PlatformTag::Linux { arch: Arch::from_linux_name(arch)? });
    }
    LegacyManylinux::ALL.into_iter().find_map(|alias| {
        let arch = text.strip_prefix(alias.name())?.strip_prefix('_')?;
        Some(PlatformTag::ManylinuxLegacy { alias, arch: Arch::from_linux_name(arch)? })
    })
}

fn read_android(text: &str) -> Option<PlatformTag> {
    let (api, arch) = text.strip_prefix("android_")?.split_once('_')?;
    Some(PlatformTag::Android { api: plain_number(api)?, arch: Arch::from_android_name(arch)? })
}

fn read_apple(text: &str) -> Option<PlatformTag> {
    if let Some(rest) = text.strip_prefix("macosx_") {
        let (major, minor, name) = version_and_rest(rest)?;
        let arch = MacosArch::ALL.into_iter().find(|arch| arch.to_string() == name)?;
        return Some(PlatformTag::Macos { major, minor, arch });
    }
    let (major, minor, rest) = version_and_rest(text.strip_prefix("ios_")?)?;
    let (name, sdk_name) = rest.rsplit_once('_')?;
    let sdk = [IosSdk::Device, IosSdk::Simulator].into_iter().find(|sdk| sdk.name() == sdk_name)?;
    let arch = [Arch::Aarch64, Arch::X86_64].into_iter().find(|arch| arch.apple_name() == name)?;
    Some(PlatformTag::Ios { major, minor, arch, sdk })
}

fn read_windows(text: &str) -> Option<PlatformTag> {
    let arch = match text {
        "win32" => Arch::X86,
        "win_amd64" => Arch::X86_64,
        "win_arm64" => Arch::Aarch64,
        "win_arm32" => Arch::Armv7l,
        _ => return None,
    };
    Some(PlatformTag::Windows { arch })
}

impl FromStr for PlatformTag {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text == "any" {
            return Ok(PlatformTag::Any);
        }
        let read = read_linux(text)
            .or_else(|| read_apple(text))
            .or_else(|| read_windows(text))
            .or_else(|| read_android(text))
            .filter(|tag| tag.to_string() == text);
        Ok(read.unwrap_or_else(|| PlatformTag::Other(text.to_owned())))
    }
}

impl fmt::Display for PlatformTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlatformTag::Any => f.write_str("any"),
            PlatformTag::Linux { arch } => write!(f, "linux_{}", arch.linux_name()),
            PlatformTag::Manylinux { major, minor, arch } => {
                write!(f, "manylinux_{major}_{minor}_{}", arch.linux_name())
            }
            PlatformTag::ManylinuxLegacy { alias, arch } => write!(f, "{}_{}", alias.name(), arch.linux_name()),
            PlatformTag::Musllinux { major, minor, arch } => {
                write!(f, "musllinux_{major}_{minor}_{}", arch.linux_name())
            }
            PlatformTag::Android { api, arch } => write!(f, "android_{api}_{}", arch.android_name()),
            PlatformTag::Macos { major, minor, arch } => write!(f, "macosx_{major}_{minor}_{arch}"),
            PlatformTag::Ios { major, minor, arch, sdk } => {
                write!(f, "ios_{major}_{minor}_{}_{}", arch.apple_name(), sdk.name())
            }
            PlatformTag::Windows { arch } => match arch {
                Arch::X86 => f.write_str("win32"),
                Arch::X86_64 => f.write_str("win_amd64"),
                Arch::Armv7l => f.write_str("win_arm32"),
                arch => write!(f, "win_{}", arch.apple_name()),
            },
            PlatformTag::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> PlatformTag {
        text.parse().unwrap()
    }

    #[test]
    fn every_text_is_written_back_as_it_was() {
        let known = [
            "any",
            "linux_x86_64",
            "linux_armv6l",
            "manylinux_2_28_x86_64",
            "manylinux_2_39_riscv64",
            "manylinux1_i686",
            "manylinux2010_x86_64",
            "manylinux2014_s390x",
            "musllinux_1_2_aarch64",
            "android_21_arm64_v8a",
            "android_24_x86_64",
            "android_21_armeabi_v7a",
            "macosx_10_9_universal2",
            "macosx_11_0_arm64",
            "macosx_10_6_intel",
            "ios_13_0_arm64_iphoneos",
            "ios_13_0_x86_64_iphonesimulator",
            "win32",
            "win_amd64",
            "win_arm64",
            "win_arm32",
        ];
        for text in known {
            assert!(!matches!(read(text), PlatformTag::Other(_)), "{text}");
            assert_eq!(read(text).to_string(), text);
        }
        let unknown = [
            "",
            "manylinux",
            "manylinux_2_17",
            "manylinux_02_17_x86_64",
            "manylinux_2_17_vax",
            "win_ia64",
            "manylinux_2_99999999_x86_64",
            "macosx_11_arm64",
            "pyemscripten_2026_0_wasm32",
            "ANY",
            "linux_",
            "ios_13_0_arm64",
            "android_x86",
            "win_i386",
            "manylinux2014",
            "macosx_11_0_é",
        ];
        for text in unknown {
            assert_eq!(read(text), PlatformTag::Other(text.into()));
            assert_eq!(read(text).to_string(), text);
        }
    }

    #[test]
    fn legacy_names_and_versions_are_one() {
        for (legacy, name) in [
            ("manylinux1_x86_64", "manylinux_2_5_x86_64"),
            ("manylinux2010_i686", "manylinux_2_12_i686"),
            ("manylinux2014_ppc64le", "manylinux_2_17_ppc64le"),
        ] {
            assert_eq!(read(legacy).normalized(), read(name));
            assert_eq!(read(name).legacy_alias(), Some(read(legacy)));
        }
        assert_eq!(read("manylinux_2_12_aarch64").legacy_alias(), None);
        assert_eq!(read("manylinux_2_28_x86_64").legacy_alias(), None);
    }

    #[test]
    fn what_installers_never_ask_for_has_a_form_that_they_do() {
        for (dead, alive) in [
            ("macosx_13_3_arm64", Some("macosx_13_0_arm64")),
            ("macosx_11_7_universal2", Some("macosx_11_0_universal2")),
            ("macosx_10_9_arm64", Some("macosx_11_0_arm64")),
            ("macosx_10_9_universal2", None),
            ("macosx_10_16_x86_64", None),
            ("macosx_26_0_arm64", None),
            ("ios_13_4_arm64_iphoneos", None),
        ] {
            assert_eq!(read(dead).asked_for_instead(), alive.map(read), "{dead}");
        }
    }

    #[test]
    fn universal2_is_two_processors() {
        assert_eq!(read("macosx_11_0_universal2").archs(), [Arch::X86_64, Arch::Aarch64]);
        assert!(read("any").archs().is_empty());
    }
}
