//! Edited programs and libraries, run: on this machine and, by qemu-user, on others with Debian's cross C libraries.
//!
//! Debian 12: `apt-get install qemu-user-static musl libc6-i386-cross libc6-{arm64,armhf,ppc64,ppc64el,s390x,riscv64}-cross`.
//! Debian has no C library for loongarch64, and for soft-float arm none beside that of hard-float: those are only read back.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use truewheel::format::{Edit, SearchPathKind, StripLevel};

use crate::elf_edit::{edit, replace, search_path};
use crate::elf_facts::inspect;
use crate::support::{fixture, skip};

/// Folder of fixtures, emulator, and where that machine's C library is.
const MACHINES: [(&str, Option<&str>, &str); 11] = [
    ("x86_64", None, ""),
    ("x86_64-lld", None, ""),
    ("x86_64-musl", None, ""),
    ("i686", Some("qemu-i386-static"), "/usr/i686-linux-gnu"),
    ("aarch64", Some("qemu-aarch64-static"), "/usr/aarch64-linux-gnu"),
    ("aarch64-lld", Some("qemu-aarch64-static"), "/usr/aarch64-linux-gnu"),
    ("armv7l", Some("qemu-arm-static"), "/usr/arm-linux-gnueabihf"),
    ("ppc64le", Some("qemu-ppc64le-static"), "/usr/powerpc64le-linux-gnu"),
    ("ppc64", Some("qemu-ppc64-static"), "/usr/powerpc64-linux-gnu"),
    ("s390x", Some("qemu-s390x-static"), "/usr/s390x-linux-gnu"),
    ("riscv64", Some("qemu-riscv64-static"), "/usr/riscv64-linux-gnu"),
];

/// A machine that can run here.
struct Machine {
    name: &'static str,
    emulator: Option<&'static str>,
    root: &'static str,
    /// The loader that its programs name, as a file of this system.
    loader: PathBuf,
}

fn machines() -> Vec<Machine> {
    let mut found = Vec::new();
    for (name, emulator, root) in MACHINES {
        let program = fixture(&format!("elf/{name}/program"));
        let interpreter = inspect(&program).elf().unwrap().interpreter.clone().unwrap();
        // Debian's cross packages keep the loader in lib, wherever programs look for it.
        let file = Path::new(&interpreter).file_name().unwrap();
        let loader = if root.is_empty() { PathBuf::from(&interpreter) } else { Path::new(root).join("lib").join(file) };
        let is_native = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        if emulator.is_none() && !is_native {
            skip(&format!("{name}: this is not x86_64 Linux"));
        } else if !loader.exists() {
            skip(&format!("{name}: no C library ({})", loader.display()));
        } else if emulator.is_some_and(|emulator| Command::new(emulator).arg("--version").output().is_err()) {
            skip(&format!("{name}: no {}", emulator.unwrap()));
        } else {
            found.push(Machine { name, emulator, root, loader });
        }
    }
    found
}

impl Machine {
    fn file(&self, name: &str) -> Vec<u8> {
        fixture(&format!("elf/{}/{name}", self.name))
    }

