//! `Wanted`: what the edits ask of one slice, as its load commands shall be.

use std::collections::BTreeSet;

use super::super::facts::{ApplePlatform, AppleVersion, FileType};
use super::super::names::{ID_DYLIB, LAZY_LOAD_DYLIB_INFO, NAME_FIELD, Names, RPATH, import_kind};
use super::super::read::{Command, Macho};
use super::commands::Entry;
use super::ordinals;
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, escaped};
use crate::format::edit::{Change, Edit, EditSet};
use crate::format::image::{ImportKind, SearchPathKind};

/// `LC_BUILD_VERSION`, and where it states the oldest system.
const BUILD_VERSION: (u32, u64) = (0x32, 12);
/// `LC_VERSION_MIN_*`, and where they state the oldest system.
const VERSION_MIN: ([u32; 4], u64) = ([0x24, 0x25, 0x2f, 0x30], 8);
/// The first system for arm64 Macs.
const FIRST_ARM64: AppleVersion = AppleVersion::new(11, 0, 0);

/// The SDK from which dyld of macOS 15 refuses two imports of one name.
const STRICT_SDK: AppleVersion = AppleVersion::new(15, 0, 0);

/// A name that takes more room than what it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cost {
    /// The new name.
    pub(crate) name: String,
    /// Bytes more than before.
    pub(crate) bytes: u64,
}

/// The load commands of a slice as they shall be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    /// The commands in order.
    pub(crate) commands: Vec<Entry<'a>>,
    /// What is expected of the result, in words.
    pub(crate) told: Told,
    /// What changes, for people.
    pub(crate) changes: Vec<Change>,
    /// What is worth knowing.
    pub(crate) notes: Vec<String>,
    /// Which names need more room.
    pub(crate) costs: Vec<Cost>,
}

/// The names of a slice: what is read back has to be this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// The install name.
    pub(crate) identity: Option<Vec<u8>>,
    /// The imports that have an ordinal, in order.
    pub(crate) imports: Vec<(ImportKind, Vec<u8>)>,
    /// The rpaths, in order.
    pub(crate) rpaths: Vec<Vec<u8>>,
    /// The oldest system.
    pub(crate) min_os: Option<AppleVersion>,
}

impl<'a> Wanted<'a> {
    /// Works out what the edits ask of a slice. Imports are renamed as one: each by the name it has now.
    ///
    /// # Errors
    /// `Usage` if a name or version cannot be written; `Unsupported` if the slice cannot carry an edit.
    pub(crate) fn new(slice: &Macho<'a>, edits: &EditSet) -> Result<Self> {
        let mut wanted = Self {
            commands: slice.commands.iter().map(Entry::kept).collect(),
            told: Told::read(slice)?,
            changes: Vec::new(),
            notes: Vec::new(),
            costs: Vec::new(),
        };
        for edit in edits.edits() {
            refuse_foreign(edit)?;
        }
        wanted.set_identity(slice, edits)?;
        wanted.rename_imports(slice, edits)?;
        wanted.remove_imports(slice, edits)?;
        wanted.add_imports(slice, edits)?;
        wanted.set_rpaths(slice, edits)?;
        wanted.set_min_version(slice, edits)?;
        wanted.check_duplicates(slice)?;
        Ok(wanted)
    }

    /// Replaces the command at `index`, and keeps account of the room.
    fn replace(&mut self, index: usize, entry: Entry<'a>, name: &[u8]) {
        if let Some(old) = self.commands.get_mut(index) {
            if entry.size() > old.size() {
                self.costs.push(Cost { name: escaped(name), bytes: entry.size() - old.size() });
            }
            *old = entry;
        }
    }

    fn insert(&mut self, index: usize, entry: Entry<'a>, name: &[u8]) {
        self.costs.push(Cost { name: escaped(name), bytes: entry.size() });
        self.commands.insert(index.min(self.commands.len()), entry);
    }

