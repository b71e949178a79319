//! The runtime's own lock: one holder at a time, who sees what the one before did.

use crate::check::{Seen, exhaust_up_to};
use crate::sys::word_lock::Lock;
use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;

/// A count that loom sees every use of.
type Count = UnsafeCell<u32>;

#[expect(unsafe_code, reason = "loom's cell checks what the lock is for")]
fn count_up(count: &Count) {
    // SAFETY: the caller holds the lock; loom reports if that is not enough.
    count.with_mut(|count| unsafe { *count += 1 });
}

#[expect(unsafe_code, reason = "as above")]
fn counted(count: &Count) -> u32 {
    // SAFETY: as in `count_up`.
    count.with(|count| unsafe { *count })
}

/// Two threads, one of which comes twice.
pub fn two_holders() {
    exhaust_up_to(3, move || {
        let lock = Arc::new(Lock::new(Count::new(0)));
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || count_up(&lock.lock()))
        };
        count_up(&lock.lock());
        count_up(&lock.lock());
        other.join().expect("a holder does not panic");
        assert_eq!(counted(&lock.lock()), 3);
    });
}

/// Somebody who only tries: he gets it or not, and leaves it alone if not.
pub fn try_against_a_holder() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(3, move || {
        let lock = Arc::new(Lock::new(Count::new(0)));
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || count_up(&lock.lock()))
        };
        let tries = [0, 1].map(|_| {
            let guard = lock.try_lock();
            guard.inspect(|guard| count_up(guard)).is_some()
        });
        other.join().expect("a holder does not panic");
        let taken = tries.iter().filter(|taken| **taken).count();
        let taken = u32::try_from(taken).expect("because it is two at most");
        assert_eq!(counted(&lock.lock()), 1 + taken);
        outcomes.note(taken);
    });
    seen.assert_all(3);
}
