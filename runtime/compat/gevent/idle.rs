//! `idle`: waits until the worker has nothing better to do.
//!
//! There is no list of those who idle. Whoever does yields, and counts how often in a row nobody else
//! ran between: the worker counts its runs, so a yield that came back at once is one run.

use crate::sched::current;
use crate::thread::yield_now;

/// Lonely runs in a row after which the worker is idle: more than the 61 after which it has looked at
/// its sockets and timers. Doubled: `idle` costs 64 switches more.
const LONELY_RUNS: u32 = 64;

/// Yields at most. Two that idle keep each other from being lonely, and must not do so for ever.
const YIELDS_MAX: u32 = 4096;

/// Lets others run until none of this worker's green threads is ready, sockets and timers looked at.
///
/// Parks. Gives up after 4,096 rounds: two that idle on one worker would wait for each other. On an OS
/// thread it is [`std::thread::yield_now`]. Source: `gevent.idle`. Differs: no priorities, and it is about
/// one worker.
///
/// # Cancel
/// A cancellation point.
///
/// # Examples
/// ```
/// use greenroom::{gevent, thread::spawn_local};
/// greenroom::run(|| {
///     let busy = spawn_local(|| (0..10).for_each(|_| greenroom::thread::yield_now()));
///     gevent::idle();
///     assert!(busy.is_finished());
/// });
/// ```
pub fn idle() {
    if current::task().is_none() {
        return yield_now();
    }
    let mut lonely = 0;
    for _ in 0..YIELDS_MAX {
        let before = current::run_number();
        yield_now();
        let is_lonely = current::run_number().wrapping_sub(before) == 1;
        lonely = if is_lonely { lonely + 1 } else { 0 };
        if lonely == LONELY_RUNS {
            return;
        }
    }
}
