//! Deflate (RFC 1951): libdeflate, or zlib-rs where it is switched off; very large members in blocks, on all cores.

use rayon::prelude::*;

#[cfg(feature = "libdeflate")]
use super::resume::last_block;
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "libdeflate")]
use crate::wheel::blocks::scan;

/// The highest level of `--compress`.
pub const MAX_LEVEL: u8 = 12;
/// The level where none is asked for: the fastest whose results are no larger than those of zlib's default
/// (figures: `docs/internals/benchmarks.md`).
pub const DEFAULT_LEVEL: u8 = 5;

/// Members from this size on are deflated in blocks.
///
/// Below it, members side by side keep the cores busy, and a block costs a walk over its symbols.
const LARGE: usize = 32 << 20;
/// Size of a block; by the length of the member alone, never by the number of cores, so that the bytes are the same.
const BLOCK: usize = 8 << 20;
/// Members that shrink by more than this factor are not left in blocks, which could cost more than a hundredth of them.
const WORTH: usize = 8;

/// Returns the deflated bytes; the same for the same input and level on every host.
///
/// # Errors
/// `Internal` if the compressor fails, which it never does on whole buffers.
pub(super) fn deflate(bytes: &[u8], level: u8) -> Result<Vec<u8>> {
    if bytes.len() < LARGE {
        return deflate_whole(bytes, level);
    }
    let packed = deflate_blocks(bytes, level, BLOCK)?;
    // What repeats itself that much may do so over the borders of blocks; it is deflated whole, and quickly.
    if packed.len() < bytes.len() / WORTH { deflate_whole(bytes, level) } else { Ok(packed) }
}

/// Deflates blocks side by side and joins them; each block starts without the window of the one before.
fn deflate_blocks(bytes: &[u8], level: u8, size: usize) -> Result<Vec<u8>> {
    let blocks: Vec<&[u8]> = bytes.chunks(size).collect();
    let last = blocks.len().saturating_sub(1);
    let packed: Vec<Vec<u8>> = blocks
        .into_par_iter()
        .enumerate()
        .map(|(index, block)| if index == last { deflate_whole(block, level) } else { deflate_open(block, level) })
        .collect::<Result<_>>()?;
    Ok(packed.concat())
}

/// Deflates one block so that another may follow it, on a byte boundary.
#[cfg(feature = "libdeflate")]
fn deflate_open(block: &[u8], level: u8) -> Result<Vec<u8>> {
    let mut packed = deflate_whole(block, level)?;
    let open = |packed: &mut Vec<u8>| {
        let last = last_block(packed, block.len() as u64).or_else(|| scan(packed, usize::MAX)?.pop())?;
        let byte = packed.get_mut(usize::try_from(last.start / 8).ok()?)?;
        *byte &= !(1 << (last.start % 8));
        // An empty stored block, as a sync flush writes it: three bits of header, then to the next byte.
        let header_end = usize::try_from(last.end.checked_add(3)?.div_ceil(8)).ok()?;
        packed.resize(header_end, 0);
        packed.extend_from_slice(&[0, 0, 0xff, 0xff]);
        Some(())
    };
    open(&mut packed).ok_or_else(|| Error::new(ErrorKind::Internal, "what was deflated cannot be read back"))?;
    Ok(packed)
}

/// Deflates one block so that another may follow it, on a byte boundary.
#[cfg(not(feature = "libdeflate"))]
fn deflate_open(block: &[u8], level: u8) -> Result<Vec<u8>> {
    use flate2::{Compress, FlushCompress};
    let internal = |error: &dyn std::fmt::Display| Error::new(ErrorKind::Internal, format!("deflate: {error}"));
    let mut compress = Compress::new(zlib_level(level), false);
    // Deflate grows by five bytes for each stored block at most; some more for the flush.
    let mut packed = Vec::with_capacity((block.len() / 8).saturating_add(block.len()).saturating_add(1024));
    compress.compress_vec(block, &mut packed, FlushCompress::Sync).map_err(|error| internal(&error))?;
    match compress.total_in() == block.len() as u64 && packed.ends_with(&[0, 0, 0xff, 0xff]) {
        true => Ok(packed),
        false => Err(internal(&"the block was not taken whole")),
    }
}

/// Returns zlib's level: it knows levels to 9, higher ones are that.
#[cfg(not(feature = "libdeflate"))]
fn zlib_level(level: u8) -> flate2::Compression {
    flate2::Compression::new(u32::from(level.min(9)))
}

#[cfg(feature = "libdeflate")]
fn deflate_whole(bytes: &[u8], level: u8) -> Result<Vec<u8>> {
    use libdeflater::{CompressionLvl, Compressor};
    thread_local! {
        /// The last one: to make one costs as much as to deflate a small member.
        static COMPRESSOR: std::cell::RefCell<Option<(u8, Compressor)>> = const { std::cell::RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|kept| {
        let (_, compressor) = match kept {
            Some(kept) if kept.0 == level => kept,
            _ => {
                let known = CompressionLvl::new(i32::from(level.min(MAX_LEVEL))).unwrap_or_default();
                kept.insert((level, Compressor::new(known)))
            }
        };
        let mut packed = vec![0; compressor.deflate_compress_bound(bytes.len())];
        let length = compressor
            .deflate_compress(bytes, &mut packed)
            .map_err(|_| Error::new(ErrorKind::Internal, "deflate ran out of room"))?;
        packed.truncate(length);
        Ok(packed)
    })
}

#[cfg(not(feature = "libdeflate"))]
fn deflate_whole(bytes: &[u8], level: u8) -> Result<Vec<u8>> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), zlib_level(level));
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map_err(|error| Error::new(ErrorKind::Internal, format!("deflate: {error}")))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn inflate(packed: &[u8]) -> Vec<u8> {
        let mut back = Vec::new();
        flate2::bufread::DeflateDecoder::new(packed).read_to_end(&mut back).unwrap();
        back
    }

    /// Bytes that compress somewhat, in stretches of different kinds.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        (0..length)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let [noise, ..] = state.to_be_bytes();
                match (at / 5000) % 4 {
                    0 => noise,
                    1 => 0,
                    2 => noise & 7,
                    _ => b"the quick brown fox "[at % 20],
                }
            })
            .collect()
    }

    #[test]
    fn what_was_deflated_is_inflated_by_another_library() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for level in 1..=MAX_LEVEL {
            let packed = deflate(&bytes, level).unwrap();
            assert!(inflate(&packed) == bytes && packed.len() < bytes.len() / 2, "level {level}");
        }
    }

    #[test]
    fn blocks_are_one_stream() {
        let bytes = sample(1_000_000);
        for (level, size) in [(1, 100_000), (2, 99_999), (6, 7), (6, 1000), (6, 65_536), (9, 300_001), (12, 400_000)] {
            let bytes = if size < 100 { &bytes[..20_000] } else { &bytes };
            let packed = deflate_blocks(bytes, level, size).unwrap();
            assert!(inflate(&packed) == bytes, "level {level}, blocks of {size}");
        }
    }

    #[test]
    fn large_members_hardly_grow_by_blocks() {
        let bytes = sample(LARGE + 12_345);
        let (whole, blocks) = (deflate_whole(&bytes, 6).unwrap(), deflate(&bytes, 6).unwrap());
        assert!(inflate(&blocks) == bytes);
        assert!(blocks.len() != whole.len() && blocks.len() < whole.len() + whole.len() / 100);
        let repeated = sample(30_000).repeat(LARGE / 30_000 + 1);
        assert!(deflate(&repeated, 6).unwrap() == deflate_whole(&repeated, 6).unwrap());
    }
}
