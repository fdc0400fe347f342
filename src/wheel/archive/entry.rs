//! One entry's headers: the central one, the local one, and where they disagree.

use super::bytes::{Fields, slice};
use super::extra::{DEFERRED, Extent, Extra, Place, resolve_central, resolve_local};
use super::member::DosTime;

/// APPNOTE 4.3.12.
const CENTRAL_SIGNATURE: &[u8] = b"PK\x01\x02";
/// APPNOTE 4.3.7.
pub(super) const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
/// APPNOTE 4.3.9.3.
const DESCRIPTOR_SIGNATURE: &[u8] = b"PK\x07\x08";

/// General purpose flags (APPNOTE 4.4.4).
pub(super) mod flag {
    /// The data are encrypted, strongly encrypted, or the headers are masked.
    pub(in super::super) const ENCRYPTED: u16 = 1 | (1 << 6) | (1 << 13);
    /// Sizes and checksum follow the data.
    pub(in super::super) const DESCRIPTOR: u16 = 1 << 3;
    /// The data are a patch.
    pub(in super::super) const PATCH: u16 = 1 << 5;
    /// The name is UTF-8.
    pub(in super::super) const UTF8: u16 = 1 << 11;
    /// What the deflater wants to say about its effort; of no effect.
    pub(in super::super) const EFFORT: u16 = 0b110;
}

/// An entry of the central directory.
#[derive(Debug)]
pub(super) struct Central<'a> {
    pub(super) version_needed: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) time: DosTime,
    pub(super) crc32: u32,
    pub(super) extent: Extent,
    pub(super) external_attributes: u32,
    pub(super) name: &'a [u8],
    pub(super) has_comment: bool,
    pub(super) extra: Extra<'a>,
}

impl<'a> Central<'a> {
    /// Reads the entry at the start of `fields`; nothing if there is none or it is cut short.
    pub(super) fn read(fields: &mut Fields<'a>) -> Option<Self> {
        let mut at = *fields;
        if at.take(CENTRAL_SIGNATURE.len())? != CENTRAL_SIGNATURE {
            return None;
        }
        at.u16()?;
        // The high byte names a system.
        let version_needed = at.u16()? & 0xff;
        let flags = at.u16()?;
        let method = at.u16()?;
        let time = at.u16()?;
        let date = at.u16()?;
        let crc32 = at.u32()?;
        let compressed = at.u32()?;
        let size = at.u32()?;
        let name_length = at.u16()?;
        let extra_length = at.u16()?;
        let comment_length = at.u16()?;
        at.take(4)?;
        let external_attributes = at.u32()?;
        let offset = at.u32()?;
        let name = at.take(name_length.into())?;
        let mut extra = Extra::read(at.take(extra_length.into())?, Place::Central);
        at.take(comment_length.into())?;
        *fields = at;
        Some(Self {
            version_needed,
            flags,
            method,
            time: DosTime { date, time },
            crc32,
            extent: resolve_central(compressed, size, offset, &mut extra),
            external_attributes,
            name,
            has_comment: comment_length != 0,
            extra,
        })
    }
}

/// The header before a member's data.
#[derive(Debug)]
pub(super) struct Local<'a> {
    flags: u16,
    method: u16,
    crc32: u32,
    extent: Extent,
    pub(super) name: &'a [u8],
    pub(super) extra: Extra<'a>,
    /// Position of the data.
    pub(super) data: u64,
}

impl<'a> Local<'a> {
    /// Reads the header at `at`; nothing if there is none or it is cut short.
    pub(super) fn read(data: &'a [u8], at: u64) -> Option<Self> {
        let mut fields = Fields::at(data, at)?;
        if fields.take(LOCAL_SIGNATURE.len())? != LOCAL_SIGNATURE {
            return None;
        }
        fields.u16()?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        fields.u32()?;
        let crc32 = fields.u32()?;
        let compressed = fields.u32()?;
        let size = fields.u32()?;
        let name_length = fields.u16()?;
        let extra_length = fields.u16()?;
        let name = fields.take(name_length.into())?;
        let mut extra = Extra::read(fields.take(extra_length.into())?, Place::Local);
        let extent = resolve_local(compressed, size, method == 0, &mut extra);
        let data = (data.len() as u64).checked_sub(fields.len() as u64)?;
        Some(Self { flags, method, crc32, extent, name, extra, data })
    }

    /// Returns what the two headers of one entry state differently.
    pub(super) fn differences(&self, central: &Central<'_>) -> Vec<&'static str> {
        let mut differences = Vec::new();
        if (self.flags ^ central.flags) & !flag::EFFORT != 0 {
            differences.push("flags");
        }
        if self.method != central.method {
            differences.push("method");
        }
        let mut stated = |name, here: u64, there: u64| {
            // With a data descriptor the local header may leave the value open.
            let open = self.flags & flag::DESCRIPTOR != 0 && (here == 0 || here == u64::from(DEFERRED));
            if here != there && !open {
                differences.push(name);
            }
        };
        stated("checksum", self.crc32.into(), central.crc32.into());
        stated("compressed size", self.extent.compressed, central.extent.compressed);
        stated("size", self.extent.size, central.extent.size);
        differences
    }

    /// Tells whether the sizes follow the data.
    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & flag::DESCRIPTOR != 0
    }
}

/// Returns the size of the data descriptor at `at`, where one stands there that agrees with the entry.
pub(super) fn descriptor_size(data: &[u8], at: u64, central: &Central<'_>) -> Option<u64> {
    // APPNOTE 4.3.9: with or without signature, sizes of 4 or of 8 bytes.
    [24_u64, 16, 20, 12]
        .into_iter()
        .find(|size| slice(data, at, *size).and_then(|record| descriptor_agrees(record, central)).unwrap_or(false))
}

fn descriptor_agrees(record: &[u8], central: &Central<'_>) -> Option<bool> {
    let mut fields = Fields::new(record);
    let signed = matches!(record.len(), 16 | 24);
    if signed && fields.take(DESCRIPTOR_SIGNATURE.len())? != DESCRIPTOR_SIGNATURE {
        return None;
    }
    let crc32 = fields.u32()?;
    let (compressed, size) = match record.len() {
        20 | 24 => (fields.u64()?, fields.u64()?),
        _ => (fields.u32()?.into(), fields.u32()?.into()),
    };
    Some(crc32 == central.crc32 && compressed == central.extent.compressed && size == central.extent.size)
}
