//! Waiting for a task's end and taking its result: what every kind of handle does.
//!
//! The result belongs to exactly one side: to the handle from the moment both "result ready" and
//! "interest" are set in the state word, else to the task, which drops it on its own stack.
#![expect(unsafe_code, reason = "takes the typed result out of an untyped slot")]

use super::current::Thread;
use crate::park::interrupt;
use crate::park::wait_list::{self, Mask, Outcome};
use crate::sched::current;
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::task::slot::{self, Result};
use crate::task::watch::Watcher;
use crate::task::{TaskRef, WaitReason};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::Duration;

/// A claim to the result of a task.
pub(crate) struct Joiner<T> {
    thread: Thread,
    /// The result is moved out by value; a joiner neither owns nor lends a `T` before.
    _result: PhantomData<fn() -> T>,
}

impl<T> Joiner<T> {
    /// Takes over the handle's reference of a spawn whose result is a `T`.
    pub(super) fn new(task: TaskRef) -> Joiner<T> {
        Joiner {
            thread: Thread::of(task),
            _result: PhantomData,
        }
    }

    pub(super) fn task(&self) -> &TaskRef {
        self.thread.task()
    }

    pub(super) fn thread(&self) -> &Thread {
        &self.thread
    }

    pub(super) fn is_finished(&self) -> bool {
        has_ended(self.task())
    }

    pub(super) fn join(self) -> Result<T> {
        assert!(
            current::task().is_none_or(|task| task.id() != self.task().header().id()),
            "failed to join thread: Resource deadlock avoided: a green thread cannot join itself"
        );
        if wait_for_end(self.task(), NEVER_NS, Mask::Open) == Outcome::Interrupted {
            interrupt::raise();
        }
        self.into_result()
    }

    pub(super) fn join_timeout(self, timeout: Duration) -> std::result::Result<Result<T>, Self> {
        match wait_for_end(self.task(), deadline_after(timeout), Mask::Open) {
            Outcome::Ready(()) => Ok(self.into_result()),
            Outcome::TimedOut => Err(self),
            Outcome::Interrupted => interrupt::raise(),
        }
    }

    /// The result of a task that has ended; of one that has not, nothing.
    pub(super) fn into_result(self) -> Result<T> {
        let mut this = ManuallyDrop::new(self);
        let result = if this.task().header().state.is_done() {
            // SAFETY: done, `T` is its type by `new`, and the joiner is consumed.
            unsafe { slot::take::<T>(this.task()) }
        } else {
            Err(interrupt::cancelled())
        };
        // SAFETY: `this` is not used again, and its own destructor does not run.
        unsafe { std::ptr::drop_in_place(&raw mut this.thread) };
        result
    }
}

impl<T> Drop for Joiner<T> {
    fn drop(&mut self) {
        let header = self.task().header();
        if header.state.drop_interest() {
            let drop_result = header.vtable().drop_result;
            // Shielded, as at the task's own end: the result's destructor may park, and an interrupt
            // of the task that drops the handle must not unwind out of it, which would be fatal.
            // SAFETY: the result is there, and this handle was the one to take it.
            interrupt::shielded(|| unsafe { drop_result(self.task().as_ptr()) });
        }
    }
}

/// Whether the task will do nothing more: done, or left behind by a runtime that ended.
pub(crate) fn has_ended(task: &TaskRef) -> bool {
    let state = &task.header().state;
    state.is_done() || state.is_abandoned()
}

/// Has `watcher` told of a task's end, under `token`; at once, if it has ended.
pub(crate) fn watch(task: &TaskRef, watcher: Arc<dyn Watcher>, token: u64) {
    let header = task.header();
    // As in `wait_for_end`.
    header.state.announce_joiner();
    header.watchers.add(watcher, token, || has_ended(task));
}

/// Waits for a task's end.
pub(crate) fn wait_for_end(task: &TaskRef, deadline_ns: u64, mask: Mask) -> Outcome<()> {
    let header = task.header();
    if mask == Mask::Open && interrupt::is_pending() {
        return Outcome::Interrupted;
    }
    if has_ended(task) {
        return Outcome::Ready(());
    }
    // Mirrors `State::finish`: the bit is set before the look under the lock, and the finisher looks
    // at the waiters if it saw the bit.
    header.state.announce_joiner();
    let reason = WaitReason::Join(header.id());
    wait_list::wait(&header.joiners, reason, deadline_ns, mask, || {
        has_ended(task).then_some(())
    })
}
