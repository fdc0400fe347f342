//! Edited programs and libraries run: each machine's own loader loads them, under qemu-user where this machine is another.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use truewheel::format::{self, Edit, EditSet, SearchPathKind, StripLevel};

use crate::support::world::run;
use crate::support::{fixture, skip};

/// A folder of fixtures, and what runs them.
struct Machine {
    fixtures: &'static str,
    /// The `qemu-<name>-static` that runs it; `None`: this machine does.
    emulator: Option<&'static str>,
    /// The root directory that holds its C library.
    root: &'static str,
    /// The loader, below the root directory.
    loader: &'static str,
}

/// Debian 12 has no C library for loongarch64: there the readers alone judge (`elf_edit.rs`).
const MACHINES: &[Machine] = &[
    machine("x86_64", None, "", "lib64/ld-linux-x86-64.so.2"),
    machine("x86_64-lld", None, "", "lib64/ld-linux-x86-64.so.2"),
    machine("x86_64-musl", None, "", "lib/ld-musl-x86_64.so.1"),
    machine("i686", Some("i386"), "usr/i686-linux-gnu", "lib/ld-linux.so.2"),
    machine("armv7l", Some("arm"), "usr/arm-linux-gnueabihf", "lib/ld-linux-armhf.so.3"),
    machine("aarch64", Some("aarch64"), "usr/aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1"),
    machine("aarch64-lld", Some("aarch64"), "usr/aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1"),
    machine("ppc64le", Some("ppc64le"), "usr/powerpc64le-linux-gnu", "lib/ld64.so.2"),
    machine("ppc64", Some("ppc64"), "usr/powerpc64-linux-gnu", "lib/ld64.so.1"),
    machine("s390x", Some("s390x"), "usr/s390x-linux-gnu", "lib/ld64.so.1"),
    machine("riscv64", Some("riscv64"), "usr/riscv64-linux-gnu", "lib/ld-linux-riscv64-lp64d.so.1"),
];

const fn machine(
    fixtures: &'static str,
    emulator: Option<&'static str>,
    root: &'static str,
    loader: &'static str,
) -> Machine {
    Machine { fixtures, emulator, root, loader }
}

impl Machine {
    /// Returns the folder of its C library, or says what is missing.
    fn installed(&self) -> Option<PathBuf> {
        let root = Path::new("/").join(self.root);
        let loader = root.join(self.loader);
        if !loader.exists() || (self.emulator.is_none() && !cfg!(all(target_os = "linux", target_arch = "x86_64"))) {
            skip(&format!("{}: no {}", self.fixtures, loader.display()));
            return None;
        }
        let emulator = self.emulator.map(|name| format!("qemu-{name}-static"));
        if let Some(name) = emulator.filter(|name| Command::new(name).arg("--version").output().is_err()) {
            skip(&format!("{}: no {name}", self.fixtures));
            return None;
        }
        Some(root)
    }

    /// Runs `program` with `root` as its root directory for what it opens.
    fn run(&self, program: &Path, root: &Path) {
        let mut command = match self.emulator {
            Some(name) => {
                let mut command = Command::new(format!("qemu-{name}-static"));
                command.arg("-L").arg(root).arg(program);
                command
            }
            None => Command::new(program),
        };
        let ran = run(command.env_remove("LD_LIBRARY_PATH"));
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), "answer 42\n"), "{}: {ran:#?}", self.fixtures);
    }
}

/// Returns the bytes after the edits; a second time must change nothing.
fn edited(bytes: &[u8], edits: Vec<Edit>) -> Vec<u8> {
    let edits = EditSet::new(edits).unwrap();
    let result = format::edit(bytes, &edits).unwrap().bytes;
    assert!(format::edit(&result, &edits).unwrap().bytes == result, "a second edit changed the file");
    result
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Edits a program and its two libraries as a repair does, and more, and runs the program.
fn edit_and_run(machine: &Machine, kind: SearchPathKind, strip: Option<StripLevel>, has_sections: bool) {
    let Some(installed) = machine.installed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| {
        let bytes = fixture(&format!("elf/{}/{name}", machine.fixtures));
        if has_sections { bytes } else { super::elf_edit::without_sections(bytes) }
    };
    let last: Vec<Edit> = strip.into_iter().map(Edit::Strip).collect();
    // The loader under another, longer name; emulators look for it below their root directory.
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    for name in ["lib", "lib64"] {
        let _ = symlink(installed.join(name), root.join(name));
    }
    symlink(installed.join(machine.loader), root.join("the-loader-under-quite-another-name.so")).unwrap();
    let interpreter = match machine.emulator {
        Some(_) => "/the-loader-under-quite-another-name.so".to_owned(),
        None => root.join("the-loader-under-quite-another-name.so").to_str().unwrap().to_owned(),
    };
    let path = |paths: &[&str]| Edit::SetSearchPath {
        paths: paths.iter().map(|&path| path.to_owned()).collect(),
        kind: Some(kind),
    };
    let rename = |from: &str, to: &str| Edit::ReplaceImport { from: from.to_owned(), to: to.to_owned() };
    let program = [
        vec![
            rename("libdemo.so.1", "libdemo-0123abcd.so.1"),
            path(&["$ORIGIN/nowhere", "$ORIGIN/../package/demo.libs"]),
            Edit::SetInterpreter(interpreter),
        ],
        last.clone(),
    ];
    let demo = [
        vec![
            Edit::SetIdentity("libdemo-0123abcd.so.1".to_owned()),
            rename("libdep.so.1", "libdep-89abcdef.so.1"),
            path(&["$ORIGIN"]),
        ],
        last.clone(),
    ];
    let dep = [vec![Edit::SetIdentity("libdep-89abcdef.so.1".to_owned())], last];
    let bin = folder.path().join("bin/program");
    let libraries = folder.path().join("package/demo.libs");
    write(&bin, &edited(&read("program"), program.concat()));
    write(&libraries.join("libdemo-0123abcd.so.1"), &edited(&read("libdemo.so.1"), demo.concat()));
    write(&libraries.join("libdep-89abcdef.so.1"), &edited(&read("libdep.so.1"), dep.concat()));
    machine.run(&bin, &root);
}

#[test]
fn every_machine_s_loader_runs_what_was_edited() {
    for machine in MACHINES {
        edit_and_run(machine, SearchPathKind::Rpath, None, true);
    }
}

#[test]
fn every_machine_s_loader_follows_a_runpath_that_was_set() {
    for machine in MACHINES {
        edit_and_run(machine, SearchPathKind::Runpath, None, true);
    }
}

#[test]
fn every_machine_s_loader_runs_what_was_edited_and_stripped() {
    for machine in MACHINES {
        edit_and_run(machine, SearchPathKind::Rpath, Some(StripLevel::All), true);
    }
}

#[test]
fn every_machine_s_loader_runs_files_without_section_headers_that_were_edited() {
    for machine in MACHINES {
        edit_and_run(machine, SearchPathKind::Rpath, None, false);
    }
}
