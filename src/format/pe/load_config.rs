//! The load configuration: flags for the search of imports, and the mark of files with code of two machines.

use super::facts::Hybrid;
use super::read::{Pe, directory, machine};
use crate::error::Result;
use crate::format::bytes::Width;

/// What the load configuration states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LoadConfig {
    /// Where `DependentLoadFlags` lies in the file, if the structure is long enough to have it.
    pub(super) dependent_at: Option<u64>,
    /// `DependentLoadFlags`.
    pub(super) dependent_load_flags: u16,
    /// `GuardFlags`.
    pub(super) guard_flags: u32,
    /// `CHPEMetadataPointer` is not 0.
    pub(super) has_chpe: bool,
    /// Where the dynamic relocations begin in their section, and which that is, counted from 1.
    pub(super) dynamic_relocations: Option<(u32, u16)>,
}

impl LoadConfig {
    /// Reads it; `None` if there is none.
    ///
    /// # Errors
    /// `Malformed` if it leaves its section.
    pub(super) fn read(pe: &Pe<'_>) -> Result<Option<Self>> {
        let directory = pe.directory(directory::LOAD_CONFIG);
        if directory.address == 0 {
            return Ok(None);
        }
        let at = pe.offset(directory.address, 4)?;
        // The directory's size is 64 for the sake of Windows XP; the structure's own says what is there.
        let size = pe.bytes.u32(at)?;
        pe.offset(directory.address, u64::from(size))?;
        let (dependent, guard, chpe, dynamic, word) = match pe.header.width {
            Width::W32 => (54, 88, 124, 136, 4),
            Width::W64 => (78, 144, 200, 224, 8),
        };
        let field = |offset: u64, length: u64| (offset + length <= u64::from(size)).then_some(at + offset);
        let mut config = Self { dependent_at: field(dependent, 2), ..Self::default() };
        if let Some(at) = config.dependent_at {
            config.dependent_load_flags = pe.bytes.u16(at)?;
        }
        if let Some(at) = field(guard, 4) {
            config.guard_flags = pe.bytes.u32(at)?;
        }
        if let Some(at) = field(chpe, word) {
            config.has_chpe = pe.bytes.word(at, pe.header.width)? != 0;
        }
        if let Some(at) = field(dynamic, 6) {
            let found = (pe.bytes.u32(at)?, pe.bytes.u16(at + 4)?);
            config.dynamic_relocations = (found != (0, 0)).then_some(found);
        }
        Ok(Some(config))
    }

    /// Which two machines' code the file holds.
    pub(super) fn hybrid(&self, machine: u16) -> Option<Hybrid> {
        match machine {
            machine::I386 if self.has_chpe => Some(Hybrid::Chpe),
            machine::AMD64 if self.has_chpe => Some(Hybrid::Arm64ec),
            machine::ARM64 if self.has_chpe => Some(Hybrid::Arm64x),
            _ => None,
        }
    }
}
