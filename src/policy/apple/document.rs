//! `AppleRules`: what one of Apple's systems gives, and what its loader refuses, read from `policies/macos` and `policies/ios`.

use std::sync::LazyLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::arch::Arch;
use crate::error::{Error, Result};
use crate::format::macho::{ApplePlatform, AppleVersion, StructureRule};
use crate::policy::embedded::APPLE;

/// What one of Apple's systems gives and refuses.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AppleRules {
    /// `macos` or `ios`.
    pub name: String,
    /// Where the facts are from.
    pub source: String,
    /// The day the facts were read, `YYYY-MM-DD`.
    pub retrieved: String,
    /// What is particular to an architecture.
    pub archs: Vec<ArchRules>,
    /// Platforms of `LC_BUILD_VERSION` that belong to the system, each with the SDK's name in tags.
    pub platforms: Vec<(ApplePlatform, String)>,
    /// Rules of the loader.
    pub dyld: Vec<DyldRule>,
    /// Install names that several distributions give to libraries of theirs.
    pub generic_names: Vec<String>,
    /// As many bytes for load commands as are worth a word if they are not there.
    pub header_room: u64,
    /// From this major version on, tags have the minor number 0; 0: they never do.
    pub minor_is_zero_from: u16,
    /// Features of libc++ with the version that brought them, oldest first.
    pub libcxx: Vec<LibcxxFeature>,
    system: Vec<String>,
    not_system: Vec<String>,
    python: GlobSet,
}

/// What is particular to an architecture.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ArchRules {
    /// The architecture.
    pub arch: Arch,
    /// The SDK it is about, as tags spell it (`macosx`, `iphoneos`, `iphonesimulator`).
    pub sdk: String,
    /// The first version of the system that runs on it: what a binary states below that means this version.
    pub floor: AppleVersion,
    /// Whether the system runs signed code only.
    pub signed: bool,
}

/// A rule of the loader.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DyldRule {
    /// Which.
    pub rule: StructureRule,
    /// Its name in the data, e.g. `duplicate-rpath`.
    pub name: String,
    /// From which SDK on it is fatal, by the version of the system whose loader says so, ascending; none: always.
    pub since: Vec<Threshold>,
}

/// The SDK from which on a version of the system refuses what breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Threshold {
    /// The version of the system.
    pub system: AppleVersion,
    /// The SDK that the file was built with, or a later one.
    pub sdk: AppleVersion,
}

impl DyldRule {
    /// Returns true if it is fatal whatever the SDK.
    pub fn always(&self) -> bool {
        self.since.is_empty()
    }

    /// Returns the system that first refuses a file built with `sdk`, and its threshold; `None` if none does.
    pub fn refused_by(&self, sdk: AppleVersion) -> Option<Threshold> {
        self.since.iter().copied().find(|threshold| sdk >= threshold.sdk)
    }
}

/// Something that libc++ has since a version of the system.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LibcxxFeature {
    /// What, e.g. `LLVM 15`.
    pub what: String,
    /// The first version of the system that has it.
    pub first: AppleVersion,
    symbols: GlobSet,
}

impl LibcxxFeature {
    /// Returns true if the symbol is part of it.
    pub fn has(&self, symbol: &str) -> bool {
        self.symbols.is_match(symbol)
    }
}

impl AppleRules {
    /// Returns macOS's.
    pub fn macos() -> &'static AppleRules {
        &MACOS
    }

    /// Returns iOS's.
    pub fn ios() -> &'static AppleRules {
        &IOS
    }

    /// Returns true if the system gives the library of this install name, also where it is no file.
    pub fn gives(&self, name: &str) -> bool {
        let begins = |prefixes: &[String]| prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
        begins(&self.system) && !begins(&self.not_system) && !name.split('/').any(|part| part == "..")
    }

    /// Returns the beginnings of the install names that the system gives.
    pub fn system(&self) -> &[String] {
        &self.system
    }

    /// Returns true if the install name is that of a Python framework.
    pub fn is_python(&self, name: &str) -> bool {
        self.python.is_match(name)
    }

    /// Returns what is particular to an architecture under an SDK.
    pub fn arch(&self, arch: Arch, sdk: &str) -> Option<&ArchRules> {
        self.archs.iter().find(|rules| rules.arch == arch && rules.sdk == sdk)
    }

    /// Returns how tags spell the SDK of a platform; `None` if it is not one of the system's.
    pub fn sdk(&self, platform: ApplePlatform) -> Option<&str> {
        self.platforms.iter().find(|(known, _)| *known == platform).map(|(_, sdk)| sdk.as_str())
    }

    /// Returns a rule of the loader.
    pub fn dyld(&self, rule: StructureRule) -> Option<&DyldRule> {
        self.dyld.iter().find(|known| known.rule == rule)
    }

    /// Returns the system's name for people.
    pub fn system_name(&self) -> &'static str {
        if self.name == "ios" { "iOS" } else { "macOS" }
    }

    /// Returns a version as tags say it: without the third number, and from macOS 11 on with the minor number 0.
    ///
    /// macOS 11 called itself 10.16 to programs that were built before it.
    pub fn in_tags(&self, version: AppleVersion) -> AppleVersion {
        let zero = self.minor_is_zero_from;
        if zero != 0 && version.major() == 10 && version.minor() >= 16 {
            return AppleVersion::new(zero, 0, 0);
        }
        let minor = if zero != 0 && version.major() >= zero { 0 } else { version.minor() };
        AppleVersion::new(version.major(), minor, 0)
    }

    /// Reads the rules of a system (`policies/apple.schema.json`).
    ///
    /// # Errors
    /// `Malformed` if the text is not JSON, or names an unknown field, architecture, rule or version.
    pub fn read(json: &str) -> Result<Self> {
        let document: Document =
            serde_json::from_str(json).map_err(|error| Error::malformed(format!("not an Apple policy: {error}")))?;
        document.check()
    }
}

