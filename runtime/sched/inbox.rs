//! The inbox: how other threads hand a task to a worker. Many push, one takes all.
//!
//! An intrusive Treiber stack; since the only pop takes the whole chain there is no ABA problem. A
//! worker that leaves closes its inbox, and a push that comes too late gets its task back.
//!
//! 1. push: link to the head seen, compare-and-swap (Release). 2. take_all: swap with empty (Acquire),
//!    reverse, so that tasks come out in the order of arrival. The pushed task is visible to the taker
//!    through that pair. Whether the worker must be woken is `sched/sleep.rs`. Model: `models/`.
#![expect(unsafe_code, reason = "an intrusive list shared between threads")]

use crate::sys::atomic::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

/// Something that can stand in an inbox: owns the link of its chain.
pub(crate) trait Link: Sized {
    /// The link; touched only by the owner of the pushed node.
    fn link(&self) -> &AtomicPtr<Self>;
}

/// A stack of nodes that many push to and one empties.
#[derive(Debug)]
pub(crate) struct Inbox<N> {
    head: AtomicPtr<N>,
}

/// The head of a closed inbox: an address that no node has.
fn closed<N>() -> *mut N {
    ptr::without_provenance_mut(align_of::<N>())
}

impl<N: Link> Inbox<N> {
    pub(crate) fn new() -> Inbox<N> {
        Inbox {
            head: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Hands a node over. `false`: the inbox is closed and the node still belongs to the caller.
    ///
    /// # Safety
    /// The caller owns the node, which stays alive until the taker is done with it.
    pub(crate) unsafe fn push(&self, node: NonNull<N>) -> bool {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            if head == closed() {
                return false;
            }
            // SAFETY: the caller's contract.
            unsafe { node.as_ref() }
                .link()
                .store(head, Ordering::Relaxed);
            // Release: publishes the node and what it carries; pairs with the swap in `take_all`.
            match self.head.compare_exchange_weak(
                head,
                node.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => head = now,
            }
        }
    }

    /// Whether there is nothing to take: one load, for the loop and for the look before sleeping.
    pub(crate) fn is_empty(&self) -> bool {
        let head = self.head.load(Ordering::Relaxed);
        head.is_null() || head == closed()
    }

    /// Takes every node, oldest first.
    pub(crate) fn take_all(&self, mut each: impl FnMut(NonNull<N>)) {
        if self.is_empty() {
            return;
        }
        // Acquire: pairs with the Release of every push in the chain (each continues the release
        // sequence of the one before).
        let mut newest = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        let mut oldest_first: *mut N = ptr::null_mut();
        while let Some(node) = NonNull::new(newest) {
            // SAFETY: nodes of the chain are alive and ours since the swap.
            let link = unsafe { node.as_ref() }.link();
            newest = link.load(Ordering::Relaxed);
            link.store(oldest_first, Ordering::Relaxed);
            oldest_first = node.as_ptr();
        }
        while let Some(node) = NonNull::new(oldest_first) {
            // SAFETY: as above; read before `each`, which may give the node away.
            oldest_first = unsafe { node.as_ref() }.link().load(Ordering::Relaxed);
            each(node);
        }
    }

    /// Closes an empty inbox. `false`: something is in it, take that first.
    pub(crate) fn close(&self) -> bool {
        self.head
            .compare_exchange(
                ptr::null_mut(),
                closed(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Opens a closed inbox again, for the next runtime that uses this worker's place.
    pub(crate) fn reopen(&self) {
        let was = self.head.swap(ptr::null_mut(), Ordering::AcqRel);
        debug_assert!(was.is_null() || was == closed());
    }
}
