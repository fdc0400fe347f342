//! The end of an archive: end records, zip64 end records, and where the central directory lies.

use super::bytes::{Fields, slice};
use super::extra::DEFERRED;
use super::fault::{FaultKind, FaultList};

/// APPNOTE 4.3.16.
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
/// APPNOTE 4.3.15.
const LOCATOR_SIGNATURE: &[u8] = b"PK\x06\x07";
/// APPNOTE 4.3.14.
const END64_SIGNATURE: &[u8] = b"PK\x06\x06";
/// Size of an end record without its comment.
const END_SIZE: u64 = 22;
/// Size of a zip64 locator.
const LOCATOR_SIZE: u64 = 20;
/// Size of a zip64 end record without extensible data.
const END64_SIZE: u64 = 56;

/// Where the central directory lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    /// What stands before the archive, in bytes; offsets in the archive count from there.
    pub(super) shift: u64,
    /// Position of the central directory in the file.
    pub(super) directory: u64,
    /// Size of the central directory in bytes.
    pub(super) directory_size: u64,
    /// Number of its entries as declared.
    pub(super) count: u64,
    /// There is a zip64 end record.
    pub(super) zip64: bool,
}

/// The fields of an end record, of either size.
#[derive(Debug, Clone, Copy)]
struct End {
    disk: u32,
    directory_disk: u32,
    count_here: u64,
    count: u64,
    size: u64,
    offset: u64,
}

/// Returns the position of the end record that CPython's zipfile takes: at the very end, else the last signature.
fn find_end(data: &[u8]) -> Option<u64> {
    let length = data.len() as u64;
    let last = length.checked_sub(END_SIZE)?;
    let plain = slice(data, last, END_SIZE)?;
    if plain.starts_with(END_SIGNATURE) && plain.ends_with(&[0, 0]) {
        return Some(last);
    }
    let from = last.saturating_sub(u64::from(u16::MAX));
    let window = slice(data, from, length.checked_sub(from)?)?;
    let usable = window.len().saturating_sub(END_SIGNATURE.len());
    let at = (0..=usable).rev().find(|at| window.get(*at..).is_some_and(|rest| rest.starts_with(END_SIGNATURE)))?;
    let end = from.checked_add(at as u64)?;
    (end <= last).then_some(end)
}

/// Finds and checks the end of the archive; nothing if there is no end record.
pub(super) fn read(data: &[u8], faults: &mut FaultList) -> Option<Tail> {
    let at = find_end(data)?;
    let end = read_end(data, at, faults)?;
    let end64 = read_end64(data, at, &end, faults);
    let zip64 = end64.is_some();
    let (end, records_start, shift) = match end64 {
        Some((end64, start, shift)) => (end64, start, Some(shift)),
        None => (end, at, None),
    };
    let framing = FaultKind::Framing;
    if end.count_here != end.count {
        faults.error(framing, None, "the end record states two numbers of entries");
    }
    if end.disk != 0 || end.directory_disk != 0 {
        faults.error(framing, None, "the archive is one of several disks");
    }
    let Some(directory) = records_start.checked_sub(end.size) else {
        faults.error(framing, None, "the central directory is larger than what stands before its end record");
        return Some(Tail { shift: 0, directory: records_start, directory_size: 0, count: end.count, zip64 });
    };
    let shift = match directory.checked_sub(end.offset) {
        Some(0) => 0,
        Some(before) if shift.is_none_or(|shift| shift == before) => {
            faults.error(framing, None, format!("{before} bytes stand before the archive"));
            before
        }
        _ => {
            let message = format!("the central directory is not where the end record says, at byte {}", end.offset);
            faults.error(framing, None, message);
            0
        }
    };
    Some(Tail { shift, directory, directory_size: end.size, count: end.count, zip64 })
}

fn read_end(data: &[u8], at: u64, faults: &mut FaultList) -> Option<End> {
    let mut fields = Fields::at(data, at)?;
    fields.take(END_SIGNATURE.len())?;
    let disk = fields.u16()?.into();
    let directory_disk = fields.u16()?.into();
    let count_here = fields.u16()?.into();
    let count = fields.u16()?.into();
    let size = fields.u32()?.into();
    let offset = fields.u32()?.into();
    let declared = usize::from(fields.u16()?);
    let rest = fields.take(fields.len())?;
    if declared > rest.len() {
        faults.error(FaultKind::Framing, None, "the archive's comment runs past the end of the file");
    } else if let extra @ 1.. = rest.len().saturating_sub(declared) {
        faults.error(FaultKind::Framing, None, format!("{extra} bytes follow the archive"));
    }
    let comment = rest.get(..declared).unwrap_or(rest);
    if !comment.is_empty() {
        faults.warning(FaultKind::Comment, None, format!("the archive carries a comment of {} bytes", comment.len()));
        if comment.windows(4).any(|window| window == END_SIGNATURE) {
            faults.error(FaultKind::Framing, None, "the archive's comment holds the end of another archive");
        }
    }
    Some(End { disk, directory_disk, count_here, count, size, offset })
}