static MACOS: LazyLock<AppleRules> = LazyLock::new(|| embedded("macos/system.json"));
static IOS: LazyLock<AppleRules> = LazyLock::new(|| embedded("ios/system.json"));

fn embedded(path: &str) -> AppleRules {
    let text = APPLE.iter().find(|(known, _)| *known == path).map_or("", |(_, text)| text);
    match AppleRules::read(text) {
        Ok(rules) => rules,
        // INVARIANT: both built-in files are read by a test.
        Err(error) => unreachable!("policies/{path}: {error}"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    archs: Vec<ArchDocument>,
    dyld: Vec<DyldDocument>,
    generic_names: Vec<String>,
    header_room: u64,
    libcxx: Vec<LibcxxDocument>,
    minor_is_zero_from: u16,
    name: String,
    not_system: Vec<String>,
    platforms: Vec<PlatformDocument>,
    python: Vec<String>,
    retrieved: String,
    source: String,
    system: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchDocument {
    arch: String,
    floor: String,
    sdk: String,
    signed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DyldDocument {
    rule: String,
    since: Vec<ThresholdDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdDocument {
    sdk: String,
    system: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LibcxxDocument {
    first: String,
    #[expect(dead_code, reason = "for people who read the file")]
    source: String,
    symbols: Vec<String>,
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlatformDocument {
    number: u32,
    sdk: String,
}

impl Document {
    fn check(self) -> Result<AppleRules> {
        let archs = self.archs.iter().map(|document| {
            let arch = [Arch::Aarch64, Arch::X86_64, Arch::X86, Arch::Ppc, Arch::Ppc64]
                .into_iter()
                .find(|arch| arch.apple_name() == document.arch)
                .ok_or_else(|| Error::malformed(format!("`{}` is not an architecture", document.arch)))?;
            let floor = version(&document.floor)?;
            Ok(ArchRules { arch, sdk: document.sdk.clone(), floor, signed: document.signed })
        });
        let dyld = self.dyld.iter().map(|document| {
            let rule = rule(&document.rule)
                .ok_or_else(|| Error::malformed(format!("`{}` is not a rule of dyld's", document.rule)))?;
            let since = document
                .since
                .iter()
                .map(|threshold| Ok(Threshold { system: version(&threshold.system)?, sdk: version(&threshold.sdk)? }));
            Ok(DyldRule { rule, name: document.rule.clone(), since: since.collect::<Result<_>>()? })
        });
        let libcxx = self.libcxx.iter().map(|document| {
            Ok(LibcxxFeature {
                what: document.what.clone(),
                first: version(&document.first)?,
                symbols: globs(&document.symbols)?,
            })
        });
        Ok(AppleRules {
            archs: archs.collect::<Result<_>>()?,
            dyld: dyld.collect::<Result<_>>()?,
            libcxx: libcxx.collect::<Result<_>>()?,
            platforms: self.platforms.into_iter().map(|p| (ApplePlatform::from_raw(p.number), p.sdk)).collect(),
            python: globs(&self.python)?,
            name: self.name,
            source: self.source,
            retrieved: self.retrieved,
            generic_names: self.generic_names,
            header_room: self.header_room,
            minor_is_zero_from: self.minor_is_zero_from,
            system: self.system,
            not_system: self.not_system,
        })
    }
}

fn version(text: &str) -> Result<AppleVersion> {
    AppleVersion::parse(text).ok_or_else(|| Error::malformed(format!("`{text}` is not a version")))
}

fn globs(patterns: &[String]) -> Result<GlobSet> {
    let wrong = |error: globset::Error| Error::malformed(error.to_string());
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(GlobBuilder::new(pattern).build().map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

/// Returns the rule of that name in the data.
fn rule(name: &str) -> Option<StructureRule> {
    Some(match name {
        "bad-command" => StructureRule::BadCommand,
        "commands-outside-text" => StructureRule::CommandsOutsideText,
        "duplicate-import" => StructureRule::DuplicateImport,
        "duplicate-rpath" => StructureRule::DuplicateRpath,
        "duplicate-segment" => StructureRule::DuplicateSegment,
        "identity" => StructureRule::Identity,
        "linkedit-misaligned" => StructureRule::LinkeditMisaligned,
        "linkedit-outside" => StructureRule::LinkeditOutside,
        "linkedit-overlap" => StructureRule::LinkeditOverlap,
        "linkedit-protection" => StructureRule::LinkeditProtection,
        "missing-uuid" => StructureRule::MissingUuid,
        "no-import" => StructureRule::NoImport,
        "section-outside" => StructureRule::SectionOutside,
        "segment-order" => StructureRule::SegmentOrder,
        "segment-overlap" => StructureRule::SegmentOverlap,
        "segment-size" => StructureRule::SegmentSize,
        "signature-misaligned" => StructureRule::SignatureMisaligned,
        "text-protection" => StructureRule::TextProtection,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> AppleVersion {
        AppleVersion::parse(text).unwrap()
    }

    #[test]
    fn both_files_are_sound() {
        for (rules, name) in [(AppleRules::macos(), "macos"), (AppleRules::ios(), "ios")] {
            assert_eq!(rules.name, name);
            assert_eq!(rules.dyld.len(), 18);
            for known in &rules.dyld {
                assert!(known.since.is_sorted_by(|a, b| a.system < b.system), "{:?}", known.rule);
            }
        }
        assert!(AppleRules::macos().libcxx.is_sorted_by(|a, b| a.first <= b.first));
    }

    #[test]
    fn the_system_is_known_by_path_and_the_data_volume_is_not_part_of_it() {
        for (name, given) in [
            ("/usr/lib/libSystem.B.dylib", true),
            ("/System/Library/Frameworks/Metal.framework/Versions/A/Metal", true),
            ("/System/Volumes/Data/opt/libx.dylib", false),
            ("/usr/local/lib/libx.dylib", false),
            ("/usr/lib/../local/lib/libx.dylib", false),
            ("/usr/library/libx.dylib", false),
            ("@rpath/libSystem.B.dylib", false),
        ] {
            assert_eq!(AppleRules::macos().gives(name), given, "{name}");
        }
    }

    #[test]
    fn python_is_known_by_its_framework() {
        let rules = AppleRules::macos();
        assert!(rules.is_python("/Library/Frameworks/Python.framework/Versions/3.12/Python"));
        assert!(rules.is_python("@rpath/Python3.framework/Versions/3.9/Python3"));
        assert!(!rules.is_python("@rpath/libpythonesque.dylib"));
        assert!(AppleRules::ios().is_python("@rpath/Python.framework/Python"));
    }

    #[test]
    fn a_rule_is_fatal_by_sdk() {
        let twice = AppleRules::macos().dyld(StructureRule::DuplicateRpath).unwrap();
        assert_eq!(twice.refused_by(at("14.5")), None);
        assert_eq!(twice.refused_by(at("15.2")).unwrap().system, at("15.0"));
        assert!(AppleRules::macos().dyld(StructureRule::LinkeditOverlap).unwrap().always());
        let ios = AppleRules::ios().dyld(StructureRule::DuplicateRpath).unwrap();
        assert_eq!(ios.refused_by(at("18.1")).unwrap().system, at("18.0"));
    }

    #[test]
    fn libcxx_s_features_are_known_by_their_symbols() {
        let first = |symbol: &str| {
            AppleRules::macos().libcxx.iter().find(|feature| feature.has(symbol)).map(|feature| feature.first)
        };
        assert_eq!(first("__ZNSt3__122__libcpp_verbose_abortEPKcz"), Some(at("13.3")));
        assert_eq!(first("__ZNSt3__14__fs10filesystem8__removeERKNS1_4pathEPNS_10error_codeE"), Some(at("10.15")));
        assert_eq!(first("__ZNSt3__15mutex4lockEv"), None);
    }

    #[test]
    fn a_hostile_file_is_refused() {
        for text in ["", "{}", "[]", "{\"archs\": [{\"arch\": \"vax\"}]}"] {
            assert!(AppleRules::read(text).is_err(), "{text}");
        }
        let text = include_str!("../../../policies/macos/system.json");
        for (from, to) in [("\"11.0\"", "\"eleven\""), ("\"arm64\"", "\"vax\""), ("duplicate-rpath", "no-such-rule")] {
            assert!(AppleRules::read(&text.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
