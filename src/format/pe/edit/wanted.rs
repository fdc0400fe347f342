//! `Wanted`: the edits of a file as what each of its tables shall say.

use std::collections::BTreeMap;

use super::super::exports::Forwarder;
use super::model::Model;
use crate::error::{Error, Result};
use crate::format::bytes::escaped;
use crate::format::edit::{Change, Edit, EditSet};

/// The longest name of a DLL; longer ones do not fit a path of Windows.
const MAX_NAME: usize = 255;

/// A function to import that the file does not import yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::format::pe) struct Added {
    /// The DLL.
    pub(in crate::format::pe) library: Vec<u8>,
    /// The function: its name, or `#n` for the one of that number.
    pub(in crate::format::pe) function: Vec<u8>,
}

impl Added {
    /// The function's number, if it is asked for by that.
    pub(in crate::format::pe) fn ordinal(&self) -> Option<u16> {
        std::str::from_utf8(self.function.strip_prefix(b"#")?).ok()?.parse().ok()
    }
}

/// What a file's tables shall say; an empty list of changes means that they say it already.
#[derive(Debug, Clone, Default)]
pub(in crate::format::pe) struct Wanted {
    /// New names of import descriptors, by index.
    pub(in crate::format::pe) imports: BTreeMap<usize, Vec<u8>>,
    /// New names of delay imports, by index.
    pub(in crate::format::pe) delays: BTreeMap<usize, Vec<u8>>,
    /// New texts of forwarders, by their index in the model.
    pub(in crate::format::pe) forwarders: BTreeMap<usize, Vec<u8>>,
    /// The DLL's own new name.
    pub(in crate::format::pe) identity: Option<Vec<u8>>,
    /// Delay imports that get an import descriptor, by index.
    pub(in crate::format::pe) eager: Vec<usize>,
    /// Imports to add.
    pub(in crate::format::pe) added: Vec<Added>,
    /// `DependentLoadFlags` is to be 0.
    pub(in crate::format::pe) clear_flags: bool,
    /// What changes, for people.
    pub(in crate::format::pe) changes: Vec<Change>,
}

impl Wanted {
    /// Works out what the edits ask for.
    ///
    /// Imports are renamed as one: each by the name it has now, so two may swap their names.
    ///
    /// # Errors
    /// `Usage` if an import to rename or remove is not there, or a name cannot be written; `Unsupported` if PE files
    /// have nothing that the edit could change.
    pub(in crate::format::pe) fn new(model: &Model<'_>, edits: &EditSet) -> Result<Self> {
        let mut wanted = Self::default();
        wanted.rename(model, edits)?;
        for edit in edits.edits() {
            match edit {
                Edit::ReplaceImport { .. } => {}
                Edit::SetIdentity(name) => wanted.set_identity(model, name)?,
                Edit::AddImport(name) => wanted.add(model, name)?,
                Edit::RemoveImport(name) => return Err(removal(model, name)),
                Edit::DelayToEager(library) => wanted.make_eager(model, edits, library.as_deref())?,
                Edit::ClearDependentLoadFlags => wanted.clear_flags(model),
                Edit::SetSearchPath { .. }
                | Edit::AddSearchPath(_)
                | Edit::RemoveSearchPath(_)
                | Edit::ReplaceSearchPath { .. }
                | Edit::SetSearchPathKind(_) => {
                    let message = format!("`{edit}`: PE files have no search path");
                    return Err(Error::unsupported(message).hint(
                        "put the DLL beside the file that needs it, or call `os.add_dll_directory` at run time",
                    ));
                }
                Edit::SetInterpreter(_) | Edit::ClearExecutableStack | Edit::Strip(_) => {
                    return Err(Error::unsupported(format!("`{edit}` is for ELF files, and this is PE")));
                }
                Edit::SetMinVersion(_) | Edit::Sign | Edit::DropRepeatedSearchPaths => {
                    return Err(Error::unsupported(format!("`{edit}` is for Mach-O files, and this is PE")));
                }
            }
        }
        Ok(wanted)
    }

    fn rename(&mut self, model: &Model<'_>, edits: &EditSet) -> Result<()> {
        let present = model.libraries();
        let mut becomes: BTreeMap<Vec<u8>, &str> = BTreeMap::new();
        for edit in edits.edits() {
            let Edit::ReplaceImport { from, to } = edit else { continue };
            check_name(to)?;
            let key = from.as_bytes().to_ascii_lowercase();
            if present.contains(&key) {
                if becomes.insert(key, to).is_some_and(|other| other != to) {
                    return Err(Error::usage(format!("`{from}` is to get two names")));
                }
            } else if !present.contains(&to.as_bytes().to_ascii_lowercase()) {
                return Err(Error::usage(format!("`{from}` is not imported")));
            }
        }
        let renamed = |name: &[u8]| {
            let to = becomes.get(&name.to_ascii_lowercase())?;
            (to.as_bytes() != name).then(|| to.as_bytes().to_vec())
        };
        for (index, import) in model.imports.iter().enumerate() {
            if let Some(to) = renamed(import.name) {
                self.changes.push(change("import", Some(import.name), &to));
                self.imports.insert(index, to);
            }
        }
        for (index, delay) in model.delays.iter().enumerate() {
            if let Some(to) = renamed(delay.name) {
                self.changes.push(change("delay import", Some(delay.name), &to));
                self.delays.insert(index, to);
            }
        }
        let mut told = BTreeMap::new();
        for (index, forwarder) in model.forwarders.iter().enumerate() {
            let Some(library) = forwarder.library() else { continue };
            if let Some(to) = renamed(&library) {
                let text = forwarded_to(forwarder, &to)?;
                if text != forwarder.text {
                    told.entry(library.to_ascii_lowercase()).or_insert_with(|| {
                        self.changes.push(change("forwarder", Some(&library), &to));
                    });
                    self.forwarders.insert(index, text);
                }
            }
        }
        Ok(())
    }

