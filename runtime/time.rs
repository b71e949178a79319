//! Deadlines over any blocking code, and protection from them.
//!
//! `timeout` works over every parking call inside its closure, also in crates that never heard of it;
//! see `park/interrupt.rs` for how. The types of `std::time` are here too, so that one `use` suffices:
//! reading a clock never waits.

use crate::park::interrupt;
use crate::sys::clock::deadline_after;
use std::fmt;

pub use std::time::{
    Duration, Instant, SystemTime, SystemTimeError, TryFromFloatSecsError, UNIX_EPOCH,
};

/// The time of a [`timeout`] was up.
///
/// # Examples
/// ```
/// use std::io;
/// use std::time::Duration;
/// fn nap() -> io::Result<()> {
///     greenroom::timeout(Duration::ZERO, || greenroom::thread::sleep(Duration::from_secs(60)))?;
///     Ok(())
/// }
/// assert_eq!(nap().unwrap_err().kind(), io::ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    fn from(elapsed: Elapsed) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed)
    }
}

/// Runs `f` and gives up at the first parking call that begins, or still waits, after `duration`.
///
/// `f` is then unwound (its destructors run, no panic hook, nothing is poisoned). A call that has had
/// its effect is never undone: if `f` ends late but without parking, its value is returned. Nests; an
/// `Elapsed` belongs to the `timeout` that set it. Zero gives up at the first parking call; what does
/// not fit the clock never does. Works on OS threads, at greenroom's waits.
///
/// Nothing can be unwound inside a destructor that runs during unwinding: there no deadline ends a wait;
/// use calls that have a time-out of their own. std counts panics per OS thread, so while a green thread
/// is parked in such a destructor, deadlines and cancellations of its worker's others wait for it too.
///
/// With `panic = "abort"` there is no way to unwind: the process would end.
///
/// # Errors
/// [`Elapsed`] when the time was up.
///
/// # Panics
/// Re-raises a panic of `f`.
///
/// # Cancel
/// `f` is cancelled as if it stood alone.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// greenroom::run(|| {
///     let outcome = greenroom::timeout(Duration::from_millis(1), || {
///         greenroom::thread::sleep(Duration::from_secs(60));
///     });
///     assert!(outcome.is_err());
/// });
/// ```
pub fn timeout<T>(duration: Duration, f: impl FnOnce() -> T) -> Result<T, Elapsed> {
    interrupt::with_deadline(deadline_after(duration), f).map_err(|interrupt::TimeIsUp| Elapsed)
}

/// Runs `f` with cancellation and the deadlines set outside of it masked; they are noticed at the
/// first parking call after it. A `timeout` inside `f` works as usual. Parks as `f` does.
///
/// # Panics
/// Re-raises a panic of `f`.
///
/// # Examples
/// ```
/// let handle = greenroom::thread::spawn(|| {
///     greenroom::shield(|| greenroom::thread::sleep(std::time::Duration::from_millis(2)));
///     "done"
/// });
/// handle.cancel();
/// // Cancelled before it started, or done: the shielded part is never cut in half.
/// assert!(handle.join().map_or(true, |value| value == "done"));
/// ```
pub fn shield<T>(f: impl FnOnce() -> T) -> T {
    interrupt::shielded(f)
}
