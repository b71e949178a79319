//! A doubly linked list of timer nodes, without ownership: the links of one slot of the wheel.
//!
//! Null-terminated rather than circular: a circular list needs heads that never move and two writes
//! to initialise each of them; here the wheel stores nothing but pointers to nodes. The branches this
//! costs are predicted, and `tests/cost.rs` measures them. Never calls anything; the
//! wheel is its only user.

#![expect(
    unsafe_code,
    reason = "nodes are in other tasks' stack frames, reached by raw pointers"
)]

use super::{Link, TimerNode};
use std::ptr::NonNull;

/// First and last node; both `None` when empty.
pub(super) struct List<T: Copy> {
    first: Link<T>,
    last: Link<T>,
}

impl<T: Copy> List<T> {
    pub(super) const EMPTY: List<T> = List {
        first: None,
        last: None,
    };

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn first(&self) -> Link<T> {
        self.first
    }

    /// Appends `node`: a list keeps the order of arming.
    ///
    /// # Safety
    /// `node` is in no list, and it stays valid and in place until it was removed from this one.
    /// The same holds for every node in the list.
    pub(super) unsafe fn push_back(&mut self, node: NonNull<TimerNode<T>>) {
        // SAFETY: the caller vouches that the node is valid.
        let new = unsafe { node.as_ref() };
        new.prev.set(self.last);
        new.next.set(None);
        match self.last {
            // SAFETY: a node in the list is valid, by the contract under which it came in.
            Some(last) => unsafe { last.as_ref() }.next.set(Some(node)),
            None => self.first = Some(node),
        }
        self.last = Some(node);
    }

    /// Takes `node` out, wherever it stands.
    ///
    /// # Safety
    /// `node` is in this list, and every node in the list is valid.
    pub(super) unsafe fn remove(&mut self, node: NonNull<TimerNode<T>>) {
        // SAFETY: the caller vouches that the node is valid.
        let old = unsafe { node.as_ref() };
        let (prev, next) = (old.prev.get(), old.next.get());
        match prev {
            // SAFETY: a neighbour is in the list, hence valid.
            Some(prev) => unsafe { prev.as_ref() }.next.set(next),
            None => self.first = next,
        }
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { next.as_ref() }.prev.set(prev),
            None => self.last = prev,
        }
    }
}
