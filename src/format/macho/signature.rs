//! The code signature: what it claims, and whether the bytes are those it was made of.

use super::read::Macho;

/// `LC_CODE_SIGNATURE`.
pub(super) const CODE_SIGNATURE: u32 = 0x1d;

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
    /// There are hashes of other kinds only (SHA-1): nothing was compared.
    NotChecked,
    /// It cannot be read, with the reason: the system refuses such a file.
    Malformed(String),
}

/// Reads the signature of a slice, and compares every hash where `verify` is asked.
pub(super) fn read(_slice: &Macho<'_>) -> Option<Signature> {
    None
}
