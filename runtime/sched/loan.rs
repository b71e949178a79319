//! Stacks for strands: the worker's own cache in a green thread, the shared pool on an OS thread.
//!
//! Made and dropped on the same worker in the common case, so a stack stays hot, as between tasks.

use super::current;
use crate::context::stack::{self, Stack, StackSize};
use std::io;

/// A guarded stack for whoever runs now.
///
/// # Errors
/// As [`StackCache::take`](crate::context::stack::StackCache::take).
#[inline]
pub(crate) fn take(size: StackSize) -> io::Result<Stack> {
    match current::worker() {
        Some(worker) => worker.stacks.borrow_mut().take(size),
        None => stack::take_shared(size),
    }
}

/// Takes back a stack that nothing runs on or borrows from any more.
#[inline]
pub(crate) fn give(stack: Stack) {
    match current::worker() {
        Some(worker) => worker.stacks.borrow_mut().give(stack),
        None => stack::give_shared(stack),
    }
}
