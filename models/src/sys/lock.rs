//! Stands in for `runtime/sys/lock.rs`: loom's mutex.
//!
//! Orders what happens under it as the real one does, and nothing more: loom 0.7 does not make it a
//! `SeqCst` fence, which would hide a missing one.

use loom::sync::{Mutex, MutexGuard};
use std::fmt;
use std::sync::PoisonError;

/// A mutex without poisoning.
pub(crate) struct Lock<T: ?Sized>(Mutex<T>);

impl<T> Lock<T> {
    /// Not `const` as the library's: loom counts the locks of an execution.
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock(Mutex::new(value))
    }
}

impl<T: ?Sized> Lock<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock { .. }")
    }
}
