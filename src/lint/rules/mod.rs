//! The rules, one file a question.

/// The text of a file of `policies/`.
macro_rules! data {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/", $path))
    };
}

mod archive;
mod boms;
mod cffi;
mod contents;
mod development;
mod dist_info;
mod entry_points;
mod file_name;
mod imports;
mod members;
mod metadata;
mod purelib;
mod record;
mod repeats;
mod requires_python;
mod tags;
mod upload;
mod vendored;
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
    members::rule,
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
    imports::rule,
    boms::rule,
    development::rule,
    repeats::rule,
    vendored::rule,
    cffi::rule,
];

/// Says how many more members are like the one that is told.
fn others(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " (and one more member)".to_owned(),
        more => format!(" (and {more} more members)"),
    }
}

/// A number of bytes for people.
fn mebibytes(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{}.{} MiB", bytes >> 20, (bytes & 0xf_ffff).saturating_mul(10) >> 20),
    }
}
