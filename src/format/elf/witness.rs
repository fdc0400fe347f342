//! goblin, an independent reader: what it finds in an edited file has to be what was asked for.

use goblin::elf::dynamic::{DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, Dynamic};
use goblin::elf::{Elf, ProgramHeader, SectionHeader};
use goblin::strtab::Strtab;

use super::edit::wanted::Told;
use crate::error::{Error, Result};

/// Compares names and search paths with what goblin reads. Its parsers of single tables are used, because the one of
/// whole files copies every symbol name.
///
/// # Errors
/// `Internal`-to-be: a phrase saying what differs.
pub(super) fn compare(bytes: &[u8], told: &[(i64, Told)]) -> Result<()> {
    let failed = |what: &str| Error::malformed(format!("goblin reads {what}"));
    let header = Elf::parse_header(bytes).map_err(|error| failed(&error.to_string()))?;
    let file = Elf::lazy_parse(header).map_err(|error| failed(&error.to_string()))?;
    let (offset, count) = (header.e_phoff, usize::from(header.e_phnum));
    let offset = usize::try_from(offset).map_err(|_| failed("no program headers"))?;
    let context = context(&file)?;
    let segments = ProgramHeader::parse(bytes, offset, count, context).map_err(|error| failed(&error.to_string()))?;
    let dynamic = Dynamic::parse(bytes, &segments, context).map_err(|error| failed(&error.to_string()))?;
    let dynamic = dynamic.ok_or_else(|| failed("no dynamic section"))?;
    let strings = dynamic.info.strtab..dynamic.info.strtab.saturating_add(dynamic.info.strsz);
    let strings = bytes.get(strings).ok_or_else(|| failed("no dynamic strings"))?;
    let strings = Strtab::new(strings, 0);
    for wanted in [DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH] {
        let found = dynamic.dyns.iter().filter(|entry| entry.d_tag == wanted);
        let found: Vec<Option<&str>> =
            found.map(|entry| usize::try_from(entry.d_val).ok().and_then(|at| strings.get_unsafe(at))).collect();
        let told = told.iter().filter(|(tag, _)| u64::try_from(*tag) == Ok(wanted));
        let told: Vec<Option<&str>> = told
            .map(|(_, told)| match told {
                Told::Text(text) => std::str::from_utf8(text).ok(),
                Told::Number(_) => None,
            })
            .collect();
        if told != found {
            return Err(failed(&format!("other names of tag {wanted}")));
        }
    }
    let section_count = usize::from(header.e_shnum);
    let section_offset = usize::try_from(header.e_shoff).map_err(|_| failed("no section headers"))?;
    let sections = SectionHeader::parse(bytes, section_offset, section_count, context);
    match sections {
        Ok(_) => Ok(()),
        Err(error) => Err(failed(&error.to_string())),
    }
}

/// Width and byte order as goblin's readers want them.
fn context(file: &Elf<'_>) -> Result<goblin::container::Ctx> {
    use goblin::container::{Container, Ctx, Endian};
    let container = if file.is_64 { Container::Big } else { Container::Little };
    let endian = if file.little_endian { Endian::Little } else { Endian::Big };
    Ok(Ctx::new(container, endian))
}
