//! The names in the dynamic section: identity, imports, search paths, filters, auditors.

use object::elf;

use super::inspect::{Dynamic, MAX_NAME, fault};
use crate::format::bytes::escaped;
use crate::format::image::{Fault, FaultKind, Import, ImportKind, SearchPath, SearchPathKind};

/// The longest search path that is read.
const MAX_SEARCH_PATH: usize = 64 * 1024;
/// More needed libraries than any linker writes.
const MAX_IMPORTS: usize = 4096;

/// Tags of names of which one counts.
const SINGLE: [elf::DynamicTag; 5] = [elf::DT_SONAME, elf::DT_RPATH, elf::DT_RUNPATH, elf::DT_AUDIT, elf::DT_DEPAUDIT];

/// The names that the dynamic section holds.
#[derive(Default)]
pub(super) struct Names {
    pub(super) identity: Option<String>,
    pub(super) imports: Vec<Import>,
    pub(super) search_paths: Vec<SearchPath>,
    pub(super) filters: Vec<String>,
    pub(super) auxiliaries: Vec<String>,
    pub(super) audit: Option<String>,
    pub(super) dependency_audit: Option<String>,
}

impl Names {
    pub(super) fn read(dynamic: Option<&Dynamic<'_>>, faults: &mut Vec<Fault>) -> Self {
        let mut names = Names::default();
        let Some(Dynamic { entries, strings, .. }) = dynamic else { return names };
        let strings = match strings {
            Ok(strings) => strings,
            // A static program's dynamic section may name nothing.
            Err(_) if !entries.iter().any(|entry| is_name(entry.tag)) => return names,
            Err(error) => {
                faults.push(fault(FaultKind::Truncated, error));
                return names;
            }
        };
        let mut left_out = 0_usize;
        // Loaders keep one value of each of these tags, the last.
        let lasts = SINGLE.map(|tag| entries.iter().rposition(|entry| entry.tag == tag.0));
        for tag in SINGLE {
            let count = entries.iter().filter(|entry| entry.tag == tag.0).count();
            if count > 1 {
                faults.push(fault(FaultKind::Suspicious, format!("{} is there {count} times", tag_name(tag.0))));
            }
        }
        for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| is_name(entry.tag)) {
            let is_path = matches!(elf::DynamicTag(entry.tag), elf::DT_RPATH | elf::DT_RUNPATH);
            if is_single(entry.tag) && !lasts.contains(&Some(index)) {
                continue;
            }
            if names.imports.len() + names.filters.len() + names.auxiliaries.len() >= MAX_IMPORTS {
                left_out += 1;
                continue;
            }
            match strings.get(entry.value, if is_path { MAX_SEARCH_PATH } else { MAX_NAME }) {
                Ok(bytes) => names.take(entry.tag, bytes, faults),
                Err(error) if left_out == 0 => {
                    faults.push(fault(FaultKind::Truncated, error.context(tag_name(entry.tag))));
                    left_out += 1;
                }
                Err(_) => left_out += 1,
            }
        }
        if left_out > 1 {
            faults.push(fault(FaultKind::Truncated, format!("{left_out} names of the dynamic section are left out")));
        }
        names
    }

    fn take(&mut self, tag: i64, bytes: &[u8], faults: &mut Vec<Fault>) {
        let name = escaped(bytes);
        check_name(tag, bytes, &name, faults);
        match elf::DynamicTag(tag) {
            elf::DT_NEEDED => self.imports.push(Import { name, kind: ImportKind::Needed }),
            elf::DT_SONAME => self.identity = Some(name),
            // glibc ignores an empty search path; an empty element is the current directory.
            elf::DT_RPATH | elf::DT_RUNPATH if name.is_empty() => {}
            elf::DT_RPATH => self.search_path(&name, SearchPathKind::Rpath),
            elf::DT_RUNPATH => self.search_path(&name, SearchPathKind::Runpath),
            elf::DT_FILTER => self.filters.push(name),
            elf::DT_AUXILIARY => self.auxiliaries.push(name),
            elf::DT_AUDIT => self.audit = Some(name),
            elf::DT_DEPAUDIT => self.dependency_audit = Some(name),
            _ => {}
        }
    }

    fn search_path(&mut self, text: &str, kind: SearchPathKind) {
        self.search_paths.extend(text.split(':').map(|path| SearchPath { path: path.to_owned(), kind }));
    }
}

/// States what a loader treats specially in a name.
fn check_name(tag: i64, bytes: &[u8], name: &str, faults: &mut Vec<Fault>) {
    let is_path = matches!(elf::DynamicTag(tag), elf::DT_RPATH | elf::DT_RUNPATH);
    let shown: String = name.chars().take(200).collect();
    let odd = if std::str::from_utf8(bytes).is_err() || bytes.iter().any(u8::is_ascii_control) {
        Some("is not printable text")
    } else if is_path {
        None
    } else if bytes.is_empty() {
        Some("is empty")
    } else if bytes.contains(&b'/') {
        Some("is a path, not a name")
    } else if bytes.contains(&b'$') {
        Some("holds a `$`, which loaders expand")
    } else {
        None
    };
    // Hostile files repeat themselves.
    if let Some(odd) = odd
        && faults.len() < 256
    {
        faults.push(fault(FaultKind::OddName, format!("{} `{shown}` {odd}", tag_name(tag))));
    }
}

fn is_name(tag: i64) -> bool {
    is_single(tag) || matches!(elf::DynamicTag(tag), elf::DT_NEEDED | elf::DT_FILTER | elf::DT_AUXILIARY)
}

fn is_single(tag: i64) -> bool {
    SINGLE.contains(&elf::DynamicTag(tag))
}

fn tag_name(tag: i64) -> &'static str {
    match elf::DynamicTag(tag) {
        elf::DT_NEEDED => "`DT_NEEDED`",
        elf::DT_SONAME => "`DT_SONAME`",
        elf::DT_RPATH => "`DT_RPATH`",
        elf::DT_RUNPATH => "`DT_RUNPATH`",
        elf::DT_FILTER => "`DT_FILTER`",
        elf::DT_AUXILIARY => "`DT_AUXILIARY`",
        elf::DT_AUDIT => "`DT_AUDIT`",
        elf::DT_DEPAUDIT => "`DT_DEPAUDIT`",
        _ => "a dynamic entry",
    }
}
