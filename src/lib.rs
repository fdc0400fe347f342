//! truewheel: inspects, checks, repairs and retags Python wheels for every platform, from every host.
//!
//! ```text
//! Wheel ──> Image ──> Graph ──> Verdict ──> Plan ──> Wheel' ──> Report
//! (zip)     (facts)   (who loads  (which      (every    (bytes)    (people,
//!                      what, from  tags it     change,              machines)
//!                      where)      earns, why) as data)
//! ```
//!
//! Each step is a value; each borrows the one before. Disk is touched only at the two ends.

#![forbid(unsafe_op_in_unsafe_fn)]

pub mod abi;
pub mod arch;
pub mod audit;
#[cfg(feature = "cli")]
pub mod cli;
pub mod diagnostic;
pub mod error;
pub mod format;
pub mod lint;
pub mod load;
pub mod origin;
pub mod platform;
pub mod policy;
pub mod python;
pub mod repair;
pub mod report;
pub mod tag;
pub mod wheel;

pub use arch::Arch;
pub use error::{Error, ErrorKind, Result};
