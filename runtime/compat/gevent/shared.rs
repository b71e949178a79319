//! What the handles of one greenlet share: its closure until it starts, its outcome, its links.
//!
//! ```text
//!   new --start--> begun (a native task) --body ends--> outcome
//!    `----kill---> never started ----------------------> outcome
//! ```
//! Who takes the closure out of `unstarted` decides which way it goes; nobody else can. The body writes
//! the outcome on the task's own stack, before the native end, so whoever was told of that end finds it.
//! The exception is a task left behind by a runtime that ended: it has an end and no outcome.
//!
//! Waiting is the native join of the task. Only the wait for a start is one more: an `AsyncResult`.

use super::exception::{Exception, GreenletExit};
use super::links::{Link, Links, run_link};
use crate::park::interrupt;
use crate::sync::AsyncResult;
use crate::sys::lock::Lock;
use crate::task::TaskRef;
use crate::task::watch::Watcher;
use crate::thread::join::has_ended;
use crate::thread::{self, Builder, Thread};
use std::any::Any;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Whoever waits for the end of a greenlet, and under which token.
type Watch = (Arc<dyn Watcher>, u64);

pub(super) type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// How a greenlet ended, if not with a value.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Raised(Exception),
    Killed,
}

/// The native side of a greenlet that was started.
pub(super) struct Begun {
    pub(super) task: TaskRef,
    pub(super) thread: Thread,
}

/// It never runs: killed before its start, or refused a stack.
pub(super) struct NeverStarted;

struct Unstarted<T> {
    work: Work<T>,
    /// To be told of the end of a task that there is not yet.
    watches: Vec<Watch>,
}

/// What was killed before it ran, to be dropped.
#[must_use = "its destructors are the user's: dropped last"]
pub(super) struct Unrun<T> {
    _links: Vec<Link<T>>,
    _work: Work<T>,
}

pub(super) struct Shared<T> {
    pub(super) name: String,
    unstarted: Lock<Option<Unstarted<T>>>,
    pub(super) begun: AsyncResult<Begun, NeverStarted>,
    pub(super) outcome: OnceLock<Result<T, Fault>>,
    pub(super) links: Lock<Links<T>>,
}

