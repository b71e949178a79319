//! `gevent.server` and `gevent.baseserver`: servers with a handler per connection or datagram.
//!
//! Unbounded, a [`StreamServer`] is the native [`serve`](crate::net::serve), which accepts on every
//! worker. With a bound it is gevent's own loop: one acceptor that waits for room in a native pool, then
//! accepts, so that connections it has no room for stay in the kernel's queue.

mod base;
mod datagram;
mod stream;

pub use base::Spawn;
pub use datagram::DatagramServer;
pub use stream::StreamServer;
