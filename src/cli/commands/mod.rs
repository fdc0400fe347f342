//! The commands, one file each.

pub mod completions;
pub mod edit;
pub mod explain;
pub mod policies;
