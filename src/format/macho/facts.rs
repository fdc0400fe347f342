//! What only Mach-O can state about a slice: plain values, without any judgement.

use std::fmt;

use super::signature::Signature;
use crate::format::bytes::{Endian, Width};

/// Facts that only Mach-O has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MachoFacts {
    /// How the slice is contained in its file.
    pub container: Container,
    /// 32- or 64-bit.
    pub width: Width,
    /// Byte order.
    pub endian: Endian,
    /// `cputype`.
    pub cpu_type: u32,
    /// `cpusubtype`, its capability bits included.
    pub cpu_subtype: u32,
    /// `filetype`.
    pub file_type: FileType,
    /// `flags`.
    pub flags: u32,
    /// What `LC_BUILD_VERSION` and `LC_VERSION_MIN_*` state, in file order; more than one for a zippered library.
    pub platforms: Vec<PlatformVersion>,
    /// `LC_UUID`.
    pub uuid: Option<[u8; 16]>,
    /// `LC_LOAD_DYLINKER`: the loader that a program asks for.
    pub dylinker: Option<String>,
    /// Room for load commands.
    pub room: Room,
    /// The segments, in file order.
    pub segments: Vec<SegmentFacts>,
    /// What breaks a rule of dyld's; how bad it is depends on the SDK (see [`StructureRule`]).
    pub structure: Vec<Structure>,
    /// The code signature, if there is one.
    pub signature: Option<Signature>,
    /// `LC_ENCRYPTION_INFO*` with a system: its code is encrypted.
    pub encrypted: bool,
    /// Load commands that this reader does not know, by number, sorted; they are copied as they are.
    pub unknown_commands: Vec<u32>,
}

impl MachoFacts {
    /// Returns the version statement for a platform, if the slice makes one.
    pub fn platform(&self, platform: ApplePlatform) -> Option<&PlatformVersion> {
        self.platforms.iter().find(|stated| stated.platform == platform)
    }

    /// Returns the SDK that dyld goes by: that of the first statement.
    pub fn sdk(&self) -> Option<AppleVersion> {
        self.platforms.first().map(|stated| stated.sdk)
    }

    /// Returns the oldest system that the first statement allows.
    pub fn min_os(&self) -> Option<AppleVersion> {
        self.platforms.first().map(|stated| stated.min_os)
    }

    /// Returns true if symbols name the library that they come from (`MH_TWOLEVEL`).
    pub fn is_two_level(&self) -> bool {
        self.flags & 0x80 != 0
    }
}

/// How a slice is contained in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Container {
    /// The file is the slice.
    Thin,
    /// A universal file with 32-bit places (`cafebabe`).
    Universal32,
    /// A universal file with 64-bit places (`cafebabf`).
    Universal64,
}

/// `filetype` of the Mach-O header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FileType {
    /// `MH_OBJECT`: a relocatable object.
    Object,
    /// `MH_EXECUTE`: a program.
    Program,
    /// `MH_CORE`: a core dump.
    Core,
    /// `MH_DYLIB`: a shared library.
    Dylib,
    /// `MH_DYLINKER`: dyld itself.
    Dylinker,
    /// `MH_BUNDLE`: a plug-in, which is what Python extensions are on macOS.
    Bundle,
    /// `MH_DYLIB_STUB`: the names of a library, to link against.
    DylibStub,
    /// `MH_DSYM`: the debug companion of another file.
    Dsym,
    /// `MH_KEXT_BUNDLE`: a kernel extension.
    KextBundle,
    /// No Mach-O: a static archive in a universal file.
    Archive,
    /// Another number.
    Other(u32),
}

impl FileType {
    /// Returns the type of that number.
    pub fn from_raw(raw: u32) -> Self {
        match raw {
            1 => FileType::Object,
            2 => FileType::Program,
            4 => FileType::Core,
            6 => FileType::Dylib,
            7 => FileType::Dylinker,
            8 => FileType::Bundle,
            9 => FileType::DylibStub,
            10 => FileType::Dsym,
            11 => FileType::KextBundle,
            other => FileType::Other(other),
        }
    }

