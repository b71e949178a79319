//! Stands in for `runtime/sched/current.rs`: who runs on this loom thread.
#![expect(
    unsafe_code,
    reason = "as in the library the task is reached by pointer"
)]

use crate::context::frames::StackContext;
use crate::driver::timer::TimerNode;
use crate::sys::clock;
use crate::task::Header;
use crate::task::header::OWNER_ID_BITS;
use std::cell::Cell;
use std::ptr::{self, NonNull};

loom::thread_local! {
    static TASK: Cell<*const Header> = Cell::new(ptr::null());
    static CONTEXT: StackContext = StackContext::new();
    static RUN: Cell<u32> = Cell::new(0);
}

/// Stands in for a worker: its timers.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) unwinding: Nobody,
}

/// Stands in for the count of tasks that are suspended while they unwind: there are none here.
#[derive(Debug)]
pub(crate) struct Nobody;

impl Nobody {
    #[expect(clippy::unused_self, reason = "the original is a cell")]
    pub(crate) fn get(&self) -> u32 {
        0
    }
}

static WORKER: Worker = Worker { unwinding: Nobody };

impl Worker {
    /// # Safety
    /// As the original's.
    pub(crate) unsafe fn arm(&self, node: NonNull<TimerNode<NonNull<Header>>>, deadline_ns: u64) {
        // SAFETY: the caller's contract.
        clock::arm(unsafe { node.as_ref() }.waiter, deadline_ns);
    }

    /// # Safety
    /// As the original's.
    pub(crate) unsafe fn disarm(&self, node: NonNull<TimerNode<NonNull<Header>>>) {
        // SAFETY: the caller's contract.
        clock::disarm(unsafe { node.as_ref() }.waiter);
    }
}

pub(crate) fn worker() -> Option<&'static Worker> {
    task().map(|_| &WORKER)
}

pub(crate) fn task<'a>() -> Option<&'a Header> {
    // SAFETY: set while `run_as` borrows the header.
    TASK.with(|task| unsafe { task.get().as_ref() })
}

pub(crate) fn owner_word() -> u64 {
    task().map_or(0, Header::owner_word)
}

/// Mirrors the original, but that a task of [`Header::new`] has a worker of its own.
pub(crate) fn is_of_this_worker(owner_word: u64) -> bool {
    let worker = owner_word >> OWNER_ID_BITS;
    worker != 0 && worker == self::owner_word() >> OWNER_ID_BITS
}

/// Mirrors the original: models that hand over say that the owner has switched.
pub(crate) fn run_number() -> u32 {
    RUN.with(Cell::get)
}

/// What a switch of the running task does to `run_number`.
pub(crate) fn count_run() {
    RUN.with(|run| run.set(run.get() + 1));
}

/// Runs `body` as a task on this loom thread.
pub(crate) fn run_as<R>(task: &Header, body: impl FnOnce() -> R) -> R {
    TASK.with(|current| current.set(task));
    task.set_running(true);
    let result = body();
    TASK.with(|current| current.set(ptr::null()));
    result
}

pub(crate) fn with_context<R>(body: impl FnOnce(&StackContext) -> R) -> R {
    CONTEXT.with(body)
}
