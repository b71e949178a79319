//! TCP and UDP with the names, signatures and semantics of [`std::net`].
//!
//! Porting means changing `use std::net::` to `use greenroom::net::`. The types work on green
//! threads, where a call that has to wait parks the caller and lets its worker run others, and on
//! ordinary OS threads, where it waits in `poll(2)`. Nothing here holds a loop of its own around
//! "would block": that is `io/`, and nothing names libc: that is `sys/`.
//!
//! # Cancel
//! Every call that may park is a cancellation point: a pending cancel or an expired
//! [`timeout`](crate::timeout) is noticed at its entry and while it waits, never after it took
//! effect. Sockets stay usable afterwards.

mod connect;
mod convert;
mod listener;
pub(crate) mod naming;
mod registry;
mod resolve;
mod serve;
mod tcp_listener;
mod tcp_stream;
mod udp_options;
mod udp_socket;
mod verdict;

pub use listener::Listener;
pub use resolve::ToSocketAddrs;
pub(crate) use serve::serve_as;
pub use serve::{ServeStats, Server, serve};
pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};
pub use tcp_listener::{Incoming, TcpListener};
pub use tcp_stream::TcpStream;
pub use udp_socket::UdpSocket;
