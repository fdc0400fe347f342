//! ELF: System V gABI, the GNU extensions, and the processor supplements of the machines that Linux tags name.

mod contradict;
pub(crate) mod edit;
pub mod facts;
mod inspect;
pub(crate) mod layout;
mod machine;
mod names;
mod notes;
pub mod read;
mod strip;
mod symbol_table;
mod symbols;
mod verify;
pub mod versions;
mod witness;

pub use edit::edit;
pub use facts::{ElfFacts, FloatAbi, Linkage, Stack};
pub use inspect::inspect;
pub use symbols::symbols;
