//! Every code: number, slug, level, title and page, in one table.

use std::fmt;
use std::str::FromStr;

use super::Severity;

/// A family of codes: the hundreds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// `TW1xx`.
    Archive,
    /// `TW2xx`.
    Binary,
    /// `TW3xx`.
    Graph,
    /// `TW4xx`.
    Policy,
    /// `TW5xx`.
    PythonAbi,
    /// `TW6xx`.
    Metadata,
    /// `TW7xx`.
    Plan,
    /// `TW9xx`.
    Truewheel,
}

impl Family {
    /// Returns the name by which `--allow`, `--warn` and `--deny` take the family, e.g. `TW4xx`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Archive => "TW1xx",
            Family::Binary => "TW2xx",
            Family::Graph => "TW3xx",
            Family::Policy => "TW4xx",
            Family::PythonAbi => "TW5xx",
            Family::Metadata => "TW6xx",
            Family::Plan => "TW7xx",
            Family::Truewheel => "TW9xx",
        }
    }
}

/// Declares the enum, and for each code its slug, level, title and page.
///
/// A code whose page `docs/diagnostics/TWnnn.md` is missing does not compile. Codes are never reused or renamed.
macro_rules! codes {
    ($($code:ident $slug:literal $severity:ident $family:ident $title:literal;)*) => {
        /// A kind of finding. Never reused, never renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $title] $code,)*
        }

        impl Code {
            /// Every code, ascending.
            pub const ALL: &[Code] = &[$(Code::$code,)*];

            /// Returns the code as printed, e.g. `TW401`.
            pub fn name(self) -> &'static str {
                match self { $(Code::$code => stringify!($code),)* }
            }

            /// Returns the slug, e.g. `symbol-too-recent`.
            pub fn slug(self) -> &'static str {
                match self { $(Code::$code => $slug,)* }
            }

            /// Returns the level that holds where nobody says otherwise.
            pub fn severity(self) -> Severity {
                match self { $(Code::$code => Severity::$severity,)* }
            }

            /// Returns the family.
            pub fn family(self) -> Family {
                match self { $(Code::$code => Family::$family,)* }
            }

            /// Returns what the code means, a phrase.
            pub fn title(self) -> &'static str {
                match self { $(Code::$code => $title,)* }
            }

            /// Returns the page that `explain` prints (Markdown).
            pub fn page(self) -> &'static str {
                match self {
                    $(Code::$code => include_str!(concat!("../../docs/diagnostics/", stringify!($code), ".md")),)*
                }
            }
        }
    };
}

