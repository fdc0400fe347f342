//! Wheels repaired for Windows, loaded by Wine with the flags that CPython uses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use truewheel::format;
use truewheel::repair::{Layout, Options};
use truewheel::wheel::Wheel;

use crate::support::wheel::WheelBuilder;
use crate::support::wine::{self, Machine, windows_path};
use crate::support::{fixture, testdata};

/// `LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR`, as CPython loads extension modules.
const PYTHON: &str = "1100";
/// What `answer` of each fixture returns where all it needs is there (`testdata/pe/src`).
const DEMO: i32 = 43;
const USER: i32 = 44;
const CYCLE: i32 = 45;
const DELAY: i32 = 46;
const CONFIG: i32 = 48;
/// What the loading program returns where the file cannot be loaded.
const REFUSED: i32 = 1;

fn dll(machine: Machine, name: &str) -> Vec<u8> {
    fixture(&format!("pe/{}/{name}", machine.folder()))
}

/// Loads a file with these flags, after telling the loader of `folders`; returns what its `answer` function does.
fn loaded(machine: Machine, flags: &str, file: &Path, folders: &[PathBuf]) -> i32 {
    // Not where it lies among the libraries: the loader looks in the program's own folder.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("load.exe");
    std::fs::copy(testdata("pe").join(machine.folder()).join("load.exe"), &program).unwrap();
    let paths: Vec<String> = std::iter::once(file)
        .chain(folders.iter().map(PathBuf::as_path))
        .map(|path| windows_path(&std::fs::canonicalize(path).unwrap()))
        .collect();
    let arguments: Vec<&str> = std::iter::once(flags).chain(paths.iter().map(String::as_str)).collect();
    wine::run(&program, folder.path(), &arguments)
}

/// A wheel repaired and unpacked.
struct Installed {
    machine: Machine,
    folder: tempfile::TempDir,
    members: BTreeMap<String, Vec<u8>>,
}

impl Installed {
    fn path(&self, member: &str) -> PathBuf {
        self.folder.path().join("site").join(member)
    }

    /// What `answer` of a member returns where start-up code has added `folders`.
    fn answer(&self, member: &str, folders: &[PathBuf]) -> i32 {
        loaded(self.machine, PYTHON, &self.path(member), folders)
    }

    /// Archive names of the copies of a library.
    fn copies(&self, stem: &str) -> Vec<&str> {
        let is_copy = |name: &&String| {
            let file = name.rsplit('/').next().unwrap();
            file.strip_prefix(stem).is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".dll"))
        };
        self.members.keys().filter(is_copy).map(String::as_str).collect()
    }

    /// The folders that the start-up code of a package gives to the loader.
    fn added_by(&self, init: &str) -> Vec<PathBuf> {
        let line = "import os, sys\nadded = []\nos.add_dll_directory = added.append\npath = sys.argv[1]\n\
                    exec(compile(open(path).read(), path, 'exec'), {'__file__': path})\nprint('\\n'.join(added))";
        let output = Command::new("python3").args(["-I", "-c", line]).arg(self.path(init)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
    }
}

