//! `Greenlet`: a green thread as an object that many may hold, ask and wait for.
//!
//! The face; what happens is in `shared` and `links`, and what waits is native. A `JoinHandle` is one
//! and gives the value away; a greenlet is cloned, and its value stays in it, so it is given as a clone
//! or by reference.

use super::exception::{Exception, GetError, GreenletExit};
use super::links::{Link, LinkId, On, run_link};
use super::shared::{Fault, Shared};
use super::timeout::{Timeout, deadline_ns};
use crate::park::interrupt;
use crate::park::wait_list::{Mask, Outcome};
use crate::sched::current;
use crate::thread::{Thread, wait_for_end};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A green thread by gevent's names: started when you say so, held by any number, killed and waited for.
///
/// Clones are handles of the same greenlet. Dropping all of them detaches it, if it was started.
///
/// | | started | ready, dead | successful |
/// |---|---|---|---|
/// | new | | | |
/// | started, running or waiting | yes | | |
/// | returned | | yes | yes |
/// | panicked | | yes | |
/// | killed, also before its start | | yes | yes |
///
/// Source: `gevent.Greenlet`. Differs: `T` is `Send + Sync`, because handles on all threads read it; a
/// subclass with `_run` is a closure.
///
/// # Examples
/// ```
/// use greenroom::gevent::Greenlet;
/// let greenlet = Greenlet::new(|| 6 * 7);
/// greenlet.start();
/// assert_eq!(greenlet.get(true, None).unwrap(), 42);
/// assert_eq!(greenlet.value(), Some(42));
/// ```
pub struct Greenlet<T>(Arc<Shared<T>>);