codes! {
    TW101 "not-an-archive" Error Archive "the file is not a readable zip archive";
    TW102 "archive-framing" Error Archive "local entries, central directory and file do not agree";
    TW103 "duplicate-member" Error Archive "two members have one name";
    TW104 "unsafe-path" Error Archive "a member's name leaves the wheel or cannot be written everywhere";
    TW105 "symlink-member" Error Archive "a member is a symbolic link";
    TW106 "archive-bomb" Error Archive "the archive unpacks to absurdly much";
    TW107 "compression-method" Error Archive "a member is compressed by another method than stored or deflate";
    TW108 "encrypted-member" Error Archive "a member is encrypted";
    TW109 "data-descriptor" Error Archive "a member's sizes follow its data";
    TW110 "corrupt-member" Error Archive "a member cannot be unpacked or its checksum is wrong";
    TW111 "zip64-oddity" Error Archive "a zip64 field is wrong";
    TW112 "archive-comment" Warning Archive "the archive or a member carries a comment";
    TW113 "case-collision" Error Archive "two names are one on a case-insensitive file system";
    TW114 "member-mode" Warning Archive "a member's permission bits are odd";
    TW115 "long-path" Warning Archive "a member's path is too long for some systems";
    TW116 "member-time" Warning Archive "a member's time is none, or lies in the future";
    TW117 "member-order" Note Archive "the dist-info directory is not at the end of the archive";
    TW118 "non-ascii-name" Warning Archive "a member's name is not ASCII";
    TW201 "malformed-binary" Error Binary "a binary cannot be read";
    TW202 "contradictory-binary" Warning Binary "a binary states one fact in two ways";
    TW203 "executable-stack" Warning Binary "a binary asks for an executable stack";
    TW204 "text-relocations" Warning Binary "a binary relocates its own code";
    TW205 "absolute-search-path" Warning Binary "a search path is absolute";
    TW206 "odd-import-name" Warning Binary "an imported name is one that loaders treat specially";
    TW207 "section-headers" Warning Binary "a binary has no section headers, which Android's loader needs";
    TW208 "suspicious-binary" Warning Binary "loaders differ in what they make of a binary";
    TW209 "dyld-structure" Error Binary "dyld refuses the structure of a binary";
    TW210 "code-signature" Error Binary "a code signature is missing or not true of the bytes";
    TW211 "header-room" Note Binary "there is little room for load commands";
    TW212 "generic-identity" Warning Binary "a library has an install name that other packages use";
    TW213 "build-path" Note Binary "a binary names a folder of the machine it was built on";
    TW214 "mutex-hazard" Error Binary "a std::mutex crashes if an older Visual C++ runtime is in the process";
    TW215 "old-runtime" Warning Binary "a Visual C++ runtime is older than what needs it";
    TW216 "debug-runtime" Error Binary "a binary needs a debug build of the Visual C++ runtime";
    TW301 "missing-library" Error Graph "a needed library is nowhere";
    TW302 "wrong-architecture-candidate" Note Graph "a library of that name is for another machine";
    TW303 "two-libraries-one-name" Warning Graph "two different libraries have one name";
    TW304 "excluded-library" Note Graph "a library is left to the user's machine";
    TW305 "absolute-only-library" Error Graph "a needed library is reached only through an absolute path";
    TW306 "driver-library" Warning Graph "a library that belongs to the user's machine was vendored";
    TW307 "data-binary" Warning Graph "a binary that is installed as data needs a missing library";
    TW308 "external-library" Error Graph "a needed library is outside the wheel and must be vendored";
    TW309 "weak-import-missing" Note Graph "a library that may be absent is absent";
    TW320 "framework" Error Graph "a framework would have to be vendored";
    TW321 "no-start-up-code" Error Graph "an extension cannot be made to find the folder of its DLLs";
    TW310 "start-up-not-understood" Note Graph "a folder of DLLs is found only by code that is not understood";
    TW311 "delayed-import" Warning Graph "a delayed import is for a DLL that its helper does not find";
    TW312 "run-time-library" Note Graph "a binary names a DLL of the wheel without importing it";
    TW313 "missing-function" Error Graph "a DLL lacks a function that is needed of it";
    TW401 "symbol-too-recent" Error Policy "a symbol version is newer than a tag allows";
    TW402 "library-not-allowed" Error Policy "a library is outside what a tag allows";
    TW403 "denied-symbol" Error Policy "a symbol is one that a tag denies";
    TW404 "unversioned-symbol-too-recent" Error Policy "a symbol came with a later release than a tag allows";
    TW405 "isa-level" Error Policy "a binary needs a processor newer than its architecture's baseline";
    TW406 "foreign-architecture" Error Policy "a binary is for another machine than the tag";
    TW407 "wrong-libc" Error Policy "a binary is for another C library than the tag";
    TW408 "unknown-symbols" Note Policy "there is no data to judge a library's symbols by";
    TW409 "no-tag-earned" Error Policy "no policy allows what the wheel needs";
    TW410 "android-rule" Error Policy "Android's loader refuses the binary";
    TW411 "system-too-new" Error Policy "a binary needs a newer system than a tag names";
    TW412 "architecture-missing" Error Policy "a binary lacks an architecture that a tag names";
    TW413 "apple-platform" Error Policy "a binary is for another of Apple's systems than the tag";
    TW414 "system-symbol" Warning Policy "a symbol came with a newer system than the binary asks for";
    TW415 "ios-rule" Error Policy "a binary cannot be loaded on iOS from a wheel";
    TW416 "minor-not-in-tag" Warning Policy "a binary needs a point release that no tag can name";
    TW417 "newer-windows" Warning Policy "a binary needs a newer Windows than the wheel's Pythons do";
    TW501 "libpython-linked" Error PythonAbi "a binary links libpython";
    TW502 "libpython-inside" Warning PythonAbi "a binary carries a static libpython";
    TW503 "unicode-width" Error PythonAbi "a binary is for narrow Unicode strings";
    TW504 "pyfpe-symbol" Error PythonAbi "a binary needs a Python built with floating-point traps";
    TW505 "outside-stable-abi" Error PythonAbi "a binary needs a symbol that is not of the stable ABI the tag claims";
    TW506 "stable-abi-too-recent" Error PythonAbi "a binary needs a later stable ABI than the tag claims";
    TW507 "extension-suffix" Error PythonAbi "a module's file name is not one that the tag's Pythons import";
    TW508 "needs-python" Error PythonAbi "a binary needs Python's ABI, and the tag claims none";
    TW509 "wrong-python-library" Error PythonAbi "a binary links the library of another Python than the tag's";
    TW510 "missing-entry-point" Error PythonAbi "a module lacks the entry point that the tag's Pythons call";
    TW511 "limited-api-doubt" Warning PythonAbi "a binary tagged for the stable ABI may not be built for it";
    TW512 "tag-too-tight" Note PythonAbi "the wheel could be tagged for more Pythons";
    TW601 "untrue-tag" Error Metadata "a claimed tag is not earned";
    TW602 "tags-disagree" Error Metadata "file name and WHEEL claim different tags";
    TW603 "missing-metadata" Error Metadata "the dist-info directory or a file in it is missing";
    TW604 "not-in-record" Error Metadata "a member is not in RECORD";
    TW605 "record-without-member" Error Metadata "RECORD names what is not there";
    TW606 "record-mismatch" Error Metadata "a digest or size in RECORD is wrong";
    TW607 "malformed-record" Error Metadata "RECORD cannot be read";
    TW608 "file-name" Error Metadata "the wheel's file name is not valid";
    TW609 "malformed-wheel-file" Error Metadata "the WHEEL file cannot be read or contradicts the file name";
    TW610 "malformed-metadata" Error Metadata "METADATA cannot be read or contradicts the file name";
    TW611 "binary-in-purelib" Error Metadata "a binary is installed where only pure Python belongs";
    TW612 "linux-tag" Warning Metadata "the wheel is tagged for its own machine only";
    TW613 "signature-dropped" Warning Metadata "a signature of RECORD is no longer true and was dropped";
    TW614 "pure-tag-with-binary" Error Metadata "a wheel for any platform holds a binary";
    TW615 "unknown-tag" Error Metadata "a platform tag is of no known platform";
    TW616 "tag-raised" Warning Metadata "the tag asked for is lower than the bytes allow";
    TW617 "tag-form" Error Metadata "no installer asks for a tag of this form";
    TW620 "dead-tag" Error Metadata "no installer matches a tag";
    TW630 "secret-file" Warning Metadata "a member is a private key or a file of credentials";
    TW631 "stray-file" Warning Metadata "a member is not what a wheel is for";
    TW632 "top-level-name" Warning Metadata "a top-level name is one that many projects would take";
    TW633 "build-path" Warning Metadata "a binary names a home on the machine that built it";
    TW634 "wheel-size" Warning Metadata "the wheel is larger than PyPI takes";
    TW635 "licence-file" Warning Metadata "a licence file that METADATA names is missing";
    TW636 "requires-python" Error Metadata "METADATA excludes the Python that the tags are for";
    TW637 "entry-points" Error Metadata "an installer cannot make programs of the entry points";
    TW638 "metadata-field" Warning Metadata "PyPI does not take a field of METADATA";
    TW639 "executable-pth" Warning Metadata "a member runs code whenever Python starts";
    TW640 "cffi-use" Warning Metadata "what the wheel needs of cffi is not what it says";
    TW641 "tag-not-on-pypi" Warning Metadata "a platform tag is one that PyPI does not take";
    TW642 "required-abi" Error Metadata "the wheel has not the ABI tag that is required";
    TW643 "unsorted-tags" Note Metadata "a compressed set of tags is not in order";
    TW644 "duplicate-content" Note Metadata "large files of the wheel are alike";
    TW645 "debug-data" Warning Metadata "the wheel carries data that only debuggers read";
    TW646 "development-file" Note Metadata "a member is of use only to those who build against the wheel";
    TW647 "import-name" Warning Metadata "METADATA names a module that the wheel does not install";
    TW648 "vendored-licence" Warning Metadata "no licence file speaks of a library that the wheel carries";
    TW649 "no-native-file" Warning Metadata "a wheel for one platform holds nothing of that platform";
    TW650 "nothing-installed" Warning Metadata "the wheel installs nothing";
    TW651 "unimportable-name" Warning Metadata "a package has a name that cannot be imported";
    TW652 "sbom-file" Warning Metadata "a file among the bills of materials is none";
    TW653 "mixed-suffixes" Note Metadata "one kind of file has two suffixes";
    TW701 "plan-unlisted" Error Plan "a needed library is not mentioned in the plan";
    TW702 "plan-impossible" Error Plan "an action of the plan cannot be carried out";
    TW703 "unmatched-option" Warning Plan "an option names what is not there";
    TW704 "merge-conflict" Error Plan "two wheels differ in a file that cannot be fused";
    TW901 "verification-failed" Error Truewheel "the result is not what was planned";
    TW902 "own-fault" Error Truewheel "truewheel contradicts itself";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Code {
    type Err = ();

    /// Returns the code of that number (`TW401`, any case) or slug.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Code::ALL.iter().copied().find(|code| code.name().eq_ignore_ascii_case(text) || code.slug() == text).ok_or(())
    }
}
