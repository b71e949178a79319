//! `ReentrantLock`: a mutex that its owner may take again, Python's `RLock`.
//!
//! A `RawMutex`, the owner's identity, a depth. Only the owner writes its identity (after it has taken
//! the mutex) and 0 (before it unlocks), so whoever reads its own name there is the owner, whatever the
//! order in which others see it: Relaxed is enough. The depth is touched by the owner only.
#![expect(unsafe_code, reason = "a depth that is reached under a lock")]

use super::raw_mutex::RawMutex;
use crate::sched::current;
use crate::sys::atomic::{AtomicU64, Ordering};
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::task::reason::LockKind;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

/// A lock that its owner may take several times, and gives up when the last guard is dropped.
///
/// The owner is the green thread (or the OS thread), not its worker. Guards give shared access only; for
/// more, put a `Cell` or `RefCell` inside. Not poisoned by anything. *Who is next:* as for
/// [`Mutex`](super::Mutex). Source: std's unstable `ReentrantLock`, Python's `threading.RLock`.
///
/// # Examples
/// ```
/// use greenroom::sync::ReentrantLock;
/// use std::cell::Cell;
/// static COUNT: ReentrantLock<Cell<u32>> = ReentrantLock::new(Cell::new(0));
/// fn add_one() {
///     let count = COUNT.lock();
///     count.set(count.get() + 1);
/// }
/// let count = COUNT.lock();
/// add_one();
/// assert_eq!(count.get(), 1);
/// ```
/// The guard stays with who took it:
/// ```compile_fail
/// fn is_send<T: Send>(_: T) {}
/// let lock = greenroom::sync::ReentrantLock::new(0);
/// is_send(lock.lock());
/// ```
pub struct ReentrantLock<T: ?Sized> {
    raw: RawMutex,
    /// Who has it, see `current::identity`; 0: nobody.
    owner: AtomicU64,
    /// How many guards the owner has.
    depth: Cell<u32>,
    value: T,
}

// SAFETY: the value is reached by one thread at a time, the owner, and so is the depth.
unsafe impl<T: ?Sized + Send> Sync for ReentrantLock<T> {}
// SAFETY: the lock owns its value.
unsafe impl<T: ?Sized + Send> Send for ReentrantLock<T> {}

impl<T: ?Sized + UnwindSafe> UnwindSafe for ReentrantLock<T> {}
impl<T: ?Sized + RefUnwindSafe> RefUnwindSafe for ReentrantLock<T> {}

impl<T> ReentrantLock<T> {
    /// A free lock.
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::ReentrantLock::new(5);
    /// assert_eq!(*lock.lock(), 5);
    /// ```
    pub const fn new(value: T) -> ReentrantLock<T> {
        ReentrantLock {
            raw: RawMutex::of_kind(LockKind::ReentrantLock),
            owner: AtomicU64::new(0),
            depth: Cell::new(0),
            value,
        }
    }

    /// The value, without the lock.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::sync::ReentrantLock::new(5).into_inner(), 5);
    /// ```
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: ?Sized> ReentrantLock<T> {
    /// Takes the lock, once more if we have it. Parks while somebody else has it.
    ///
    /// # Panics
    /// We have it `u32::MAX` times.
    ///
    /// # Cancel
    /// As [`Mutex::lock`](super::Mutex::lock); a lock that we have already is just taken.
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::ReentrantLock::new(5);
    /// let (one, other) = (lock.lock(), lock.lock());
    /// assert_eq!(*one + *other, 10);
    /// ```
    pub fn lock(&self) -> ReentrantLockGuard<'_, T> {
        let is_ours = self.take(|| self.raw.lock_until(NEVER_NS));
        debug_assert!(is_ours);
        self.guard()
    }

