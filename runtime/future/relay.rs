//! A green thread that waits in the place of a future, and wakes it.
//!
//! Wakers are the business of whoever polls: foreign code, which may lock and run anything. So they are
//! called from a green thread of their own and never from a worker's stack or under a lock.
//! ```text
//!   poll (pending)                              relay
//!   1. lock; leave the waker; somebody waits?   1. wait
//!      note that somebody does; unlock          2. lock; take the waker; nobody waits; unlock
//!   2. nobody did: spawn the relay              3. wake it
//! ```
//! *Race:* what is waited for comes between the poll's look and its step 1. The relay looks by itself
//! before it parks, and one that was waiting meanwhile either takes the new waker or has ended by the
//! time of step 1, and then a new one looks.

use crate::park::interrupt;
use crate::sys::lock::Lock;
use crate::thread::{self, JoinHandle};
use std::fmt;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::task::Waker;

/// At most one green thread at a time, and whom it wakes.
#[derive(Default)]
pub(super) struct Relay {
    post: Arc<Post>,
    waiting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Post(Lock<State>);

#[derive(Default)]
struct State {
    waker: Option<Waker>,
    is_waiting: bool,
}

impl Relay {
    /// Has `waker` woken when `wait` returns; if a wait is under way, when that one does. Never parks.
    #[track_caller]
    pub(super) fn arrange(&mut self, waker: &Waker, wait: impl FnOnce() + Send + 'static) {
        // Cloned and dropped outside the lock: both are foreign code.
        let fresh = waker.clone();
        let (stale, was_waiting) = {
            let mut state = self.post.0.lock();
            let was_waiting = mem::replace(&mut state.is_waiting, true);
            (state.waker.replace(fresh), was_waiting)
        };
        drop(stale);
        if was_waiting {
            return;
        }
        let notice = Notice(Arc::clone(&self.post));
        self.waiting = Some(thread::spawn(move || {
            // A shutdown cancels the wait: whoever polls finds out. Not while this unwinds, because a
            // waker may panic; and shielded, because it may wait for a lock.
            let waited = panic::catch_unwind(AssertUnwindSafe(wait));
            interrupt::shielded(|| drop(notice));
            waited.unwrap_or_else(|payload| panic::resume_unwind(payload));
        }));
    }

    /// Ends the wait, if there is one, and waits for that. Nobody is woken. Parks.
    #[cfg(feature = "futures-io")]
    pub(super) fn call_off(&mut self) {
        self.forget_waker();
        if let Some(waiting) = self.waiting.take() {
            waiting.cancel();
            // Cancelled or done: either way it is over.
            let _ = interrupt::shielded(|| waiting.join());
        }
    }

    fn forget_waker(&self) {
        let stale = self.post.0.lock().waker.take();
        drop(stale);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.forget_waker();
        if let Some(waiting) = &self.waiting {
            waiting.cancel();
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

/// Wakes when it is dropped, also unstarted.
struct Notice(Arc<Post>);

impl Drop for Notice {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.0.lock();
            state.is_waiting = false;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
