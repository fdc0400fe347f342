//! Names only: compatibility tags and wheel file names, read and written without touching a file.
//!
//! Reading a single tag never fails: what no rule knows is kept as it was spelled (`Other`), so that
//! writing any value gives back the text it was read from.

mod abi;
mod dead;
mod filename;
mod platform;
mod pypi;
mod python;
mod set;

pub use abi::{AbiFlags, AbiTag};
pub use dead::{DeadReason, Liveness};
pub use filename::{NameProblem, WheelFilename, normalize_distribution, normalize_version};
pub use platform::{IosSdk, LegacyManylinux, MacosArch, PlatformTag};
pub use python::PythonTag;
pub use set::{CompressedSet, Tag, TagSet};

/// Reads a number that is spelled without sign and without needless zeros, as tags spell them.
fn plain_number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let canonical = text == "0" || !text.starts_with('0');
    if !canonical || text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads `312` as (3, 12) and `3` as (3, nothing).
fn joined_version(text: &str) -> Option<(u8, Option<u16>)> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let major = plain_number(text.get(..1)?)?;
    match text.get(1..)? {
        "" => Some((major, None)),
        minor => Some((major, Some(plain_number(minor)?))),
    }
}
