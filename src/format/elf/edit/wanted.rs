//! `Wanted`: the edits of a file as one list of dynamic entries, and what happens to the version needs.

use std::collections::{BTreeMap, BTreeSet};

use object::elf;

use super::model::{Model, is_string_tag};
use crate::error::{Error, Result};
use crate::format::bytes::escaped;
use crate::format::edit::{Change, Edit, EditSet};
use crate::format::image::SearchPathKind;

/// The value of a dynamic entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number or an address.
    Number(u64),
    /// A string that is there, at this offset.
    Kept(u64),
    /// A string that has to be placed.
    New(Vec<u8>),
}

/// A dynamic entry as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `d_tag`.
    pub(crate) tag: i64,
    /// `d_val`, in words.
    pub(crate) value: Value,
}

/// The value of a dynamic entry, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// A number or an address.
    Number(u64),
    /// A string.
    Text(Vec<u8>),
}

/// What the dynamic section shall say.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The entries in order.
    pub(crate) entries: Vec<Entry>,
    /// New `vn_file` of version needs, by index.
    pub(crate) renamed: BTreeMap<usize, Vec<u8>>,
    /// Version needs to take out, by index.
    pub(crate) removed: BTreeSet<usize>,
    /// What changes, for people.
    pub(crate) changes: Vec<Change>,
}

impl Wanted {
    /// Works out what the edits ask for.
    ///
    /// Imports are renamed as one: each by the name it has now, so two may swap their names.
    ///
    /// # Errors
    /// `Usage` if an import to rename or remove is not there, or a name cannot be written.
    pub(crate) fn new(model: &Model, edits: &EditSet) -> Result<Self> {
        let entries = model.entries.iter().map(|entry| Entry {
            tag: entry.tag,
            value: if is_string_tag(entry.tag) { Value::Kept(entry.value) } else { Value::Number(entry.value) },
        });
        let mut wanted = Self {
            entries: entries.collect(),
            renamed: BTreeMap::new(),
            removed: BTreeSet::new(),
            changes: Vec::new(),
        };
        wanted.set_soname(model, edits)?;
        wanted.rename_and_remove(model, edits)?;
        wanted.add_imports(model, edits)?;
        wanted.set_search_path(model, edits)?;
        Ok(wanted)
    }

    /// Returns true if the dynamic section already says all of it.
    pub(crate) fn is_present(&self, model: &Model) -> bool {
        self.renamed.is_empty()
            && self.removed.is_empty()
            && self.entries.len() == model.entries.len()
            && self.entries.iter().zip(&model.entries).all(|(wanted, present)| {
                wanted.tag == present.tag
                    && match wanted.value {
                        Value::Number(value) | Value::Kept(value) => value == present.value,
                        Value::New(_) => false,
                    }
            })
    }

    fn set_soname(&mut self, model: &Model, edits: &EditSet) -> Result<()> {
        for edit in edits.edits() {
            let Edit::SetIdentity(name) = edit else { continue };
            check_name(name, "soname")?;
            let present = self.entries.iter_mut().find(|entry| entry.tag == elf::DT_SONAME.0);
            let before = match &present {
                Some(Entry { value: Value::Kept(at), .. }) => Some(model.string(*at)?),
                _ => None,
            };
            if before == Some(name.as_bytes()) {
                continue;
            }
            let value = Value::New(name.clone().into_bytes());
            self.changes.push(change("soname", before, Some(name.as_bytes())));
            match present {
                Some(entry) => entry.value = value,
                None => self.entries.push(Entry { tag: elf::DT_SONAME.0, value }),
            }
        }
        Ok(())
    }

