//! Stands in for `runtime/sys/lock.rs`: loom's mutex. The shipped lock has models of its own.
//!
//! Orders what happens under it as the real one does, and nothing more: loom 0.7 does not make it a
//! `SeqCst` fence, which would hide a missing one. Its guard lies in the lock while it is held, since
//! a select holds gates without guards.
#![expect(unsafe_code, reason = "a cell that is reached under a lock")]

use loom::sync::{Mutex, MutexGuard};
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// As the original.
pub(crate) trait Gate {
    fn acquire(&self);

    /// # Safety
    /// As the original's.
    unsafe fn release(&self);
}

/// A mutex without poisoning.
pub(crate) struct Lock<T: ?Sized> {
    /// Reached by the holder only. Before the mutex, so that it is dropped before.
    held: UnsafeCell<Option<MutexGuard<'static, ()>>>,
    mutex: Mutex<()>,
    value: UnsafeCell<T>,
}

impl<T> Lock<T> {
    /// Not `const` as the library's: loom counts the locks of an execution.
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock {
            held: UnsafeCell::new(None),
            mutex: Mutex::new(()),
            value: UnsafeCell::new(value),
        }
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Lock<T> {
    pub(crate) fn lock(&self) -> LockGuard<'_, T> {
        self.acquire();
        LockGuard { lock: self }
    }

    pub(crate) fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        let guard = self.mutex_for_ever().try_lock().ok()?;
        self.keep(guard);
        Some(LockGuard { lock: self })
    }

    pub(crate) fn as_ptr(&self) -> *mut T {
        self.value.get()
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    fn mutex_for_ever(&self) -> &'static Mutex<()> {
        let mutex = &raw const self.mutex;
        // SAFETY: a guard of it lies in the lock and does not outlive it, and a lock that is held does
        // not move.
        unsafe { &*mutex }
    }

    fn keep(&self, guard: MutexGuard<'static, ()>) {
        // SAFETY: the caller holds the mutex.
        unsafe { *self.held.get() = Some(guard) };
    }
}

impl<T: ?Sized> Gate for Lock<T> {
    fn acquire(&self) {
        let guard = self.mutex_for_ever().lock();
        self.keep(guard.expect("because loom does not poison"));
    }

    unsafe fn release(&self) {
        // SAFETY: the caller holds the mutex.
        let held = unsafe { (*self.held.get()).take() };
        assert!(held.is_some(), "a lock was given back that nobody held");
    }
}

impl<T: ?Sized> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock { .. }")
    }
}

/// Holds a [`Lock`] until it is dropped.
pub(crate) struct LockGuard<'a, T: ?Sized> {
    lock: &'a Lock<T>,
}

impl<T: ?Sized> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock, and is borrowed exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for LockGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: taken when the guard was made, given back once.
        unsafe { self.lock.release() };
    }
}
