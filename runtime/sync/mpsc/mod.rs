//! Channels with std's API: many senders, one receiver. Source: [`std::sync::mpsc`].
//!
//! Waiting parks the green thread; OS threads may be at either end. Those who wait to send are served
//! in the order in which they came. Dropping the last sender, or the receiver, disconnects: what was
//! sent before is still received; whoever waits at a full channel gets the value back.
//!
//! All stand on the core of the queues (`queue/core`), shared by an `Arc`. Differs: sending is a
//! cancellation point also where it never waits, so that a loop that only sends can be ended.
//!
//! # Examples
//! ```
//! use greenroom::sync::mpsc;
//! let (sender, receiver) = mpsc::channel();
//! greenroom::run(move || {
//!     for number in 0..3 {
//!         let sender = sender.clone();
//!         greenroom::thread::spawn(move || sender.send(number));
//!     }
//!     drop(sender);
//!     assert_eq!(receiver.iter().sum::<i32>(), 3); // Until all senders are gone.
//! });
//! ```

mod error;
mod receiver;
mod sender;
mod shared;

pub use error::SendTimeoutError;
pub use receiver::{IntoIter, Iter, Receiver, TryIter};
pub use sender::{Sender, SyncSender};
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

use crate::queue::core::UNBOUNDED;
use shared::Shared;
use std::sync::Arc;

/// A channel for any number of values: sending never waits.
///
/// # Examples
/// ```
/// let (sender, receiver) = greenroom::sync::mpsc::channel();
/// sender.send("one").unwrap();
/// assert_eq!(receiver.recv(), Ok("one"));
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Shared::with_capacity(UNBOUNDED);
    (Sender::new(Arc::clone(&shared)), Receiver::new(shared))
}

/// A channel for at most `bound` values: sending waits while it is full. With 0 it waits until the
/// receiver takes the value.
///
/// # Examples
/// ```
/// let (sender, receiver) = greenroom::sync::mpsc::sync_channel(1);
/// sender.send(1).unwrap();
/// assert!(sender.try_send(2).is_err());
/// assert_eq!(receiver.recv(), Ok(1));
/// ```
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let shared = Shared::with_capacity(bound);
    (SyncSender::new(Arc::clone(&shared)), Receiver::new(shared))
}
