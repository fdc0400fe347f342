//! goblin, an independent reader: what it finds in an edited file has to be what was asked for.

use goblin::elf::dynamic::{DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, Dynamic};
use goblin::elf::{Elf, ProgramHeader, SectionHeader};

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
    for wanted in [DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH] {
        let found = dynamic.dyns.iter().filter(|entry| entry.d_tag == wanted);
        // goblin's own string table panics at names that are not UTF-8.
        let found: Vec<Option<&[u8]>> = found
            .map(|entry| {
                let rest = usize::try_from(entry.d_val).ok().and_then(|at| strings.get(at..))?;
                rest.split(|byte| *byte == 0).next()
            })
            .collect();
        let told = told.iter().filter(|(tag, _)| u64::try_from(*tag) == Ok(wanted));
        let told: Vec<Option<&[u8]>> = told
            .map(|(_, told)| match told {
                Told::Text(text) => Some(text.as_slice()),
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

#[cfg(test)]
mod tests {
    use crate::format::elf::edit;
    use crate::format::{Edit, EditSet};

    #[test]
    fn a_name_that_is_not_utf_8_is_edited_around() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/elf/x86_64/libdemo.so.1");
        let mut bytes = std::fs::read(path).unwrap();
        let name = b"libdep.so.1\0";
        let found: Vec<usize> = (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name)).collect();
        assert!(!found.is_empty());
        for at in found {
            bytes[at + 3] = 0xff;
        }
        let path = Edit::SetSearchPath { paths: vec!["$ORIGIN".to_owned()], kind: None };
        let edited = edit(&bytes, &EditSet::new([path]).unwrap()).unwrap();
        assert_eq!(edited.changes.len(), 1);
    }
}
