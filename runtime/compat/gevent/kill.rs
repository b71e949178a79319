//! `kill`, `killall`: to ask greenlets to end, the caller among them or not.
//!
//! Two rounds. First every greenlet is asked, which is no cancellation point and runs nothing of the
//! user's, so that nobody is left out; then come what may unwind: destructors of closures that never
//! ran, the caller's own end, the wait.

use super::greenlet::Greenlet;
use super::timeout::Timeout;
use super::wait::sealed::Sealed;
use super::wait::{Deputy, Object, Teller, iwait};
use crate::park::interrupt;
use std::any::Any;
use std::time::Duration;

/// What [`killall`] takes: a [`Greenlet`], or a reference to one; of several types as `&dyn Killable`.
/// Implemented by this crate only. Beyond gevent, whose lists hold anything.
///
/// # Examples
/// ```
/// use greenroom::gevent::{self, Killable};
/// let (number, text) = (gevent::spawn(|| 6 * 7), gevent::spawn(|| "text"));
/// let jobs: [&dyn Killable; 2] = [&number, &text];
/// gevent::killall(jobs, true, None).unwrap();
/// assert!(number.dead() && text.dead());
/// ```
pub trait Killable: Object {
    /// Asks it to end; what must be dropped when all have been asked.
    #[doc(hidden)]
    fn ask(&self) -> Option<Box<dyn Any + Send>>;

    /// Whether the caller is this greenlet.
    #[doc(hidden)]
    fn is_caller(&self) -> bool;
}

impl<T: Send + Sync + 'static> Killable for Greenlet<T> {
    fn ask(&self) -> Option<Box<dyn Any + Send>> {
        let unrun = self.shared().request_end()?;
        Some(Box::new(unrun))
    }

    fn is_caller(&self) -> bool {
        self.is_current()
    }
}

impl<T: Send + Sync + 'static> Killable for &Greenlet<T> {
    fn ask(&self) -> Option<Box<dyn Any + Send>> {
        (**self).ask()
    }

    fn is_caller(&self) -> bool {
        self.is_current()
    }
}

impl Killable for &(dyn Killable + '_) {
    fn ask(&self) -> Option<Box<dyn Any + Send>> {
        (**self).ask()
    }

    fn is_caller(&self) -> bool {
        (**self).is_caller()
    }
}

impl Sealed for &(dyn Killable + '_) {}
impl Object for &(dyn Killable + '_) {
    fn watch(&self, teller: &Teller) -> Deputy {
        (**self).watch(teller)
    }

    fn unwatch(&self, teller: &Teller) {
        (**self).unwatch(teller);
    }
}

/// Asks a greenlet to end, and does not wait for it. Never parks. Source: `gevent.kill`.
///
/// No cancellation point: who is cancelled, or past a deadline, kills all the same.
///
/// # Examples
/// ```
/// use greenroom::gevent;
/// let greenlet = gevent::spawn(greenroom::thread::park);
/// gevent::kill(&greenlet);
/// assert!(greenlet.join(None));
/// ```
pub fn kill<T: Send + Sync + 'static>(greenlet: &Greenlet<T>) {
    greenlet.kill(false, None);
}

/// Kills all the greenlets, and waits for their ends if `block`, for at most `timeout`. Parks, if
/// `block`. Source: `gevent.killall`.
///
/// The caller may be among them, anywhere: it unwinds when all have been asked, here if `block`, else
/// at its next call that parks. Greenlets of several types: as `&dyn` [`Killable`].
///
/// # Errors
/// The time was up.
///
/// # Cancel
/// They are all asked to end, and not waited for.
///
/// # Examples
/// ```
/// use greenroom::gevent;
/// let jobs: Vec<_> = (0..3).map(|_| gevent::spawn(greenroom::thread::park)).collect();
/// gevent::killall(&jobs, true, None).unwrap();
/// assert!(jobs.iter().all(|job| job.dead()));
/// ```
pub fn killall<K: Killable>(
    greenlets: impl IntoIterator<Item = K>,
    block: bool,
    timeout: impl Into<Option<Duration>>,
) -> Result<(), Timeout> {
    let limit = timeout.into();
    let greenlets: Vec<K> = greenlets.into_iter().collect();
    let unrun: Vec<_> = greenlets.iter().filter_map(Killable::ask).collect();
    drop(unrun);
    if !block {
        return Ok(());
    }
    let (own, others): (Vec<K>, Vec<K>) = greenlets.into_iter().partition(Killable::is_caller);
    if !own.is_empty() {
        interrupt::check();
    }
    let number = others.len();
    if iwait(others, limit).count() == number {
        Ok(())
    } else {
        Err(Timeout::new(limit))
    }
}
