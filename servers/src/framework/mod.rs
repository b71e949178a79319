//! socketserver's shape: servers that accept, limit and count clients, and a handler for each.
//!
//! A server owns a listening socket; a [`handler::Handler`] owns what is said on a connection; a
//! [`client::Client`] is the connection, with its bytes counted and its waits bounded. Nothing here knows
//! a protocol.

pub(crate) mod client;
pub(crate) mod counters;
pub(crate) mod handler;
pub(crate) mod limits;
pub(crate) mod running;
pub(crate) mod stream;
pub(crate) mod tcp;
