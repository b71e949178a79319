//! Producer and consumer queues, for many producers and many consumers: first in first out, last in
//! first out, smallest first, and a channel without any room.
//!
//! Waiting parks the green thread; OS threads may take part at either end. Those who wait are served in
//! the order in which they came. Source: Python's `queue` and gevent's, with the meaning that Python
//! 3.13 gave to `shutdown`.
//!
//! # Examples
//! ```
//! use greenroom::queue::Queue;
//! use greenroom::thread::scope;
//! let queue = Queue::bounded(2);
//! scope(|s| {
//!     s.spawn(|| {
//!         for number in 0..10 {
//!             queue.put(number).unwrap(); // Parks while two wait to be taken.
//!         }
//!         queue.shutdown(); // Gets go on until it is empty.
//!     });
//!     assert_eq!(queue.iter().sum::<i32>(), 45);
//! });
//! ```

mod channel;
pub(crate) mod core;
mod debug;
mod error;
mod face;
mod iter;
pub(crate) mod store;

pub use channel::{Channel, ChannelIter};
pub use error::{GetError, PutError, ShutDown, TaskDoneError};
pub use face::{LifoQueue, PriorityQueue, Queue};
pub use iter::{Iter, TryIter};
pub use store::{Fifo, Lifo, Priority};
