//! `Digests`: SHA-256 of members that one wheel after the other holds packed alike.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::wheel::{Member, Method, Wheel};

/// Smaller members are unpacked about as fast as they are looked up.
const WORTH: u64 = 64 << 10;

/// Digests of large members by their packed bytes: data and headers are mostly the same in all wheels of a release.
///
/// What neither of the last two wheels holds is forgotten.
#[derive(Debug, Default)]
pub(super) struct Digests(Option<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    last: HashMap<Packed, [u8; 32]>,
    own: HashMap<Packed, [u8; 32]>,
}

/// A member as it is packed; two that are alike unpack to the same, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Packed {
    sha256: [u8; 32],
    method: Method,
    crc32: u32,
    size: u64,
}

impl Digests {
    /// Returns none that are known, and keeps those that are asked for.
    pub(super) fn kept() -> Self {
        Self(Some(Mutex::default()))
    }

    /// Forgets those that the last wheel did not ask for.
    pub(super) fn next_wheel(&self) {
        if let Some(mut state) = self.lock() {
            state.last = std::mem::take(&mut state.own);
        }
    }

    /// Returns the SHA-256 of a member's unpacked bytes.
    ///
    /// # Errors
    /// As [`Wheel::digest`].
    pub(super) fn of(&self, wheel: &Wheel, member: &Member) -> Result<[u8; 32]> {
        if self.0.is_none() || member.size() < WORTH {
            return Ok(wheel.digest(member)?.0);
        }
        let packed = Packed {
            sha256: Sha256::digest(wheel.packed(member)?).into(),
            method: member.method(),
            crc32: member.crc32(),
            size: member.size(),
        };
        let known = self.lock().and_then(|state| state.own.get(&packed).or(state.last.get(&packed)).copied());
        let digest = match known {
            Some(digest) => digest,
            None => wheel.digest(member)?.0,
        };
        if let Some(mut state) = self.lock() {
            state.own.insert(packed, digest);
        }
        Ok(digest)
    }

    fn lock(&self) -> Option<MutexGuard<'_, State>> {
        self.0.as_ref().map(|state| state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wheel::DosTime;
    use crate::wheel::write::{Content, Output, OutputMember, Payload};

    fn known(digests: &Digests) -> [usize; 2] {
        let state = digests.lock().unwrap();
        [state.last.len(), state.own.len()]
    }

    #[test]
    fn digests_are_those_of_the_bytes_and_last_as_long_as_wheels_ask() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = |texts: &[&[u8]]| {
            let member = |(number, text): (usize, &&[u8])| {
                let payload = Payload::pack(text, 6, folder.path()).unwrap();
                OutputMember::new(format!("{number}"), Content::New(payload), 0, DosTime::EPOCH)
            };
            let mut members: Vec<OutputMember<'_>> = texts.iter().enumerate().map(member).collect();
            let path = folder.path().join(texts.len().to_string());
            Wheel::open(&Output::write(&path, &mut members, None).unwrap().publish().unwrap()).unwrap()
        };
        let (one, two) = (b"one".repeat(50_000), b"two".repeat(50_000));
        let digests = Digests::kept();
        let ask = |wheel: &Wheel| {
            digests.next_wheel();
            for member in wheel.members() {
                let expected: [u8; 32] = Sha256::digest(&*wheel.read(member).unwrap()).into();
                assert_eq!(digests.of(wheel, member).unwrap(), expected);
            }
            known(&digests)
        };
        let (both, single) = (wheel(&[&one, &two]), wheel(&[&two]));
        // The same bytes under another name are known; small ones are nobody's concern.
        assert_eq!(ask(&both), [0, 2]);
        assert_eq!(ask(&single), [2, 1]);
        assert_eq!(ask(&wheel(&[b"small", &one, &two])), [1, 2]);
        // Where no wheel follows nothing is kept.
        let alone = Digests::default();
        assert_eq!(alone.of(&both, &both.members()[0]).unwrap(), <[u8; 32]>::from(Sha256::digest(&one)));
        assert!(alone.lock().is_none());
    }
}
