//! The names in the load commands: install name, imports, rpaths.

use super::read::{Command, Macho};
use crate::format::bytes::escaped;
use crate::format::image::{Fault, FaultKind, Import, ImportKind, SearchPath, SearchPathKind};

/// `LC_LOAD_DYLIB`.
pub(super) const LOAD_DYLIB: u32 = 0xc;
/// `LC_ID_DYLIB`.
pub(super) const ID_DYLIB: u32 = 0xd;
/// `LC_LOAD_DYLINKER`.
pub(super) const LOAD_DYLINKER: u32 = 0xe;
/// `LC_LOAD_WEAK_DYLIB`.
pub(super) const LOAD_WEAK_DYLIB: u32 = 0x8000_0018;
/// `LC_RPATH`.
pub(super) const RPATH: u32 = 0x8000_001c;
/// `LC_REEXPORT_DYLIB`.
pub(super) const REEXPORT_DYLIB: u32 = 0x8000_001f;
/// `LC_LAZY_LOAD_DYLIB`.
pub(super) const LAZY_LOAD_DYLIB: u32 = 0x20;
/// `LC_LOAD_UPWARD_DYLIB`.
pub(super) const LOAD_UPWARD_DYLIB: u32 = 0x8000_0023;
/// `LC_LAZY_LOAD_DYLIB_INFO` (dyld-1378, `mach_o/LazyLoadDylib.h`): the path lies in `__LINKEDIT`.
pub(super) const LAZY_LOAD_DYLIB_INFO: u32 = 0x3a;

/// Where a dylib command states its name's offset, and an rpath command its path's.
pub(super) const NAME_FIELD: u64 = 8;
/// `marker` of a `dylib_use_command`, where older commands have a time stamp (`mach-o/loader.h`).
const USE_MARKER: u32 = 0x1a74_1800;
/// Where the name of a `dylib_use_command` begins; anywhere else, dyld takes it for an older command.
const USE_NAME: u32 = 28;
/// The longest path that the system opens.
pub(super) const MAX_NAME: usize = 1024;

/// The names of one slice.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) identity: Option<String>,
    /// How many install names there are.
    pub(super) identities: usize,
    /// In the order of ordinals; what `LC_LAZY_LOAD_DYLIB_INFO` names has none and stands last.
    pub(super) imports: Vec<Import>,
    pub(super) search_paths: Vec<SearchPath>,
    pub(super) dylinker: Option<String>,
    /// What was wrong with strings of load commands.
    pub(super) unended: Vec<String>,
}

impl Names {
    pub(super) fn read(slice: &Macho<'_>, faults: &mut Vec<Fault>) -> Self {
        let mut names = Names::default();
        let mut lazy = Vec::new();
        for command in &slice.commands {
            match command.kind {
                ID_DYLIB => {
                    names.identities += 1;
                    let name = names.text(command, "`LC_ID_DYLIB`", faults);
                    names.identity.get_or_insert(name);
                }
                RPATH => {
                    let path = names.text(command, "`LC_RPATH`", faults);
                    names.search_paths.push(SearchPath { path, kind: SearchPathKind::Rpath });
                }
                LOAD_DYLINKER => {
                    let name = names.text(command, "`LC_LOAD_DYLINKER`", faults);
                    names.dylinker.get_or_insert(name);
                }
                LAZY_LOAD_DYLIB_INFO => match lazy_name(slice, command) {
                    Some(name) => lazy.push(Import { name, kind: ImportKind::Lazy }),
                    None => faults.push(Fault {
                        kind: FaultKind::Truncated,
                        message: "`LC_LAZY_LOAD_DYLIB_INFO` names no library".to_owned(),
                    }),
                },
                _ => {
                    if let Some(kind) = import_kind(command) {
                        // A library without a name keeps its place: ordinals count commands.
                        let name = names.text(command, "an import", faults);
                        names.imports.push(Import { name, kind });
                    }
                }
            }
        }
        names.imports.append(&mut lazy);
        names
    }

    /// The string of a command, as text; empty if it has none.
    fn text(&mut self, command: &Command<'_>, what: &str, faults: &mut Vec<Fault>) -> String {
        match command.string(NAME_FIELD) {
            Ok(bytes) => {
                let text = escaped(bytes);
                check_name(what, bytes, &text, faults);
                text
            }
            Err(error) => {
                // Hostile files repeat themselves.
                if self.unended.len() < 64 {
                    self.unended.push(format!("{what}: {}", error.message()));
                }
                String::new()
            }
        }
    }
}

/// Returns how a command needs a library, `None` if it is no import.
pub(super) fn import_kind(command: &Command<'_>) -> Option<ImportKind> {
    let plain = match command.kind {
        LOAD_DYLIB => ImportKind::Needed,
        LOAD_WEAK_DYLIB => ImportKind::Weak,
        REEXPORT_DYLIB => ImportKind::Reexport,
        LAZY_LOAD_DYLIB => ImportKind::Lazy,
        LOAD_UPWARD_DYLIB => ImportKind::Upward,
        _ => return None,
    };
    let number = |at: u64| command.bytes.u32(at).unwrap_or(0);
    let is_use =
        matches!(plain, ImportKind::Needed | ImportKind::Weak) && number(8) == USE_NAME && number(12) == USE_MARKER;
    if !is_use {
        return Some(plain);
    }
    // DYLIB_USE_WEAK_LINK 1, DYLIB_USE_REEXPORT 2, DYLIB_USE_UPWARD 4. A weak one may be absent, whatever else it is.
    Some(match number(24) {
        flags if flags & 1 != 0 || plain == ImportKind::Weak => ImportKind::Weak,
        flags if flags & 2 != 0 => ImportKind::Reexport,
        flags if flags & 4 != 0 => ImportKind::Upward,
        _ => plain,
    })
}

/// The path in the blob of an `LC_LAZY_LOAD_DYLIB_INFO`, whose first number is its offset.
fn lazy_name(slice: &Macho<'_>, command: &Command<'_>) -> Option<String> {
    let (offset, size) = (command.bytes.u32(8).ok()?, command.bytes.u32(12).ok()?);
    let end = u64::from(offset).checked_add(u64::from(size))?;
    let path = u64::from(offset).checked_add(u64::from(slice.bytes.u32(u64::from(offset)).ok()?))?;
    slice.bytes.c_string(path, end).ok().filter(|name| name.len() <= MAX_NAME).map(escaped)
}

/// States what a loader treats specially in a name.
fn check_name(what: &str, bytes: &[u8], name: &str, faults: &mut Vec<Fault>) {
    let shown: String = name.chars().take(200).collect();
    let odd = if std::str::from_utf8(bytes).is_err() || bytes.iter().any(u8::is_ascii_control) {
        "is not printable text"
    } else if bytes.is_empty() {
        "is empty"
    } else if bytes.len() >= MAX_NAME {
        "is longer than any path"
    } else {
        return;
    };
    // Hostile files repeat themselves.
    if faults.len() < 256 {
        faults.push(Fault { kind: FaultKind::OddName, message: format!("{what} `{shown}` {odd}") });
    }
}
