//! What tests share: builders of odd inputs, and the fixtures of `testdata`.

pub mod elf;
pub mod wheel;

use std::path::{Path, PathBuf};

/// Returns the path of a file of `testdata`.
pub fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// Returns a file of `testdata`.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = testdata(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
