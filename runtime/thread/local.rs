//! `spawn_local`: green threads that stay on the worker that spawned them.
//!
//! No `Send` bound, in return closure, result and handle never leave the worker: the task is pinned
//! from the start, a cancelled one drops its closure there, and the handle is not `Send`.
#![expect(
    unsafe_code,
    reason = "calls the unchecked spawn with a closure that is not Send"
)]

use super::builder::Builder;
use super::current::Thread;
use super::handle::{CancelOutcome, cancel};
use super::join::Joiner;
use super::spawn::{Place, spawn_unchecked};
use crate::sched::current;
use crate::task::TaskRef;
use crate::task::slot::Result;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// Spawns a green thread on the worker of the calling one. Never parks. Beyond std.
///
/// # Panics
/// On an ordinary OS thread, which has no worker; and as [`spawn`](super::spawn).
///
/// # Examples
/// ```
/// use std::{cell::Cell, rc::Rc};
/// greenroom::run(|| {
///     let count = Rc::new(Cell::new(0));
///     let shared = Rc::clone(&count);
///     let handle = greenroom::thread::spawn_local(move || shared.set(shared.get() + 1));
///     handle.join().unwrap();
///     assert_eq!(count.get(), 1);
/// });
/// ```
/// The handle stays on the worker too:
/// ```compile_fail
/// fn is_send<T: Send>(_: T) {}
/// greenroom::run(|| is_send(greenroom::thread::spawn_local(|| ())));
/// ```
#[track_caller]
pub fn spawn_local<F, T>(f: F) -> LocalJoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    let mut spec = Builder::new().into_spec();
    spec.worker = Place::Here;
    let worker = current::worker()
        .filter(|_| current::task().is_some())
        .expect("spawn_local is called from a green thread: an OS thread has no worker to stay on");
    // SAFETY: `'static`; pinned to this worker, whose handle type is not Send.
    let task = unsafe { spawn_unchecked(&worker.group, spec, f) };
    let task = task.expect("failed to spawn green thread");
    LocalJoinHandle {
        joiner: Joiner::new(task),
        _not_send: PhantomData,
    }
}

/// Owns the right to join a green thread of the same worker. Neither `Send` nor `Sync`.
///
/// # Examples
/// ```
/// use greenroom::thread::{LocalJoinHandle, spawn_local};
/// greenroom::run(|| {
///     let handle: LocalJoinHandle<u32> = spawn_local(|| 6 * 7);
///     assert_eq!(handle.join().unwrap(), 42);
/// });
/// ```
pub struct LocalJoinHandle<T> {
    joiner: Joiner<T>,
    _not_send: PhantomData<*const ()>,
}

impl<T> LocalJoinHandle<T> {
    /// The slot of the green thread.
    pub(crate) fn task(&self) -> &TaskRef {
        self.joiner.task()
    }

    /// The result, once the green thread has ended. Neither parks nor unwinds.
    pub(crate) fn into_result(self) -> Result<T> {
        self.joiner.into_result()
    }

    /// The green thread behind this handle. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{park, spawn_local};
    /// greenroom::run(|| {
    ///     let handle = spawn_local(park);
    ///     handle.thread().unpark();
    ///     handle.join().unwrap();
    /// });
    /// ```
    pub fn thread(&self) -> &Thread {
        self.joiner.thread()
    }

    /// Waits for the end; see [`JoinHandle::join`](super::JoinHandle::join). Parks.
    ///
    /// # Errors
    /// The panic's payload, or [`Cancelled`](crate::Cancelled).
    ///
    /// # Panics
    /// If a green thread joins itself.
    ///
    /// # Cancel
    /// Detaches.
    ///
    /// # Examples
    /// ```
    /// use std::rc::Rc;
    /// greenroom::run(|| {
    ///     let handle = greenroom::thread::spawn_local(|| Rc::new(42));
    ///     assert_eq!(*handle.join().unwrap(), 42);
    /// });
    /// ```
    pub fn join(self) -> Result<T> {
        self.joiner.join()
    }

    /// As [`join`](LocalJoinHandle::join), for at most `timeout`. Parks.
    ///
    /// # Errors
    /// The handle itself, if the time was up.
    ///
    /// # Cancel
    /// Detaches.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{park, spawn_local};
    /// greenroom::run(|| {
    ///     let handle = spawn_local(park);
    ///     let handle = handle.join_timeout(std::time::Duration::from_millis(1)).unwrap_err();
    ///     handle.thread().unpark();
    ///     handle.join().unwrap();
    /// });
    /// ```
    pub fn join_timeout(
        self,
        timeout: Duration,
    ) -> std::result::Result<Result<T>, LocalJoinHandle<T>> {
        self.joiner
            .join_timeout(timeout)
            .map_err(|joiner| LocalJoinHandle {
                joiner,
                _not_send: PhantomData,
            })
    }

    /// Whether the green thread has ended. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{spawn_local, yield_now};
    /// greenroom::run(|| {
    ///     let handle = spawn_local(|| ());
    ///     assert!(!handle.is_finished()); // It has had no turn on this worker yet.
    ///     yield_now();
    ///     assert!(handle.is_finished());
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.joiner.is_finished()
    }

    /// Asks it to end; see [`JoinHandle::cancel`](super::JoinHandle::cancel). Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{park, spawn_local};
    /// greenroom::run(|| {
    ///     let handle = spawn_local(park);
    ///     handle.cancel();
    ///     assert!(handle.join().unwrap_err().is::<greenroom::Cancelled>());
    /// });
    /// ```
    pub fn cancel(&self) -> CancelOutcome {
        cancel(self.joiner.task())
    }
}

impl<T> fmt::Debug for LocalJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalJoinHandle").finish_non_exhaustive()
    }
}
