//! The runtime's own mutual exclusion, for sections of a few instructions.
//!
//! Never held across a fiber switch, never visible to users (their lock is `sync::Mutex`, which parks
//! the green thread), and no user code runs inside. One word: free, held, or held with sleepers;
//! an OS thread that finds it held spins a little, then sleeps on the word as std's mutex does.
//! Written out rather than taken from std because a select holds several at once, of different types
//! and in the order of their addresses, which needs a lock apart from its guard; it also drops the
//! look at the panic count that std's poisoning costs twice per section.
#![expect(unsafe_code, reason = "a cell that is reached under a lock")]

use super::atomic::{AtomicU32, Ordering};
use super::clock::NEVER_NS;
use super::futex;
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep.
const CONTENDED: u32 = 2;

/// Looks before sleeping. The holder needs tens of nanoseconds, a sleep and a wake microseconds.
const SPINS: u32 = 100;

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

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
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
        // Acquire: pairs with the Release of `release`.
        self.word
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            .then_some(LockGuard { lock: self })
    }

    /// Where the value is, for a caller that holds the lock by `acquire`.
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.value.get()
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[cold]
    fn acquire_slowly(&self) {
        let mut spins = SPINS;
        loop {
            // Relaxed: only a look; the swap or exchange below takes.
            let seen = self.word.load(Ordering::Relaxed);
            if seen == FREE
                && self
                    .word
                    .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
            // With sleepers there already, spinning only takes their turn.
            if seen == CONTENDED || spins == 0 {
                break;
            }
            spins -= 1;
            std::hint::spin_loop();
        }
        // From here on this thread cannot know whether it was the only sleeper, so it takes the lock
        // as contended: at worst one needless wake.
        while self.word.swap(CONTENDED, Ordering::Acquire) != FREE {
            futex::wait(&self.word, CONTENDED, NEVER_NS);
        }
    }
}

impl<T: ?Sized> Gate for Lock<T> {
    #[inline]
    fn acquire(&self) {
        // Acquire: pairs with the Release of `release`.
        if self
            .word
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.acquire_slowly();
        }
    }

    #[inline]
    unsafe fn release(&self) {
        let word = &raw const self.word;
        // Release: what was done inside is visible to the next holder.
        if self.word.swap(FREE, Ordering::Release) == CONTENDED {
            // By address: the next holder may have freed the lock already.
            futex::wake_one(word);
        }
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
    fn lock_held_wakes_its_sleepers() {
        let lock = Lock::new(Vec::new());
        thread::scope(|s| {
            let guard = lock.lock();
            for number in 0..3 {
                let lock = &lock;
                s.spawn(move || lock.lock().push(number));
            }
            // Until all three sleep, or not yet: either way each must get its turn.
            while lock.word.load(Ordering::Relaxed) != CONTENDED {
                thread::yield_now();
            }
            assert!(lock.try_lock().is_none());
            drop(guard);
        });
        assert_eq!(lock.into_inner().len(), 3);
    }
}
