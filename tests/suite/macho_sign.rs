//! Ad hoc signatures: made the same everywhere, keeping what an older one said, and checked by another way of reading.

use sha2::{Digest, Sha256};
use truewheel::format::macho::{Signature, SignatureKind, SignatureState};
use truewheel::format::{self, Edit, Edited};

use crate::macho_edit::{add_rpath, edit, refusal};
use crate::macho_facts::{fixtures, inspect, one, slice};
use crate::support::fixture;
use crate::support::macho_raw::RawMacho;

fn signature(bytes: &[u8]) -> Signature {
    one(bytes).macho().unwrap().signature.clone().unwrap()
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// What the signature at the end of a slice holds: slots with their parts.
fn parts(bytes: &[u8], at: usize) -> Vec<(usize, Vec<u8>)> {
    let blob = &bytes[at..];
    assert_eq!(number(blob, 0), 0xfade_0cc0);
    let part = |index: usize| {
        let (slot, place) = (number(blob, 12 + 8 * index), number(blob, 16 + 8 * index));
        (slot, blob[place..place + number(blob, place + 4)].to_vec())
    };
    (0..number(blob, 8)).map(part).collect()
}

/// Compares every hash of a signature, with nothing of the crate's but SHA-256 itself.
fn assert_true(bytes: &[u8], at: usize) {
    let parts = parts(bytes, at);
    let directory = &parts.iter().find(|(slot, _)| *slot == 0).unwrap().1;
    let (hashes, special, pages, limit) =
        (number(directory, 16), number(directory, 24), number(directory, 28), number(directory, 32));
    assert_eq!((limit, directory[36..40].to_vec()), (at, vec![32, 2, 0, 12]));
    assert_eq!(pages, limit.div_ceil(4096));
    for (page, code) in bytes[..limit].chunks(4096).enumerate() {
        let hash = &directory[hashes + 32 * page..hashes + 32 * (page + 1)];
        assert_eq!(hash, &Sha256::digest(code)[..], "page {page}");
    }
    for slot in 1..=special {
        let hash = &directory[hashes - 32 * slot..hashes - 32 * (slot - 1)];
        match parts.iter().find(|(other, _)| *other == slot) {
            Some((_, part)) => assert_eq!(hash, &Sha256::digest(part)[..], "slot {slot}"),
            None if slot == 1 => {}
            None => assert_eq!(hash, [0; 32], "slot {slot}"),
        }
    }
    assert_eq!(directory.len(), number(directory, 4));
}

/// A signature to put into a file: its code directory and other parts.
struct Old {
    flags: u32,
    runtime: Option<u32>,
    hash_type: u8,
    parts: Vec<(u32, Vec<u8>)>,
    team: Option<&'static str>,
}

impl Default for Old {
    fn default() -> Self {
        Self { flags: 2, runtime: None, hash_type: 2, parts: Vec::new(), team: None }
    }
}

fn part(magic: u32, payload: &[u8]) -> Vec<u8> {
    [&magic.to_be_bytes()[..], &(8 + payload.len() as u32).to_be_bytes(), payload].concat()
}

impl Old {
    /// Signs the file of `spec`; every hash is right.
    fn sign(&self, spec: &RawMacho) -> Vec<u8> {
        let mut spec = spec.clone();
        spec.linkedit.resize(64, 1);
        let place = spec.commands.len();
        spec.commands.push(spec.command(0x1d, &spec.words(&[0, 0])));
        let limit = spec.linkedit_offset() + 64;
        let size = self.blob(&vec![0; limit]).len();
        spec.commands[place] = spec.command(0x1d, &spec.words(&[limit as u32, size as u32]));
        spec.linkedit.resize(64 + size, 0);
        let mut bytes = spec.build();
        let blob = self.blob(&bytes[..limit]);
        bytes[limit..].copy_from_slice(&blob);
        bytes
    }

    fn blob(&self, code: &[u8]) -> Vec<u8> {
        let identifier = b"org.example.old\0";
        let header = if self.runtime.is_some() { 96 } else { 88 };
        let special = self.parts.iter().map(|(slot, _)| *slot).filter(|slot| *slot < 16).max().unwrap_or(0);
        let size = if self.hash_type == 1 { 20 } else { 32 };
        let hash = |bytes: &[u8]| Sha256::digest(bytes)[..size].to_vec();
        let team = self.team.map(|team| [team.as_bytes(), b"\0"].concat()).unwrap_or_default();
        let team_at = if team.is_empty() { 0 } else { header + identifier.len() };
        let hashes = header + identifier.len() + team.len() + size * special as usize;
        let pages = code.len().div_ceil(4096);
        let version = if self.runtime.is_some() { 0x2_0500 } else { 0x2_0400 };
        let length = hashes + size * pages;
        let mut directory = Vec::new();
        for number in [
            0xfade_0c02,
            length as u32,
            version,
            self.flags,
            hashes as u32,
            header as u32,
            special,
            pages as u32,
            code.len() as u32,
        ] {
            directory.extend(number.to_be_bytes());
        }
        directory.extend([size as u8, self.hash_type, 0, 12]);
        directory.extend([0, 0, team_at as u32, 0].map(u32::to_be_bytes).concat());
        directory.resize(88, 0);
        directory.extend(self.runtime.iter().flat_map(|runtime| [*runtime, 0]).flat_map(u32::to_be_bytes));
        directory.extend(identifier);
        directory.extend(team);
        for slot in (1..=special).rev() {
            let bytes = self.parts.iter().find(|(other, _)| *other == slot).map(|(_, bytes)| hash(bytes));
            directory.extend(bytes.unwrap_or(vec![0; size]));
        }
        directory.extend(code.chunks(4096).flat_map(hash));
        let all: Vec<(u32, &[u8])> = [(0, directory.as_slice())]
            .into_iter()
            .chain(self.parts.iter().map(|(slot, part)| (*slot, part.as_slice())))
            .collect();
        let mut index = Vec::new();
        let mut at = 12 + 8 * all.len();
        for (slot, bytes) in &all {
            index.extend([*slot, at as u32].map(u32::to_be_bytes).concat());
            at += bytes.len();
        }
        let mut blob = [0xfade_0cc0, at as u32, all.len() as u32].map(u32::to_be_bytes).concat();
        blob.extend(index);
        blob.extend(all.iter().flat_map(|(_, bytes)| bytes.to_vec()));
        blob
    }
}

fn edited(old: &Old) -> (Vec<u8>, Edited) {
    let bytes = old.sign(&RawMacho::default());
    assert_eq!(
        signature(&bytes).state,
        if old.hash_type == 2 { SignatureState::Valid } else { SignatureState::NotChecked }
    );
    let edited = edit(&bytes, [add_rpath("@loader_path")]);
    let made = signature(&edited.bytes);
    assert_eq!(made.state, SignatureState::Valid);
    assert_true(&edited.bytes, made.offset as usize);
    (bytes, edited)
}

#[test]
fn what_was_signed_is_signed_again_and_every_hash_is_true() {
    for (name, bytes) in fixtures() {
        let edited = edit(&bytes, [Edit::RemoveSearchPath("@loader_path".into()), Edit::SetMinVersion("12.0".into())]);
        for image in inspect(&edited.bytes) {
            let made = image.macho().unwrap().signature.clone();
            if let Some(made) = made {
                assert_true(slice(&edited.bytes, &image), made.offset as usize);
                assert_eq!((made.kind, made.flags), (SignatureKind::LinkerSigned, 0x20002), "{name}");
                assert_eq!(made.offset % 16, 0);
            }
        }
    }
}

#[test]
fn signing_needs_no_more_than_asking() {
    for folder in ["x86_64", "zig-x86_64"] {
        let bytes = fixture(&format!("macho/{folder}/libdep.dylib"));
        let edited = edit(&bytes, [Edit::Sign]);
        let made = signature(&edited.bytes);
        assert_eq!((made.identifier.as_str(), made.kind), ("libdep.dylib", SignatureKind::LinkerSigned));
        assert_true(&edited.bytes, made.offset as usize);
        assert!(edited.bytes.starts_with(&bytes[..4]) && edited.bytes.len().is_multiple_of(16));
        assert_eq!(edit(&edited.bytes, [Edit::Sign]).bytes, edited.bytes);
        assert_eq!(edit(&bytes, [Edit::Sign]).bytes, edited.bytes);
    }
    // What has no install name is called by its UUID.
    let bytes = fixture("macho/x86_64/_demo.so");
    let uuid = one(&bytes).macho().unwrap().uuid.unwrap();
    let expected: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature(&edit(&bytes, [Edit::Sign]).bytes).identifier, expected);
}

