//! The workers of one runtime: what they share, and what they need to know of each other.
//!
//! Held by every worker and by the runtime's handle. The workers' places go back only with the last of
//! them, so a place is never reused while one worker of the old runtime could still push to it.

use super::shared::Shared;
use crate::context::stack::StackSize;
use crate::sys::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
use crate::sys::lock::Lock;
use crate::task::wait_queue::WaitQueue;
use std::io;

const RUNNING: u32 = 0;
const STOPPING: u32 = 1;
const ABANDONED: u32 = 2;

/// How far a runtime's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Tasks run as usual.
    Running,
    /// Every task is cancelled; workers leave when they have none left.
    Stopping,
    /// The grace is over; workers with unfinished tasks stop running them.
    Abandoned,
}

/// What a runtime's workers share.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) stack_size: StackSize,
    pub(crate) workers: Box<[&'static Shared]>,
    /// How many workers sleep or are about to; a hint for whom to wake.
    sleepers: AtomicUsize,
    /// How many of them wake up by themselves to look for closures to steal.
    lookouts: AtomicUsize,
    phase: AtomicU32,
    pub(crate) end: Lock<End>,
    /// Who waits for `end` to change.
    pub(crate) end_waiters: Lock<WaitQueue>,
}

/// What is known of the workers that have left.
#[derive(Debug)]
pub(crate) struct End {
    /// Workers that have left, or parked for ever.
    pub(crate) gone: usize,
    /// Tasks left behind by workers that parked for ever.
    pub(crate) abandoned: Vec<String>,
}

impl Group {
    pub(crate) fn new(name: String, stack_size: StackSize, count: usize) -> io::Result<Group> {
        let mut workers = Vec::with_capacity(count);
        for _ in 0..count {
            match Shared::take() {
                Ok(place) => workers.push(place),
                Err(error) => {
                    workers.into_iter().for_each(Shared::give_back);
                    return Err(error);
                }
            }
        }
        Ok(Group {
            name,
            stack_size,
            workers: workers.into_boxed_slice(),
            sleepers: AtomicUsize::new(0),
            lookouts: AtomicUsize::new(0),
            phase: AtomicU32::new(RUNNING),
            end: Lock::new(End {
                gone: 0,
                abandoned: Vec::new(),
            }),
            end_waiters: Lock::new(WaitQueue::new()),
        })
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            RUNNING => Phase::Running,
            STOPPING => Phase::Stopping,
            _ => Phase::Abandoned,
        }
    }

    /// Asks the workers to go on to the next phase.
    pub(crate) fn set_phase(&self, phase: Phase) {
        let word = match phase {
            Phase::Running => RUNNING,
            Phase::Stopping => STOPPING,
            Phase::Abandoned => ABANDONED,
        };
        self.phase.store(word, Ordering::Release);
        self.ring_sleepers();
    }

    /// Lets every sleeping worker look around.
    pub(super) fn ring_sleepers(&self) {
        for worker in &self.workers {
            worker.ring_if_asleep();
        }
    }

    pub(crate) fn index_of(&self, place: &'static Shared) -> Option<usize> {
        self.workers
            .iter()
            .position(|worker| std::ptr::eq(*worker, place))
    }

    pub(super) fn fall_asleep(&self) {
        self.sleepers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn wake_up(&self) {
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }

    /// A sleeper wakes up by itself after a while.
    pub(super) fn begin_lookout(&self) {
        self.lookouts.fetch_add(1, Ordering::Relaxed);
    }

    /// It has woken. If it was the last and closures wait somewhere, it may have no time for them (a
    /// task of its own woke it): whoever pushed them still counted on it, so another one is woken.
    pub(super) fn end_lookout(&self) {
        let was_last = self.lookouts.fetch_sub(1, Ordering::Relaxed) == 1;
        if was_last && self.workers.iter().any(|worker| worker.deque.len() > 0) {
            self.wake_one();
        }
    }

    /// Whether a closure that is pushed now and waits behind a task that computes will be found by
    /// another worker without being rung for. A look without a fence: a stale answer costs time, no
    /// closure.
    pub(super) fn has_lookout(&self) -> bool {
        self.workers.len() == 1 || self.lookouts.load(Ordering::Relaxed) > 0
    }

    /// Whether every worker sleeps or is about to.
    pub(super) fn all_asleep(&self) -> bool {
        self.sleepers.load(Ordering::Relaxed) == self.workers.len()
    }

    /// Rings one sleeping worker, if there is one: there is more to do than the awake ones can take
    /// at once. Called after the work was published; the fence mirrors the sleeper's.
    pub(crate) fn wake_one(&self) {
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::Relaxed) == 0 {
            return;
        }
        if let Some(worker) = self
            .workers
            .iter()
            .find(|worker| worker.sleep.claim_sleeper())
        {
            worker.poller.ring();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for worker in std::mem::take(&mut self.workers) {
            worker.give_back();
        }
    }
}
