//! Mach-O editing: every edit on every fixture, read back by two readers; slices that differ; what is refused.

use std::process::Command;

use goblin::mach::MachO as Witness;
use truewheel::ErrorKind;
use truewheel::format::macho::{SignatureState, StructureRule};
use truewheel::format::{self, Edit, EditSet, Edited, Image, ImportKind, SearchPathKind, StripLevel};

use crate::macho_facts::{dump, fixtures, inspect, one, slice};
use crate::support::fixture;
use crate::support::macho_raw::{LOAD, REEXPORT, RawMacho, SYSTEM, WEAK, universal};

pub(crate) fn edits(list: impl IntoIterator<Item = Edit>) -> EditSet {
    EditSet::new(list).unwrap()
}

pub(crate) fn edit(bytes: &[u8], list: impl IntoIterator<Item = Edit>) -> Edited {
    format::edit(bytes, &edits(list)).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn refusal(bytes: &[u8], list: impl IntoIterator<Item = Edit>) -> (ErrorKind, String) {
    let error = format::edit(bytes, &edits(list)).unwrap_err();
    (error.kind(), error.to_string())
}

pub(crate) fn replace(from: &str, to: &str) -> Edit {
    Edit::ReplaceImport { from: from.to_owned(), to: to.to_owned() }
}

pub(crate) fn add_rpath(path: &str) -> Edit {
    Edit::AddSearchPath(path.to_owned())
}

fn set_rpaths(paths: &[&str]) -> Edit {
    Edit::SetSearchPath { paths: paths.iter().map(|path| (*path).to_owned()).collect(), kind: None }
}

pub(crate) fn imports(image: &Image) -> Vec<&str> {
    image.imports.iter().map(|import| import.name.as_str()).collect()
}

pub(crate) fn rpaths(image: &Image) -> Vec<&str> {
    image.search_paths.iter().map(|path| path.path.as_str()).collect()
}

/// Name, place and content of every section, as another reader finds them.
fn sections(bytes: &[u8]) -> Vec<(String, u64, Vec<u8>)> {
    let witness = Witness::parse(bytes, 0).unwrap();
    let all = witness.segments.sections().flatten().map(Result::unwrap);
    all.map(|(section, data)| (section.name().unwrap().to_owned(), section.addr, data.to_vec())).collect()
}

/// Every edit that a file can carry, by name.
fn catalogue(image: &Image) -> Vec<(&'static str, Vec<Edit>)> {
    let mut all = vec![
        ("rename shorter", vec![replace(&image.imports[0].name, "x")]),
        ("rename longer", vec![replace(&image.imports[0].name, "@loader_path/../demo.libs/libother-0123.dylib")]),
        ("add import", vec![Edit::AddImport("@rpath/libadded.dylib".to_owned())]),
        ("add rpath", vec![add_rpath("@loader_path/x")]),
        ("set rpaths", vec![set_rpaths(&["@loader_path/a", "@loader_path/b", "@loader_path/a"])]),
        (
            "no rpaths",
            vec![
                set_rpaths(&[]),
                Edit::AddSearchPath("@loader_path".into()),
                Edit::RemoveSearchPath("@loader_path".into()),
            ],
        ),
        ("version", vec![Edit::SetMinVersion("12.3".to_owned())]),
        ("sign", vec![Edit::Sign]),
    ];
    if image.identity.is_some() {
        all.push(("identity", vec![Edit::SetIdentity("/DLC/demo/libdemo.dylib".to_owned())]));
    }
    let paths = image.search_paths.iter().map(|path| Edit::RemoveSearchPath(path.path.clone()));
    all.push(("remove rpaths", paths.collect()));
    all
}

#[test]
fn every_edit_on_every_file_is_read_back_by_two_readers() {
    let (mut done, mut refused) = (0, 0);
    for (file, bytes) in fixtures() {
        let before = inspect(&bytes);
        for (name, list) in catalogue(&before[0]) {
            let name = format!("{file}, {name}");
            let set = edits(list.clone());
            let fits = format::macho::fit(&bytes, &set).unwrap();
            let edited = match format::edit(&bytes, &set) {
                Ok(edited) => edited,
                Err(error) => {
                    assert!(fits.iter().any(|fit| !fit.fits()), "{name}: {error}");
                    assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
                    refused += 1;
                    continue;
                }
            };
            done += 1;
            assert!(fits.iter().all(|fit| fit.fits()), "{name}");
            let after = inspect(&edited.bytes);
            assert_eq!(before.len(), after.len(), "{name}");
            for (old, new) in before.iter().zip(&after) {
                let (old_bytes, new_bytes) = (slice(&bytes, old), slice(&edited.bytes, new));
                assert_eq!(sections(old_bytes), sections(new_bytes), "{name}");
                let witness = Witness::parse(new_bytes, 0).unwrap();
                assert_eq!(witness.libs[1..], imports(new), "{name}");
                assert_eq!(witness.rpaths, rpaths(new), "{name}");
                assert_eq!(witness.name, new.identity.as_deref(), "{name}");
                let (old_facts, new_facts) = (old.macho().unwrap(), new.macho().unwrap());
                assert_eq!(new_facts.structure, [], "{name}");
                assert_eq!(new.faults, [], "{name}");
                let must_be = old_facts.signature.is_some() || list.contains(&Edit::Sign);
                assert_eq!(new_facts.signature.is_some(), must_be, "{name}");
                assert!(new_facts.signature.iter().all(|made| made.state == SignatureState::Valid), "{name}");
                let (old, new) = (format::symbols(&bytes, old).unwrap(), format::symbols(&edited.bytes, new).unwrap());
                assert_eq!(old.undefined, new.undefined, "{name}");
                assert_eq!(old.python_exports, new.python_exports, "{name}");
            }
            assert_eq!(edited.changes.is_empty(), edited.bytes == bytes, "{name}");
            let again = format::edit(&edited.bytes, &set).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(again.changes.is_empty() && again.bytes == edited.bytes, "{name}: {:?}", again.changes);
        }
    }
    assert!(done > 120 && refused > 1, "{done} done, {refused} refused");
}

#[test]
fn no_edit_and_nothing_to_change_give_the_same_bytes() {
    for (name, bytes) in fixtures() {
        assert_eq!(edit(&bytes, []).bytes, bytes, "{name}");
        for image in inspect(&bytes) {
            let mut list: Vec<Edit> = image.search_paths.iter().map(|path| add_rpath(&path.path)).collect();
            list.extend(image.imports.iter().map(|import| Edit::AddImport(import.name.clone())));
            list.push(replace("not there", &image.imports[0].name));
            list.push(Edit::RemoveSearchPath("not there".to_owned()));
            list.push(Edit::SetSearchPathKind(SearchPathKind::Rpath));
            if inspect(&bytes).len() == 1 {
                list.push(set_rpaths(&rpaths(&image)));
                list.extend(image.identity.clone().map(Edit::SetIdentity));
            } else {
                list.retain(|edit| !matches!(edit, Edit::AddSearchPath(_)));
            }
            let edited = edit(&bytes, list);
            assert!(edited.bytes == bytes && edited.changes.is_empty(), "{name}: {:?}", edited.changes);
        }
    }
}

#[test]
fn an_edited_library_reads_like_this() {
    let list = || {
        [
            Edit::SetIdentity("/DLC/demo/.dylibs/libdemo.dylib".to_owned()),
            replace("@rpath/libdep.dylib", "@loader_path/libdep.dylib"),
            set_rpaths(&["@loader_path/../lib"]),
            Edit::SetMinVersion("10.9".to_owned()),
        ]
    };
    let mut text = String::new();
    for file in ["x86_64/libdemo.dylib", "arm64/libdemo.dylib"] {
        let edited = edit(&fixture(&format!("macho/{file}")), list());
        text += &format!("{file}\n{}", dump(&edited.bytes));
        for change in &edited.changes {
            text += &format!("  {}: {:?} -> {:?}\n", change.what, change.from, change.to);
        }
        text.extend(edited.notes.iter().map(|note| format!("  note: {note}\n")));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn slices_that_differ_are_edited_each_by_itself() {
    let spec = |cpu: u32, path: &str, import: &str| {
        let spec = RawMacho::of(cpu, 3, false);
        spec.clone().with(spec.rpath(path)).with(spec.dylib(LOAD, import))
    };
    let intel = spec(0x0100_0007, "/intel", "/usr/local/lib/liba.dylib");
    let arm = spec(0x0100_000c, "/arm", "/opt/homebrew/lib/liba.dylib");
    let bytes = universal(&[&intel.build(), &arm.build()], 14);
    let list = [
        replace("/usr/local/lib/liba.dylib", "@loader_path/liba.dylib"),
        replace("/opt/homebrew/lib/liba.dylib", "@loader_path/libb.dylib"),
        Edit::RemoveSearchPath("/intel".to_owned()),
        add_rpath("@loader_path"),
    ];
    let edited = edit(&bytes, list.clone());
    let images = inspect(&edited.bytes);
    assert_eq!(imports(&images[0]), [SYSTEM, "@loader_path/liba.dylib"]);
    assert_eq!(imports(&images[1]), [SYSTEM, "@loader_path/libb.dylib"]);
    assert_eq!((rpaths(&images[0]), rpaths(&images[1])), (vec!["@loader_path"], vec!["/arm", "@loader_path"]));
    // Only what is for arm64 has to be signed; it grew, and what lies behind it would move.
    assert!(images[0].macho().unwrap().signature.is_none());
    assert_eq!(images[1].macho().unwrap().signature.as_ref().unwrap().state, SignatureState::Valid);
    assert_eq!(edit(&edited.bytes, list).bytes, edited.bytes);
    // One rename that concerns one slice leaves the other as it is.
    let edited = edit(&bytes, [replace("/usr/local/lib/liba.dylib", "@loader_path/liba.dylib")]);
    let images = inspect(&edited.bytes);
    assert_eq!(slice(&edited.bytes, &images[1]), slice(&bytes, &inspect(&bytes)[1]));
    assert_eq!(refusal(&bytes, [replace("/nowhere", "x")]).0, ErrorKind::Usage);
}

#[test]
fn a_slice_that_grows_moves_those_behind_it() {
    let first = RawMacho::of(0x0100_000c, 0, false);
    let second = RawMacho::default();
    // Filled up to the next slice's place.
    let mut grown = first.clone();
    grown.linkedit = vec![1; 0x1000];
    let bytes = universal(&[&grown.build(), &second.build()], 12);
    let before = inspect(&bytes);
    assert_eq!(before[0].slice.end, before[1].slice.start);
    let edited = edit(&bytes, [add_rpath("@loader_path")]);
    let after = inspect(&edited.bytes);
    assert!(after[1].slice.start > before[1].slice.start);
    assert_eq!(after[1].slice.start % 0x1000, 0);
    assert_eq!(rpaths(&after[1]), ["@loader_path"]);
    assert_eq!(after[0].macho().unwrap().signature.as_ref().unwrap().state, SignatureState::Valid);
}

#[test]
fn files_of_32_bits_and_of_the_other_byte_order_are_edited_too() {
    for (cpu, is_big) in [(7, false), (18, true), (0x0100_0012, true)] {
        let bytes = RawMacho::of(cpu, 3, is_big).build();
        let edited = edit(&bytes, [replace(SYSTEM, "@rpath/l"), add_rpath("@loader_path/1"), Edit::Sign]);
        let image = one(&edited.bytes);
        assert_eq!((imports(&image), rpaths(&image)), (vec!["@rpath/l"], vec!["@loader_path/1"]));
        assert_eq!(image.macho().unwrap().signature.as_ref().unwrap().state, SignatureState::Valid);
        assert_eq!(image.macho().unwrap().structure, []);
    }
}

#[test]
fn the_command_of_a_renamed_import_stays_what_it_is() {
    let spec = RawMacho::default();
    let bytes = spec
        .clone()
        .with(spec.use_dylib(LOAD, "/opt/upward.dylib", 4))
        .with(spec.dylib(WEAK, "/opt/weak.dylib"))
        .with(spec.dylib(REEXPORT, "/opt/reexport.dylib"))
        .with(spec.command(0x8000_0777, b"whatever"))
        .build();
    let names = ["upward", "weak", "reexport"];
    let list = names.map(|name| replace(&format!("/opt/{name}.dylib"), &format!("@loader_path/../lib/{name}.dylib")));
    let edited = edit(&bytes, list);
    let image = one(&edited.bytes);
    let kinds: Vec<ImportKind> = image.imports.iter().map(|import| import.kind).collect();
    assert_eq!(kinds[2..], [ImportKind::Upward, ImportKind::Weak, ImportKind::Reexport]);
    assert_eq!(image.macho().unwrap().unknown_commands, [0x8000_0777]);
    assert!(edited.bytes.windows(8).any(|window| window == b"whatever"));
}

#[test]
fn imports_that_two_edits_swap_are_swapped() {
    let bytes = RawMacho::default().build();
    let edited = edit(&bytes, [replace(SYSTEM, "/opt/lib/libother.dylib"), replace("/opt/lib/libother.dylib", SYSTEM)]);
    assert_eq!(imports(&one(&edited.bytes)), [SYSTEM, "/opt/lib/libother.dylib"]);
}

#[test]
fn an_import_goes_only_if_no_symbol_counts_on_a_place() {
    for folder in ["x86_64", "arm64"] {
        let bytes = fixture(&format!("macho/{folder}/program"));
        assert_eq!(imports(&one(&bytes)), ["/opt/demo/lib/libdemo.dylib", "@rpath/libdep.dylib", SYSTEM]);
        // libdep is in between, and libSystem has `dyld_stub_binder` or nothing.
        let (kind, message) = refusal(&bytes, [Edit::RemoveImport("@rpath/libdep.dylib".to_owned())]);
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(message.contains("others follow it"), "{message}");
        let added = edit(&bytes, [Edit::AddImport("x".to_owned())]).bytes;
        assert_eq!(imports(&one(&edit(&added, [Edit::RemoveImport("x".to_owned())]).bytes)), imports(&one(&bytes)));
        assert_eq!(refusal(&bytes, [Edit::RemoveImport("nothing".to_owned())]).0, ErrorKind::Usage);
    }
    let bytes = fixture("macho/arm64/libdep.dylib");
    assert!(refusal(&bytes, [Edit::RemoveImport(SYSTEM.to_owned())]).1.contains("at least one"));
    let bytes = fixture("macho/zig-arm64/libdemo.dylib");
    let last = imports(&one(&bytes)).last().unwrap().to_string();
    assert!(refusal(&bytes, [Edit::RemoveImport(last)]).1.contains("comes from it"));
}

#[test]
fn what_dyld_would_not_load_is_not_made() {
    let demo = fixture("macho/arm64/libdemo.dylib");
    let (kind, message) = refusal(&demo, [replace("@rpath/libdep.dylib", SYSTEM)]);
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(message.contains("imported twice"), "{message}");
    // Older SDKs are forgiven, with a note.
    let old = fixture("macho/x86_64/libdemo.dylib");
    let edited = edit(&old, [replace("@rpath/libdep.dylib", SYSTEM)]);
    assert!(edited.notes.iter().any(|note| note.contains("imported twice")), "{:?}", edited.notes);
    let rules = one(&edited.bytes).macho().unwrap().structure.iter().map(|finding| finding.rule).collect::<Vec<_>>();
    assert_eq!(rules, [StructureRule::DuplicateImport]);
    let bundle = fixture("macho/arm64/_demo.so");
    assert!(refusal(&bundle, [Edit::SetIdentity("x".to_owned())]).1.contains("install name"));
    assert_eq!(refusal(&fixture("macho/odd/object.o"), [add_rpath("x")]).0, ErrorKind::Unsupported);
}

#[test]
fn edits_of_other_formats_are_refused_by_name() {
    let bytes = fixture("macho/arm64/libdemo.dylib");
    for (list, format) in [
        (Edit::SetInterpreter("/lib/ld.so".to_owned()), "ELF"),
        (Edit::ClearExecutableStack, "ELF"),
        (Edit::Strip(StripLevel::All), "ELF"),
        (Edit::SetSearchPathKind(SearchPathKind::Runpath), "ELF"),
        (Edit::SetSearchPath { paths: vec!["x".to_owned()], kind: Some(SearchPathKind::Runpath) }, "ELF"),
        (Edit::DelayToEager(None), "PE"),
    ] {
        let (kind, message) = refusal(&bytes, [list]);
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(message.contains(&format!("is for {format} files")), "{message}");
    }
    for edit in [Edit::Sign, Edit::SetMinVersion("11".to_owned())] {
        let (kind, message) = refusal(&fixture("elf/x86_64/libdemo.so.1"), [edit]);
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(message.contains("is for Mach-O files"), "{message}");
    }
    for edit in [Edit::AddImport(String::new()), add_rpath("a\0b"), Edit::SetMinVersion("eleven".to_owned())] {
        assert_eq!(refusal(&bytes, [edit]).0, ErrorKind::Usage);
    }
}

#[test]
fn the_oldest_system_is_set_where_it_is_stated() {
    let bytes = fixture("macho/universal2/libtiny.dylib");
    let edited = edit(&bytes, [Edit::SetMinVersion("10.9".to_owned())]);
    let versions: Vec<String> =
        inspect(&edited.bytes).iter().map(|image| image.macho().unwrap().min_os().unwrap().to_string()).collect();
    assert_eq!(versions, ["10.9", "11.0"]);
    assert!(edited.notes[0].contains("11.0"), "{:?}", edited.notes);
    let spec = RawMacho::default();
    let zippered = spec.clone().with(spec.version(6, 14 << 16, 0)).build();
    let image = one(&edit(&zippered, [Edit::SetMinVersion("12.1".to_owned())]).bytes);
    let stated: Vec<String> = image.macho().unwrap().platforms.iter().map(|stated| stated.min_os.to_string()).collect();
    assert_eq!(stated, ["12.1", "14.0"]);
    let mut none = spec;
    none.commands.remove(2);
    assert_eq!(refusal(&none.build(), [Edit::SetMinVersion("12".to_owned())]).0, ErrorKind::Unsupported);
}

#[test]
fn an_rpath_that_is_there_twice_is_there_once_after_any_edit_of_it() {
    let spec = RawMacho::default();
    let twice = ["@loader_path/a", "@loader_path/b", "@loader_path/a"];
    let spec = twice.iter().fold(spec.clone(), |all, path| all.with(spec.rpath(path)));
    let bytes = spec.build();
    assert_eq!(one(&bytes).macho().unwrap().structure[0].rule, StructureRule::DuplicateRpath);
    let once = ["@loader_path/a", "@loader_path/b"];
    for (list, expected) in [
        (add_rpath("@loader_path/a"), &once[..]),
        (set_rpaths(&twice), &once),
        (Edit::DropRepeatedSearchPaths, &once),
        (add_rpath("c"), &["@loader_path/a", "@loader_path/b", "c"]),
        (Edit::RemoveSearchPath("@loader_path/a".to_owned()), &once[1..]),
        (Edit::RemoveSearchPath("@loader_path/b".to_owned()), &once[..1]),
    ] {
        let edited = edit(&bytes, [list]);
        assert_eq!(rpaths(&one(&edited.bytes)), expected);
        assert_eq!(one(&edited.bytes).macho().unwrap().structure, []);
    }
    // An edit of something else leaves them.
    assert_eq!(rpaths(&one(&edit(&bytes, [replace(SYSTEM, "x")]).bytes)), twice);
}

#[test]
fn an_rpath_is_replaced_where_it_stands() {
    let spec = RawMacho::default();
    let paths = ["@loader_path/a", "@loader_path/b", "@loader_path/c"];
    let bytes = paths.iter().fold(spec.clone(), |all, path| all.with(spec.rpath(path))).build();
    let replace = |from: &str, to: &str| Edit::ReplaceSearchPath { from: from.to_owned(), to: to.to_owned() };
    for (list, expected) in [
        (vec![replace(paths[0], "/new")], vec!["/new", paths[1], paths[2]]),
        // One that is there already stays, and there is none twice.
        (vec![replace(paths[0], paths[2])], vec![paths[1], paths[2]]),
        (vec![replace(paths[2], paths[0])], vec![paths[0], paths[1]]),
        (vec![replace(paths[0], "/new"), replace(paths[1], "/new")], vec!["/new", paths[2]]),
        (vec![replace("/absent", "/new")], paths.to_vec()),
    ] {
        let edited = edit(&bytes, list.clone());
        assert_eq!(rpaths(&one(&edited.bytes)), expected);
        assert!(edit(&edited.bytes, list).bytes == edited.bytes);
    }
    let contradiction = [replace(paths[0], "/new"), Edit::RemoveSearchPath(paths[0].to_owned())];
    assert!(EditSet::new(contradiction).is_err());
}

#[test]
fn a_lazy_record_in_linkedit_is_not_renamed() {
    let linkedit = [&16_u32.to_le_bytes()[..], &[0; 12], b"@rpath/liblate.dylib\0\0\0\0"].concat();
    let mut spec = RawMacho { linkedit, ..RawMacho::default() };
    let place = [spec.linkedit_offset() as u32, spec.linkedit.len() as u32];
    spec.commands.push(spec.command(0x3a, &spec.words(&place)));
    let bytes = spec.build();
    assert!(refusal(&bytes, [replace("@rpath/liblate.dylib", "x")]).1.contains("lazily"));
    let edited = edit(&bytes, [replace(SYSTEM, "x")]);
    assert_eq!(imports(&one(&edited.bytes)).last(), Some(&"@rpath/liblate.dylib"));
}

#[test]
fn the_command_line_edits_as_install_name_tool_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libdemo.dylib");
    std::fs::write(&path, fixture("macho/arm64/libdemo.dylib")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
        let output = command.arg("edit").arg(&path).arg("--in-place").args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let arguments = [
        "--set-soname",
        "@rpath/libnew.dylib",
        "--replace-import",
        "@rpath/libdep.dylib=@loader_path/libdep.dylib",
        "--add-rpath",
        "@loader_path/../lib",
        "--remove-rpath",
        "/opt/demo/lib",
        "--replace-rpath",
        "@loader_path=@loader_path/here",
        "--set-min-version",
        "12.0",
        "--sign",
    ];
    let (status, talk) = run(&arguments);
    assert_eq!(status, 0, "{talk}");
    for line in
        ["install name: `/opt/demo/lib/libdemo.dylib` -> `@rpath/libnew.dylib`", "minimum version: `11.0` -> `12.0`"]
    {
        assert!(talk.contains(line), "{talk}");
    }
    let bytes = std::fs::read(&path).unwrap();
    let image = one(&bytes);
    assert_eq!(image.identity.as_deref(), Some("@rpath/libnew.dylib"));
    assert_eq!(rpaths(&image), ["@loader_path/here", "@loader_path/../lib"]);
    let (status, talk) = run(&arguments);
    assert_eq!((status, std::fs::read(&path).unwrap() == bytes), (0, true), "{talk}");
    for refused in [
        &["--clear-exec-stack"][..],
        &["--rpath-kind", "runpath"],
        &["--replace-import", "absent=x"],
        &["--replace-rpath", "absent=x"],
        &["--replace-rpath", "@loader_path/here"],
        &["--set-min-version", "new"],
        &["--set-soname", ""],
    ] {
        let (status, talk) = run(refused);
        assert_eq!(status, 2, "{refused:?}: {talk}");
        assert!(!talk.is_empty() && std::fs::read(&path).unwrap() == bytes, "{refused:?}");
    }
    assert_eq!(one(&edit(&bytes, [Edit::SetIdentity("y".into())]).bytes).identity.as_deref(), Some("y"));
}
