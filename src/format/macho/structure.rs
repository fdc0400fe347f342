//! dyld's rules about a file's structure, as facts: which of them a slice breaks.
//!
//! Only what dyld loads is held to them. Each is enforced from some SDK on, or always; that is a policy's business.

use std::collections::BTreeSet;

use super::facts::{FileType, Structure, StructureRule as Rule};
use super::names::Names;
use super::read::{Command, Macho, Segment};
use super::signature::CODE_SIGNATURE;
use crate::format::bytes::{Width, escaped};
use crate::format::image::ImportKind;

/// As many findings as are kept: hostile files repeat themselves.
const MAX_FINDINGS: usize = 64;
/// `VM_PROT_READ` and `VM_PROT_EXECUTE`, then `VM_PROT_READ` alone.
const READ_EXECUTE: u32 = 5;
const READ: u32 = 1;

/// A table in `__LINKEDIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) align: u64,
}

/// Returns the tables that load commands place in `__LINKEDIT`, empty ones left out.
pub(super) fn tables(slice: &Macho<'_>) -> Vec<Table> {
    let pointer = slice.header.width.bytes();
    let symbol_size = match slice.header.width {
        Width::W32 => 12,
        Width::W64 => 16,
    };
    let mut tables = Vec::new();
    for command in &slice.commands {
        let mut add = |name, at: u64, unit: u64, align| {
            let place = command.bytes.u32(at).ok().zip(command.bytes.u32(at + 4).ok());
            if let Some((offset, count)) = place.filter(|(_, count)| *count > 0) {
                tables.push(Table { name, offset: offset.into(), size: u64::from(count) * unit, align });
            }
        };
        match command.kind {
            0x2 => {
                add("symbols", 8, symbol_size, pointer);
                add("strings", 16, 1, 1);
            }
            0xb => {
                add("indirect symbols", 56, 4, 4);
                add("external relocations", 64, 8, pointer);
                add("local relocations", 72, 8, pointer);
            }
            0x22 | 0x8000_0022 => {
                for (name, at) in
                    [("rebases", 8), ("binds", 16), ("weak binds", 24), ("lazy binds", 32), ("exports", 40)]
                {
                    add(name, at, 1, pointer);
                }
            }
            _ => {
                if let Some(name) = table_name(command) {
                    add(name, 8, 1, pointer);
                }
            }
        }
    }
    tables
}

/// The name of the table of a command that states one place.
fn table_name(command: &Command<'_>) -> Option<&'static str> {
    Some(match command.kind {
        CODE_SIGNATURE => "code signature",
        0x1e => "split information",
        0x26 => "function starts",
        0x29 => "data in code",
        0x8000_0033 => "exports",
        0x8000_0034 => "chained fixups",
        _ => return None,
    })
}

/// Returns what breaks a rule in a slice that dyld loads; nothing for other files.
pub(super) fn check(slice: &Macho<'_>, names: &Names, segments: &[Segment<'_>]) -> Vec<Structure> {
    let file_type = FileType::from_raw(slice.header.file_type);
    if !file_type.is_loaded() {
        return Vec::new();
    }
    let mut findings = Findings(Vec::new());
    names_and_commands(slice, names, file_type, &mut findings);
    segments_in_order(slice, segments, &mut findings);
    for segment in segments {
        one_segment(slice, segment, &mut findings);
    }
    linkedit(slice, segments, &mut findings);
    findings.0
}

struct Findings(Vec<Structure>);

impl Findings {
    fn add(&mut self, rule: Rule, message: impl Into<String>) {
        if self.0.len() < MAX_FINDINGS {
            self.0.push(Structure { rule, message: message.into() });
        }
    }
}

fn names_and_commands(slice: &Macho<'_>, names: &Names, file_type: FileType, findings: &mut Findings) {
    for (rule, what, twice) in [
        (Rule::DuplicateRpath, "`LC_RPATH`", twice(names.search_paths.iter().map(|path| path.path.as_str()))),
        (Rule::DuplicateImport, "import", twice(names.imports.iter().map(|import| import.name.as_str()))),
    ] {
        for name in twice {
            findings.add(rule, format!("{what} `{name}` is there more than once"));
        }
    }
    if names.imports.iter().all(|import| import.kind == ImportKind::Lazy) {
        findings.add(Rule::NoImport, "no library is imported");
    }
    if slice.of_kind(0x1b).next().is_none() && file_type != FileType::Program {
        findings.add(Rule::MissingUuid, "no `LC_UUID`");
    }
    match (file_type, names.identities) {
        (FileType::Dylib, 0) => findings.add(Rule::Identity, "a library without `LC_ID_DYLIB`"),
        (FileType::Dylib, 1) | (_, 0) => {}
        (FileType::Dylib, count) => findings.add(Rule::Identity, format!("{count} `LC_ID_DYLIB`")),
        (_, _) => findings.add(Rule::Identity, "`LC_ID_DYLIB` in what is no library"),
    }
}

/// The names that stand there more than once, each told once.
fn twice<'n>(names: impl Iterator<Item = &'n str>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).map(str::to_owned).collect()
}

