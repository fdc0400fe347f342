//! One file a question; each rule looks at one binary under one policy and says every reason it finds.

mod android;
mod architecture;
mod denied;
mod isa;
mod libc;
mod libraries;
mod python;
mod stack;
mod unversioned;
mod versions;

use super::judge::Case;

pub(super) use libc::Evidence;
pub(super) use stack::finding as stack_finding;

/// A question about the binary at a place.
pub(super) type Rule = fn(&mut Case<'_, '_>, usize);

/// What is asked of a binary for another machine.
pub(super) const FOREIGN: &[Rule] = &[architecture::rule];

/// Every rule, in the order in which a person would ask.
pub(super) const ALL: &[Rule] = &[
    architecture::rule,
    libc::rule,
    libraries::rule,
    versions::rule,
    denied::rule,
    unversioned::rule,
    isa::rule,
    python::rule,
    android::rule,
];
