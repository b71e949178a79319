//! `Mutex`: std's, parking the green thread.
//!
//! A thin typed face; the protocol is in `raw_mutex`, poisoning in `poison`.
#![expect(unsafe_code, reason = "a cell that is reached under a lock")]

use super::poison::Flag;
use super::raw_mutex::RawMutex;
use crate::park::panics::Mark;
use crate::sys::clock::deadline_after;
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
use std::time::Duration;

/// A lock around a value. Source: [`std::sync::Mutex`].
///
/// A green thread that finds it locked parks; an OS thread blocks. Poisoned by a panic under it, not by
/// a cancellation or a deadline that unwinds (unless a destructor catches a panic meanwhile).
///
/// *Who is next:* those who wait are served first come, first served. Whoever runs may overtake them, for
/// at most a millisecond; not if the owner has switched while it held the lock and the first in line
/// is of its worker: then the lock is handed over.
///
/// # Examples
/// ```
/// use greenroom::sync::Mutex;
/// static COUNT: Mutex<u32> = Mutex::new(0);
/// greenroom::thread::scope(|s| {
///     for _ in 0..10 {
///         s.spawn(|| *COUNT.lock().unwrap() += 1);
///     }
/// });
/// assert_eq!(*COUNT.lock().unwrap(), 10);
/// ```
/// The guard stays with who took it:
/// ```compile_fail
/// fn is_send<T: Send>(_: T) {}
/// let mutex = greenroom::sync::Mutex::new(0);
/// is_send(mutex.lock().unwrap());
/// ```
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    poison: Flag,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time, under the lock.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: the mutex owns its value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

impl<T: ?Sized> std::panic::UnwindSafe for Mutex<T> {}
impl<T: ?Sized> std::panic::RefUnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    /// A free mutex.
    ///
    /// # Examples
    /// ```
    /// let mutex = greenroom::sync::Mutex::new(5);
    /// assert_eq!(*mutex.lock().unwrap(), 5);
    /// ```
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            raw: RawMutex::new(),
            poison: Flag::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, without the mutex.
    ///
    /// # Errors
    /// The value too, if the mutex is poisoned.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::sync::Mutex::new(5).into_inner().unwrap(), 5);
    /// ```
    pub fn into_inner(self) -> LockResult<T> {
        let is_poisoned = self.poison.get();
        let value = self.value.into_inner();
        if is_poisoned {
            Err(PoisonError::new(value))
        } else {
            Ok(value)
        }
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the lock. Parks a green thread, blocks an OS thread, while somebody else has it.
    ///
    /// # Errors
    /// The guard too, if the mutex is poisoned.
    ///
    /// # Cancel
    /// Leaves the queue without the lock; a lock that was handed over in that instant goes to the next.
    ///
    /// # Examples
    /// ```
    /// let mutex = greenroom::sync::Mutex::new(1);
    /// *mutex.lock().unwrap() += 1;
    /// assert_eq!(mutex.into_inner().unwrap(), 2);
    /// ```
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.raw.lock();
        self.guard()
    }

    /// Takes the lock if nobody has it. Never parks.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`]: it is taken. [`TryLockError::Poisoned`], with the guard.
    ///
    /// # Examples
    /// ```
    /// let mutex = greenroom::sync::Mutex::new(());
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// drop(guard);
    /// assert!(mutex.try_lock().is_ok());
    /// ```
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if self.raw.try_lock() {
            Ok(self.guard()?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// As [`lock`](Mutex::lock), for at most `timeout`. Beyond std.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`]: the time was up. [`TryLockError::Poisoned`], with the guard.
    ///
    /// # Cancel
    /// As `lock`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let mutex = greenroom::sync::Mutex::new(());
    /// let guard = mutex.lock().unwrap();
    /// assert!(mutex.lock_timeout(Duration::from_millis(1)).is_err());
    /// drop(guard);
    /// assert!(mutex.lock_timeout(Duration::ZERO).is_ok());
    /// ```
    pub fn lock_timeout(&self, timeout: Duration) -> TryLockResult<MutexGuard<'_, T>> {
        if self.raw.lock_until(deadline_after(timeout)) {
            Ok(self.guard()?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Whether a panic happened under the lock. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mutex = greenroom::sync::Mutex::new(());
    /// greenroom::thread::scope(|s| {
    ///     let handle = s.spawn(|| {
    ///         let _guard = mutex.lock().unwrap();
    ///         panic!("oh no");
    ///     });
    ///     assert!(handle.join().is_err());
    /// });
    /// assert!(mutex.is_poisoned());
    /// ```
    pub fn is_poisoned(&self) -> bool {
        self.poison.get()
    }

    /// Forgets that a panic happened. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mutex = greenroom::sync::Mutex::new(());
    /// mutex.clear_poison();
    /// assert!(!mutex.is_poisoned());
    /// ```
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, without locking: the borrow says that nobody has the lock.
    ///
    /// # Errors
    /// The reference too, if the mutex is poisoned.
    ///
    /// # Examples
    /// ```
    /// let mut mutex = greenroom::sync::Mutex::new(1);
    /// *mutex.get_mut().unwrap() = 2;
    /// assert_eq!(*mutex.lock().unwrap(), 2);
    /// ```
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let is_poisoned = self.poison.get();
        let value = self.value.get_mut();
        if is_poisoned {
            Err(PoisonError::new(value))
        } else {
            Ok(value)
        }
    }

    /// For whoever has just taken the lock.
    #[inline]
    pub(super) fn guard(&self) -> LockResult<MutexGuard<'_, T>> {
        self.poison.wrap(MutexGuard {
            mutex: self,
            mark: Mark::now(),
            _not_send: PhantomData,
        })
    }

    pub(super) fn raw(&self) -> &RawMutex {
        &self.raw
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

/// As std's. Never blocks.
impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => text.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => text.field("data", &&**error.get_ref()),
            // As std's, with quotes.
            Err(TryLockError::WouldBlock) => text.field("data", &"<locked>"),
        };
        text.field("poisoned", &self.poison.get());
        text.finish_non_exhaustive()
    }
}

/// The lock, held. Dropping it unlocks. Source: [`std::sync::MutexGuard`].
///
/// # Examples
/// ```
/// use greenroom::sync::{Mutex, MutexGuard};
/// let mutex = Mutex::new(1);
/// let mut guard: MutexGuard<'_, i32> = mutex.lock().unwrap();
/// *guard += 1;
/// assert_eq!(*guard, 2);
/// ```
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    mutex: &'a Mutex<T>,
    mark: Mark,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared access to the value only.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    pub(super) fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock, and is borrowed exclusively.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.poison.done(self.mark);
        self.mutex.raw.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