    /// Where a new command goes: behind the last of those that `is_like` picks, else behind the last import.
    fn place(&self, slice: &Macho<'_>, is_like: impl Fn(&Entry<'_>) -> bool) -> usize {
        let like = self.commands.iter().rposition(is_like);
        let import = || self.commands.iter().rposition(|entry| is_import(slice, entry));
        like.or_else(import).map_or(self.commands.len(), |index| index + 1)
    }

    fn set_identity(&mut self, slice: &Macho<'a>, edits: &EditSet) -> Result<()> {
        for edit in edits.edits() {
            let Edit::SetIdentity(name) = edit else { continue };
            check_name(name, "an install name")?;
            if FileType::from_raw(slice.header.file_type) != FileType::Dylib {
                // dyld refuses an install name in anything else.
                return Err(Error::unsupported("only a library (`MH_DYLIB`) has an install name"));
            }
            if self.told.identity.as_deref() == Some(name.as_bytes()) {
                continue;
            }
            let before = self.told.identity.replace(name.clone().into_bytes());
            self.changes.push(change("install name", before.as_deref(), Some(name.as_bytes())));
            match self.commands.iter().position(|entry| entry.kind == ID_DYLIB) {
                Some(index) => {
                    let entry = self.renamed(slice, index, name.as_bytes())?;
                    self.replace(index, entry, name.as_bytes());
                }
                None => {
                    let entry = Entry::identity(&slice.header, name.as_bytes())?;
                    self.insert(self.commands.len(), entry, name.as_bytes());
                }
            }
        }
        Ok(())
    }

    fn renamed(&self, slice: &Macho<'_>, index: usize, name: &[u8]) -> Result<Entry<'static>> {
        match self.commands.get(index) {
            Some(entry) => entry.renamed(&slice.header, name),
            None => Err(Error::malformed("a load command is gone")),
        }
    }

    fn rename_imports(&mut self, slice: &Macho<'a>, edits: &EditSet) -> Result<()> {
        for edit in edits.edits() {
            let Edit::ReplaceImport { from, to } = edit else { continue };
            check_name(to, "an import")?;
            if from == to {
                continue;
            }
            if slice.of_kind(LAZY_LOAD_DYLIB_INFO).next().is_some() && lazy_names(slice).any(|name| name == *from) {
                return Err(Error::unsupported(format!(
                    "`{from}` is loaded lazily by a record in `__LINKEDIT`, which cannot be renamed"
                )));
            }
            let imports = slice.commands.iter().enumerate().filter(|(_, command)| import_kind(command).is_some());
            for (ordinal, (index, command)) in imports.enumerate() {
                if command.string(NAME_FIELD)? != from.as_bytes() {
                    continue;
                }
                let entry = self.renamed(slice, index, to.as_bytes())?;
                self.replace(index, entry, to.as_bytes());
                if let Some((_, name)) = self.told.imports.get_mut(ordinal) {
                    *name = to.clone().into_bytes();
                }
                self.changes.push(change("import", Some(from.as_bytes()), Some(to.as_bytes())));
            }
        }
        Ok(())
    }

    fn remove_imports(&mut self, slice: &Macho<'a>, edits: &EditSet) -> Result<()> {
        let mut gone: Vec<&str> = Vec::new();
        for edit in edits.edits() {
            if let Edit::RemoveImport(name) = edit {
                gone.push(name);
            }
        }
        // From the last to the first: an import can go if none follows that counts on its own place.
        for ordinal in (0..self.told.imports.len()).rev() {
            let Some((kind, name)) = self.told.imports.get(ordinal).cloned() else { continue };
            let Some(name) = gone.iter().find(|gone| gone.as_bytes() == name).copied() else { continue };
            ordinals::can_go(slice, ordinal, self.told.imports.len(), (kind, name))?;
            let nth = self.commands.iter().enumerate().filter(|(_, entry)| is_import(slice, entry)).nth(ordinal);
            if let Some((index, _)) = nth {
                self.commands.remove(index);
                self.told.imports.remove(ordinal);
                self.changes.push(change("import", Some(name.as_bytes()), None));
            }
        }
        Ok(())
    }

    fn add_imports(&mut self, slice: &Macho<'a>, edits: &EditSet) -> Result<()> {
        for edit in edits.edits() {
            let Edit::AddImport(name) = edit else { continue };
            check_name(name, "an import")?;
            if self.told.imports.iter().any(|(_, known)| known == name.as_bytes()) {
                continue;
            }
            let entry = Entry::import(&slice.header, name.as_bytes())?;
            // Behind all others: ordinals count imports from the first.
            self.insert(self.place(slice, |_| false), entry, name.as_bytes());
            self.told.imports.push((ImportKind::Needed, name.clone().into_bytes()));
            self.changes.push(change("import", None, Some(name.as_bytes())));
        }
        Ok(())
    }

    fn set_rpaths(&mut self, slice: &Macho<'a>, edits: &EditSet) -> Result<()> {
        let before = self.told.rpaths.clone();
        let mut paths = before.clone();
        for edit in edits.edits() {
            if let Edit::SetSearchPath { paths: new, .. } = edit {
                for path in new {
                    check_name(path, "an rpath")?;
                }
                paths = new.iter().map(|path| path.clone().into_bytes()).collect();
                // dyld refuses an rpath that is there twice.
                unique(&mut paths);
            }
        }
        for edit in edits.edits() {
            if let Edit::ReplaceSearchPath { to, .. } = edit {
                check_name(to, "an rpath")?;
            }
        }
        edits.replace_directories(&mut paths);
        for edit in edits.edits() {
            if let Edit::AddSearchPath(path) = edit {
                check_name(path, "an rpath")?;
                // Once, and no more than once: dyld refuses what is there twice.
                let mut is_there = false;
                paths.retain(|known| known != path.as_bytes() || !std::mem::replace(&mut is_there, true));
                if !is_there {
                    paths.push(path.clone().into_bytes());
                }
            }
        }
        for edit in edits.edits() {
            if let Edit::RemoveSearchPath(path) = edit {
                paths.retain(|known| known != path.as_bytes());
            }
        }
        // Where the paths change anyway, none is left twice.
        if paths != before || edits.edits().contains(&Edit::DropRepeatedSearchPaths) {
            unique(&mut paths);
        }
        if paths == before {
            return Ok(());
        }
        self.put_rpaths(slice, paths)
    }

    /// Makes `paths` the rpaths: those that were there keep their commands.
    pub(crate) fn put_rpaths(&mut self, slice: &Macho<'a>, paths: Vec<Vec<u8>>) -> Result<()> {
        let before = std::mem::replace(&mut self.told.rpaths, paths);
        let at = self.commands.iter().position(|entry| entry.kind == RPATH);
        let at = at.unwrap_or_else(|| self.place(slice, |_| false));
        let mut old: Vec<Option<Entry<'a>>> = Vec::new();
        self.commands.retain(|entry| {
            let stays = entry.kind != RPATH;
            if !stays {
                old.push(Some(entry.clone()));
            }
            stays
        });
        let mut left: Vec<Vec<u8>> = before.clone();
        for (index, path) in self.told.rpaths.clone().into_iter().enumerate() {
            let known = before.iter().position(|known| *known == path).and_then(|known| old.get_mut(known)?.take());
            match known {
                Some(entry) => self.commands.insert((at + index).min(self.commands.len()), entry),
                None => {
                    let entry = Entry::rpath(&slice.header, &path)?;
                    self.insert(at + index, entry, &path);
                }
            }
            match left.iter().position(|known| *known == path) {
                Some(known) => drop(left.remove(known)),
                None => self.changes.push(change("rpath", None, Some(&path))),
            }
        }
        self.changes.extend(left.iter().map(|path| change("rpath", Some(path), None)));
        if left.is_empty() && before.len() == self.told.rpaths.len() && self.changes.is_empty() {
            // The same paths in another order.
            let text = |paths: &[Vec<u8>]| paths.join(&b':');
            self.changes.push(change("rpath", Some(&text(&before)), Some(&text(&self.told.rpaths))));
        }
        Ok(())
    }

    fn set_min_version(&mut self, slice: &Macho<'a>, edits: &EditSet) -> Result<()> {
        for edit in edits.edits() {
            let Edit::SetMinVersion(text) = edit else { continue };
            let Some(mut version) = AppleVersion::parse(text).filter(|version| version.major() > 0) else {
                return Err(Error::usage(format!("`{text}` is no version of a system, such as `11.0`")));
            };
            let stated = slice.commands.iter().find_map(version_place);
            let (Some((_, platform)), Some(before)) = (stated, self.told.min_os) else {
                return Err(Error::unsupported("the file states no version of a system, nor for which platform it is"));
            };
            let is_arm64 = slice.header.cpu_type == 0x0100_000c;
            if is_arm64 && platform == ApplePlatform::MacOs && version < FIRST_ARM64 {
                self.notes.push(format!("macOS for arm64 begins with {FIRST_ARM64}, which is set there"));
                version = FIRST_ARM64;
            }
            if before == version {
                continue;
            }
            for entry in &mut self.commands {
                let bytes = Bytes::new(&entry.bytes, slice.header.endian);
                let place = version_place(&Command { kind: entry.kind, bytes });
                if let Some((at, _)) = place.filter(|(_, other)| *other == platform) {
                    entry.put_u32(slice.header.endian, at, version.0)?;
                }
            }
            self.told.min_os = Some(version);
            let (from, to) = (before.to_string(), version.to_string());
            self.changes.push(Change { what: "minimum version", from: Some(from), to: Some(to) });
        }
        Ok(())
    }

    /// Two imports of one name keep newer systems from loading the file, and neither can be taken out.
    fn check_duplicates(&mut self, slice: &Macho<'a>) -> Result<()> {
        let twice = |told: &Told| {
            let mut seen = BTreeSet::new();
            let names = told.imports.iter().map(|(_, name)| name.clone());
            names.filter(|name| !seen.insert(name.clone())).collect::<Vec<_>>()
        };
        let (before, after) = (twice(&Told::read(slice)?), twice(&self.told));
        if after.len() <= before.len() {
            return Ok(());
        }
        let name = after.iter().find(|name| !before.contains(name)).map(|name| escaped(name)).unwrap_or_default();
        let sdk = slice.commands.iter().find_map(|command| {
            let (at, _) = version_place(command)?;
            command.bytes.u32(at + 4).ok().map(AppleVersion)
        });
        if sdk.is_some_and(|sdk| sdk >= STRICT_SDK) {
            let error = format!(
                "`{name}` would be imported twice, which dyld refuses in what was built with SDK {STRICT_SDK} or later"
            );
            return Err(Error::unsupported(error).hint("spell one of them differently, as in `@loader_path/./name`"));
        }
        self.notes.push(format!("`{name}` is imported twice"));
        Ok(())
    }
}

