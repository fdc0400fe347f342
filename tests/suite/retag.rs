//! `truewheel retag`: all that `wheel tags` documents, what it refuses, and what it leaves as it was.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::elf::{ElfSpec, SymbolSpec};
use crate::support::fixture;
use crate::support::wheel::{Entry, WheelBuilder};
use crate::support::world::{Run, run};

const PURE: &str = "py2.py3-none-any";
const MODULE: &str = "demo/_core.cpython-311-x86_64-linux-gnu.so";

/// A folder with one wheel.
struct Lab {
    folder: tempfile::TempDir,
    wheel: String,
}

impl Lab {
    fn new(builder: &WheelBuilder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        builder.write(folder.path());
        Self { folder, wheel: builder.file_name() }
    }

    fn pure() -> Self {
        let script = Entry { mode: 0o100_755, ..Entry::new("demo-1.0.data/scripts/demo", b"#!python\n") };
        Self::new(&WheelBuilder::new(PURE).file("demo/__init__.py", b"x = 1\n").entry(script))
    }

    fn of(tags: &str, member: &str, spec: &ElfSpec) -> Self {
        Self::new(&WheelBuilder::new(tags).file("demo/__init__.py", b"").file(member, &spec.build()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.run_on(&self.wheel, arguments)
    }

    fn run_on(&self, wheel: &str, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
        command.current_dir(self.folder.path()).env_clear().args(["retag", wheel, "-w", "out"]).args(arguments);
        run(&mut command)
    }

    /// Retags, and returns the new file's name; what it says of itself must agree.
    fn name(&self, arguments: &[&str]) -> String {
        let name = self.run(arguments).written().file_name().unwrap().to_str().unwrap().to_owned();
        agrees(&self.path("out").join(&name));
        name
    }

    fn text(&self, name: &str, member: &str) -> String {
        text(&self.path("out").join(name), member)
    }

    /// The statuses of what is refused: nothing is written.
    fn refused(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(1), ""), "{ran:#?}");
        let names: Vec<_> = std::fs::read_dir(self.path("out")).into_iter().flatten().collect();
        assert!(names.is_empty(), "{names:?}");
        ran.stderr
    }
}

fn text(wheel: &Path, member: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(wheel).unwrap()).unwrap();
    let mut text = String::new();
    archive.by_name(member).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// The wheel passes `check` (of dead tags that were forced nothing is asked), and WHEEL says what the file name says.
fn agrees(wheel: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
    command.args(["check", "--allow", "TW620", "--allow", "TW4xx", "--allow", "TW601"]).arg(wheel);
    let checked = run(&mut command);
    assert_eq!(checked.status, Some(0), "{checked:#?}");
}

fn library() -> ElfSpec {
    ElfSpec { needed: vec![b"libc.so.6"], ..ElfSpec::default() }
}

