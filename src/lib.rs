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
//!
//! The front door is five functions: [`inspect`] reads a wheel's binaries, [`audit()`] judges it, [`plan`] says what a
//! repair would do, [`apply`] does it, and [`edit()`] changes one binary. The command-line program is written on these
//! and the values they give; nothing here prints, starts a process or keeps a global logger.
//!
//! ```no_run
//! use std::path::Path;
//! use truewheel::repair::Options;
//!
//! # fn main() -> truewheel::Result<()> {
//! let wheel = Path::new("demo-1.0-cp311-cp311-linux_x86_64.whl");
//! let mut options = Options::default();
//! options.search.folders.push("/opt/demo/lib".into());
//! let plan = truewheel::plan(wheel, &options)?;
//! println!("would be {}", plan.name);
//! let mut repaired = truewheel::apply(wheel, &options, Path::new("wheelhouse"))?;
//! println!("wrote {:?}", repaired.publish(&options.accept)?);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_op_in_unsafe_fn)]

pub mod abi;
pub mod arch;
pub mod audit;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compose;
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
pub use audit::{AuditOptions, Depth, audit};
pub use error::{Error, ErrorKind, Result};
pub use format::edit;

use std::path::Path;

/// Reads the binaries of the wheel at `path`, whatever its RECORD says, each once and in parallel.
///
/// # Errors
/// `Io` if it cannot be read, `Malformed` if it is no archive at all.
pub fn inspect(path: &Path) -> Result<load::Inventory> {
    Ok(load::inspect_wheel(&wheel::Wheel::open(path)?))
}

/// Plans the repair of the wheel at `path`; nothing is written.
///
/// # Errors
/// As [`repair::repair`].
pub fn plan(path: &Path, options: &repair::Options) -> Result<repair::Outcome> {
    repair::repair(path, options, None)
}

/// Repairs the wheel at `path` into `folder` and proves the result; it gets its name by
/// [`repair::Outcome::publish`], and is gone if that is never called. [`repair::Batch`] does it for several wheels.
///
/// # Errors
/// As [`repair::repair`].
pub fn apply(path: &Path, options: &repair::Options, folder: &Path) -> Result<repair::Outcome> {
    repair::repair(path, options, Some(folder))
}
