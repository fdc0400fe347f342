//! Mach-O editing over a folder of real files: `TRUEWHEEL_MACHO_DIR`, described in docs/internals/macho.md; else the fixtures.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use truewheel::format::macho::SignatureState;
use truewheel::format::{self, Edit, EditSet, Format, Image};
use truewheel::{Error, ErrorKind};

use crate::support::{files_below, testdata};

const RPATH: &str = "@loader_path/../demo.dylibs";

/// An rpath more, one import renamed, and a signature: what every slice shall carry.
fn modest(images: &[Image]) -> EditSet {
    let mut edits = vec![Edit::AddSearchPath(RPATH.to_owned()), Edit::Sign];
    let mut imports = images.iter().flat_map(|image| &image.imports);
    if let Some(import) = imports.find(|import| !is_system(&import.name)).or_else(|| images[0].imports.first()) {
        let leaf = import.name.rsplit('/').next().unwrap();
        edits.push(Edit::ReplaceImport { from: import.name.clone(), to: format!("@rpath/{leaf}") });
    }
    EditSet::new(edits).unwrap()
}

/// What a repair makes of a library: another install name, and every import of its own by a longer one.
fn typical(images: &[Image]) -> EditSet {
    let mut edits = Vec::new();
    if let Some(identity) = images.iter().find_map(|image| image.identity.as_deref()) {
        let leaf = identity.rsplit('/').next().unwrap();
        edits.push(Edit::SetIdentity(format!("/DLC/demo/.dylibs/{leaf}")));
    }
    for import in images.iter().flat_map(|image| &image.imports).filter(|import| !is_system(&import.name)) {
        let leaf = import.name.rsplit('/').next().unwrap();
        let to = format!("@loader_path/../../demo/.dylibs/{leaf}");
        edits.push(Edit::ReplaceImport { from: import.name.clone(), to });
    }
    // The same import of two slices is one edit.
    let mut set = EditSet::default();
    for edit in edits {
        let _ = set.push(edit);
    }
    set
}

fn is_system(name: &str) -> bool {
    name.starts_with("/usr/lib/") || name.starts_with("/System/")
}

/// Edits a file, reads the result, and edits it again.
fn edit(bytes: &[u8], set: &EditSet, problems: &mut Vec<String>) -> Result<format::Edited, Error> {
    let edited = format::edit(bytes, set)?;
    let before = format::inspect(bytes)?;
    let after = format::inspect(&edited.bytes)?;
    let again = format::edit(&edited.bytes, set)?;
    if again.bytes != edited.bytes || !again.changes.is_empty() {
        problems.push(format!("the same edit changes the result: {:?}", again.changes));
    }
    for (old, new) in before.iter().zip(&after) {
        let facts = new.macho().unwrap();
        if facts.signature.as_ref().is_some_and(|made| made.state != SignatureState::Valid) {
            problems.push(format!("{:?}", facts.signature));
        }
        if new.faults.len() > old.faults.len() || facts.structure.len() > old.macho().unwrap().structure.len() {
            problems.push(format!("{:?} {:?}", new.faults, facts.structure));
        }
        let (old, new) = (format::symbols(bytes, old)?, format::symbols(&edited.bytes, new)?);
        if old.undefined != new.undefined || old.exports.len() != new.exports.len() {
            problems.push("other symbols".to_owned());
        }
    }
    Ok(edited)
}

#[test]
fn real_files_are_edited_and_read_back() {
    let folder = std::env::var_os("TRUEWHEEL_MACHO_DIR").map_or(testdata("macho"), PathBuf::from);
    let out = std::env::var_os("TRUEWHEEL_MACHO_OUT").map(PathBuf::from);
    let mut paths = Vec::new();
    files_below(&folder, &mut paths);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut all = Vec::new();
    let mut took = Duration::ZERO;
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        if format::detect(&bytes) != Some(Format::MachO) {
            continue;
        }
        let images = format::inspect(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if images.iter().any(|image| !image.macho().unwrap().file_type.is_loaded()) {
            *counts.entry("files of no loaded type".into()).or_default() += 1;
            continue;
        }
        *counts.entry("slices".into()).or_default() += images.len() as u64;
        *counts.entry("bytes".into()).or_default() += bytes.len() as u64;
        for (name, set) in [("modest", modest(&images)), ("typical", typical(&images))] {
            let mut problems = Vec::new();
            let start = Instant::now();
            let result = edit(&bytes, &set, &mut problems);
            took += start.elapsed();
            match result {
                Ok(edited) => {
                    *counts.entry(format!("{name}: files edited")).or_default() += 1;
                    for note in &edited.notes {
                        *counts.entry(format!("{name}: {note}")).or_default() += 1;
                    }
                    if let Some(out) = out.as_ref().filter(|_| name == "modest") {
                        let target = out.join(path.strip_prefix(&folder).unwrap());
                        fs::create_dir_all(target.parent().unwrap()).unwrap();
                        fs::write(target, &edited.bytes).unwrap();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    *counts.entry(format!("{name}: files refused")).or_default() += 1;
                    if format::macho::fit(&bytes, &set).unwrap().iter().all(|fit| fit.fits()) {
                        problems.push(format!("refused though it fits: {error}"));
                    }
                }
                Err(error) => problems.push(error.to_string()),
            }
            all.extend(problems.into_iter().map(|problem| format!("{}, {name}: {problem}", path.display())));
        }
    }
    for (what, count) in &counts {
        println!("{count:10} {what}");
    }
    println!("edited twice and read in {took:?}");
    assert!(all.is_empty(), "{} problems:\n{}", all.len(), all.join("\n"));
    assert!(counts["slices"] >= 14);
}