    fn rename_and_remove(&mut self, model: &Model, edits: &EditSet) -> Result<()> {
        let imports = imports(model)?;
        let mut becomes: BTreeMap<&[u8], Option<&str>> = BTreeMap::new();
        for edit in edits.edits() {
            match edit {
                Edit::ReplaceImport { from, to } => {
                    check_name(to, "import")?;
                    if imports.contains(from.as_bytes()) {
                        becomes.insert(from.as_bytes(), Some(to));
                    } else if !imports.contains(to.as_bytes()) {
                        return Err(absent(from));
                    }
                }
                Edit::RemoveImport(name) if imports.contains(name.as_bytes()) => {
                    becomes.insert(name.as_bytes(), None);
                }
                Edit::RemoveImport(name) => return Err(absent(name)),
                _ => {}
            }
        }
        becomes.retain(|from, to| to.is_none_or(|to| to.as_bytes() != *from));
        if becomes.is_empty() {
            return Ok(());
        }
        let mut renamed_to: BTreeSet<&[u8]> = BTreeSet::new();
        let mut entries = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let name = match entry {
                Entry { tag, value: Value::Kept(at) } if *tag == elf::DT_NEEDED.0 => model.string(*at)?,
                _ => {
                    entries.push(entry.clone());
                    continue;
                }
            };
            match becomes.get(name) {
                None => entries.push(entry.clone()),
                Some(None) => self.changes.push(change("needed", Some(name), None)),
                Some(Some(to)) => {
                    // Two imports that get one name are one import; so is one that gets a name which stays.
                    let stays = imports.contains(to.as_bytes()) && !becomes.contains_key(to.as_bytes());
                    if !stays && renamed_to.insert(to.as_bytes()) {
                        entries.push(Entry { tag: entry.tag, value: Value::New(to.as_bytes().to_vec()) });
                    }
                    self.changes.push(change("needed", Some(name), Some(to.as_bytes())));
                }
            }
        }
        self.entries = entries;
        for (index, need) in model.versions.needs.iter().enumerate() {
            // By text: half of all linker output has the name once for both tables, the rest twice.
            match becomes.get(model.string(need.file)?) {
                None => {}
                Some(None) => {
                    self.removed.insert(index);
                }
                Some(Some(to)) => {
                    self.renamed.insert(index, to.as_bytes().to_vec());
                }
            }
        }
        Ok(())
    }

    fn add_imports(&mut self, model: &Model, edits: &EditSet) -> Result<()> {
        for edit in edits.edits() {
            let Edit::AddImport(name) = edit else { continue };
            check_name(name, "import")?;
            let mut is_there = false;
            let mut after = 0;
            for (index, entry) in self.entries.iter().enumerate() {
                if entry.tag == elf::DT_NEEDED.0 {
                    after = index + 1;
                    is_there |= text(model, &entry.value)? == name.as_bytes();
                }
            }
            if !is_there {
                // The order of imports is the order in which symbols are looked up.
                let value = Value::New(name.as_bytes().to_vec());
                self.entries.insert(after, Entry { tag: elf::DT_NEEDED.0, value });
                self.changes.push(change("needed", None, Some(name.as_bytes())));
            }
        }
        Ok(())
    }

    fn set_search_path(&mut self, model: &Model, edits: &EditSet) -> Result<()> {
        let concerns = |edit: &Edit| {
            matches!(
                edit,
                Edit::SetSearchPath { .. }
                    | Edit::AddSearchPath(_)
                    | Edit::RemoveSearchPath(_)
                    | Edit::ReplaceSearchPath { .. }
                    | Edit::SetSearchPathKind(_)
            )
        };
        if !edits.edits().iter().any(concerns) {
            return Ok(());
        }
        // glibc and musl ignore DT_RPATH beside DT_RUNPATH, bionic knows only DT_RUNPATH; the last of several counts.
        let last = |tag: elf::DynamicTag| self.entries.iter().rposition(|entry| entry.tag == tag.0);
        let present = last(elf::DT_RUNPATH).or_else(|| last(elf::DT_RPATH));
        let before = match present.and_then(|index| self.entries.get(index)) {
            Some(entry) => Some((entry.tag, text(model, &entry.value)?.to_vec())),
            None => None,
        };
        let mut paths: Vec<Vec<u8>> = match &before {
            Some((_, text)) if !text.is_empty() => text.split(|byte| *byte == b':').map(<[u8]>::to_vec).collect(),
            _ => Vec::new(),
        };
        let mut kind = before.as_ref().map(|(tag, _)| *tag);
        for edit in edits.edits() {
            if let Edit::SetSearchPath { paths: new, kind: new_kind } = edit {
                paths = new.iter().map(|path| path.clone().into_bytes()).collect();
                kind = new_kind.map(tag_of).or(kind);
            }
        }
        edits.replace_directories(&mut paths);
        for edit in edits.edits() {
            if let Edit::AddSearchPath(path) = edit
                && !paths.iter().any(|known| known == path.as_bytes())
            {
                paths.push(path.clone().into_bytes());
            }
        }
        for edit in edits.edits() {
            match edit {
                Edit::RemoveSearchPath(path) => paths.retain(|known| known != path.as_bytes()),
                Edit::SetSearchPathKind(new) => kind = Some(tag_of(*new)),
                _ => {}
            }
        }
        let joined = paths.join(&b':');
        if joined.contains(&0) {
            return Err(Error::usage("a search path cannot contain a NUL"));
        }
        let tag = kind.unwrap_or(elf::DT_RPATH.0);
        let is_search_path = |entry: &Entry| entry.tag == elf::DT_RPATH.0 || entry.tag == elf::DT_RUNPATH.0;
        let mut at = 0;
        let mut index = 0;
        let mut kept = None;
        self.entries.retain(|entry| {
            let is_kept = Some(index) == present;
            index += 1;
            let keep = !is_search_path(entry);
            if is_kept {
                kept = Some((at, entry.clone()));
            }
            at += usize::from(keep);
            keep
        });
        if joined.is_empty() {
            if let Some((tag, text)) = before {
                self.changes.push(change(name_of(tag), Some(&text), None));
            }
            return Ok(());
        }
        let old_text = before.as_ref().map(|(_, text)| text.as_slice());
        let (at, mut entry) = kept.unwrap_or((self.entries.len(), Entry { tag, value: Value::Number(0) }));
        if old_text != Some(joined.as_slice()) {
            entry.value = Value::New(joined.clone());
        }
        if old_text != Some(joined.as_slice()) || before.as_ref().is_some_and(|(old, _)| *old != tag) {
            match before {
                Some((old, text)) if old != tag => {
                    self.changes.push(change(name_of(old), Some(&text), None));
                    self.changes.push(change(name_of(tag), None, Some(&joined)));
                }
                before => {
                    let text = before.map(|(_, text)| text);
                    self.changes.push(change(name_of(tag), text.as_deref(), Some(&joined)));
                }
            }
        }
        entry.tag = tag;
        self.entries.insert(at, entry);
        if self.changes.is_empty() && self.entries.len() != model.entries.len() {
            let ignored = model.entries.iter().rfind(|entry| entry.tag == elf::DT_RPATH.0);
            let text = ignored.map(|entry| model.string(entry.value)).transpose()?;
            self.changes.push(change("rpath", text, None));
        }
        Ok(())
    }

    /// Strikes entries that say nothing which another does not say, until `room` entries are enough.
    ///
    /// `DT_RELACOUNT` and `DT_RELCOUNT` only make relocation faster; the others repeat a bit of `DT_FLAGS`. `DT_TEXTREL`
    /// stays: musl looks at it alone.
    pub(crate) fn shorten(&mut self, room: usize) {
        let flags = self.number(elf::DT_FLAGS);
        let flags_1 = self.number(elf::DT_FLAGS_1);
        let is_now = flags & elf::DF_BIND_NOW.0 != 0 || flags_1 & elf::DF_1_NOW.0 != 0;
        let is_symbolic = flags & elf::DF_SYMBOLIC.0 != 0;
        for (tag, redundant) in [
            (elf::DT_RELACOUNT, true),
            (elf::DT_RELCOUNT, true),
            (elf::DT_BIND_NOW, is_now),
            (elf::DT_SYMBOLIC, is_symbolic),
        ] {
            if self.entries.len() <= room {
                return;
            }
            if redundant {
                self.entries.retain(|entry| entry.tag != tag.0);
            }
        }
    }

    /// Returns the entries with their strings as text.
    ///
    /// # Errors
    /// `Malformed` if a string that is kept has no end.
    pub(crate) fn told(&self, model: &Model) -> Result<Vec<(i64, Told)>> {
        let told = |entry: &Entry| {
            Ok((
                entry.tag,
                match &entry.value {
                    Value::Number(value) => Told::Number(*value),
                    Value::Kept(at) => Told::Text(model.string(*at)?.to_vec()),
                    Value::New(text) => Told::Text(text.clone()),
                },
            ))
        };
        self.entries.iter().map(told).collect()
    }

    /// Returns the new strings.
    pub(crate) fn new_strings(&self) -> Vec<Vec<u8>> {
        let entries = self.entries.iter().filter_map(|entry| match &entry.value {
            Value::New(text) => Some(text.clone()),
            Value::Number(_) | Value::Kept(_) => None,
        });
        entries.chain(self.renamed.values().cloned()).collect()
    }

    fn number(&self, tag: elf::DynamicTag) -> u64 {
        let found = self.entries.iter().rev().find(|entry| entry.tag == tag.0);
        match found {
            Some(Entry { value: Value::Number(value), .. }) => *value,
            _ => 0,
        }
    }
}

