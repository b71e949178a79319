//! Stands in for `runtime/sched/shared.rs`: a worker's place, with a bell instead of a poller.
#![expect(
    unsafe_code,
    reason = "the inbox is intrusive; places are given back to the heap"
)]

use super::deque::Deque;
use super::inbox::{Inbox, Link};
use super::sleep::Sleep;
use crate::sys::atomic::AtomicPtr;
use crate::sys::clock;
use crate::sys::event::Event;
use crate::task::{Header, TaskPtr};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    pub(crate) poller: Bell,
}

/// The bell of a poller; counts its rings.
#[derive(Debug)]
pub(crate) struct Bell {
    event: Arc<Event>,
    rings: AtomicUsize,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.rings.fetch_add(1, Ordering::Relaxed);
        self.event.set();
    }

    /// What `Driver::wait` is for the handshake: waits for a ring, or until time is up.
    pub(crate) fn wait(&self, limit_ns: u64) {
        clock::wait_until(&self.event, limit_ns);
    }

    pub(crate) fn rings(&self) -> usize {
        self.rings.load(Ordering::Relaxed)
    }
}

impl Shared {
    pub(crate) fn new() -> Shared {
        Shared {
            inbox: Inbox::new(),
            deque: Deque::new(),
            sleep: Sleep::new(),
            poller: Bell {
                event: Arc::new(Event::new()),
                rings: AtomicUsize::new(0),
            },
        }
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "the original's signature, which the group calls"
    )]
    pub(super) fn take() -> io::Result<&'static Shared> {
        Ok(Box::leak(Box::new(Shared::new())))
    }

    /// Unlike the original's a place is not kept: the next execution has loom objects of its own.
    pub(super) fn give_back(&'static self) {
        let place = std::ptr::from_ref(self).cast_mut();
        // SAFETY: made by `take`, and given back once, by the group that took it, when the model's
        // threads have ended.
        drop(unsafe { Box::from_raw(place) });
    }

    /// Mirrors the original.
    pub(crate) fn push(&self, task: TaskPtr) -> Result<(), TaskPtr> {
        let header = task.into_raw();
        // SAFETY: the model keeps its headers.
        if !unsafe { self.inbox.push(header) } {
            return Err(TaskPtr::new(header));
        }
        self.ring_if_asleep();
        Ok(())
    }

    /// Mirrors the original.
    pub(crate) fn ring_if_asleep(&self) {
        if self.sleep.must_ring() {
            self.poller.ring();
        }
    }
}
