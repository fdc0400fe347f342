//! The code signature: what it claims, and whether the bytes are those it was made of.
//!
//! The structures are those of `cs_blobs.h` (xnu); all numbers in them are big-endian, whatever the slice is.

use std::ops::Range;

use sha2::{Digest, Sha256, Sha384};

use super::read::Macho;
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian, escaped};

/// `LC_CODE_SIGNATURE`.
pub(super) const CODE_SIGNATURE: u32 = 0x1d;
/// `CSMAGIC_EMBEDDED_SIGNATURE`.
pub(super) const SUPER_BLOB: u32 = 0xfade_0cc0;
/// `CSMAGIC_CODEDIRECTORY`.
pub(super) const CODE_DIRECTORY: u32 = 0xfade_0c02;
/// `CSSLOT_CODEDIRECTORY`.
pub(super) const SLOT_CODE_DIRECTORY: u32 = 0;
/// `CSSLOT_REQUIREMENTS`.
pub(super) const SLOT_REQUIREMENTS: u32 = 2;
/// `CSSLOT_ENTITLEMENTS`.
pub(super) const SLOT_ENTITLEMENTS: u32 = 5;
/// `CSSLOT_DER_ENTITLEMENTS`.
pub(super) const SLOT_DER_ENTITLEMENTS: u32 = 7;
/// `CSSLOT_ALTERNATE_CODEDIRECTORIES`, up to five of them.
const SLOT_ALTERNATES: u32 = 0x1000;
/// `CSSLOT_SIGNATURESLOT`: the certificate's part.
const SLOT_CMS: u32 = 0x10000;
/// `CS_ADHOC`.
pub(super) const AD_HOC: u32 = 0x2;
/// `CS_RUNTIME`: the hardened runtime.
pub(super) const RUNTIME: u32 = 0x10000;
/// `CS_LINKER_SIGNED`.
pub(super) const LINKER_SIGNED: u32 = 0x20000;
/// `CS_HASHTYPE_SHA256`.
pub(super) const SHA256: u8 = 2;
/// More parts than any signature has.
const MAX_PARTS: u32 = 64;
/// The longest identifier or team that is shown.
const MAX_NAME: u64 = 1024;

/// A code signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// Who made it.
    pub kind: SignatureKind,
    /// `ident` of the code directory.
    pub identifier: String,
    /// The code directory's flags: 0x2 ad hoc, 0x10000 runtime, 0x20000 linker-signed, ….
    pub flags: u32,
    /// The team that signed it, where the code directory names one.
    pub team: Option<String>,
    /// Bytes that one hash covers.
    pub page_size: u64,
    /// Entitlements are there.
    pub entitlements: bool,
    /// Where it lies in the slice.
    pub offset: u64,
    /// How long it is.
    pub size: u64,
    /// Whether it is true of the bytes.
    pub state: SignatureState,
}

/// Who made a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureKind {
    /// A linker: Apple's tools renew it at every edit.
    LinkerSigned,
    /// Somebody without a certificate (`codesign -s -`).
    AdHoc,
    /// The holder of a certificate, a Developer ID for instance; only they can renew it.
    Cms,
}

/// Whether a signature is true of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureState {
    /// Every hash that was made with SHA-2 is right.
    Valid,
    /// Some hashes of pages are wrong.
    WrongPages {
        /// The first page that differs.
        first: u64,
        /// How many do.
        count: u64,
    },
    /// The hash of one of the signature's own parts is wrong.
    WrongPart(&'static str),
    /// There are hashes of other kinds only (SHA-1), which are not compared.
    NotChecked,
    /// It was read, and nobody compared it with the bytes.
    NotCompared,
    /// It cannot be read, with the reason: the system refuses such a file.
    Malformed(String),
}

/// A signature taken apart.
#[derive(Debug, Clone)]
pub(super) struct Parts<'a> {
    /// Where it lies in the slice.
    offset: u64,
    /// Slot and bytes of each part, the magic number and length included.
    pub(super) blobs: Vec<(u32, Bytes<'a>)>,
    /// The code directories, the one of slot 0 first.
    pub(super) directories: Vec<CodeDirectory<'a>>,
}