/// Repairs a wheel with these libraries at hand; a second repair must change nothing.
fn repaired(machine: Machine, files: &[(&str, &str)], libraries: &[&str], layout: Layout) -> Installed {
    let wheel = wheel(machine, files);
    let folder = tempfile::tempdir().unwrap();
    let lib = folder.path().join("lib");
    std::fs::create_dir(&lib).unwrap();
    for name in libraries {
        std::fs::write(lib.join(name), dll(machine, name)).unwrap();
    }
    let mut options = Options::default();
    options.search.folders.push(lib);
    options.layout = layout;
    let repair = |wheel: &Path, out: &str| {
        let out = folder.path().join(out);
        std::fs::create_dir_all(&out).unwrap();
        let mut outcome = truewheel::apply(wheel, &options, &out).unwrap();
        let refused: Vec<String> = outcome.diagnostics.iter().map(|found| found.message.clone()).collect();
        outcome.publish(&[]).unwrap_or_else(|error| panic!("{error}: {refused:?}")).unwrap()
    };
    let first = repair(&wheel.write(folder.path()), "once");
    let second = repair(&first, "twice");
    assert_eq!(first.file_name(), second.file_name());
    assert!(std::fs::read(&first).unwrap() == std::fs::read(&second).unwrap(), "a second repair changes something");
    let opened = Wheel::open(&first).unwrap();
    let members: BTreeMap<String, Vec<u8>> = opened
        .members()
        .iter()
        .map(|member| (member.name().to_owned(), opened.read(member).unwrap().into_vec()))
        .collect();
    for (name, bytes) in &members {
        let path = folder.path().join("site").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    Installed { machine, folder, members }
}

fn wheel(machine: Machine, files: &[(&str, &str)]) -> WheelBuilder {
    let tags = match machine {
        Machine::X64 => "cp311-cp311-win_amd64",
        Machine::X86 => "cp311-cp311-win32",
    };
    files.iter().fold(WheelBuilder::new(tags), |wheel, (member, source)| match source.ends_with(".dll") {
        true => wheel.file(member, &dll(machine, source)),
        false => wheel.file(member, source.as_bytes()),
    })
}

#[test]
fn beside_the_extension_a_library_is_found_without_any_code() {
    for machine in wine::machines() {
        for (member, init) in
            [("pkg/_demo.pyd", Some("pkg/__init__.py")), ("space/name/_demo.pyd", None), ("_demo.pyd", None)]
        {
            let mut files = vec![(member, "demo.dll")];
            files.extend(init.map(|init| (init, "'''doc'''\n")));
            let installed = repaired(machine, &files, &["dep.dll"], Layout::Auto);
            let folder = member.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
            let [copy] = installed.copies("dep")[..] else { panic!("{:?}", installed.members.keys()) };
            assert_eq!(copy.rsplit_once('/').map_or("", |(folder, _)| folder), folder.trim_end_matches('/'));
            let inits: Vec<_> = installed.members.keys().filter(|name| name.ends_with("__init__.py")).collect();
            assert_eq!(inits.len(), usize::from(init.is_some()), "a package file was made");
            assert_eq!(init.map(|init| installed.members[init].as_slice()), init.map(|_| &b"'''doc'''\n"[..]));
            assert_eq!(installed.answer(member, &[]), DEMO, "{member}");
        }
    }
}

#[test]
fn a_library_of_two_packages_is_found_by_start_up_code() {
    for machine in wine::machines() {
        let files = [
            ("one/__init__.py", "'''doc'''\nfrom __future__ import annotations\nx = 1\n"),
            ("one/_demo.pyd", "demo.dll"),
            ("two/__init__.py", "# a comment\r\nx = 2\r\n"),
            ("two/sub/_demo.pyd", "demo.dll"),
        ];
        let installed = repaired(machine, &files, &["dep.dll"], Layout::Auto);
        let [copy] = installed.copies("dep")[..] else { panic!("{:?}", installed.members.keys()) };
        assert!(copy.starts_with("demo.libs/"), "{copy}");
        for (init, member) in [("one/__init__.py", "one/_demo.pyd"), ("two/__init__.py", "two/sub/_demo.pyd")] {
            let folders = installed.added_by(init);
            assert_eq!(folders, [installed.path("demo.libs")], "{init}");
            assert_eq!(installed.answer(member, &folders), DEMO, "{member}");
            assert_eq!(installed.answer(member, &[]), REFUSED, "{member} needs no code");
        }
    }
}

#[test]
fn a_folder_of_libraries_is_made_where_it_is_asked_for() {
    for machine in wine::machines() {
        let files = [("pkg/__init__.py", ""), ("pkg/_demo.pyd", "demo.dll")];
        let installed = repaired(machine, &files, &["dep.dll"], Layout::Libs);
        assert!(installed.copies("dep")[0].starts_with("demo.libs/"));
        let folders = installed.added_by("pkg/__init__.py");
        assert_eq!(installed.answer("pkg/_demo.pyd", &folders), DEMO);
    }
}

#[test]
fn namespaces_that_share_a_library_have_a_copy_each() {
    for machine in wine::machines() {
        let files = [("one/_demo.pyd", "demo.dll"), ("two/_demo.pyd", "demo.dll")];
        let installed = repaired(machine, &files, &["dep.dll"], Layout::Adjacent);
        assert_eq!(installed.copies("dep").len(), 2);
        for member in ["one/_demo.pyd", "two/_demo.pyd"] {
            assert_eq!(installed.answer(member, &[]), DEMO, "{member}");
        }
    }
}

#[test]
fn what_a_library_forwards_to_is_vendored_and_renamed_with_it() {
    for machine in wine::machines() {
        let files = [("pkg/__init__.py", ""), ("pkg/user.pyd", "user.dll")];
        let installed = repaired(machine, &files, &["forward.dll", "dep.dll"], Layout::Auto);
        assert_eq!((installed.copies("forward").len(), installed.copies("dep").len()), (1, 1));
        assert_eq!(installed.answer("pkg/user.pyd", &[]), USER);
    }
}

#[test]
fn libraries_that_need_each_other_load() {
    for machine in wine::machines() {
        // The wheel's own library needs one outside, which needs the wheel's own.
        let files = [("pkg/__init__.py", ""), ("pkg/cycle_a.dll", "cycle_a.dll")];
        let installed = repaired(machine, &files, &["cycle_b.dll"], Layout::Auto);
        assert_eq!(installed.copies("cycle_b").len(), 1);
        assert_eq!(installed.answer("pkg/cycle_a.dll", &[]), CYCLE);
    }
}

#[test]
fn a_delayed_import_becomes_one_that_the_loader_finds() {
    // The fixture's helper is for x64.
    for machine in wine::machines().into_iter().filter(|machine| *machine == Machine::X64) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["delay.dll", "dep.dll"] {
            std::fs::write(folder.path().join(name), dll(machine, name)).unwrap();
        }
        // As it was linked, the helper does not look beside the file.
        assert_eq!(loaded(machine, PYTHON, &folder.path().join("delay.dll"), &[]), 126);
        let files = [("pkg/__init__.py", ""), ("pkg/delay.pyd", "delay.dll")];
        let installed = repaired(machine, &files, &["dep.dll"], Layout::Auto);
        assert_eq!(installed.answer("pkg/delay.pyd", &[]), DELAY);
    }
}

#[test]
fn flags_that_keep_the_loader_out_of_the_folder_are_cleared() {
    for machine in wine::machines() {
        let files = [("pkg/__init__.py", ""), ("pkg/config.pyd", "config.dll")];
        let installed = repaired(machine, &files, &["dep.dll"], Layout::Auto);
        assert_eq!(installed.answer("pkg/config.pyd", &[]), CONFIG);
        let image = format::inspect(&installed.members["pkg/config.pyd"]).unwrap().remove(0);
        assert_eq!(image.pe().unwrap().dependent_load_flags, 0);
    }
}

#[test]
fn older_pythons_find_what_lies_beside_the_extension() {
    for machine in wine::machines() {
        // `LOAD_WITH_ALTERED_SEARCH_PATH`: CPython before 3.8, and what conda's start-up code preloads with.
        let files = [("pkg/__init__.py", ""), ("pkg/_demo.pyd", "demo.dll")];
        let installed = repaired(machine, &files, &["dep.dll"], Layout::Auto);
        assert_eq!(loaded(machine, "8", &installed.path("pkg/_demo.pyd"), &[]), DEMO);
    }
}
