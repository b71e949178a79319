//! `Condvar`: std's, parking the green thread.
//!
//! ```text
//!   wait                                        notify
//!   1. lock the queue; queue my node; unlock    1. lock the queue; take the first (or all); unlock
//!   2. unlock the mutex; park                   2. wake
//!   3. off the queue by a notifier? notified
//!      interrupted or too late? take my node off: not notified
//!   4. lock the mutex, masked; now unwind if interrupted
//! ```
//! *Race:* a notification between step 2's unlock and the park. The node is queued before the mutex is
//! free, so whoever changes the condition under the mutex finds it. Whether a waiter was notified is
//! decided under the queue's lock alone: nobody is notified and leaves as timed out or cancelled.

use super::mutex::MutexGuard;
use crate::park::interrupt;
use crate::park::wait_list::{self, Gift, Wait, Why};
use crate::sys::clock::{NEVER_NS, deadline_after, now_ns};
use crate::sys::lock::Lock;
use crate::task::WaitReason;
use crate::task::reason::{Address, At};
use crate::task::wait_queue::WaitQueue;
use std::fmt;
use std::ptr;
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

/// Waits for a condition that a [`Mutex`](super::Mutex) guards. Source: [`std::sync::Condvar`].
///
/// Waiters are notified in the order of their coming. Differs: waits with different mutexes at the same
/// time are allowed, where std may panic.
///
/// # Examples
/// ```
/// use greenroom::sync::{Condvar, Mutex};
/// let (ready, changed) = (Mutex::new(false), Condvar::new());
/// greenroom::thread::scope(|s| {
///     s.spawn(|| {
///         *ready.lock().unwrap() = true;
///         changed.notify_one();
///     });
///     let guard = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
///     assert!(*guard);
/// });
/// ```
pub struct Condvar {
    waiters: Lock<WaitQueue>,
}

impl std::panic::UnwindSafe for Condvar {}
impl std::panic::RefUnwindSafe for Condvar {}

impl Condvar {
    /// A condition variable that nobody waits for.
    ///
    /// # Examples
    /// ```
    /// static CHANGED: greenroom::sync::Condvar = greenroom::sync::Condvar::new();
    /// CHANGED.notify_all();
    /// ```
    pub const fn new() -> Condvar {
        Condvar {
            waiters: Lock::new(WaitQueue::new()),
        }
    }

