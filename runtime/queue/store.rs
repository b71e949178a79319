//! In which order a queue gives out what was put in: first in first out, last in first out, smallest
//! first. Called under the queue's lock, so that nothing here waits.

use crate::park::interrupt::forbid_parking;
use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::mem::ManuallyDrop;

/// What lies in a queue. Called under the queue's lock.
pub trait Store<T> {
    /// Adds an item.
    fn push(&mut self, item: T);
    /// Takes the next item.
    fn pop(&mut self) -> Option<T>;
    /// What `pop` would give.
    fn peek(&self) -> Option<&T>;
    /// How many.
    fn len(&self) -> usize;
    /// Everything, in the order in which `pop` would give it as far as that costs nothing.
    fn drain(&mut self) -> Vec<T>;
}

/// First in, first out.
pub struct Fifo<T>(VecDeque<T>);

/// Last in, first out.
pub struct Lifo<T>(Vec<T>);

/// Smallest first; equals in the order in which they came.
pub struct Priority<T> {
    heap: BinaryHeap<Reverse<Ranked<T>>>,
    /// Number of the next item: 2^64 items take centuries.
    next: u64,
}

/// An item with its number, which decides between equals.
///
/// Subtle: never dropped by the heap. When `Ord` panics, the heap drops what it has in its hands, and
/// that would run the item's destructor under the queue's lock; so it leaks instead.
struct Ranked<T> {
    item: ManuallyDrop<T>,
    number: u64,
}

impl<T> Drop for Priority<T> {
    fn drop(&mut self) {
        for Reverse(ranked) in std::mem::take(&mut self.heap).into_vec() {
            drop(ManuallyDrop::into_inner(ranked.item));
        }
    }
}

impl<T: Ord> Ord for Ranked<T> {
    fn cmp(&self, other: &Ranked<T>) -> Ordering {
        let by_item = self.item.cmp(&other.item);
        by_item.then_with(|| self.number.cmp(&other.number))
    }
}

impl<T: Ord> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Ranked<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> PartialEq for Ranked<T> {
    fn eq(&self, other: &Ranked<T>) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T: Ord> Eq for Ranked<T> {}

impl<T> Fifo<T> {
    pub(crate) const fn new() -> Fifo<T> {
        Fifo(VecDeque::new())
    }
}

impl<T> Lifo<T> {
    pub(crate) const fn new() -> Lifo<T> {
        Lifo(Vec::new())
    }
}

impl<T: Ord> Priority<T> {
    pub(crate) const fn new() -> Priority<T> {
        Priority {
            heap: BinaryHeap::new(),
            next: 0,
        }
    }
}

impl<T> Store<T> for Fifo<T> {
    #[inline]
    fn push(&mut self, item: T) {
        self.0.push_back(item);
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn peek(&self) -> Option<&T> {
        self.0.front()
    }

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    fn drain(&mut self) -> Vec<T> {
        std::mem::take(&mut self.0).into()
    }
}

impl<T> Store<T> for Lifo<T> {
    fn push(&mut self, item: T) {
        self.0.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn peek(&self) -> Option<&T> {
        self.0.last()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn drain(&mut self) -> Vec<T> {
        let mut items = std::mem::take(&mut self.0);
        items.reverse();
        items
    }
}

impl<T: Ord> Store<T> for Priority<T> {
    fn push(&mut self, item: T) {
        let number = self.next;
        self.next += 1;
        let item = ManuallyDrop::new(item);
        forbid_parking(|| self.heap.push(Reverse(Ranked { item, number })));
    }

    fn pop(&mut self) -> Option<T> {
        let popped = forbid_parking(|| self.heap.pop());
        popped.map(|Reverse(ranked)| ManuallyDrop::into_inner(ranked.item))
    }

    fn peek(&self) -> Option<&T> {
        self.heap.peek().map(|Reverse(ranked)| &*ranked.item)
    }

    fn len(&self) -> usize {
        self.heap.len()
    }

    /// In no order: sorting would call the user's `Ord` where its panic could lose what is left.
    fn drain(&mut self) -> Vec<T> {
        let heap = std::mem::take(&mut self.heap);
        heap.into_iter()
            .map(|Reverse(ranked)| ManuallyDrop::into_inner(ranked.item))
            .collect()
    }
}

impl<T> fmt::Debug for Fifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fifo")
    }
}

impl<T> fmt::Debug for Lifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lifo")
    }
}

impl<T> fmt::Debug for Priority<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Priority")
    }
}
