//! A member of a group: the handle, and what runs around the member's closure.
//!
//! The body notes a panic in the roster before it unwinds on; the handle strikes it off when somebody
//! joins the member and so has the panic in hand.

use super::handle::{End, Handle, HasEnded};
use super::report::Failure;
use super::roster::Roster;
use crate::park::interrupt;
use crate::park::wait_list::{Mask, Outcome};
use crate::sched::current;
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::task::TaskRef;
use crate::task::watch::Watcher;
use crate::thread::{CancelOutcome, JoinHandle, Result, Thread, is_panic, wait_for_end};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

/// Owns the right to join a member of a group or pool, as a [`JoinHandle`]. Dropping it detaches the
/// member from its handle, not from its group.
///
/// # Examples
/// ```
/// use greenroom::group::{Group, Member};
/// let group = Group::new();
/// let member: Member<i32> = group.spawn(|| 6 * 7);
/// assert_eq!(member.join().unwrap(), 42);
/// ```
pub struct Member<T> {
    handle: JoinHandle<T>,
    roster: Arc<Roster>,
}

impl<T> Member<T> {
    pub(super) fn new(handle: JoinHandle<T>, roster: Arc<Roster>) -> Member<T> {
        Member { handle, roster }
    }

    pub(crate) fn task(&self) -> &TaskRef {
        self.handle.task()
    }

    /// The green thread behind this handle. Never parks.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// let member = group.spawn(greenroom::thread::park);
    /// member.thread().unpark();
    /// assert!(group.join().into_result().is_ok());
    /// ```
    pub fn thread(&self) -> Thread {
        self.handle.thread().clone()
    }

    /// Waits for the member's end and returns its value, or what it panicked with, which the group then
    /// takes as handled. Parks. When it returns, the member has left the group.
    ///
    /// # Errors
    /// The panic's payload, or [`Cancelled`](crate::Cancelled).
    ///
    /// # Panics
    /// If the member joins itself.
    ///
    /// # Cancel
    /// Drops the handle; the member lives on.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// let member = group.spawn(|| panic!("oh no"));
    /// assert!(member.join().is_err());
    /// assert_eq!(group.join().count(), 0); // Handled.
    /// ```
    pub fn join(self) -> Result<T> {
        self.assert_not_own();
        match wait_for_end(self.task(), NEVER_NS, Mask::Open) {
            Outcome::Interrupted => interrupt::raise(),
            _ => self.finish(),
        }
    }

    /// As [`join`](Member::join), for at most `timeout`. Parks.
    ///
    /// # Errors
    /// The handle itself, if the time was up.
    ///
    /// # Panics
    /// If the member joins itself.
    ///
    /// # Cancel
    /// As `join`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let group = greenroom::group::Group::new();
    /// let member = group.spawn(greenroom::thread::park);
    /// let member = member.join_timeout(Duration::from_millis(1)).unwrap_err();
    /// member.thread().unpark();
    /// member.join().unwrap();
    /// ```
    pub fn join_timeout(self, timeout: Duration) -> std::result::Result<Result<T>, Member<T>> {
        self.assert_not_own();
        match wait_for_end(self.task(), deadline_after(timeout), Mask::Open) {
            Outcome::Ready(()) => Ok(self.finish()),
            Outcome::TimedOut => Err(self),
            Outcome::Interrupted => interrupt::raise(),
        }
    }

    /// Whether the member has ended. Never parks.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// let member = group.spawn(greenroom::thread::park);
    /// assert!(!member.is_finished());
    /// member.cancel();
    /// ```
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Asks the member to end; see [`JoinHandle::cancel`]. Never parks.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// let member = group.spawn(greenroom::thread::park);
    /// member.cancel();
    /// assert!(member.join().unwrap_err().is::<greenroom::Cancelled>());
    /// ```
    pub fn cancel(&self) -> CancelOutcome {
        self.handle.cancel()
    }

    fn assert_not_own(&self) {
        assert!(
            current::task().is_none_or(|task| task.id() != self.task().header().id()),
            "a green thread cannot join itself"
        );
    }

    /// Takes the result of a member that has ended.
    pub(super) fn finish(self) -> Result<T> {
        let id = self.handle.thread().id();
        // Whoever is told of the ends may not have come to it yet.
        self.roster.ended(self.task().header().id());
        let result = self.handle.into_result();
        if let Err(payload) = &result
            && is_panic(payload.as_ref())
        {
            self.roster.handled(id);
        }
        result
    }
}

impl<T> Handle for Member<T> {
    type Output = T;

    fn end(&self) -> End<'_> {
        End(self.task())
    }

    fn into_result(self, _: HasEnded) -> Result<T> {
        self.finish()
    }
}

impl<T> fmt::Debug for Member<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("thread", &self.thread())
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// A member's closure. Dropped unstarted, as a cancelled member does, it notes a panic of its captures
/// too.
pub(super) struct Body<F> {
    body: Option<F>,
    roster: Arc<Roster>,
}

impl<F> Body<F> {
    pub(super) fn new(body: F, roster: Arc<Roster>) -> Body<F> {
        Body {
            body: Some(body),
            roster,
        }
    }

    pub(super) fn run<T>(mut self) -> T
    where
        F: FnOnce() -> T,
    {
        if let Some(task) = current::task() {
            self.roster.enlist(task);
        }
        let body = self.body.take().expect("because a member runs once");
        self.noting_panics(body)
    }

    fn noting_panics<T>(&self, f: impl FnOnce() -> T) -> T {
        panic::catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
            if is_panic(payload.as_ref()) {
                self.roster.failed(Failure::of_current(payload.as_ref()));
            }
            panic::resume_unwind(payload)
        })
    }
}

impl<F> Drop for Body<F> {
    fn drop(&mut self) {
        if let Some(unstarted) = self.body.take() {
            self.noting_panics(|| drop(unstarted));
        }
    }
}

/// Handles of members of one batch, in the order of their spawns. Cancels those that nobody has taken
/// when it is dropped, and does not wait for them.
pub(super) struct Batch<T>(std::collections::VecDeque<Member<T>>);

impl<T> Batch<T> {
    pub(super) fn new() -> Batch<T> {
        Batch(std::collections::VecDeque::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, member: Member<T>) {
        self.0.push_back(member);
    }

    /// Waits for the first and takes its result. `None`: there is none, or the time was up. Unwinds for
    /// an interrupt, and then has taken nothing.
    pub(super) fn take_first(&mut self, deadline_ns: u64) -> Option<Result<T>> {
        let first = self.0.front()?;
        match wait_for_end(first.task(), deadline_ns, Mask::Open) {
            Outcome::Ready(()) => self.0.pop_front().map(Member::finish),
            Outcome::TimedOut => None,
            Outcome::Interrupted => interrupt::raise(),
        }
    }

    /// Takes the result of the first, if it has ended. Never parks.
    pub(super) fn try_take_first(&mut self) -> Option<Result<T>> {
        let first = self.0.front()?;
        if !first.is_finished() {
            return None;
        }
        self.0.pop_front().map(Member::finish)
    }
}

impl<T> Drop for Batch<T> {
    fn drop(&mut self) {
        for member in &self.0 {
            member.cancel();
        }
    }
}