impl Told {
    /// Reads the names that a slice has.
    ///
    /// # Errors
    /// `Malformed` if a name has no end.
    pub(crate) fn read(slice: &Macho<'_>) -> Result<Self> {
        let mut told = Self { identity: None, imports: Vec::new(), rpaths: Vec::new(), min_os: None };
        for command in &slice.commands {
            if let Some(kind) = import_kind(command) {
                told.imports.push((kind, command.string(NAME_FIELD)?.to_vec()));
            } else if command.kind == RPATH {
                told.rpaths.push(command.string(NAME_FIELD)?.to_vec());
            } else if command.kind == ID_DYLIB && told.identity.is_none() {
                told.identity = Some(command.string(NAME_FIELD)?.to_vec());
            } else if let (None, Some((at, _))) = (told.min_os, version_place(command)) {
                told.min_os = Some(AppleVersion(command.bytes.u32(at)?));
            }
        }
        Ok(told)
    }
}

/// Where a command states the oldest system, and of which platform.
pub(crate) fn version_place(command: &Command<'_>) -> Option<(u64, ApplePlatform)> {
    if command.kind == BUILD_VERSION.0 {
        return Some((BUILD_VERSION.1, ApplePlatform::from_raw(command.bytes.u32(8).ok()?)));
    }
    let index = VERSION_MIN.0.iter().position(|kind| *kind == command.kind)?;
    Some((VERSION_MIN.1, if index == 0 { ApplePlatform::MacOs } else { ApplePlatform::Ios }))
}

