//! Closures that block for real run on a pool of OS threads; the green thread parks meanwhile.
//!
//! Bounded: at most [`THREADS_MAX`] threads, made on demand, gone after [`KEEP_ALIVE`] of idleness. A
//! job still queued can be withdrawn by an interrupt; one that runs cannot be stopped, so the waiting
//! green thread is masked until it has ended. The closure and its result never outlive the wait.

use crate::park::interrupt;
use crate::park::wait_list::{self, Mask, Outcome};
use crate::sched::current;
use crate::sys::clock::NEVER_NS;
use crate::sys::lock::Lock;
use crate::sys::signals;
use crate::task::WaitReason;
use crate::task::wait_queue::WaitQueue;
use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// As tokio's blocking pool. Threads cost little while they sleep in a system call; doubling it lets
/// twice as many names resolve at once.
const THREADS_MAX: usize = 512;

/// How long an idle thread stays.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

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
    if current::task().is_none() {
        return f();
    }
    interrupt::check();
    interrupt::assert_may_park();
    let job = Arc::new(Job {
        stage: Lock::new(Stage::Queued(f)),
        waiters: Lock::new(WaitQueue::new()),
    });
    submit(Arc::clone(&job) as Arc<dyn Run>);
    let is_done = || matches!(*job.stage.lock(), Stage::Done(_)).then_some(());
    let wait = |mask| wait_list::wait(&job.waiters, WaitReason::Unblock, NEVER_NS, mask, is_done);
    if wait(Mask::Open) == Outcome::Interrupted {
        if let Some(f) = job.withdraw() {
            drop(f);
            interrupt::raise();
        }
        wait(Mask::Masked);
    }
    match job.take() {
        Ok(value) => value,
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// A closure on its way through the pool.
struct Job<F, T> {
    stage: Lock<Stage<F, T>>,
    waiters: Lock<WaitQueue>,
}

enum Stage<F, T> {
    Queued(F),
    Running,
    Done(thread::Result<T>),
    /// Withdrawn, or its result taken.
    Empty,
}

impl<F, T> Job<F, T> {
    /// Takes the closure back if no thread has begun it.
    fn withdraw(&self) -> Option<F> {
        let mut stage = self.stage.lock();
        match std::mem::replace(&mut *stage, Stage::Empty) {
            Stage::Queued(f) => Some(f),
            other => {
                *stage = other;
                None
            }
        }
    }

    fn take(&self) -> thread::Result<T> {
        match std::mem::replace(&mut *self.stage.lock(), Stage::Empty) {
            Stage::Done(result) => result,
            _ => unreachable!("the wait ends when the job is done"),
        }
    }
}

/// What the pool knows of a job.
trait Run: Send + Sync {
    fn run(&self);
}

impl<F, T> Run for Job<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn run(&self) {
        let f = {
            let mut stage = self.stage.lock();
            match std::mem::replace(&mut *stage, Stage::Running) {
                Stage::Queued(f) => f,
                other => {
                    *stage = other;
                    return;
                }
            }
        };
        let result = panic::catch_unwind(AssertUnwindSafe(f));
        *self.stage.lock() = Stage::Done(result);
        wait_list::wake_all(&self.waiters);
    }
}

struct Pool {
    jobs: VecDeque<Arc<dyn Run>>,
    threads: usize,
    idle: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    jobs: VecDeque::new(),
    threads: 0,
    idle: 0,
});
static WORK: Condvar = Condvar::new();

fn submit(job: Arc<dyn Run>) {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    pool.jobs.push_back(Arc::clone(&job));
    if pool.idle >= pool.jobs.len() || pool.threads >= THREADS_MAX {
        drop(pool);
        WORK.notify_one();
        return;
    }
    pool.threads += 1;
    drop(pool);
    let mask = signals::block_asynchronous();
    let started = thread::Builder::new()
        .name("greenroom-unblock".into())
        .spawn(serve);
    signals::restore(&mask);
    if started.is_err() {
        run_here(&job);
    }
}

/// No thread could be made: the job runs here, on its submitter's worker, unless a pool thread has
/// begun it meanwhile. Slow, and better than never; nobody else's job is run in its place.
fn run_here(job: &Arc<dyn Run>) {
    POOL.lock().unwrap_or_else(PoisonError::into_inner).threads -= 1;
    job.run();
}

fn serve() {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(job) = pool.jobs.pop_front() {
            drop(pool);
            job.run();
            drop(job);
            pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        pool.idle += 1;
        let (back, timeout) = WORK
            .wait_timeout(pool, KEEP_ALIVE)
            .unwrap_or_else(PoisonError::into_inner);
        pool = back;
        pool.idle -= 1;
        if timeout.timed_out() && pool.jobs.is_empty() {
            pool.threads -= 1;
            return;
        }
    }
}
