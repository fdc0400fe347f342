//! Members that are compressed by bzip2, LZMA or Zstandard: PyPI refuses them, but they can be read and written anew.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::bytes::Fields;

/// What became of the data.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unpacked {
    /// The bytes, at most one more than was asked for.
    Bytes(Vec<u8>),
    /// The data are not sound.
    Corrupt,
    /// The method is not known.
    Unknown,
}

/// Unpacks data of the method with this number (APPNOTE 4.4.5) into `size` bytes; one more where there are more.
pub(super) fn unpack(method: u16, raw: &[u8], size: u64) -> Unpacked {
    // These decoders are not as widely run as deflate's, and the data are a stranger's.
    let result = catch_unwind(AssertUnwindSafe(|| match method {
        12 => Some(bounded(bzip2_rs::DecoderReader::new(raw), size)),
        14 => Some(lzma(raw, size)),
        93 => Some(zstandard(raw, size)),
        _ => None,
    }));
    match result {
        Ok(None) => Unpacked::Unknown,
        Ok(Some(Some(bytes))) => Unpacked::Bytes(bytes),
        Ok(Some(None)) | Err(_) => Unpacked::Corrupt,
    }
}

fn bounded(reader: impl Read, size: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(size.checked_add(1)?).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// APPNOTE 5.8.8: version, size of the properties, properties, then the stream.
fn lzma(raw: &[u8], size: u64) -> Option<Vec<u8>> {
    let mut fields = Fields::new(raw);
    fields.u16()?;
    let mut properties = Fields::new({
        let length = fields.u16()?;
        fields.take(length.into())?
    });
    let (parameters, dictionary) = (properties.u8()?, properties.u32()?);
    // A dictionary larger than the output is never looked into.
    let dictionary = dictionary.min(u32::try_from(size).unwrap_or(u32::MAX)).max(4096);
    let stream = fields.take(fields.len())?;
    bounded(lzma_rust2::LzmaReader::new_with_props(stream, size, parameters, dictionary, None).ok()?, size)
}

fn zstandard(raw: &[u8], size: u64) -> Option<Vec<u8>> {
    bounded(ruzstd::decoding::StreamingDecoder::new(raw).ok()?, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hello ` a hundred times, as Python's zipfile packs it: `ZIP_BZIP2`, `ZIP_LZMA`, and Zstandard's own tool.
    const SAMPLES: [(u16, &[u8]); 3] = [
        (12, include_bytes!("../../../testdata/archive/hello.bz2")),
        (14, include_bytes!("../../../testdata/archive/hello.lzma")),
        (93, include_bytes!("../../../testdata/archive/hello.zst")),
    ];

    fn hello() -> Vec<u8> {
        b"hello ".repeat(100)
    }

    #[test]
    fn what_others_packed_is_unpacked_within_its_size() {
        for (method, raw) in SAMPLES {
            assert_eq!(unpack(method, raw, 600), Unpacked::Bytes(hello()), "{method}");
            match unpack(method, raw, 10) {
                Unpacked::Bytes(bytes) => assert_eq!(bytes, b"hello hello"[..bytes.len()], "{method}"),
                // LZMA's decoder is told the size, and finds a match that goes past it.
                other => assert_eq!((method, other), (14, Unpacked::Corrupt)),
            }
        }
        assert_eq!(unpack(99, b"", 0), Unpacked::Unknown);
    }

    #[test]
    fn cut_and_changed_data_are_refused_or_unpacked_within_the_size() {
        for (method, raw) in SAMPLES {
            for at in 0..raw.len() {
                let mut changed = raw.to_vec();
                changed[at] ^= 0x41;
                for data in [&raw[..at], &changed] {
                    if let Unpacked::Bytes(bytes) = unpack(method, data, 600) {
                        assert!(bytes.len() <= 601);
                    }
                }
            }
        }
    }
}