#[test]
fn a_valid_signature_is_not_touched() {
    for (name, bytes) in fixtures() {
        if inspect(&bytes).iter().all(|image| image.macho().unwrap().signature.is_some()) {
            assert_eq!(edit(&bytes, [Edit::Sign]).bytes, bytes, "{name}");
        }
    }
    let cms = Old {
        flags: 0x10000,
        runtime: Some(0xb0000),
        parts: vec![(0x10000, part(0xfade_0b01, &[9; 40]))],
        ..Old::default()
    };
    let bytes = cms.sign(&RawMacho::default());
    assert_eq!(signature(&bytes).kind, SignatureKind::Cms);
    let edited = edit(&bytes, [Edit::Sign]);
    assert_eq!(edited.bytes, bytes);
    assert!(edited.notes[0].contains("by certificate"), "{:?}", edited.notes);
}

#[test]
fn a_signature_that_is_not_true_is_found_and_made_anew() {
    let mut bytes = fixture("macho/arm64/libdemo.dylib");
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    bytes[place + 4096] ^= 1;
    let first = (place / 4096) as u64;
    assert_eq!(signature(&bytes).state, SignatureState::WrongPages { first, count: 2 });
    let unverified = format::inspect_unverified(&bytes).unwrap().remove(0);
    assert_eq!(unverified.macho().unwrap().signature.as_ref().unwrap().state, SignatureState::NotCompared);
    let edited = edit(&bytes, [Edit::Sign]);
    assert_eq!(signature(&edited.bytes).state, SignatureState::Valid);
    assert_eq!(edited.changes[0].what, "signature");
    let mut bytes = fixture("macho/arm64/libdemo.dylib");
    let at = signature(&bytes).offset as usize;
    bytes[at] = 0;
    assert!(matches!(signature(&bytes).state, SignatureState::Malformed(_)));
    let edited = edit(&bytes, [Edit::Sign]);
    assert_eq!(signature(&edited.bytes).state, SignatureState::Valid);
    assert!(edited.notes[0].contains("could not be read"), "{:?}", edited.notes);
}