    /// Returns true if dyld loads such a file: programs, libraries and bundles.
    pub fn is_loaded(self) -> bool {
        matches!(self, FileType::Program | FileType::Dylib | FileType::Bundle)
    }
}

/// A version of an Apple system or SDK: sixteen bits and twice eight, `xxxx.yy.zz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AppleVersion(pub u32);

impl AppleVersion {
    /// Returns the version of these parts.
    pub const fn new(major: u16, minor: u8, patch: u8) -> Self {
        Self(((major as u32) << 16) | ((minor as u32) << 8) | patch as u32)
    }

    /// Returns the first part.
    pub fn major(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Returns the second part.
    pub fn minor(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Returns the third part.
    pub fn patch(self) -> u8 {
        self.0 as u8
    }

    /// Reads `11`, `11.0` or `10.13.6`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let mut parts = text.split('.');
        let major = parts.next().filter(|part| digits(part))?.parse().ok()?;
        let mut small = || match parts.next() {
            Some(part) if digits(part) => part.parse().ok(),
            Some(_) => None,
            None => Some(0),
        };
        let (minor, patch) = (small()?, small()?);
        parts.next().is_none().then_some(Self::new(major, minor, patch))
    }
}

impl fmt::Display for AppleVersion {
    /// Writes two parts, and the third unless it is zero: `11.0`, `10.13.6`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.minor())?;
        if self.patch() != 0 {
            write!(f, ".{}", self.patch())?;
        }
        Ok(())
    }
}

/// A platform of `LC_BUILD_VERSION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ApplePlatform {
    /// `PLATFORM_MACOS`.
    MacOs,
    /// `PLATFORM_IOS`: a device.
    Ios,
    /// `PLATFORM_TVOS`.
    TvOs,
    /// `PLATFORM_WATCHOS`.
    WatchOs,
    /// `PLATFORM_BRIDGEOS`.
    BridgeOs,
    /// `PLATFORM_MACCATALYST`: iOS's frameworks on macOS.
    MacCatalyst,
    /// `PLATFORM_IOSSIMULATOR`.
    IosSimulator,
    /// `PLATFORM_TVOSSIMULATOR`.
    TvOsSimulator,
    /// `PLATFORM_WATCHOSSIMULATOR`.
    WatchOsSimulator,
    /// `PLATFORM_DRIVERKIT`.
    DriverKit,
    /// `PLATFORM_VISIONOS`.
    VisionOs,
    /// `PLATFORM_VISIONOSSIMULATOR`.
    VisionOsSimulator,
    /// Another number.
    Other(u32),
}

impl ApplePlatform {
    /// Returns the platform of that number.
    pub fn from_raw(raw: u32) -> Self {
        match raw {
            1 => ApplePlatform::MacOs,
            2 => ApplePlatform::Ios,
            3 => ApplePlatform::TvOs,
            4 => ApplePlatform::WatchOs,
            5 => ApplePlatform::BridgeOs,
            6 => ApplePlatform::MacCatalyst,
            7 => ApplePlatform::IosSimulator,
            8 => ApplePlatform::TvOsSimulator,
            9 => ApplePlatform::WatchOsSimulator,
            10 => ApplePlatform::DriverKit,
            11 => ApplePlatform::VisionOs,
            12 => ApplePlatform::VisionOsSimulator,
            other => ApplePlatform::Other(other),
        }
    }