fn next_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Relaxed: the number is all there is to see.
    format!("Greenlet-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl<T: Send + Sync + 'static> Greenlet<T> {
    pub(super) fn of(shared: Arc<Shared<T>>) -> Greenlet<T> {
        Greenlet(shared)
    }

    pub(super) fn shared(&self) -> &Arc<Shared<T>> {
        &self.0
    }

    /// A greenlet that is not started. Never parks.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::Greenlet::new(|| 6 * 7);
    /// assert!(!greenlet.started());
    /// ```
    pub fn new<F: FnOnce() -> T + Send + 'static>(f: F) -> Greenlet<T> {
        Greenlet(Shared::new(next_name(), Box::new(f)))
    }

    /// As [`new`](Greenlet::new), with a name of its own in place of `Greenlet-7`. Never parks. Differs:
    /// gevent sets `name` later.
    ///
    /// # Panics
    /// If the name contains a NUL byte.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::Greenlet::with_name("reader", || ());
    /// assert_eq!(greenlet.name(), "reader");
    /// ```
    pub fn with_name<F>(name: impl Into<String>, f: F) -> Greenlet<T>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let name = name.into();
        assert!(!name.contains('\0'), "a name may not contain NUL bytes");
        Greenlet(Shared::new(name, Box::new(f)))
    }

    /// Its name, which panic messages show. Never parks.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(|| ());
    /// assert!(greenlet.name().starts_with("Greenlet-"));
    /// ```
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Starts it, unless it was started or killed before. Never parks.
    ///
    /// # Panics
    /// As [`thread::spawn`](crate::thread::spawn); the greenlet then counts as killed.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::Greenlet::new(|| 6 * 7);
    /// greenlet.start();
    /// greenlet.start();
    /// assert_eq!(greenlet.get(true, None).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn start(&self) {
        let started = self.0.start(None, Location::caller());
        started.expect("failed to spawn thread");
    }

    /// As [`start`](Greenlet::start), but its closure runs after `delay`. Never parks. Until then it
    /// sleeps, as a green thread, and counts as started.
    ///
    /// # Panics
    /// As `start`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let greenlet = greenroom::gevent::Greenlet::new(|| 6 * 7);
    /// greenlet.start_later(Duration::from_millis(1));
    /// assert_eq!(greenlet.get(true, None).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn start_later(&self, delay: Duration) {
        let started = self.0.start(Some(delay), Location::caller());
        started.expect("failed to spawn thread");
    }

    /// Whether it was started and has not ended. Never parks. gevent's `bool(greenlet)`, too.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(greenroom::thread::park);
    /// assert!(greenlet.started());
    /// greenlet.kill(true, None);
    /// assert!(!greenlet.started());
    /// ```
    pub fn started(&self) -> bool {
        !self.0.is_unstarted() && !self.ready()
    }

    /// Whether it has ended: it has a value, an exception, or was killed. Never parks.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(|| ());
    /// greenlet.join(None);
    /// assert!(greenlet.ready());
    /// ```
    pub fn ready(&self) -> bool {
        self.0.is_over()
    }

    /// Whether it will not run any more: as [`ready`](Greenlet::ready). Never parks.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::Greenlet::new(|| ());
    /// greenlet.kill(true, None);
    /// assert!(greenlet.dead());
    /// ```
    pub fn dead(&self) -> bool {
        self.ready()
    }

    /// Whether it has ended without a panic. A kill is none, nor is an `Err` that it returned. Never parks.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(greenroom::thread::park);
    /// greenlet.kill(true, None);
    /// assert!(greenlet.successful());
    /// ```
    pub fn successful(&self) -> bool {
        self.ready() && self.exception().is_none()
    }

    /// A clone of what it returned. `None`: it has not ended, panicked, or was killed. Never parks.
    /// Differs: of a killed one gevent gives the `GreenletExit`.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(|| "text".to_owned());
    /// greenlet.join(None);
    /// assert_eq!(greenlet.value().as_deref(), Some("text"));
    /// ```
    pub fn value(&self) -> Option<T>
    where
        T: Clone,
    {
        self.value_ref().cloned()
    }

    /// As [`value`](Greenlet::value), by reference. Never parks. Beyond gevent.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(|| vec![1, 2]);
    /// greenlet.join(None);
    /// assert_eq!(greenlet.value_ref(), Some(&vec![1, 2]));
    /// ```
    pub fn value_ref(&self) -> Option<&T> {
        self.0.outcome.get()?.as_ref().ok()
    }

    /// What it panicked with, if it did. An `Err` that it returned is its [`value`](Greenlet::value). Never
    /// parks.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(|| panic!("oh no"));
    /// greenlet.join(None);
    /// assert_eq!(greenlet.exception().unwrap().message(), "oh no");
    /// ```
    pub fn exception(&self) -> Option<Exception> {
        match self.0.outcome.get()? {
            Err(Fault::Raised(exception)) => Some(exception.clone()),
            _ => None,
        }
    }

    /// The native green thread, if it was started: to unpark it, for one. Never parks. Beyond gevent.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(greenroom::thread::park);
    /// greenlet.thread().unwrap().unpark();
    /// greenlet.join(None);
    /// ```
    pub fn thread(&self) -> Option<&Thread> {
        let begun = self.0.begun.try_get()?.as_ref().ok()?;
        Some(&begun.thread)
    }

    /// Whether the caller is this greenlet.
    pub(super) fn is_current(&self) -> bool {
        let id = current::task().map(crate::task::Header::id);
        id.is_some() && self.0.task().map(|task| task.header().id()) == id
    }

    /// Waits for its end, for at most `timeout`, also of one that has yet to be started. Whether it has
    /// ended. Parks. When it says so, its stack is free and its destructors and locals are through.
    ///
    /// # Panics
    /// If a greenlet joins itself.
    ///
    /// # Cancel
    /// Nothing happened.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let greenlet = greenroom::gevent::spawn(greenroom::thread::park);
    /// assert!(!greenlet.join(Duration::from_millis(1)));
    /// greenlet.kill(true, None);
    /// assert!(greenlet.join(None));
    /// ```
    pub fn join(&self, timeout: impl Into<Option<Duration>>) -> bool {
        let limit = timeout.into();
        let deadline_ns = deadline_ns(limit);
        let begun = match limit {
            None => self.0.begun.wait(),
            Some(limit) => match self.0.begun.wait_timeout(limit) {
                Some(begun) => begun,
                None => return false,
            },
        };
        let Ok(begun) = begun else {
            return true;
        };
        assert!(!self.is_current(), "a greenlet cannot join itself");
        match wait_for_end(&begun.task, deadline_ns, Mask::Open) {
            Outcome::Ready(()) => true,
            Outcome::TimedOut => false,
            Outcome::Interrupted => interrupt::raise(),
        }
    }

    /// A clone of its value, for which it waits if it may. Parks, if `block`.
    ///
    /// # Errors
    /// It panicked, was killed, or has not ended.
    ///
    /// # Panics
    /// If a greenlet waits for itself.
    ///
    /// # Cancel
    /// Nothing happened.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(|| 6 * 7);
    /// assert_eq!(greenlet.get(true, None).unwrap(), 42);
    /// ```
    pub fn get(&self, block: bool, timeout: impl Into<Option<Duration>>) -> Result<T, GetError>
    where
        T: Clone,
    {
        let limit = timeout.into();
        let has_ended = if block {
            self.join(limit)
        } else {
            self.ready()
        };
        if !has_ended {
            let limit = if block { limit } else { Some(Duration::ZERO) };
            return Err(GetError::TimedOut(Timeout::new(limit)));
        }
        match self.0.outcome.get() {
            Some(Ok(value)) => Ok(value.clone()),
            Some(Err(Fault::Raised(exception))) => Err(GetError::Raised(exception.clone())),
            // No outcome: left behind by a runtime that ended.
            Some(Err(Fault::Killed)) | None => Err(GetError::Killed(GreenletExit)),
        }
    }

    /// Asks it to end, and waits for that if `block`, for at most `timeout`. Whether it has ended.
    ///
    /// Parks, if `block`; else it is no cancellation point. One that was not started never runs: its closure is dropped here. One that
    /// runs unwinds at its next call that parks; see [`JoinHandle::cancel`](crate::thread::JoinHandle::cancel).
    /// A greenlet that kills itself with `block` unwinds here. Differs: always with `GreenletExit`, and it
    /// cannot be caught for good: swallowed, it is raised again.
    ///
    /// # Cancel
    /// It is asked, and not waited for.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(greenroom::thread::park);
    /// assert!(greenlet.kill(true, None));
    /// assert!(greenlet.dead());
    /// ```
    pub fn kill(&self, block: bool, timeout: impl Into<Option<Duration>>) -> bool {
        drop(self.0.request_end());
        if !block {
            return self.ready();
        }
        if self.is_current() {
            interrupt::check();
            return false; // Shielded, or unwinding already.
        }
        self.join(timeout)
    }

    /// Runs `callback` with the greenlet, in a new green thread, when it has ended; now, if it has.
    /// Never parks. gevent's `rawlink` runs it in the hub, which there is none.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{gevent, queue::Queue};
    /// static ENDED: std::sync::LazyLock<Queue<i32>> = std::sync::LazyLock::new(Queue::unbounded);
    /// let greenlet = gevent::spawn(|| 6 * 7);
    /// greenlet.link(|greenlet| ENDED.put(greenlet.value().unwrap()).unwrap());
    /// assert_eq!(ENDED.get(), Ok(42));
    /// ```
    #[track_caller]
    pub fn link(&self, callback: impl FnOnce(Greenlet<T>) + Send + 'static) -> LinkId {
        self.add_link(On::Any, Box::new(callback))
    }

    /// As [`link`](Greenlet::link), if it ends [`successful`](Greenlet::successful). Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{gevent, sync::Event};
    /// static ENDED: Event = Event::new();
    /// gevent::spawn(|| ()).link_value(|_| ENDED.set());
    /// ENDED.wait();
    /// ```
    #[track_caller]
    pub fn link_value(&self, callback: impl FnOnce(Greenlet<T>) + Send + 'static) -> LinkId {
        self.add_link(On::Success, Box::new(callback))
    }

    /// As [`link`](Greenlet::link), if it panics; not if it returns an `Err`. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{gevent, sync::Event};
    /// static FAILED: Event = Event::new();
    /// gevent::spawn(|| panic!("oh no")).link_exception(|_: gevent::Greenlet<()>| FAILED.set());
    /// FAILED.wait();
    /// ```
    #[track_caller]
    pub fn link_exception(&self, callback: impl FnOnce(Greenlet<T>) + Send + 'static) -> LinkId {
        self.add_link(On::Exception, Box::new(callback))
    }

    #[track_caller]
    fn add_link(&self, on: On, callback: Box<dyn FnOnce(Greenlet<T>) + Send>) -> LinkId {
        let link = Link::new(on, callback);
        let (id, refused) = self.0.links.lock().add(link);
        if let Some(link) = refused.filter(|link| link.is_meant(&self.0)) {
            run_link(&self.0, link);
        }
        id
    }

    /// Takes a link off. `false`: it has run, or was taken off before. Never parks.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(greenroom::thread::park);
    /// let id = greenlet.link(|_| unreachable!());
    /// assert!(greenlet.unlink(id) && !greenlet.unlink(id));
    /// ```
    pub fn unlink(&self, id: LinkId) -> bool {
        // The callback is dropped after the lock is released.
        let removed = self.0.links.lock().remove(id);
        removed.is_some()
    }

    /// Takes all links off. Never parks.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(greenroom::thread::park);
    /// greenlet.link(|_| unreachable!());
    /// greenlet.unlink_all();
    /// ```
    pub fn unlink_all(&self) {
        let removed = self.0.links.lock().take_all();
        drop(removed);
    }
}

impl<T> Clone for Greenlet<T> {
    fn clone(&self) -> Greenlet<T> {
        Greenlet(Arc::clone(&self.0))
    }
}

/// The same greenlet.
impl<T> PartialEq for Greenlet<T> {
    fn eq(&self, other: &Greenlet<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Eq for Greenlet<T> {}

impl<T: Send + Sync + 'static> fmt::Debug for Greenlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greenlet")
            .field("name", &self.name())
            .field("started", &self.started())
            .field("ready", &self.ready())
            .finish_non_exhaustive()
    }
}
