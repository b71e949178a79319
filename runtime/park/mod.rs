//! Parking: the only way to block. A green thread suspends, an OS thread sleeps on a futex.
//!
//! Every wait is a loop around a condition of its own and tolerates wakes that came for another
//! reason; every park names what it waits for. Cancellation and deadlines are noticed at the entry of
//! a parking call and while parked (`interrupt`), never after an operation took effect.

pub(crate) mod choose;
pub(crate) mod interrupt;
pub(crate) mod panics;
pub(crate) mod pauses;
pub(crate) mod segment;
pub(crate) mod wait_list;

use crate::driver::timer::TimerNode;
use crate::sched::{Settle, current, suspend};
use crate::sys::clock::NEVER_NS;
use crate::task::os_parker::OsParker;
use crate::task::wait_queue::Waiter;
use crate::task::{Header, WaitReason};
use std::ptr::NonNull;
use wait_list::Mask;

/// Whoever runs now, as something that can wait. Lives on the stack of the wait and must not move
/// once [`Parker::waiter`] was given to a queue.
#[derive(Debug)]
pub(crate) enum Parker {
    Task(NonNull<Header>),
    Thread(OsParker),
}

impl Parker {
    /// The beginning of every wait, before anything is queued.
    ///
    /// # Panics
    /// Where parking is forbidden.
    #[inline]
    pub(crate) fn current() -> Parker {
        interrupt::assert_may_park();
        match current::task() {
            Some(task) => Parker::Task(NonNull::from(task)),
            None => Parker::Thread(OsParker::new()),
        }
    }

    /// What queues hold of it.
    #[inline]
    pub(crate) fn waiter(&self) -> Waiter {
        match self {
            Parker::Task(task) => Waiter::Task(*task),
            Parker::Thread(parker) => Waiter::Thread(NonNull::from(parker)),
        }
    }

    /// Sleeps until woken, until `deadline_ns`, until an enclosing `timeout` ends, or for no reason.
    #[inline]
    pub(crate) fn park(&self, reason: WaitReason, deadline_ns: u64) {
        self.park_masked(reason, deadline_ns, Mask::Open);
    }

    /// As [`Parker::park`]; masked, an enclosing `timeout` does not end it.
    #[inline]
    pub(crate) fn park_masked(&self, reason: WaitReason, deadline_ns: u64, mask: Mask) {
        let deadline_ns = deadline_ns.min(interrupt::enter_park(mask));
        match self {
            Parker::Task(_) => park_task(reason, deadline_ns),
            Parker::Thread(parker) => {
                parker.wait(deadline_ns);
            }
        }
    }
}

/// Suspends the running task until it is woken or `deadline_ns` passes. May return early.
#[expect(unsafe_code, reason = "arms a timer whose node lies in this frame")]
#[inline]
fn park_task(reason: WaitReason, deadline_ns: u64) {
    let (Some(worker), Some(task)) = (current::worker(), current::task()) else {
        unreachable!("only tasks park as tasks");
    };
    task.reason.set(reason);
    if deadline_ns == NEVER_NS {
        suspend(Settle::Park);
    } else {
        let node = TimerNode::new(NonNull::from(task));
        let pinned = NonNull::from(&node);
        // SAFETY: the node stays in this frame, which does not return or unwind before the cancel:
        // `suspend` only switches.
        unsafe { worker.arm(pinned, deadline_ns) };
        suspend(Settle::Park);
        // SAFETY: armed above, by this worker: tasks do not migrate.
        unsafe { worker.disarm(pinned) };
    }
    task.reason.set(WaitReason::None);
}
