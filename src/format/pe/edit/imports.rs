//! Writes import and delay-import tables.

use super::super::imports::DESCRIPTOR;
use super::super::read::{Directory, directory, flags};
use super::layout::Draft;
use super::model::{DelayImported, Model};
use super::room::Spot;
use super::wanted::{Added, Wanted};
use crate::error::{Error, Result};
use crate::format::bytes::{Width, escaped};

/// `IMAGE_GUARD_PROTECT_DELAYLOAD_IAT`: the loader makes the table of delay imports read-only.
const PROTECT_DELAYLOAD: u32 = 0x1000;

/// An import descriptor as it is written.
#[derive(Debug, Clone, Copy)]
struct Row {
    lookup: u32,
    name: u32,
    thunks: u32,
}

/// Renames imports and delay imports, adds imports, and has delay imports bound at load.
pub(super) fn write(draft: &mut Draft<'_, '_>, model: &Model<'_>, wanted: &Wanted) -> Result<()> {
    clear_bound(draft, model)?;
    // GNU objdump looks for names only in the section that holds the descriptors.
    let home = draft.pe.section_at(draft.pe.directory(directory::IMPORT).address).map(|(index, _)| index);
    if !wanted.added.is_empty() {
        draft.use_writable_section();
    }
    let mut rows = Vec::with_capacity(model.imports.len() + wanted.eager.len() + wanted.added.len());
    for (index, import) in model.imports.iter().enumerate() {
        let descriptor = import.descriptor;
        let mut name = descriptor.name;
        if let Some(to) = wanted.imports.get(&index) {
            name = draft.rename(descriptor.name, import.name, to, home)?;
            if name != descriptor.name {
                draft.put_u32(descriptor.at + 12, name);
            }
        }
        rows.push(Row { lookup: descriptor.lookup, name, thunks: descriptor.thunks });
    }
    for (index, delay) in model.delays.iter().enumerate() {
        let descriptor = delay.descriptor;
        let mut name = descriptor.name;
        if let Some(to) = wanted.delays.get(&index) {
            name = draft.rename(descriptor.name, delay.name, to, home)?;
            if name != descriptor.name {
                let base = if descriptor.is_relative { 0 } else { draft.pe.header.image_base };
                let field = u32::try_from(base + u64::from(name)).map_err(|_| Error::unsupported("no such address"))?;
                draft.put_u32(descriptor.at + 4, field);
            }
        }
        if wanted.eager.contains(&index) {
            check_eager(draft, model, delay)?;
            rows.push(Row { lookup: descriptor.lookup, name, thunks: descriptor.thunks });
        }
    }
    for added in &wanted.added {
        rows.push(add(draft, added)?);
    }
    if rows.len() > model.imports.len() {
        move_table(draft, &rows, home)?;
    }
    Ok(())
}

/// Takes bound addresses back: they are of DLLs under their old names.
fn clear_bound(draft: &mut Draft<'_, '_>, model: &Model<'_>) -> Result<()> {
    let pe = draft.pe;
    let table = pe.directory(directory::BOUND_IMPORT);
    let has_table = table.address != 0 && table.size != 0;
    let mut is_bound = has_table;
    for import in model.imports.iter().filter(|import| import.descriptor.timestamp != 0) {
        let descriptor = import.descriptor;
        if descriptor.lookup == 0 {
            if has_table {
                return Err(Error::unsupported(format!(
                    "the functions of `{}` are bound, and nothing says any more which they are",
                    escaped(import.name)
                )));
            }
            // Some old linkers write a time although nothing is bound.
            continue;
        }
        is_bound = true;
        draft.put(Spot::Old(descriptor.at + 4), vec![0; 8]);
        if descriptor.lookup != descriptor.thunks {
            let width = pe.header.width.bytes();
            let size = (import.functions.len() as u64 + 1) * width;
            let names = pe.at(descriptor.lookup, size)?.to_vec();
            let at = pe.offset(descriptor.thunks, size)?;
            draft.put(Spot::Old(at), names);
        }
    }
    if table != Directory::default() {
        draft.set_directory(directory::BOUND_IMPORT, Directory::default())?;
    }
    // Linkers put the table behind the section headers, where its room may be needed; elsewhere nothing reads it.
    let (start, end) = (u64::from(table.address), u64::from(table.address) + u64::from(table.size));
    if has_table && start >= pe.header.sections_end() && end <= u64::from(pe.header.headers_size) {
        draft.put(Spot::Old(start), vec![0; usize::try_from(table.size).unwrap_or(0)]);
    }
    if is_bound {
        draft.notes.push("bound imports are cleared: the loader looks the addresses up".to_owned());
    }
    Ok(())
}