fn segments_in_order(slice: &Macho<'_>, segments: &[Segment<'_>], findings: &mut Findings) {
    for name in twice_by_name(segments) {
        findings.add(Rule::DuplicateSegment, format!("more than one segment `{name}`"));
    }
    let mut previous: Option<&Segment<'_>> = None;
    for segment in segments.iter().filter(|segment| segment.file_size > 0) {
        if let Some(before) = previous
            && (segment.offset < before.offset || segment.address < before.address)
        {
            let (name, other) = (escaped(segment.name), escaped(before.name));
            findings.add(Rule::SegmentOrder, format!("segment `{name}` lies before `{other}`, which precedes it"));
        }
        previous = Some(segment);
    }
    for (of, range) in [
        ("memory", (|segment| (segment.address, segment.memory_size)) as fn(&Segment<'_>) -> (u64, u64)),
        ("the file", |segment| (segment.offset, segment.file_size)),
    ] {
        let mut ranges: Vec<_> = segments.iter().map(|segment| (range(segment), segment.name)).collect();
        ranges.retain(|((_, size), _)| *size > 0);
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            if let [((start, size), name), ((next, _), other)] = pair
                && start.checked_add(*size).is_none_or(|end| end > *next)
            {
                let (name, other) = (escaped(name), escaped(other));
                findings.add(Rule::SegmentOverlap, format!("segments `{name}` and `{other}` overlap in {of}"));
            }
        }
    }
    let holds_commands = |segment: &&Segment<'_>| segment.offset == 0 && segment.file_size > 0;
    let text = segments.iter().find(|segment| segment.name == b"__TEXT");
    if !text.iter().any(|text| holds_commands(text) && text.file_size >= slice.header.commands_end()) {
        findings.add(Rule::CommandsOutsideText, "the load commands do not lie in `__TEXT`");
    }
}

fn twice_by_name(segments: &[Segment<'_>]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    segments.iter().filter(|segment| !seen.insert(segment.name)).map(|segment| escaped(segment.name)).collect()
}

fn one_segment(slice: &Macho<'_>, segment: &Segment<'_>, findings: &mut Findings) {
    let name = escaped(segment.name);
    if segment.file_size > segment.memory_size {
        findings.add(Rule::SegmentSize, format!("segment `{name}` is larger in the file than in memory"));
    }
    if segment.offset.checked_add(segment.file_size).is_none_or(|end| end > slice.bytes.len()) {
        findings.add(Rule::SegmentSize, format!("segment `{name}` leaves the file"));
    }
    if segment.is_cut {
        findings.add(Rule::BadCommand, format!("segment `{name}` has more sections than its load command"));
    }
    match segment.name {
        b"__TEXT" if segment.protection != READ_EXECUTE => {
            findings.add(Rule::TextProtection, format!("`__TEXT` is {}", protection(segment.protection)));
        }
        b"__LINKEDIT" if segment.protection != READ => {
            findings.add(Rule::LinkeditProtection, format!("`__LINKEDIT` is {}", protection(segment.protection)));
        }
        _ => {}
    }
    let end = segment.address.saturating_add(segment.memory_size);
    for section in &segment.sections {
        let inside = section.address >= segment.address
            && section.address.checked_add(section.size).is_some_and(|section_end| section_end <= end);
        if !inside {
            let section = escaped(section.name);
            findings.add(Rule::SectionOutside, format!("section `{section}` lies outside its segment `{name}`"));
        }
    }
}

fn protection(bits: u32) -> String {
    [(1, 'r'), (2, 'w'), (4, 'x')].iter().map(|(bit, letter)| if bits & bit == 0 { '-' } else { *letter }).collect()
}

fn linkedit(slice: &Macho<'_>, segments: &[Segment<'_>], findings: &mut Findings) {
    let mut tables = tables(slice);
    tables.sort_by_key(|table| (table.offset, table.size));
    let Some(linkedit) = segments.iter().find(|segment| segment.name == b"__LINKEDIT") else {
        if !tables.is_empty() {
            findings.add(Rule::LinkeditOutside, "there are tables, but no `__LINKEDIT`");
        }
        return;
    };
    let (start, end) = (linkedit.offset, linkedit.offset.saturating_add(linkedit.file_size));
    let mut previous = Table { name: "the start of `__LINKEDIT`", offset: start, size: 0, align: 1 };
    for table in tables {
        let Table { name, offset, size, align } = table;
        if offset < start || offset.checked_add(size).is_none_or(|table_end| table_end > end) {
            findings.add(Rule::LinkeditOutside, format!("the {name} lie outside `__LINKEDIT`"));
        } else if offset < previous.offset.saturating_add(previous.size) {
            findings.add(Rule::LinkeditOverlap, format!("the {name} overlap the {}", previous.name));
        }
        if offset % align != 0 {
            let rule = if name == "code signature" { Rule::SignatureMisaligned } else { Rule::LinkeditMisaligned };
            findings.add(rule, format!("the {name} begin at {offset:#x}, no multiple of {align}"));
        }
        previous = table;
    }
}
