//! Who runs a part of a model, and how a part ends that is cancelled.

use crate::park::interrupt;
use crate::sched::current::run_as;
use crate::sched::{enqueue, finish};
use crate::task::state::Wake;
use crate::task::{Header, TaskPtr};
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

/// When waits that shall time out do.
pub(crate) const SOON_NS: u64 = 10;

/// Who runs something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    /// A green thread, alone on its worker.
    Green,
    /// A green thread of a worker that has more of them.
    Neighbour,
    /// An OS thread.
    Os,
}

/// Runs `body` on this loom thread, as whoever.
pub(crate) fn run<R>(who: Who, body: impl FnOnce() -> R) -> R {
    match who {
        Who::Green => as_task(&Header::new(), body),
        Who::Neighbour => as_task(&Header::of_worker(1), body),
        Who::Os => body(),
    }
}

/// Runs `body` as this task, to its end.
pub(crate) fn as_task<R>(task: &Header, body: impl FnOnce() -> R) -> R {
    run_as(task, || {
        let result = body();
        finish(task);
        result
    })
}

/// `None`: it was unwound by an interrupt.
pub(crate) fn unless_interrupted<R>(body: impl FnOnce() -> R) -> Option<R> {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => Some(result),
        Err(payload) if interrupt::is_interrupt(&*payload) => None,
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// Cancels a task, as its handle does.
pub(crate) fn cancel(task: &Header) {
    if task.state.cancel() == Wake::Enqueue {
        enqueue(TaskPtr::new(NonNull::from(task)));
    }
}
