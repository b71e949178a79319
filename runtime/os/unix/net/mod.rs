//! Unix sockets: [`std::os::unix::net`] for green threads.
//!
//! Porting means changing `use std::os::unix::net::` to `use greenroom::os::unix::net::`. Calls that have
//! to wait park a green thread and let its worker run others; on OS threads they wait as std's do.
//! Whatever never waits is asked of std, on the same descriptor, so errors and texts are std's own. A path
//! is looked up in the file system by the call that takes it, as in std.
//!
//! # Cancel
//! Every call that may park is a cancellation point: a pending cancel or an expired
//! [`timeout`](crate::timeout) is noticed at its entry and while it waits, never after it took
//! effect. Sockets stay usable afterwards.

mod convert;
mod datagram;
mod listener;
mod stream;

pub use datagram::UnixDatagram;
pub use listener::{Incoming, UnixListener};
pub use std::os::unix::net::SocketAddr;
pub use stream::UnixStream;
