//! What is made of whole wheels: other tags for one, with proof.

pub mod retag;
