//! Edited DLLs, loaded by Wine with the flags that CPython uses.

use std::fs;
use std::path::{Path, PathBuf};

use truewheel::format::Edit;

use crate::pe_edit::{LONG, edit, replace};
use crate::pe_facts::pe;
use crate::support::pe::PeFile;
use crate::support::wine::{Machine, machines, run, windows_path};

/// `LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR`: `Python/dynload_win.c`.
const PYTHON: &str = "1100";
/// What `load.exe` says if the library cannot be loaded.
const NOT_LOADED: i32 = 1;

/// A folder with libraries, and the loader in another.
struct Place {
    machine: Machine,
    root: tempfile::TempDir,
}

impl Place {
    fn new(machine: Machine) -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["app", "lib"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let place = Self { machine, root };
        fs::write(place.root.path().join("app/load.exe"), place.fixture("load.exe")).unwrap();
        place
    }

    fn fixture(&self, name: &str) -> Vec<u8> {
        pe(&format!("{}/{name}", self.machine.folder()))
    }

    fn library(&self, name: &str) -> PathBuf {
        self.root.path().join("lib").join(name)
    }

    fn with(self, name: &str, bytes: &[u8]) -> Self {
        fs::write(self.library(name), bytes).unwrap();
        self
    }

    fn without(self, name: &str) -> Self {
        fs::remove_file(self.library(name)).unwrap();
        self
    }

    /// What `answer` of the library returns.
    fn load(&self, name: &str, flags: &str) -> i32 {
        let program: &Path = &self.root.path().join("app/load.exe");
        run(program, self.root.path(), &[flags, &windows_path(&self.library(name))])
    }
}

fn rename(bytes: &[u8], to: &str) -> Vec<u8> {
    edit(bytes, [replace("dep.dll", to)]).bytes
}

#[test]
fn a_renamed_import_is_found_wherever_its_name_is_placed() {
    for machine in machines() {
        let place = Place::new(machine);
        let (dep, demo) = (place.fixture("dep.dll"), place.fixture("demo.dll"));
        let ordinal = place.fixture("ordinal.dll");
        let place = place.with("demo.dll", &demo).with("dep.dll", &dep);
        assert_eq!(place.load("demo.dll", PYTHON), 43);
        // Without the flags the library's own folder is not looked at: it is they that find it.
        assert_eq!(place.load("demo.dll", "0"), NOT_LOADED);
        let full = PeFile::new(&demo).without_slack();
        let place = place
            .without("dep.dll")
            .with("d.dll", &dep)
            .with(LONG, &dep)
            .with("in-place.dll", &rename(&demo, "d.dll"))
            .with("slack.dll", &rename(&demo, LONG))
            .with("section.dll", &rename(&full.bytes, LONG))
            .with("stub.dll", &rename(&full.without_growth().bytes, LONG))
            .with("ordinal.dll", &rename(&ordinal, LONG));
        assert_eq!(place.load("demo.dll", PYTHON), NOT_LOADED);
        for (name, answer) in
            [("in-place.dll", 43), ("slack.dll", 43), ("section.dll", 43), ("stub.dll", 43), ("ordinal.dll", 44)]
        {
            assert_eq!(place.load(name, PYTHON), answer, "{machine:?} {name}");
        }
    }
}

#[test]
fn a_file_whose_headers_grew_is_loaded() {
    if machines().is_empty() {
        return;
    }
    let place = Place::new(Machine::X64);
    let full = PeFile::new(&place.fixture("sections.dll")).without_slack().with_full_headers().with_checksum();
    let dep = place.fixture("dep.dll");
    let place = place.with("grown.dll", &rename(&full.bytes, LONG)).with(LONG, &dep);
    assert_eq!(place.load("grown.dll", PYTHON), 47);
}

#[test]
fn signed_bound_and_overlaid_files_are_loaded() {
    for machine in machines() {
        let place = Place::new(machine);
        let odd = PeFile::new(&place.fixture("demo.dll")).bound().with_overlay(b"an overlay").signed().with_checksum();
        let dep = place.fixture("dep.dll");
        let place = place.with("odd.dll", &rename(&odd.without_slack().bytes, LONG)).with(LONG, &dep);
        assert_eq!(place.load("odd.dll", PYTHON), 43, "{machine:?}");
    }
}

