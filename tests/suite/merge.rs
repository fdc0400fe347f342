//! `truewheel merge`: two wheels for one architecture each become one for both.

use std::path::{Path, PathBuf};

use truewheel::audit::{AuditOptions, Depth, audit};
use truewheel::compose::merge::{MergeOptions, Merged, Side, merge};
use truewheel::diagnostic::Severity;
use truewheel::wheel::Wheel;

use crate::support::macho::{ARM64, MachoSpec, X86_64};
use crate::support::wheel::WheelBuilder;

const EXTENSION: &str = "demo/_core.cpython-311-darwin.so";

fn spec(cpu: (u32, u32), min_os: (u32, u32)) -> MachoSpec {
    MachoSpec { cpu, min_os, ..MachoSpec::default() }
}

fn wheel(folder: &Path, tag: &str, members: &[(&str, &[u8])]) -> PathBuf {
    let builder = WheelBuilder::new(&format!("cp311-cp311-{tag}")).file("demo/__init__.py", b"x = 1\n");
    members.iter().fold(builder, |builder, (name, bytes)| builder.file(name, bytes)).write(folder)
}

/// Two wheels and what became of merging them.
fn merged(intel: &[(&str, &[u8])], arm: &[(&str, &[u8])], options: &MergeOptions) -> (tempfile::TempDir, Merged) {
    let folder = tempfile::tempdir().unwrap();
    let first = wheel(folder.path(), "macosx_10_13_x86_64", intel);
    let second = wheel(folder.path(), "macosx_11_0_arm64", arm);
    let out = folder.path().join("out");
    let merged = merge([&first, &second], options, Some(&out)).unwrap();
    (folder, merged)
}

fn read(path: &Path, member: &str) -> Vec<u8> {
    let wheel = Wheel::open(path).unwrap();
    wheel.read(wheel.member(member).unwrap()).unwrap().to_vec()
}

#[test]
fn binaries_are_fused_and_the_tags_follow_from_both() {
    let (intel, arm) = (spec(X86_64, (10, 13)).build(), spec(ARM64, (11, 0)).build());
    let options = MergeOptions::default();
    let (_folder, mut outcome) = merged(&[(EXTENSION, &intel)], &[(EXTENSION, &arm)], &options);
    let path = outcome.publish(&[]).unwrap().unwrap();
    assert_eq!(path.file_name().unwrap(), "demo-1.0-cp311-cp311-macosx_10_13_universal2.whl");
    let fused = read(&path, EXTENSION);
    assert!(fused.windows(intel.len()).any(|window| window == intel), "the slice for Intel is not in it");
    assert!(fused.windows(arm.len()).any(|window| window == arm), "the slice for Arm is not in it");
    let report = audit(&path, &AuditOptions::default(), Depth::Everything).unwrap();
    assert!(report.diagnostics.iter().all(|found| found.diagnostic.severity != Severity::Error), "{report:#?}");
    assert_eq!(report.binaries.len(), 2);
    let text = String::from_utf8(read(&path, "demo-1.0.dist-info/WHEEL")).unwrap();
    assert!(text.contains("Tag: cp311-cp311-macosx_10_13_universal2"), "{text}");
}

#[test]
fn versions_that_no_one_tag_can_say_are_two_tags() {
    let (intel, arm) = (spec(X86_64, (10, 13)).build(), spec(ARM64, (12, 0)).build());
    let (_folder, mut outcome) = merged(&[(EXTENSION, &intel)], &[(EXTENSION, &arm)], &MergeOptions::default());
    let path = outcome.publish(&[]).unwrap().unwrap();
    assert_eq!(path.file_name().unwrap(), "demo-1.0-cp311-cp311-macosx_10_13_x86_64.macosx_12_0_arm64.whl");
}

#[test]
fn files_that_differ_are_a_conflict_with_a_choice() {
    let (intel, arm) = (spec(X86_64, (10, 13)).build(), spec(ARM64, (11, 0)).build());
    let first: &[(&str, &[u8])] = &[(EXTENSION, &intel), ("demo/config.py", b"arch = 'x86_64'\n")];
    let second: &[(&str, &[u8])] =
        &[(EXTENSION, &arm), ("demo/config.py", b"arch = 'arm64'\n"), ("demo/only.txt", b"2")];
    let (folder, mut outcome) = merged(first, second, &MergeOptions::default());
    let conflict = outcome.diagnostics.iter().find(|found| found.code.name() == "TW704").unwrap();
    assert_eq!(conflict.member.as_deref(), Some("demo/config.py"));
    assert!(outcome.publish(&[]).is_err());
    assert!(!folder.path().join("out").exists() || std::fs::read_dir(folder.path().join("out")).unwrap().count() == 0);
    for (side, text) in [(Side::First, "arch = 'x86_64'\n"), (Side::Second, "arch = 'arm64'\n")] {
        let mut options = MergeOptions::default();
        options.take = Some(side);
        let (_folder, mut outcome) = merged(first, second, &options);
        let path = outcome.publish(&[]).unwrap().unwrap();
        assert_eq!(String::from_utf8(read(&path, "demo/config.py")).unwrap(), text);
        assert_eq!(read(&path, "demo/only.txt"), b"2");
    }
}

