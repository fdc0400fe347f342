//! Fusing: one universal file of the slices of several (what `lipo -create` does).

use super::universal::Universal;
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, BytesMut, Endian, align_up};

/// Log2 of the alignment of a slice: the page size of its processor, which the kernel wants (`lipo.c`, `cpu_type` tables).
fn alignment(cpu_type: u32) -> u32 {
    const CPU_TYPE_X86: u32 = 7;
    const CPU_ARCH_ABI64: u32 = 0x0100_0000;
    match cpu_type & !CPU_ARCH_ABI64 {
        CPU_TYPE_X86 => 12,
        _ => 14,
    }
}

/// One slice on its way into the file.
struct Piece<'a> {
    cpu_type: u32,
    cpu_subtype: u32,
    bytes: &'a [u8],
    align: u32,
}

/// Returns one universal file of every slice of `files`; a slice that several hold alike is there once. The bytes of
/// slices, signatures included, are not touched. Files of one processor give that file.
///
/// # Errors
/// `Malformed` if a file is no sound Mach-O file; `Refused` if two files hold different code for one processor;
/// `Unsupported` if the result is too large for its header.
pub fn fuse(files: &[&[u8]]) -> Result<Vec<u8>> {
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    for file in files {
        for piece in slices(file)? {
            // `CPU_SUBTYPE_MASK`: capabilities are no part of what tells processors apart.
            let same = |other: &&Piece<'_>| {
                (other.cpu_type, other.cpu_subtype & 0xff_ffff) == (piece.cpu_type, piece.cpu_subtype & 0xff_ffff)
            };
            match pieces.iter().find(same) {
                Some(other) if other.bytes == piece.bytes => {}
                Some(_) => return Err(Error::refused("both files hold code for one processor, and it differs")),
                None => pieces.push(piece),
            }
        }
    }
    if let ([piece], [first, ..]) = (pieces.as_slice(), files)
        && piece.bytes.len() == first.len()
    {
        return Ok(first.to_vec());
    }
    // lipo's order: by alignment, so that little is lost between slices.
    pieces.sort_by_key(|piece| (piece.align, piece.cpu_type, piece.cpu_subtype));
    write(&pieces)
}

/// Takes a file apart.
fn slices(file: &[u8]) -> Result<Vec<Piece<'_>>> {
    let universal = Universal::parse(file)?;
    let mut pieces = Vec::new();
    for entry in &universal.entries {
        let range = usize::try_from(entry.range.start).ok().zip(usize::try_from(entry.range.end).ok());
        let bytes = range.and_then(|(start, end)| file.get(start..end));
        let bytes = bytes.ok_or_else(|| Error::malformed("a slice leaves the file"))?;
        let endian = match bytes.first_chunk::<4>() {
            Some([0xfe, 0xed, 0xfa, 0xce | 0xcf]) => Endian::Big,
            Some([0xce | 0xcf, 0xfa, 0xed, 0xfe]) => Endian::Little,
            _ => return Err(Error::malformed("a slice is no Mach-O file")),
        };
        let header = Bytes::new(bytes, endian);
        let (cpu_type, cpu_subtype) = (header.u32(4)?, header.u32(8)?);
        pieces.push(Piece { cpu_type, cpu_subtype, bytes, align: alignment(cpu_type).max(entry.align) });
    }
    Ok(pieces)
}

fn write(pieces: &[Piece<'_>]) -> Result<Vec<u8>> {
    let too_large = || Error::unsupported("the universal file becomes too large");
    let count = u32::try_from(pieces.len()).map_err(|_| too_large())?;
    let header = 8 + pieces.len() * 20;
    let mut out = vec![0; header];
    let mut places = Vec::new();
    for piece in pieces {
        let start = align_up(out.len() as u64, 1 << piece.align).ok_or_else(too_large)?;
        places.push(u32::try_from(start).map_err(|_| too_large())?);
        out.resize(usize::try_from(start).map_err(|_| too_large())?, 0);
        out.extend_from_slice(piece.bytes);
        u32::try_from(out.len()).map_err(|_| too_large())?;
    }
    let mut writer = BytesMut::new(&mut out, Endian::Big);
    writer.put_u32(0, 0xcafe_babe)?;
    writer.put_u32(4, count)?;
    for (index, (piece, offset)) in (0_u64..).zip(pieces.iter().zip(places)) {
        let size = u32::try_from(piece.bytes.len()).map_err(|_| too_large())?;
        let words = [piece.cpu_type, piece.cpu_subtype, offset, size, piece.align];
        for (number, word) in (0_u64..).zip(words) {
            writer.put_u32(8 + index * 20 + number * 4, word)?;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of `MH_DYLIB` without commands; enough to be taken apart.
    fn thin(cpu_type: u32, fill: u8) -> Vec<u8> {
        let mut bytes: Vec<u8> = [0xfeed_facf_u32, cpu_type, 3, 6, 0, 0, 0, 0].map(u32::to_le_bytes).concat();
        bytes.resize(5000, fill);
        bytes
    }

    const X86: u32 = 0x0100_0007;
    const ARM: u32 = 0x0100_000c;

    #[test]
    fn slices_keep_their_bytes_and_lie_on_their_pages() {
        let (x86, arm) = (thin(X86, 1), thin(ARM, 2));
        let fused = fuse(&[&arm, &x86]).unwrap();
        let file = Universal::parse(&fused).unwrap();
        let starts: Vec<(u32, u64)> = file.entries.iter().map(|entry| (entry.cpu_type, entry.range.start)).collect();
        assert_eq!(starts, [(X86, 0x1000), (ARM, 0x4000)]);
        assert_eq!(fused[0x1000..0x1000 + 5000], x86[..]);
        assert_eq!(fused[0x4000..], arm[..]);
        assert_eq!(fuse(&[&x86, &arm]).unwrap(), fused);
    }

    #[test]
    fn what_is_there_already_is_there_once() {
        let (x86, arm) = (thin(X86, 1), thin(ARM, 2));
        let fused = fuse(&[&x86, &arm]).unwrap();
        assert_eq!(fuse(&[&fused, &arm]).unwrap(), fused);
        assert_eq!(fuse(&[&x86, &x86]).unwrap(), x86);
        assert_eq!(fuse(&[&x86, &thin(X86, 3)]).unwrap_err().kind(), crate::ErrorKind::Refused);
    }

    #[test]
    fn what_is_no_macho_file_is_refused() {
        for file in [&b""[..], b"text", &[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2]] {
            assert!(fuse(&[file, &thin(X86, 0)]).is_err());
        }
    }
}
