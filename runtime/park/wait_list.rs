//! The one wait protocol: a condition, a queue of those who wait for it, and a loop.
//!
//! ```text
//!   waiter                                     waker
//!   1. lock; condition? take it, done          1. make the condition true
//!   2. queue my node; unlock                   2. lock; claim waiters; unlock
//!   3. park                                    3. enqueue / wake the claimed
//!   4. lock; take my node off if still there;
//!      condition? ready : interrupted? : timed out? : go on at 2
//! ```
//! The race: the waiter looks (false), the waker makes it true and finds nobody, the waiter parks.
//! It cannot happen if the waker's step 1 comes before its lock: either the waiter's look, under the
//! same lock, sees it, or the waiter's node is in the queue by the time the waker takes the lock.
//! Readiness goes before interrupts and time-outs, so nothing that was handed over is thrown away.
//! FIFO by arrival.

use super::{Parker, interrupt};
use crate::sched::enqueue;
use crate::sys::clock::{NEVER_NS, now_ns};
use crate::sys::lock::Lock;
use crate::task::WaitReason;
use crate::task::wait_queue::{Claimed, WaitNode, WaitQueue};

/// Whether a wait may be interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mask {
    /// Cancellation and deadlines end it.
    Open,
    /// Only its condition (or its own deadline) ends it.
    Masked,
}

/// How a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome<T> {
    /// The condition held.
    Ready(T),
    /// The wait's own deadline passed.
    TimedOut,
    /// An interrupt is due; the caller cleans up and calls `interrupt::raise`.
    Interrupted,
}

/// Waits in `queue` until `ready` gives a value. `ready` is called with the queue's lock held: it
/// looks, and nothing else.
#[expect(
    unsafe_code,
    reason = "the queue is intrusive, the node lies in this frame"
)]
pub(crate) fn wait<T>(
    queue: &Lock<WaitQueue>,
    reason: WaitReason,
    deadline_ns: u64,
    mask: Mask,
    mut ready: impl FnMut() -> Option<T>,
) -> Outcome<T> {
    let parker = Parker::current();
    let node = WaitNode::new(parker.waiter());
    loop {
        if mask == Mask::Open && interrupt::is_pending() {
            return Outcome::Interrupted;
        }
        {
            let mut queue = queue.lock();
            if let Some(value) = ready() {
                return Outcome::Ready(value);
            }
            // SAFETY: the node leaves the queue below, before this frame can end: `park` returns.
            unsafe { queue.push(&node) };
        }
        parker.park_masked(reason, deadline_ns, mask);
        let mut queue = queue.lock();
        queue.remove(&node);
        if let Some(value) = ready() {
            return Outcome::Ready(value);
        }
        drop(queue);
        if deadline_ns != NEVER_NS && now_ns() >= deadline_ns {
            return if mask == Mask::Open && interrupt::is_pending() {
                Outcome::Interrupted
            } else {
                Outcome::TimedOut
            };
        }
    }
}

/// Claims everybody in `queue`, then wakes them, outside the lock.
pub(crate) fn wake_all(queue: &Lock<WaitQueue>) {
    let mut claimed = Vec::new();
    {
        let mut queue = queue.lock();
        while let Some(waiter) = queue.take_first() {
            claimed.push(waiter);
        }
    }
    claimed.into_iter().for_each(wake);
}

/// Lets a claimed waiter go on.
pub(crate) fn wake(claimed: Claimed) {
    match claimed {
        Claimed::Task(task) => enqueue(task),
        Claimed::Thread(address) => address.wake(),
        Claimed::Nothing => {}
    }
}
