//! Calls that block for real run on pools of OS threads; the green thread parks meanwhile.
//!
//! Bounded: each lane has its threads, made on demand, gone after ten seconds of idleness. A job still
//! queued can be withdrawn by an interrupt; one that runs cannot be stopped, so the waiting green thread
//! is masked until it has ended. The closure and its result never outlive the wait.

mod job;
mod lend;
mod pool;
mod stats;
#[cfg(test)]
mod tests;

pub(crate) use crate::task::lane::Lane;
pub(crate) use job::Interrupted;
pub(crate) use lend::{lend, try_lend};
pub use stats::{UnblockLane, UnblockStats, unblock_stats};

use crate::park::interrupt;
use crate::sched::current;
use job::Begun;
use pool::Pool;
use std::time::Duration;

/// How long an idle thread stays.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// As tokio's blocking pool. Threads cost little while they sleep in a system call; doubling it lets
/// twice as many closures block at once.
static CLOSURES: Pool = Pool::new(Lane::Closures, 512, Some(KEEP_ALIVE));
/// More than a disk answers at a time; doubling it gains nothing where the page cache answers.
static BRIEF: Pool = Pool::new(Lane::Brief, 64, Some(KEEP_ALIVE));
/// A lookup whose servers are silent takes its thread for ten seconds or more.
static NAMES: Pool = Pool::new(Lane::Names, 128, Some(KEEP_ALIVE));
/// These may be taken for good.
static LONG: Pool = Pool::new(Lane::Long, 64, Some(KEEP_ALIVE));
/// A start takes a millisecond, and few run at once in one address space; but a `pre_exec` closure takes
/// as long as it likes. Doubling it lets twice as many of those wait at once.
static CHILDREN: Pool = Pool::new(Lane::Children, 16, None);

fn pool_of(lane: Lane) -> &'static Pool {
    match lane {
        Lane::Closures => &CLOSURES,
        Lane::Brief => &BRIEF,
        Lane::Names => &NAMES,
        Lane::Long => &LONG,
        Lane::Children => &CHILDREN,
    }
}

/// Runs `f` where it may block: on a pool thread if called from a green thread, else right here.
///
/// Parks until `f` has ended. At most 512 run at a time; jobs wait for a free thread in FIFO order, and
/// the first one that has to is reported in the log. [`unblock_stats`] tells how many run and wait.
///
/// In `f` everything of this library works, and blocks the pool's thread as it would any OS thread;
/// `unblock` inside `unblock` runs right there. Thread-locals of `f`, greenroom's too, are the pool
/// thread's: the next job there finds what this one left. It has the signal mask of the thread that
/// started the runtime, so threads and children that `f` starts take signals as ever. If the kernel gives no thread and the pool has
/// none, `f` runs here and blocks the worker.
///
/// # Panics
/// Re-raises a panic of `f`.
///
/// # Cancel
/// A queued job is withdrawn and its closure dropped. Once it runs, the wait is masked until it has
/// ended, and its value is returned.
///
/// # Examples
/// ```
/// let answer = greenroom::run(|| greenroom::unblock(|| 6 * 7));
/// assert_eq!(answer, 42);
/// ```
pub fn unblock<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    run(Lane::Closures, Begun::Wait, f)
}

/// As [`unblock`], on a thread of `lane`'s; an interrupt leaves a running `f` to itself.
pub(crate) fn ask<F, T>(lane: Lane, f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    run(lane, Begun::Leave, f)
}

fn run<F, T>(lane: Lane, begun: Begun, f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if current::task().is_none() {
        return f();
    }
    match job::run_on(lane, begun, f) {
        Ok(value) => value,
        Err(Interrupted) => interrupt::raise(),
    }
}
