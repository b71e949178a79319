//! Poisoning, as std does it: a panic while a lock is held marks what it guards as suspect.
//!
//! Unwinding by a cancellation or a deadline is no panic and marks nothing; `park/panics` tells them
//! apart. The result types are std's own.

use crate::park::panics::Mark;
use crate::sys::atomic::{AtomicU8, Ordering};
use std::sync::{LockResult, PoisonError};

/// Whether a lock is poisoned.
#[derive(Debug)]
pub(super) struct Flag(AtomicU8);

impl Flag {
    pub(super) const fn new() -> Flag {
        Flag(AtomicU8::new(0))
    }

    // Relaxed throughout: the lock itself orders what it guards, as in std.
    #[inline]
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    pub(super) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// At the end of a guard that was made at `mark`.
    #[inline]
    pub(super) fn done(&self, mark: Mark) {
        if mark.has_panic_since() {
            self.0.store(1, Ordering::Relaxed);
        }
    }

    /// `value`, or the same with a warning.
    #[inline]
    pub(super) fn wrap<T>(&self, value: T) -> LockResult<T> {
        if self.get() {
            Err(PoisonError::new(value))
        } else {
            Ok(value)
        }
    }
}
