//! `AsyncResult`: a value or an error that comes once, and any number of readers who wait for it.
//!
//! The value lies in a std `OnceLock`, which is written before the crowd's lock is taken and read
//! without it: a reader that finds it never touches a lock. std's cell would block an OS thread only
//! for as long as another one moves its value in.

use super::crowd::{Crowd, wait_among, wake_released};
use crate::park::interrupt;
use crate::park::wait_list::Wait;
use crate::sched::run::spend_budget;
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::sys::lock::Lock;
use crate::task::WaitReason;
use crate::task::reason::{Address, At};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::OnceLock;
use std::time::Duration;

/// A value or an error, set once, for any number of readers. Source: gevent's `AsyncResult`.
///
/// # Examples
/// ```
/// use greenroom::sync::AsyncResult;
/// static ANSWER: AsyncResult<u32, String> = AsyncResult::new();
/// greenroom::thread::scope(|s| {
///     let reader = s.spawn(|| ANSWER.get());
///     ANSWER.set(42).unwrap();
///     assert_eq!(reader.join().unwrap(), Ok(42));
/// });
/// assert_eq!(ANSWER.set(43), Err(43)); // Once.
/// ```
pub struct AsyncResult<T, E> {
    result: OnceLock<Result<T, E>>,
    readers: Lock<Crowd>,
}

impl<T, E> AsyncResult<T, E> {
    /// A result that has not come yet.
    ///
    /// # Examples
    /// ```
    /// let result = greenroom::sync::AsyncResult::<u8, ()>::new();
    /// assert!(!result.is_ready());
    /// ```
    pub const fn new() -> AsyncResult<T, E> {
        AsyncResult {
            result: OnceLock::new(),
            readers: Lock::new(Crowd::new()),
        }
    }

    /// Sets the value and lets every reader go. Never parks.
    ///
    /// # Errors
    /// The value, if a value or an error was set before.
    ///
    /// # Examples
    /// ```
    /// let result = greenroom::sync::AsyncResult::<u8, ()>::new();
    /// assert_eq!(result.set(1), Ok(()));
    /// assert_eq!(result.set(2), Err(2));
    /// assert_eq!(result.get(), Ok(1));
    /// ```
    pub fn set(&self, value: T) -> Result<(), T> {
        match self.set_result(Ok(value)) {
            Err(Ok(value)) => Err(value),
            _ => Ok(()),
        }
    }

