//! How an ordinary OS thread sleeps in a greenroom wait: one futex word on its own stack.
//!
//! The mirror of a parked task: a waker sets the word under the lock of the queue it found the parker
//! in, then wakes the address. Subtle: the thread may have seen the word and returned before the
//! futex call comes; the kernel takes the address only as a key, so that is harmless.

use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::now_ns;
use crate::sys::futex;

const EMPTY: u32 = 0;
const WOKEN: u32 = 1;

/// A one-thread, many-wakers event.
#[derive(Debug)]
pub(crate) struct OsParker(AtomicU32);

impl OsParker {
    pub(crate) fn new() -> OsParker {
        OsParker(AtomicU32::new(EMPTY))
    }

    /// First half of a wake: makes `wait` return. The parker must be alive, so callers hold the lock
    /// of the queue it stands in; afterwards only its address may be used.
    pub(crate) fn set(&self) -> WakeAddress {
        // Release: pairs with the Acquire in `wait`. A swap, not a store: loom orders a plain store and
        // the swaps of `wait` only loosely, and would report wakes as lost that C11 keeps.
        self.0.swap(WOKEN, Ordering::Release);
        WakeAddress(&raw const self.0)
    }

    /// Sleeps until set or until the deadline; takes the event. `false`: the deadline passed.
    pub(crate) fn wait(&self, deadline_ns: u64) -> bool {
        loop {
            // Acquire: pairs with the Release in `set`.
            if self.0.swap(EMPTY, Ordering::AcqRel) == WOKEN {
                return true;
            }
            if now_ns() >= deadline_ns {
                return false;
            }
            futex::wait(&self.0, EMPTY, deadline_ns);
        }
    }
}

/// Where a thread may still sleep after its parker was set.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub(crate) struct WakeAddress(*const AtomicU32);

impl WakeAddress {
    /// Second half of a wake: outside the lock, because it is a system call.
    pub(crate) fn wake(self) {
        futex::wake_one(self.0);
    }
}
