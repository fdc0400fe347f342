//! The rules, one file a question.

mod archive;
mod cffi;
mod contents;
mod dist_info;
mod entry_points;
mod file_name;
mod metadata;
mod purelib;
mod record;
mod requires_python;
mod tags;
mod upload;
mod wheel_file;

pub use archive::finding as archive_finding;
pub use tags::own_machine;

use super::Sheet;
use crate::diagnostic::Diagnostic;

/// A rule: looks at a wheel and says what is wrong.
pub(super) type Rule = fn(&Sheet<'_>) -> Vec<Diagnostic>;

/// Every rule.
pub(super) const ALL: &[Rule] = &[
    archive::rule,
    file_name::rule,
    dist_info::rule,
    wheel_file::rule,
    metadata::rule,
    record::rule,
    tags::rule,
    purelib::rule,
    requires_python::rule,
    entry_points::rule,
    upload::rule,
    contents::rule,
    cffi::rule,
];
