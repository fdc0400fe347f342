//! Deflate (RFC 1951) in one call: libdeflate, or zlib-rs where it is switched off.

use crate::error::{Error, ErrorKind, Result};

/// The highest level of `--compress`.
pub const MAX_LEVEL: u8 = 12;

/// Returns the deflated bytes; the same for the same input and level on every host.
///
/// # Errors
/// `Internal` if the compressor fails, which it never does on whole buffers.
#[cfg(feature = "libdeflate")]
pub(super) fn deflate(bytes: &[u8], level: u8) -> Result<Vec<u8>> {
    use libdeflater::{CompressionLvl, Compressor};
    let level = CompressionLvl::new(i32::from(level.min(MAX_LEVEL))).unwrap_or_default();
    let mut compressor = Compressor::new(level);
    let mut packed = vec![0; compressor.deflate_compress_bound(bytes.len())];
    let length = compressor
        .deflate_compress(bytes, &mut packed)
        .map_err(|_| Error::new(ErrorKind::Internal, "deflate ran out of room"))?;
    packed.truncate(length);
    Ok(packed)
}

/// Returns the deflated bytes; the same for the same input and level on every host.
///
/// zlib knows levels to 9; higher ones are that.
///
/// # Errors
/// `Internal` if the compressor fails, which it never does on whole buffers.
#[cfg(not(feature = "libdeflate"))]
pub(super) fn deflate(bytes: &[u8], level: u8) -> Result<Vec<u8>> {
    use std::io::Write;
    let level = flate2::Compression::new(u32::from(level.min(9)));
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map_err(|error| Error::new(ErrorKind::Internal, format!("deflate: {error}")))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_was_deflated_is_inflated_by_another_library() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for level in 1..=MAX_LEVEL {
            let packed = deflate(&bytes, level).unwrap();
            let mut back = Vec::new();
            flate2::read::DeflateDecoder::new(&*packed).read_to_end(&mut back).unwrap();
            assert!(back == bytes && packed.len() < bytes.len() / 2, "level {level}");
        }
    }
}
