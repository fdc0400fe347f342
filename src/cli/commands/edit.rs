//! `truewheel edit`: the editors alone, on one binary.

use std::path::Path;

use crate::cli::args::{EditArgs, EditFlags, RpathKind, StripWhat};
use crate::cli::output::write_file;
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::error::{Error, Result};
use crate::format::{self, Edit, EditSet, Edited, Image};

/// Edits the file; whatever goes wrong, nothing is written and the status is 2.
pub fn run(args: &EditArgs, terminal: &Terminal) -> Status {
    match edit(args) {
        Ok(edited) => {
            for change in &edited.changes {
                let side =
                    |text: &Option<String>| text.as_ref().map_or("nothing".to_owned(), |text| format!("`{text}`"));
                terminal.say(&format!("{}: {} -> {}", change.what, side(&change.from), side(&change.to)));
            }
            for note in &edited.notes {
                terminal.note(note);
            }
            if edited.changes.is_empty() {
                terminal.say("nothing to change");
            }
            Status::Done
        }
        Err(error) => {
            terminal.error(&error);
            Status::Impossible
        }
    }
}

fn edit(args: &EditArgs) -> Result<Edited> {
    let about = |error: Error| error.about(args.file.display());
    let bytes = std::fs::read(&args.file).map_err(|error| Error::io(args.file.display(), &error))?;
    let edits = edit_set(&bytes, &args.edits).map_err(about)?;
    let edited = format::edit(&bytes, &edits).map_err(about)?;
    match &args.output {
        Some(path) => write_binary(path, &edited.bytes, &args.file)?,
        None if edited.bytes == bytes => {}
        None => {
            // The file that a symbolic link names is the one to change.
            let path = dunce::canonicalize(&args.file).map_err(|error| Error::io(args.file.display(), &error))?;
            write_binary(&path, &edited.bytes, &args.file)?;
        }
    }
    Ok(edited)
}

/// Writes the result with the permissions of the original.
fn write_binary(path: &Path, bytes: &[u8], original: &Path) -> Result<()> {
    let permissions = std::fs::metadata(original).map_err(|error| Error::io(original.display(), &error))?.permissions();
    write_file(path, bytes, Some(permissions))
}

/// Returns the edits that the flags ask for.
fn edit_set(bytes: &[u8], flags: &EditFlags) -> Result<EditSet> {
    let mut edits = EditSet::default();
    if let Some(name) = &flags.set_soname {
        edits.push(Edit::SetIdentity(name.clone()))?;
    }
    let replaces = !flags.replace_import.is_empty() || !flags.replace_rpath.is_empty();
    let images = if replaces { format::inspect_unverified(bytes)? } else { Vec::new() };
    for pair in &flags.replace_import {
        let (from, to) = old_and_new(pair, "--replace-import")?;
        if images.iter().any(|image| image.imports_name(from)) {
            edits.push(Edit::ReplaceImport { from: from.to_owned(), to: to.to_owned() })?;
        } else if !images.iter().any(|image| image.imports_name(to)) {
            return Err(Error::usage(format!("`{from}` is not imported")));
        } else if images.iter().any(|image| image.pe().is_some()) {
            // An edit of the delay import under its old name means the new one.
            edits.push(Edit::ReplaceImport { from: from.to_owned(), to: to.to_owned() })?;
        }
    }
    for name in &flags.add_import {
        edits.push(Edit::AddImport(name.clone()))?;
    }
    for name in &flags.remove_import {
        edits.push(Edit::RemoveImport(name.clone()))?;
    }
    search_path_edits(flags, &images, &mut edits)?;
    if let Some(path) = &flags.set_interpreter {
        edits.push(Edit::SetInterpreter(path.clone()))?;
    }
    if flags.clear_exec_stack {
        edits.push(Edit::ClearExecutableStack)?;
    }
    if let Some(level) = flags.strip.and_then(StripWhat::level) {
        edits.push(Edit::Strip(level))?;
    }
    for library in &flags.delay_to_eager {
        edits.push(Edit::DelayToEager((!library.is_empty()).then(|| library.clone())))?;
    }
    if flags.clear_dependent_load_flags {
        edits.push(Edit::ClearDependentLoadFlags)?;
    }
    if let Some(version) = &flags.set_min_version {
        edits.push(Edit::SetMinVersion(version.clone()))?;
    }
    if flags.sign {
        edits.push(Edit::Sign)?;
    }
    Ok(edits)
}

/// Splits `OLD=NEW` at the last `=`.
fn old_and_new<'a>(pair: &'a str, flag: &str) -> Result<(&'a str, &'a str)> {
    let both = pair.rsplit_once('=').filter(|(from, to)| !from.is_empty() && !to.is_empty());
    both.ok_or_else(|| Error::usage(format!("`{pair}` is not of the form `OLD=NEW`")).about(flag))
}

fn search_path_edits(flags: &EditFlags, images: &[Image], edits: &mut EditSet) -> Result<()> {
    let kind = flags.rpath_kind.map(RpathKind::kind);
    match (&flags.set_rpath, kind) {
        (Some(text), kind) => {
            let paths = if text.is_empty() { Vec::new() } else { text.split(':').map(str::to_owned).collect() };
            edits.push(Edit::SetSearchPath { paths, kind })?;
        }
        (None, Some(kind)) => edits.push(Edit::SetSearchPathKind(kind))?,
        (None, None) => {}
    }
    for path in &flags.add_rpath {
        edits.push(Edit::AddSearchPath(path.clone()))?;
    }
    for path in &flags.remove_rpath {
        edits.push(Edit::RemoveSearchPath(path.clone()))?;
    }
    for pair in &flags.replace_rpath {
        let (from, to) = old_and_new(pair, "--replace-rpath")?;
        let is_there = |path: &str| images.iter().any(|image| image.search_paths.iter().any(|own| own.path == path));
        // PE says for itself that it has no search path.
        let has_some = images.iter().all(|image| image.pe().is_none());
        if has_some && !is_there(from) && !is_there(to) {
            return Err(Error::usage(format!("`{from}` is not in the search path")));
        }
        edits.push(Edit::ReplaceSearchPath { from: from.to_owned(), to: to.to_owned() })?;
    }
    Ok(())
}
