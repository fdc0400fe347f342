//! Several wheels in one `truewheel repair`: each result is what it is alone, whatever happens to libraries meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use truewheel::repair::{Batch, Options, repair};

use crate::support::program::{status, stderr, stdout, truewheel};
use crate::support::testdata;

/// Copies the demo wheel under these Python tags, and its libraries, into a folder.
fn release(folder: &Path) -> Vec<PathBuf> {
    let demo = testdata("demo");
    fs::create_dir(folder.join("lib")).unwrap();
    for library in fs::read_dir(demo.join("lib")).unwrap() {
        let library = library.unwrap();
        fs::copy(library.path(), folder.join("lib").join(library.file_name())).unwrap();
    }
    let copied = |python: &str| {
        let path = folder.join(format!("demo-1.0-{python}-abi3-linux_x86_64.whl"));
        fs::copy(demo.join("demo-1.0-cp38-abi3-linux_x86_64.whl"), &path).unwrap();
        path
    };
    ["cp38", "cp39", "cp310"].map(copied).to_vec()
}

fn options(folder: &Path) -> Options {
    let mut options = Options::default();
    options.search.folders.push(folder.join("lib"));
    options.search.host = false;
    options
}

/// Repairs one wheel, alone or as part of a batch, and returns the result's bytes.
fn repaired(batch: Option<&Batch>, wheel: &Path, options: &Options, out: &Path) -> Vec<u8> {
    let mut outcome = match batch {
        Some(batch) => batch.repair(wheel, options, Some(out)),
        None => repair(wheel, options, Some(out)),
    }
    .unwrap();
    assert!(!outcome.plan.as_ref().unwrap().vendored.is_empty());
    fs::read(outcome.publish(&[]).unwrap().unwrap()).unwrap()
}

#[test]
fn wheels_of_one_run_are_what_they_are_alone() {
    let folder = tempfile::tempdir().unwrap();
    let wheels = release(folder.path());
    let run = |wheels: &[PathBuf], out: &str| {
        let mut command = truewheel(folder.path());
        command.args(["repair", "--no-host-libs", "--lib-path", "lib", "-w", out]).args(wheels);
        let output = command.output().unwrap();
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        stdout(&output).lines().map(|line| fs::read(folder.path().join(line)).unwrap()).collect::<Vec<_>>()
    };
    let together = run(&wheels, "together");
    let alone: Vec<Vec<u8>> = wheels.iter().flat_map(|wheel| run(std::slice::from_ref(wheel), "alone")).collect();
    assert_eq!(together.len(), 3);
    assert!(together == alone);
}

#[test]
fn a_library_that_changes_between_two_wheels_is_taken_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let wheels = release(folder.path());
    let options = options(folder.path());
    let (batch, out) = (Batch::new(), folder.path().join("out"));
    let first = repaired(Some(&batch), &wheels[0], &options, &out);
    assert!(first == repaired(None, &wheels[0], &options, &out));
    for library in fs::read_dir(folder.path().join("lib")).unwrap() {
        let path = library.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"what follows the sections is nobody's");
        fs::write(&path, bytes).unwrap();
    }
    let alone = repaired(None, &wheels[0], &options, &out);
    assert!(first != alone);
    assert!(alone == repaired(Some(&batch), &wheels[0], &options, &out));
    let other = repaired(Some(&batch), &wheels[1], &options, &out);
    assert!(other == repaired(None, &wheels[1], &options, &out));
}