    /// Returns the name that people know: `macOS`, `iOS simulator`.
    pub fn name(self) -> String {
        match self {
            ApplePlatform::MacOs => "macOS".into(),
            ApplePlatform::Ios => "iOS".into(),
            ApplePlatform::TvOs => "tvOS".into(),
            ApplePlatform::WatchOs => "watchOS".into(),
            ApplePlatform::BridgeOs => "bridgeOS".into(),
            ApplePlatform::MacCatalyst => "Mac Catalyst".into(),
            ApplePlatform::IosSimulator => "iOS simulator".into(),
            ApplePlatform::TvOsSimulator => "tvOS simulator".into(),
            ApplePlatform::WatchOsSimulator => "watchOS simulator".into(),
            ApplePlatform::DriverKit => "DriverKit".into(),
            ApplePlatform::VisionOs => "visionOS".into(),
            ApplePlatform::VisionOsSimulator => "visionOS simulator".into(),
            ApplePlatform::Other(number) => format!("platform {number}"),
        }
    }
}

/// What a slice says about one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformVersion {
    /// The platform.
    pub platform: ApplePlatform,
    /// The oldest system it runs on.
    pub min_os: AppleVersion,
    /// The SDK it was built with; 0.0 where the file does not say.
    pub sdk: AppleVersion,
}

/// Room for load commands between the header and the first section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    /// Bytes that header and load commands take.
    pub used: u64,
    /// Bytes from the slice's start to the first byte that is something else.
    pub limit: u64,
}

impl Room {
    /// Returns how many bytes are free.
    pub fn free(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFacts {
    /// `segname`.
    pub name: String,
    /// `vmaddr`.
    pub address: u64,
    /// `vmsize`.
    pub memory_size: u64,
    /// `fileoff`, from the slice's start.
    pub offset: u64,
    /// `filesize`.
    pub file_size: u64,
    /// `maxprot`: bits 1 read, 2 write, 4 execute.
    pub max_protection: u32,
    /// `initprot`, of the same bits.
    pub protection: u32,
    /// How many sections it has.
    pub sections: u32,
}

/// A rule of dyld's that a slice breaks, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// The rule.
    pub rule: StructureRule,
    /// The particulars, a phrase: which path, which segment.
    pub message: String,
}

/// dyld's rules about a file's structure (dyld-1378, `mach_o/UnsafeHeader.cpp`, `Image.cpp`, `Policy.cpp`).
///
/// Which of them keep a file from being loaded depends on the SDK it was built with, and on dyld's own version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StructureRule {
    /// Two `LC_RPATH` with the same path.
    DuplicateRpath,
    /// Two imports with the same name.
    DuplicateImport,
    /// No `LC_LOAD_DYLIB` or the like.
    NoImport,
    /// No `LC_UUID`.
    MissingUuid,
    /// `MH_DYLIB` without `LC_ID_DYLIB`, or another file type with it.
    Identity,
    /// Two tables of `__LINKEDIT` overlap.
    LinkeditOverlap,
    /// A table lies outside `__LINKEDIT`.
    LinkeditOutside,
    /// A table of `__LINKEDIT` is not aligned to a pointer.
    LinkeditMisaligned,
    /// The code signature is not aligned to a pointer.
    SignatureMisaligned,
    /// `__TEXT` is not readable and executable only.
    TextProtection,
    /// `__LINKEDIT` is not readable only.
    LinkeditProtection,
    /// The segments' order in the file is not that of their addresses.
    SegmentOrder,
    /// Two segments overlap, in the file or in memory.
    SegmentOverlap,
    /// A section lies outside its segment.
    SectionOutside,
    /// Two segments have one name.
    DuplicateSegment,
    /// A segment is larger in the file than in memory, or leaves the file.
    SegmentSize,
    /// The load commands are not within `__TEXT`.
    CommandsOutsideText,
    /// A load command has a wrong size, or a string in it no end.
    BadCommand,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_written() {
        for (text, shown) in [("11", "11.0"), ("10.9", "10.9"), ("10.13.6", "10.13.6"), ("26.0.0", "26.0")] {
            assert_eq!(AppleVersion::parse(text).unwrap().to_string(), shown);
        }
        for text in ["", "10.", ".1", "10.256", "70000", "1.2.3.4", "+1", "1 "] {
            assert_eq!(AppleVersion::parse(text), None, "{text}");
        }
        assert!(AppleVersion::new(10, 15, 7) < AppleVersion::new(11, 0, 0));
    }
}
