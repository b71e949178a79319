//! The sending halves: `Sender`, which never waits, and `SyncSender`, which waits for room.
//!
//! Thin faces of the core; the last one that is dropped disconnects the receiver.

use super::error::SendTimeoutError;
use super::shared::Shared;
use super::{SendError, TrySendError};
use crate::queue::core::{Core, FOREVER, Refused};
use crate::queue::store::Fifo;
use crate::sys::clock::deadline_after;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

/// The sending half of [`channel`](super::channel). Source: [`std::sync::mpsc::Sender`].
///
/// # Examples
/// ```
/// use greenroom::sync::mpsc::{Sender, channel};
/// let (sender, receiver) = channel();
/// let other: Sender<i32> = sender.clone();
/// sender.send(1).unwrap();
/// other.send(2).unwrap();
/// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// The sending half of [`sync_channel`](super::sync_channel). Source: [`std::sync::mpsc::SyncSender`].
///
/// # Examples
/// ```
/// use greenroom::sync::mpsc::{SyncSender, sync_channel};
/// let (sender, receiver) = sync_channel(2);
/// let other: SyncSender<i32> = sender.clone();
/// sender.send(1).unwrap();
/// other.send(2).unwrap();
/// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
/// ```
pub struct SyncSender<T> {
    shared: Arc<Shared<T>>,
}

/// Puts without a limit to the wait.
fn send<T>(core: &Core<T, Fifo<T>>, value: T) -> Result<(), SendError<T>> {
    let outcome = core.put(value, FOREVER);
    outcome.map_err(|refused| match refused {
        Refused::ShutDown(value) => SendError(value),
        Refused::Full(_) => unreachable!("there was no limit to the wait"),
    })
}

impl<T> Sender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Sender<T> {
        Sender { shared }
    }

    /// Sends a value. Does not wait, but lets others run now and then.
    ///
    /// # Errors
    /// [`SendError`], with the value, if the receiver is gone.
    ///
    /// # Cancel
    /// The value was not sent; it is dropped by the unwinding.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = greenroom::sync::mpsc::channel();
    /// sender.send(1).unwrap();
    /// drop(receiver);
    /// assert_eq!(sender.send(2).unwrap_err().0, 2);
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        send(self.core(), value)
    }

    /// For the arms of a select.
    pub(crate) fn core(&self) -> &Core<T, Fifo<T>> {
        &self.shared.core
    }
}

impl<T> SyncSender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> SyncSender<T> {
        SyncSender { shared }
    }

    /// Sends a value. Parks while the channel is full; with a bound of 0, until it is received.
    ///
    /// # Errors
    /// [`SendError`], with the value, if the receiver is gone, also if it goes meanwhile.
    ///
    /// # Cancel
    /// The value was not sent; it is dropped by the unwinding.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = greenroom::sync::mpsc::sync_channel(0);
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(move || sender.send("from hand to hand"));
    ///     assert_eq!(receiver.recv(), Ok("from hand to hand"));
    /// });
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        send(self.core(), value)
    }

    /// Sends a value if there is room, or the receiver waits. Never parks.
    ///
    /// # Errors
    /// [`TrySendError`], with the value.
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::mpsc::{TrySendError, sync_channel};
    /// let (sender, _receiver) = sync_channel(1);
    /// assert_eq!(sender.try_send('a'), Ok(()));
    /// assert_eq!(sender.try_send('b'), Err(TrySendError::Full('b')));
    /// ```
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let outcome = self.core().try_put(value);
        outcome.map_err(|refused| match refused {
            Refused::Full(value) => TrySendError::Full(value),
            Refused::ShutDown(value) => TrySendError::Disconnected(value),
        })
    }

    /// As [`send`](SyncSender::send), for at most `timeout`. Unstable in std.
    ///
    /// # Errors
    /// [`SendTimeoutError`], with the value.
    ///
    /// # Cancel
    /// As `send`.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = greenroom::sync::mpsc::sync_channel(0);
    /// assert!(sender.send_timeout(1, std::time::Duration::from_millis(1)).is_err());
    /// ```
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        let outcome = self.core().put(value, deadline_after(timeout));
        outcome.map_err(|refused| match refused {
            Refused::Full(value) => SendTimeoutError::Timeout(value),
            Refused::ShutDown(value) => SendTimeoutError::Disconnected(value),
        })
    }

    /// For the arms of a select.
    pub(crate) fn core(&self) -> &Core<T, Fifo<T>> {
        &self.shared.core
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender::new(self.shared.for_another_sender())
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> SyncSender<T> {
        SyncSender::new(self.shared.for_another_sender())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

impl<T> Drop for SyncSender<T> {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}
impl<T> UnwindSafe for SyncSender<T> {}
impl<T> RefUnwindSafe for SyncSender<T> {}

/// As std's. Never blocks.
impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// As std's. Never blocks.
impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSender").finish_non_exhaustive()
    }
}
