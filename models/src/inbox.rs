//! The inbox: nothing is lost, nothing comes twice, each pusher's order is kept, closing is final.
#![expect(unsafe_code, reason = "the inbox is intrusive")]

use crate::check::{Seen, exhaust_up_to};
use crate::sched::inbox::{Inbox, Link};
use crate::sys::atomic::AtomicPtr;
use loom::cell::UnsafeCell;
use loom::thread;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// A node that carries data, so that loom checks that the push publishes it.
struct Node {
    link: AtomicPtr<Node>,
    value: UnsafeCell<u32>,
}

impl Link for Node {
    fn link(&self) -> &AtomicPtr<Node> {
        &self.link
    }
}

impl Node {
    /// On the heap until [`Node::free`].
    fn make(value: u32) -> NonNull<Node> {
        let node = Box::new(Node {
            link: AtomicPtr::new(ptr::null_mut()),
            value: UnsafeCell::new(0),
        });
        // SAFETY: nobody else knows the node.
        node.value.with_mut(|place| unsafe { *place = value });
        NonNull::from(Box::leak(node))
    }

    /// Takes the value as an owner does: loom reports anybody who still reaches it.
    fn free(node: NonNull<Node>) -> u32 {
        // SAFETY: made by `make`, freed by its only owner.
        let node = unsafe { Box::from_raw(node.as_ptr()) };
        // SAFETY: loom's cell checks that the write is ordered before.
        node.value.with_mut(|place| unsafe { *place })
    }
}

fn push(inbox: &Inbox<Node>, value: u32) -> bool {
    let node = Node::make(value);
    // SAFETY: the node is new, and freed by whoever gets it.
    let is_pushed = unsafe { inbox.push(node) };
    if !is_pushed {
        assert_eq!(Node::free(node), value, "the node is still the pusher's");
    }
    is_pushed
}

fn take_all(inbox: &Inbox<Node>, taken: &mut Vec<u32>) {
    inbox.take_all(|node| taken.push(Node::free(node)));
}

/// Two pushers, one with two nodes, against a taker.
pub fn push_against_take_all() {
    let seen = Seen::default();
    let split = seen.clone();
    exhaust_up_to(3, move || {
        let inbox = Arc::new(Inbox::new());
        let pushers = [&[10, 11][..], &[20]].map(|values| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || values.iter().all(|value| push(&inbox, *value)))
        });
        let mut taken = Vec::new();
        take_all(&inbox, &mut taken);
        split.note(u32::try_from(taken.len()).expect("because it is three at most"));
        take_all(&inbox, &mut taken);
        for pusher in pushers {
            assert!(pusher.join().expect("a pusher does not panic"));
        }
        take_all(&inbox, &mut taken);
        assert!(inbox.is_empty());
        let first: Vec<u32> = taken.iter().copied().filter(|value| *value < 20).collect();
        assert_eq!(first, [10, 11], "one pusher's order");
        taken.sort_unstable();
        assert_eq!(taken, [10, 11, 20], "all of them, once each");
    });
    seen.assert_all(4);
}

/// Two pushers against a worker that leaves: what was accepted is taken before the close, what was
/// not stays with its pusher.
pub fn push_against_close() {
    let seen = Seen::default();
    let accepted = seen.clone();
    exhaust_up_to(3, move || {
        let inbox = Arc::new(Inbox::new());
        let pushers = [1, 2].map(|value| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || push(&inbox, value))
        });
        let mut taken = Vec::new();
        while !inbox.close() {
            take_all(&inbox, &mut taken);
        }
        assert!(inbox.is_empty());
        let pushed = pushers.map(|pusher| pusher.join().expect("a pusher does not panic"));
        assert_eq!(taken.contains(&1), pushed[0]);
        assert_eq!(taken.contains(&2), pushed[1]);
        assert!(!push(&inbox, 3), "closed is closed");
        accepted.note(u32::try_from(taken.len()).expect("because it is two at most"));
        inbox.reopen();
        assert!(push(&inbox, 4));
        take_all(&inbox, &mut taken);
        assert_eq!(taken.last(), Some(&4));
    });
    seen.assert_all(3);
}
