//! Mach-O: thin and universal files of macOS and iOS, as dyld reads them.

pub(crate) mod edit;
pub mod facts;
mod fuse;
mod inspect;
mod names;
mod read;
mod sign;
pub mod signature;
mod structure;
mod symbols;
mod trie;
mod universal;
mod verify;
mod witness;

pub use edit::commands::{import_size, rpath_size};
pub use edit::room::Fit;
pub use edit::{edit, fit};
pub use facts::{
    ApplePlatform, AppleVersion, Container, FileType, MachoFacts, PlatformVersion, Room, SegmentFacts, Structure,
    StructureRule,
};
pub use fuse::fuse;
pub use inspect::inspect;
pub use signature::{Signature, SignatureKind, SignatureState};
pub use symbols::symbols;
pub(crate) use universal::is_macho;
