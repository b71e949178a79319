//! What a greenlet ended with, if not with a value: a panic, or a kill.
//!
//! A payload is `Send` and belongs to one; an [`Exception`] is shown to everybody who asks, so it has
//! the payload's text, and gives the payload itself to the first who takes it.

use super::timeout::Timeout;
use crate::sys::lock::Lock;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic;
use std::sync::Arc;

/// What a greenlet panicked with, for any number of readers. Source: gevent's `Greenlet.exception`.
///
/// # Examples
/// ```
/// use greenroom::gevent;
/// let greenlet = gevent::spawn(|| panic!("oh no"));
/// greenlet.join(None);
/// assert_eq!(greenlet.exception().unwrap().message(), "oh no");
/// ```
#[derive(Clone)]
pub struct Exception(Arc<Raised>);

struct Raised {
    message: String,
    payload: Lock<Option<Box<dyn Any + Send>>>,
}

impl Exception {
    pub(super) fn new(payload: Box<dyn Any + Send>) -> Exception {
        let message = text(payload.as_ref()).to_owned();
        Exception(Arc::new(Raised {
            message,
            payload: Lock::new(Some(payload)),
        }))
    }

    /// The panic's text; `Box<dyn Any>` if it is none. Never parks. gevent's `str(exception)`.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(|| std::panic::panic_any(7));
    /// greenlet.join(None);
    /// assert_eq!(greenlet.exception().unwrap().message(), "Box<dyn Any>");
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The payload, for the first who takes it. Never parks. gevent's `exc_info`.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(|| std::panic::panic_any(7));
    /// greenlet.join(None);
    /// let payload = greenlet.exception().unwrap().take_payload();
    /// assert_eq!(payload.unwrap().downcast_ref(), Some(&7));
    /// assert!(greenlet.exception().unwrap().take_payload().is_none());
    /// ```
    pub fn take_payload(&self) -> Option<Box<dyn Any + Send>> {
        self.0.payload.lock().take()
    }

    /// Goes on panicking here: with the payload, or with its text if somebody took that. Never parks.
    /// What gevent's `get()` does by itself.
    ///
    /// # Panics
    /// Always.
    ///
    /// # Examples
    /// ```
    /// let greenlet = greenroom::gevent::spawn(|| panic!("oh no"));
    /// greenlet.join(None);
    /// let exception = greenlet.exception().unwrap();
    /// assert!(std::panic::catch_unwind(|| exception.reraise()).is_err());
    /// ```
    pub fn reraise(&self) -> ! {
        let payload = self.take_payload();
        panic::resume_unwind(payload.unwrap_or_else(|| Box::new(self.0.message.clone())))
    }
}

/// A payload's text, if it has one.
fn text(payload: &(dyn Any + Send)) -> &str {
    let literal = payload.downcast_ref::<&str>().copied();
    let owned = || payload.downcast_ref::<String>().map(String::as_str);
    literal.or_else(owned).unwrap_or("Box<dyn Any>")
}

impl std::panic::UnwindSafe for Exception {}
impl std::panic::RefUnwindSafe for Exception {}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exception").field(&self.0.message).finish()
    }
}

impl Error for Exception {}

/// What a killed greenlet ended with. Source: gevent's `GreenletExit`.
///
/// A greenlet that panics with it, by `resume_unwind(Box::new(GreenletExit))`, ends as if it were killed.
///
/// # Examples
/// ```
/// use greenroom::gevent::{self, GetError, GreenletExit};
/// let greenlet = gevent::spawn(greenroom::thread::park);
/// greenlet.kill(true, None);
/// assert!(matches!(greenlet.get(true, None), Err(GetError::Killed(GreenletExit))));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GreenletExit;

impl fmt::Display for GreenletExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the greenlet was killed")
    }
}

impl Error for GreenletExit {}

/// Why [`Greenlet::get`](super::Greenlet::get) has no value.
///
/// # Examples
/// ```
/// use greenroom::gevent::{self, GetError};
/// let greenlet = gevent::spawn(greenroom::thread::park);
/// assert!(matches!(greenlet.get(false, None), Err(GetError::TimedOut(_))));
/// ```
#[derive(Clone, Debug)]
pub enum GetError {
    /// It panicked. gevent raises the exception.
    Raised(Exception),
    /// It was killed. Differs: gevent returns the `GreenletExit`; a `T` it is not.
    Killed(GreenletExit),
    /// It has not ended yet.
    TimedOut(Timeout),
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GetError::Raised(exception) => exception.fmt(f),
            GetError::Killed(exit) => exit.fmt(f),
            GetError::TimedOut(timeout) => timeout.fmt(f),
        }
    }
}

impl Error for GetError {}
