//! Writes the export directory: the DLL's own name, and forwarders to other DLLs.

use super::super::exports::Exports;
use super::super::read::{Directory, directory};
use super::layout::Draft;
use super::model::Model;
use super::room::Spot;
use super::two_machines;
use super::wanted::Wanted;
use crate::error::{Error, Result};
use crate::format::bytes::{BytesMut, Endian};

/// Fields of the export directory that hold addresses: name, functions, names, ordinals.
const ADDRESSES: [u64; 4] = [12, 28, 32, 36];

/// Renames the DLL itself and the DLLs that forwarders name.
pub(super) fn write(draft: &mut Draft<'_, '_>, model: &Model<'_>, wanted: &Wanted) -> Result<()> {
    if wanted.identity.is_none() && wanted.forwarders.is_empty() {
        return Ok(());
    }
    let Some(exports) = &model.exports else { return Ok(()) };
    if let Some(hybrid) = draft.hybrid() {
        return Err(two_machines(hybrid, "it may have a second export directory"));
    }
    let texts = || {
        let forwarder = |(index, text): (&usize, _)| Some((model.forwarders.get(*index)?, text));
        wanted.forwarders.iter().filter_map(forwarder)
    };
    if texts().all(|(forwarder, text): (_, &Vec<u8>)| draft.fits(forwarder.address, forwarder.text, text)) {
        for (forwarder, text) in texts() {
            draft.overwrite(forwarder.address, forwarder.text, text)?;
        }
        return set_identity(draft, model, exports, wanted);
    }
    move_directory(draft, model, exports, wanted)
}

fn set_identity(draft: &mut Draft<'_, '_>, model: &Model<'_>, exports: &Exports<'_>, wanted: &Wanted) -> Result<()> {
    let Some(name) = &wanted.identity else { return Ok(()) };
    let home = draft.pe.section_at(exports.directory.address).map(|(index, _)| index);
    let address = match model.identity {
        Some(old) => draft.rename(exports.name, old, name, home)?,
        None => draft.text(name, home)?,
    };
    if address != exports.name {
        draft.put_u32(exports.at + 12, address);
    }
    Ok(())
}

/// Copies the whole directory to where there is room for longer texts behind it.
///
/// The loader takes an exported address for a forwarder exactly if it lies inside the directory, so all of their texts
/// have to move together.
fn move_directory(draft: &mut Draft<'_, '_>, model: &Model<'_>, exports: &Exports<'_>, wanted: &Wanted) -> Result<()> {
    let old = exports.directory;
    let pe = draft.pe;
    if old.size < 40 {
        return Err(Error::unsupported("the export directory is smaller than its table"));
    }
    let mut bytes = pe.at(old.address, u64::from(old.size))?.to_vec();
    let mut texts = Vec::with_capacity(wanted.forwarders.len());
    for (index, text) in &wanted.forwarders {
        let Some(forwarder) = model.forwarders.get(*index) else { continue };
        texts.push((forwarder.index, bytes.len() as u64));
        bytes.extend_from_slice(text);
        bytes.push(0);
    }
    let identity = wanted.identity.as_ref().map(|name| {
        let at = bytes.len() as u64;
        bytes.extend_from_slice(name);
        bytes.push(0);
        at
    });
    let home = pe.section_at(old.address).map(|(index, _)| index);
    let placed = draft.place(bytes.len() as u64, 8, home)?;
    let address_of = |within: u64| {
        let address = u64::from(placed.address) + within;
        u32::try_from(address).map_err(|_| Error::unsupported("the image gets too large"))
    };
    let moved = |address: u32| match address.checked_sub(old.address) {
        Some(within) if within < old.size => address_of(u64::from(within)),
        _ => Ok(address),
    };
    let size = u32::try_from(bytes.len()).map_err(|_| Error::unsupported("the export directory gets too large"))?;
    let mut copy = BytesMut::new(&mut bytes, Endian::Little);
    for (index, (address, _)) in exports.names().enumerate() {
        if old.contains(exports.names_at) && moved(address)? != address {
            let at = u64::from(exports.names_at - old.address) + 4 * index as u64;
            copy.put_u32(at, moved(address)?)?;
        }
    }
    let mut outside = Vec::new();
    let mut renamed = texts.iter().peekable();
    for (index, address) in exports.functions().enumerate().filter(|(_, address)| old.contains(*address)) {
        let new = match renamed.next_if(|(number, _)| *number as usize == index) {
            Some((_, within)) => address_of(*within)?,
            None => moved(address)?,
        };
        let at = 4 * index as u64;
        if old.contains(exports.functions_at) {
            copy.put_u32(u64::from(exports.functions_at - old.address) + at, new)?;
        } else {
            outside.push((at, new));
        }
    }
    for field in ADDRESSES {
        let address = copy.read().u32(field)?;
        copy.put_u32(field, moved(address)?)?;
    }
    if let Some(within) = identity {
        copy.put_u32(12, address_of(within)?)?;
    }
    let functions = pe.offset(exports.functions_at, u64::from(exports.function_count()) * 4)?;
    for (at, new) in outside {
        draft.put(Spot::Old(functions + at), new.to_le_bytes().to_vec());
    }
    draft.put(placed.spot, bytes);
    draft.set_directory(directory::EXPORT, Directory { address: placed.address, size })
}
