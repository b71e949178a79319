//! Protocol servers on greenroom: plain blocking code, one green thread per client.
//!
//! The framework has socketserver's shape: a [`TcpServer`] or [`UnixServer`] accepts clients, counts
//! and limits them, and runs a [`Handler`] for each. The protocols stand on it, and all of them only on
//! greenroom's public API.
//!
//! `examples/` also shows TLS, WebSockets, HTTP, gzip and socket options by other people's crates over
//! greenroom's streams; `tests/third_party.rs` runs those crates on green threads, on OS threads, and
//! over std's own streams for comparison.

pub mod chat;
pub mod framing;
pub mod ftp;
pub mod http;
pub mod multiprocessing;
pub mod printable;
pub mod root;
pub mod services;

mod ear;
mod framework;
mod linger;
mod panic_text;
mod send_file;

pub use framework::client::Client;
pub use framework::concurrency::Concurrency;
pub use framework::control::Stopper;
pub use framework::counters::{Counters, Totals};
pub use framework::handler::Handler;
pub use framework::limits::Limits;
pub use framework::lines::{Line, LineReader};
pub use framework::per_process::PerProcess;
pub use framework::running::Running;
pub use framework::stream::{Peer, Stream};
pub use framework::tcp::TcpServer;
pub use framework::udp::UdpServer;
pub use framework::udp_handler::{Datagram, DatagramHandler};
pub use framework::unix::UnixServer;
