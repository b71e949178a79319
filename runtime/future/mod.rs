//! Futures from green threads, and green threads as futures.
//!
//! [`block_on`] runs a future where a green thread (or an OS thread) stands, and parks it while the future
//! waits. The other way, [`sleep`] and a [`JoinHandle`](crate::thread::JoinHandle) can be awaited, and with
//! the feature `futures-io` an `AsyncIo` makes a greenroom stream `AsyncRead + AsyncWrite`: under any executor, on
//! any thread. So async crates that do not insist on a runtime of their own work from green threads.
//!
//! Nothing here is a second scheduler. Whatever a future waits for, a small green thread waits for in its
//! place and then wakes it (`relay`): wakers are user code, and run on green stacks like the rest of it.
//! A pending future of ours therefore costs a parked green thread, some 5 KiB.

#[cfg(feature = "futures-io")]
mod async_io;
mod block_on;
mod join;
mod relay;
mod sleep;

#[cfg(feature = "futures-io")]
pub use async_io::{AsyncIo, Streamable};
pub use block_on::block_on;
pub use join::JoinFuture;
pub use sleep::{Sleep, sleep, sleep_until};