#[test]
fn identifier_flags_and_entitlements_are_kept() {
    let entitlements = part(0xfade_7171, b"<plist/>");
    let der = part(0xfade_7172, &[0x70, 0]);
    let requirements = part(0xfade_0c01, &[0; 4]);
    let old = Old {
        flags: 0x10002,
        runtime: Some(0x000c_0300),
        parts: vec![(2, requirements.clone()), (5, entitlements.clone()), (7, der.clone())],
        ..Old::default()
    };
    let (before, edited) = edited(&old);
    let made = signature(&edited.bytes);
    assert_eq!((made.identifier.as_str(), made.flags, made.kind), ("org.example.old", 0x10002, SignatureKind::AdHoc));
    assert!(made.entitlements && signature(&before).entitlements);
    let kept = parts(&edited.bytes, made.offset as usize);
    assert_eq!(kept[1..], [(2, requirements), (5, entitlements), (7, der)]);
    assert_eq!(kept[0].1[88..96], [0x000c_0300_u32, 0].map(u32::to_be_bytes).concat());
    assert!(edited.notes.is_empty(), "{:?}", edited.notes);
    let (_, edited) = self::edited(&Old { flags: 0x20002, ..Old::default() });
    assert_eq!(signature(&edited.bytes).kind, SignatureKind::LinkerSigned);
}

