//! `truewheel repair` from end to end, on wheels and libraries that are built here: what the result holds.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use truewheel::format::{self, Image};
use truewheel::wheel::Wheel;

use crate::support::testdata;
use crate::support::wheel::{Entry, WheelBuilder};
use crate::support::world::{HERE, World, chain, function_source, run};

/// Returns each member with its bytes.
fn members(wheel: &Path) -> BTreeMap<String, Vec<u8>> {
    let wheel = Wheel::open(wheel).unwrap();
    assert!(wheel.faults().is_empty(), "{:?}", wheel.faults());
    wheel.members().iter().map(|member| (member.name().to_owned(), wheel.read(member).unwrap().to_vec())).collect()
}

/// Returns the facts of a binary.
fn image(bytes: &[u8]) -> Image {
    format::inspect(bytes).unwrap().remove(0)
}

/// Returns the names that a binary imports, the C library apart.
fn imports(bytes: &[u8]) -> Vec<String> {
    image(bytes).imports.into_iter().map(|import| import.name).filter(|name| name != "libc.so.6").collect()
}

/// Returns a binary's search path.
fn search_path(bytes: &[u8]) -> Vec<String> {
    image(bytes).search_paths.into_iter().map(|entry| entry.path).collect()
}

/// Returns the one member whose name begins and ends so.
fn only<'a>(members: &'a BTreeMap<String, Vec<u8>>, start: &str, end: &str) -> (&'a str, &'a [u8]) {
    let found: Vec<_> = members.iter().filter(|(name, _)| name.starts_with(start) && name.ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{start}*{end} in {:?}", members.keys());
    (found[0].0, found[0].1)
}

/// Repairs a wheel that must be repairable and returns the path of the result.
fn repaired(world: &World, wheel: &Path, arguments: &[&str]) -> PathBuf {
    world.path(world.repair(wheel, arguments).written().to_str().unwrap())
}

#[test]
fn libraries_of_libraries_are_vendored_and_wired() {
    let Some(world) = World::open() else { return };
    let written = world.repair(&chain(&world), &[]).written();
    assert_eq!(written, Path::new("out/demo-1.0-cp311-cp311-manylinux1_x86_64.manylinux_2_5_x86_64.whl"));
    let written = world.path(written.to_str().unwrap());
    let members = members(&written);
    let (one, one_bytes) = only(&members, "demo.libs/libone-", ".so.1");
    let (two, _) = only(&members, "demo.libs/libtwo-", ".so.1");
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    assert_eq!(imports(&members["demo/_demo.so"]), [name(one)]);
    assert_eq!(search_path(&members["demo/_demo.so"]), ["$ORIGIN/../demo.libs"]);
    assert_eq!(image(one_bytes).identity, Some(name(one)));
    assert_eq!(imports(one_bytes), [name(two)]);
    let sbom = String::from_utf8(members["demo-1.0.dist-info/sboms/truewheel.cdx.json"].clone()).unwrap();
    assert!(sbom.contains(&name(one)) && sbom.contains(&name(two)), "{sbom}");
    let last = Wheel::open(&written).unwrap().members().last().unwrap().name().to_owned();
    assert_eq!(last, "demo-1.0.dist-info/RECORD");
}

#[test]
fn the_result_passes_its_own_check() {
    let Some(world) = World::open() else { return };
    let wheel = chain(&world);
    let written = repaired(&world, &wheel, &[]);
    let check = |path: &Path| world.run(&["check", path.to_str().unwrap(), "--plat", "manylinux_2_17_x86_64"]);
    let (before, after) = (check(&wheel), check(&written));
    assert_eq!(after.status, Some(0), "{after:#?}");
    assert_eq!(before.status, Some(1), "{before:#?}");
}

#[test]
fn libraries_that_need_each_other_are_vendored_as_one() {
    let Some(world) = World::open() else { return };
    // The first is compiled twice: the cycle needs something to link against.
    world.library("libone.so.1", "one", "1", &[]);
    world.library("libtwo.so.1", "two", "one() + 20", &["-l:libone.so.1"]);
    world.compile(
        "lib/libone.so.1",
        "extern int two(void);\nint one(void) { return 1; }\nint both(void) { return two() + one(); }\n",
        &["-shared", "-Wl,-soname,libone.so.1", "-l:libtwo.so.1"],
    );
    let extension = world.extension("_demo", "both()", &["-l:libone.so.1"]);
    let wheel = world.wheel(&WheelBuilder::new(HERE).file("demo/_demo.so", &extension));
    let members = members(&repaired(&world, &wheel, &[]));
    let (one, one_bytes) = only(&members, "demo.libs/libone-", ".so.1");
    let (two, two_bytes) = only(&members, "demo.libs/libtwo-", ".so.1");
    assert_eq!(imports(one_bytes), [two.strip_prefix("demo.libs/").unwrap()]);
    assert_eq!(imports(two_bytes), [one.strip_prefix("demo.libs/").unwrap()]);
}

#[test]
fn two_libraries_of_one_name_are_kept_apart() {
    let Some(world) = World::open() else { return };
    // Each extension module finds its own `libsame.so.1` by an absolute search path.
    let mut builder = WheelBuilder::new(HERE);
    for (name, value) in [("_a", "1"), ("_b", "2")] {
        let folder = world.path(name);
        let library = format!("{name}/libsame.so.1");
        world.compile(&library, &function_source("same", value), &["-shared", "-Wl,-soname,libsame.so.1"]);
        let link = format!("-L{name}");
        let path = format!("-Wl,-rpath,{}", folder.display());
        let bytes = world.extension(name, "same()", &[link.as_str(), "-l:libsame.so.1", path.as_str()]);
        builder = builder.file(&format!("demo/{name}.so"), &bytes);
    }
    let members = members(&repaired(&world, &world.wheel(&builder), &[]));
    let of = |member: &str| imports(&members[member]).remove(0);
    assert_ne!(of("demo/_a.so"), of("demo/_b.so"));
    for extension in ["demo/_a.so", "demo/_b.so"] {
        assert!(members.contains_key(&format!("demo.libs/{}", of(extension))), "{:?}", members.keys());
        // What pointed to the machine that built the wheel is gone.
        assert_eq!(search_path(&members[extension]), ["$ORIGIN/../demo.libs"]);
    }
}

#[test]
fn search_paths_inside_the_wheel_stay_and_others_go() {
    let Some(world) = World::open() else { return };
    let outside = world.path("nowhere");
    let path = format!("-Wl,-rpath,$ORIGIN/inner:{}:/usr/lib", outside.display());
    let inner = std::fs::read(world.library("libinner.so.1", "inner", "5", &[])).unwrap();
    world.library("libone.so.1", "one", "1", &[]);
    let extension = world.extension("_demo", "one() + inner()", &["-l:libone.so.1", "-l:libinner.so.1", path.as_str()]);
    let builder = WheelBuilder::new(HERE).file("demo/_demo.so", &extension).file("demo/inner/libinner.so.1", &inner);
    let members = members(&repaired(&world, &world.wheel(&builder), &[]));
    let mut paths = search_path(&members["demo/_demo.so"]);
    paths.sort();
    assert_eq!(paths, ["$ORIGIN/../demo.libs", "$ORIGIN/inner"]);
    // The library that is inside already keeps its name and its bytes.
    assert_eq!(members["demo/inner/libinner.so.1"], inner);
    assert!(imports(&members["demo/_demo.so"]).contains(&"libinner.so.1".to_owned()));
}

#[test]
fn a_program_moves_beside_its_libraries_behind_a_shim() {
    let Some(world) = World::open() else { return };
    world.library("libone.so.1", "one", "7", &[]);
    let source = "extern int one(void);\nint main(int count, char **words) { return one() + count; }\n";
    let program = world.compile("build/tool", source, &["-l:libone.so.1"]);
    let mut entry = Entry::new("demo-1.0.data/scripts/tool", &std::fs::read(program).unwrap());
    entry.mode = 0o100_755;
    let wheel = world.wheel(&WheelBuilder::new("py3-none-linux_x86_64").entry(entry));
    let written = repaired(&world, &wheel, &[]);
    let members = members(&written);
    assert!(members["demo-1.0.data/scripts/tool"].starts_with(b"#!python"), "{:?}", members.keys());
    assert_eq!(search_path(&members["demo.scripts/tool"]), ["$ORIGIN/../demo.libs"]);
    let moved = Wheel::open(&written).unwrap();
    assert!(moved.member("demo.scripts/tool").unwrap().is_executable());
    assert!(moved.member("demo-1.0.data/scripts/tool").unwrap().is_executable());
}

#[test]
fn an_extension_in_platlib_is_wired_as_it_lies_after_install() {
    let Some(world) = World::open() else { return };
    world.library("libone.so.1", "one", "1", &[]);
    let extension = world.extension("_demo", "one()", &["-l:libone.so.1"]);
    let wheel = world.wheel(&WheelBuilder::new(HERE).file("demo-1.0.data/platlib/demo/_demo.so", &extension));
    let members = members(&repaired(&world, &wheel, &[]));
    assert_eq!(search_path(&members["demo-1.0.data/platlib/demo/_demo.so"]), ["$ORIGIN/../demo.libs"]);
    only(&members, "demo.libs/libone-", ".so.1");
}

#[test]
fn an_exclusion_is_recorded_and_honoured_later() {
    let Some(world) = World::open() else { return };
    let written = repaired(&world, &chain(&world), &["--exclude", "libone.so*"]);
    let members = members(&written);
    assert!(!members.keys().any(|name| name.starts_with("demo.libs/")), "{:?}", members.keys());
    assert_eq!(imports(&members["demo/_demo.so"]), ["libone.so.1"]);
    let recorded: serde_json::Value = serde_json::from_slice(&members["demo-1.0.dist-info/truewheel.json"]).unwrap();
    assert_eq!(recorded["excluded"], serde_json::json!(["libone.so.1"]));
    let checked = world.run(&["check", written.to_str().unwrap()]);
    assert_eq!(checked.status, Some(0), "{checked:#?}");
    let ignored = world.run(&["check", "--ignore-recorded", written.to_str().unwrap()]);
    assert_eq!(ignored.status, Some(1), "{ignored:#?}");
    // A second repair needs no flag.
    let again = world.run(&["repair", written.to_str().unwrap(), "--lib-path", "lib", "-w", "again"]).written();
    assert!(std::fs::read(&written).unwrap() == std::fs::read(world.path(again.to_str().unwrap())).unwrap());
}

#[test]
fn an_exclusion_that_matches_nothing_is_said() {
    let Some(world) = World::open() else { return };
    let run = world.repair(&chain(&world), &["--exclude", "libabsent.so*"]);
    assert_eq!(run.status, Some(0));
    assert!(run.stderr.contains("TW703") && run.stderr.contains("libabsent.so*"), "{run:#?}");
}

#[test]
fn a_second_repair_changes_nothing() {
    let Some(world) = World::open() else { return };
    let written = repaired(&world, &chain(&world), &[]);
    let first = std::fs::read(&written).unwrap();
    for (folder, flags) in [("same", vec!["--lib-path", "lib"]), ("bare", vec![])] {
        let mut arguments = vec!["repair", written.to_str().unwrap(), "-w", folder];
        arguments.extend(flags);
        let again = world.path(world.run(&arguments).written().to_str().unwrap());
        assert_eq!(again.file_name(), written.file_name());
        assert!(std::fs::read(again).unwrap() == first, "a second repair changed the wheel");
    }
}

#[test]
fn the_same_wheel_becomes_the_same_bytes() {
    let Some(world) = World::open() else { return };
    let wheel = chain(&world);
    let first = std::fs::read(repaired(&world, &wheel, &["-j", "1"])).unwrap();
    // Another folder for everything, another umask, more threads.
    let elsewhere = world.path("else where");
    std::fs::create_dir_all(elsewhere.join("in")).unwrap();
    let copy = elsewhere.join("in").join(wheel.file_name().unwrap());
    std::fs::copy(&wheel, &copy).unwrap();
    let libraries = elsewhere.join("libraries");
    std::fs::rename(world.path("lib"), &libraries).unwrap();
    std::fs::set_permissions(libraries.join("libone.so.1"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let line = format!(
        "umask 077; exec '{}' repair '{}' -j 4 --lib-path '{}' -w results",
        env!("CARGO_BIN_EXE_truewheel"),
        copy.display(),
        libraries.display()
    );
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(line).current_dir(&elsewhere).env_clear();
    let second = elsewhere.join(run(&mut shell).written());
    assert!(std::fs::read(second).unwrap() == first, "the bytes depend on where and how");
}

#[test]
fn the_wheel_of_the_readme_is_repaired() {
    let Some(world) = World::open() else { return };
    let wheel = testdata("demo/demo-1.0-cp38-abi3-linux_x86_64.whl");
    let libraries = testdata("demo/lib");
    let run = world.run(&["repair", wheel.to_str().unwrap(), "--lib-path", libraries.to_str().unwrap(), "-w", "out"]);
    let written = run.written();
    assert_eq!(written, Path::new("out/demo-1.0-cp38-abi3-manylinux1_x86_64.manylinux_2_5_x86_64.whl"));
    let members = members(&world.path(written.to_str().unwrap()));
    only(&members, "demo.libs/libgreet-", ".so.1");
    only(&members, "demo.libs/libwords-", ".so.1");
}

#[test]
fn a_wheel_without_binaries_is_copied() {
    let Some(world) = World::open() else { return };
    let wheel = world.wheel(&WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"x = 1\n"));
    let written = world.repair(&wheel, &[]).written();
    assert_eq!(written, Path::new("out/demo-1.0-py3-none-any.whl"));
    assert!(std::fs::read(world.path(written.to_str().unwrap())).unwrap() == std::fs::read(&wheel).unwrap());
}

#[test]
fn a_dry_run_says_all_and_writes_nothing() {
    let Some(world) = World::open() else { return };
    let run = world.repair(&chain(&world), &["--dry-run"]);
    assert_eq!((run.status, run.stdout.as_str()), (Some(0), ""), "{run:#?}");
    assert!(run.stderr.contains("libone-") && run.stderr.contains("manylinux_2_5_x86_64"), "{run:#?}");
    assert!(world.names("out").is_empty());
}

#[test]
fn a_saved_plan_gives_the_same_wheel_and_refuses_what_it_does_not_mention() {
    let Some(world) = World::open() else { return };
    let wheel = chain(&world);
    let first = std::fs::read(repaired(&world, &wheel, &["--save-plan", "plan.toml"])).unwrap();
    let again = repaired(&world, &wheel, &["--plan", "plan.toml"]);
    assert!(std::fs::read(again).unwrap() == first, "the plan gave another wheel");
    let text = std::fs::read_to_string(world.path("plan.toml")).unwrap();
    let less: Vec<&str> = text.split("[[library]]").filter(|part| !part.contains("\"libtwo.so.1\"")).collect();
    std::fs::write(world.path("less.toml"), less.join("[[library]]")).unwrap();
    let arguments = ["repair", wheel.to_str().unwrap(), "--lib-path", "lib", "-w", "refused", "--plan", "less.toml"];
    let refused = world.run(&arguments);
    assert_eq!(refused.status, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("TW701") && refused.stderr.contains("libtwo.so.1"), "{refused:#?}");
    assert!(!world.path("refused").exists() || world.names("refused").is_empty());
}