/// The names that are imported now.
fn imports(model: &Model) -> Result<BTreeSet<&[u8]>> {
    let needed = model.entries.iter().filter(|entry| entry.tag == elf::DT_NEEDED.0);
    needed.map(|entry| model.string(entry.value)).collect()
}

fn text<'a>(model: &'a Model, value: &'a Value) -> Result<&'a [u8]> {
    match value {
        Value::Kept(at) => model.string(*at),
        Value::New(text) => Ok(text),
        Value::Number(_) => Err(Error::malformed("a number where a string belongs")),
    }
}

fn tag_of(kind: SearchPathKind) -> i64 {
    match kind {
        SearchPathKind::Rpath => elf::DT_RPATH.0,
        SearchPathKind::Runpath => elf::DT_RUNPATH.0,
    }
}

fn name_of(tag: i64) -> &'static str {
    if tag == elf::DT_RUNPATH.0 { "runpath" } else { "rpath" }
}

fn change(what: &'static str, from: Option<&[u8]>, to: Option<&[u8]>) -> Change {
    Change { what, from: from.map(escaped), to: to.map(escaped) }
}

fn absent(name: &str) -> Error {
    Error::usage(format!("`{name}` is not imported"))
}

/// Refuses names that a loader could not read back.
pub(super) fn check_name(name: &str, what: &str) -> Result<()> {
    if name.is_empty() || name.contains('\0') {
        return Err(Error::usage(format!("`{}` cannot be the name of an {what}", name.escape_debug())));
    }
    Ok(())
}
