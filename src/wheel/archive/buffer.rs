//! `Buffer`: room for a member's unpacked bytes; the last large one given back is there for the next.

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

/// Smaller ones the allocator has at hand anyway.
const LARGE: usize = 16 << 20;
/// Larger ones are given back to the system.
const LARGEST: usize = 128 << 20;

/// A large buffer that nobody uses: the system makes new pages one by one, and each costs as much as to unpack it.
static SPARE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Room for a member's unpacked bytes.
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    /// Returns room for `size` bytes, whatever is in it.
    pub(super) fn new(size: usize) -> Self {
        let spare = match size {
            LARGE..=LARGEST => std::mem::take(&mut *SPARE.lock().unwrap_or_else(PoisonError::into_inner)),
            _ => Vec::new(),
        };
        if spare.capacity() < size {
            // Zeroed pages are the system's until they are written, so a lying size costs nothing.
            return Self(vec![0; size]);
        }
        let mut bytes = spare;
        bytes.resize(size, 0);
        Self(bytes)
    }

    /// Returns what is unpacked already.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, which never come back here.
    pub(super) fn into_vec(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    pub(super) fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if (LARGE..=LARGEST).contains(&self.0.capacity()) {
            let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
            if spare.capacity() < self.0.capacity() {
                *spare = std::mem::take(&mut self.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_a_buffer_is_overwritten_or_cut_off() {
        let mut first = Buffer::new(LARGE + 10);
        first.as_mut().fill(7);
        drop(first);
        for size in [LARGE, LARGE + 10, LARGE + 11, 5, LARGEST + 1] {
            assert_eq!(Buffer::new(size).len(), size);
        }
        assert_eq!(Buffer::of(vec![1, 2]).into_vec(), [1, 2]);
    }
}
