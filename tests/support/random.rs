//! Seeded random numbers and mutations: the same on every run.

/// A small generator (xorshift64*), good enough to choose bytes.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `bound`, 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound.max(1)
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Changes, drops or repeats bytes in a few places, most often at or after one of `places`.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>, places: &[usize]) {
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                return;
            }
            let mut at = self.below(bytes.len());
            if !places.is_empty() && self.below(4) != 0 {
                at = (self.pick(places) + self.below(50)).min(bytes.len() - 1);
            }
            let end = (at + 1 + self.below(40)).min(bytes.len());
            match self.below(8) {
                0..=2 => bytes[at] = self.pick(&[0, 1, 2, 8, 0x7f, 0x80, 0xff, b'\n', b'"', b',', b'/', b'.']),
                3 => bytes[at] ^= 1 << self.below(8),
                4 => bytes[at] = bytes[at].wrapping_add(1),
                5 => drop(bytes.drain(at..end)),
                6 => {
                    let copy = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, copy);
                }
                _ => bytes.truncate(at),
            }
        }
    }
}
