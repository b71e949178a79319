//! A FIFO of waiters, intrusive: the nodes lie on the stacks of those who wait.
//!
//! Pure list logic; whoever owns a queue protects it by a lock (`park/wait_list`, `driver/source`).
//! No allocation, O(1) removal from the middle. A waiter is a task or an OS thread. Taking one off
//! *claims* it under the lock: a parked task goes to ACTIVE there and then, so the taker alone may
//! enqueue it, and it cannot end (nor its stack vanish) before that happened. No reference count is
//! touched.
#![expect(unsafe_code, reason = "intrusive links between stacks")]

use super::header::{Header, TaskPtr};
use super::os_parker::{OsParker, WakeAddress};
use super::state::Wake;
use crate::sys::atomic::{AtomicU8, Ordering};
use std::cell::Cell;
use std::marker::PhantomPinned;
use std::ptr::{self, NonNull};

/// Who waits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Waiter {
    /// A green thread: its header outlives the node, since the node is on its stack.
    Task(NonNull<Header>),
    /// An OS thread: its parker lies beside the node.
    Thread(NonNull<OsParker>),
}

/// What a claimed waiter needs to go on, to be done after the lock is released.
#[must_use]
#[derive(Debug)]
pub(crate) enum Claimed {
    /// Enqueue this task at its home worker.
    Task(TaskPtr),
    /// Wake this address.
    Thread(WakeAddress),
    /// It was active anyway and will notice.
    Nothing,
}

/// One waiter's place in a queue.
#[derive(Debug)]
pub(crate) struct WaitNode {
    prev: Cell<*const WaitNode>,
    next: Cell<*const WaitNode>,
    /// Written under the queue's lock; zero may be trusted without it: nobody touches the node then.
    is_queued: AtomicU8,
    waiter: Waiter,
    _pinned: PhantomPinned,
}

impl WaitNode {
    pub(crate) fn new(waiter: Waiter) -> WaitNode {
        WaitNode {
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            is_queued: AtomicU8::new(0),
            waiter,
            _pinned: PhantomPinned,
        }
    }

    /// Whether the node stands in a queue. `false`, also without the lock, says that whoever took it
    /// off is through with it.
    pub(crate) fn is_queued(&self) -> bool {
        // Acquire: pairs with the Release in `remove` and `take_first`.
        self.is_queued.load(Ordering::Acquire) != 0
    }

    /// The waiting task's address, null for a thread: a hint for prefetching.
    pub(crate) fn task_address(&self) -> *const Header {
        match self.waiter {
            Waiter::Task(header) => header.as_ptr(),
            Waiter::Thread(_) => ptr::null(),
        }
    }

    fn claim(&self) -> Claimed {
        match self.waiter {
            Waiter::Task(header) => {
                // SAFETY: the node was queued, so its task has not left the wait and is alive.
                let wake = unsafe { header.as_ref() }.state.wake();
                match wake {
                    Wake::Enqueue => Claimed::Task(TaskPtr::new(header)),
                    Wake::Nothing => Claimed::Nothing,
                }
            }
            // SAFETY: the node was queued, so its thread has not left the wait.
            Waiter::Thread(parker) => Claimed::Thread(unsafe { parker.as_ref() }.set()),
        }
    }
}

/// The queue: a doubly linked list in arrival order.
#[derive(Debug)]
pub(crate) struct WaitQueue {
    head: *const WaitNode,
    tail: *const WaitNode,
}

// SAFETY: the queue is reached only under its owner's lock, and nodes are Cells touched only there.
unsafe impl Send for WaitQueue {}

impl WaitQueue {
    pub(crate) const fn new() -> WaitQueue {
        WaitQueue {
            head: ptr::null(),
            tail: ptr::null(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// Appends a node.
    ///
    /// # Safety
    /// The node stays where it is, and alive, until it was taken or removed.
    pub(crate) unsafe fn push(&mut self, node: &WaitNode) {
        debug_assert!(!node.is_queued());
        node.prev.set(self.tail);
        node.next.set(ptr::null());
        // Relaxed: whoever takes it off holds the lock.
        node.is_queued.store(1, Ordering::Relaxed);
        // SAFETY: a non-null tail is a queued node, alive by `push`'s contract.
        match unsafe { self.tail.as_ref() } {
            Some(tail) => tail.next.set(node),
            None => self.head = node,
        }
        self.tail = node;
    }

    /// Takes a node out of the middle; harmless if it was taken already.
    pub(crate) fn remove(&mut self, node: &WaitNode) {
        if node.is_queued() {
            self.unlink(node);
            node.is_queued.store(0, Ordering::Release);
        }
    }

    fn unlink(&mut self, node: &WaitNode) {
        // SAFETY: neighbours of a queued node are queued, so alive by `push`'s contract.
        match unsafe { node.prev.get().as_ref() } {
            Some(prev) => prev.next.set(node.next.get()),
            None => self.head = node.next.get(),
        }
        // SAFETY: as above.
        match unsafe { node.next.get().as_ref() } {
            Some(next) => next.prev.set(node.prev.get()),
            None => self.tail = node.prev.get(),
        }
    }

    /// Takes and claims the longest waiter.
    pub(crate) fn take_first(&mut self) -> Option<Claimed> {
        // SAFETY: a non-null head is a queued node, alive by `push`'s contract.
        let node = unsafe { self.head.as_ref() }?;
        self.unlink(node);
        let claimed = node.claim();
        // Subtle: last. A waiter that runs for another reason may see this without the lock, and its
        // node is gone the next moment. Release: all of the above comes before.
        node.is_queued.store(0, Ordering::Release);
        Some(claimed)
    }
}
