//! A FIFO of waiters, intrusive: the nodes lie on the stacks of those who wait.
//!
//! Pure list logic; whoever owns a queue protects it by a lock (`park/wait_list`, `driver/source`).
//! No allocation, O(1) removal from the middle. A waiter is a task or an OS thread. Taking one off
//! *claims* it under the lock: a parked task goes to ACTIVE there and then, so the taker alone may
//! enqueue it, and it cannot end (nor its stack vanish) before that happened. No reference count is
//! touched. A taker may *give* something along, through the node's slot, a place in the waiter's
//! frame. A node may be an arm of a select: then its ticket must be won first, see `ticket`.
#![expect(unsafe_code, reason = "intrusive links between stacks")]

use super::header::{Header, TaskPtr};
use super::os_parker::{OsParker, WakeAddress};
use super::state::Wake;
use super::ticket::Ticket;
use crate::sys::atomic::{AtomicU8, Ordering};
use crate::sys::prefetch::prefetch;
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
    /// Which arm of the select it is.
    arm: u32,
    waiter: Waiter,
    /// What a taker gives or takes through; its type is known to the queue's owner. Null: nothing.
    slot: *mut (),
    /// The ticket of the select it is an arm of; null: it is the only node of its wait.
    ticket: *const Ticket,
    _pinned: PhantomPinned,
}

impl WaitNode {
    /// A node that waits to be woken, and no more.
    pub(crate) fn new(waiter: Waiter) -> WaitNode {
        WaitNode::with_slot(waiter, ptr::null_mut())
    }

    /// A node through which a taker gives.
    #[inline]
    pub(crate) fn with_slot(waiter: Waiter, slot: *mut ()) -> WaitNode {
        WaitNode {
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            is_queued: AtomicU8::new(0),
            arm: 0,
            waiter,
            slot,
            ticket: ptr::null(),
            _pinned: PhantomPinned,
        }
    }

    /// A node that is one arm of a select. The ticket outlives the node's time in the queue.
    pub(crate) fn of_arm(waiter: Waiter, slot: *mut (), ticket: &Ticket, arm: u32) -> WaitNode {
        WaitNode {
            arm,
            ticket,
            ..WaitNode::with_slot(waiter, slot)
        }
    }

    /// The place through which a taker gives.
    pub(crate) fn slot(&self) -> *mut () {
        self.slot
    }

    /// Who waits here.
    pub(crate) fn waiter(&self) -> Waiter {
        self.waiter
    }

    /// Whether it may be given to. Not if another arm of its select has won, nor if its task was left
    /// behind by its runtime: that one would never take what it is given, nor pass it on.
    #[inline]
    fn win(&self) -> bool {
        // SAFETY: a ticket outlives the node's time in the queue, by `of_arm`.
        let ticket = unsafe { self.ticket.as_ref() };
        !self.is_left_behind() && ticket.is_none_or(|ticket| ticket.win(self.arm))
    }

    /// Whether a taker would pass it over.
    #[inline]
    fn is_stale(&self) -> bool {
        // SAFETY: as in `win`.
        let ticket = unsafe { self.ticket.as_ref() };
        self.is_left_behind() || ticket.is_some_and(|ticket| !ticket.is_open())
    }

    #[inline]
    fn is_left_behind(&self) -> bool {
        match self.waiter {
            // SAFETY: the node is queued, so its task has not left the wait and is alive.
            Waiter::Task(header) => unsafe { header.as_ref() }.state.is_abandoned(),
            Waiter::Thread(_) => false,
        }
    }

    /// Whether the node stands in a queue. `false`, also without the lock, says that whoever took it
    /// off is through with it.
    #[inline]
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

    #[inline]
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

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// How many wait; walks the queue, for `Debug` only.
    pub(crate) fn len(&self) -> usize {
        let mut count = 0;
        let mut next = self.head;
        // SAFETY: queued nodes are alive by `push`'s contract.
        while let Some(node) = unsafe { next.as_ref() } {
            count += usize::from(!node.is_stale());
            next = node.next.get();
        }
        count
    }

    /// Appends a node.
    ///
    /// # Safety
    /// The node stays where it is, and alive, until it was taken or removed.
    #[inline]
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

    /// Puts a node before all others: a waiter that was woken and came too late keeps its turn.
    ///
    /// # Safety
    /// As `push`.
    #[inline]
    pub(crate) unsafe fn push_front(&mut self, node: &WaitNode) {
        debug_assert!(!node.is_queued());
        node.prev.set(ptr::null());
        node.next.set(self.head);
        // Relaxed: whoever takes it off holds the lock.
        node.is_queued.store(1, Ordering::Relaxed);
        // SAFETY: a non-null head is a queued node, alive by `push`'s contract.
        match unsafe { self.head.as_ref() } {
            Some(head) => head.prev.set(node),
            None => self.tail = node,
        }
        self.head = node;
    }

    /// Takes a node out of the middle. `false`: it was taken already, which is harmless.
    #[inline]
    pub(crate) fn remove(&mut self, node: &WaitNode) -> bool {
        if !node.is_queued() {
            return false;
        }
        self.unlink(node);
        node.is_queued.store(0, Ordering::Release);
        true
    }

    #[inline]
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

    /// The longest waiter, if any; nodes of selects that are decided are dropped on the way.
    ///
    /// Another arm of it may win before it is taken: `take_first_with` may still take the next one.
    #[inline]
    pub(crate) fn first(&mut self) -> Option<&WaitNode> {
        loop {
            // SAFETY: a non-null head is a queued node, alive by `push`'s contract.
            let node = unsafe { self.head.as_ref() }?;
            if !node.is_stale() {
                return Some(node);
            }
            self.remove(node);
        }
    }

    /// Whether somebody waits here who can still be given to.
    pub(crate) fn has_waiter(&mut self) -> bool {
        self.first().is_some()
    }

    /// Takes and claims the longest waiter.
    pub(crate) fn take_first(&mut self) -> Option<Claimed> {
        self.take_first_with(|_| ())
    }

    /// Takes and claims the longest waiter if `may`, called with its slot, agrees. Those behind one that
    /// may not go are not asked.
    pub(crate) fn take_first_if(&mut self, may: impl Fn(*mut ()) -> bool) -> Option<Claimed> {
        loop {
            // SAFETY: a non-null head is a queued node, alive by `push`'s contract.
            let node = unsafe { self.head.as_ref() }?;
            if !may(node.slot) {
                return None;
            }
            self.unlink(node);
            // For a crowd: the next one's line comes in while this one is claimed.
            prefetch(self.head);
            let claimed = node.win().then(|| node.claim());
            // Release, and last: as in `take_first_with`.
            node.is_queued.store(0, Ordering::Release);
            if claimed.is_some() {
                return claimed;
            }
        }
    }

    /// Takes and claims the longest waiter, after `give` was called with its slot. `give` is called
    /// at most once, and not at all for `None`.
    #[inline]
    pub(crate) fn take_first_with(&mut self, give: impl FnOnce(*mut ())) -> Option<Claimed> {
        loop {
            // SAFETY: a non-null head is a queued node, alive by `push`'s contract.
            let node = unsafe { self.head.as_ref() }?;
            self.unlink(node);
            if node.win() {
                give(node.slot);
                let claimed = node.claim();
                // Subtle: last. A waiter that runs for another reason may see this without the lock,
                // and its node is gone the next moment. Release: all of the above comes before.
                node.is_queued.store(0, Ordering::Release);
                return Some(claimed);
            }
            node.is_queued.store(0, Ordering::Release);
        }
    }
}
