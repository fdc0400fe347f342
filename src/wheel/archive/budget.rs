//! `Budget`: how many bytes of unpacked members the process holds at one time.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// How long a reader waits without anything being given back before it goes on regardless.
///
/// Somebody who waits for this very reader would never give anything back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes that all readers of the process share.
///
/// One member that is larger than the whole budget gets through while nobody else holds anything. A thread that holds
/// bytes already is never made to wait for more, so that no two can wait for each other.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: u64,
    given_back: u64,
}

thread_local! {
    /// How many permits the thread holds.
    static HELD_HERE: Cell<usize> = const { Cell::new(0) };
}

/// Bytes that count as held until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: &'static Budget,
    bytes: u64,
}

impl Budget {
    /// What the process may hold: room for a few binaries on each core, far below the bounds that are promised.
    const DEFAULT: u64 = 160 << 20;

    /// Returns the budget of the process.
    pub fn global() -> &'static Budget {
        static GLOBAL: OnceLock<Budget> = OnceLock::new();
        GLOBAL.get_or_init(|| Budget { limit: Self::DEFAULT, state: Mutex::default(), freed: Condvar::new() })
    }

    /// Returns how many bytes are held now.
    pub fn held(&self) -> u64 {
        self.lock().held
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `bytes` more fit, and holds them: for what is made from a member, as large as itself.
    ///
    /// Take it before the member is read; a thread that holds a reservation is not made to wait for the next.
    #[must_use]
    pub fn reserve(&'static self, bytes: u64) -> Reservation {
        let fits =
            |state: &State| state.held == 0 || state.held.checked_add(bytes).is_some_and(|held| held <= self.limit);
        let holds_some = HELD_HERE.with(|held| held.get() > 0);
        let mut state = self.lock();
        while !holds_some && !fits(&state) {
            let before = state.given_back;
            let (woken, wait) = self.freed.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if wait.timed_out() && state.given_back == before {
                break;
            }
        }
        state.held = state.held.saturating_add(bytes);
        drop(state);
        HELD_HERE.with(|held| held.set(held.get().saturating_add(1)));
        Reservation { budget: self, bytes }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        HELD_HERE.with(|held| held.set(held.get().saturating_sub(1)));
        let mut state = self.budget.lock();
        state.held = state.held.saturating_sub(self.bytes);
        state.given_back = state.given_back.wrapping_add(1);
        drop(state);
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn budget(limit: u64) -> &'static Budget {
        Box::leak(Box::new(Budget { limit, state: Mutex::default(), freed: Condvar::new() }))
    }

    #[test]
    fn threads_together_stay_within_the_limit_and_a_giant_goes_alone() {
        let budget = budget(100);
        let most = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for number in 0..8_u64 {
                let most = &most;
                scope.spawn(move || {
                    for round in 0..50 {
                        let bytes = if (number, round) == (3, 25) { 1000 } else { 30 };
                        let permit = budget.reserve(bytes);
                        let held = budget.held();
                        assert!(held <= 100 || held == 1000, "{held}");
                        most.fetch_max(held, Ordering::Relaxed);
                        drop(permit);
                    }
                });
            }
        });
        assert_eq!((budget.held(), most.load(Ordering::Relaxed)), (0, 1000));
    }

    #[test]
    fn a_thread_that_holds_bytes_is_not_made_to_wait() {
        let budget = budget(100);
        let first = budget.reserve(90);
        let second = budget.reserve(90);
        assert_eq!(budget.held(), 180);
        drop((first, second));
        assert_eq!(budget.held(), 0);
    }
}
