//! PE editing over real files: Wine's own, or those below `TRUEWHEEL_PE_DIR`; described in docs/internals/pe.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use goblin::pe::PE;
use truewheel::error::ErrorKind;
use truewheel::format::{self, Edit, EditSet, Format};

use crate::support::pe::PeFile;
use crate::support::{files_below, skip};

/// Where Debian's package `wine64` has Wine's DLLs.
const WINE: &str = "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows";
/// As many of them as take a moment.
const COUNT: usize = 60;

/// Every import, delay import and forwarder gets a name that is 33 characters longer.
fn longer(name: &str) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "dll"));
    format!("{stem}-0123456789abcdef0123456789abcdef.{extension}")
}

/// The same file in shapes that need each way to make room.
fn shapes(bytes: &[u8]) -> [(&'static str, Vec<u8>); 4] {
    let full = || PeFile::new(bytes).without_slack();
    [
        ("as it is", bytes.to_vec()),
        ("no slack", full().bytes),
        ("no room in the headers", full().crowded().bytes),
        ("headers that cannot grow", full().without_growth().bytes),
    ]
}

/// What goblin reads: imported functions by DLL, exports by name.
type Told = (Vec<(String, String)>, Vec<(Option<String>, usize)>);

fn told(bytes: &[u8]) -> Option<Told> {
    let file = PE::parse(bytes).ok()?;
    let imports = file.imports.iter().map(|import| (import.dll.to_owned(), import.name.to_string())).collect();
    let own = file.exports.iter().filter(|export| export.reexport.is_none());
    Some((imports, own.map(|export| (export.name.map(str::to_owned), export.rva)).collect()))
}

/// Compares what goblin reads before and after.
fn differs(before: &[u8], after: &[u8]) -> bool {
    let Some((imports, exports)) = told(before) else { return false };
    let renamed: Vec<_> = imports.into_iter().map(|(dll, function)| (longer(&dll), function)).collect();
    // goblin calls a function that has only a number by the number and the DLL's name.
    let strip = |list: Vec<(String, String)>| -> Vec<(String, String)> {
        list.into_iter().map(|(dll, function)| (dll, function.replace("ORDINAL ", "#"))).collect()
    };
    told(after).is_none_or(|(found, own)| strip(found) != strip(renamed) || own != exports)
}

#[test]
fn real_files_are_edited_and_read_back() {
    let given = std::env::var_os("TRUEWHEEL_PE_DIR").map(PathBuf::from);
    let folder = given.clone().unwrap_or_else(|| PathBuf::from(WINE));
    if !folder.is_dir() {
        skip("TRUEWHEEL_PE_DIR names no folder of PE files, and Wine is not installed");
        return;
    }
    let mut paths = Vec::new();
    files_below(&folder, &mut paths);
    if given.is_none() {
        let step = paths.len() / COUNT;
        paths = paths.into_iter().step_by(step.max(1)).collect();
    }
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut problems = Vec::new();
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        if format::detect(&bytes) != Some(Format::Pe) {
            continue;
        }
        let Some(image) = format::inspect(&bytes).ok().and_then(|images| images.into_iter().next()) else { continue };
        let renames = image
            .imports
            .iter()
            .map(|import| Edit::ReplaceImport { from: import.name.to_ascii_lowercase(), to: longer(&import.name) });
        let Ok(wishes) = EditSet::new(renames) else { continue };
        if wishes.is_empty() {
            continue;
        }
        for (shape, bytes) in shapes(&bytes) {
            let mut problem = |what: String| problems.push(format!("{} ({shape}): {what}", path.display()));
            match format::edit(&bytes, &wishes) {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    *counts.entry(format!("{shape}: refused")).or_default() += 1;
                    println!("{} ({shape}): {error}", path.display());
                }
                Err(error) => problem(error.to_string()),
                Ok(edited) => {
                    *counts.entry(shape.to_owned()).or_default() += 1;
                    if differs(&bytes, &edited.bytes) {
                        problem("goblin reads something else".to_owned());
                    }
                    if format::edit(&edited.bytes, &wishes).map(|again| again.bytes).ok() != Some(edited.bytes) {
                        problem("a second run changes something".to_owned());
                    }
                }
            }
        }
    }
    println!("{counts:#?}");
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(counts.get("as it is").is_some_and(|count| *count > 0), "no file was edited");
}
