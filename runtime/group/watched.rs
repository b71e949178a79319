//! Handles under watch: one registration per handle, ends taken one by one, in the order they come.
//!
//! ```text
//!   taker                                       a task's end (task/watch)
//!   1. lock; an end in the list? take it, done  1. lock; add the token to the list
//!   2. queue my node; unlock; park              2. take the first waiter; unlock; wake it
//!   3. off the queue? look again
//! ```
//! There is one taker at a time (`&mut`), whoever it is at that moment: nothing here remembers a task or
//! a thread, so the handles may change hands between two calls, and a set that is forgotten leaks and
//! harms nobody. An end that came wins over interrupts and time-outs.
//! Rejected: a select over all handles at each step. It is quadratic.

use super::handle::{Handle, HasEnded};
use crate::park::interrupt;
use crate::park::wait_list::{self, Gift, Wait, Why};
use crate::sched::current;
use crate::sched::run::spend_budget;
use crate::sys::lock::Lock;
use crate::task::WaitReason;
use crate::task::reason::{Address, At};
use crate::task::wait_queue::WaitQueue;
use crate::task::watch::Watcher;
use crate::thread::{self, watch};
use std::collections::{BTreeMap, VecDeque};
use std::ptr;
use std::sync::Arc;

/// Ends that were told and not taken.
#[derive(Debug)]
pub(crate) struct Ends(Lock<State>);

#[derive(Debug)]
struct State {
    tokens: VecDeque<u64>,
    taker: WaitQueue,
}

impl Watcher for Ends {
    fn ended(&self, token: u64) {
        let claimed = {
            let mut state = self.0.lock();
            state.tokens.push_back(token);
            state.taker.take_first()
        };
        claimed.into_iter().for_each(wait_list::wake);
    }
}

impl Ends {
    pub(crate) fn new() -> Ends {
        Ends(Lock::new(State {
            tokens: VecDeque::new(),
            taker: WaitQueue::new(),
        }))
    }

    fn try_take(&self) -> Option<u64> {
        self.0.lock().tokens.pop_front()
    }

    /// `None`: the time was up. Unwinds for an interrupt.
    pub(crate) fn take(&self, deadline_ns: u64) -> Option<u64> {
        loop {
            let mut state = self.0.lock();
            if let Some(token) = state.tokens.pop_front() {
                return Some(token);
            }
            let reason = WaitReason::At(At::Ends, Address::of(self));
            let wait = Wait::until(deadline_ns, reason);
            match wait_list::wait_given(&self.0, state, |s| &mut s.taker, ptr::null_mut(), wait) {
                Gift::Given => {}
                Gift::Withdrawn(why, state) => {
                    drop(state);
                    match why {
                        Why::Interrupted => interrupt::raise(),
                        Why::TimedOut => return None,
                    }
                }
            }
        }
    }
}

/// Handles by their tokens, each under watch.
pub(super) struct Watched<H: Handle> {
    ends: Arc<Ends>,
    handles: BTreeMap<u64, H>,
    next_token: u64,
}

impl<H: Handle> Watched<H> {
    pub(super) fn new() -> Watched<H> {
        Watched {
            ends: Arc::new(Ends::new()),
            handles: BTreeMap::new(),
            next_token: 0,
        }
    }

    /// Tokens are counted from 0.
    pub(super) fn add(&mut self, handle: H) {
        assert!(
            current::task().is_none_or(|task| task.id() != handle.end().0.header().id()),
            "a green thread cannot join itself"
        );
        let token = self.next_token;
        self.next_token += 1;
        watch(handle.end().0, self.watcher(), token);
        self.handles.insert(token, handle);
    }

    fn watcher(&self) -> Arc<dyn Watcher> {
        Arc::clone(&self.ends) as Arc<dyn Watcher>
    }

    pub(super) fn len(&self) -> usize {
        self.handles.len()
    }

    pub(super) fn handles(&self) -> impl Iterator<Item = &H> {
        self.handles.values()
    }

    /// Takes the next result. `None`: nothing is left, or the time was up. Unwinds for an interrupt, and
    /// then has taken nothing.
    pub(super) fn take(&mut self, deadline_ns: u64) -> Option<(u64, thread::Result<H::Output>)> {
        interrupt::check();
        spend_budget();
        if self.handles.is_empty() {
            return None;
        }
        let token = self.ends.take(deadline_ns)?;
        self.result(token)
    }

    /// Takes the next result, if there is one. Never parks.
    pub(super) fn try_take(&mut self) -> Option<(u64, thread::Result<H::Output>)> {
        let token = self.ends.try_take()?;
        self.result(token)
    }

    fn result(&mut self, token: u64) -> Option<(u64, thread::Result<H::Output>)> {
        let handle = self.handles.remove(&token)?;
        Some((token, handle.into_result(HasEnded(()))))
    }

    /// Ends the watch. What has ended and was not taken is among the rest.
    pub(super) fn release(&mut self) -> BTreeMap<u64, H> {
        let watcher = self.watcher();
        for (&token, handle) in &self.handles {
            handle.end().0.header().watchers.remove(&watcher, token);
        }
        std::mem::take(&mut self.handles)
    }
}

impl<H: Handle> Drop for Watched<H> {
    fn drop(&mut self) {
        drop(self.release());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thread::{JoinHandle, park, spawn};

    #[test]
    fn watch_that_was_released_is_not_kept_by_the_tasks() {
        let handles: Vec<JoinHandle<()>> = (0..3).map(|_| spawn(park)).collect();
        let thread_of = |handle: &JoinHandle<()>| handle.thread().clone();
        let threads: Vec<_> = handles.iter().map(thread_of).collect();
        let mut watched = Watched::new();
        handles.into_iter().for_each(|handle| watched.add(handle));
        let ends = Arc::clone(&watched.ends);
        assert_eq!(Arc::strong_count(&ends), 2 + 3);
        threads[1].unpark();
        let taken = watched.take(crate::sys::clock::NEVER_NS);
        assert_eq!(taken.map(|(token, _)| token), Some(1));
        let rest = watched.release();
        assert_eq!(rest.into_keys().collect::<Vec<_>>(), [0, 2]);
        drop(watched);
        // The one that ended may still be telling.
        while Arc::strong_count(&ends) > 1 {
            std::thread::yield_now();
        }
        threads.iter().for_each(thread::Thread::unpark);
    }
}