/// A code directory.
#[derive(Debug, Clone)]
pub(super) struct CodeDirectory<'a> {
    raw: Bytes<'a>,
    pub(super) flags: u32,
    hashes: u64,
    pub(super) identifier: &'a [u8],
    pub(super) team: Option<&'a [u8]>,
    pub(super) special: u32,
    slots: u32,
    pub(super) code_limit: u64,
    pub(super) hash_size: u8,
    pub(super) hash_type: u8,
    /// Log2; 0 stands for one page that holds everything.
    page: u8,
    /// `execSegFlags`.
    pub(super) segment_flags: u64,
    /// `runtime`: the hardened runtime's version.
    pub(super) runtime: Option<u32>,
}

impl Signature {
    /// Compares every hash with the bytes of the slice that the signature was read from.
    pub(super) fn compare(mut self, slice: &Macho<'_>) -> Self {
        if self.state == SignatureState::NotCompared
            && let Ok(parts) = Parts::read(slice, self.offset, self.size)
        {
            self.state = parts.state(slice);
        }
        self
    }
}

/// Reads the signature of a slice; `None` where there is none.
pub(super) fn read(slice: &Macho<'_>) -> Option<Signature> {
    let (offset, size) = place(slice)?;
    let mut signature = Signature {
        kind: SignatureKind::AdHoc,
        identifier: String::new(),
        flags: 0,
        team: None,
        page_size: 0,
        entitlements: false,
        offset,
        size,
        state: SignatureState::NotCompared,
    };
    match Parts::read(slice, offset, size) {
        Ok(parts) => {
            signature.kind = parts.kind();
            signature.entitlements =
                [SLOT_ENTITLEMENTS, SLOT_DER_ENTITLEMENTS].iter().any(|slot| parts.blob(*slot).is_some());
            if let Some(directory) = parts.directories.first() {
                signature.identifier = escaped(directory.identifier);
                signature.flags = directory.flags;
                signature.team = directory.team.map(escaped);
                signature.page_size = directory.page_size();
            }
        }
        Err(error) => signature.state = SignatureState::Malformed(error.message().to_owned()),
    }
    Some(signature)
}

/// Where the signature of a slice lies.
pub(super) fn place(slice: &Macho<'_>) -> Option<(u64, u64)> {
    let command = slice.of_kind(CODE_SIGNATURE).next()?;
    Some((command.bytes.u32(8).ok()?.into(), command.bytes.u32(12).ok()?.into()))
}

impl<'a> Parts<'a> {
    /// Takes the signature at `offset` of a slice apart.
    ///
    /// # Errors
    /// `Malformed` if it leaves the slice, or one of its parts leaves it, or it has no code directory.
    pub(super) fn read(slice: &Macho<'a>, offset: u64, size: u64) -> Result<Self> {
        let bytes = Bytes::new(slice.bytes.slice(offset, size)?, Endian::Big);
        if bytes.u32(0)? != SUPER_BLOB {
            return Err(Error::malformed("the code signature has no magic number"));
        }
        let length = u64::from(bytes.u32(4)?);
        let bytes = Bytes::new(bytes.slice(0, length)?, Endian::Big);
        let count = bytes.u32(8)?;
        if count > MAX_PARTS {
            return Err(Error::malformed(format!("a code signature of {count} parts")));
        }
        let mut parts = Self { offset, blobs: Vec::new(), directories: Vec::new() };
        for index in 0..u64::from(count) {
            let (slot, at) = (bytes.u32(12 + index * 8)?, u64::from(bytes.u32(16 + index * 8)?));
            let blob = bytes.slice(at, u64::from(bytes.u32(at.saturating_add(4))?))?;
            if parts.blob(slot).is_some() {
                return Err(Error::malformed("the code signature has two parts for one slot"));
            }
            parts.blobs.push((slot, Bytes::new(blob, Endian::Big)));
        }
        let is_directory =
            |slot: u32| slot == SLOT_CODE_DIRECTORY || (SLOT_ALTERNATES..SLOT_ALTERNATES + 5).contains(&slot);
        parts.blobs.sort_by_key(|(slot, _)| *slot);
        for (slot, blob) in &parts.blobs {
            if is_directory(*slot) {
                parts.directories.push(CodeDirectory::read(*blob)?);
            }
        }
        if parts.blob(SLOT_CODE_DIRECTORY).is_none() {
            return Err(Error::malformed("the code signature has no code directory"));
        }
        Ok(parts)
    }

