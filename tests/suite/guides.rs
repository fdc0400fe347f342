//! The README and the guides are true: each command of their `console` blocks runs, and prints what the page shows.
//!
//! `UPDATE=1 cargo test guides` writes what the commands print into the pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;
use clap::error::ErrorKind;
use truewheel::cli::args::Arguments;

use crate::support::wheel::WheelBuilder;
use crate::support::{files_below, fixture, testdata};

/// What the folder is called in which the reader is thought to be.
const HOME: &str = "/home/you/demo";

/// The README's wheel and libraries as `libs/`; a wheel for aarch64 and a root of that machine as `sysroot/`; a pure wheel,
/// and one of a library alone.
fn folder() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let wheel = "demo-1.0-cp38-abi3-linux_x86_64.whl";
    fs::copy(testdata("demo").join(wheel), directory.path().join(wheel)).unwrap();
    let libraries = directory.path().join("libs");
    fs::create_dir(&libraries).unwrap();
    for name in ["libgreet.so.1", "libwords.so.1"] {
        fs::copy(testdata("demo/lib").join(name), libraries.join(name)).unwrap();
    }
    let named = |name: &str, tags: &str| {
        let mut builder = WheelBuilder::new(tags);
        builder.name = name.to_owned();
        builder.metadata = Some(format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"));
        builder
    };
    named("pure", "py2.py3-none-any").file("pure.py", b"").write(directory.path());
    let library = fs::read(libraries.join("libwords.so.1")).unwrap();
    named("words", "cp311-cp311-linux_x86_64").file("words/libwords.so.1", &library).write(directory.path());
    let mut builder = WheelBuilder::new("cp311-cp311-linux_aarch64");
    builder.name = "cross".to_owned();
    builder.metadata = Some("Metadata-Version: 2.1\nName: cross\nVersion: 1.0\n".to_owned());
    builder.file("cross/_demo.so", &fixture("elf/aarch64/_demo.so")).write(directory.path());
    let root = directory.path().join("sysroot/usr/lib/aarch64-linux-gnu");
    fs::create_dir_all(&root).unwrap();
    for name in ["libdemo.so.1", "libdep.so.1"] {
        fs::write(root.join(name), fixture(&format!("elf/aarch64/{name}"))).unwrap();
    }
    directory
}

/// Runs a line of a shell and returns what it prints, both streams, with the folder's name replaced.
fn output(line: &str, folder: &Path) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_truewheel")).parent().unwrap();
    let output = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("exec 2>&1\n{line}"))
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let real = folder.canonicalize().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.replace(real.to_str().unwrap(), HOME).replace(folder.to_str().unwrap(), HOME)
}

/// Returns the page with the output of each command put in.
fn with_output(page: &str) -> (String, usize) {
    let folder = folder();
    let (mut result, mut inside, mut commands) = (String::new(), false, 0);
    for line in page.lines() {
        let fence = line.starts_with("```");
        if fence {
            inside = line == "```console";
        }
        if !inside || fence {
            result.push_str(line);
            result.push('\n');
        } else if let Some(command) = line.strip_prefix("$ ") {
            commands += 1;
            result.push_str(line);
            result.push('\n');
            let said = output(command, folder.path());
            result.push_str(&said);
            assert!(said.is_empty() || said.ends_with('\n'), "{command}: {said}");
        }
    }
    (result, commands)
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = fs::read_dir(root.join("docs/guides")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = guides.filter(|path| path.extension().is_some_and(|name| name == "md")).collect();
    pages.push(root.join("README.md"));
    pages.sort();
    pages
}

#[test]
fn every_console_block_shows_what_its_commands_print() {
    let mut total = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        let (wanted, commands) = with_output(&page);
        total += commands;
        if page != wanted && std::env::var_os("UPDATE").is_some() {
            fs::write(&path, wanted).unwrap();
            continue;
        }
        if page != wanted {
            let differing = page.lines().zip(wanted.lines()).find(|(page, wanted)| page != wanted);
            panic!("{}: {differing:#?}; `UPDATE=1 cargo test guides` writes what is true", path.display());
        }
    }
    assert!(total >= 10, "{total} commands");
}

/// Returns the command lines of truewheel in a text that is not run here: those of blocks other than `console`, if it is a page.
fn command_lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let is_page = path.extension().is_some_and(|name| name == "md");
    let mut inside = !is_page;
    let mut found = Vec::new();
    for line in text.lines() {
        if is_page && line.starts_with("```") {
            inside = !inside && line != "```" && line != "```console" && line != "```text";
        } else if inside
            && !line.trim_start().starts_with('#')
            && let Some((_, rest)) = line.split_once("truewheel ")
        {
            let ends = [" #", " &&", " ||", " |", ";"];
            let end = ends.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
            // What cibuildwheel fills in.
            found.push(rest[..end].replace(['"', '\''], "").replace("{delocate_archs}", "arm64"));
        }
    }
    found
}

#[test]
fn commands_that_are_not_run_here_are_understood() {
    let mut paths = pages();
    files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides/ci"), &mut paths);
    paths.push(Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml"));
    let mut total = 0;
    for path in paths {
        for line in command_lines(&path) {
            let words = std::iter::once("truewheel").chain(line.split_whitespace());
            if let Err(error) = Arguments::try_parse_from(words) {
                // An entry to which names are added, and `--version`.
                let is_fine = [ErrorKind::MissingRequiredArgument, ErrorKind::DisplayVersion].contains(&error.kind());
                assert!(is_fine, "{}: truewheel {line}: {error}", path.display());
            }
            total += 1;
        }
    }
    assert!(total >= 20, "{total} commands");
}

#[test]
fn the_two_commands_of_the_readme_name_what_is_there() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let wheel = "testdata/demo/demo-1.0-cp38-abi3-linux_x86_64.whl";
    let repair = format!("cargo run --release -- repair {wheel} --lib-path testdata/demo/lib -w wheelhouse\n");
    assert!(readme.contains(&repair) && readme.contains("\ncargo test\n"), "the two commands");
    assert!(testdata("demo/demo-1.0-cp38-abi3-linux_x86_64.whl").exists() && testdata("demo/lib").exists());
}
