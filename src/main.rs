//! The process entry of the `truewheel` program.

fn main() {}
