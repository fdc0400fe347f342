//! Repair: a plan that says every change, one function that carries it out, and a proof of the result.

mod apply;
mod batch;
mod contents;
mod context;
mod copies;
mod deployment;
mod digests;
mod draft;
mod findings;
mod include;
mod joined;
mod links;
mod make;
mod naming;
pub mod options;
mod paths;
mod places;
pub mod plan;
pub mod plan_file;
mod prove;
pub mod recorded;
pub mod rewrite;
mod rules;
mod run;
mod tags;
mod wire;

pub use batch::Batch;
pub use options::{Include, Layout, Options, Patterns, Search};
pub use plan::{MemberEdit, Plan, StartUpCode, Step, TagChange, VendoredLibrary};
pub use plan_file::{Action, Decision, PlanFile};
pub(crate) use prove::record_differences;
pub use recorded::Recorded;
pub(crate) use run::read_recorded;
pub use run::{Outcome, repair};
pub(crate) use tags::{best_platforms, raised};
