//! `Barrier`: std's, parking the green thread.
//!
//! ```text
//!   wait                                        the last to arrive
//!   1. lock; arrived + 1 < size?                1. lock; arrived = 0: the next round may begin
//!   2. arrived += 1; queue up; unlock; park     2. take everybody off the queue; unlock
//!   3. off the queue? the round is complete     3. wake them; it is the leader
//!      interrupted or too late? lock: still
//!      queued? off, arrived -= 1
//! ```
//! *Race:* the last one arrives while another gives up. Who is in the queue is who has arrived, under
//! one lock: either the round is complete with the one that gives up, and it returns as the others do,
//! or its arrival is taken back before the last one counts.

use crate::park::interrupt;
use crate::park::wait_list::{self, Gift, Wait, Why};
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::sys::lock::{Lock, LockGuard};
use crate::task::WaitReason;
use crate::task::reason::{Address, At};
use crate::task::wait_queue::WaitQueue;
use crate::time::Elapsed;
use std::fmt;
use std::ptr;
use std::time::Duration;

/// A place where several wait for each other. Source: [`std::sync::Barrier`].
///
/// # Examples
/// ```
/// use greenroom::sync::Barrier;
/// let barrier = Barrier::new(3);
/// let leaders = greenroom::thread::scope(|s| {
///     let all: Vec<_> = (0..3).map(|_| s.spawn(|| barrier.wait().is_leader())).collect();
///     all.into_iter().map(|one| one.join().unwrap()).filter(|&leads| leads).count()
/// });
/// assert_eq!(leaders, 1);
/// ```
pub struct Barrier {
    size: usize,
    state: Lock<State>,
}

struct State {
    /// In this round; as many as wait.
    arrived: usize,
    waiters: WaitQueue,
}

impl std::panic::UnwindSafe for Barrier {}
impl std::panic::RefUnwindSafe for Barrier {}

impl Barrier {
    /// A barrier for `n`. With 0 or 1 nobody ever waits.
    ///
    /// # Examples
    /// ```
    /// static BARRIER: greenroom::sync::Barrier = greenroom::sync::Barrier::new(1);
    /// assert!(BARRIER.wait().is_leader());
    /// ```
    #[must_use]
    pub const fn new(n: usize) -> Barrier {
        Barrier {
            size: n,
            state: Lock::new(State {
                arrived: 0,
                waiters: WaitQueue::new(),
            }),
        }
    }

    /// Waits until all have arrived; then the barrier can be used again. Parks.
    ///
    /// # Cancel
    /// Takes its arrival back: the others wait for somebody else. If all had arrived in that instant it
    /// returns, and the next parking call unwinds.
    ///
    /// # Examples
    /// ```
    /// let barrier = greenroom::sync::Barrier::new(2);
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(|| barrier.wait());
    ///     barrier.wait();
    /// });
    /// ```
    pub fn wait(&self) -> BarrierWaitResult {
        match self.wait_until(NEVER_NS) {
            Some(result) => result,
            None => unreachable!("a wait without a deadline is not timed out"),
        }
    }

    /// As [`wait`](Barrier::wait), for at most `timeout`. Beyond std.
    ///
    /// # Errors
    /// [`Elapsed`]: the time was up, and its arrival does not count.
    ///
    /// # Cancel
    /// As `wait`.
    ///
    /// # Examples
    /// ```
    /// let barrier = greenroom::sync::Barrier::new(2);
    /// assert!(barrier.wait_timeout(std::time::Duration::from_millis(1)).is_err());
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> Result<BarrierWaitResult, Elapsed> {
        self.wait_until(deadline_after(timeout)).ok_or(Elapsed)
    }

    /// Arrives if it is the last, as [`wait`](Barrier::wait) does. Never parks. Beyond std.
    ///
    /// # Examples
    /// ```
    /// assert!(greenroom::sync::Barrier::new(2).try_wait().is_none());
    /// assert!(greenroom::sync::Barrier::new(1).try_wait().is_some());
    /// ```
    pub fn try_wait(&self) -> Option<BarrierWaitResult> {
        self.complete(self.state.lock()).ok()
    }

    /// Completes the round, if its last is here; else gives the state back.
    fn complete<'a>(
        &self,
        mut state: LockGuard<'a, State>,
    ) -> Result<BarrierWaitResult, LockGuard<'a, State>> {
        if state.arrived + 1 < self.size {
            return Err(state);
        }
        let mut claimed = Vec::with_capacity(state.arrived);
        state.arrived = 0;
        while let Some(waiter) = state.waiters.take_first() {
            claimed.push(waiter);
        }
        drop(state);
        claimed.into_iter().for_each(wait_list::wake);
        Ok(BarrierWaitResult(true))
    }

    fn wait_until(&self, deadline_ns: u64) -> Option<BarrierWaitResult> {
        interrupt::check();
        let mut state = match self.complete(self.state.lock()) {
            Ok(result) => return Some(result),
            Err(state) => state,
        };
        interrupt::assert_may_park();
        state.arrived += 1;
        let reason = WaitReason::At(At::Barrier, Address::of(self));
        let why = match wait_list::wait_given(
            &self.state,
            state,
            |state| &mut state.waiters,
            ptr::null_mut(),
            Wait::until(deadline_ns, reason),
        ) {
            Gift::Given => return Some(BarrierWaitResult(false)),
            Gift::Withdrawn(why, mut state) => {
                state.arrived -= 1;
                why
            }
        };
        match why {
            Why::TimedOut => None,
            Why::Interrupted => interrupt::raise(),
        }
    }
}

/// Shows how many have arrived. Never blocks.
impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not while the state is locked: what `f` writes to may be the user's.
        let arrived = self.state.try_lock().map(|state| state.arrived);
        let mut text = f.debug_struct("Barrier");
        text.field("size", &self.size);
        match arrived {
            Some(arrived) => text.field("arrived", &arrived),
            None => text.field("arrived", &format_args!("<locked>")),
        };
        text.finish_non_exhaustive()
    }
}

/// What [`Barrier::wait`] returns. Source: [`std::sync::BarrierWaitResult`].
///
/// # Examples
/// ```
/// use greenroom::sync::{Barrier, BarrierWaitResult};
/// let result: BarrierWaitResult = Barrier::new(1).wait();
/// assert!(result.is_leader());
/// ```
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether it was the last to arrive: exactly one of a round is.
    ///
    /// # Examples
    /// ```
    /// assert!(greenroom::sync::Barrier::new(1).wait().is_leader());
    /// ```
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

/// As std's.
impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult")
            .field("is_leader", &self.is_leader())
            .finish()
    }
}
