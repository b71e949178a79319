//! `joinall`, `wait`, `iwait`: many greenlets, and other things that happen.
//!
//! One list of ends per wait, the same as behind `group::as_completed`: each greenlet's task is watched
//! once, so ten thousand greenlets cost ten thousand registrations. Of what is no greenlet nobody tells:
//! a green thread of its own waits for it, and is cancelled when the wait is given up.
//! Rejected: a select over all that are left at each step. It is quadratic.

use super::exception::Exception;
use super::greenlet::Greenlet;
use super::timeout::deadline_ns;
use crate::group::Ends;
use crate::park::interrupt;
use crate::sched::run::spend_budget;
use crate::sync::{AsyncResult, Event};
use crate::task::watch::Watcher;
use crate::thread::{self, JoinHandle};
use sealed::Sealed;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(super) mod sealed {
    pub trait Sealed {}
}

/// Who is told, and under which token.
#[doc(hidden)]
#[derive(Debug)]
pub struct Teller {
    ends: Arc<Ends>,
    token: u64,
}

impl Teller {
    fn watcher(&self) -> Arc<dyn Watcher> {
        Arc::clone(&self.ends) as Arc<dyn Watcher>
    }

    fn tell(&self) {
        self.ends.ended(self.token);
    }
}

/// The green thread that waits in an iterator's place. Cancelled when dropped.
#[doc(hidden)]
#[derive(Debug)]
pub struct Deputy(Option<JoinHandle<()>>);

impl Deputy {
    const NONE: Deputy = Deputy(None);

    #[track_caller]
    fn new(teller: &Teller, wait: impl FnOnce() + Send + 'static) -> Deputy {
        let handle = thread::spawn(wait);
        thread::watch(handle.task(), teller.watcher(), teller.token);
        Deputy(Some(handle))
    }
}

impl Drop for Deputy {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.cancel();
        }
    }
}

/// What [`wait`] and [`iwait`] take: a [`Greenlet`], an `Arc` or `&'static` of an [`Event`] or an
/// [`AsyncResult`], or a reference to such; of several kinds as `&dyn Object`. Implemented by this crate
/// only. Differs: no semaphores, and no watchers of the loop.
///
/// # Examples
/// ```
/// use greenroom::gevent::{self, Object, event::Event};
/// use std::sync::Arc;
/// let (greenlet, event) = (gevent::spawn(|| ()), Arc::new(Event::new()));
/// event.set();
/// let objects: [&dyn Object; 2] = [&greenlet, &event];
/// assert_eq!(gevent::wait(objects, None, None).len(), 2);
/// ```
pub trait Object: Sealed {
    /// Tells `teller` when it has happened.
    #[doc(hidden)]
    fn watch(&self, teller: &Teller) -> Deputy;

    /// Withdraws that.
    #[doc(hidden)]
    fn unwatch(&self, teller: &Teller);
}

impl<T> Sealed for Greenlet<T> {}
impl<T: Send + Sync + 'static> Object for Greenlet<T> {
    fn watch(&self, teller: &Teller) -> Deputy {
        self.shared().watch(teller.watcher(), teller.token);
        // After it: a greenlet may run before its start has said which task it is.
        assert!(!self.is_current(), "a greenlet cannot join itself");
        Deputy::NONE
    }

    fn unwatch(&self, teller: &Teller) {
        self.shared().unwatch(&teller.watcher(), teller.token);
    }
}

macro_rules! happenings {
    ($($pointer:ty, [$($param:ident),*], $happened:ident;)*) => {$(
        impl<$($param),*> Sealed for $pointer {}
        impl<$($param: Send + Sync + 'static),*> Object for $pointer {
            fn watch(&self, teller: &Teller) -> Deputy {
                if self.$happened() {
                    teller.tell();
                    return Deputy::NONE;
                }
                let own = self.clone();
                Deputy::new(teller, move || {
                    let _ = own.wait();
                })
            }

            fn unwatch(&self, _: &Teller) {}
        }
    )*};
}

happenings! {
    Arc<Event>, [], is_set;
    &'static Event, [], is_set;
    Arc<AsyncResult<T, E>>, [T, E], is_ready;
    &'static AsyncResult<T, E>, [T, E], is_ready;
}

macro_rules! references {
    ($($object:ty, [$($param:ident),*];)*) => {$(
        impl<$($param),*> Sealed for &$object {}
        impl<$($param: Send + Sync + 'static),*> Object for &$object {
            fn watch(&self, teller: &Teller) -> Deputy {
                (**self).watch(teller)
            }

            fn unwatch(&self, teller: &Teller) {
                (**self).unwatch(teller);
            }
        }
    )*};
}

references! {
    Greenlet<T>, [T];
    Arc<Event>, [];
    Arc<AsyncResult<T, E>>, [T, E];
    dyn Object + '_, [];
}

/// Yields objects as they happen; made by [`iwait`]. Dropped early, it withdraws from the others.
///
/// # Examples
/// ```
/// use greenroom::gevent::{self, Greenlet, Iwait};
/// let mut ready: Iwait<Greenlet<i32>> = gevent::iwait([gevent::spawn(|| 42)], None);
/// assert_eq!(ready.next().unwrap().value(), Some(42));
/// ```
pub struct Iwait<O: Object> {
    ends: Arc<Ends>,
    waiting: Vec<Option<(O, Deputy)>>,
    remaining: usize,
    deadline_ns: u64,
}

impl<O: Object> Iterator for Iwait<O> {
    type Item = O;