    /// Unlocks the mutex, waits for a notification, locks it again. Parks.
    ///
    /// # Errors
    /// The guard too, if the mutex is poisoned.
    ///
    /// # Cancel
    /// Unwinds with the mutex locked again, and drops the guard. A notification that came in that
    /// instant is returned instead, and the next parking call unwinds.
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::{Condvar, Mutex};
    /// let (count, changed) = (Mutex::new(0), Condvar::new());
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         *count.lock().unwrap() += 1;
    ///         changed.notify_one();
    ///     });
    ///     let mut guard = count.lock().unwrap();
    ///     while *guard == 0 {
    ///         guard = changed.wait(guard).unwrap();
    ///     }
    /// });
    /// ```
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let (guard, _) = self.wait_until(guard, NEVER_NS);
        poisoned_or(guard)
    }

    /// Waits while `condition` is true. Parks.
    ///
    /// # Errors
    /// The guard too, if the mutex is poisoned.
    ///
    /// # Cancel
    /// As [`wait`](Condvar::wait).
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::{Condvar, Mutex};
    /// let (count, changed) = (Mutex::new(0), Condvar::new());
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         *count.lock().unwrap() += 1;
    ///         changed.notify_one();
    ///     });
    ///     let guard = changed.wait_while(count.lock().unwrap(), |count| *count == 0);
    ///     assert_eq!(*guard.unwrap(), 1);
    /// });
    /// ```
    pub fn wait_while<'a, T: ?Sized, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Condvar::wait), for at most `timeout`; what does not fit the clock is for ever.
    ///
    /// # Errors
    /// The guard and the result too, if the mutex is poisoned.
    ///
    /// # Cancel
    /// As `wait`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    /// let (mutex, changed) = (Mutex::new(()), Condvar::new());
    /// let timeout = Duration::from_millis(1);
    /// let (_guard, result) = changed.wait_timeout(mutex.lock().unwrap(), timeout).unwrap();
    /// assert!(result.timed_out());
    /// ```
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_till(guard, deadline_after(timeout))
    }

    /// As [`wait_timeout`](Condvar::wait_timeout), for so many milliseconds; `false`: timed out. Parks.
    /// Source: [`std::sync::Condvar::wait_timeout_ms`].
    ///
    /// # Errors
    /// The guard and the answer too, if the mutex is poisoned.
    ///
    /// # Cancel
    /// As [`wait`](Condvar::wait).
    ///
    /// # Examples
    /// ```
    /// # #![allow(deprecated)]
    /// use greenroom::sync::{Condvar, Mutex};
    /// let (mutex, changed) = (Mutex::new(()), Condvar::new());
    /// let (_guard, was_notified) = changed.wait_timeout_ms(mutex.lock().unwrap(), 1).unwrap();
    /// assert!(!was_notified);
    /// ```
    #[deprecated(note = "replaced by `greenroom::sync::Condvar::wait_timeout`")]
    pub fn wait_timeout_ms<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        ms: u32,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        let answer = |(guard, result): (_, WaitTimeoutResult)| (guard, !result.timed_out());
        self.wait_timeout(guard, Duration::from_millis(u64::from(ms)))
            .map(answer)
            .map_err(|poisoned| PoisonError::new(answer(poisoned.into_inner())))
    }

    /// As [`wait_while`](Condvar::wait_while), for at most `timeout` in all.
    ///
    /// # Errors
    /// The guard and the result too, if the mutex is poisoned.
    ///
    /// # Cancel
    /// As [`wait`](Condvar::wait).
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// let guard = ready.lock().unwrap();
    /// let timeout = Duration::from_millis(1);
    /// let outcome = changed.wait_timeout_while(guard, timeout, |ready| !*ready);
    /// assert!(outcome.unwrap().1.timed_out());
    /// ```
    pub fn wait_timeout_while<'a, T: ?Sized, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let deadline_ns = deadline_after(timeout);
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            if deadline_ns != NEVER_NS && now_ns() >= deadline_ns {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = self.wait_till(guard, deadline_ns)?.0;
        }
    }

    /// Wakes the longest waiter, if any. Never parks.
    ///
    /// # Examples
    /// ```
    /// let changed = greenroom::sync::Condvar::new();
    /// changed.notify_one(); // Nobody waits: nothing happens, and nothing is kept.
    /// ```
    pub fn notify_one(&self) {
        let claimed = self.waiters.lock().take_first();
        claimed.into_iter().for_each(wait_list::wake);
    }

    /// Wakes everybody who waits. Never parks.
    ///
    /// # Examples
    /// ```
    /// let changed = greenroom::sync::Condvar::new();
    /// changed.notify_all();
    /// ```
    pub fn notify_all(&self) {
        wait_list::wake_all(&self.waiters);
    }

    fn wait_till<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline_ns: u64,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (guard, result) = self.wait_until(guard, deadline_ns);
        match poisoned_or(guard) {
            Ok(guard) => Ok((guard, result)),
            Err(error) => Err(PoisonError::new((error.into_inner(), result))),
        }
    }

    /// The protocol. The guard is kept throughout; in the middle the mutex is not locked.
    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline_ns: u64,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        interrupt::check();
        let raw = guard.mutex().raw();
        let reason = WaitReason::At(At::Condvar, Address::of(self));
        let how = wait_list::wait_given_after(
            &self.waiters,
            self.waiters.lock(),
            |queue| queue,
            ptr::null_mut(),
            Wait::until(deadline_ns, reason),
            || raw.unlock(),
        );
        let why = match how {
            Gift::Given => None,
            Gift::Withdrawn(why, _queue) => Some(why),
        };
        raw.lock_masked();
        if why == Some(Why::Interrupted) {
            interrupt::raise();
        }
        (guard, WaitTimeoutResult(why == Some(Why::TimedOut)))
    }
}

/// The guard, with a warning if its mutex is poisoned.
fn poisoned_or<T: ?Sized>(guard: MutexGuard<'_, T>) -> LockResult<MutexGuard<'_, T>> {
    if guard.mutex().is_poisoned() {
        Err(PoisonError::new(guard))
    } else {
        Ok(guard)
    }
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

/// Shows how many wait. Never blocks.
impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not while the queue is locked: what `f` writes to may be the user's.
        let count = self.waiters.try_lock().map(|queue| queue.len());
        let mut text = f.debug_struct("Condvar");
        match count {
            Some(count) => text.field("waiters", &count),
            None => text.field("waiters", &format_args!("<locked>")),
        };
        text.finish_non_exhaustive()
    }
}

/// Whether a wait of a [`Condvar`] ended because its time was up. Source:
/// [`std::sync::WaitTimeoutResult`].
///
/// # Examples
/// ```
/// use greenroom::sync::{Condvar, Mutex, WaitTimeoutResult};
/// use std::time::Duration;
/// let (mutex, changed) = (Mutex::new(()), Condvar::new());
/// let (_guard, result): (_, WaitTimeoutResult) =
///     changed.wait_timeout(mutex.lock().unwrap(), Duration::ZERO).unwrap();
/// assert!(result.timed_out());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was up before a notification came.
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    /// let (mutex, changed) = (Mutex::new(()), Condvar::new());
    /// let outcome = changed.wait_timeout(mutex.lock().unwrap(), Duration::ZERO);
    /// assert!(outcome.unwrap().1.timed_out());
    /// ```
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn condvar_waiter_is_in_the_queue_before_it_lets_go() {
        let waiters = Lock::new(WaitQueue::new());
        let mut was_queued = false;
        let how = wait_list::wait_given_after(
            &waiters,
            waiters.lock(),
            |queue| queue,
            ptr::null_mut(),
            Wait::until(now_ns(), WaitReason::None),
            || was_queued = waiters.lock().has_waiter(),
        );
        assert!(matches!(how, Gift::Withdrawn(Why::TimedOut, _)));
        assert!(was_queued);
    }
}
