//! A worker's place: the part of a worker that other threads reach.
//!
//! Places are never freed, only reused by later runtimes: a waker may hold a task's home longer than
//! that worker lives (it publishes the task, the task runs and ends, the runtime ends, and only then
//! does the waker look at the sleep word). Such a late look or ring is spurious, and harmless.

use super::deque::Deque;
use super::inbox::{Inbox, Link};
use super::sleep::Sleep;
use crate::driver::Poller;
use crate::sys::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use crate::sys::lock::Lock;
use crate::task::{Header, TaskPtr};
use std::io;

impl Link for Header {
    fn link(&self) -> &AtomicPtr<Header> {
        &self.inbox_next
    }
}

/// What everybody may know of a worker.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) inbox: Inbox<Header>,
    pub(crate) deque: Deque,
    pub(crate) sleep: Sleep,
    pub(crate) poller: Poller,
    /// Started, unfinished tasks; stored by the owner.
    started: AtomicUsize,
    /// Id of the task that runs now, 0 for none; stored by the owner, for reports.
    running: AtomicU64,
}

static FREE: Lock<Vec<&'static Shared>> = Lock::new(Vec::new());

impl Shared {
    /// A place for a new worker. Errors: no descriptor for epoll or its bell.
    pub(crate) fn take() -> io::Result<&'static Shared> {
        if let Some(place) = FREE.lock().pop() {
            place.inbox.reopen();
            place.deque.reopen();
            return Ok(place);
        }
        Ok(Box::leak(Box::new(Shared {
            inbox: Inbox::new(),
            deque: Deque::new(),
            sleep: Sleep::new(),
            poller: Poller::new()?,
            started: AtomicUsize::new(0),
            running: AtomicU64::new(0),
        })))
    }

    /// Gives the place back; its worker has left and no task calls it home.
    pub(crate) fn give_back(&'static self) {
        FREE.lock().push(self);
    }

    /// Hands a task to this worker from another thread; wakes it if it sleeps. Returns the task if
    /// the worker has left.
    #[expect(unsafe_code, reason = "the inbox is intrusive")]
    pub(crate) fn push(&self, task: TaskPtr) -> Result<(), TaskPtr> {
        let header = task.into_raw();
        // SAFETY: the scheduler's reference keeps the task alive, and it travels with the push.
        if !unsafe { self.inbox.push(header) } {
            return Err(TaskPtr::new(header));
        }
        self.ring_if_asleep();
        Ok(())
    }

    /// The bringer's side of `sched/sleep.rs`, after the work was published.
    pub(crate) fn ring_if_asleep(&self) {
        if self.sleep.must_ring() {
            self.poller.ring();
        }
    }

    /// Tasks that this worker has to care for: what placing compares.
    pub(crate) fn load(&self) -> usize {
        self.started.load(Ordering::Relaxed) + self.deque.len()
    }

    pub(super) fn set_started(&self, started: usize) {
        self.started.store(started, Ordering::Relaxed);
    }

    pub(super) fn set_running(&self, id: u64) {
        self.running.store(id, Ordering::Relaxed);
    }

    /// Id of the task that runs now, 0 for none; may be a moment old.
    pub(crate) fn running(&self) -> u64 {
        self.running.load(Ordering::Relaxed)
    }
}
