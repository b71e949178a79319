//! `Event`: a flag that one waits for.
//!
//! The protocol of those who wait is in `crowd`: whoever waits when it is set may go, even if it is
//! cleared before he has been woken.

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

/// A flag that is set and cleared, and that any number may wait for.
///
/// `set` lets everybody go who waits at that moment, even if `clear` follows at once; whoever comes
/// after the `clear` waits for the next `set`. Source: Python's `threading.Event`, gevent's `Event`.
///
/// # Examples
/// ```
/// use greenroom::sync::Event;
/// static READY: Event = Event::new();
/// greenroom::thread::scope(|s| {
///     for _ in 0..3 {
///         s.spawn(|| READY.wait());
///     }
///     READY.set();
/// });
/// assert!(READY.is_set());
/// ```
pub struct Event {
    state: Lock<EventState>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct EventState {
    is_set: bool,
    crowd: Crowd,
}

impl EventState {
    pub(crate) fn is_set(&self) -> bool {
        self.is_set
    }

    /// Those who wait for the flag.
    pub(crate) fn crowd(&mut self) -> &mut Crowd {
        &mut self.crowd
    }
}

impl Event {
    /// An event that is not set.
    ///
    /// # Examples
    /// ```
    /// assert!(!greenroom::sync::Event::new().is_set());
    /// ```
    pub const fn new() -> Event {
        Event {
            state: Lock::new(EventState {
                is_set: false,
                crowd: Crowd::new(),
            }),
        }
    }

    /// Sets the flag and lets everybody go who waits. Never parks.
    ///
    /// # Examples
    /// ```
    /// let event = greenroom::sync::Event::new();
    /// event.set();
    /// event.wait(); // Returns at once.
    /// ```
    pub fn set(&self) {
        let has_waiters = {
            let mut state = self.state.lock();
            state.is_set = true;
            state.crowd.release()
        };
        if has_waiters {
            wake_released(&self.state, EventState::crowd);
        }
    }

    /// Clears the flag: from here on `wait` waits. Never parks.
    ///
    /// # Examples
    /// ```
    /// let event = greenroom::sync::Event::new();
    /// event.set();
    /// event.clear();
    /// assert!(!event.is_set());
    /// ```
    pub fn clear(&self) {
        self.state.lock().is_set = false;
    }

    /// Whether the flag is set. Never parks.
    ///
    /// # Examples
    /// ```
    /// let event = greenroom::sync::Event::new();
    /// event.set();
    /// assert!(event.is_set());
    /// ```
    pub fn is_set(&self) -> bool {
        self.state.lock().is_set
    }

    /// Waits until the flag is set. Parks, unless it is.
    ///
    /// # Cancel
    /// Nothing happened.
    ///
    /// # Examples
    /// ```
    /// let event = greenroom::sync::Event::new();
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(|| event.set());
    ///     event.wait();
    /// });
    /// ```
    pub fn wait(&self) {
        let is_set = self.wait_until(NEVER_NS);
        debug_assert!(is_set);
    }

    /// As [`wait`](Event::wait), for at most `timeout`. `false`: the time was up.
    ///
    /// # Cancel
    /// Nothing happened.
    ///
    /// # Examples
    /// ```
    /// let event = greenroom::sync::Event::new();
    /// assert!(!event.wait_timeout(std::time::Duration::from_millis(1)));
    /// ```
    #[must_use = "says whether the event was set"]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(deadline_after(timeout))
    }

    fn wait_until(&self, deadline_ns: u64) -> bool {
        interrupt::check();
        spend_budget();
        let state = self.state.lock();
        if state.is_set {
            return true;
        }
        let reason = WaitReason::At(At::Event, Address::of(self));
        let wait = Wait::until(deadline_ns, reason);
        wait_among(&self.state, state, EventState::crowd, wait)
    }

    /// For the arms of a select.
    pub(crate) fn state(&self) -> &Lock<EventState> {
        &self.state
    }
}

impl std::panic::UnwindSafe for Event {}
impl std::panic::RefUnwindSafe for Event {}

impl Default for Event {
    fn default() -> Event {
        Event::new()
    }
}

/// Never blocks: shows `<locked>` if somebody is at it just now.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Event");
        // Taken down first: the formatter may be the user's, and does not write under the lock.
        let seen = self.state.try_lock();
        match seen.map(|state| (state.is_set, state.crowd.len())) {
            Some((is_set, waiters)) => text.field("set", &is_set).field("waiters", &waiters),
            None => text.field("state", &format_args!("<locked>")),
        };
        text.finish()
    }
}