    /// Runs a program, every symbol bound at its start; returns what it prints.
    fn run(&self, program: &Path) -> String {
        let mut command = match self.emulator {
            None => {
                let mut command = Command::new(program);
                command.env("LD_BIND_NOW", "1");
                command
            }
            Some(emulator) => {
                let mut command = Command::new(emulator);
                command.args(["-E", "LD_BIND_NOW=1", "-L", self.root]).arg(program);
                command
            }
        };
        command.env_remove("LD_LIBRARY_PATH");
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {:?} {error}", program.display(), output.status);
        String::from_utf8(output.stdout).unwrap()
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What is done to all three files besides the names.
fn variants() -> Vec<(&'static str, Vec<Edit>)> {
    let many = (0..30).map(|index| Edit::AddSearchPath(format!("/not/there/but/long/enough/{index}")));
    vec![
        ("names", vec![]),
        ("stripped", vec![Edit::Strip(StripLevel::All)]),
        ("runpath", vec![Edit::SetSearchPathKind(SearchPathKind::Runpath)]),
        ("much longer", many.collect()),
        ("stack", vec![Edit::ClearExecutableStack, Edit::Strip(StripLevel::Debug)]),
    ]
}

/// Writes the program with its libraries renamed, and its interpreter at another place.
fn lay_out(machine: &Machine, folder: &Path, more: &[Edit], change: impl Fn(Vec<u8>) -> Vec<u8>) -> PathBuf {
    let with = |file: &str, list: Vec<Edit>| {
        edit(&change(machine.file(file)), list.into_iter().chain(more.iter().cloned())).bytes
    };
    let libraries = folder.join("somewhere.libs");
    let soname = |name: &str| Edit::SetIdentity(name.to_owned());
    let dep = with("libdep.so.1", vec![soname("libdep-01234567.so.1")]);
    write(&libraries.join("libdep-01234567.so.1"), &dep);
    let path = search_path("$ORIGIN:$ORIGIN/../somewhere.libs");
    let renamed = replace("libdep.so.1", "libdep-01234567.so.1");
    let demo = with("libdemo.so.1", vec![soname("libdemo-89abcdef.so.1"), renamed, path]);
    write(&libraries.join("libdemo-89abcdef.so.1"), &demo);
    let loader = folder.join("another/place/for/the/loader.so");
    fs::create_dir_all(loader.parent().unwrap()).unwrap();
    symlink(&machine.loader, &loader).unwrap();
    let list = vec![
        replace("libdemo.so.1", "libdemo-89abcdef.so.1"),
        search_path("$ORIGIN/../somewhere.libs"),
        Edit::SetInterpreter(loader.to_str().unwrap().to_owned()),
    ];
    let program = folder.join("bin/program");
    write(&program, &with("program", list));
    program
}

#[test]
fn programs_run_after_their_names_paths_and_interpreters_changed() {
    for machine in machines() {
        for (name, more) in variants() {
            let folder = tempfile::tempdir().unwrap();
            let program = lay_out(&machine, folder.path(), &more, |bytes| bytes);
            assert_eq!(machine.run(&program), "answer 42\n", "{}, {name}", machine.name);
        }
    }
}

#[test]
fn programs_without_section_headers_run_after_every_edit() {
    for machine in machines() {
        for (name, more) in variants() {
            let folder = tempfile::tempdir().unwrap();
            let program = lay_out(&machine, folder.path(), &more, crate::elf_edit::without_sections);
            assert_eq!(machine.run(&program), "answer 42\n", "{}, {name}", machine.name);
        }
    }
}

#[test]
fn programs_run_after_a_large_bss_forced_a_new_segment_on_their_libraries() {
    for machine in machines() {
        let folder = tempfile::tempdir().unwrap();
        let many: Vec<Edit> =
            (0..300).map(|index| Edit::AddSearchPath(format!("/not/there/but/long/enough/{index}"))).collect();
        let program = lay_out(&machine, folder.path(), &many, |bytes| with_large_bss(&bytes));
        assert_eq!(machine.run(&program), "answer 42\n", "{}", machine.name);
        let library = fs::read(folder.path().join("somewhere.libs/libdemo-89abcdef.so.1")).unwrap();
        assert!(library.len() < 1 << 20, "{}: .bss was written out", machine.name);
    }
}

/// Gives the last loaded segment 12 MiB more memory.
fn with_large_bss(bytes: &[u8]) -> Vec<u8> {
    use truewheel::format::bytes::{BytesMut, Width};
    use truewheel::format::elf::read::Elf;

    let file = Elf::parse(bytes).unwrap();
    let load = file.segments.iter().rposition(|segment| segment.kind == 1).unwrap() as u64;
    let (header, memory) = (file.header, file.segments[usize::try_from(load).unwrap()].memory_size);
    let field = if header.width == Width::W64 { 40 } else { 20 };
    let mut bytes = bytes.to_vec();
    BytesMut::new(&mut bytes, header.endian)
        .put_word(header.program_headers.0 + load * header.segment_size() + field, header.width, memory + (12 << 20))
        .unwrap();
    bytes
}
