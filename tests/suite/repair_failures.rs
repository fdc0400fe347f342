//! `truewheel repair` where it cannot succeed: nothing is written, the input is untouched, the status says who is at fault.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::skip;
use crate::support::wheel::{Entry, WheelBuilder};
use crate::support::world::{HERE, World, chain, run};

/// Returns the names of wheels in a folder: what is temporary never has such a name.
fn wheels(world: &World, folder: &str) -> Vec<String> {
    let mut names = world.names(folder);
    names.retain(|name| name.ends_with(".whl"));
    names
}

/// Returns bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(step).take(length).collect()
}

/// Repairs into `folder` and expects nothing written, the input as it was, and a message that names `subject`.
fn refused(world: &World, wheel: &Path, folder: &str, subject: &str) {
    let before = fs::read(wheel).unwrap();
    let already = if world.path(folder).exists() { world.names(folder) } else { Vec::new() };
    let run = world.run(&["repair", wheel.to_str().unwrap(), "--lib-path", "lib", "--no-host-libs", "-w", folder]);
    assert_eq!((run.status, run.stdout.as_str()), (Some(1), ""), "{run:#?}");
    assert!(run.stderr.contains(subject), "{subject}: {run:#?}");
    assert!(fs::read(wheel).unwrap() == before, "the input was touched");
    let after = if world.path(folder).exists() { world.names(folder) } else { Vec::new() };
    assert_eq!(after, already);
}

#[test]
fn a_missing_library_stops_the_repair() {
    let Some(world) = World::open() else { return };
    let wheel = chain(&world);
    fs::remove_file(world.path("lib/libtwo.so.1")).unwrap();
    refused(&world, &wheel, "out", "libtwo.so.1");
    // Even where the result would stand beside the input.
    refused(&world, &wheel, "in", "libtwo.so.1");
}

#[test]
fn a_corrupt_member_stops_the_repair_and_is_named() {
    let Some(world) = World::open() else { return };
    let good = fs::read(chain(&world)).unwrap();
    let wheel = world.path("in/demo-1.0-cp311-cp311-linux_x86_64.whl");
    let extension = world.extension("_demo", "one()", &["-l:libone.so.1"]);
    let mut odd = Entry::new("demo/_demo.so", &extension);
    odd.crc = Some(7);
    fs::write(&wheel, WheelBuilder::new(HERE).entry(odd).build()).unwrap();
    // Once is enough.
    refused(&world, &wheel, "out", "`demo/_demo.so` cannot be read: the checksum is wrong");
    // A member that no edit touches is read too: it would be copied as it is.
    let mut data = Entry::new("demo/table.bin", b"some data that is long enough to be packed, packed, packed");
    data.crc = Some(7);
    fs::write(&wheel, WheelBuilder::new(HERE).file("demo/_demo.so", &extension).entry(data).build()).unwrap();
    refused(&world, &wheel, "out", "demo/table.bin");
    // Cut short.
    fs::write(&wheel, &good[..good.len() / 2]).unwrap();
    refused(&world, &wheel, "out", "demo-1.0-cp311-cp311-linux_x86_64.whl");
    // The next run succeeds.
    fs::write(&wheel, &good).unwrap();
    world.repair(&wheel, &[]).written();
}

#[test]
fn a_malformed_library_stops_the_repair_and_is_named() {
    let Some(world) = World::open() else { return };
    let wheel = chain(&world);
    let path = world.path("lib/libone.so.1");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
    refused(&world, &wheel, "out", "libone.so.1");
}