#[test]
fn what_a_certificate_signed_is_told_to_be_lost() {
    let old = Old {
        flags: 0x12000,
        runtime: Some(0xb0000),
        parts: vec![
            (2, part(0xfade_0c01, &[1; 12])),
            (5, part(0xfade_7171, b"<plist/>")),
            (0x10000, part(0xfade_0b01, &[9; 40])),
        ],
        team: Some("TEAM123456"),
        ..Old::default()
    };
    let (before, edited) = edited(&old);
    assert_eq!(signature(&before).team.as_deref(), Some("TEAM123456"));
    let made = signature(&edited.bytes);
    assert_eq!((made.kind, made.flags, made.team.as_deref()), (SignatureKind::AdHoc, 0x10002, None));
    assert!(made.entitlements);
    assert_eq!(parts(&edited.bytes, made.offset as usize).iter().map(|(slot, _)| *slot).collect::<Vec<_>>(), [0, 5]);
    assert!(edited.notes.iter().any(|note| note.contains("TEAM123456")), "{:?}", edited.notes);
    assert!(edited.notes.iter().any(|note| note.contains("library validation")), "{:?}", edited.notes);
}

#[test]
fn a_wrong_part_of_a_signature_is_found() {
    let old = Old { parts: vec![(5, part(0xfade_7171, b"<plist/>"))], ..Old::default() };
    let mut bytes = old.sign(&RawMacho::default());
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert_eq!(signature(&bytes).state, SignatureState::WrongPart("entitlements"));
    let bytes = Old { hash_type: 1, ..Old::default() }.sign(&RawMacho::default());
    assert_eq!(signature(&bytes).state, SignatureState::NotChecked);
    assert_eq!(signature(&edit(&bytes, [Edit::Sign]).bytes).state, SignatureState::Valid);
}

#[test]
fn what_cannot_be_signed_is_refused() {
    // `__LINKEDIT` does not end the file.
    let arm = RawMacho::of(0x0100_000c, 0, false);
    let mut bytes = arm.build();
    bytes.extend([0; 16]);
    assert!(refusal(&bytes, [add_rpath("@loader_path")]).1.contains("does not reach"));
    // The old signature is not last.
    let mut spec = arm.clone();
    let place = spec.linkedit_offset() as u32;
    spec.commands.push(spec.command(0x1d, &spec.words(&[place, 16])));
    assert!(refusal(&spec.build(), [add_rpath("@loader_path")]).1.contains("not at the file's end"));
    let mut bytes = arm.build();
    let name = 32 + 152 + 8;
    bytes[name..name + 10].copy_from_slice(b"__OTHERED\0");
    assert!(refusal(&bytes, [add_rpath("@loader_path")]).1.contains("no `__LINKEDIT`"));
}

#[test]
fn what_is_for_a_device_is_left_to_the_app_s_build() {
    let mut spec = RawMacho::of(0x0100_000c, 0, false);
    spec.commands[2] = spec.version(2, 13 << 16, 17 << 16);
    assert!(one(&edit(&spec.build(), [add_rpath("@loader_path")]).bytes).macho().unwrap().signature.is_none());
    spec.commands[2] = spec.version(7, 14 << 16, 17 << 16);
    assert!(one(&edit(&spec.build(), [add_rpath("@loader_path")]).bytes).macho().unwrap().signature.is_some());
}
