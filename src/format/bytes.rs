//! Bounds-checked reading and writing of binary files; offsets and addresses are types.

use super::excerpt::{Excerpt, Unread};
use crate::error::{Error, Result};

/// A position in a file, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileOffset(pub u64);

/// An address in the memory image, relative to the load base of a position-independent file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct VirtAddr(pub u64);

/// Byte order of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// Word size of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// 32-bit.
    W32,
    /// 64-bit.
    W64,
}

impl Width {
    /// Returns the size of a word in bytes.
    pub fn bytes(self) -> u64 {
        match self {
            Width::W32 => 4,
            Width::W64 => 8,
        }
    }
}

/// A file's bytes with its byte order; every access is checked.
#[derive(Debug, Clone, Copy)]
pub struct Bytes<'a> {
    data: &'a [u8],
    endian: Endian,
    /// What of the file was not read, and where in the file `data` begins.
    unread: Option<(&'a Unread, u64)>,
}

impl<'a> Bytes<'a> {
    /// Returns a view of `data` in `endian`.
    pub fn new(data: &'a [u8], endian: Endian) -> Self {
        Self { data, endian, unread: None }
    }

    /// Returns a view of a file of which not all may have been read.
    pub fn of_excerpt(excerpt: Excerpt<'a>, endian: Endian) -> Self {
        let (data, unread) = excerpt.parts();
        Self { data, endian, unread }
    }

    /// Returns all bytes; whoever looks at them asks for what was not read, too.
    pub fn data(self) -> &'a [u8] {
        if let Some((unread, start)) = self.unread {
            unread.asks_for(start, self.len());
        }
        self.data
    }

    /// Returns a view of `size` bytes from `at`; none of them is looked at yet.
    ///
    /// # Errors
    /// `Malformed` if they leave the file.
    pub fn part(self, at: u64, size: u64) -> Result<Self> {
        let unread = self.unread.map(|(unread, start)| (unread, start.saturating_add(at)));
        Ok(Self { data: self.within(at, size)?, endian: self.endian, unread })
    }

    /// Returns the byte order.
    pub fn endian(self) -> Endian {
        self.endian
    }

    /// Returns the size in bytes.
    pub fn len(self) -> u64 {
        self.data.len() as u64
    }

    /// Returns true if there is nothing.
    pub fn is_empty(self) -> bool {
        self.data.is_empty()
    }

    /// Returns `size` bytes from `at`.
    ///
    /// # Errors
    /// `Malformed` if they leave the file, or were not read.
    pub fn slice(self, at: u64, size: u64) -> Result<&'a [u8]> {
        let slice = self.within(at, size)?;
        match self.unread {
            Some((unread, start)) if unread.asks_for(start.saturating_add(at), size) => {
                Err(Error::malformed(format!("{size} bytes at offset {at:#x} were not read")))
            }
            _ => Ok(slice),
        }
    }

    /// The bytes at a place, whether they were read or not.
    fn within(self, at: u64, size: u64) -> Result<&'a [u8]> {
        let end = at.checked_add(size).filter(|end| *end <= self.len());
        match (usize::try_from(at), end.and_then(|end| usize::try_from(end).ok())) {
            (Ok(start), Some(end)) => self.data.get(start..end).ok_or_else(|| outside(at, size, self.len())),
            _ => Err(outside(at, size, self.len())),
        }
    }

    /// Returns the bytes at `at` as an array.
    ///
    /// # Errors
    /// `Malformed` if they leave the file.
    pub fn array<const N: usize>(self, at: u64) -> Result<[u8; N]> {
        self.slice(at, N as u64)?.try_into().map_err(|_| outside(at, N as u64, self.len()))
    }

    /// Returns the byte at `at`.
    ///
    /// # Errors
    /// `Malformed` if it is outside the file.
    pub fn u8(self, at: u64) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array(at)?))
    }

    /// Returns the 16-bit number at `at`.
    ///
    /// # Errors
    /// `Malformed` if it is outside the file.
    pub fn u16(self, at: u64) -> Result<u16> {
        let bytes = self.array(at)?;
        Ok(match self.endian {
            Endian::Little => u16::from_le_bytes(bytes),
            Endian::Big => u16::from_be_bytes(bytes),
        })
    }

    /// Returns the 32-bit number at `at`.
    ///
    /// # Errors
    /// `Malformed` if it is outside the file.
    pub fn u32(self, at: u64) -> Result<u32> {
        let bytes = self.array(at)?;
        Ok(match self.endian {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        })
    }

    /// Returns the 64-bit number at `at`.
    ///
    /// # Errors
    /// `Malformed` if it is outside the file.
    pub fn u64(self, at: u64) -> Result<u64> {
        let bytes = self.array(at)?;
        Ok(match self.endian {
            Endian::Little => u64::from_le_bytes(bytes),
            Endian::Big => u64::from_be_bytes(bytes),
        })
    }

    /// Returns the word of the given width at `at`.
    ///
    /// # Errors
    /// `Malformed` if it is outside the file.
    pub fn word(self, at: u64, width: Width) -> Result<u64> {
        match width {
            Width::W32 => self.u32(at).map(u64::from),
            Width::W64 => self.u64(at),
        }
    }

    /// Returns the bytes from `at` up to the NUL that ends them, which must come before `end`.
    ///
    /// # Errors
    /// `Malformed` if `at` is outside or no NUL follows before `end`.
    pub fn c_string(self, at: u64, end: u64) -> Result<&'a [u8]> {
        let end = end.min(self.len());
        let size = end.checked_sub(at).ok_or_else(|| outside(at, 1, self.len()))?;
        let bytes = self.within(at, size)?;
        let length = bytes.iter().position(|byte| *byte == 0);
        // What was not read is zeros, so the end that is found there is asked for.
        let read = self.slice(at, length.map_or(size, |length| (length as u64).saturating_add(1)))?;
        let length = length.ok_or_else(|| Error::malformed(format!("the string at offset {at:#x} has no end")))?;
        Ok(read.get(..length).unwrap_or_default())
    }
}

