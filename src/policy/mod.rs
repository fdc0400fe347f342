//! `policy`: what a platform tag allows, as data, and the judgement of a wheel's binaries against it.
//!
//! A [`Policy`] is a ceiling for each family of symbol versions plus named nodes, a list of libraries, and denied
//! symbols, for each architecture. [`judge`] says of one policy that it is satisfied, or *every* reason why not;
//! [`earned`] asks that of all policies of the wheel's platform and names the tags that hold.

pub mod apple;
mod document;
mod earned;
mod embedded;
mod given;
mod judge;
mod needs;
mod presets;
mod reason;
mod rules;
mod set;
mod subject;
mod symbols;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;
pub mod windows;

pub use document::{Ceilings, Node, Number, Policy, PolicyFamily};
pub use earned::{Earned, Machine, earned, libcs, machine, refusals};
pub use given::{Given, platform};
pub use judge::{Verdict, judge, judge_within};
pub use presets::{Preset, driver_of, presets};
pub use reason::{Reason, Requirement};
pub use set::PolicySet;
pub use subject::{Externals, Link, Provider, Standing, Subject, SubjectBinary};
