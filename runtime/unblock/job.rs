//! One closure on its way through the pool: queued, running, done, or taken back.
//!
//! Who has taken the job off the pool's queue owns the closure: a thread, which runs it, or the waiter,
//! which drops it. What runs is waited for. So closure and result never outlive the wait, which is what
//! lets `lend` borrow.

use super::pool::Pool;
use super::pool_of;
use crate::park::interrupt;
use crate::park::wait_list::{self, Mask, Outcome};
use crate::sys::clock::NEVER_NS;
use crate::sys::lock::Lock;
use crate::task::WaitReason;
use crate::task::lane::{Lane, Ticket};
use crate::task::wait_queue::WaitQueue;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;

/// The wait was interrupted, and the closure dropped unbegun (or left): tidy up, then
/// `interrupt::raise`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interrupted;

/// What an interrupt does to a closure that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// It is waited for, masked.
    Wait,
    /// It is left to itself, and its value dropped where it ran.
    Leave,
}

/// Runs `f` on a thread of `lane`'s and parks until it has ended. Only for green threads.
pub(super) fn run_on<F, T>(lane: Lane, begun: Begun, f: F) -> Result<T, Interrupted>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if interrupt::is_pending() {
        return Err(Interrupted);
    }
    interrupt::assert_may_park();
    let job = Arc::new(Job {
        stage: Lock::new(Stage::Queued(f)),
        waiters: Lock::new(WaitQueue::new()),
    });
    // From here to the end nothing unwinds but on purpose: the closure may borrow from our caller.
    let pool = pool_of(lane);
    let ticket = pool.submit(Arc::clone(&job) as Arc<dyn Run>);
    let reason = WaitReason::Unblock(lane, ticket);
    let is_over = || job.stage.lock().is_over().then_some(());
    let wait = |mask| wait_list::wait(&job.waiters, reason, NEVER_NS, mask, is_over);
    let is_interrupted = wait(Mask::Open) == Outcome::Interrupted;
    if is_interrupted {
        if let Some(f) = job.withdraw(pool, ticket) {
            drop(f);
            return Err(Interrupted);
        }
        if begun == Begun::Leave {
            return Err(Interrupted);
        }
        wait(Mask::Masked);
    }
    match job.take() {
        Stage::Done(Ok(value)) => Ok(value),
        Stage::Done(Err(payload)) => panic::resume_unwind(payload),
        Stage::HandedBack(f) if is_interrupted => {
            drop(f);
            Err(Interrupted)
        }
        // Masked, as every job that has begun.
        Stage::HandedBack(f) => Ok(interrupt::shielded(f)),
        _ => unreachable!("the wait ends when the job is over"),
    }
}

struct Job<F, T> {
    stage: Lock<Stage<F, T>>,
    waiters: Lock<WaitQueue>,
}

enum Stage<F, T> {
    Queued(F),
    Running,
    Done(thread::Result<T>),
    /// There is no thread for it, and will be none: its waiter runs it.
    HandedBack(F),
    /// Withdrawn, or its result taken.
    Empty,
}

impl<F, T> Stage<F, T> {
    fn is_over(&self) -> bool {
        matches!(self, Stage::Done(_) | Stage::HandedBack(_))
    }
}

impl<F, T> Job<F, T> {
    /// Takes the closure back if no thread has begun it.
    fn withdraw(&self, pool: &Pool, ticket: Ticket) -> Option<F> {
        if !pool.withdraw(ticket) {
            // A thread has it, or it is being handed back.
            return None;
        }
        let mut stage = self.stage.lock();
        match std::mem::replace(&mut *stage, Stage::Empty) {
            Stage::Queued(f) => Some(f),
            other => {
                *stage = other;
                None
            }
        }
    }

    fn take(&self) -> Stage<F, T> {
        std::mem::replace(&mut *self.stage.lock(), Stage::Empty)
    }
}

/// What the pool knows of a job.
pub(super) trait Run: Send + Sync {
    fn run(&self);
    /// No thread will run it.
    fn hand_back(&self);
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

    fn hand_back(&self) {
        {
            let mut stage = self.stage.lock();
            match std::mem::replace(&mut *stage, Stage::Empty) {
                Stage::Queued(f) => *stage = Stage::HandedBack(f),
                other => *stage = other,
            }
        }
        wait_list::wake_all(&self.waiters);
    }
}
