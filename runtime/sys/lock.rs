//! The runtime's own mutual exclusion, for sections of a few instructions.
//!
//! Never held across a fiber switch, never visible to users (their lock is `sync::Mutex`, which parks
//! the green thread). Built on std's futex mutex rather than `parking_lot`: both cost one CAS each
//! way, and this one costs no crate in the dozen that a cold clone compiles. Poisoning is ignored on
//! purpose: no code that may panic runs inside.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mutex without poisoning.
#[derive(Default)]
pub(crate) struct Lock<T: ?Sized>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Lock<T> {
        Lock(Mutex::new(value))
    }
}

impl<T: ?Sized> Lock<T> {
    /// Takes the lock; blocks the OS thread for the few instructions another holder needs.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock if nobody holds it: for `Debug` and dumps, which must never wait.
    #[expect(
        dead_code,
        reason = "the inspector's snapshots use it; kept with its lock"
    )]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

impl<T: ?Sized> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock { .. }")
    }
}
