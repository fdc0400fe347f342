//! Extra fields of zip entries: the zip64 sizes and the Unicode path, judged as installers and PyPI judge them.

use super::bytes::Fields;

/// APPNOTE 4.5.3: zip64 extended information.
const ZIP64: u16 = 0x0001;
/// APPNOTE 4.6.9: Info-ZIP Unicode path.
const UNICODE_PATH: u16 = 0x7075;

/// How many faults of one header are told.
const TOLD_OF_A_HEADER: usize = 4;

/// What the extra fields of one header say, and what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Extra<'a> {
    /// The payload of the zip64 field.
    pub(super) zip64: Option<&'a [u8]>,
    /// The name in the Unicode path field.
    pub(super) unicode_path: Option<&'a [u8]>,
    /// Faults of the zip64 field.
    pub(super) zip64_faults: Vec<String>,
    /// Other faults.
    pub(super) faults: Vec<String>,
}

/// Where a header stands; readers take extra fields of the two kinds differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the member's data.
    Local,
    /// In the central directory.
    Central,
}

impl<'a> Extra<'a> {
    /// Reads the extra fields of a header.
    pub(super) fn read(data: &'a [u8], place: Place) -> Self {
        let mut extra = Extra::default();
        let mut fields = Fields::new(data);
        // One field can stand sixteen thousand times in one header; a few faults say enough.
        while fields.len() > 0 && extra.faults.len() + extra.zip64_faults.len() < TOLD_OF_A_HEADER {
            // Readers of the central directory (CPython's zipfile) stop quietly at fewer than four bytes.
            if fields.len() < 4 && place == Place::Central {
                break;
            }
            let header = fields.u16().zip(fields.u16());
            let Some((id, payload)) = header.and_then(|(id, size)| Some((id, fields.take(usize::from(size))?))) else {
                extra.faults.push("an extra field is longer than the extra data".into());
                break;
            };
            match id {
                ZIP64 => extra.zip64(payload),
                UNICODE_PATH => extra.unicode_path(payload),
                _ => {}
            }
        }
        extra
    }

    fn zip64(&mut self, payload: &'a [u8]) {
        if self.zip64.is_some() {
            self.zip64_faults.push("the zip64 extra field stands twice".into());
            return;
        }
        // Size, compressed size, offset and disk in this order, each only where the header defers to it.
        if !matches!(payload.len(), 0 | 8 | 16 | 24 | 28) {
            self.zip64_faults
                .push(format!("the zip64 extra field has {} bytes, not 0, 8, 16, 24 or 28", payload.len()));
        }
        self.zip64 = Some(payload);
    }

    fn unicode_path(&mut self, payload: &'a [u8]) {
        if self.unicode_path.is_some() {
            self.faults.push("the Unicode path extra field stands twice".into());
            return;
        }
        let mut fields = Fields::new(payload);
        let version = fields.u8();
        let crc = fields.u32();
        let name = fields.take(fields.len()).unwrap_or_default();
        if version != Some(1) || crc.is_none() {
            self.faults.push("the Unicode path extra field is malformed".into());
        } else if std::str::from_utf8(name).is_err() {
            self.faults.push("the Unicode path extra field is not UTF-8".into());
        } else if name.iter().any(|byte| *byte < 0x20 || *byte == 0x7f) {
            self.faults.push("the Unicode path extra field holds a control character".into());
        }
        self.unicode_path = Some(name);
    }
}

/// The 32-bit value that defers to the zip64 field.
pub(super) const DEFERRED: u32 = u32::MAX;

/// Sizes and offset of an entry, with the zip64 field taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Size in the archive.
    pub(super) compressed: u64,
    /// Size unpacked.
    pub(super) size: u64,
    /// Position of the local header (central directory only).
    pub(super) offset: u64,
}

/// Takes the values that a central header defers to its zip64 field.
pub(super) fn resolve_central(compressed: u32, size: u32, offset: u32, extra: &mut Extra<'_>) -> Extent {
    let mut fields = Fields::new(extra.zip64.unwrap_or_default());
    let mut short = false;
    let mut resolve = |value: u32| match value {
        DEFERRED if extra.zip64.is_some() => fields.u64().unwrap_or_else(|| {
            short = true;
            0
        }),
        value => u64::from(value),
    };
    // APPNOTE 4.5.3: "the order of the fields … is fixed, but the fields MUST only appear if …".
    let size = resolve(size);
    let compressed = resolve(compressed);
    let offset = resolve(offset);
    if short {
        extra.zip64_faults.push("the zip64 extra field ends before a value that the entry defers to it".into());
    }
    Extent { compressed, size, offset }
}

/// Takes the values of a local header as PyPI takes them; `stored` says that size and compressed size are one.
pub(super) fn resolve_local(compressed: u32, size: u32, stored: bool, extra: &mut Extra<'_>) -> Extent {
    let mut extent = Extent { compressed: compressed.into(), size: size.into(), offset: 0 };
    let Some(payload) = extra.zip64 else { return extent };
    let mut fields = Fields::new(payload);
    match (fields.u64(), fields.u64()) {
        (None, _) => {
            if compressed == DEFERRED || size == DEFERRED {
                extra.zip64_faults.push("the zip64 extra field is empty and a size defers to it".into());
            }
        }
        (Some(only), None) => {
            if !stored {
                extra.zip64_faults.push("the zip64 extra field lacks the compressed size".into());
            }
            extent.compressed = only;
            if size == DEFERRED {
                extent.size = only;
            }
        }
        (Some(size64), Some(compressed64)) => {
            if size == DEFERRED {
                extent.size = size64;
            }
            // A streaming reader may take it whether or not the header defers to it, so it has to be right.
            extent.compressed = compressed64;
        }
    }
    extent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(id: u16, payload: &[u8]) -> Vec<u8> {
        let mut data = id.to_le_bytes().to_vec();
        data.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
        data.extend(payload);
        data
    }

    #[test]
    fn deferred_values_come_from_the_field_in_order() {
        let mut payload = 7_u64.to_le_bytes().to_vec();
        payload.extend(9_u64.to_le_bytes());
        let data = field(ZIP64, &payload);
        let mut extra = Extra::read(&data, Place::Central);
        let extent = resolve_central(5, DEFERRED, DEFERRED, &mut extra);
        assert_eq!(extent, Extent { compressed: 5, size: 7, offset: 9 });
        assert!(extra.zip64_faults.is_empty() && extra.faults.is_empty());
    }

    #[test]
    fn odd_fields_are_named() {
        let twice = [field(ZIP64, &[]), field(ZIP64, &[])].concat();
        assert_eq!(Extra::read(&twice, Place::Local).zip64_faults, ["the zip64 extra field stands twice"]);
        assert_eq!(Extra::read(&twice.repeat(1000), Place::Local).zip64_faults.len(), TOLD_OF_A_HEADER);
        assert_eq!(Extra::read(&field(ZIP64, &[0; 12]), Place::Local).zip64_faults.len(), 1);
        assert_eq!(Extra::read(&[1, 0, 9], Place::Local).faults.len(), 1);
        assert_eq!(Extra::read(&[1, 0, 9], Place::Central).faults.len(), 0);
        assert_eq!(Extra::read(&[1, 0, 9, 0, 1], Place::Central).faults.len(), 1);
        assert_eq!(Extra::read(&field(UNICODE_PATH, b"\x01\0\0\0\0a\n"), Place::Local).faults.len(), 1);
    }
}
