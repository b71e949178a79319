//! Rank 4: inbox, deque, sleep and group are the shipped files; a task runs on a thread of its own.
//!
//! [`suspend`] and the settling behind it mirror `runtime/sched/run.rs`: there a task switches to its
//! worker, which settles; here both are one loom thread, as they are one OS thread there. What makes
//! a worker's loop is mirrored by the models that are about it.

pub(crate) mod current;
#[path = "../../../runtime/sched/deque.rs"]
pub(crate) mod deque;
#[path = "../../../runtime/sched/group.rs"]
pub(crate) mod group;
#[path = "../../../runtime/sched/inbox.rs"]
pub(crate) mod inbox;
pub(crate) mod run;
pub(crate) mod shared;
#[path = "../../../runtime/sched/sleep.rs"]
pub(crate) mod sleep;
pub(crate) mod worker;

use crate::sys::lock::Lock;
use crate::task::wait_queue::{Claimed, WaitQueue};
use crate::task::{Header, TaskPtr};

/// What a task that switches out wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settle {
    Park,
}

/// How a suspension went; the library does not care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// A wake came before: no switch at all.
    Noticed = 0,
    /// A wake came between the look and the settling: enqueued again by the worker.
    Refused = 1,
    /// Parked, until a waker enqueued it.
    Parked = 2,
}

/// Mirrors `suspend`, `Worker::run` and `Worker::settle_parked`.
pub(crate) fn suspend(settle: Settle) -> Path {
    let task = current::task().expect("because only tasks suspend");
    let Settle::Park = settle;
    if task.state.take_notified() {
        return Path::Noticed;
    }
    task.set_running(false);
    if task.state.settle_parked() {
        task.dequeue();
        Path::Parked
    } else {
        task.set_running(true);
        Path::Refused
    }
}

/// Enqueues a task whose state said "enqueue".
pub(crate) fn enqueue(task: TaskPtr) {
    task.header().enqueue();
}

/// The end of a task: mirrors `Worker::finish`.
pub(crate) fn finish(task: &Header) {
    if task.state.finish() {
        wake_queue(&task.joiners);
    }
    task.assert_not_queued();
}

/// Mirrors `wake_queue` of `runtime/sched/run.rs`.
pub(crate) fn wake_queue(queue: &Lock<WaitQueue>) {
    loop {
        let claimed = queue.lock().take_first();
        match claimed {
            None => return,
            Some(Claimed::Task(task)) => enqueue(task),
            Some(Claimed::Thread(address)) => address.wake(),
            Some(Claimed::Nothing) => {}
        }
    }
}