/// Refuses a delay import whose table the loader might not be able, or allowed, to fill at load.
fn check_eager(draft: &Draft<'_, '_>, model: &Model<'_>, delay: &DelayImported<'_>) -> Result<()> {
    let refused = |why: &str| {
        Err(Error::unsupported(format!("the delay import `{}` cannot be bound at load: {why}", escaped(delay.name))))
    };
    let descriptor = delay.descriptor;
    if !descriptor.is_relative || descriptor.lookup == 0 || descriptor.thunks == 0 {
        return refused("its tables are of Visual C++ 6's form");
    }
    if model.config.guard_flags & PROTECT_DELAYLOAD != 0 {
        return refused("the file asks for a protected table (`/guard:cf`)");
    }
    let is_writable =
        |address: u32| draft.pe.section_at(address).is_some_and(|(_, section)| section.flags & flags::WRITE != 0);
    let size = (delay.functions.len() as u32).saturating_mul(draft.pe.header.width.bytes() as u32);
    if !is_writable(descriptor.thunks) || !is_writable(descriptor.thunks.saturating_add(size.saturating_sub(1))) {
        return refused("its table is in a section that cannot be written");
    }
    if delay.functions.is_empty() {
        return refused("it names no function, so the loader would skip it");
    }
    Ok(())
}

/// Writes lookup table, address table, names of an added import.
fn add(draft: &mut Draft<'_, '_>, added: &Added) -> Result<Row> {
    let name = draft.text(&added.library, None)?;
    let width = draft.pe.header.width;
    let entry = match added.ordinal() {
        // The highest bit says that it is a number.
        Some(ordinal) => u64::from(ordinal) | 1 << (8 * width.bytes() - 1),
        None => {
            let hint = [b"\0\0".as_slice(), &added.function, b"\0"].concat();
            let hint_at = draft.place(hint.len() as u64, 2, None)?;
            draft.put(hint_at.spot, hint);
            u64::from(hint_at.address)
        }
    };
    let mut table = match width {
        Width::W32 => (entry as u32).to_le_bytes().to_vec(),
        Width::W64 => entry.to_le_bytes().to_vec(),
    };
    table.resize(table.len() * 2, 0);
    let mut place_table = || -> Result<u32> {
        let placed = draft.place(table.len() as u64, 16, None)?;
        draft.put(placed.spot, table.clone());
        Ok(placed.address)
    };
    Ok(Row { lookup: place_table()?, name, thunks: place_table()? })
}

/// Writes all descriptors to a new place, where there is room for more of them.
fn move_table(draft: &mut Draft<'_, '_>, rows: &[Row], home: Option<usize>) -> Result<()> {
    let size = (rows.len() as u64 + 1) * DESCRIPTOR;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    for row in rows {
        for field in [row.lookup, 0, 0, row.name, row.thunks] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
    }
    bytes.resize(bytes.len() + DESCRIPTOR as usize, 0);
    let placed = draft.place(size, 4, home)?;
    draft.put(placed.spot, bytes);
    let size = u32::try_from(size).map_err(|_| Error::unsupported("too many imports"))?;
    draft.set_directory(directory::IMPORT, Directory { address: placed.address, size })
}
