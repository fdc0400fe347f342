//! Signing without a certificate, the same bytes on every host.
//!
//! What linkers emit: one code directory of version 0x20400 with SHA-256 of each 4096 bytes. What an older signature says
//! beyond the pages (identifier, flags, entitlements) is kept, or told to be lost.

use sha2::{Digest, Sha256};

use super::read::Macho;
use super::signature::{
    AD_HOC, CODE_DIRECTORY, LINKER_SIGNED, Parts, RUNTIME, SHA256, SLOT_CODE_DIRECTORY, SLOT_DER_ENTITLEMENTS,
    SLOT_ENTITLEMENTS, SLOT_REQUIREMENTS, SUPER_BLOB, SignatureKind,
};
use crate::error::{Error, Result};
use crate::format::bytes::{align_up, escaped};

/// Bytes that one hash covers: linkers use 4096 on arm64 too, whatever the system's pages are.
const PAGE: usize = 4096;
/// `CS_EXECSEG_MAIN_BINARY`.
const MAIN_BINARY: u64 = 1;
/// `CS_REQUIRE_LV`: only libraries of the same team are loaded, and an ad hoc signature has no team.
const LIBRARY_VALIDATION: u32 = 0x2000;
/// `CSSLOT_INFOSLOT` and `CSSLOT_RESOURCEDIR`: hashes of files beside the binary.
const OUTSIDE_SLOTS: [u32; 2] = [1, 3];

/// A signature to be made.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    identifier: Vec<u8>,
    flags: u32,
    segment_flags: u64,
    runtime: Option<u32>,
    /// Parts to keep, by slot: requirements and entitlements.
    parts: Vec<(u32, Vec<u8>)>,
    /// Hashes of what lies outside the signature, by slot.
    outside: Vec<(u32, [u8; 32])>,
    /// What is lost, phrases.
    pub(super) lost: Vec<String>,
}

impl Plan {
    /// Plans the signature of a slice after what is there; `name` is the identifier where nothing gives one.
    pub(super) fn new(old: Option<&Parts<'_>>, name: &str, is_program: bool) -> Self {
        let main = if is_program { MAIN_BINARY } else { 0 };
        let mut plan = Self {
            identifier: name.as_bytes().to_vec(),
            flags: AD_HOC | LINKER_SIGNED,
            segment_flags: main,
            runtime: None,
            parts: Vec::new(),
            outside: Vec::new(),
            lost: Vec::new(),
        };
        let Some((old, directory)) = old.and_then(|old| Some((old, old.directories.first()?))) else { return plan };
        plan.identifier = directory.identifier.to_vec();
        // Bits above the lowest say what entitlements allow.
        plan.segment_flags = directory.segment_flags & !MAIN_BINARY | main;
        let kind = old.kind();
        plan.flags = directory.flags | AD_HOC;
        plan.runtime = directory.runtime.filter(|_| directory.flags & RUNTIME != 0);
        if kind == SignatureKind::Cms {
            let by = directory.team.map(|team| format!(" of team `{}`", escaped(team))).unwrap_or_default();
            plan.lost.push(format!("the signature{by} by certificate is replaced by an ad hoc one"));
            if plan.flags & LIBRARY_VALIDATION != 0 {
                plan.flags &= !LIBRARY_VALIDATION;
                plan.lost.push("the flag for library validation, which needs a certificate, is dropped".to_owned());
            }
        }
        for (slot, blob) in &old.blobs {
            let is_kept = match *slot {
                // What a certificate's requirements ask no ad hoc signature meets.
                SLOT_REQUIREMENTS => kind != SignatureKind::Cms,
                SLOT_ENTITLEMENTS | SLOT_DER_ENTITLEMENTS => true,
                _ => false,
            };
            if is_kept {
                plan.parts.push((*slot, blob.data().to_vec()));
            }
        }
        for slot in OUTSIDE_SLOTS {
            // Of several directories, one with SHA-256 has hashes that can be kept.
            let hashes = old.directories.iter().filter(|directory| directory.hash_type == SHA256);
            let hash = hashes.clone().find_map(|directory| <[u8; 32]>::try_from(directory.special_hash(slot)?).ok());
            match hash {
                Some(hash) => plan.outside.push((slot, hash)),
                None if directory.special_hash(slot).is_some() => {
                    plan.lost.push("the hash of a file beside the binary, made with SHA-1, is dropped".to_owned());
                }
                None => {}
            }
        }
        plan
    }

    fn header_size(&self) -> u64 {
        if self.runtime.is_some() { 96 } else { 88 }
    }

    fn special(&self) -> u64 {
        let parts = self.parts.iter().map(|(slot, _)| *slot);
        parts.chain(self.outside.iter().map(|(slot, _)| *slot)).max().unwrap_or(0).into()
    }

    fn directory_size(&self, code_limit: u64) -> u64 {
        let hashes = self.special() + code_limit.div_ceil(PAGE as u64);
        self.header_size() + self.identifier.len() as u64 + 1 + 32 * hashes
    }