fn module(undefined: &[&'static [u8]]) -> ElfSpec {
    let mut symbols: Vec<SymbolSpec> = undefined.iter().map(|name| SymbolSpec::undefined(name, 1)).collect();
    symbols.push(SymbolSpec::defined(b"PyInit__core", 1));
    ElfSpec { symbols, ..library() }
}

// What the tests of `wheel tags` show.

#[test]
fn without_flags_the_same_bytes_are_copied() {
    let lab = Lab::pure();
    let name = lab.name(&[]);
    assert_eq!(name, "demo-1.0-py2.py3-none-any.whl");
    assert_eq!(std::fs::read(lab.path("out").join(name)).unwrap(), std::fs::read(lab.path(&lab.wheel)).unwrap());
}

#[test]
fn python_tags_are_replaced_added_and_taken_away() {
    let lab = Lab::pure();
    assert_eq!(lab.name(&["--python-tag", "py3"]), "demo-1.0-py3-none-any.whl");
    assert_eq!(lab.text("demo-1.0-py3-none-any.whl", "demo-1.0.dist-info/WHEEL").matches("Tag: ").count(), 1);
    assert_eq!(lab.name(&["--python-tag=py2.py3"]), "demo-1.0-py2.py3-none-any.whl");
    assert_eq!(lab.name(&["--python-tag=+py4"]), "demo-1.0-py2.py3.py4-none-any.whl");
    assert_eq!(lab.name(&["--python-tag", "+py4"]), "demo-1.0-py2.py3.py4-none-any.whl");
    assert_eq!(lab.name(&["--python-tag=-py2"]), "demo-1.0-py3-none-any.whl");
    assert_eq!(lab.name(&["--python-tag", "-py2"]), "demo-1.0-py3-none-any.whl");
}

#[test]
fn abi_tags_are_replaced_and_sorted() {
    let lab = Lab::pure();
    assert_eq!(lab.name(&["--abi-tag=cp33m", "--force"]), "demo-1.0-py2.py3-cp33m-any.whl");
    assert_eq!(lab.name(&["--abi-tag=cp33m.abi3", "--force"]), "demo-1.0-py2.py3-abi3.cp33m-any.whl");
    assert_eq!(lab.name(&["--abi-tag=none"]), "demo-1.0-py2.py3-none-any.whl");
    assert_eq!(lab.name(&["--abi-tag=+abi3", "--force"]), "demo-1.0-py2.py3-abi3.none-any.whl");
}

#[test]
fn platform_tags_are_replaced_added_and_taken_away() {
    let lab = Lab::pure();
    assert_eq!(lab.name(&["--platform-tag=linux_x86_64"]), "demo-1.0-py2.py3-none-linux_x86_64.whl");
    let name = lab.name(&["--platform-tag=linux_x86_64.win32"]);
    assert_eq!(name, "demo-1.0-py2.py3-none-linux_x86_64.win32.whl");
    let tags: Vec<String> = lab.text(&name, "demo-1.0.dist-info/WHEEL").lines().map(str::to_owned).collect();
    assert_eq!(
        tags[3..],
        ["Tag: py2-none-linux_x86_64", "Tag: py2-none-win32", "Tag: py3-none-linux_x86_64", "Tag: py3-none-win32"]
    );
    assert_eq!(lab.name(&["--platform-tag=+linux_x86_64"]), "demo-1.0-py2.py3-none-any.linux_x86_64.whl");
    assert_eq!(lab.name(&["--platform-tag=any"]), "demo-1.0-py2.py3-none-any.whl");
}

#[test]
fn a_build_tag_comes_and_goes() {
    let lab = Lab::pure();
    let name = lab.name(&["--build=1bah"]);
    assert_eq!(name, "demo-1.0-1bah-py2.py3-none-any.whl");
    assert!(lab.text(&name, "demo-1.0.dist-info/WHEEL").contains("Build: 1bah\n"));
    let again = lab.run_on(&format!("out/{name}"), &["--build="]);
    let back = again.written();
    assert_eq!(back.file_name().unwrap(), "demo-1.0-py2.py3-none-any.whl");
    assert!(!text(&lab.path(back.to_str().unwrap()), "demo-1.0.dist-info/WHEEL").contains("Build"));
    for build in ["bah", "1-2", "1 2"] {
        let ran = lab.run(&["--build", build]);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{ran:#?}");
    }
}

#[test]
fn several_parts_change_at_once() {
    let lab = Lab::pure();
    let arguments = ["--platform-tag=linux_x86_64", "--python-tag=+py4", "--build=1"];
    assert_eq!(lab.name(&arguments), "demo-1.0-1-py2.py3.py4-none-linux_x86_64.whl");
    let arguments =
        ["--python-tag", "py3", "--abi-tag", "cp33m", "--platform-tag", "linux_x86_64", "--build", "7", "--force"];
    let name = lab.name(&arguments);
    assert_eq!(name, "demo-1.0-7-py3-cp33m-linux_x86_64.whl");
    let text = lab.text(&name, "demo-1.0.dist-info/WHEEL");
    assert!(text.contains("Build: 7\n") && text.contains("Tag: py3-cp33m-linux_x86_64\n"), "{text}");
    assert!(lab.path(&lab.wheel).exists());
}

#[test]
fn the_wheel_that_was_read_is_removed_on_request_alone() {
    let lab = Lab::pure();
    lab.name(&["--python-tag=+py4", "--remove"]);
    assert!(!lab.path(&lab.wheel).exists());
    // What stays what it is, where it is, is not removed.
    let there = "out/demo-1.0-py2.py3.py4-none-any.whl";
    assert_eq!(lab.run_on(there, &["--remove"]).written(), Path::new(there));
    assert!(lab.path(there).exists());
    // Nor what could not be retagged.
    let ran = lab.run_on(there, &["--abi-tag=abi3", "--remove"]);
    assert_eq!(ran.status, Some(1), "{ran:#?}");
    assert!(lab.path(there).exists());
}

#[test]
fn permission_bits_stay_and_members_keep_their_bytes() {
    let lab = Lab::pure();
    let name = lab.name(&["--python-tag=py3"]);
    let open = |path: PathBuf| zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let (mut before, mut after) = (open(lab.path(&lab.wheel)), open(lab.path("out").join(name)));
    assert_eq!(before.len(), after.len());
    for member in ["demo/__init__.py", "demo-1.0.data/scripts/demo", "demo-1.0.dist-info/METADATA"] {
        let facts = |archive: &mut zip::ZipArchive<std::fs::File>| {
            let member = archive.by_name(member).unwrap();
            (
                member.unix_mode(),
                member.compressed_size(),
                member.crc32(),
                member.last_modified().map(|time| time.to_string()),
            )
        };
        assert_eq!(facts(&mut before), facts(&mut after), "{member}");
    }
}

// What it does better.

#[test]
fn a_name_that_disagrees_with_wheel_is_no_crash() {
    let mut builder = WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"");
    builder.wheel_file = Some("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nBuild: 3\nTag: cp39-cp39-any".to_owned());
    let lab = Lab::new(&builder);
    let name = lab.name(&[]);
    assert_eq!(name, "demo-1.0-py3-none-any.whl");
    let wheel = lab.text(&name, "demo-1.0.dist-info/WHEEL");
    assert_eq!(wheel, "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
}

#[test]
fn root_is_purelib_follows_the_platform() {
    let mut builder = WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"");
    builder.wheel_file = builder.wheel_file.map(|text| text.replace("Purelib: false", "Purelib: true"));
    let lab = Lab::new(&builder);
    let name = lab.name(&["--platform-tag=linux_x86_64"]);
    assert!(lab.text(&name, "demo-1.0.dist-info/WHEEL").contains("Root-Is-Purelib: false\n"));
    let back = lab.run_on(&format!("out/{name}"), &["--platform-tag=any"]).written();
    let back = back.file_name().unwrap().to_str().unwrap();
    assert!(lab.text(back, "demo-1.0.dist-info/WHEEL").contains("Root-Is-Purelib: true\n"));
}

#[test]
fn a_variant_label_and_unknown_lines_stay() {
    let mut builder = WheelBuilder::new("py2.py3-none-any").file("demo/__init__.py", b"");
    builder.wheel_file = builder.wheel_file.map(|text| text + "X-Own: 1\n");
    builder.tags = "py2.py3-none-any-x86_64_v3".to_owned();
    let lab = Lab::new(&builder);
    let name = lab.run(&["--python-tag=py3"]).written();
    assert_eq!(name, Path::new("out/demo-1.0-py3-none-any-x86_64_v3.whl"));
    assert!(text(&lab.path(name.to_str().unwrap()), "demo-1.0.dist-info/WHEEL").ends_with("X-Own: 1\n"));
}

#[test]
fn a_second_run_changes_nothing() {
    let lab = Lab::of("cp311-cp311-linux_x86_64", "demo/libdemo.so", &library());
    let first = lab.run(&["--auto"]).written();
    let bytes = std::fs::read(lab.path(first.to_str().unwrap())).unwrap();
    let second = lab.run_on(first.to_str().unwrap(), &["--auto"]).written();
    assert_eq!(second, first);
    assert_eq!(std::fs::read(lab.path(second.to_str().unwrap())).unwrap(), bytes);
}

#[test]
fn dead_tags_are_refused_with_what_was_meant() {
    let lab = Lab::pure();
    for (arguments, said) in [
        (&["--python-tag=py3", "--abi-tag=abi3"][..], "no installer matches `py3-abi3`"),
        (&["--python-tag=cp3"], "`py3-none` is for every Python 3"),
        (&["--python-tag=cp39"], "`py39-none` is for that version and every later one"),
        (&["--python-tag=cp315t", "--abi-tag=abi3t"], "`cp315-abi3t` is meant"),
        (&["--platform-tag=beos_r5"], "of no known platform"),
    ] {
        let stderr = lab.refused(arguments);
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    // What was claimed already may stay.
    let lab = Lab::new(&WheelBuilder::new("cp39-none-any").file("demo/__init__.py", b""));
    assert_eq!(lab.name(&["--build=1"]), "demo-1.0-1-cp39-none-any.whl");
    // Nothing may be left.
    let lab = Lab::new(&WheelBuilder::new("cp39-none-any").file("demo/__init__.py", b""));
    assert!(lab.refused(&["--python-tag=-cp39"]).contains("no tag would be left"));
}

#[test]
fn false_tags_are_refused_with_symbol_and_file() {
    let lab = Lab::of("cp311-cp311-linux_x86_64", MODULE, &module(&[b"PyList_New", b"_PyList_Extend"]));
    let stderr = lab.refused(&["--python-tag=py3", "--abi-tag=none"]);
    assert!(stderr.contains("error[TW508]") && stderr.contains("PyInit__core") && stderr.contains(MODULE), "{stderr}");
    let stderr = lab.refused(&["--abi-tag=abi3", "--rename-extensions"]);
    assert!(stderr.contains("error[TW505]") && stderr.contains("`_PyList_Extend`"), "{stderr}");
    assert!(lab.refused(&["--python-tag=cp312", "--abi-tag=cp312"]).contains("error[TW507]"));
    assert!(lab.refused(&["--platform-tag=win_amd64"]).contains("the bytes do not earn `win_amd64`"));
    assert!(lab.refused(&["--platform-tag=any"]).contains("error[TW614]"));
    assert!(lab.refused(&["--platform-tag=manylinux_2_17_aarch64"]).contains("manylinux_2_17_aarch64"));
    // `--accept` is not for tags.
    assert!(lab.refused(&["--abi-tag=none", "--python-tag=py3", "--accept=TW508"]).contains("error[TW508]"));
}

#[test]
fn neither_force_nor_accept_writes_an_archive_that_is_at_fault() {
    let lab = Lab::pure();
    let mut bytes = std::fs::read(lab.path(&lab.wheel)).unwrap();
    bytes.extend(b"and more");
    std::fs::write(lab.path(&lab.wheel), bytes).unwrap();
    for more in [&[][..], &["--force"], &["--accept=TW102"]] {
        let stderr = lab.refused(&[&["--python-tag=py3"], more].concat());
        assert!(stderr.contains("error[TW102]") && !stderr.contains("hint:"), "{stderr}");
    }
}

#[test]
fn force_writes_and_says_what_is_untrue() {
    let lab = Lab::of("cp311-cp311-linux_x86_64", MODULE, &module(&[]));
    let ran = lab.run(&["--python-tag=py3", "--abi-tag=none", "--force"]);
    assert_eq!(ran.written(), Path::new("out/demo-1.0-py3-none-linux_x86_64.whl"));
    assert!(ran.stderr.contains("warning[TW508]"), "{}", ran.stderr);
}

#[test]
fn auto_finds_the_widest_tags_and_says_why() {
    let lab = Lab::of("cp311-cp311-linux_x86_64", "demo/libdemo.so", &library());
    let ran = lab.run(&["--auto"]);
    let name = ran.written().file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.starts_with("demo-1.0-py3-none-manylinux"), "{name}");
    assert!(ran.stderr.contains("1 binary, no Python symbol, no entry point, no libpython"), "{}", ran.stderr);
    // One module is enough.
    let builder = WheelBuilder::new("cp311-cp311-linux_x86_64")
        .file("demo/libdemo.so", &library().build())
        .file(MODULE, &module(&[b"PyList_New"]).build());
    let ran = Lab::new(&builder).run(&["--auto"]);
    assert!(ran.written().to_str().unwrap().contains("-cp311-cp311-manylinux"), "{ran:#?}");
    assert!(ran.stderr.contains(&format!("not `none`: `{MODULE}` exports `PyInit__core`")), "{}", ran.stderr);
}

#[test]
fn auto_takes_back_what_is_false() {
    let lab = Lab::of("py3-none-linux_x86_64", MODULE, &module(&[]));
    assert!(lab.run(&["--auto"]).written().to_str().unwrap().contains("-cp311-cp311-manylinux"));
    // Nothing says which Python a plain name is for.
    let lab = Lab::of("py3-none-linux_x86_64", "demo/_core.so", &module(&[]));
    assert!(lab.refused(&["--auto"]).contains("says which Python they are for"));
    // A stable ABI is raised, never lowered.
    let late = module(&[b"PyType_GetModule"]);
    let lab = Lab::of("cp37-abi3-linux_x86_64", "demo/_core.abi3.so", &late);
    assert!(lab.run(&["--auto"]).written().to_str().unwrap().contains("-cp310-abi3-manylinux"));
    let lab = Lab::of("cp311-abi3-linux_x86_64", "demo/_core.abi3.so", &late);
    assert!(lab.run(&["--auto"]).written().to_str().unwrap().contains("-cp311-abi3-manylinux"));
}

#[test]
fn a_flag_beats_auto_for_its_part() {
    let lab = Lab::of("cp311-cp311-linux_x86_64", "demo/libdemo.so", &library());
    assert_eq!(lab.name(&["--auto", "--platform-tag=linux_x86_64"]), "demo-1.0-py3-none-linux_x86_64.whl");
    assert_eq!(
        lab.name(&["--auto", "--python-tag=py2.py3", "--abi-tag=none", "--platform-tag=linux_x86_64"]),
        "demo-1.0-py2.py3-none-linux_x86_64.whl"
    );
}

#[test]
fn modules_get_names_that_fit_the_tags() {
    let lab = Lab::of("cp311-cp311-linux_x86_64", MODULE, &module(&[b"PyList_New"]));
    let name = lab.name(&["--abi-tag=abi3", "--rename-extensions"]);
    assert_eq!(name, "demo-1.0-cp311-abi3-linux_x86_64.whl");
    let record = lab.text(&name, "demo-1.0.dist-info/RECORD");
    assert!(record.contains("demo/_core.abi3.so,sha256=") && !record.contains("cpython-311"), "{record}");
    // What nobody imports gets a plain name under `none`.
    let lab = Lab::of("cp311-cp311-linux_x86_64", MODULE, &library());
    let name = lab.name(&["--python-tag=py3", "--abi-tag=none", "--rename-extensions"]);
    assert!(lab.text(&name, "demo-1.0.dist-info/RECORD").contains("demo/_core.so,sha256="));
    // With it `none` is proven, which by the old name it is not.
    assert!(lab.run(&["--auto"]).written().to_str().unwrap().contains("-cp311-cp311-manylinux"));
    assert!(lab.run(&["--auto", "--rename-extensions"]).written().to_str().unwrap().contains("-py3-none-manylinux"));
    // A name that is taken is not overwritten.
    let builder = WheelBuilder::new("cp311-cp311-linux_x86_64")
        .file(MODULE, &library().build())
        .file("demo/_core.so", b"something else");
    let stderr = Lab::new(&builder).refused(&["--python-tag=py3", "--abi-tag=none", "--rename-extensions"]);
    assert!(stderr.contains("that is taken"), "{stderr}");
}

#[test]
fn a_tag_that_is_not_there_is_told() {
    let lab = Lab::pure();
    let ran = lab.run(&["--python-tag=-cp39"]);
    assert_eq!(ran.written(), Path::new("out/demo-1.0-py2.py3-none-any.whl"));
    assert!(
        ran.stderr.contains("warning[TW703]") && ran.stderr.contains("the wheel has no such tag"),
        "{}",
        ran.stderr
    );
}

#[test]
fn usage_is_told_from_fault() {
    let lab = Lab::pure();
    for arguments in [&["--python-tag="][..], &["--python-tag=py3-none"], &["--abi-tag=no ne"], &["--accept=TW000"]] {
        let ran = lab.run(arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{ran:#?}");
    }
    std::fs::write(lab.path("broken-1.0-py3-none-any.whl"), b"no archive").unwrap();
    assert_eq!(lab.run_on("broken-1.0-py3-none-any.whl", &["--build=1"]).status, Some(1));
    assert_eq!(lab.run_on("absent-1.0-py3-none-any.whl", &["--build=1"]).status, Some(2));
    let builder = WheelBuilder::new("py3-none-any").file("../demo.py", b"");
    builder.write(lab.folder.path());
    assert_eq!(lab.run_on(&builder.file_name(), &["--build=1"]).status, Some(1));
}

#[test]
fn the_report_holds_tags_steps_proof_and_outputs() {
    let lab = Lab::of("cp311-cp311-linux_x86_64", "demo/libdemo.so", &library());
    let ran = lab.run(&["--auto", "--build=2", "--format=json"]);
    assert_eq!(ran.status, Some(0), "{ran:#?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["verdict"], "ok");
    assert_eq!(report["tags"]["claimed"][0], "cp311-cp311-linux_x86_64");
    assert!(report["outputs"][0].as_str().unwrap().starts_with("out/demo-1.0-2-py3-none-manylinux"));
    assert_eq!(report["plan"][0]["step"], "retag");
    assert!(report["proof"][0].as_str().unwrap().contains("no Python symbol"));
    assert_eq!(report["binaries"][0]["path"], "demo/libdemo.so");
    let module = Lab::of("cp311-cp311-linux_x86_64", MODULE, &module(&[b"PyList_New", b"PyType_GetModule"]));
    let ran = module.run(&["--auto", "--format=json"]);
    let facts: Value = serde_json::from_str(&ran.stdout).unwrap();
    let python = &facts["binaries"][0]["python"];
    assert_eq!(python["entry_points"][0], "PyInit__core");
    assert_eq!((&python["symbols"][1], &python["stable_abi"]), (&"PyType_GetModule".into(), &10.into()));
    assert_eq!(report["binaries"][0]["python"], Value::Null);
    // A refused wheel has the same status in every form.
    for format in ["json", "github", "sarif", "junit", "human"] {
        assert_eq!(lab.run(&["--python-tag=cp3", "--format", format]).status, Some(1), "{format}");
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let lab = Lab::pure();
    let ran = lab.run(&["--python-tag=py3", "--dry-run"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), ""), "{ran:#?}");
    assert!(ran.stderr.contains("would write out/demo-1.0-py3-none-any.whl"), "{}", ran.stderr);
    assert!(!lab.path("out").exists());
}

#[test]
fn the_input_s_own_folder_is_a_destination_like_any_other() {
    let lab = Lab::pure();
    let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
    command.current_dir(lab.folder.path()).env_clear().args(["retag", &lab.wheel, "-w", ".", "--python-tag=py3"]);
    assert_eq!(run(&mut command).written(), Path::new("./demo-1.0-py3-none-any.whl"));
    assert!(lab.path(&lab.wheel).exists());
}

#[test]
fn the_dist_info_directory_follows_the_file_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut builder =
        WheelBuilder::new(PURE).file("foo_bar/__init__.py", b"").file("Foo.Bar-1.0.data/scripts/x", b"#!python\n");
    builder.name = "Foo.Bar".to_owned();
    builder.metadata = Some("Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\n".to_owned());
    let bytes = builder.build();
    let wheel = "foo_bar-1.0-py2.py3-none-any.whl".to_owned();
    std::fs::write(folder.path().join(&wheel), bytes).unwrap();
    let lab = Lab { folder, wheel };
    let name = lab.name(&["--python-tag=py3"]);
    assert_eq!(name, "foo_bar-1.0-py3-none-any.whl");
    let record = lab.text(&name, "foo_bar-1.0.dist-info/RECORD");
    assert!(record.contains("foo_bar-1.0.data/scripts/x,sha256=") && !record.contains("Foo.Bar"), "{record}");
}

#[test]
fn where_no_platform_tag_is_true_none_is_proposed() {
    let bytes = |processor: &str| fixture(&format!("pe/{processor}/demo.dll"));
    let builder = WheelBuilder::new("cp311-cp311-win_amd64");
    let builder = builder.file("one/_demo.pyd", &bytes("x86_64")).file("two/_demo.pyd", &bytes("x86"));
    let said = Lab::new(&builder).refused(&["--auto", "--python-tag", "cp311", "--abi-tag", "cp311"]);
    assert!(said.contains("TW601") && said.contains("TW406"), "{said}");
}
