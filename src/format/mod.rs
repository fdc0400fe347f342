//! The only place that dispatches on `Format`: detect, inspect, edit, verify.

// Strangers' bytes: a reader that can panic here is a fault, so clippy refuses what could.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::unreachable,
        clippy::todo
    )
)]

pub mod bytes;
pub mod edit;
pub mod elf;
pub mod excerpt;
pub mod image;
pub mod macho;
pub mod pe;
pub mod symbols;

pub use edit::{Change, Edit, EditSet, Edited, StripLevel};
pub use excerpt::{Excerpt, Unread};
pub use image::{Format, Image, ImageKind, Import, ImportKind, SearchPath, SearchPathKind};
pub use symbols::{Binding, ExportIndex, Symbol, SymbolFacts, SymbolKind};

use crate::error::{Error, Result};

/// Returns the format whose magic number `head` begins with; the first 64 bytes of a file are enough.
pub fn detect(head: &[u8]) -> Option<Format> {
    match head {
        [0x7f, b'E', b'L', b'F', ..] => Some(Format::Elf),
        _ if macho::is_macho(head) => Some(Format::MachO),
        _ if pe::is_pe(head) => Some(Format::Pe),
        _ => None,
    }
}

/// Returns one [`Image`] for each slice of the binary: one, but for universal Mach-O files, and for DOS programs, which
/// begin as PE files do and have none.
///
/// # Errors
/// `Malformed` if the bytes are of a known format but not sound enough to say anything about them;
/// `Unsupported` if they are of no known format.
pub fn inspect(bytes: &[u8]) -> Result<Vec<Image>> {
    inspect_excerpt(bytes.into())
}

/// Returns what [`inspect`] does, but compares neither code signatures, which are most of the work on a Mach-O file,
/// nor checksums with the bytes: for who reads a binary to change it.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_unverified(bytes: &[u8]) -> Result<Vec<Image>> {
    inspect_excerpt(Excerpt::from(bytes).unverified())
}

/// Inspects a file of which not all may have been read; what it returns counts only if nothing else was asked for.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_excerpt(excerpt: Excerpt<'_>) -> Result<Vec<Image>> {
    match detect(excerpt.head()) {
        Some(Format::Elf) => elf::inspect(excerpt).map(|image| vec![image]),
        Some(Format::MachO) => macho::inspect(excerpt),
        Some(Format::Pe) => pe::inspect(excerpt).map(|image| image.into_iter().collect()),
        None => Err(Error::unsupported("neither an ELF, Mach-O nor PE file")),
    }
}

/// Reads every dynamic symbol of the slice that `image` describes, once.
///
/// # Errors
/// `Malformed` if a symbol, string or version table leaves the file or loops.
pub fn symbols(bytes: &[u8], image: &Image) -> Result<SymbolFacts> {
    symbols_of_excerpt(bytes.into(), image)
}

/// Reads the symbols of a file of which not all may have been read; see [`inspect_excerpt`].
///
/// # Errors
/// As [`symbols()`].
pub fn symbols_of_excerpt(excerpt: Excerpt<'_>, image: &Image) -> Result<SymbolFacts> {
    match image.format {
        Format::Elf => elf::symbols(excerpt),
        Format::MachO => macho::symbols(excerpt, image),
        Format::Pe => pe::symbols(excerpt),
    }
}

/// Carries out all edits in one layout; no edit, or nothing to change: the same bytes.
///
/// The result has been read again and compared with what was expected.
///
/// # Errors
/// `Unsupported` if the file cannot carry an edit; nothing is done silently.
pub fn edit(bytes: &[u8], edits: &EditSet) -> Result<Edited> {
    match detect(bytes) {
        Some(Format::Elf) => elf::edit(bytes, edits),
        Some(Format::Pe) => pe::edit(bytes, edits),
        Some(Format::MachO) => macho::edit(bytes, edits),
        None => Err(Error::unsupported("neither an ELF, a Mach-O nor a PE file")),
    }
}
