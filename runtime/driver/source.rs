//! A source: one descriptor that tasks wait for, wherever it is registered.
//!
//! Places are type-stable: never freed, reused under a new generation, so an event that is late
//! (its descriptor was closed, its number reused) finds a live place and at worst causes one needless
//! attempt. Protocols, with the source's lock held on both sides:
//!
//! *Park:* 1. lock 2. ready bit set? unlock, try again 3. register or move 4. queue the node 5. unlock
//! 6. suspend. *Event:* 1. set the bit 2. lock 3. claim all waiters 4. unlock. If the event's step 1
//! comes after the parker's step 2, its step 2 comes after the parker's step 5 and finds the node.
//!
//! *Move:* a parker of another worker takes the registration along (DEL + ADD, 1.4 µs) if nobody
//! waits here; else, or if its present poller is served, the wake crosses workers. ADD reports a
//! present state as a fresh edge, so nothing is lost in between.
//!
//! All waiters of a direction are woken, not one: a reader that takes one connection of two and then
//! works for a while must not keep the second from its neighbour.
//! Rejected: one slot per direction (may: the second waiter drops the first); registering for every
//! park (1.7 × the cost of an echoed message).
#![expect(unsafe_code, reason = "queues nodes that lie on waiting stacks")]

use super::Poller;
use super::ready::{Direction, Readiness};
use super::table;
use crate::sys::atomic::{AtomicPtr, AtomicU32, Ordering};
use crate::sys::epoll::{Event, Interest};
use crate::sys::lock::Lock;
use crate::sys::prefetch::prefetch;
use crate::task::wait_queue::{Claimed, WaitNode, WaitQueue};
use crate::task::{Header, TaskPtr};
use std::io;
use std::os::fd::RawFd;

/// The place of one source; see the module.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Source {
    index: u32,
    /// Part of the key; changed when the place is given back.
    generation: AtomicU32,
    pub(crate) ready: Readiness,
    /// The last node that was queued; only ever prefetched.
    last_node: AtomicPtr<WaitNode>,
    /// The task of that node; only ever prefetched.
    last_task: AtomicPtr<Header>,
    waiters: Lock<Waiters>,
}

/// Who waits, and through which poller; under the source's lock.
#[derive(Debug)]
pub(crate) struct Waiters {
    registered: Option<&'static Poller>,
    readers: WaitQueue,
    writers: WaitQueue,
}

impl Waiters {
    pub(crate) fn queue(&mut self, direction: Direction) -> &mut WaitQueue {
        match direction {
            Direction::Read => &mut self.readers,
            Direction::Write => &mut self.writers,
        }
    }
}

impl Waiters {
    /// Whether an event would be heard.
    pub(crate) fn is_registered(&self) -> bool {
        self.registered.is_some_and(Poller::is_served)
    }
}

impl Source {
    pub(super) fn new(index: u32) -> Source {
        Source {
            index,
            generation: AtomicU32::new(0),
            ready: Readiness::new(),
            last_node: AtomicPtr::new(std::ptr::null_mut()),
            last_task: AtomicPtr::new(std::ptr::null_mut()),
            waiters: Lock::new(Waiters {
                registered: None,
                readers: WaitQueue::new(),
                writers: WaitQueue::new(),
            }),
        }
    }

