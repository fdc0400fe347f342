//! Slices put together again: order, alignment and kind of the universal header stay.

use super::super::facts::Container;
use super::super::universal::Universal;
use crate::error::{Error, Result};
use crate::format::bytes::{BytesMut, Endian, align_up};

/// Returns the file with some of its slices replaced. A slice moves only if one before it has grown into its place.
///
/// # Errors
/// `Unsupported` if the file becomes too large for its header.
pub(super) fn rebuild(data: &[u8], file: &Universal, mut slices: Vec<Option<Vec<u8>>>) -> Result<Vec<u8>> {
    if slices.iter().all(Option::is_none) {
        return Ok(data.to_vec());
    }
    if file.container == Container::Thin
        && let [slice] = slices.as_mut_slice()
    {
        return Ok(slice.take().unwrap_or_default());
    }
    let too_large = || Error::unsupported("the universal file becomes too large");
    let at = |offset: u64| usize::try_from(offset).map_err(|_| too_large());
    let mut order: Vec<usize> = (0..file.entries.len()).collect();
    order.sort_by_key(|index| file.entries.get(*index).map(|entry| entry.range.start));
    let mut out: Vec<u8> = Vec::with_capacity(data.len());
    let mut old_end = 0;
    let mut places = vec![(0_u64, 0_u64); file.entries.len()];
    for index in order {
        let Some(entry) = file.entries.get(index) else { continue };
        let old = data.get(at(entry.range.start)?..at(entry.range.end)?).ok_or_else(too_large)?;
        let bytes = slices.get(index).and_then(Option::as_ref).map_or(old, Vec::as_slice);
        let aligned = align_up(out.len() as u64, 1 << entry.align).ok_or_else(too_large)?;
        let offset = aligned.max(entry.range.start);
        if offset == entry.range.start {
            // What lies between slices stays where it is, the header included.
            let from = old_end.max(out.len());
            out.resize(from, 0);
            out.extend_from_slice(data.get(from..at(offset)?).unwrap_or_default());
        }
        out.resize(at(offset)?, 0);
        out.extend_from_slice(bytes);
        old_end = at(entry.range.end)?;
        if let Some(place) = places.get_mut(index) {
            *place = (offset, bytes.len() as u64);
        }
    }
    out.extend_from_slice(data.get(old_end..).unwrap_or_default());
    let mut writer = BytesMut::new(&mut out, Endian::Big);
    for (index, (offset, size)) in (0_u64..).zip(places) {
        match file.container {
            Container::Universal64 => {
                writer.put_u64(8 + index * 32 + 8, offset)?;
                writer.put_u64(8 + index * 32 + 16, size)?;
            }
            Container::Universal32 | Container::Thin => {
                offset.checked_add(size).and_then(|end| u32::try_from(end).ok()).ok_or_else(too_large)?;
                writer.put_u32(8 + index * 20 + 8, u32::try_from(offset).map_err(|_| too_large())?)?;
                writer.put_u32(8 + index * 20 + 12, u32::try_from(size).map_err(|_| too_large())?)?;
            }
        }
    }
    Ok(out)
}