#[test]
fn an_absent_wheel_and_an_absurd_option_are_status_2() {
    let Some(world) = World::open() else { return };
    let wheel = chain(&world);
    let wheel = wheel.to_str().unwrap();
    for arguments in [
        vec!["repair", "absent.whl", "-w", "out"],
        vec!["repair", "absent-*.whl", "-w", "out"],
        vec!["repair", wheel, "-w", "out", "--plat", "no such tag"],
        vec!["repair", wheel, "-w", "out", "--exclude", "@absent"],
        vec!["repair", wheel, "-w", "out", "--lib-path", "lib", "--exclude", "libone*", "--include", "libone.so.1"],
        vec!["repair", wheel, "-w", "source.c", "--lib-path", "lib"],
    ] {
        let run = world.run(&arguments);
        assert_eq!((run.status, run.stdout.as_str()), (Some(2), ""), "{arguments:?}: {run:#?}");
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
    assert!(world.names("out").is_empty());
}

#[test]
fn a_tag_that_the_bytes_do_not_earn_is_never_written() {
    let Some(world) = World::open() else { return };
    // `memfd_create` came with glibc 2.27.
    let extension = world.extension("_demo", "memfd_create()", &[]);
    let wheel = world.wheel(&WheelBuilder::new(HERE).file("demo/_demo.so", &extension));
    let asked = |plat: &str, more: &[&str]| {
        let mut arguments = vec!["repair", wheel.to_str().unwrap(), "-w", "out", "--plat", plat];
        arguments.extend(more);
        world.run(&arguments)
    };
    let run = asked("manylinux_2_17_x86_64", &[]);
    assert_eq!(run.status, Some(1), "{run:#?}");
    assert!(run.stderr.contains("memfd_create") && run.stderr.contains("GLIBC_2.27"), "{run:#?}");
    for code in ["TW409", "TW601"] {
        assert_eq!(asked("manylinux_2_17_x86_64", &["--accept", code]).status, Some(1));
    }
    assert!(world.names("out").is_empty());
    // Accepting the finding gives a wheel, with a tag that is true.
    let written = asked("manylinux_2_17_x86_64", &["--accept", "TW401"]).written();
    assert_eq!(written, Path::new("out/demo-1.0-cp311-cp311-manylinux_2_27_x86_64.whl"));
    let written = asked("manylinux_2_28_x86_64", &["--only-plat"]).written();
    assert_eq!(written, Path::new("out/demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"));
}

#[test]
fn an_archive_at_fault_is_never_accepted() {
    let Some(world) = World::open() else { return };
    let wheel = chain(&world);
    let mut bytes = fs::read(&wheel).unwrap();
    bytes.extend(b"and more");
    fs::write(&wheel, bytes).unwrap();
    for more in [&[][..], &["--accept", "TW102"]] {
        let arguments = ["repair", wheel.to_str().unwrap(), "--lib-path", "lib", "-w", "out"];
        let run = world.run(&[&arguments, more].concat());
        assert_eq!((run.status, run.stdout.as_str()), (Some(1), ""), "{run:#?}");
        assert!(run.stderr.contains("error[TW102]"), "{run:#?}");
    }
    assert!(wheels(&world, "out").is_empty());
}

#[test]
fn several_wheels_are_all_tried_and_the_highest_status_counts() {
    let Some(world) = World::open() else { return };
    let good = chain(&world);
    let mut bad = WheelBuilder::new(HERE);
    bad.name = "bad".to_owned();
    let bad = world.wheel(&bad.file("demo/_demo.so", b"\x7fELF\x02\x01\x01 and no more"));
    let run = world.run(&[
        "repair",
        bad.to_str().unwrap(),
        good.to_str().unwrap(),
        "absent.whl",
        "--lib-path",
        "lib",
        "-w",
        "out",
    ]);
    assert_eq!(run.status, Some(2), "{run:#?}");
    assert_eq!(run.stdout.lines().count(), 1, "{run:#?}");
    assert_eq!(wheels(&world, "out").len(), 1);
}

#[test]
fn a_killed_repair_leaves_no_output() {
    let Some(world) = World::open() else { return };
    // Enough work that a run can be interrupted anywhere: a wheel with some megabytes that do not compress well.
    chain(&world);
    let noise = noise(3 << 20);
    let extension = fs::read(world.path("build/_demo.so")).unwrap();
    let wheel = world.wheel(&WheelBuilder::new(HERE).file("demo/_demo.so", &extension).file("demo/noise.bin", &noise));
    let before = fs::read(&wheel).unwrap();
    let started = Instant::now();
    let written = world.path(world.repair(&wheel, &[]).written().to_str().unwrap());
    let whole = started.elapsed();
    let expected = fs::read(&written).unwrap();
    fs::remove_file(&written).unwrap();
    let mut killed = 0;
    for round in 0..24_u32 {
        // In the input's own folder in every second round.
        let folder = if round % 2 == 0 { "out" } else { "in" };
        let mut child = world
            .command(&["repair", wheel.to_str().unwrap(), "--lib-path", "lib", "-w", folder])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole * round / 24 + Duration::from_micros(u64::from(round) * 137));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        killed += u32::from(status.code().is_none());
        assert!(fs::read(&wheel).unwrap() == before, "the input was touched");
        for name in wheels(&world, folder) {
            let path = world.path(folder).join(&name);
            if path != wheel {
                assert!(fs::read(&path).unwrap() == expected, "{name} is half written");
                fs::remove_file(path).unwrap();
            }
        }
    }
    assert!(killed >= 8, "only {killed} of 24 runs were killed in time");
    let written = world.path(world.repair(&wheel, &[]).written().to_str().unwrap());
    assert!(fs::read(written).unwrap() == expected);
}

#[test]
fn a_full_disk_leaves_no_output() {
    let Some(world) = World::open() else { return };
    chain(&world);
    let extension = fs::read(world.path("build/_demo.so")).unwrap();
    let wheel = WheelBuilder::new(HERE).file("demo/_demo.so", &extension).file("demo/noise.bin", &noise(100_000));
    let wheel = world.wheel(&wheel);
    let small = world.path("small");
    fs::create_dir(&small).unwrap();
    // A mount namespace of its own: nothing stays behind. It holds folders, not the wheel.
    let inside = |script: String| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "/bin/sh", "-c", &script]).current_dir(world.path("."));
        command
    };
    let mount = format!("mount -t tmpfs -o size=64k none '{}'", small.display());
    if !inside(mount.clone()).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        skip("no tmpfs can be mounted here");
        return;
    }
    let program = env!("CARGO_BIN_EXE_truewheel");
    let repair = format!("'{program}' repair '{}' --lib-path lib -w small", wheel.display());
    let before = fs::read(&wheel).unwrap();
    let run = run(&mut inside(format!("{mount} && {{ {repair}; status=$?; ls -A small >&2; exit $status; }}")));
    assert_eq!((run.status, run.stdout.as_str()), (Some(2), ""), "{run:#?}");
    assert!(run.stderr.contains("no space left"), "{run:#?}");
    assert!(!run.stderr.lines().any(|line| line.ends_with(".whl")), "{run:#?}");
    assert!(fs::read(&wheel).unwrap() == before, "the input was touched");
    world.repair(&wheel, &[]).written();
}