impl<T: Send + Sync + 'static> Shared<T> {
    pub(super) fn new(name: String, work: Work<T>) -> Arc<Shared<T>> {
        Arc::new(Shared {
            name,
            unstarted: Lock::new(Some(Unstarted {
                work,
                watches: Vec::new(),
            })),
            begun: AsyncResult::new(),
            outcome: OnceLock::new(),
            links: Lock::new(Links::new()),
        })
    }

    pub(super) fn is_unstarted(&self) -> bool {
        self.unstarted.lock().is_some()
    }

    /// The task, if it was started and that is through.
    pub(super) fn task(&self) -> Option<&TaskRef> {
        let begun = self.begun.try_get()?.as_ref().ok()?;
        Some(&begun.task)
    }

    /// Whether it will do nothing more.
    pub(super) fn is_over(&self) -> bool {
        self.outcome.get().is_some() || self.task().is_some_and(has_ended)
    }

    /// Starts it, unless it was started or killed. Refused a stack it counts as killed.
    pub(super) fn start(
        self: &Arc<Self>,
        delay: Option<Duration>,
        place: &'static Location<'static>,
    ) -> std::io::Result<()> {
        let taken = self.unstarted.lock().take();
        let Some(Unstarted { work, watches }) = taken else {
            return Ok(());
        };
        let body = Body {
            work: Some(work),
            shared: Arc::clone(self),
        };
        let builder = Builder::new().name(self.name.clone()).at(place);
        let spawned = builder.spawn(move || body.run(delay));
        match spawned {
            Ok(handle) => {
                let task = handle.task().clone();
                for (watcher, token) in watches {
                    thread::watch(&task, watcher, token);
                }
                let thread = handle.thread().clone();
                let is_first = self.begun.set(Begun { task, thread }).is_ok();
                debug_assert!(is_first, "one took the closure");
                Ok(())
            }
            Err(error) => {
                self.give_up(watches);
                Err(error)
            }
        }
    }

    /// It has never run and never will.
    fn give_up(&self, watches: Vec<Watch>) {
        let is_first = self.begun.set_error(NeverStarted).is_ok();
        debug_assert!(is_first, "one took the closure");
        for (watcher, token) in watches {
            watcher.ended(token);
        }
    }

    /// Asks it to end; gives what will not run, if it was not started. No cancellation point: who is
    /// cancelled, or has killed itself, kills the others all the same.
    ///
    /// Subtle: what is given runs the user's destructors when it is dropped, and those may unwind: only
    /// after everything that has to be done.
    pub(super) fn request_end(self: &Arc<Self>) -> Option<Unrun<T>> {
        let taken = self.unstarted.lock().take();
        if let Some(Unstarted { work, watches }) = taken {
            let is_first = self.outcome.set(Err(Fault::Killed)).is_ok();
            debug_assert!(is_first, "one took the closure");
            self.give_up(watches);
            let links = self.run_links();
            return Some(Unrun {
                _links: links,
                _work: work,
            });
        }
        let begun = match self.begun.try_get() {
            Some(begun) => begun,
            // Somebody else's start or kill is under way on another OS thread.
            None => interrupt::shielded(|| self.begun.wait()),
        };
        if let Ok(begun) = begun {
            thread::cancel(&begun.task);
        }
        None
    }

    /// Has `watcher` told of the end, at once if it has come.
    pub(super) fn watch(&self, watcher: Arc<dyn Watcher>, token: u64) {
        {
            let mut unstarted = self.unstarted.lock();
            if let Some(unstarted) = unstarted.as_mut() {
                unstarted.watches.push((watcher, token));
                return;
            }
        }
        match self.begun.wait() {
            Ok(begun) => thread::watch(&begun.task, watcher, token),
            Err(NeverStarted) => watcher.ended(token),
        }
    }

    /// Withdraws a watch; it may be told all the same.
    pub(super) fn unwatch(&self, watcher: &Arc<dyn Watcher>, token: u64) {
        let is_other = |watch: &Watch| watch.1 != token || !Arc::ptr_eq(&watch.0, watcher);
        if let Some(unstarted) = self.unstarted.lock().as_mut() {
            // A watcher's destructor is none of the user's.
            unstarted.watches.retain(is_other);
            return;
        }
        if let Some(task) = self.task() {
            task.header().watchers.remove(watcher, token);
        }
    }

    /// The end of one that was started: once, on the task's stack. Runs the links.
    fn finish(self: &Arc<Self>, outcome: Result<T, Fault>) {
        if self.outcome.set(outcome).is_ok() {
            drop(self.run_links());
        }
    }

    /// Runs the links that are for such an end; gives the others, to be dropped.
    fn run_links(self: &Arc<Self>) -> Vec<Link<T>> {
        let links = self.links.lock().end();
        let (meant, others): (Vec<_>, Vec<_>) =
            links.into_iter().partition(|link| link.is_meant(self));
        for link in meant {
            run_link(self, link);
        }
        others
    }
}

/// The closure of the native task. Dropped unrun, as that of a task cancelled before it ran, it tells
/// that it was killed.
struct Body<T: Send + Sync + 'static> {
    work: Option<Work<T>>,
    shared: Arc<Shared<T>>,
}

impl<T: Send + Sync + 'static> Body<T> {
    fn run(mut self, delay: Option<Duration>) {
        let work = self.work.take().expect("because a body runs once");
        let run = || {
            if let Some(delay) = delay {
                thread::sleep(delay);
            }
            work()
        };
        let outcome = panic::catch_unwind(AssertUnwindSafe(run)).map_err(fault);
        self.shared.finish(outcome);
    }
}

impl<T: Send + Sync + 'static> Drop for Body<T> {
    fn drop(&mut self) {
        if let Some(unrun) = self.work.take() {
            self.shared.finish(Err(Fault::Killed));
            // Last: a destructor of the user's may panic, and a join waits for it in any case.
            drop(unrun);
        }
    }
}

/// Subtle: the interrupt's payload ends here, at the root of the task, so nothing is swallowed: the
/// only one that comes so far is the cancellation.
fn fault(payload: Box<dyn Any + Send>) -> Fault {
    if interrupt::is_interrupt(payload.as_ref()) || payload.is::<GreenletExit>() {
        Fault::Killed
    } else {
        Fault::Raised(Exception::new(payload))
    }
}
