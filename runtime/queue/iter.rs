//! Iterators over what a queue gives: until it was shut down and is empty, or what is there.
//!
//! Shared by all queues, whatever their order.

use super::core::{Core, FOREVER};
use super::store::{Fifo, Store};
use std::fmt;
use std::iter::FusedIterator;

/// Takes items until the queue was shut down and is empty; see `iter` of any queue.
///
/// # Examples
/// ```
/// let queue = greenroom::queue::Queue::unbounded();
/// queue.put('x').unwrap();
/// queue.shutdown();
/// for item in &queue {
///     assert_eq!(item, 'x');
/// }
/// ```
#[must_use = "iterators do nothing unless they are consumed"]
pub struct Iter<'a, T, S = Fifo<T>> {
    core: &'a Core<T, S>,
}

impl<'a, T, S> Iter<'a, T, S> {
    pub(crate) fn new(core: &'a Core<T, S>) -> Iter<'a, T, S> {
        Iter { core }
    }
}

impl<T, S: Store<T>> Iterator for Iter<'_, T, S> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.core.get(FOREVER).ok()
    }
}

impl<T, S: Store<T>> FusedIterator for Iter<'_, T, S> {}

impl<T, S> fmt::Debug for Iter<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

/// Takes what is there; see `try_iter` of any queue.
///
/// # Examples
/// ```
/// let queue = greenroom::queue::Queue::<u8>::unbounded();
/// assert_eq!(queue.try_iter().next(), None);
/// ```
#[must_use = "iterators do nothing unless they are consumed"]
pub struct TryIter<'a, T, S = Fifo<T>> {
    core: &'a Core<T, S>,
}

impl<'a, T, S> TryIter<'a, T, S> {
    pub(crate) fn new(core: &'a Core<T, S>) -> TryIter<'a, T, S> {
        TryIter { core }
    }
}

impl<T, S: Store<T>> Iterator for TryIter<'_, T, S> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.core.try_get().ok()
    }
}

impl<T, S> fmt::Debug for TryIter<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryIter").finish_non_exhaustive()
    }
}