    /// Returns the size of the signature of so many bytes, a multiple of 16.
    ///
    /// # Errors
    /// `Unsupported` if it is larger than a file can be.
    pub(super) fn size(&self, code_limit: u64) -> Result<u32> {
        let index = 12 + 8 * (1 + self.parts.len() as u64);
        let parts: u64 = self.parts.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        align_up(index + self.directory_size(code_limit) + parts, 16)
            .and_then(|size| u32::try_from(size).ok())
            .ok_or_else(|| Error::unsupported("the file is too large for a code signature"))
    }

    /// Makes the signature of `code`, which ends where the signature begins; `text` is the place of `__TEXT`.
    ///
    /// # Errors
    /// `Unsupported` if the file is too large.
    pub(super) fn make(&self, code: &[u8], text: (u64, u64)) -> Result<Vec<u8>> {
        let code_limit = code.len() as u64;
        let size = self.size(code_limit)?;
        let too_large = |_| Error::unsupported("the file is too large for a code signature");
        let short = |value: u64| u32::try_from(value).map_err(too_large);
        let directory_size = self.directory_size(code_limit);
        let special = self.special();
        let mut out = Writer(Vec::with_capacity(size as usize));
        // The index, the code directory first.
        let start = 12 + 8 * (1 + self.parts.len() as u64);
        let parts: u64 = self.parts.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        out.numbers([SUPER_BLOB, short(start + directory_size + parts)?, short(1 + self.parts.len() as u64)?]);
        out.numbers([SLOT_CODE_DIRECTORY, short(start)?]);
        let mut at = start + directory_size;
        for (slot, bytes) in &self.parts {
            out.numbers([*slot, short(at)?]);
            at += bytes.len() as u64;
        }
        // The code directory.
        let identifier = self.header_size();
        let hashes = identifier + self.identifier.len() as u64 + 1 + 32 * special;
        let version = if self.runtime.is_some() { 0x2_0500 } else { 0x2_0400 };
        out.numbers([CODE_DIRECTORY, short(directory_size)?, version, self.flags, short(hashes)?, short(identifier)?]);
        out.numbers([
            short(special)?,
            short(code_limit.div_ceil(PAGE as u64))?,
            u32::try_from(code_limit).unwrap_or(u32::MAX),
        ]);
        out.0.extend([32, SHA256, 0, 12]);
        // spare2, scatterOffset, teamOffset, spare3.
        out.numbers([0, 0, 0, 0]);
        out.wide(if code_limit > u64::from(u32::MAX) { code_limit } else { 0 });
        out.wide(text.0);
        out.wide(text.1);
        out.wide(self.segment_flags);
        if let Some(runtime) = self.runtime {
            // No hashes from before an encryption.
            out.numbers([runtime, 0]);
        }
        out.0.extend_from_slice(&self.identifier);
        out.0.push(0);
        for slot in (1..=special).rev() {
            let outside = self.outside.iter().find(|(other, _)| u64::from(*other) == slot).map(|(_, hash)| *hash);
            let part = self.parts.iter().find(|(other, _)| u64::from(*other) == slot);
            let hash = outside.or_else(|| part.map(|(_, bytes)| Sha256::digest(bytes).into()));
            out.0.extend_from_slice(&hash.unwrap_or_default());
        }
        for pages in code.chunks(16 * PAGE) {
            // SHA-256 waits for each line of memory; one look at all of them does not.
            std::hint::black_box(pages.iter().step_by(64).fold(0, |all, byte| all | byte));
            for page in pages.chunks(PAGE) {
                out.0.extend_from_slice(&Sha256::digest(page));
            }
        }
        for (_, bytes) in &self.parts {
            out.0.extend_from_slice(bytes);
        }
        out.0.resize(size as usize, 0);
        Ok(out.0)
    }
}

/// Returns the identifier of a slice that has no signature: the last part of its install name, or its UUID.
pub(super) fn identifier(identity: Option<&str>, slice: &Macho<'_>) -> String {
    let leaf = identity.and_then(|name| name.rsplit('/').next()).filter(|leaf| !leaf.is_empty());
    let uuid = || slice.of_kind(0x1b).find_map(|command| command.bytes.array::<16>(8).ok());
    match leaf {
        Some(leaf) => leaf.to_owned(),
        None => match uuid() {
            Some(uuid) => uuid.iter().map(|byte| format!("{byte:02x}")).collect(),
            None => "truewheel".to_owned(),
        },
    }
}

/// Big-endian output.
struct Writer(Vec<u8>);

impl Writer {
    fn numbers<const N: usize>(&mut self, numbers: [u32; N]) {
        for number in numbers {
            self.0.extend(number.to_be_bytes());
        }
    }

    fn wide(&mut self, number: u64) {
        self.0.extend(number.to_be_bytes());
    }
}
