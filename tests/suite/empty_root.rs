//! The static binary in a root directory that holds nothing else: no loader, no `/tmp`, no `/proc`, no `/etc`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::world::run;
use crate::support::{skip, testdata};

#[test]
fn the_static_binary_needs_nothing_but_itself() {
    let Some(program) = std::env::var_os("TRUEWHEEL_STATIC") else {
        skip("TRUEWHEEL_STATIC names no static binary (`.ci/static` builds it)");
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let inside = |name: &str| root.path().join(name);
    fs::copy(Path::new(&program), inside("truewheel")).unwrap();
    let wheel = "demo-1.0-cp38-abi3-linux_x86_64.whl";
    fs::copy(testdata("demo").join(wheel), inside(wheel)).unwrap();
    for library in ["libgreet.so.1", "libwords.so.1"] {
        fs::copy(testdata("demo/lib").join(library), inside(library)).unwrap();
    }
    let chroot = |arguments: &[&str]| {
        let mut command = Command::new("chroot");
        command.arg(root.path()).arg("/truewheel").args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin");
        run(&mut command)
    };
    let version = chroot(&["--version"]);
    if version.stderr.contains("cannot change root directory") {
        skip("only the superuser may change the root directory");
        return;
    }
    assert_eq!(version.status, Some(0), "{version:#?}");
    let repaired = chroot(&["repair", wheel, "--lib-path", "/", "-w", "/out"]);
    let written = repaired.written();
    assert_eq!(written, Path::new("/out/demo-1.0-cp38-abi3-manylinux1_x86_64.manylinux_2_5_x86_64.whl"));
    let checked = chroot(&["check", written.to_str().unwrap(), "--plat", "manylinux_2_17_x86_64"]);
    assert_eq!(checked.status, Some(0), "{checked:#?}");
    let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 5, "{left:?}");
}
