//! PE/COFF: Microsoft's "PE Format", and what Windows' and Wine's loaders make of it.

mod checksum;
mod dynamic;
mod edit;
mod exports;
pub mod facts;
mod imports;
mod inspect;
mod load_config;
mod named;
mod read;
mod resources;
mod symbols;
mod verify;
mod witness;

pub use edit::edit;
pub use facts::{Checksum, Hybrid, PeFacts};
pub use inspect::inspect;
pub use named::named_libraries;
pub use symbols::symbols;

/// Returns true if a file that begins with `head` may be a PE file; DOS programs without a further header are none.
pub(super) fn is_pe(head: &[u8]) -> bool {
    // Windows wants the header below 256 MiB; text that begins with `MZ` has larger numbers there.
    let header = head.get(0x3c..0x40).and_then(|raw| raw.first_chunk()).map_or(0, |raw| u32::from_le_bytes(*raw));
    head.starts_with(b"MZ") && (4..0x1000_0000).contains(&header)
}
