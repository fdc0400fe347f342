//! Writing a wheel: members in the order given, deterministic bytes, and a file that appears whole or not at all.

mod deflate;
mod differences;
mod output;
mod payload;
mod resume;
mod reuse;
mod zip;

pub use deflate::{DEFAULT_LEVEL, MAX_LEVEL};
pub use differences::Differences;
pub use output::{Output, Ready, copy_whole, make_folder};
pub use payload::{Payload, Sums};

use super::archive::{DosTime, Method};

/// Where a written member's bytes come from.
#[derive(Debug)]
#[non_exhaustive]
pub enum Content<'a> {
    /// A member of the input, its payload copied as it is packed.
    Raw {
        /// The packed bytes.
        packed: &'a [u8],
        /// How they are packed: stored or deflated.
        method: Method,
        /// Checksum of the unpacked bytes.
        crc32: u32,
        /// Their number.
        size: u64,
    },
    /// New bytes, packed already.
    New(Payload),
}

/// One member of a wheel that is written.
#[derive(Debug)]
#[non_exhaustive]
pub struct OutputMember<'a> {
    /// Its archive name.
    pub name: String,
    /// Its bytes.
    pub content: Content<'a>,
    /// Unix permission bits with the file type; 0 becomes a plain file that everyone may read.
    pub mode: u16,
    /// Its time.
    pub time: DosTime,
}

impl<'a> OutputMember<'a> {
    /// Returns a member of these parts.
    pub fn new(name: impl Into<String>, content: Content<'a>, mode: u16, time: DosTime) -> Self {
        Self { name: name.into(), content, mode, time }
    }
}

/// Puts names in the order in which a wheel holds them: as given, dist-info last, RECORD the very last
/// (binary distribution format, "Recommended archiver features").
pub fn canonical_order(names: &mut [String], dist_info: &str) {
    let rank = |name: &String| match inside(name, dist_info) {
        Some("RECORD") => 2,
        Some(_) => 1,
        None => 0,
    };
    names.sort_by_key(rank);
}

/// Returns the names that stand behind the first one of the dist-info directory and are not in it.
pub fn behind_dist_info<'a>(names: impl Iterator<Item = &'a str>, dist_info: &str) -> impl Iterator<Item = &'a str> {
    names
        .skip_while(move |name| inside(name, dist_info).is_none())
        .filter(move |name| inside(name, dist_info).is_none())
}

/// The name inside a directory.
fn inside<'a>(name: &'a str, directory: &str) -> Option<&'a str> {
    name.strip_prefix(directory)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dist_info_comes_last_and_record_the_very_last() {
        let mut names: Vec<String> =
            ["p-1.dist-info/RECORD", "p-1.dist-info/METADATA", "z.py", "a.py", "p-1.dist-info/WHEEL"]
                .map(String::from)
                .to_vec();
        canonical_order(&mut names, "p-1.dist-info");
        assert_eq!(names, ["z.py", "a.py", "p-1.dist-info/METADATA", "p-1.dist-info/WHEEL", "p-1.dist-info/RECORD"]);
    }
}
