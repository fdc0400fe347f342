//! `truewheel retag --platform-tag`: what delocate-addplat documents, and what `--auto` makes of untrue platforms.

use std::path::Path;
use std::process::Command;

use crate::support::elf::{ElfSpec, SymbolSpec};
use crate::support::macho::{MachoSpec, X86_64};
use crate::support::wheel::WheelBuilder;
use crate::support::world::{Run, run};

const MODULE: &str = "demo/_core.cpython-311-darwin.so";

fn retag(folder: &Path, wheels: &[&str], arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
    command.current_dir(folder).env_clear().arg("retag").args(wheels).args(["-w", "out"]).args(arguments);
    run(&mut command)
}

/// A wheel for x86_64 from macOS 10.9 on.
fn thin() -> WheelBuilder {
    let module = MachoSpec { cpu: X86_64, min_os: (10, 9), ..MachoSpec::default() };
    WheelBuilder::new("cp311-cp311-macosx_10_9_x86_64").file("demo/__init__.py", b"").file(MODULE, &module.build())
}

fn folder_with(builder: &WheelBuilder) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    builder.write(folder.path());
    (folder, builder.file_name())
}

// What delocate-addplat documents: -p, -x, -d, -w, -r, -k, -c.

#[test]
fn platforms_are_added_to_name_and_wheel_and_the_result_passes_check() {
    let (folder, wheel) = folder_with(&thin());
    let added = retag(folder.path(), &[&wheel], &["--platform-tag", "+macosx_10_10_x86_64.macosx_11_0_x86_64"]);
    let written = folder.path().join(added.written());
    assert_eq!(
        written.file_name().unwrap().to_str().unwrap(),
        "demo-1.0-cp311-cp311-macosx_10_10_x86_64.macosx_10_9_x86_64.macosx_11_0_x86_64.whl"
    );
    let checked = run(Command::new(env!("CARGO_BIN_EXE_truewheel")).env_clear().arg("check").arg(&written));
    assert_eq!(checked.status, Some(0), "{checked:#?}");
}

#[test]
fn a_platform_that_is_there_changes_nothing() {
    let (folder, wheel) = folder_with(&thin());
    let same = retag(folder.path(), &[&wheel], &["--platform-tag", "+macosx_10_9_x86_64"]).written();
    let read = |path: &Path| std::fs::read(folder.path().join(path)).unwrap();
    assert_eq!(read(&same), read(Path::new(&wheel)));
}

#[test]
fn platforms_that_the_bytes_do_not_allow_are_refused() {
    let (folder, wheel) = folder_with(&thin());
    for (tag, said) in [
        ("+macosx_10_6_x86_64", "error[TW411]"),
        ("+macosx_11_0_arm64", "no binary has code for arm64"),
        ("+macosx_10_9_universal2", "no binary has code for arm64"),
        ("+macosx_10_9_intel", "no binary has code for i386"),
    ] {
        let refused = retag(folder.path(), &[&wheel], &["--platform-tag", tag]);
        assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""), "{tag}: {refused:#?}");
        assert!(refused.stderr.contains(said), "{tag}: {}", refused.stderr);
        let forced = retag(folder.path(), &[&wheel], &["--platform-tag", tag, "--force"]);
        assert_eq!(forced.status, Some(0), "{tag}: {forced:#?}");
        assert!(forced.stderr.contains("warning[TW601]"), "{tag}: {}", forced.stderr);
    }
}

#[test]
fn one_wheel_that_is_refused_keeps_no_other_from_being_written() {
    let (folder, wheel) = folder_with(&thin());
    let later = MachoSpec { cpu: X86_64, min_os: (12, 0), ..MachoSpec::default() };
    let mut other = WheelBuilder::new("cp311-cp311-macosx_12_0_x86_64").file(MODULE, &later.build());
    other.version = "2.0".to_owned();
    other.metadata = Some("Metadata-Version: 2.1\nName: demo\nVersion: 2.0\n".to_owned());
    other.write(folder.path());
    let ran =
        retag(folder.path(), &[&other.file_name(), &wheel], &["--platform-tag", "+macosx_11_0_x86_64", "--remove"]);
    assert_eq!(ran.status, Some(1), "{ran:#?}");
    assert_eq!(ran.stdout, "out/demo-1.0-cp311-cp311-macosx_10_9_x86_64.macosx_11_0_x86_64.whl\n");
    // What was written is removed, what was refused stays.
    assert!(!folder.path().join(&wheel).exists() && folder.path().join(other.file_name()).exists());
}

// What `--auto` makes of platforms.

fn needs(library: &'static [u8], version: &'static [u8]) -> ElfSpec {
    ElfSpec {
        needed: vec![library],
        symbols: vec![SymbolSpec::undefined(b"something", 2)],
        needs: vec![(library, vec![(version, 0)])],
        ..ElfSpec::default()
    }
}

fn auto(tags: &str, spec: &ElfSpec) -> Run {
    let builder = WheelBuilder::new(tags).file("demo/__init__.py", b"").file("demo/libdemo.so", &spec.build());
    let (folder, wheel) = folder_with(&builder);
    retag(folder.path(), &[&wheel], &["--auto", "-v"])
}

#[test]
fn auto_never_turns_a_promise_into_a_tag_for_one_machine() {
    let alone = ElfSpec { needed: vec![b"libsomething.so.1", b"libc.so.6"], ..ElfSpec::default() };
    let refused = auto("py3-none-manylinux_2_17_x86_64", &alone);
    assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""), "{refused:#?}");
    for said in ["the bytes do not earn `manylinux_2_17_x86_64`", "libsomething.so.1", "error[TW402]"] {
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
    }
}

#[test]
fn auto_says_that_a_wheel_stays_one_for_its_machine() {
    let alone = ElfSpec { needed: vec![b"libsomething.so.1", b"libc.so.6"], ..ElfSpec::default() };
    for tags in ["cp311-cp311-linux_x86_64", "py3-none-any"] {
        let ran = auto(tags, &alone);
        assert_eq!(ran.written(), Path::new("out/demo-1.0-py3-none-linux_x86_64.whl"), "{tags}");
        assert!(ran.stderr.contains("warning[TW612]"), "{tags}: {}", ran.stderr);
    }
}

#[test]
fn auto_says_which_promise_the_bytes_do_not_keep() {
    let ran = auto("py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64", &needs(b"libc.so.6", b"GLIBC_2.28"));
    assert_eq!(ran.written(), Path::new("out/demo-1.0-py3-none-manylinux_2_28_x86_64.whl"));
    for said in ["warning[TW616]: `manylinux_2_17_x86_64` is claimed and not true", "`manylinux2014_x86_64`", "TW401"] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    // What is true is not said to be otherwise.
    let kept = auto("py3-none-manylinux_2_28_x86_64", &needs(b"libc.so.6", b"GLIBC_2.28"));
    assert_eq!(kept.written(), Path::new("out/demo-1.0-py3-none-manylinux_2_28_x86_64.whl"));
    assert!(!kept.stderr.contains("TW616"), "{}", kept.stderr);
}
