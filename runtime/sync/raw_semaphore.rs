//! The counter behind both semaphores: permits, and those who wait for one.
//!
//! ```text
//!   acquire                                     release (n)
//!   1. lock; permits > 0? take one, done        1. lock; too many? refuse
//!   2. queue up; unlock; park                   2. a waiter? it has one now: claim, n - 1, again
//!   3. claimed? I have one                      3. nobody left: permits + n; unlock; wake
//!      interrupted meanwhile? release it, unwind
//! ```
//! *Invariant:* there are free permits only if nobody waits. So a newcomer never overtakes: FIFO.
//! A release of many claims in batches; what it still has to hand out is counted in `granting`, out of
//! reach of newcomers, until nobody waits.
//! *Race:* a waiter is cancelled as it is given a permit. Whether it was is decided under the lock; if
//! so, the permit goes on to the next, since nobody can tell, and nothing is lost with it.

use super::batch::wake_in_batches;
use crate::park::interrupt;
use crate::park::wait_list::{self, Gift, Wait, Why};
use crate::sched::run::spend_budget;
use crate::sys::lock::Lock;
use crate::task::WaitReason;
use crate::task::reason::{Address, At};
use crate::task::wait_queue::{Claimed, WaitQueue};
use std::fmt;

/// See the module.
#[derive(Debug)]
pub(crate) struct RawSemaphore {
    state: Lock<Permits>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Permits {
    free: usize,
    /// Being handed out by a release of many.
    granting: usize,
    /// At most so many.
    bound: usize,
    /// Slots: nothing. Whoever is taken off has a permit.
    waiters: WaitQueue,
}

impl Permits {
    /// Takes a free permit.
    pub(crate) fn take(&mut self) -> bool {
        match self.free.checked_sub(1) {
            Some(left) => {
                self.free = left;
                true
            }
            None => false,
        }
    }

    /// Where those wait who found none.
    pub(crate) fn waiters(&mut self) -> &mut WaitQueue {
        &mut self.waiters
    }

    /// Whether so many more would be too many.
    fn has_room_for(&self, count: usize) -> bool {
        let present = self.free.saturating_add(self.granting);
        count <= self.bound.saturating_sub(present)
    }

    /// Gives one of those being handed out to a waiter; frees the rest if nobody waits.
    fn grant(&mut self, left: &mut usize) -> Option<Claimed> {
        if *left == 0 {
            return None;
        }
        let claimed = self.waiters.take_first();
        let granted = if claimed.is_some() { 1 } else { *left };
        self.granting -= granted;
        *left -= granted;
        if claimed.is_none() {
            self.free += granted;
        }
        claimed
    }
}

impl RawSemaphore {
    pub(crate) const fn new(permits: usize, bound: usize) -> RawSemaphore {
        RawSemaphore {
            state: Lock::new(Permits {
                free: permits,
                granting: 0,
                bound,
                waiters: WaitQueue::new(),
            }),
        }
    }

    /// For the arms of a select.
    pub(crate) fn state(&self) -> &Lock<Permits> {
        &self.state
    }

    /// Takes a permit before the deadline. Parks. `false`: too late. Unwinds for an interrupt.
    #[inline]
    pub(crate) fn acquire(&self, deadline_ns: u64) -> bool {
        interrupt::check();
        spend_budget();
        let mut state = self.state.lock();
        if state.take() {
            return true;
        }
        let reason = WaitReason::At(At::Semaphore, Address::of(self));
        let wait = Wait::until(deadline_ns, reason);
        let why = match wait_list::wait_given(
            &self.state,
            state,
            Permits::waiters,
            std::ptr::null_mut(),
            wait,
        ) {
            Gift::Given if interrupt::is_pending() => {
                self.give_back();
                Why::Interrupted
            }
            Gift::Given => return true,
            Gift::Withdrawn(why, _state) => why,
        };
        match why {
            Why::TimedOut => false,
            Why::Interrupted => interrupt::raise(),
        }
    }

    /// Takes a permit if one is free. Never parks.
    pub(crate) fn try_acquire(&self) -> bool {
        self.state.lock().take()
    }

    /// Adds a permit. `false`: it would be too many. Never parks.
    #[inline]
    pub(crate) fn release(&self) -> bool {
        let claimed = {
            let mut state = self.state.lock();
            if !state.has_room_for(1) {
                return false;
            }
            let claimed = state.waiters.take_first();
            state.free += usize::from(claimed.is_none());
            claimed
        };
        claimed.into_iter().for_each(wait_list::wake);
        true
    }

    /// Adds permits. `false`: they would be too many, and none was added. Never parks.
    pub(crate) fn release_many(&self, count: usize) -> bool {
        {
            let mut state = self.state.lock();
            if !state.has_room_for(count) {
                return false;
            }
            state.granting += count;
        }
        let mut left = count;
        wake_in_batches(&self.state, |state| state.grant(&mut left));
        true
    }

    /// Gives back a permit that was taken here; dropped if others have filled the bound meanwhile.
    pub(crate) fn give_back(&self) {
        let _is_lost = !self.release();
    }

    pub(crate) fn available(&self) -> usize {
        self.state.lock().free
    }

    pub(crate) fn bound(&self) -> usize {
        self.state.lock().bound
    }

    pub(crate) fn fmt(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let mut text = f.debug_struct(name);
        // Taken down first: the formatter may be the user's, and does not write under the lock.
        let seen = self.state.try_lock();
        let Some((free, bound, waiters)) =
            seen.map(|state| (state.free, state.bound, state.waiters.len()))
        else {
            return text.field("state", &format_args!("<locked>")).finish();
        };
        text.field("available", &free);
        if bound != usize::MAX {
            text.field("bound", &bound);
        }
        text.field("waiters", &waiters).finish()
    }
}

impl std::panic::UnwindSafe for RawSemaphore {}
impl std::panic::RefUnwindSafe for RawSemaphore {}
