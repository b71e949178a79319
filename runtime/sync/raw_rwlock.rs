//! The lock behind `RwLock`: a count, a flag, and one queue of readers and writers.
//!
//! ```text
//!   lock                                        unlock
//!   1. lock the state                           1. lock the state; count down
//!   2. nobody waits, and it admits me?          2. first waiter admitted now? take it off and
//!        count myself in, done                       count it in; unlock; wake it; again
//!   3. queue up; unlock; park
//!   4. off the queue? counted in, done
//! ```
//! *Who is next.* The queue is served strictly in order, by those who unlock, downgrade or leave it: a
//! writer when nobody is inside, a reader when no writer is. So readers at the head come in together,
//! and since nobody takes a place while somebody waits, neither side starves the other. The price is
//! that a lock which passes to a waiter on another worker is idle until that one runs.
//! *Leaving.* Whoever withdraws from the queue serves it: readers behind a writer that gave up may be
//! admitted. Whoever was counted in and is interrupted counts itself out again before it unwinds, as if
//! it had unlocked.
#![expect(unsafe_code, reason = "a node's slot is untyped")]

use crate::park::interrupt;
use crate::park::wait_list::{self, Gift, Wait, Why};
use crate::sched::current;
use crate::sys::atomic::{AtomicU64, Ordering};
use crate::sys::lock::{Lock, LockGuard};
use crate::task::WaitReason;
use crate::task::reason::{LockKind, Owner};
use crate::task::wait_queue::{Claimed, WaitQueue};

/// What somebody wants to do inside. A waiter's slot is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// See the module.
pub(super) struct RawRwLock {
    state: Lock<State>,
    /// The writer that came in last, see `Header::owner_word`: a diagnostic.
    writer: AtomicU64,
}

struct State {
    /// Inside. Never more than zero with `has_writer`.
    readers: usize,
    has_writer: bool,
    waiters: WaitQueue,
}

impl State {
    fn waiters(&mut self) -> &mut WaitQueue {
        &mut self.waiters
    }

    fn admits(&self, access: Access) -> bool {
        match access {
            Access::Read => !self.has_writer,
            Access::Write => !self.has_writer && self.readers == 0,
        }
    }

    fn count_in(&mut self, access: Access) {
        match access {
            Access::Read => self.readers += 1,
            Access::Write => self.has_writer = true,
        }
    }

    /// Lets a newcomer in, if it overtakes nobody.
    #[inline]
    fn try_enter(&mut self, access: Access) -> bool {
        let enters = self.admits(access) && !self.waiters.has_waiter();
        if enters {
            self.count_in(access);
        }
        enters
    }

    /// Lets the first waiter in, if it may come in now.
    fn admit_first(&mut self) -> Option<Claimed> {
        let access = access_of(self.waiters.first()?.slot());
        if !self.admits(access) {
            return None;
        }
        // Selects have no arms here, so the first is the one that is taken.
        let claimed = self.waiters.take_first();
        debug_assert!(claimed.is_some());
        self.count_in(access);
        claimed
    }
}

impl RawRwLock {
    pub(super) const fn new() -> RawRwLock {
        RawRwLock {
            state: Lock::new(State {
                readers: 0,
                has_writer: false,
                waiters: WaitQueue::new(),
            }),
            writer: AtomicU64::new(0),
        }
    }

    /// Comes in before the deadline, or not; unwinds for an interrupt.
    #[inline]
    pub(super) fn lock_until(&self, access: Access, deadline_ns: u64) -> bool {
        interrupt::check();
        let mut state = self.state.lock();
        let has_entered = state.try_enter(access) || self.wait(state, access, deadline_ns);
        if has_entered {
            self.note_writer(access);
        }
        has_entered
    }

    /// Comes in if nobody waits and nobody is in the way.
    #[inline]
    pub(super) fn try_lock(&self, access: Access) -> bool {
        let has_entered = self.state.lock().try_enter(access);
        if has_entered {
            self.note_writer(access);
        }
        has_entered
    }

    #[inline]
    fn note_writer(&self, access: Access) {
        if access == Access::Write {
            // Relaxed: a diagnostic.
            self.writer.store(current::owner_word(), Ordering::Relaxed);
        }
    }

    #[cold]
    fn wait(&self, state: LockGuard<'_, State>, access: Access, deadline_ns: u64) -> bool {
        let slot = (&raw const access).cast_mut().cast();
        let wait = Wait::until(deadline_ns, self.reason(&state, access));
        let why = match wait_list::wait_given(&self.state, state, State::waiters, slot, wait) {
            Gift::Given if interrupt::is_pending() => {
                self.unlock(access);
                Why::Interrupted
            }
            Gift::Given => return true,
            Gift::Withdrawn(why, state) => {
                self.admit_all(state);
                why
            }
        };
        match why {
            Why::TimedOut => false,
            Why::Interrupted => interrupt::raise(),
        }
    }

    fn reason(&self, state: &State, access: Access) -> WaitReason {
        let kind = match access {
            Access::Read => LockKind::Read,
            Access::Write => LockKind::Write,
        };
        // Relaxed: a diagnostic.
        let writer = self.writer.load(Ordering::Relaxed);
        WaitReason::Lock(kind, Owner::of(if state.has_writer { writer } else { 0 }))
    }

    /// Goes out; by whoever came in.
    #[inline]
    pub(super) fn unlock(&self, access: Access) {
        let mut state = self.state.lock();
        match access {
            Access::Read => {
                debug_assert!(state.readers > 0 && !state.has_writer);
                state.readers -= 1;
            }
            Access::Write => {
                debug_assert!(state.readers == 0 && state.has_writer);
                state.has_writer = false;
            }
        }
        if !state.waiters.is_empty() {
            self.admit_all(state);
        }
    }

    /// The writer inside becomes a reader, and nobody writes in between.
    pub(super) fn downgrade(&self) {
        let mut state = self.state.lock();
        debug_assert!(state.readers == 0 && state.has_writer);
        state.has_writer = false;
        state.readers = 1;
        self.admit_all(state);
    }

    /// Lets in whoever may come in, in order. One at a time, so that nothing is allocated; while the
    /// state is unlocked in between, newcomers see the queue and go behind it.
    #[cold]
    fn admit_all<'a>(&'a self, mut state: LockGuard<'a, State>) {
        while let Some(claimed) = state.admit_first() {
            drop(state);
            wait_list::wake(claimed);
            state = self.state.lock();
        }
    }
}

/// What a queued waiter wants.
fn access_of(slot: *mut ()) -> Access {
    // SAFETY: every node of this queue has an `Access` in its frame, never written after it was
    // queued; and it is queued, so its frame stands.
    unsafe { *slot.cast::<Access>() }
}