    /// Sets the error and lets every reader go. Never parks. gevent's `set_exception`.
    ///
    /// # Errors
    /// The error, if a value or an error was set before.
    ///
    /// # Examples
    /// ```
    /// let result = greenroom::sync::AsyncResult::<u8, &str>::new();
    /// result.set_error("broken").unwrap();
    /// assert_eq!(result.get(), Err("broken"));
    /// ```
    pub fn set_error(&self, error: E) -> Result<(), E> {
        match self.set_result(Err(error)) {
            Err(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }

    fn set_result(&self, result: Result<T, E>) -> Result<(), Result<T, E>> {
        self.result.set(result)?;
        let has_readers = self.readers.lock().release();
        if has_readers {
            wake_released(&self.readers, |crowd| crowd);
        }
        Ok(())
    }

    /// Waits for the result. Parks, unless it is there.
    ///
    /// # Errors
    /// What was set by `set_error`.
    ///
    /// # Cancel
    /// Nothing happened.
    ///
    /// # Examples
    /// ```
    /// let result = greenroom::sync::AsyncResult::<u8, ()>::new();
    /// result.set(7).unwrap();
    /// assert_eq!(result.wait(), &Ok(7));
    /// ```
    pub fn wait(&self) -> &Result<T, E> {
        self.wait_until(NEVER_NS)
            .unwrap_or_else(|| unreachable!("there was no limit to the wait"))
    }

    /// As [`wait`](AsyncResult::wait), for at most `timeout`. `None`: the time was up.
    ///
    /// # Cancel
    /// Nothing happened.
    ///
    /// # Examples
    /// ```
    /// let result = greenroom::sync::AsyncResult::<u8, ()>::new();
    /// assert!(result.wait_timeout(std::time::Duration::from_millis(1)).is_none());
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> Option<&Result<T, E>> {
        self.wait_until(deadline_after(timeout))
    }

    fn wait_until(&self, deadline_ns: u64) -> Option<&Result<T, E>> {
        interrupt::check();
        spend_budget();
        if let Some(result) = self.result.get() {
            return Some(result);
        }
        let crowd = self.readers.lock();
        // Once more, under the lock: the writer sets it first and takes the lock then.
        if let Some(result) = self.result.get() {
            return Some(result);
        }
        let reason = WaitReason::At(At::AsyncResult, Address::of(&self.readers));
        let wait = Wait::until(deadline_ns, reason);
        if !wait_among(&self.readers, crowd, |crowd| crowd, wait) {
            return None;
        }
        self.result.get()
    }

    /// The result, if it has come. Never parks.
    ///
    /// # Examples
    /// ```
    /// let result = greenroom::sync::AsyncResult::<u8, ()>::new();
    /// assert_eq!(result.try_get(), None);
    /// ```
    pub fn try_get(&self) -> Option<&Result<T, E>> {
        self.result.get()
    }

    /// A clone of the result, for which it waits. Parks, unless it is there.
    ///
    /// # Errors
    /// What was set by `set_error`.
    ///
    /// # Cancel
    /// Nothing happened.
    ///
    /// # Examples
    /// ```
    /// let result = greenroom::sync::AsyncResult::<String, ()>::new();
    /// result.set("here".to_owned()).unwrap();
    /// assert_eq!(result.get().as_deref(), Ok("here"));
    /// ```
    pub fn get(&self) -> Result<T, E>
    where
        T: Clone,
        E: Clone,
    {
        self.wait().clone()
    }

    /// Whether the result has come. Never parks.
    ///
    /// # Examples
    /// ```
    /// let result = greenroom::sync::AsyncResult::<u8, ()>::new();
    /// result.set(1).unwrap();
    /// assert!(result.is_ready());
    /// ```
    pub fn is_ready(&self) -> bool {
        self.result.get().is_some()
    }

    /// The result, if it has come, without a clone. Never parks.
    ///
    /// # Examples
    /// ```
    /// let result = greenroom::sync::AsyncResult::<u8, ()>::new();
    /// result.set(1).unwrap();
    /// assert_eq!(result.into_inner(), Some(Ok(1)));
    /// ```
    pub fn into_inner(self) -> Option<Result<T, E>> {
        self.result.into_inner()
    }

    /// For the arms of a select.
    pub(crate) fn crowd(&self) -> &Lock<Crowd> {
        &self.readers
    }
}

impl<T: UnwindSafe, E: UnwindSafe> UnwindSafe for AsyncResult<T, E> {}
impl<T, E> RefUnwindSafe for AsyncResult<T, E>
where
    T: UnwindSafe + RefUnwindSafe,
    E: UnwindSafe + RefUnwindSafe,
{
}

impl<T, E> Default for AsyncResult<T, E> {
    fn default() -> AsyncResult<T, E> {
        AsyncResult::new()
    }
}

/// Never blocks: shows `<locked>` if somebody is at it just now.
impl<T: fmt::Debug, E: fmt::Debug> fmt::Debug for AsyncResult<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("AsyncResult");
        match self.result.get() {
            Some(result) => text.field("result", result),
            None => text.field("result", &format_args!("<not ready>")),
        };
        // Taken down first: the formatter may be the user's, and does not write under the lock.
        match self.readers.try_lock().map(|crowd| crowd.len()) {
            Some(waiters) => text.field("waiters", &waiters),
            None => text.field("waiters", &format_args!("<locked>")),
        };
        text.finish()
    }
}