    fn set_identity(&mut self, model: &Model<'_>, name: &str) -> Result<()> {
        check_name(name)?;
        if model.exports.is_none() {
            return Err(Error::unsupported("it has no export directory, which is where a DLL's own name stands"));
        }
        if model.identity != Some(name.as_bytes()) {
            self.changes.push(change("name", model.identity, name.as_bytes()));
            self.identity = Some(name.as_bytes().to_vec());
        }
        Ok(())
    }

    fn add(&mut self, model: &Model<'_>, name: &str) -> Result<()> {
        let Some((library, function)) = name.split_once('!').filter(|(_, function)| !function.is_empty()) else {
            let message = format!("`{name}`: the loader skips an import descriptor that names no function");
            return Err(Error::unsupported(message).hint(format!("name one of its exports: `{name}!function`")));
        };
        check_name(library)?;
        if !function.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::usage(format!("`{function}` cannot be the name of a function")));
        }
        let (library, function) = (library.as_bytes().to_vec(), function.as_bytes().to_vec());
        let is_there = model.imports.iter().any(|import| {
            import.name.eq_ignore_ascii_case(&library) && import.functions.iter().any(|known| known.is_named(&function))
        });
        if !is_there {
            self.changes.push(change("import", None, name.as_bytes()));
            self.added.push(Added { library, function });
        }
        Ok(())
    }

    fn make_eager(&mut self, model: &Model<'_>, edits: &EditSet, library: Option<&str>) -> Result<()> {
        let mut is_there = false;
        // The same edits a second time find the new name.
        let new_name = edits.edits().iter().find_map(|edit| match edit {
            Edit::ReplaceImport { from, to } if library.is_some_and(|name| name.eq_ignore_ascii_case(from)) => Some(to),
            _ => None,
        });
        let is_meant = |name: &[u8]| {
            let mut names = library.into_iter().chain(new_name.map(String::as_str));
            library.is_none() || names.any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()))
        };
        for (index, delay) in model.delays.iter().enumerate().filter(|(_, delay)| is_meant(delay.name)) {
            is_there = true;
            if !model.is_eager(delay) && !self.eager.contains(&index) {
                self.changes.push(Change {
                    what: "delay import",
                    from: Some(escaped(delay.name)),
                    to: Some("bound at load".to_owned()),
                });
                self.eager.push(index);
            }
        }
        match library {
            Some(library) if !is_there => Err(Error::usage(format!("`{library}` is not a delay import"))),
            _ => Ok(()),
        }
    }

    fn clear_flags(&mut self, model: &Model<'_>) {
        let flags = model.config.dependent_load_flags;
        if flags != 0 && !self.clear_flags {
            self.changes.push(change("dependent load flags", Some(format!("{flags:#x}").as_bytes()), b"0"));
            self.clear_flags = true;
        }
    }

    /// The name that an import descriptor shall have.
    pub(in crate::format::pe) fn import_name<'s>(&'s self, index: usize, present: &'s [u8]) -> &'s [u8] {
        self.imports.get(&index).map_or(present, Vec::as_slice)
    }

    /// The name that a delay import shall have.
    pub(in crate::format::pe) fn delay_name<'s>(&'s self, index: usize, present: &'s [u8]) -> &'s [u8] {
        self.delays.get(&index).map_or(present, Vec::as_slice)
    }
}

/// The text of a forwarder to another DLL: the loader adds `.dll` to what has no extension, and splits at the last dot.
fn forwarded_to(forwarder: &Forwarder<'_>, library: &[u8]) -> Result<Vec<u8>> {
    let (_, function) = forwarder.parts().ok_or_else(|| Error::malformed("a forwarder without a dot"))?;
    let stem = match library.len().checked_sub(4).map(|at| library.split_at(at)) {
        Some((stem, extension)) if extension.eq_ignore_ascii_case(b".dll") && !stem.contains(&b'.') => stem,
        _ if library.contains(&b'.') => library,
        _ => {
            let message = format!("a forwarder cannot name `{}`, which has no extension", escaped(library));
            return Err(Error::unsupported(message));
        }
    };
    Ok([stem, b".", function].concat())
}

/// Why an import is not removed.
fn removal(model: &Model<'_>, name: &str) -> Error {
    if !model.libraries().contains(&name.as_bytes().to_ascii_lowercase()) {
        return Error::usage(format!("`{name}` is not imported"));
    }
    Error::unsupported(format!(
        "`{name}` cannot be removed: its functions are called through a table that only the loader fills"
    ))
}

/// Refuses a name that no file has or no loader finds.
fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || !name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(Error::usage(format!("`{}` cannot be the name of a DLL in a PE file", escaped(name.as_bytes()))));
    }
    if name.len() > MAX_NAME {
        return Err(Error::usage(format!("a name of {} bytes, more than {MAX_NAME}", name.len())));
    }
    Ok(())
}

fn change(what: &'static str, from: Option<&[u8]>, to: &[u8]) -> Change {
    Change { what, from: from.map(escaped), to: Some(escaped(to)) }
}