/// Returns the zip64 end record, its position, and what stands before the archive; nothing where there is none.
fn read_end64(data: &[u8], end_at: u64, end: &End, faults: &mut FaultList) -> Option<(End, u64, u64)> {
    let zip64 = FaultKind::Zip64;
    let deferred = u64::from(DEFERRED);
    let locator_at = end_at.checked_sub(LOCATOR_SIZE);
    let locator = locator_at.and_then(|at| slice(data, at, LOCATOR_SIZE));
    let (Some(locator_at), Some(locator)) = (locator_at, locator.filter(|it| it.starts_with(LOCATOR_SIGNATURE))) else {
        if end.size == deferred || end.offset == deferred {
            faults.error(zip64, None, "the end record defers to a zip64 end record and there is no locator of one");
        }
        return None;
    };
    let mut fields = Fields::new(locator);
    fields.take(LOCATOR_SIGNATURE.len())?;
    let disk = fields.u32()?;
    let offset = fields.u64()?;
    let disks = fields.u32()?;
    if disk != 0 || disks > 1 {
        faults.error(zip64, None, "the zip64 locator names another disk");
    }
    let is_record = |at: &u64| slice(data, *at, 4).is_some_and(|signature| signature == END64_SIGNATURE);
    let before = locator_at.checked_sub(END64_SIZE).filter(is_record);
    let Some(at) = before.or(Some(offset).filter(is_record)) else {
        faults.error(zip64, None, "there is no zip64 end record where its locator says");
        return None;
    };
    let shift = at.checked_sub(offset);
    if shift != Some(0) {
        let message = format!("the zip64 end record is not where its locator says, at byte {offset}");
        faults.error(zip64, None, message);
    }
    let mut fields = Fields::at(data, at)?;
    fields.take(END64_SIGNATURE.len())?;
    let size = fields.u64()?;
    // APPNOTE 4.3.14.1: the size leaves out the first 12 bytes; more than 44 is extensible data.
    if size != END64_SIZE.saturating_sub(12) || at.checked_add(END64_SIZE) != Some(locator_at) {
        faults.error(zip64, None, "the zip64 end record holds extensible data or its size is wrong");
    }
    fields.take(4)?;
    let end64 = End {
        disk: fields.u32()?,
        directory_disk: fields.u32()?,
        count_here: fields.u64()?,
        count: fields.u64()?,
        size: fields.u64()?,
        offset: fields.u64()?,
    };
    let short = u64::from(u16::MAX);
    let agrees = [
        (end.count_here, end64.count_here, short),
        (end.count, end64.count, short),
        (end.size, end64.size, deferred),
        (end.offset, end64.offset, deferred),
    ];
    if agrees.iter().any(|(plain, full, sentinel)| plain != sentinel && plain != full) {
        faults.error(zip64, None, "the end record and the zip64 end record state different values");
    }
    Some((end64, at, shift.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(count: u16, size: u32, offset: u32, comment: &[u8]) -> Vec<u8> {
        let mut record = END_SIGNATURE.to_vec();
        record.extend([0; 4]);
        record.extend(count.to_le_bytes());
        record.extend(count.to_le_bytes());
        record.extend(size.to_le_bytes());
        record.extend(offset.to_le_bytes());
        record.extend(u16::try_from(comment.len()).unwrap().to_le_bytes());
        record.extend(comment);
        record
    }

    fn kinds(data: &[u8]) -> (Option<Tail>, Vec<FaultKind>) {
        let mut faults = FaultList::default();
        let tail = read(data, &mut faults);
        (tail, faults.finish().into_iter().map(|fault| fault.kind).collect())
    }

    #[test]
    fn an_empty_archive_is_sound() {
        let tail = Tail { shift: 0, directory: 0, directory_size: 0, count: 0, zip64: false };
        assert_eq!(kinds(&end(0, 0, 0, b"")), (Some(tail), vec![]));
    }

    #[test]
    fn no_end_record_is_nothing() {
        for data in [&b""[..], b"PK\x05\x06", b"hello", &[0; 100]] {
            assert_eq!(kinds(data), (None, vec![]));
        }
    }

    #[test]
    fn what_stands_around_the_archive_is_found() {
        let before = [b"abc".to_vec(), end(0, 0, 0, b"")].concat();
        let (tail, faults) = kinds(&before);
        assert_eq!((tail.unwrap().shift, faults), (3, vec![FaultKind::Framing]));
        let after = [end(0, 0, 0, b""), b"abc".to_vec()].concat();
        assert_eq!(kinds(&after).1, [FaultKind::Framing]);
        assert_eq!(kinds(&end(0, 0, 0, b"abc")).1, [FaultKind::Comment]);
        assert_eq!(kinds(&end(0, 9, 0, b"")).1, [FaultKind::Framing]);
        assert_eq!(kinds(&end(0, 0, DEFERRED, b"")).1, [FaultKind::Zip64, FaultKind::Framing]);
    }

    #[test]
    fn an_archive_in_the_comment_is_found() {
        let inner = end(0, 0, 0, b"");
        let (_, faults) = kinds(&end(0, 0, 0, &inner));
        assert!(faults.contains(&FaultKind::Framing));
    }
}
