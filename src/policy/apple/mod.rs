//! macOS and iOS: what binaries state and what a tag says, judged over Mach-O facts.
//!
//! A tag states a version of the system and architectures, nothing else (`earned`, `refusals`); what the loader
//! makes of a file's structure is said of each binary alone.

mod archs;
mod binary;
mod deployment;
mod document;
mod earned;
mod ios;
mod reasons;
mod survey;
mod system_symbols;

pub use archs::{RequiredArchs, missing_archs};
pub use binary::findings;
pub use deployment::deployment_tags;
pub use document::{AppleRules, ArchRules, DyldRule, LibcxxFeature, Threshold};
pub(super) use earned::{earned, implied, refusals};

/// Returns true if the system has the library of this install name, be it as a file or in dyld's cache.
pub fn is_system(name: &str) -> bool {
    AppleRules::macos().gives(name)
}

/// Returns true if the running Python provides it by a framework of its own.
pub fn is_python(name: &str) -> bool {
    AppleRules::macos().is_python(name)
}
