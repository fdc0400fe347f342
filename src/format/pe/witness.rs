//! goblin, an independent reader: what it finds in an edited file has to be what was asked for.

use goblin::pe::header::Header;
use goblin::pe::import::{Bitfield, ImportData, SyntheticImportLookupTableEntry};
use goblin::pe::options::ParseOptions;

use super::imports::Function;
use super::read::Pe;
use crate::error::{Error, Result};
use crate::format::bytes::Width;

/// DLLs, each with its functions.
type Told<'a> = [(&'a [u8], &'a [Function<'a>])];

/// Compares imported DLLs and functions with what goblin reads; its parser of whole files is not used, because it reads
/// much that no edit touches.
///
/// Where it did not read the original as we do, it is no witness: it is stricter than loaders about some files, and takes
/// other marks for a table's end.
///
/// # Errors
/// `Internal`-to-be: a phrase saying what differs.
pub(super) fn compare(before: (&Pe<'_>, &Told<'_>), after: (&[u8], &Told<'_>)) -> Result<()> {
    let width = before.0.header.width;
    let found = read(after.0, width, |found| found == after.1);
    if matches!(found, Ok(true)) {
        return Ok(());
    }
    match read(before.0.bytes.data(), width, |found| found == before.1) {
        Ok(true) => Err(found.err().unwrap_or_else(|| Error::malformed("goblin reads other imports"))),
        Ok(false) | Err(_) => Ok(()),
    }
}

/// Reads the imports and judges them.
fn read(bytes: &[u8], width: Width, judge: impl Fn(&Told<'_>) -> bool) -> Result<bool> {
    match width {
        Width::W32 => read_wide::<u32>(bytes, judge),
        Width::W64 => read_wide::<u64>(bytes, judge),
    }
}

fn read_wide<'a, T: Bitfield<'a>>(bytes: &'a [u8], judge: impl Fn(&Told<'_>) -> bool) -> Result<bool> {
    let failed = |error: goblin::error::Error| Error::malformed(format!("goblin: {error}"));
    let header = Header::parse(bytes).map_err(failed)?;
    let optional = header.optional_header.ok_or_else(|| Error::malformed("goblin finds no optional header"))?;
    let table = optional.data_directories.get_import_table().copied();
    let mut at = usize::try_from(header.dos_header.pe_pointer).unwrap_or(usize::MAX);
    at = at.saturating_add(24).saturating_add(usize::from(header.coff_header.size_of_optional_header));
    let sections = header.coff_header.sections(bytes, &mut at).map_err(failed)?;
    let Some(table) = table.filter(|table| table.virtual_address != 0) else { return Ok(judge(&[])) };
    let alignment = optional.windows_fields.file_alignment;
    let options = ParseOptions::default();
    let data = ImportData::parse_with_opts::<T>(bytes, table, &sections, alignment, &options).map_err(failed)?;
    let functions: Vec<Vec<Function<'_>>> = data
        .import_data
        .iter()
        .map(|import| import.import_lookup_table.iter().flatten().map(function).collect())
        .collect();
    let found: Vec<_> = data
        .import_data
        .iter()
        .zip(&functions)
        .map(|(import, functions)| (import.name.as_bytes(), functions.as_slice()))
        .collect();
    Ok(judge(&found))
}

fn function<'a>(entry: &SyntheticImportLookupTableEntry<'a>) -> Function<'a> {
    match entry {
        SyntheticImportLookupTableEntry::OrdinalNumber(ordinal) => Function::Ordinal(*ordinal),
        SyntheticImportLookupTableEntry::HintNameTableRVA((_, hint)) => Function::Name(hint.name.as_bytes()),
    }
}
