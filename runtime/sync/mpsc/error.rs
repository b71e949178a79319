//! `SendTimeoutError`: the one error of a channel for which std has no stable name.
//!
//! The others are std's own, so that code which matches on them need not change.

use std::fmt;

/// Why [`SyncSender::send_timeout`](super::SyncSender::send_timeout) did not send; with the value.
/// Source: the unstable `std::sync::mpmc::SendTimeoutError`.
///
/// # Examples
/// ```
/// use greenroom::sync::mpsc::{SendTimeoutError, sync_channel};
/// use std::time::Duration;
/// let (sender, receiver) = sync_channel(0);
/// let late = sender.send_timeout(1, Duration::from_millis(1));
/// assert_eq!(late, Err(SendTimeoutError::Timeout(1)));
/// drop(receiver);
/// let alone = sender.send_timeout(1, Duration::from_millis(1));
/// assert_eq!(alone, Err(SendTimeoutError::Disconnected(1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// There was no room in time.
    Timeout(T),
    /// The receiver is gone.
    Disconnected(T),
}

impl<T> fmt::Debug for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendTimeoutError::Timeout(_) => "Timeout(..)",
            SendTimeoutError::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Display for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendTimeoutError::Timeout(_) => "timed out waiting on send operation",
            SendTimeoutError::Disconnected(_) => "sending on a disconnected channel",
        })
    }
}

impl<T> std::error::Error for SendTimeoutError<T> {}
