//! Repaired wheels are installed by pip into a new environment, with the libraries they were built against gone, and used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::skip;
use crate::support::testdata;
use crate::support::wheel::{Entry, WheelBuilder};
use crate::support::world::{World, chain, run};

/// Returns the Python of a new environment, or says why there is none.
fn environment(world: &World) -> Option<PathBuf> {
    let made = Command::new("python3").args(["-m", "venv"]).arg(world.path("venv")).stdout(Stdio::null()).status();
    if !made.is_ok_and(|status| status.success()) {
        skip("no python3 with venv and pip here");
        return None;
    }
    Some(world.path("venv/bin/python"))
}

fn install(python: &Path, wheel: &Path) {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]).arg(wheel);
    let installed = run(&mut pip);
    assert_eq!(installed.status, Some(0), "{installed:#?}");
}

/// Runs a line of Python and returns what it prints.
fn python(python: &Path, line: &str) -> String {
    let ran = run(Command::new(python).args(["-I", "-c", line]).env_remove("LD_LIBRARY_PATH"));
    assert_eq!(ran.status, Some(0), "{ran:#?}");
    ran.stdout.trim().to_owned()
}

/// Returns the tags of the Python that makes the environment, `cp311-cp311-linux_x86_64`.
fn tags() -> Option<String> {
    let line = "import sys; v = 'cp%d%d' % sys.version_info[:2]; print(f'{v}-{v}-linux_x86_64')";
    let output = Command::new("python3").args(["-c", line]).output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn python_loads_the_vendored_libraries() {
    let Some(world) = World::open() else { return };
    let Some(interpreter) = environment(&world) else { return };
    let Some(tags) = tags() else { return };
    chain(&world);
    let extension = fs::read(world.path("build/_demo.so")).unwrap();
    let wheel = world.wheel(&WheelBuilder::new(&tags).file("demo/__init__.py", b"").file("demo/_demo.so", &extension));
    let written = world.path(world.repair(&wheel, &[]).written().to_str().unwrap());
    fs::remove_dir_all(world.path("lib")).unwrap();
    install(&interpreter, &written);
    let line = "from demo import _demo; print(_demo.answer()); \
                print(sum('/demo.libs/lib' in line for line in open('/proc/self/maps')) > 1)";
    assert_eq!(python(&interpreter, line), "42\nTrue");
}

#[test]
fn the_wheel_of_the_readme_works_after_repair() {
    let Some(world) = World::open() else { return };
    let Some(interpreter) = environment(&world) else { return };
    let wheel = testdata("demo/demo-1.0-cp38-abi3-linux_x86_64.whl");
    let libraries = testdata("demo/lib");
    let arguments = ["repair", wheel.to_str().unwrap(), "--lib-path", libraries.to_str().unwrap(), "-w", "out"];
    install(&interpreter, &world.path(world.run(&arguments).written().to_str().unwrap()));
    assert_eq!(python(&interpreter, "import demo; print(demo.hello())"), "hello, wheel");
}

#[test]
fn a_program_runs_through_its_shim_and_stripped_cyclic_libraries_load() {
    let Some(world) = World::open() else { return };
    let Some(interpreter) = environment(&world) else { return };
    world.library("libone.so.1", "one", "1", &[]);
    world.library("libtwo.so.1", "two", "one() + 20", &["-l:libone.so.1"]);
    let source = "extern int two(void);\nint one(void) { return 1; }\nint both(void) { return two() + one(); }\n";
    world.compile("lib/libone.so.1", source, &["-shared", "-Wl,-soname,libone.so.1", "-l:libtwo.so.1"]);
    let main = "#include <stdio.h>\nextern int both(void);\nint main(int count, char **words) {\n\
                printf(\"%d %s\\n\", both(), words[1]); return 3; }\n";
    let program = world.compile("build/demo-tool", main, &["-l:libone.so.1"]);
    let mut entry = Entry::new("demo-1.0.data/scripts/demo-tool", &fs::read(program).unwrap());
    entry.mode = 0o100_755;
    let wheel = world.wheel(&WheelBuilder::new("py3-none-linux_x86_64").entry(entry));
    let written = world.path(world.repair(&wheel, &["--strip"]).written().to_str().unwrap());
    fs::remove_dir_all(world.path("lib")).unwrap();
    install(&interpreter, &written);
    let ran = run(Command::new(world.path("venv/bin/demo-tool")).arg("a word").env_remove("LD_LIBRARY_PATH"));
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(3), "22 a word\n"), "{ran:#?}");
}
