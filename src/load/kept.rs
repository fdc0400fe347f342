//! `Kept`: what reading a wheel's binaries leaves for whoever needs their bytes once more.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::wheel::write::Sums;
use crate::wheel::{Member, MemberBytes, Wheel};

/// Unpacked bytes that are kept at most, all binaries together; with the budget of those that are worked on and with
/// what is packed anew they stay within the bounds that are promised.
const ROOM: u64 = 112 << 20;

/// Unpacked bytes of a wheel's binaries, and the digests of those that there was no room for.
///
/// A repair reads every binary, and then either changes it or lists its digest: either way it is unpacked only once.
#[derive(Debug, Default)]
pub struct Kept(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    room: u64,
    bytes: BTreeMap<String, MemberBytes>,
    digests: BTreeMap<String, [u8; 32]>,
}

impl Kept {
    /// Returns room for a wheel's binaries; where one alone would fill it, the others are not kept either.
    pub fn of(wheel: &Wheel) -> Self {
        let largest = wheel.members().iter().map(Member::size).max().unwrap_or(0);
        let room = if largest <= ROOM { ROOM } else { 0 };
        Self(Mutex::new(State { room, ..State::default() }))
    }

    /// Returns what has no bytes, but digests that somebody knows.
    pub fn digests<'a>(digests: impl IntoIterator<Item = (&'a str, [u8; 32])>) -> Self {
        let digests = digests.into_iter().map(|(member, digest)| (member.to_owned(), digest)).collect();
        Self(Mutex::new(State { digests, ..State::default() }))
    }

    /// Takes a member's bytes, or their digest; neither of what lies unpacked in the archive anyway.
    pub(super) fn keep(&self, member: &str, bytes: MemberBytes) {
        if bytes.is_mapped() {
            return;
        }
        let fits = {
            let mut state = self.lock();
            let left = state.room.checked_sub(bytes.len() as u64);
            state.room = left.unwrap_or(state.room);
            left.is_some()
        };
        if fits {
            self.lock().bytes.insert(member.to_owned(), bytes.uncounted());
        } else {
            let digest = Sums::of(&bytes).sha256;
            self.lock().digests.insert(member.to_owned(), digest);
        }
    }

    /// Gives a member's bytes away, if they were kept.
    pub fn take(&self, member: &str) -> Option<MemberBytes> {
        self.lock().bytes.remove(member)
    }

    /// Returns the SHA-256 of a member, if that or its bytes were kept; the bytes are gone then.
    pub fn digest(&self, member: &str) -> Option<[u8; 32]> {
        let bytes = self.take(member);
        match bytes {
            Some(bytes) => Some(Sums::of(&bytes).sha256),
            None => self.lock().digests.get(member).copied(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