    /// Returns the part in a slot.
    pub(super) fn blob(&self, slot: u32) -> Option<Bytes<'a>> {
        self.blobs.iter().find(|(other, _)| *other == slot).map(|(_, blob)| *blob)
    }

    /// Returns who made it.
    pub(super) fn kind(&self) -> SignatureKind {
        // Ad hoc signatures may have the certificate's part too, but with nothing in it.
        if self.blob(SLOT_CMS).is_some_and(|blob| blob.len() > 8) {
            SignatureKind::Cms
        } else if self.directories.first().is_some_and(|directory| directory.flags & LINKER_SIGNED != 0) {
            SignatureKind::LinkerSigned
        } else {
            SignatureKind::AdHoc
        }
    }

    /// Compares every hash that was made with SHA-2.
    pub(super) fn state(&self, slice: &Macho<'_>) -> SignatureState {
        self.state_where(slice, |_| true)
    }

    /// Compares the hashes of the signature's own parts, and of those pages that `is_compared` picks by their place.
    pub(super) fn state_where(&self, slice: &Macho<'_>, is_compared: impl Fn(&Range<u64>) -> bool) -> SignatureState {
        let mut state = SignatureState::NotChecked;
        for directory in &self.directories {
            if directory.code_limit > self.offset {
                return SignatureState::Malformed("its code directory covers the signature itself".to_owned());
            }
            match directory.check(slice, self, &is_compared) {
                Ok(SignatureState::NotChecked) => {}
                Ok(SignatureState::Valid) => state = SignatureState::Valid,
                Ok(wrong) => return wrong,
                Err(error) => return SignatureState::Malformed(error.message().to_owned()),
            }
        }
        state
    }
}

impl<'a> CodeDirectory<'a> {
    fn read(raw: Bytes<'a>) -> Result<Self> {
        if raw.u32(0)? != CODE_DIRECTORY {
            return Err(Error::malformed("the code directory has no magic number"));
        }
        let version = raw.u32(8)?;
        let name = |at: u32| raw.c_string(u64::from(at), raw.len().min(u64::from(at).saturating_add(MAX_NAME)));
        let team = if version >= 0x2_0200 { raw.u32(48)? } else { 0 };
        let wide = if version >= 0x2_0300 { raw.u64(56)? } else { 0 };
        let limit = u64::from(raw.u32(32)?);
        let directory = Self {
            raw,
            flags: raw.u32(12)?,
            hashes: u64::from(raw.u32(16)?),
            identifier: name(raw.u32(20)?)?,
            team: if team == 0 { None } else { Some(name(team)?) },
            special: raw.u32(24)?,
            slots: raw.u32(28)?,
            code_limit: if wide == 0 { limit } else { wide },
            hash_size: raw.u8(36)?,
            hash_type: raw.u8(37)?,
            page: raw.u8(39)?,
            segment_flags: if version >= 0x2_0400 { raw.u64(80)? } else { 0 },
            runtime: if version >= 0x2_0500 { Some(raw.u32(88)?) } else { None },
        };
        // xnu takes pages of 4 and 16 KiB; 0 stands for one page that holds everything.
        if directory.page != 0 && !(12..=20).contains(&directory.page) {
            return Err(Error::malformed("the code directory has an absurd page size"));
        }
        if directory.code_limit.div_ceil(directory.page_size()) != u64::from(directory.slots) {
            return Err(Error::malformed("the code directory has not one hash for each page"));
        }
        raw.slice(directory.hashes, u64::from(directory.slots) * u64::from(directory.hash_size))?;
        let before = u64::from(directory.special).checked_mul(u64::from(directory.hash_size));
        if before.is_none_or(|before| before > directory.hashes) {
            return Err(Error::malformed("the code directory's special hashes lie outside it"));
        }
        Ok(directory)
    }

