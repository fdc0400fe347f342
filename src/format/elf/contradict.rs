//! Sections against segments: two places that state one fact and disagree.
//!
//! glibc, musl and the kernel believe the segments, bionic and many tools the sections; such a file is not edited.

use object::elf;

use super::inspect::fault;
use super::read::{DynamicEntry, Elf, Section, last};
use crate::format::image::{Fault, FaultKind};

/// Compares the section headers with `PT_DYNAMIC` and the tables it names.
pub(super) fn check_sections(file: &Elf<'_>, entries: &[DynamicEntry], faults: &mut Vec<Fault>) {
    if file.sections.is_empty() {
        return;
    }
    let Some(segment) = file.dynamic_segment() else { return };
    let mut state = |message: String| faults.push(fault(FaultKind::Contradiction, message));
    match section_of(file, elf::SHT_DYNAMIC) {
        None => state("`PT_DYNAMIC` has no section of type `SHT_DYNAMIC`".to_owned()),
        Some(section) => {
            if (section.offset, section.address) != (segment.offset, segment.address) {
                state(format!(
                    "`PT_DYNAMIC` is at offset {:#x}, the dynamic section at {:#x}",
                    segment.offset, section.offset
                ));
            } else if section.size != segment.file_size {
                state(format!("`PT_DYNAMIC` has {} bytes, the dynamic section {}", segment.file_size, section.size));
            }
            if let (Some(strings), Some(address)) = (linked(file, section), last(entries, elf::DT_STRTAB.0)) {
                let size = last(entries, elf::DT_STRSZ.0);
                if strings.address != address || size.is_some_and(|size| size != strings.size) {
                    state("`DT_STRTAB` and the dynamic section's string table are different places".to_owned());
                }
            }
        }
    }
    for (tag, kind, name) in [
        (elf::DT_SYMTAB, elf::SHT_DYNSYM, "`DT_SYMTAB`"),
        (elf::DT_VERSYM, elf::SHT_GNU_VERSYM, "`DT_VERSYM`"),
        (elf::DT_VERNEED, elf::SHT_GNU_VERNEED, "`DT_VERNEED`"),
        (elf::DT_VERDEF, elf::SHT_GNU_VERDEF, "`DT_VERDEF`"),
        (elf::DT_GNU_HASH, elf::SHT_GNU_HASH, "`DT_GNU_HASH`"),
        (elf::DT_HASH, elf::SHT_HASH, "`DT_HASH`"),
    ] {
        if let (Some(address), Some(section)) = (last(entries, tag.0), section_of(file, kind))
            && address != section.address
        {
            state(format!("{name} is at address {address:#x}, its section at {:#x}", section.address));
        }
    }
}

/// The first section of a type.
pub(super) fn section_of<'a>(file: &'a Elf<'_>, kind: elf::SectionType) -> Option<&'a Section> {
    file.sections.iter().find(|section| section.kind == kind.0)
}

fn linked<'a>(file: &'a Elf<'_>, section: &Section) -> Option<&'a Section> {
    usize::try_from(section.link).ok().and_then(|link| file.sections.get(link))
}
