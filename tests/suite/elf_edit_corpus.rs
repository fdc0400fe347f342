//! ELF editing over a folder of real files: `TRUEWHEEL_ELF_DIR`, described in docs/internals/testing.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use truewheel::error::ErrorKind;
use truewheel::format::{self, Edit, EditSet, Format, ImageKind, StripLevel};

use crate::support::{files_below, skip};

/// The edit that a repair makes of nearly every library: another soname, every import longer, a search path.
fn typical(image: &format::Image, path: &str) -> EditSet {
    let mut edits = vec![Edit::SetSearchPath { paths: vec![path.to_owned()], kind: None }];
    if image.kind == ImageKind::Library {
        edits.push(Edit::SetIdentity("libtest-0123abcd.so.1".to_owned()));
    }
    for import in &image.imports {
        let (stem, rest) = import.name.split_once(".so").unwrap_or((&import.name, ""));
        edits.push(Edit::ReplaceImport { from: import.name.clone(), to: format!("{stem}-01234567.so{rest}") });
    }
    EditSet::new(edits).unwrap()
}

#[test]
fn real_files_are_edited_and_read_back() {
    let Some(folder) = std::env::var_os("TRUEWHEEL_ELF_DIR") else {
        skip("TRUEWHEEL_ELF_DIR names no folder of ELF files");
        return;
    };
    let out = std::env::var_os("TRUEWHEEL_ELF_OUT").map(PathBuf::from);
    let folder = PathBuf::from(folder);
    let mut paths = Vec::new();
    files_below(&folder, &mut paths);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut slowest = (Duration::ZERO, PathBuf::new());
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        if format::detect(&bytes) != Some(Format::Elf) {
            continue;
        }
        let Ok(images) = format::inspect(&bytes) else {
            *counts.entry("unreadable".into()).or_default() += 1;
            continue;
        };
        let image = &images[0];
        let loads = format::elf::read::Elf::parse(&bytes).map_or(0, |file| file.loads().count());
        let first = typical(image, "$ORIGIN/../testpkg.libs");
        let start = Instant::now();
        let edited = match format::edit(&bytes, &first) {
            Ok(edited) => edited,
            Err(error) => {
                let kind = format!("{:?}: {}", error.kind(), error);
                if error.kind() == ErrorKind::Internal {
                    problems.push(format!("{}: {error}", path.display()));
                }
                *counts.entry(kind).or_default() += 1;
                continue;
            }
        };
        let took = start.elapsed();
        if took > slowest.0 {
            slowest = (took, path.clone());
        }
        let growth = edited.bytes.len() as i64 - bytes.len() as i64;
        let is_patched = format::elf::read::Elf::parse(&bytes).is_ok_and(|file| looks_patched(&file));
        let class = match growth {
            0 => "0 bytes",
            1..=96 => "up to 96 bytes",
            97..=65536 => "up to 64 KiB",
            _ => "more",
        };
        let raw = if is_patched { "patched" } else { "raw" };
        *counts.entry(format!("{raw}: growth {class}")).or_default() += 1;
        let after = format::elf::read::Elf::parse(&edited.bytes).unwrap().loads().count();
        *counts.entry(format!("{raw}: {} new segments", after - loads)).or_default() += 1;
        for note in &edited.notes {
            let note: String = note.chars().filter(|c| !c.is_ascii_digit()).collect();
            *counts.entry(format!("note:{note}")).or_default() += 1;
        }
        // The same edit again, of the input and of the output.
        let again = format::edit(&bytes, &first).unwrap();
        if again.bytes != edited.bytes {
            problems.push(format!("{}: a second run gives other bytes", path.display()));
        }
        match format::edit(&edited.bytes, &first) {
            Ok(again) if again.bytes == edited.bytes && again.changes.is_empty() => {}
            Ok(_) => problems.push(format!("{}: the same edit changes the result", path.display())),
            Err(error) => problems.push(format!("{}: the same edit of the result: {error}", path.display())),
        }
        let seen = &format::inspect(&edited.bytes).unwrap()[0];
        let expected: Vec<String> = image
            .imports
            .iter()
            .map(|import| match import.name.split_once(".so") {
                Some((stem, rest)) => format!("{stem}-01234567.so{rest}"),
                None => format!("{}-01234567.so", import.name),
            })
            .collect();
        let names: Vec<String> = seen.imports.iter().map(|import| import.name.clone()).collect();
        if names != expected || seen.search_paths.len() != 1 || seen.search_paths[0].path != "$ORIGIN/../testpkg.libs" {
            problems.push(format!("{}: read back {names:?} {:?}", path.display(), seen.search_paths));
        }
        if seen.faults.len() > image.faults.len() {
            problems.push(format!("{}: new faults {:?} (before {:?})", path.display(), seen.faults, image.faults));
        }
        // A longer path, then the first again: no growth the second time.
        let longer = typical_path("$ORIGIN/../a/much/longer/path/to/testpkg.libs");
        match format::edit(&edited.bytes, &longer) {
            Ok(long) => match format::edit(&long.bytes, &typical_path("$ORIGIN/../testpkg.libs")) {
                Ok(short) if short.bytes.len() == long.bytes.len() => {
                    let more = long.bytes.len() - edited.bytes.len();
                    let class = if more == 0 {
                        "0"
                    } else if more <= 96 {
                        "<= 96"
                    } else {
                        "> 96"
                    };
                    *counts.entry(format!("{raw}: a longer path grows by {class}")).or_default() += 1;
                }
                Ok(_) => problems.push(format!("{}: a shorter path changes the size", path.display())),
                Err(error) => problems.push(format!("{}: shorter path: {error}", path.display())),
            },
            Err(error) => problems.push(format!("{}: longer path: {error}", path.display())),
        }
        // Stripped together with the edit, and after it.
        let mut both = first.clone();
        both.push(Edit::Strip(StripLevel::All)).unwrap();
        let stripped = format::edit(&bytes, &both);
        let strip = EditSet::new([Edit::Strip(StripLevel::All)]).unwrap();
        match (&stripped, &format::edit(&edited.bytes, &strip)) {
            (Ok(stripped), Ok(after)) => {
                let class = if after.bytes == edited.bytes { "no" } else { "yes" };
                *counts.entry(format!("stripped: {class}")).or_default() += 1;
                *counts.entry("bytes before stripping".into()).or_default() += edited.bytes.len() as u64;
                *counts.entry("bytes after stripping".into()).or_default() += after.bytes.len() as u64;
                *counts.entry("bytes after stripping and editing at once".into()).or_default() +=
                    stripped.bytes.len() as u64;
                if format::edit(&stripped.bytes, &both).map(|again| again.bytes).ok().as_ref() != Some(&stripped.bytes)
                {
                    problems.push(format!("{}: stripping again changes the file", path.display()));
                }
            }
            (Err(error), _) | (_, Err(error)) => problems.push(format!("{}: strip: {error}", path.display())),
        }
        if let Some(out) = &out {
            let target = out.join(path.strip_prefix(&folder).unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, &edited.bytes).unwrap();
        }
    }
    for (what, count) in &counts {
        println!("{count:6} {what}");
    }
    println!("slowest: {:?} {}", slowest.0, slowest.1.display());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

fn typical_path(path: &str) -> EditSet {
    EditSet::new([Edit::SetSearchPath { paths: vec![path.to_owned()], kind: None }]).unwrap()
}

/// patchelf leaves a loaded segment that begins with `.dynstr`, `.dynamic` or the program headers.
fn looks_patched(file: &format::elf::read::Elf<'_>) -> bool {
    let first = file.loads().next().map_or(0, |load| load.offset);
    let strings = file.sections.iter().position(|section| file.section_name(section) == b".dynstr");
    let text = file.sections.iter().position(|section| file.section_name(section) == b".text");
    first != 0
        || matches!((strings, text), (Some(strings), Some(text)) if file.sections[strings].address > file.sections[text].address)
}
