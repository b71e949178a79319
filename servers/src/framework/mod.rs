//! socketserver's shape: servers that accept, limit and count clients, and a handler for each.
//!
//! A server owns a listening socket; a [`handler::Handler`] owns what is said on a connection; a
//! [`client::Client`] is the connection, with its bytes counted and its waits bounded. Nothing here knows
//! a protocol.
//!
//! A client's way: `accept` (by the core on every worker, or by a `crew`) → `gate` (limits) → `service` (which
//! thread) → `life` (setup, handle, finish; what is caught and counted). The end: `control`.

mod accept;
pub(crate) mod client;
pub(crate) mod concurrency;
pub(crate) mod control;
pub(crate) mod counters;
mod crew;
mod episode;
pub(crate) mod gate;
pub(crate) mod handler;
pub(crate) mod idle;
mod life;
pub(crate) mod limits;
pub(crate) mod lines;
mod options;
mod os_thread;
mod pace;
pub(crate) mod per_process;
pub(crate) mod running;
mod service;
pub(crate) mod stream;
pub(crate) mod tcp;
pub(crate) mod udp;
pub(crate) mod udp_handler;
pub(crate) mod unix;