    /// Takes the lock if nobody else has it. Never parks.
    ///
    /// # Panics
    /// As [`lock`](ReentrantLock::lock).
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::ReentrantLock::new(());
    /// let _guard = lock.lock();
    /// assert!(lock.try_lock().is_some());
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(|| assert!(lock.try_lock().is_none()));
    /// });
    /// ```
    pub fn try_lock(&self) -> Option<ReentrantLockGuard<'_, T>> {
        self.take(|| self.raw.try_lock()).then(|| self.guard())
    }

    /// As [`lock`](ReentrantLock::lock), for at most `timeout`. Beyond std.
    ///
    /// # Panics
    /// As `lock`.
    ///
    /// # Cancel
    /// As `lock`.
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom::sync::ReentrantLock::new(());
    /// let _guard = lock.lock();
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(|| assert!(lock.lock_timeout(std::time::Duration::from_millis(1)).is_none()));
    /// });
    /// ```
    pub fn lock_timeout(&self, timeout: Duration) -> Option<ReentrantLockGuard<'_, T>> {
        self.take(|| self.raw.lock_until(deadline_after(timeout)))
            .then(|| self.guard())
    }

    /// The value, without locking: the borrow says that nobody has the lock.
    ///
    /// # Examples
    /// ```
    /// let mut lock = greenroom::sync::ReentrantLock::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(*lock.lock(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// Takes it: by counting if it is ours, else by `take_raw`.
    fn take(&self, take_raw: impl FnOnce() -> bool) -> bool {
        let me = current::identity();
        if self.owner.load(Ordering::Relaxed) == me {
            let depth = self.depth.get().checked_add(1);
            self.depth
                .set(depth.expect("lock count overflow in reentrant lock"));
            return true;
        }
        let is_ours = take_raw();
        if is_ours {
            self.owner.store(me, Ordering::Relaxed);
            debug_assert_eq!(self.depth.get(), 0);
            self.depth.set(1);
        }
        is_ours
    }

    fn guard(&self) -> ReentrantLockGuard<'_, T> {
        ReentrantLockGuard {
            lock: self,
            _not_send: PhantomData,
        }
    }
}

impl<T> From<T> for ReentrantLock<T> {
    fn from(value: T) -> ReentrantLock<T> {
        ReentrantLock::new(value)
    }
}

impl<T: Default> Default for ReentrantLock<T> {
    fn default() -> ReentrantLock<T> {
        ReentrantLock::new(T::default())
    }
}

/// Shows the value, to its owner or if nobody has the lock. Never blocks.
impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("ReentrantLock");
        match self.try_lock() {
            Some(guard) => text.field("data", &&*guard),
            None => text.field("data", &format_args!("<locked>")),
        };
        text.finish_non_exhaustive()
    }
}

/// The lock, held. Dropping the last one unlocks.
///
/// # Examples
/// ```
/// use greenroom::sync::{ReentrantLock, ReentrantLockGuard};
/// let lock = ReentrantLock::new(1);
/// let guard: ReentrantLockGuard<'_, i32> = lock.lock();
/// assert_eq!(*guard, 1);
/// ```
#[must_use = "if unused the ReentrantLock will immediately unlock"]
pub struct ReentrantLockGuard<'a, T: ?Sized + 'a> {
    lock: &'a ReentrantLock<T>,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared access to the value only; it is dropped where it was made.
unsafe impl<T: ?Sized + Sync> Sync for ReentrantLockGuard<'_, T> {}

impl<T: ?Sized> Deref for ReentrantLockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.lock.value
    }
}

impl<T: ?Sized> Drop for ReentrantLockGuard<'_, T> {
    fn drop(&mut self) {
        let left = self.lock.depth.get() - 1;
        self.lock.depth.set(left);
        if left == 0 {
            self.lock.owner.store(0, Ordering::Relaxed);
            self.lock.raw.unlock();
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for ReentrantLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn reentrant_lock_of_greatest_depth_panics_and_stays_as_it_is() {
        let lock = ReentrantLock::new(());
        let _guard = lock.lock();
        lock.depth.set(u32::MAX);
        for attempt in [
            &(|| drop(lock.lock())) as &dyn Fn(),
            &|| drop(lock.try_lock()),
            &|| drop(lock.lock_timeout(Duration::ZERO)),
        ] {
            let panicked = catch_unwind(AssertUnwindSafe(attempt)).unwrap_err();
            let text = panicked.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panicked.downcast_ref::<&str>().copied());
            assert_eq!(text, Some("lock count overflow in reentrant lock"));
            assert_eq!(lock.depth.get(), u32::MAX);
        }
        lock.depth.set(1);
    }
}
