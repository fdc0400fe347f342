//! A wheel as a file: its archive, its text members, where its members lie after install, and how one is written.
//!
//! ```text
//! Wheel::open ──> members, faults ──> read / digest / raw copy
//!                 record, wheel_file, metadata: text members, edited byte by byte
//!                 pythons: for which Pythons, by the tags and METADATA
//!                 install: where each member lies once installed
//!                 write: output members ──> a file that appears whole or not at all
//! ```
//!
//! Everything here is strangers' input: all access is checked, nothing is unpacked to disk.

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

pub mod archive;
mod blocks;
pub mod dist_info;
pub mod install;
pub mod metadata;
pub mod pythons;
pub mod record;
pub mod wheel_file;
pub mod write;

pub use archive::{
    ArchiveFault, Budget, DosTime, FaultKind, FaultLevel, Member, MemberBytes, MemberPath, Method, Part, Wheel,
};