/// A file's bytes being changed; every access is checked.
#[derive(Debug)]
pub struct BytesMut<'a> {
    data: &'a mut Vec<u8>,
    endian: Endian,
}

impl<'a> BytesMut<'a> {
    /// Returns a writable view of `data` in `endian`.
    pub fn new(data: &'a mut Vec<u8>, endian: Endian) -> Self {
        Self { data, endian }
    }

    /// Returns a readable view.
    pub fn read(&self) -> Bytes<'_> {
        Bytes::new(self.data, self.endian)
    }

    /// Overwrites the bytes at `at`.
    ///
    /// # Errors
    /// `Malformed` if they leave the file.
    pub fn put(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        let length = self.data.len() as u64;
        let target = usize::try_from(at)
            .ok()
            .and_then(|start| self.data.get_mut(start..start.checked_add(bytes.len())?))
            .ok_or_else(|| outside(at, bytes.len() as u64, length))?;
        target.copy_from_slice(bytes);
        Ok(())
    }

    /// Overwrites a 16-bit number.
    ///
    /// # Errors
    /// `Malformed` if it is outside the file.
    pub fn put_u16(&mut self, at: u64, value: u16) -> Result<()> {
        match self.endian {
            Endian::Little => self.put(at, &value.to_le_bytes()),
            Endian::Big => self.put(at, &value.to_be_bytes()),
        }
    }

    /// Overwrites a 32-bit number.
    ///
    /// # Errors
    /// `Malformed` if it is outside the file.
    pub fn put_u32(&mut self, at: u64, value: u32) -> Result<()> {
        match self.endian {
            Endian::Little => self.put(at, &value.to_le_bytes()),
            Endian::Big => self.put(at, &value.to_be_bytes()),
        }
    }

    /// Overwrites a 64-bit number.
    ///
    /// # Errors
    /// `Malformed` if it is outside the file.
    pub fn put_u64(&mut self, at: u64, value: u64) -> Result<()> {
        match self.endian {
            Endian::Little => self.put(at, &value.to_le_bytes()),
            Endian::Big => self.put(at, &value.to_be_bytes()),
        }
    }

    /// Overwrites a word of the given width.
    ///
    /// # Errors
    /// `Malformed` if it is outside the file; `Unsupported` if the value does not fit 32 bits.
    pub fn put_word(&mut self, at: u64, width: Width, value: u64) -> Result<()> {
        match width {
            Width::W32 => {
                let value = u32::try_from(value)
                    .map_err(|_| Error::unsupported(format!("{value:#x} does not fit a 32-bit file")))?;
                self.put_u32(at, value)
            }
            Width::W64 => self.put_u64(at, value),
        }
    }
}

/// The error for an access outside a file.
fn outside(at: u64, size: u64, length: u64) -> Error {
    Error::malformed(format!("{size} bytes at offset {at:#x} lie outside the file of {length} bytes"))
}

/// Returns `value` rounded up to a multiple of `alignment`; `None` on overflow. Alignments 0 and 1 change nothing.
pub fn align_up(value: u64, alignment: u64) -> Option<u64> {
    match alignment {
        0 | 1 => Some(value),
        _ => value.checked_next_multiple_of(alignment),
    }
}

/// Returns bytes as text; those that are not printable UTF-8 are escaped as `\xNN`.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_past_the_end_is_an_error() {
        let bytes = Bytes::new(&[1, 2, 3], Endian::Little);
        assert_eq!(bytes.u16(1).unwrap(), 0x0302);
        assert!(bytes.u16(2).is_err());
        assert!(bytes.u32(u64::MAX).is_err());
        assert!(bytes.slice(u64::MAX, u64::MAX).is_err());
    }

    #[test]
    fn a_string_without_end_is_an_error() {
        let bytes = Bytes::new(b"ab\0cd", Endian::Little);
        assert_eq!(bytes.c_string(0, 5).unwrap(), b"ab");
        assert!(bytes.c_string(3, 5).is_err());
        assert!(bytes.c_string(9, 5).is_err());
    }

    #[test]
    fn odd_bytes_are_escaped() {
        assert_eq!(escaped(b"a\xffb\n"), "a\\xffb\\n");
    }
}