    /// The next that has happened. `None`: there is none left, or the time is up. Parks.
    fn next(&mut self) -> Option<O> {
        interrupt::check();
        spend_budget();
        while self.remaining > 0 {
            let token = self.ends.take(self.deadline_ns)?;
            let place = usize::try_from(token).expect("because tokens count objects");
            if let Some((object, _)) = self.waiting[place].take() {
                self.remaining -= 1;
                return Some(object);
            }
        }
        None
    }
}

impl<O: Object> Drop for Iwait<O> {
    fn drop(&mut self) {
        for (waiting, token) in self.waiting.iter().zip(0..) {
            if let Some((object, _)) = waiting {
                let ends = Arc::clone(&self.ends);
                object.unwatch(&Teller { ends, token });
            }
        }
    }
}

impl<O: Object> fmt::Debug for Iwait<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iwait")
            .field("remaining", &self.remaining)
            .finish_non_exhaustive()
    }
}

/// Yields `objects` as they happen: greenlets end, events are set, results come. For at most `timeout`
/// altogether. Never parks; its iterator does.
///
/// Source: `gevent.iwait`. Differs: `count` is the iterator's `take`.
///
/// # Panics
/// If a greenlet is told to wait for itself.
///
/// # Cancel
/// The iterator's wait ends; nothing is lost.
///
/// # Examples
/// ```
/// use greenroom::gevent;
/// let jobs: Vec<_> = (0..3).map(|n| gevent::spawn(move || n)).collect();
/// let sum: i32 = gevent::iwait(&jobs, None).filter_map(|job| job.value()).sum();
/// assert_eq!(sum, 3);
/// ```
#[track_caller]
pub fn iwait<O: Object>(
    objects: impl IntoIterator<Item = O>,
    timeout: impl Into<Option<Duration>>,
) -> Iwait<O> {
    let mut ready = Iwait {
        ends: Arc::new(Ends::new()),
        waiting: Vec::new(),
        remaining: 0,
        deadline_ns: deadline_ns(timeout.into()),
    };
    for (object, token) in objects.into_iter().zip(0..) {
        let ends = Arc::clone(&ready.ends);
        let deputy = object.watch(&Teller { ends, token });
        ready.waiting.push(Some((object, deputy)));
        ready.remaining += 1;
    }
    ready
}

/// Waits until `count` of the objects have happened, or all, for at most `timeout`. Gives those that
/// have, in the order in which they did. Parks.
///
/// Source: `gevent.wait`. Differs: without objects gevent waits until nothing runs any more; that is
/// [`Runtime::shutdown`](crate::Runtime::shutdown).
///
/// # Panics
/// If a greenlet is told to wait for itself.
///
/// # Cancel
/// Nothing happened.
///
/// # Examples
/// ```
/// use greenroom::gevent;
/// let jobs = [gevent::spawn(greenroom::thread::park), gevent::spawn(|| ())];
/// assert_eq!(gevent::wait(&jobs, None, 1), [&jobs[1]]);
/// ```
#[track_caller]
pub fn wait<O: Object>(
    objects: impl IntoIterator<Item = O>,
    timeout: impl Into<Option<Duration>>,
    count: impl Into<Option<usize>>,
) -> Vec<O> {
    let count = count.into().unwrap_or(usize::MAX);
    iwait(objects, timeout).take(count).collect()
}

/// Waits until `count` of the greenlets have ended, or all, for at most `timeout`. Gives those that
/// have. Parks. Source: `gevent.joinall`. Differs: of several `T`, [`wait`] as `&dyn Object`.
///
/// # Errors
/// With `raise_error`: what the first of them panicked with that did; gevent raises it. The others are
/// not waited for then. An `Err` that a greenlet returned is its value, and none of these.
///
/// # Panics
/// If a greenlet joins itself.
///
/// # Cancel
/// Nothing happened.
///
/// # Examples
/// ```
/// use greenroom::gevent;
/// use std::time::Duration;
/// let jobs = [gevent::spawn(|| 1), gevent::spawn(|| panic!("oh no"))];
/// assert_eq!(gevent::joinall(&jobs, Duration::from_secs(60), false, None).unwrap().len(), 2);
/// let raised = gevent::joinall(&jobs, None, true, None).unwrap_err();
/// assert_eq!(raised.message(), "oh no");
/// ```
#[track_caller]
pub fn joinall<'a, T: Send + Sync + 'static>(
    greenlets: impl IntoIterator<Item = &'a Greenlet<T>>,
    timeout: impl Into<Option<Duration>>,
    raise_error: bool,
    count: impl Into<Option<usize>>,
) -> Result<Vec<Greenlet<T>>, Exception> {
    let count = count.into().unwrap_or(usize::MAX);
    let mut ended = Vec::new();
    for greenlet in iwait(greenlets, timeout).take(count) {
        if let Some(exception) = greenlet.exception().filter(|_| raise_error) {
            return Err(exception);
        }
        ended.push(greenlet.clone());
    }
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gevent::{killall, spawn};

    #[test]
    fn iwait_dropped_early_is_not_kept_by_its_greenlets() {
        let greenlets = [spawn(thread::park), Greenlet::new(thread::park)];
        let ready = iwait(&greenlets, None);
        let ends = Arc::clone(&ready.ends);
        assert_eq!(Arc::strong_count(&ends), 2 + greenlets.len());
        drop(ready);
        assert_eq!(Arc::strong_count(&ends), 1);
        assert_eq!(killall(&greenlets, true, None), Ok(()));
    }
}
