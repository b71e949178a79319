//! Those who wait for the same thing and are let go all at once: behind `Event`, `WaitGroup` and
//! `AsyncResult`.
//!
//! ```text
//!   waiter                                      releaser
//!   1. lock; is it so? done                     1. lock; make it so; released = arrivals; unlock
//!   2. number = arrivals, arrivals + 1;         2. lock; claim some from the front whose number is
//!      queue up; unlock; park                      below `released`; unlock; wake them
//!   3. claimed? done                            3. until nobody such is in front
//!   4. interrupted or too late? lock; number
//!      below `released`? done all the same
//! ```
//! *Race:* between two batches the thing may be undone (`Event::clear`) and others may queue up behind.
//! The queue is in the order of the numbers, so step 2 takes everybody who had come by step 1 and
//! nobody who came later. Rejected: counting the waiters at step 1, because one may leave in between
//! and another would be let go in its place; and claiming all under one section, which keeps the lock
//! for milliseconds when there are 100,000.
#![expect(unsafe_code, reason = "the slots of those who wait are untyped")]

use super::batch::wake_in_batches;
use crate::park::interrupt;
use crate::park::wait_list::{self, Gift, Wait, Why};
use crate::sys::lock::{Lock, LockGuard};
use crate::task::wait_queue::{Claimed, WaitQueue};

/// Part of a primitive's state, under its lock.
#[derive(Debug)]
pub(crate) struct Crowd {
    /// Slots: `*const Arrival`. In the order of their numbers.
    waiters: WaitQueue,
    /// The next number: 2^64 waits take centuries.
    arrivals: u64,
    /// Whoever has a smaller number may go.
    released: u64,
}

/// A waiter's number. It stays in place while its node is queued.
#[derive(Debug)]
pub(crate) struct Arrival(u64);

impl Arrival {
    /// The number of one that has not arrived: it is never let go.
    pub(crate) const fn not_yet() -> Arrival {
        Arrival(u64::MAX)
    }

    /// What the waiter's node carries.
    pub(crate) fn slot(&self) -> *mut () {
        std::ptr::from_ref(self).cast_mut().cast()
    }
}

impl Crowd {
    pub(crate) const fn new() -> Crowd {
        Crowd {
            waiters: WaitQueue::new(),
            arrivals: 0,
            released: 0,
        }
    }

    /// A number for whoever queues up in this very section of the lock, with `Arrival::slot` in its node.
    pub(crate) fn arrive(&mut self) -> Arrival {
        self.arrivals += 1;
        Arrival(self.arrivals - 1)
    }

    /// Where it queues up.
    pub(crate) fn waiters(&mut self) -> &mut WaitQueue {
        &mut self.waiters
    }

    /// How many wait; for `Debug`.
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Everybody who has come so far may go. `false`: nobody is there, so there is nobody to wake.
    #[must_use = "those who may go are to be woken by `wake_released`"]
    pub(super) fn release(&mut self) -> bool {
        self.released = self.arrivals;
        self.waiters.has_waiter()
    }

    pub(crate) fn is_released(&self, arrival: &Arrival) -> bool {
        arrival.0 < self.released
    }

    fn take_released(&mut self) -> Option<Claimed> {
        let released = self.released;
        // SAFETY: every node of a crowd carries an `Arrival` of its waiter's frame, which stands as long
        // as the node is queued.
        let may_go = |slot: *mut ()| unsafe { (*slot.cast::<Arrival>()).0 } < released;
        self.waiters.take_first_if(may_go)
    }
}

/// Step 2 and 3 of the releaser.
pub(super) fn wake_released<S>(lock: &Lock<S>, crowd: impl Fn(&mut S) -> &mut Crowd) {
    wake_in_batches(lock, |state| crowd(state).take_released());
}

/// Waits in the crowd until it is released. Parks. `false`: the deadline passed. Unwinds for an
/// interrupt. `guard` is the state in which the caller saw that it is not so yet.
pub(super) fn wait_among<'a, S>(
    lock: &'a Lock<S>,
    mut guard: LockGuard<'a, S>,
    crowd: impl Fn(&mut S) -> &mut Crowd,
    wait: Wait,
) -> bool {
    let arrival = crowd(&mut guard).arrive();
    let why = match wait_list::wait_given(
        lock,
        guard,
        |state| crowd(state).waiters(),
        arrival.slot(),
        wait,
    ) {
        Gift::Given => return true,
        Gift::Withdrawn(why, mut state) => {
            if crowd(&mut state).is_released(&arrival) {
                return true;
            }
            why
        }
    };
    match why {
        Why::TimedOut => false,
        Why::Interrupted => interrupt::raise(),
    }
}
