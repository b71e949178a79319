//! The runtime's own mutual exclusion, for sections of a few instructions.
//!
//! Never held across a fiber switch, never visible to users (their lock is `sync::Mutex`, which parks
//! the green thread), and no user code runs inside. One word, free or held. Taking it is one
//! compare-and-swap; giving it back is a plain store, and wakes nobody. An OS thread that finds it held
//! looks again for a while, and then naps on the word for some microseconds at a time: a section is
//! over in nanoseconds, unless the kernel has taken the holder off its core, and then milliseconds pass
//! anyway.
//!
//! Rejected: std's mutex (and parking_lot's), which learns at the release whether somebody sleeps. That
//! is a second locked instruction, half of what a section costs (8 ns on some machines), in every park,
//! wake, put and get; and poisoning looks at the panic count twice. Also, a select holds several locks
//! of different types at once, in the order of their addresses, so a lock must work without a guard.
#![expect(unsafe_code, reason = "a cell that is reached under a lock")]

use super::atomic::{AtomicU32, Ordering};
use super::clock::now_ns;
use super::futex;
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

const FREE: u32 = 0;
const HELD: u32 = 1;

/// Looks before the first nap: the holder needs tens of nanoseconds, a nap takes 50 microseconds and
/// more.
const SPINS: u32 = 200;

/// The first nap; each further one is twice as long. Shorter ones cost more than they wait.
const NAP_NS: u64 = 20_000;

/// The longest nap, so that a lock that was long held is not found free much too late.
const NAP_NS_MAX: u64 = 200_000;

/// What a select needs of a lock whatever it guards.
pub(crate) trait Gate {
    /// Takes it; blocks the OS thread for the few instructions another holder needs.
    fn acquire(&self);

    /// Gives it back.
    ///
    /// # Safety
    /// The caller took it by `acquire` and has not given it back.
    unsafe fn release(&self);
}

/// A mutex without poisoning.
pub(crate) struct Lock<T: ?Sized> {
    word: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time.
unsafe impl<T: ?Sized + Send> Sync for Lock<T> {}
// SAFETY: the lock owns its value.
unsafe impl<T: ?Sized + Send> Send for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Lock<T> {
        Lock {
            word: AtomicU32::new(FREE),
            value: UnsafeCell::new(value),
        }
    }
}

impl<T: ?Sized> Lock<T> {
    /// Takes the lock; blocks the OS thread for the few instructions another holder needs.
    #[inline]
    pub(crate) fn lock(&self) -> LockGuard<'_, T> {
        self.acquire();
        LockGuard { lock: self }
    }

    /// Takes the lock if nobody holds it: for `Debug` and dumps, which must never wait.
    pub(crate) fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        self.try_acquire().then(|| LockGuard { lock: self })
    }

    /// Where the value is, for a caller that holds the lock by `acquire`.
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.value.get()
    }

    #[cold]
    fn acquire_slowly(&self) {
        let mut spins = 0;
        let mut nap_ns = NAP_NS;
        while !self.try_acquire() {
            if spins < SPINS {
                spins += 1;
                std::hint::spin_loop();
            } else {
                // Not woken by the holder: the kernel looks at the word once more, then lets time pass.
                futex::wait(&self.word, HELD, now_ns().saturating_add(nap_ns));
                nap_ns = (nap_ns * 2).min(NAP_NS_MAX);
                // One look per nap would lose for ever against somebody who takes it again and again.
                spins = 0;
            }
        }
    }

    #[inline]
    fn try_acquire(&self) -> bool {
        // The look first: a swap that fails takes the line away from the holder. Relaxed: only a look.
        // Acquire: pairs with the Release of `release`.
        self.word.load(Ordering::Relaxed) == FREE
            && self
                .word
                .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }
}

impl<T: ?Sized> Gate for Lock<T> {
    #[inline]
    fn acquire(&self) {
        if !self.try_acquire() {
            self.acquire_slowly();
        }
    }

    #[inline]
    unsafe fn release(&self) {
        // Release: what was done inside is visible to the next holder, who may free the lock: nothing
        // is touched after this.
        self.word.store(FREE, Ordering::Release);
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Lock<T> {
        Lock::new(T::default())
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

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock, and is borrowed exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for LockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: taken when the guard was made, given back once.
        unsafe { self.lock.release() };
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn lock_counts_right_with_many_threads() {
        let count = Lock::new(0_u32);
        thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..10_000 {
                        *count.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*count.lock(), 40_000);
    }

    #[test]
    fn lock_tried_while_held_stays_held() {
        let lock = Lock::new(());
        let guard = lock.lock();
        assert!(lock.try_lock().is_none());
        assert!(lock.try_lock().is_none(), "the first try gave it back");
        drop(guard);
        assert!(lock.try_lock().is_some());
        assert!(lock.try_lock().is_some(), "given back by the guard");
    }

    #[test]
    fn lock_long_held_is_found_free_by_those_who_nap() {
        let lock = Lock::new(Vec::new());
        thread::scope(|s| {
            let guard = lock.lock();
            for number in 0..3 {
                let lock = &lock;
                s.spawn(move || lock.lock().push(number));
            }
            // Long enough that they nap, or not: either way each must get its turn.
            thread::sleep(std::time::Duration::from_millis(5));
            assert!(lock.try_lock().is_none());
            drop(guard);
        });
        assert_eq!(lock.lock().len(), 3);
    }
}
