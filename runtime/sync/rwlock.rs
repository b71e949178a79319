//! `RwLock`: std's, parking the green thread.
//!
//! A thin typed face; the protocol is in `raw_rwlock`, poisoning in `poison`, the guards in
//! `rwlock_guard`.
#![expect(unsafe_code, reason = "a cell that is reached under a lock")]

use super::poison::Flag;
use super::raw_rwlock::{Access, RawRwLock};
use super::rwlock_guard::{RwLockReadGuard, RwLockWriteGuard};
use crate::sys::clock::{NEVER_NS, deadline_after};
use std::cell::UnsafeCell;
use std::fmt;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
use std::time::Duration;

/// A lock that many readers or one writer hold. Source: [`std::sync::RwLock`].
///
/// Poisoned by a panic of a writer, not by a cancellation or a deadline that unwinds it.
///
/// *Who is next:* first come, first served, wherever the waiters run. A reader that comes while a writer
/// waits goes behind it, so a task that reads twice at the same time may wait for itself; readers that
/// wait side by side come in together.
///
/// # Examples
/// ```
/// use greenroom::sync::RwLock;
/// static LIMITS: RwLock<Vec<u32>> = RwLock::new(Vec::new());
/// greenroom::thread::scope(|s| {
///     s.spawn(|| LIMITS.write().unwrap().push(1));
///     s.spawn(|| assert!(LIMITS.read().unwrap().len() < 2));
/// });
/// assert_eq!(*LIMITS.read().unwrap(), [1]);
/// ```
/// The guards stay with who took them:
/// ```compile_fail
/// fn is_send<T: Send>(_: T) {}
/// let lock = greenroom::sync::RwLock::new(0);
/// is_send(lock.read().unwrap());
/// ```
/// ```compile_fail
/// fn is_send<T: Send>(_: T) {}
/// let lock = greenroom::sync::RwLock::new(0);
/// is_send(lock.write().unwrap());
/// ```
pub struct RwLock<T: ?Sized> {
    pub(super) raw: RawRwLock,
    pub(super) poison: Flag,
    pub(super) value: UnsafeCell<T>,
}

// SAFETY: the value is reached by readers of several threads at a time, or by one writer.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: the lock owns its value.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

impl<T: ?Sized> std::panic::UnwindSafe for RwLock<T> {}
impl<T: ?Sized> std::panic::RefUnwindSafe for RwLock<T> {}

impl<T> RwLock<T> {
    /// A free lock.
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::RwLock::new(5);
    /// assert_eq!(*lock.read().unwrap(), 5);
    /// ```
    pub const fn new(value: T) -> RwLock<T> {
        RwLock {
            raw: RawRwLock::new(),
            poison: Flag::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, without the lock.
    ///
    /// # Errors
    /// The value too, if the lock is poisoned.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::sync::RwLock::new(5).into_inner().unwrap(), 5);
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

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock to read. Parks while a writer has it, or waits before us.
    ///
    /// # Errors
    /// The guard too, if the lock is poisoned.
    ///
    /// # Cancel
    /// Leaves the queue without the lock; a lock that was handed over in that instant goes on.
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::RwLock::new(1);
    /// let (one, other) = (lock.read().unwrap(), lock.read().unwrap());
    /// assert_eq!(*one + *other, 2);
    /// ```
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.raw.lock_until(Access::Read, NEVER_NS);
        self.poison.wrap(RwLockReadGuard::new(self))
    }

    /// Takes the lock to read if that is possible at once. Never parks.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`]: a writer has it, or somebody waits. [`TryLockError::Poisoned`], with
    /// the guard.
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::RwLock::new(());
    /// let guard = lock.write().unwrap();
    /// assert!(lock.try_read().is_err());
    /// drop(guard);
    /// assert!(lock.try_read().is_ok());
    /// ```
    #[inline]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        if self.raw.try_lock(Access::Read) {
            Ok(self.poison.wrap(RwLockReadGuard::new(self))?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// As [`read`](RwLock::read), for at most `timeout`. Beyond std.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`]: the time was up. [`TryLockError::Poisoned`], with the guard.
    ///
    /// # Cancel
    /// As `read`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let lock = greenroom::sync::RwLock::new(());
    /// let guard = lock.write().unwrap();
    /// assert!(lock.read_timeout(Duration::from_millis(1)).is_err());
    /// drop(guard);
    /// assert!(lock.read_timeout(Duration::ZERO).is_ok());
    /// ```
    pub fn read_timeout(&self, timeout: Duration) -> TryLockResult<RwLockReadGuard<'_, T>> {
        if self.raw.lock_until(Access::Read, deadline_after(timeout)) {
            Ok(self.poison.wrap(RwLockReadGuard::new(self))?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Takes the lock to write. Parks while anybody has it, or waits before us.
    ///
    /// # Errors
    /// The guard too, if the lock is poisoned.
    ///
    /// # Cancel
    /// As [`read`](RwLock::read); readers that waited behind it come in, if readers have the lock.
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::RwLock::new(1);
    /// *lock.write().unwrap() += 1;
    /// assert_eq!(lock.into_inner().unwrap(), 2);
    /// ```
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.raw.lock_until(Access::Write, NEVER_NS);
        self.poison.wrap(RwLockWriteGuard::new(self))
    }

    /// Takes the lock to write if that is possible at once. Never parks.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`]: somebody has it or waits. [`TryLockError::Poisoned`], with the guard.
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::RwLock::new(());
    /// let guard = lock.read().unwrap();
    /// assert!(lock.try_write().is_err());
    /// drop(guard);
    /// assert!(lock.try_write().is_ok());
    /// ```
    #[inline]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if self.raw.try_lock(Access::Write) {
            Ok(self.poison.wrap(RwLockWriteGuard::new(self))?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// As [`write`](RwLock::write), for at most `timeout`. Beyond std.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`]: the time was up. [`TryLockError::Poisoned`], with the guard.
    ///
    /// # Cancel
    /// As `write`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let lock = greenroom::sync::RwLock::new(());
    /// let guard = lock.read().unwrap();
    /// assert!(lock.write_timeout(Duration::from_millis(1)).is_err());
    /// drop(guard);
    /// assert!(lock.write_timeout(Duration::ZERO).is_ok());
    /// ```
    pub fn write_timeout(&self, timeout: Duration) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if self.raw.lock_until(Access::Write, deadline_after(timeout)) {
            Ok(self.poison.wrap(RwLockWriteGuard::new(self))?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Whether a writer panicked. Never parks.
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::RwLock::new(());
    /// greenroom::thread::scope(|s| {
    ///     let handle = s.spawn(|| {
    ///         let _guard = lock.write().unwrap();
    ///         panic!("oh no");
    ///     });
    ///     assert!(handle.join().is_err());
    /// });
    /// assert!(lock.is_poisoned());
    /// ```
    pub fn is_poisoned(&self) -> bool {
        self.poison.get()
    }

    /// Forgets that a panic happened. Never parks.
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::RwLock::new(());
    /// lock.clear_poison();
    /// assert!(!lock.is_poisoned());
    /// ```
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, without locking: the borrow says that nobody has the lock.
    ///
    /// # Errors
    /// The reference too, if the lock is poisoned.
    ///
    /// # Examples
    /// ```
    /// let mut lock = greenroom::sync::RwLock::new(1);
    /// *lock.get_mut().unwrap() = 2;
    /// assert_eq!(*lock.read().unwrap(), 2);
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
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

/// As std's. Never blocks.
impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => text.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => text.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => text.field("data", &format_args!("<locked>")),
        };
        text.field("poisoned", &self.poison.get());
        text.finish_non_exhaustive()
    }
}
