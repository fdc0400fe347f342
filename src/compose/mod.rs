//! What is made of whole wheels: other tags for one, with proof; one of two.

pub mod merge;
pub mod retag;