#[test]
fn a_renamed_forwarder_leads_to_the_new_name() {
    for machine in machines() {
        let place = Place::new(machine);
        let (dep, user, forward) = (place.fixture("dep.dll"), place.fixture("user.dll"), place.fixture("forward.dll"));
        let place = place.with("user.dll", &user).with("forward.dll", &forward).with("dep.dll", &dep);
        assert_eq!(place.load("user.dll", PYTHON), 44, "{machine:?}");
        let place = place.without("dep.dll").with(LONG, &dep);
        assert_eq!(place.load("user.dll", PYTHON), NOT_LOADED, "{machine:?}: an old name must not be enough");
        for file in [PeFile::new(&forward), PeFile::new(&forward).without_slack()] {
            let renamed = edit(&file.bytes, [replace("dep.dll", LONG), Edit::SetIdentity("other-name.dll".to_owned())]);
            fs::write(place.library("forward.dll"), &renamed.bytes).unwrap();
            assert_eq!(place.load("user.dll", PYTHON), 44, "{machine:?}");
        }
    }
}

#[test]
fn libraries_that_need_each_other_are_renamed_together() {
    for machine in machines() {
        let place = Place::new(machine);
        let names = |file: &PeFile| {
            let edits = [replace("cycle_a.dll", &format!("a-{LONG}")), replace("cycle_b.dll", &format!("b-{LONG}"))];
            let known = edits.into_iter().filter(|edit| {
                let Edit::ReplaceImport { from, .. } = edit else { return false };
                crate::pe_facts::inspect(&file.bytes).imports_name(from)
            });
            edit(&file.bytes, known).bytes
        };
        let (a, b) = (PeFile::new(&place.fixture("cycle_a.dll")), PeFile::new(&place.fixture("cycle_b.dll")));
        let place = place.with(&format!("a-{LONG}"), &names(&a)).with(&format!("b-{LONG}"), &names(&b.without_slack()));
        assert_eq!(place.load(&format!("a-{LONG}"), PYTHON), 45, "{machine:?}");
    }
}

#[test]
fn a_delay_import_is_found_once_it_is_bound_at_load() {
    if machines().is_empty() {
        return;
    }
    let place = Place::new(Machine::X64);
    let (dep, delay) = (place.fixture("dep.dll"), place.fixture("delay.dll"));
    let place = place.with("delay.dll", &delay).with("dep.dll", &dep);
    // Visual C++'s helper asks for the bare name, and nobody tells it where.
    assert_eq!(place.load("delay.dll", PYTHON), 126);
    let eager = |bytes: &[u8]| edit(bytes, [Edit::DelayToEager(None)]).bytes;
    let place = place
        .with("eager.dll", &eager(&delay))
        .with("renamed.dll", &rename(&eager(&PeFile::new(&delay).without_slack().bytes), LONG))
        .with(LONG, &dep);
    assert_eq!(place.load("eager.dll", PYTHON), 46);
    let place = place.without("dep.dll");
    assert_eq!(place.load("renamed.dll", PYTHON), 46);
}

#[test]
fn an_added_import_is_loaded_with_the_file() {
    for machine in machines() {
        let place = Place::new(machine);
        let (dep, demo) = (place.fixture("dep.dll"), place.fixture("demo.dll"));
        let added = edit(&demo, [Edit::AddImport("other.dll!dep_value".to_owned())]).bytes;
        let place = place.with("added.dll", &added).with("dep.dll", &dep);
        assert_eq!(place.load("added.dll", PYTHON), NOT_LOADED, "{machine:?}");
        let place = place.with("other.dll", &dep);
        assert_eq!(place.load("added.dll", PYTHON), 43, "{machine:?}");
    }
}

#[test]
fn a_file_without_dependent_load_flags_is_loaded() {
    for machine in machines() {
        let place = Place::new(machine);
        let (dep, config) = (place.fixture("dep.dll"), place.fixture("config.dll"));
        let cleared = edit(&config, [Edit::ClearDependentLoadFlags, replace("dep.dll", LONG)]).bytes;
        assert_eq!(place.with("config.dll", &cleared).with(LONG, &dep).load("config.dll", PYTHON), 48, "{machine:?}");
    }
}
