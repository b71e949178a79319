//! What can go wrong with a queue. Whoever could not put gets his item back.
//!
//! Calls without a limit have errors of one case only; those that may find the queue full or empty
//! have both.

use super::core::{Nothing, Refused};
use std::fmt;

/// The queue was shut down. For a put, with the item that was refused.
///
/// # Examples
/// ```
/// use greenroom::queue::{Queue, ShutDown};
/// let queue = Queue::unbounded();
/// queue.shutdown();
/// assert_eq!(queue.put("late"), Err(ShutDown("late")));
/// assert_eq!(queue.get(), Err(ShutDown(())));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ShutDown<T = ()>(pub T);

impl<T> fmt::Debug for ShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutDown").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for ShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue was shut down")
    }
}

impl<T> std::error::Error for ShutDown<T> {}

/// Why an item could not be put at once, or in time. It comes back.
///
/// # Examples
/// ```
/// use greenroom::queue::{PutError, Queue};
/// let queue = Queue::bounded(1);
/// queue.put('a').unwrap();
/// let refused = queue.try_put('b').unwrap_err();
/// assert_eq!(refused, PutError::Full('b'));
/// assert_eq!(refused.into_inner(), 'b');
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PutError<T> {
    /// There is no room, or there was none in time.
    Full(T),
    /// The queue was shut down.
    ShutDown(T),
}

impl<T> PutError<T> {
    /// The item.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::queue::PutError::Full(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            PutError::Full(item) | PutError::ShutDown(item) => item,
        }
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "Full(..)",
            PutError::ShutDown(_) => "ShutDown(..)",
        })
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "the queue is full",
            PutError::ShutDown(_) => "the queue was shut down",
        })
    }
}

impl<T> std::error::Error for PutError<T> {}

impl<T> From<Refused<T>> for PutError<T> {
    fn from(refused: Refused<T>) -> PutError<T> {
        match refused {
            Refused::Full(item) => PutError::Full(item),
            Refused::ShutDown(item) => PutError::ShutDown(item),
        }
    }
}

/// Why there was no item at once, or in time.
///
/// # Examples
/// ```
/// use greenroom::queue::{GetError, Queue};
/// let queue = Queue::<u8>::unbounded();
/// assert_eq!(queue.try_get(), Err(GetError::Empty));
/// queue.shutdown();
/// assert_eq!(queue.try_get(), Err(GetError::ShutDown));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetError {
    /// There is no item, or there was none in time.
    Empty,
    /// The queue was shut down, and nothing is left in it.
    ShutDown,
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::Empty => "the queue is empty",
            GetError::ShutDown => "the queue was shut down",
        })
    }
}

impl std::error::Error for GetError {}

impl From<Nothing> for GetError {
    fn from(nothing: Nothing) -> GetError {
        match nothing {
            Nothing::Empty => GetError::Empty,
            Nothing::ShutDown => GetError::ShutDown,
        }
    }
}

/// `task_done` was called more often than items were put.
///
/// # Examples
/// ```
/// let queue = greenroom::queue::Queue::<u8>::unbounded();
/// let error = queue.task_done().unwrap_err();
/// assert_eq!(error.to_string(), "task_done() was called more often than items were put");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskDoneError;

impl fmt::Display for TaskDoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task_done() was called more often than items were put")
    }
}

impl std::error::Error for TaskDoneError {}
