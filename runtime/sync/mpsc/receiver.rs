//! The receiving half, and its iterators.
//!
//! A thin face of the core; dropping it refuses all senders and drops what they had sent.

use super::shared::Shared;
use super::{RecvError, RecvTimeoutError, TryRecvError};
use crate::queue::core::{Core, FOREVER, Nothing};
use crate::queue::store::Fifo;
use crate::sys::clock::{deadline_after, deadline_at};
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The receiving half of a channel; there is one. Source: [`std::sync::mpsc::Receiver`].
///
/// # Examples
/// ```
/// use greenroom::sync::mpsc::{Receiver, RecvError, channel};
/// let (sender, receiver): (_, Receiver<i32>) = channel();
/// sender.send(1).unwrap();
/// drop(sender);
/// assert_eq!(receiver.recv(), Ok(1));
/// assert_eq!(receiver.recv(), Err(RecvError));
/// ```
/// It may be sent to another thread, but not shared with one:
/// ```compile_fail
/// fn is_sync<T: Sync>(_: T) {}
/// is_sync(greenroom::sync::mpsc::channel::<u8>().1);
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    _not_sync: PhantomData<Cell<()>>,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Receiver<T> {
        Receiver {
            shared,
            _not_sync: PhantomData,
        }
    }

    /// Receives a value. Parks while there is none.
    ///
    /// # Errors
    /// [`RecvError`]: all senders are gone, and nothing is left.
    ///
    /// # Cancel
    /// Nothing was received. A value that came in that instant is returned, and the next parking call
    /// unwinds.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = greenroom::sync::mpsc::channel();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.core().get(FOREVER).map_err(|_| RecvError)
    }

    /// Receives a value if there is one. Never parks.
    ///
    /// # Errors
    /// [`TryRecvError`].
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::mpsc::{TryRecvError, channel};
    /// let (sender, receiver) = channel::<u8>();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.core().try_get().map_err(|nothing| match nothing {
            Nothing::Empty => TryRecvError::Empty,
            Nothing::ShutDown => TryRecvError::Disconnected,
        })
    }

    /// As [`recv`](Receiver::recv), for at most `timeout`.
    ///
    /// # Errors
    /// [`RecvTimeoutError`].
    ///
    /// # Cancel
    /// As `recv`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::mpsc::{RecvTimeoutError, channel};
    /// let (_sender, receiver) = channel::<u8>();
    /// let late = receiver.recv_timeout(std::time::Duration::from_millis(1));
    /// assert_eq!(late, Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(deadline_after(timeout))
    }

    /// As [`recv`](Receiver::recv), until `deadline`. Unstable in std.
    ///
    /// # Errors
    /// [`RecvTimeoutError`].
    ///
    /// # Cancel
    /// As `recv`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// let (sender, receiver) = greenroom::sync::mpsc::channel();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Ok(1));
    /// assert!(receiver.recv_deadline(Instant::now()).is_err());
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(deadline_at(deadline))
    }

    fn recv_until(&self, deadline_ns: u64) -> Result<T, RecvTimeoutError> {
        self.core()
            .get(deadline_ns)
            .map_err(|nothing| match nothing {
                Nothing::Empty => RecvTimeoutError::Timeout,
                Nothing::ShutDown => RecvTimeoutError::Disconnected,
            })
    }

    /// Receives until all senders are gone and nothing is left. Each step parks.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = greenroom::sync::mpsc::channel();
    /// (1..=3).for_each(|n| sender.send(n).unwrap());
    /// drop(sender);
    /// assert_eq!(receiver.iter().sum::<i32>(), 6);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { rx: self }
    }

    /// Receives what is there, without waiting for more. Never parks.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = greenroom::sync::mpsc::channel();
    /// (1..=3).for_each(|n| sender.send(n).unwrap());
    /// assert_eq!(receiver.try_iter().count(), 3);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { rx: self }
    }

    /// For the arms of a select.
    pub(crate) fn core(&self) -> &Core<T, Fifo<T>> {
        &self.shared.core
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // The values are dropped here, where no lock is held.
        drop(self.core().shut_down_now());
    }
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

/// As std's. Never blocks.
impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// Receives until all senders are gone and nothing is left; see [`Receiver::iter`].
///
/// # Examples
/// ```
/// let (sender, receiver) = greenroom::sync::mpsc::channel();
/// sender.send('x').unwrap();
/// drop(sender);
/// for value in &receiver {
///     assert_eq!(value, 'x');
/// }
/// ```
#[derive(Debug)]
pub struct Iter<'a, T: 'a> {
    rx: &'a Receiver<T>,
}

/// Receives what is there; see [`Receiver::try_iter`].
///
/// # Examples
/// ```
/// let (_sender, receiver) = greenroom::sync::mpsc::channel::<u8>();
/// assert_eq!(receiver.try_iter().next(), None);
/// ```
#[derive(Debug)]
pub struct TryIter<'a, T: 'a> {
    rx: &'a Receiver<T>,
}

/// As [`Iter`], and owns the receiver.
///
/// # Examples
/// ```
/// let (sender, receiver) = greenroom::sync::mpsc::channel();
/// sender.send('x').unwrap();
/// drop(sender);
/// assert_eq!(receiver.into_iter().collect::<String>(), "x");
/// ```
#[derive(Debug)]
pub struct IntoIter<T> {
    rx: Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.rx.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.rx.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.rx.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { rx: self }
    }
}