/// Whether a command is an import with an ordinal.
pub(crate) fn is_import(slice: &Macho<'_>, entry: &Entry<'_>) -> bool {
    let bytes = Bytes::new(&entry.bytes, slice.header.endian);
    import_kind(&Command { kind: entry.kind, bytes }).is_some()
}

/// The libraries that `LC_LAZY_LOAD_DYLIB_INFO` names.
fn lazy_names(slice: &Macho<'_>) -> impl Iterator<Item = String> {
    let names = Names::read(slice, &mut Vec::new());
    let with_ordinal = slice.commands.iter().filter(|command| import_kind(command).is_some()).count();
    names.imports.into_iter().skip(with_ordinal).map(|import| import.name)
}

/// Refuses what only other formats can carry.
fn refuse_foreign(edit: &Edit) -> Result<()> {
    let owner = match edit {
        Edit::SetInterpreter(_) | Edit::ClearExecutableStack | Edit::Strip(_) => Some("ELF"),
        Edit::SetSearchPath { kind: Some(SearchPathKind::Runpath), .. }
        | Edit::SetSearchPathKind(SearchPathKind::Runpath) => Some("ELF"),
        Edit::DelayToEager(_) | Edit::ClearDependentLoadFlags => Some("PE"),
        Edit::SetIdentity(_)
        | Edit::ReplaceImport { .. }
        | Edit::AddImport(_)
        | Edit::RemoveImport(_)
        | Edit::SetSearchPath { .. }
        | Edit::AddSearchPath(_)
        | Edit::RemoveSearchPath(_)
        | Edit::ReplaceSearchPath { .. }
        | Edit::DropRepeatedSearchPaths
        | Edit::SetSearchPathKind(_)
        | Edit::SetMinVersion(_)
        | Edit::Sign => None,
    };
    match owner {
        Some(owner) => Err(Error::unsupported(format!("`{edit}` is for {owner} files, and this is Mach-O"))),
        None => Ok(()),
    }
}

fn check_name(name: &str, what: &str) -> Result<()> {
    if name.is_empty() || name.contains('\0') {
        return Err(Error::usage(format!("`{}` cannot be {what}", name.escape_debug())));
    }
    Ok(())
}

/// Takes out what stands there a second time.
pub(crate) fn unique(paths: &mut Vec<Vec<u8>>) {
    let mut seen = BTreeSet::new();
    paths.retain(|path| seen.insert(path.clone()));
}

fn change(what: &'static str, from: Option<&[u8]>, to: Option<&[u8]>) -> Change {
    Change { what, from: from.map(escaped), to: to.map(escaped) }
}
