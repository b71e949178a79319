//! `sleep`, `sleep_ms`, `sleep_until`, `yield_now`.
//!
//! A sleep is a wait without a condition: it ends by its timer or by an interrupt, and goes on after
//! every other wake.

use crate::park::{Parker, interrupt};
use crate::sched::{Settle, current, suspend};
use crate::sys::clock::{NEVER_NS, deadline_after, deadline_at, now_ns};
use crate::task::WaitReason;
use std::time::{Duration, Instant};

/// Sleeps for at least `duration`: never early, late by a timer tick (33 µs) and whatever runs first.
///
/// Parks a green thread, blocks an OS thread. Zero yields once; what does not fit the clock (for one,
/// `Duration::MAX`) sleeps until cancelled. Source: [`std::thread::sleep`].
///
/// # Cancel
/// Ends the sleep.
///
/// # Examples
/// ```
/// greenroom::run(|| greenroom::thread::sleep(std::time::Duration::from_millis(1)));
/// ```
pub fn sleep(duration: Duration) {
    if duration.is_zero() {
        return yield_now();
    }
    sleep_until_ns(deadline_after(duration));
}

/// As [`sleep`], for so many milliseconds. Parks. Source: [`std::thread::sleep_ms`].
///
/// # Cancel
/// Ends the sleep.
///
/// # Examples
/// ```
/// # #![allow(deprecated)]
/// greenroom::run(|| greenroom::thread::sleep_ms(1));
/// ```
#[deprecated(note = "replaced by `greenroom::thread::sleep`")]
pub fn sleep_ms(ms: u32) {
    sleep(Duration::from_millis(u64::from(ms)));
}

/// Sleeps until `deadline`; one in the past yields once. Parks; see [`sleep`].
///
/// # Cancel
/// Ends the sleep.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
/// let deadline = Instant::now() + Duration::from_millis(1);
/// greenroom::run(|| greenroom::thread::sleep_until(deadline));
/// assert!(Instant::now() >= deadline);
/// ```
pub fn sleep_until(deadline: Instant) {
    if deadline <= Instant::now() {
        return yield_now();
    }
    sleep_until_ns(deadline_at(deadline));
}

fn sleep_until_ns(deadline_ns: u64) {
    let parker = Parker::current();
    loop {
        interrupt::check();
        parker.park(WaitReason::Sleep, deadline_ns);
        if deadline_ns != NEVER_NS && now_ns() >= deadline_ns {
            return;
        }
    }
}

/// As [`sleep`], but an interrupt ends it without unwinding: the caller meets it at its next wait.
pub(crate) fn rest(duration: Duration) {
    let deadline_ns = deadline_after(duration);
    let parker = Parker::current();
    suspend(Settle::Yield);
    while !interrupt::is_pending() && now_ns() < deadline_ns {
        parker.park(WaitReason::Sleep, deadline_ns);
    }
}

/// Lets every other runnable green thread of this worker run first, those from other threads too.
///
/// On an OS thread: [`std::thread::yield_now`]. Source: the same.
///
/// # Cancel
/// A cancellation point, like every call that may park.
///
/// # Examples
/// ```
/// use greenroom::thread::{spawn_local, yield_now};
/// greenroom::run(|| {
///     let handle = spawn_local(|| ());
///     yield_now();
///     assert!(handle.is_finished());
/// });
/// ```
pub fn yield_now() {
    interrupt::assert_may_park();
    interrupt::check();
    if current::task().is_some() {
        suspend(Settle::Yield);
    } else {
        std::thread::yield_now();
    }
}
