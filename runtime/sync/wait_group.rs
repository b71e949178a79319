//! `WaitGroup`: a count of what is not done yet, and those who wait for zero.
//!
//! The protocol of those who wait is in `crowd`: whoever waits when the count falls to zero may go,
//! even if something is added at once.

use super::crowd::{Crowd, wait_among, wake_released};
use crate::park::interrupt;
use crate::park::wait_list::Wait;
use crate::sched::run::spend_budget;
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::sys::lock::Lock;
use crate::task::WaitReason;
use crate::task::reason::{Address, At};
use std::fmt;
use std::time::Duration;

/// Counts what is under way; others wait until nothing is.
///
/// Add before the work begins, in the thread that starts it, not in the one that does it: else a
/// `wait` may come first and find nothing to wait for. May be used again and again.
/// Source: Go's `sync.WaitGroup`.
///
/// # Examples
/// ```
/// use greenroom::sync::WaitGroup;
/// static WORK: WaitGroup = WaitGroup::new();
/// greenroom::run(|| {
///     for _ in 0..3 {
///         let working = WORK.enter();
///         greenroom::thread::spawn(move || drop(working)); // Done, also if it panics.
///     }
///     WORK.wait();
/// });
/// assert_eq!(WORK.count(), 0);
/// ```
pub struct WaitGroup {
    state: Lock<WaitGroupState>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct WaitGroupState {
    count: usize,
    crowd: Crowd,
}

impl WaitGroupState {
    pub(crate) fn is_done(&self) -> bool {
        self.count == 0
    }

    /// Those who wait for zero.
    pub(crate) fn crowd(&mut self) -> &mut Crowd {
        &mut self.crowd
    }
}

impl WaitGroup {
    /// A group with nothing under way.
    ///
    /// # Examples
    /// ```
    /// greenroom::sync::WaitGroup::new().wait(); // Returns at once.
    /// ```
    pub const fn new() -> WaitGroup {
        WaitGroup {
            state: Lock::new(WaitGroupState {
                count: 0,
                crowd: Crowd::new(),
            }),
        }
    }

    /// Adds so many that are under way. Never parks.
    ///
    /// # Panics
    /// There would be more than [`usize::MAX`].
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::sync::WaitGroup::new();
    /// group.add(2);
    /// assert_eq!(group.count(), 2);
    /// ```
    pub fn add(&self, count: usize) {
        let is_added = {
            let mut state = self.state.lock();
            let sum = state.count.checked_add(count);
            state.count = sum.unwrap_or(state.count);
            sum.is_some()
        };
        assert!(is_added, "a wait group counts too many");
    }

    /// One less is under way; the last one lets everybody go who waits. Never parks.
    ///
    /// # Panics
    /// `done` is called more often than was added.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::sync::WaitGroup::new();
    /// group.add(1);
    /// group.done();
    /// group.wait();
    /// ```
    pub fn done(&self) {
        assert!(
            self.finish_one(),
            "done() of a wait group is called more often than was added"
        );
    }

    /// `false`: nothing was under way.
    fn finish_one(&self) -> bool {
        let has_waiters = {
            let mut state = self.state.lock();
            let Some(left) = state.count.checked_sub(1) else {
                return false;
            };
            state.count = left;
            left == 0 && state.crowd.release()
        };
        if has_waiters {
            wake_released(&self.state, WaitGroupState::crowd);
        }
        true
    }

    /// Adds one that is done when the guard is dropped. Never parks.
    ///
    /// # Panics
    /// As [`add`](WaitGroup::add).
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::sync::WaitGroup::new();
    /// let working = group.enter();
    /// assert_eq!(group.count(), 1);
    /// drop(working);
    /// assert_eq!(group.count(), 0);
    /// ```
    pub fn enter(&self) -> WaitGroupGuard<'_> {
        self.add(1);
        WaitGroupGuard { group: self }
    }

    /// How many are under way. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::sync::WaitGroup::new().count(), 0);
    /// ```
    pub fn count(&self) -> usize {
        self.state.lock().count
    }

    /// Waits until nothing is under way. Parks, unless that is so.
    ///
    /// # Cancel
    /// Nothing happened.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::sync::WaitGroup::new();
    /// group.add(1);
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(|| group.done());
    ///     group.wait();
    /// });
    /// ```
    pub fn wait(&self) {
        let is_done = self.wait_until(NEVER_NS);
        debug_assert!(is_done);
    }

    /// As [`wait`](WaitGroup::wait), for at most `timeout`. `false`: the time was up.
    ///
    /// # Cancel
    /// Nothing happened.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::sync::WaitGroup::new();
    /// group.add(1);
    /// assert!(!group.wait_timeout(std::time::Duration::from_millis(1)));
    /// ```
    #[must_use = "says whether everything is done"]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(deadline_after(timeout))
    }

    fn wait_until(&self, deadline_ns: u64) -> bool {
        interrupt::check();
        spend_budget();
        let state = self.state.lock();
        if state.is_done() {
            return true;
        }
        let reason = WaitReason::At(At::WaitGroup, Address::of(self));
        let wait = Wait::until(deadline_ns, reason);
        wait_among(&self.state, state, WaitGroupState::crowd, wait)
    }

    /// For the arms of a select.
    pub(crate) fn state(&self) -> &Lock<WaitGroupState> {
        &self.state
    }
}

impl std::panic::UnwindSafe for WaitGroup {}
impl std::panic::RefUnwindSafe for WaitGroup {}

impl Default for WaitGroup {
    fn default() -> WaitGroup {
        WaitGroup::new()
    }
}

/// Never blocks: shows `<locked>` if somebody is at it just now.
impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("WaitGroup");
        // Taken down first: the formatter may be the user's, and does not write under the lock.
        let seen = self.state.try_lock();
        match seen.map(|state| (state.count, state.crowd.len())) {
            Some((count, waiters)) => text.field("count", &count).field("waiters", &waiters),
            None => text.field("state", &format_args!("<locked>")),
        };
        text.finish()
    }
}

/// One that is under way in a [`WaitGroup`]; dropping it says that it is done.
///
/// If it was said to be done by hand as well, and nothing is left to be done, the drop does nothing.
///
/// # Examples
/// ```
/// use greenroom::sync::{WaitGroup, WaitGroupGuard};
/// let group = WaitGroup::new();
/// let working: WaitGroupGuard<'_> = group.enter();
/// drop(working);
/// group.wait();
/// ```
#[must_use = "if unused it is done at once"]
pub struct WaitGroupGuard<'a> {
    group: &'a WaitGroup,
}

impl Drop for WaitGroupGuard<'_> {
    fn drop(&mut self) {
        // A destructor that panics may abort, so one `done` too many is overlooked here.
        self.group.finish_one();
    }
}

/// Never blocks.
impl fmt::Debug for WaitGroupGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroupGuard")
            .field("group", self.group)
            .finish()
    }
}