    /// Returns how many bytes one hash covers.
    fn page_size(&self) -> u64 {
        if self.page == 0 { self.code_limit.max(1) } else { 1 << self.page }
    }

    /// Returns the hash of a special slot, if there is one and it is not zero.
    pub(super) fn special_hash(&self, slot: u32) -> Option<&'a [u8]> {
        let before = u64::from(slot).checked_mul(u64::from(self.hash_size)).filter(|_| slot <= self.special)?;
        let hash = self.raw.slice(self.hashes.checked_sub(before)?, u64::from(self.hash_size)).ok()?;
        hash.iter().any(|byte| *byte != 0).then_some(hash)
    }

    /// Compares every hash with the bytes, those of pages where `is_compared` says so.
    fn check(
        &self,
        slice: &Macho<'_>,
        parts: &Parts<'_>,
        is_compared: impl Fn(&Range<u64>) -> bool,
    ) -> Result<SignatureState> {
        let Some(hasher) = Hasher::of(self.hash_type) else { return Ok(SignatureState::NotChecked) };
        let code = slice.bytes.slice(0, self.code_limit)?;
        let size = usize::from(self.hash_size);
        let hashes = self.raw.slice(self.hashes, u64::from(self.slots) * u64::from(self.hash_size))?;
        if size != hasher.size() {
            return Err(Error::malformed("the code directory's hashes have a wrong size"));
        }
        for (slot, what) in [
            (SLOT_REQUIREMENTS, "requirements"),
            (SLOT_ENTITLEMENTS, "entitlements"),
            (SLOT_DER_ENTITLEMENTS, "entitlements"),
        ] {
            let right = match (parts.blob(slot), self.special_hash(slot)) {
                (Some(blob), Some(hash)) => hasher.is_hash(blob.data(), hash),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            if !right {
                return Ok(SignatureState::WrongPart(what));
            }
        }
        let page_size = usize::try_from(self.page_size()).unwrap_or(usize::MAX);
        let starts = (0..self.code_limit).step_by(page_size);
        let pages = starts.zip(code.chunks(page_size).zip(hashes.chunks_exact(size)));
        let mut wrong = pages.enumerate().filter(|(_, (start, (page, hash)))| {
            is_compared(&(*start..start.saturating_add(page.len() as u64))) && !hasher.is_hash(page, hash)
        });
        Ok(match wrong.next() {
            None => SignatureState::Valid,
            Some((first, _)) => SignatureState::WrongPages { first: first as u64, count: 1 + wrong.count() as u64 },
        })
    }
}

/// The hash functions of `CS_HASHTYPE_*` that are compared; SHA-1 stands beside SHA-256 for old systems only.
#[derive(Clone, Copy)]
enum Hasher {
    Sha256,
    /// SHA-256, cut to 20 bytes.
    Sha256Short,
    Sha384,
}

impl Hasher {
    fn of(hash_type: u8) -> Option<Self> {
        match hash_type {
            SHA256 => Some(Hasher::Sha256),
            3 => Some(Hasher::Sha256Short),
            4 => Some(Hasher::Sha384),
            _ => None,
        }
    }

    fn size(self) -> usize {
        match self {
            Hasher::Sha256 => 32,
            Hasher::Sha256Short => 20,
            Hasher::Sha384 => 48,
        }
    }

    /// Whether `hash`, which may be cut, is that of the bytes.
    fn is_hash(self, bytes: &[u8], hash: &[u8]) -> bool {
        match self {
            Hasher::Sha256 | Hasher::Sha256Short => Sha256::digest(bytes).starts_with(hash),
            Hasher::Sha384 => Sha384::digest(bytes).starts_with(hash),
        }
    }
}
