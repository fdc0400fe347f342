//! Load commands made and remade: names, versions, places.

use std::borrow::Cow;

use super::super::names::{ID_DYLIB, LOAD_DYLIB, NAME_FIELD, RPATH};
use super::super::read::{Command, Header};
use super::super::signature::CODE_SIGNATURE;
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, BytesMut, Endian, Width, align_up};

/// Where the name of a plain dylib command begins.
const DYLIB_NAME: u32 = 24;
/// Where the path of an rpath command begins.
const RPATH_PATH: u32 = 12;

/// A load command as it shall be.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    /// `cmd`.
    pub(crate) kind: u32,
    /// All of it.
    pub(crate) bytes: Cow<'a, [u8]>,
}

impl<'a> Entry<'a> {
    /// Returns a command as it is.
    pub(crate) fn kept(command: &Command<'a>) -> Self {
        Self { kind: command.kind, bytes: Cow::Borrowed(command.bytes.data()) }
    }

    /// Returns its size.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Returns the same command with another name or path; what stands before the name stays, where it stands too.
    ///
    /// # Errors
    /// `Malformed` if its name is not within it.
    pub(crate) fn renamed(&self, header: &Header, name: &[u8]) -> Result<Entry<'static>> {
        let number = Bytes::new(&self.bytes, header.endian).u32(NAME_FIELD)?;
        let smallest = if self.kind == RPATH { RPATH_PATH } else { DYLIB_NAME };
        let before = usize::try_from(number).ok().and_then(|offset| self.bytes.get(..offset));
        match before {
            Some(before) if number >= smallest => finished(self.kind, before.to_vec(), name, header),
            _ => Err(Error::malformed("the name of a load command lies outside it")),
        }
    }

    /// Returns a new import, needed, that asks for no version.
    ///
    /// # Errors
    /// `Unsupported` if the name is absurdly long.
    pub(crate) fn import(header: &Header, name: &[u8]) -> Result<Entry<'static>> {
        dylib(LOAD_DYLIB, header, name)
    }

    /// Returns a new install name.
    ///
    /// # Errors
    /// `Unsupported` if the name is absurdly long.
    pub(crate) fn identity(header: &Header, name: &[u8]) -> Result<Entry<'static>> {
        dylib(ID_DYLIB, header, name)
    }

    /// Returns a new rpath.
    ///
    /// # Errors
    /// `Unsupported` if the path is absurdly long.
    pub(crate) fn rpath(header: &Header, path: &[u8]) -> Result<Entry<'static>> {
        let before = [0, 0, RPATH_PATH].map(|number| bytes_of(number, header.endian)).concat();
        finished(RPATH, before, path, header)
    }

    /// Returns a place for a code signature, filled in later.
    pub(crate) fn code_signature(header: &Header) -> Entry<'static> {
        let bytes = [CODE_SIGNATURE, 16, 0, 0].map(|number| bytes_of(number, header.endian)).concat();
        Entry { kind: CODE_SIGNATURE, bytes: Cow::Owned(bytes) }
    }

    /// Overwrites a 32-bit number.
    ///
    /// # Errors
    /// `Malformed` if the command is too short.
    pub(crate) fn put_u32(&mut self, endian: Endian, at: u64, value: u32) -> Result<()> {
        BytesMut::new(self.bytes.to_mut(), endian).put_u32(at, value)
    }

    /// Overwrites a word.
    ///
    /// # Errors
    /// `Malformed` if the command is too short; `Unsupported` if the value does not fit.
    pub(crate) fn put_word(&mut self, endian: Endian, width: Width, at: u64, value: u64) -> Result<()> {
        BytesMut::new(self.bytes.to_mut(), endian).put_word(at, width, value)
    }
}

/// Returns how many bytes a load command for an import or an install name takes.
pub fn import_size(name: &str, width: Width) -> u64 {
    size(u64::from(DYLIB_NAME), name.len() as u64, width)
}

/// Returns how many bytes a load command for an rpath takes.
pub fn rpath_size(path: &str, width: Width) -> u64 {
    size(u64::from(RPATH_PATH), path.len() as u64, width)
}

fn size(before: u64, name: u64, width: Width) -> u64 {
    // The NUL belongs to it; sizes of commands are multiples of a pointer's.
    align_up(before.saturating_add(name).saturating_add(1), width.bytes()).unwrap_or(u64::MAX)
}

fn dylib(kind: u32, header: &Header, name: &[u8]) -> Result<Entry<'static>> {
    // Linkers write the time stamp 2, for the import to differ from a build at time 0.
    let before = [0, 0, DYLIB_NAME, 2, 0, 0].map(|number| bytes_of(number, header.endian)).concat();
    finished(kind, before, name, header)
}

/// Puts a name behind what stands before it, and writes kind and size.
fn finished(kind: u32, mut bytes: Vec<u8>, name: &[u8], header: &Header) -> Result<Entry<'static>> {
    let total = size(bytes.len() as u64, name.len() as u64, header.width);
    let too_long = || Error::unsupported("a name that is too long for a load command");
    let total = u32::try_from(total).map_err(|_| too_long())?;
    bytes.extend_from_slice(name);
    bytes.resize(usize::try_from(total).map_err(|_| too_long())?, 0);
    let mut writer = BytesMut::new(&mut bytes, header.endian);
    writer.put_u32(0, kind)?;
    writer.put_u32(4, total)?;
    Ok(Entry { kind, bytes: Cow::Owned(bytes) })
}

fn bytes_of(number: u32, endian: Endian) -> [u8; 4] {
    match endian {
        Endian::Little => number.to_le_bytes(),
        Endian::Big => number.to_be_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(width: Width) -> Header {
        Header {
            width,
            endian: Endian::Little,
            cpu_type: 0,
            cpu_subtype: 0,
            file_type: 6,
            count: 0,
            commands_size: 0,
            flags: 0,
        }
    }

    #[test]
    fn sizes_are_those_of_the_commands_made() {
        for width in [Width::W32, Width::W64] {
            for length in 1..40 {
                let name = "n".repeat(length);
                let import = Entry::import(&header(width), name.as_bytes()).unwrap();
                assert_eq!(import.size(), import_size(&name, width));
                let path = Entry::rpath(&header(width), name.as_bytes()).unwrap();
                assert_eq!(path.size(), rpath_size(&name, width));
                assert_eq!(path.bytes.last(), Some(&0));
            }
        }
    }

    #[test]
    fn what_stands_before_a_name_stays() {
        // A `dylib_use_command`: its marker counts only if the name begins at 28.
        let header = header(Width::W64);
        let mut bytes = [LOAD_DYLIB, 40, 28, 0x1a74_1800, 0x10000, 0x10000, 8].map(u32::to_le_bytes).concat();
        bytes.extend(b"a\0\0\0\0\0\0\0\0\0\0\0");
        let command = Command { kind: LOAD_DYLIB, bytes: Bytes::new(&bytes, Endian::Little) };
        let renamed = Entry::kept(&command).renamed(&header, b"another-name").unwrap();
        assert_eq!(renamed.bytes[8..28], bytes[8..28]);
        assert_eq!(&renamed.bytes[28..], b"another-name\0\0\0\0\0\0\0\0".get(..20).unwrap());
        assert_eq!(renamed.size(), 48);
    }
}
