//! What tests share: builders of odd inputs, and the fixtures of `testdata`.

pub mod elf;
pub mod macho;
pub mod macho_raw;
pub mod pe;
pub mod program;
pub mod wheel;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod wine;
pub mod world;

use std::io::Write;
use std::path::{Path, PathBuf};

/// Says on stderr why a test, or a part of one, cannot run here. Where `TRUEWHEEL_NO_SKIP` is set that is a
/// failure: `.ci/run` installs what the tests need and sets it.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("TRUEWHEEL_NO_SKIP").is_none(), "SKIP: {reason}");
    // Not `eprintln!`: the test runner swallows that of tests that pass.
    let _ = writeln!(std::io::stderr(), "SKIP: {reason}");
}

/// Says on stderr that what a test needs is installed and does not start, which `.ci/run` has found out and allows.
pub fn cannot_start(what: &str) {
    let _ = writeln!(std::io::stderr(), "SKIP: {what} does not start here");
}

/// Returns the path of a file of `testdata`.
pub fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// Adds every file below a folder, sorted in each.
pub fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// Returns a file of `testdata`.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = testdata(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
pub mod random;
pub mod zip;