    pub(super) fn index(&self) -> u32 {
        self.index
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Relaxed)
    }

    fn key(&self) -> u64 {
        table::key(self.index, self.generation())
    }

    /// Parker, steps 1 to 5. `false`: it became ready, try again without suspending. If the
    /// registration fails, `stranded` gets the tasks that had waited through an earlier one.
    ///
    /// # Safety
    /// The node stays in place until it was taken or given to `withdraw`.
    pub(crate) unsafe fn enqueue(
        &self,
        here: &'static Poller,
        fd: RawFd,
        interest: Interest,
        direction: Direction,
        node: &WaitNode,
        stranded: &mut Vec<TaskPtr>,
    ) -> io::Result<bool> {
        let mut waiters = self.waiters.lock();
        // Subtle: registered before the look. The first edge of an ADD is a fresh report of what is
        // there now, so whatever happened before counts.
        self.register_or_strand(&mut waiters, here, fd, interest, stranded)?;
        if self.ready.snapshot().is_ready(direction) {
            return Ok(false);
        }
        self.last_node
            .store(std::ptr::from_ref(node).cast_mut(), Ordering::Relaxed);
        self.last_task
            .store(node.task_address().cast_mut(), Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { waiters.queue(direction).push(node) };
        Ok(true)
    }

    /// Registers for a select, which queues its node later, under the same lock: if by then the
    /// registration is gone, it begins again.
    pub(crate) fn prepare(
        &self,
        here: &'static Poller,
        fd: RawFd,
        interest: Interest,
        stranded: &mut Vec<TaskPtr>,
    ) -> io::Result<()> {
        let mut waiters = self.waiters.lock();
        self.register_or_strand(&mut waiters, here, fd, interest, stranded)
    }

    /// The lock that a select holds while it queues its node.
    pub(crate) fn waiters(&self) -> &Lock<Waiters> {
        &self.waiters
    }

    fn register_or_strand(
        &self,
        waiters: &mut Waiters,
        here: &'static Poller,
        fd: RawFd,
        interest: Interest,
        stranded: &mut Vec<TaskPtr>,
    ) -> io::Result<()> {
        self.register(waiters, here, fd, interest)
            .inspect_err(|_error| {
                // Whoever waited through the registration that is gone must find out as well.
                self.ready.set(true, true, false);
                claim_all(&mut waiters.readers, stranded);
                claim_all(&mut waiters.writers, stranded);
            })
    }

    fn register(
        &self,
        waiters: &mut Waiters,
        here: &'static Poller,
        fd: RawFd,
        interest: Interest,
    ) -> io::Result<()> {
        match waiters.registered {
            Some(there) if std::ptr::eq(there, here) => return Ok(()),
            Some(there) => {
                let someone_waits = waiters.readers.has_waiter() || waiters.writers.has_waiter();
                if someone_waits && there.is_served() {
                    return Ok(());
                }
                waiters.registered = None;
                there.epoll.delete(fd);
            }
            None => {}
        }
        here.epoll.add(fd, interest, self.key())?;
        waiters.registered = Some(here);
        Ok(())
    }

    /// Takes a node back that was not woken; harmless if it was.
    pub(crate) fn withdraw(&self, direction: Direction, node: &WaitNode) {
        // Nearly always it was woken: then the event has taken the node off, and no lock is needed.
        if node.is_queued() {
            self.waiters.lock().queue(direction).remove(node);
        }
    }

    /// An event for this source will be looked at soon.
    #[inline]
    pub(super) fn prefetch_waiter(&self) {
        prefetch(self.last_node.load(Ordering::Relaxed));
        prefetch(self.last_task.load(Ordering::Relaxed));
    }

    /// An event came.
    pub(super) fn on_event(&self, event: Event, woken: &mut impl Extend<TaskPtr>) {
        self.ready.set(event.readable, event.writable, event.closed);
        let mut waiters = self.waiters.lock();
        if event.readable {
            claim_all(&mut waiters.readers, woken);
        }
        if event.writable {
            claim_all(&mut waiters.writers, woken);
        }
    }

    /// Wakes all who wait through `poller`, which nobody serves any more.
    pub(super) fn wake_if_registered(&self, poller: &'static Poller, woken: &mut Vec<TaskPtr>) {
        let mut waiters = self.waiters.lock();
        if waiters
            .registered
            .is_some_and(|there| std::ptr::eq(there, poller))
        {
            self.ready.set(true, true, false);
            claim_all(&mut waiters.readers, woken);
            claim_all(&mut waiters.writers, woken);
        }
    }

    /// Gives the place back. `delete`: the descriptor lives on (a clone, or the user's), so epoll
    /// must be told; the last close of an open file does that by itself.
    pub(crate) fn retire(&'static self, fd: RawFd, delete: bool) {
        {
            let mut waiters = self.waiters.lock();
            debug_assert!(waiters.readers.is_empty() && waiters.writers.is_empty());
            if let Some(there) = waiters.registered.take()
                && delete
            {
                there.epoll.delete(fd);
            }
        }
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.ready.reset();
        table::give_back(self);
    }
}

fn claim_all(queue: &mut WaitQueue, woken: &mut impl Extend<TaskPtr>) {
    while let Some(claimed) = queue.take_first() {
        match claimed {
            Claimed::Task(task) => woken.extend(Some(task)),
            Claimed::Thread(address) => address.wake(),
            Claimed::Nothing => {}
        }
    }
}
