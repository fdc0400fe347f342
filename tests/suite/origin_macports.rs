//! MacPorts' registry: whose file it says that is, and what becomes of a damaged one.

use std::io::Read;

use truewheel::origin::{MemoryRoot, RootFs, lookup};

use crate::support::random::Random;
use crate::support::{fixture, skip};

/// The registry of `testdata/origin/make-macports.py`, written by hand by the schema of macports-base.
fn registry() -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&*fixture("origin/registry.db.gz")).read_to_end(&mut bytes).unwrap();
    bytes
}

fn owner(root: &dyn RootFs, path: &str) -> Option<String> {
    let (package, notes) = lookup(root, path);
    assert!(notes.is_empty(), "{notes:?}");
    package.map(|package| package.purl())
}

#[test]
fn a_port_is_known_by_the_registry_of_macports() {
    let library = "/opt/local/lib/libomp/libomp.dylib";
    let zlib = "/opt/local/lib/libz.1.dylib";
    let root = MemoryRoot::new()
        .file(library, "bytes")
        .link(zlib, "libz.1.3.1.dylib")
        .file("/opt/local/lib/libz.1.3.1.dylib", "bytes")
        .file("/opt/local/lib/libown.dylib", "bytes")
        .file("/opt/local/var/macports/registry/registry.db", registry());
    if cfg!(not(feature = "rpm")) {
        skip("sqlite: this build does not read it (feature `rpm`)");
        return;
    }
    // Of two versions that are installed the active one counts.
    assert_eq!(owner(&root, library).as_deref(), Some("pkg:generic/libomp@19.1.7_1"));
    let package = lookup(&root, zlib).0.unwrap();
    assert_eq!((package.database.name(), package.arch.as_deref()), ("macports", Some("arm64")));
    assert_eq!((package.version.as_str(), package.file.as_str()), ("1.3.1", "/lib/libz.1.3.1.dylib"));
    assert_eq!(owner(&root, "/opt/local/lib/libown.dylib"), None);
    let broken = MemoryRoot::new()
        .file(library, "bytes")
        .file("/opt/local/var/macports/registry/registry.db", "SQLite format 3\0garbage");
    let (package, notes) = lookup(&broken, library);
    assert_eq!((package, notes.len()), (None, 1));
}

#[test]
fn a_mutated_registry_gives_an_answer_or_a_note() {
    if cfg!(not(feature = "rpm")) {
        skip("sqlite: this build does not read it (feature `rpm`)");
        return;
    }
    let library = "/opt/local/lib/libomp/libomp.dylib";
    let whole = registry();
    let mut random = Random::new(11);
    let mut answers = [0_usize; 2];
    for _ in 0..300 {
        let mut bytes = whole.clone();
        random.mutate(&mut bytes, &[0, 16, 28, 100, 108, 512]);
        let root = MemoryRoot::new().file(library, "bytes").file("/opt/local/var/macports/registry/registry.db", bytes);
        let (package, notes) = lookup(&root, library);
        answers[usize::from(package.is_some())] += 1;
        assert!(notes.iter().all(|note| !note.message.is_empty()));
    }
    assert!(answers.iter().all(|count| *count > 0), "{answers:?}");
}
