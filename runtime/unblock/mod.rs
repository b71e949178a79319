//! Calls that block for real run on pools of OS threads; the green thread parks meanwhile.
//!
//! Bounded: each lane has its threads, made on demand, gone after ten seconds of idleness. A job still
//! queued can be withdrawn by an interrupt; one that runs cannot be stopped, so the waiting green thread
//! is masked until it has ended. The closure and its result never outlive the wait.

mod job;
mod lend;
mod pool;

pub(crate) use job::Interrupted;
pub(crate) use lend::{lend, try_lend};

use crate::park::interrupt;
use crate::sched::current;
use job::Begun;
use pool::Pool;
use std::time::Duration;

/// What a call may wait for, and so which others it may keep waiting: a lane that is full for good
/// stops nobody but its own kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Closures of users.
    Closures,
    /// Calls that a disk answers.
    Brief,
    /// Host names.
    Names,
    /// Files that may let a call wait for ever: devices without readiness, opens of such.
    Long,
    /// Starts of child processes. Its threads never end: a child may have asked for a signal at the end
    /// of the *thread* that made it, `PR_SET_PDEATHSIG`.
    Children,
}

/// How long an idle thread stays.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// As tokio's blocking pool. Threads cost little while they sleep in a system call; doubling it lets
/// twice as many closures block at once.
static CLOSURES: Pool = Pool::new("`unblock`", 512, Some(KEEP_ALIVE));
/// More than a disk answers at a time; doubling it gains nothing where the page cache answers.
static BRIEF: Pool = Pool::new("files", 64, Some(KEEP_ALIVE));
/// A lookup whose servers are silent takes its thread for ten seconds or more.
static NAMES: Pool = Pool::new("host names", 128, Some(KEEP_ALIVE));
/// These may be taken for good.
static LONG: Pool = Pool::new("files that may wait for ever", 64, Some(KEEP_ALIVE));
/// A start takes a millisecond, and few run at once in one address space; but a `pre_exec` closure takes
/// as long as it likes. Doubling it lets twice as many of those wait at once.
static CHILDREN: Pool = Pool::new("starts of child processes", 16, None);

impl Lane {
    fn pool(self) -> &'static Pool {
        match self {
            Lane::Closures => &CLOSURES,
            Lane::Brief => &BRIEF,
            Lane::Names => &NAMES,
            Lane::Long => &LONG,
            Lane::Children => &CHILDREN,
        }
    }
}

/// Runs `f` where it may block: on a pool thread if called from a green thread, else right here.
///
/// Parks until `f` has ended. Jobs wait for a free thread in FIFO order.
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
