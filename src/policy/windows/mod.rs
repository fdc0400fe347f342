//! Windows: what its tags state, what it and the interpreters bring, and what to mind about Visual C++'s runtimes.

mod functions;
mod python;
mod runtimes;
mod system;
mod tags;
mod toolset;

pub use functions::missing_functions;
pub use python::{Interpreters, of_newer_pythons};
pub use runtimes::{Mutex, is_debug_runtime, is_older_toolset, is_optional, is_runtime, mutex, unmangled};
pub use system::{ambiguity, function_since, is_system, release_name, since};

pub use tags::machine;
pub(super) use tags::{earned, refusals};
pub use toolset::{mutex_hazard, old_runtime};
