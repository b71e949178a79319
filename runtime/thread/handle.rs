//! `JoinHandle`, and what `cancel` answers.
//!
//! A thin public face: waiting and results are in `join`, the states a cancellation meets in the table
//! of [`JoinHandle::cancel`].

use super::current::Thread;
use super::join::Joiner;
use crate::sched::enqueue;
use crate::task::slot::Result;
use crate::task::state::Wake;
use crate::task::{TaskPtr, TaskRef};
use std::fmt;
use std::time::Duration;

/// What became of a request to cancel.
///
/// # Examples
/// ```
/// use greenroom::thread::{CancelOutcome, park, spawn};
/// let handle = spawn(park);
/// assert_eq!(handle.cancel(), CancelOutcome::Requested);
/// assert!(handle.join().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelOutcome {
    /// The green thread is asked to end; it does at its next parking call.
    Requested,
    /// It had ended before.
    Finished,
    /// The program is built with `panic = "abort"`, which leaves no way to unwind a green thread.
    Unsupported,
}

/// Owns the right to join a green thread. Dropping it detaches. Source: [`std::thread::JoinHandle`].
///
/// # Examples
/// ```
/// use greenroom::thread::{JoinHandle, spawn};
/// let handles: Vec<JoinHandle<u32>> = (0..3).map(|n| spawn(move || n * n)).collect();
/// let squares: Vec<u32> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
/// assert_eq!(squares, [0, 1, 4]);
/// ```
pub struct JoinHandle<T>(pub(super) Joiner<T>);

impl<T> JoinHandle<T> {
    /// The handle of a spawn whose result is a `T`.
    pub(crate) fn of(task: TaskRef) -> JoinHandle<T> {
        JoinHandle(Joiner::new(task))
    }

    /// The slot of the green thread.
    pub(crate) fn task(&self) -> &TaskRef {
        self.0.task()
    }

    /// The result, once the green thread has ended. Neither parks nor unwinds.
    pub(crate) fn into_result(self) -> Result<T> {
        self.0.into_result()
    }

    /// The green thread behind this handle. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{current, spawn};
    /// let handle = spawn(|| ());
    /// assert_ne!(handle.thread().id(), current().id());
    /// ```
    pub fn thread(&self) -> &Thread {
        self.0.thread()
    }

    /// Waits for the green thread's end and returns its value, or what it panicked with.
    ///
    /// Parks a green thread, blocks an OS thread. When it returns, the stack is free and every
    /// destructor has run.
    ///
    /// # Errors
    /// The panic's payload; for a cancelled green thread one that downcasts to
    /// [`Cancelled`](crate::Cancelled).
    ///
    /// # Panics
    /// If a green thread joins itself.
    ///
    /// # Cancel
    /// Detaches, as dropping the handle does.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::spawn;
    /// assert_eq!(spawn(|| 6 * 7).join().unwrap(), 42);
    /// let payload = spawn(|| panic!("oh no")).join().unwrap_err();
    /// assert_eq!(payload.downcast_ref(), Some(&"oh no"));
    /// ```
    pub fn join(self) -> Result<T> {
        self.0.join()
    }

    /// As [`join`](JoinHandle::join), for at most `timeout`. Beyond std.
    ///
    /// # Errors
    /// The handle itself, if the time was up.
    ///
    /// # Cancel
    /// Detaches.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{park, spawn};
    /// let handle = spawn(park);
    /// let handle = handle.join_timeout(std::time::Duration::from_millis(1)).unwrap_err();
    /// handle.thread().unpark();
    /// handle.join().unwrap();
    /// ```
    pub fn join_timeout(self, timeout: Duration) -> std::result::Result<Result<T>, JoinHandle<T>> {
        self.0.join_timeout(timeout).map_err(JoinHandle)
    }

    /// Whether the green thread has ended: then `join` does not wait. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{park, spawn};
    /// let handle = spawn(park);
    /// assert!(!handle.is_finished());
    /// handle.thread().unpark();
    /// handle.join().unwrap();
    /// ```
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Asks the green thread to end. Never parks, from any thread. Beyond std.
    ///
    /// | its state | what happens |
    /// |---|---|
    /// | not started | its closure is dropped, on a green stack of its worker, without running |
    /// | runnable or running | it unwinds at its next parking call, before that has any effect |
    /// | parked | it wakes, withdraws from what it waited for, and unwinds |
    /// | shielded, or unwinding from a panic | after that |
    /// | finished | nothing |
    ///
    /// Unwinding runs destructors, no panic hook, and poisons nothing of greenroom's. A second request
    /// changes nothing. A green thread that reaches its end without a parking call returns its value.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{park, spawn};
    /// let handle = spawn(park);
    /// handle.cancel();
    /// assert!(handle.join().unwrap_err().is::<greenroom::Cancelled>());
    /// ```
    pub fn cancel(&self) -> CancelOutcome {
        cancel(self.0.task())
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

/// Asks a task to end.
pub(crate) fn cancel(task: &TaskRef) -> CancelOutcome {
    if cfg!(panic = "abort") {
        return CancelOutcome::Unsupported;
    }
    if task.header().state.is_done() {
        return CancelOutcome::Finished;
    }
    if task.header().state.cancel() == Wake::Enqueue {
        enqueue(TaskPtr::new(task.as_ptr()));
    }
    CancelOutcome::Requested
}
