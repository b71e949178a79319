//! The one wait protocol, in two forms. Every blocking primitive stands on one of them.
//!
//! **For a condition** ([`wait`]): the waker makes something true and wakes, the waiter looks again.
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
//!
//! **For a gift** ([`wait_given`]): locks, items and permits change hands under the lock.
//! ```text
//!   waiter                                     giver
//!   1. lock; to be had? take it, done          1. lock
//!   2. queue my node, with a slot; unlock      2. take the first node: write its slot, claim
//!   3. park; node off the queue? take it       3. unlock; enqueue / wake the claimed
//!   4. else lock: node gone? it was given after all: take it
//!                 interrupted, too late? take the node off: nothing was given
//!                 else unlock, go on at 3
//! ```
//! The race: the claim of step 2 ends a park that has just begun, and the waiter looks before the node
//! counts as off. That was the only wake, so it must not park again before the giver is through:
//! hence the lock in step 4.
//! Whether something was given is decided in one place, under the lock: the node is in the queue, or
//! it is not. So what was given is never lost, nobody who was passed over is woken in vain, and FIFO
//! by arrival holds whatever the scheduler does. A wait that was given something returns it even if an
//! interrupt is due; the next parking call raises it.

use super::{Parker, interrupt};
use crate::sched::enqueue;
use crate::sys::clock::{NEVER_NS, now_ns};
use crate::sys::lock::{Lock, LockGuard};
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

/// How long to wait, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) reason: WaitReason,
    pub(crate) deadline_ns: u64,
    pub(crate) mask: Mask,
}

impl Wait {
    /// One that interrupts and its own deadline end.
    #[inline]
    pub(crate) fn until(deadline_ns: u64, reason: WaitReason) -> Wait {
        Wait {
            reason,
            deadline_ns,
            mask: Mask::Open,
        }
    }
}

/// Why a wait ended without a gift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The wait's own deadline passed.
    TimedOut,
    /// An interrupt is due; the caller cleans up and calls `interrupt::raise`.
    Interrupted,
}

/// How a wait for a gift ended.
#[must_use]
pub(crate) enum Gift<'a, S> {
    /// A giver took the node off the queue and did with its slot what it does.
    Given,
    /// Nothing was given and nothing will be: the node is off the queue, whose lock is still held.
    Withdrawn(Why, LockGuard<'a, S>),
}

/// Queues up behind the others and waits for a giver. `guard` is the state in which the caller has
/// just seen that there is nothing to be had; it is released for the wait.
///
/// `slot` points into the caller's frame, typed as the givers of this queue expect; the caller must
/// not touch it while this runs.
#[inline]
pub(crate) fn wait_given<'a, S>(
    lock: &'a Lock<S>,
    guard: LockGuard<'a, S>,
    queue: impl Fn(&mut S) -> &mut WaitQueue,
    slot: *mut (),
    wait: Wait,
) -> Gift<'a, S> {
    wait_given_at(End::Back, lock, guard, queue, slot, wait)
}

/// Where a waiter queues up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Behind the others.
    Back,
    /// Before them: it has waited its turn already, and was woken too late.
    Front,
}

/// As [`wait_given`], at either end.
#[inline]
pub(crate) fn wait_given_at<'a, S>(
    end: End,
    lock: &'a Lock<S>,
    guard: LockGuard<'a, S>,
    queue: impl Fn(&mut S) -> &mut WaitQueue,
    slot: *mut (),
    wait: Wait,
) -> Gift<'a, S> {
    queue_up(end, lock, guard, queue, slot, wait, || ())
}

/// As [`wait_given`]; calls `release` when the node is queued and `lock` is free again. What `release`
/// lets others do, they do with this waiter in the queue. It must not unwind.
#[inline]
pub(crate) fn wait_given_after<'a, S>(
    lock: &'a Lock<S>,
    guard: LockGuard<'a, S>,
    queue: impl Fn(&mut S) -> &mut WaitQueue,
    slot: *mut (),
    wait: Wait,
    release: impl FnOnce(),
) -> Gift<'a, S> {
    queue_up(End::Back, lock, guard, queue, slot, wait, release)
}

#[inline]
#[expect(
    unsafe_code,
    reason = "the queue is intrusive, the node lies in this frame"
)]
fn queue_up<'a, S>(
    end: End,
    lock: &'a Lock<S>,
    mut guard: LockGuard<'a, S>,
    queue: impl Fn(&mut S) -> &mut WaitQueue,
    slot: *mut (),
    wait: Wait,
    release: impl FnOnce(),
) -> Gift<'a, S> {
    if !interrupt::may_park() {
        // The panic's hook is the user's, and does not run under the lock.
        drop(guard);
        interrupt::assert_may_park();
        unreachable!("asserted what was just seen not to hold");
    }
    let parker = Parker::current();
    let node = WaitNode::with_slot(parker.waiter(), slot);
    let waiters = queue(&mut guard);
    match end {
        // SAFETY: `stay` returns only when the node is off the queue; nothing in between unwinds.
        End::Back => unsafe { waiters.push(&node) },
        // SAFETY: as above.
        End::Front => unsafe { waiters.push_front(&node) },
    }
    drop(guard);
    release();
    stay(lock, queue, &parker, &node, wait)
}

/// Parks until a queued node is off its queue, by a giver or because the wait must end.
#[inline]
fn stay<'a, S>(
    lock: &'a Lock<S>,
    queue: impl Fn(&mut S) -> &mut WaitQueue,
    parker: &Parker,
    node: &WaitNode,
    wait: Wait,
) -> Gift<'a, S> {
    loop {
        parker.park_masked(wait.reason, wait.deadline_ns, wait.mask);
        // Without the lock: the giver clears this last, after it has written the slot.
        if !node.is_queued() {
            return Gift::Given;
        }
        // Subtle: a giver claims before it clears, so its wake may have been the one that ended this
        // park, and no other will come. Under the lock it is through.
        let why = must_end(wait);
        let mut guard = lock.lock();
        if !node.is_queued() {
            return Gift::Given;
        }
        if let Some(why) = why {
            queue(&mut guard).remove(node);
            return Gift::Withdrawn(why, guard);
        }
    }
}

/// Whether a wait that has nothing yet is over.
#[cold]
pub(crate) fn must_end(wait: Wait) -> Option<Why> {
    if wait.mask == Mask::Open && interrupt::is_pending() {
        return Some(Why::Interrupted);
    }
    (wait.deadline_ns != NEVER_NS && now_ns() >= wait.deadline_ns).then_some(Why::TimedOut)
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
#[inline]
pub(crate) fn wake(claimed: Claimed) {
    match claimed {
        Claimed::Task(task) => enqueue(task),
        Claimed::Thread(address) => address.wake(),
        Claimed::Nothing => {}
    }
}