#[test]
fn a_binary_that_only_one_wheel_has_is_no_universal_wheel() {
    let (intel, arm) = (spec(X86_64, (10, 13)).build(), spec(ARM64, (11, 0)).build());
    let members: &[(&str, &[u8])] = &[(EXTENSION, &intel), ("demo/_extra.cpython-311-darwin.so", &intel)];
    let (_folder, outcome) = merged(members, &[(EXTENSION, &arm)], &MergeOptions::default());
    assert!(outcome.is_refused(&[]));
    let reason = outcome.diagnostics.iter().find(|found| found.code.name() == "TW412").unwrap();
    assert_eq!(reason.member.as_deref(), Some("demo/_extra.cpython-311-darwin.so"));
}

#[test]
fn the_order_of_the_wheels_says_only_whose_file_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (intel, arm) = (spec(X86_64, (10, 13)).build(), spec(ARM64, (12, 0)).build());
    let members: [&[(&str, &[u8])]; 2] = [
        &[("demo/z.py", b"1"), (EXTENSION, &intel), ("demo/a.py", b"1"), ("demo/intel.py", b"1")],
        &[("demo/arm.py", b"2"), ("demo/a.py", b"2"), (EXTENSION, &arm)],
    ];
    let first = wheel(folder.path(), "macosx_10_13_x86_64", members[0]);
    // The same distribution in another spelling.
    let second = WheelBuilder::new("cp311-cp311-macosx_12_0_arm64").file("demo/__init__.py", b"x = 1\n");
    let second = WheelBuilder { name: "Demo".into(), ..second };
    let second =
        members[1].iter().fold(second, |builder, (name, bytes)| builder.file(name, bytes)).write(folder.path());
    let bytes = |order: [&Path; 2], side, out: &str| {
        let mut options = MergeOptions::default();
        options.take = Some(side);
        let mut outcome = merge(order, &options, Some(&folder.path().join(out))).unwrap();
        let path = outcome.publish(&[]).unwrap().unwrap();
        (path.file_name().unwrap().to_owned(), std::fs::read(path).unwrap())
    };
    let forth = bytes([&first, &second], Side::First, "a");
    assert_eq!(forth.0, "demo-1.0-cp311-cp311-macosx_10_13_x86_64.macosx_12_0_arm64.whl");
    assert!(forth == bytes([&second, &first], Side::Second, "b"));
    assert_eq!(read(&folder.path().join("b").join(&forth.0), "demo/a.py"), b"1");
    assert_eq!(read(&folder.path().join("b").join(&forth.0), "demo/arm.py"), b"2");
    let back = bytes([&second, &first], Side::First, "c");
    assert!(back != forth && back == bytes([&first, &second], Side::Second, "d"));
}

#[test]
fn wheels_of_two_things_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let arm = spec(ARM64, (11, 0)).build();
    let one = wheel(folder.path(), "macosx_11_0_arm64", &[(EXTENSION, &arm)]);
    let linux = wheel(folder.path(), "linux_x86_64", &[]);
    let error = merge([&one, &linux], &MergeOptions::default(), None).unwrap_err();
    assert_eq!(error.kind(), truewheel::ErrorKind::Refused);
}

#[test]
fn two_wheels_for_the_same_processors_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let fat = crate::support::macho::both(&spec(ARM64, (11, 0)));
    for (tag, binary) in [("macosx_11_0_arm64", &spec(ARM64, (11, 0)).build()), ("macosx_11_0_universal2", &fat)] {
        let one = wheel(folder.path(), tag, &[(EXTENSION, binary)]);
        let error = merge([&one, &one], &MergeOptions::default(), None).unwrap_err();
        assert_eq!(error.kind(), truewheel::ErrorKind::Refused);
        assert!(error.message().starts_with("both wheels are for "), "{error}");
    }
}
