//! The commands, one file each.

mod apple_rules;
mod audit;
pub mod check;
pub mod completions;
pub mod edit;
pub mod explain;
pub mod merge;
pub mod policies;
pub mod repair;
pub mod retag;
pub mod show;
pub mod tree;
mod write;
