//! `Timeout` and `with_timeout`: deadlines by gevent's names.
//!
//! gevent's `Timeout` is an object that is started and cancelled, and raises wherever the greenlet is at
//! that moment. Here a deadline is a scope, [`timeout`](crate::timeout): between a `start` and a
//! `cancel` there may be a return, and an unwinding would then run through code that never heard of the
//! deadline. So there is `run`, and neither `start` nor `cancel`.

use crate::park::interrupt;
use crate::sys::clock::{NEVER_NS, deadline_after};
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// A limit of time, and the error that says that it was up. Source: gevent's `Timeout`.
///
/// | gevent | here |
/// |---|---|
/// | `with Timeout(2): f()` | `Timeout::new(Duration::from_secs(2)).run(f)`, which gives an `Err` |
/// | `with Timeout(2, False): f()` | the same, and the `Err` ignored |
/// | `except Timeout as t: if t is not timeout: raise` | nothing to do: an inner `run` lets an outer one's through |
/// | `Timeout(None)` | `Timeout::new(None)`: never |
/// | `start()`, `cancel()`, `close()`, `pending`, `start_new` | none: `run` begins and ends it |
/// | `Timeout(2, MyError)` | `run(f).map_err(…)` |
///
/// # Examples
/// ```
/// use greenroom::gevent::{Timeout, sleep};
/// use std::time::Duration;
/// let timeout = Timeout::new(Duration::from_millis(1));
/// assert_eq!(timeout.run(|| sleep(Duration::from_secs(60))), Err(timeout));
/// assert_eq!(Timeout::new(None).run(|| 42), Ok(42));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout(Option<Duration>);

impl Timeout {
    /// A limit, which does not run yet. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::Timeout;
    /// assert_eq!(Timeout::new(None).seconds(), None);
    /// ```
    pub fn new(seconds: impl Into<Option<Duration>>) -> Timeout {
        Timeout(seconds.into())
    }

    /// The limit. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::Timeout;
    /// use std::time::Duration;
    /// let limit = Duration::from_secs(2);
    /// assert_eq!(Timeout::new(limit).seconds(), Some(limit));
    /// ```
    pub fn seconds(&self) -> Option<Duration> {
        self.0
    }

    /// Runs `f`, and unwinds it at the first call that parks after the time is up. Parks as `f` does.
    /// Source: `with gevent.Timeout(…)`; see [`timeout`](crate::timeout) for the details.
    ///
    /// # Errors
    /// Itself, if the time was up.
    ///
    /// # Panics
    /// Re-raises a panic of `f`.
    ///
    /// # Cancel
    /// `f` is cancelled as if it stood alone.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::Timeout;
    /// use std::time::Duration;
    /// let waited = Timeout::new(Duration::from_millis(1)).run(greenroom::thread::park);
    /// assert!(waited.is_err());
    /// ```
    pub fn run<T>(self, f: impl FnOnce() -> T) -> Result<T, Timeout> {
        interrupt::with_deadline(deadline_ns(self.0), f).map_err(|interrupt::TimeIsUp| self)
    }
}

/// The deadline that an optional limit sets now.
pub(super) fn deadline_ns(limit: Option<Duration>) -> u64 {
    limit.map_or(NEVER_NS, deadline_after)
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(limit) => write!(f, "the time is up: {limit:?}"),
            None => f.write_str("not there yet"),
        }
    }
}

impl Error for Timeout {}

impl From<Timeout> for io::Error {
    fn from(timeout: Timeout) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, timeout)
    }
}

/// Runs `f` for at most `seconds`; then gives `timeout_value` instead. Parks as `f` does. Source:
/// `gevent.with_timeout`; without a `timeout_value` it is [`Timeout::run`].
///
/// # Panics
/// Re-raises a panic of `f`.
///
/// # Cancel
/// `f` is cancelled as if it stood alone.
///
/// # Examples
/// ```
/// use greenroom::gevent::{sleep, with_timeout};
/// use std::time::Duration;
/// let slow = || {
///     sleep(Duration::from_secs(60));
///     "done"
/// };
/// assert_eq!(with_timeout(Duration::from_millis(1), slow, "late"), "late");
/// ```
pub fn with_timeout<T>(
    seconds: impl Into<Option<Duration>>,
    f: impl FnOnce() -> T,
    timeout_value: T,
) -> T {
    Timeout::new(seconds).run(f).unwrap_or(timeout_value)
}
