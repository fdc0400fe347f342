//! Repair: a plan that says every change, one function that carries it out, and a proof of the result.

mod draft;
mod links;
mod make;
mod naming;
pub mod options;
pub mod plan;
pub mod plan_file;
pub mod recorded;
mod rules;
mod search_path;
mod subject;
mod tags;

pub use options::{Include, Options, Patterns, Search};
pub use plan::{MemberEdit, Plan, Step, TagChange, VendoredLibrary};
pub use plan_file::{Action, Decision, PlanFile};
pub use recorded::Recorded;
