//! The zip archive: found faults beside whatever members can be trusted, read from a memory map.

mod budget;
mod buffer;
mod bytes;
mod composed;
mod ending;
mod entry;
mod extra;
mod fault;
mod foreign;
mod map;
mod member;
mod names;
mod part;
mod read;
mod scan;
mod tail;
mod wheel;

pub use budget::{Budget, Reservation};
pub use fault::{ArchiveFault, FaultKind, FaultLevel};
pub use member::{DosTime, Member, MemberPath, Method};
pub use part::Part;
pub use read::MemberBytes;
pub use wheel::Wheel;
