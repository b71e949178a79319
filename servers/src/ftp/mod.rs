//! FTP: a server of files, and a client.
//!
//! [`Ftp`] is a [`Handler`](crate::Handler): what a control connection hears and says. Each client sees its home as the whole
//! tree, by [`Root`](crate::root::Root); what the server grants is in [`Settings`], who may come in, in
//! [`Users`]. Data connections are passive only, and accepted from the control connection's peer only.
//! [`client::FtpClient`] is the other side. What bad input gets is a table in `docs/servers/ftp.md`.
//!
//! Inside: `lines` → `command` → `session` (the loop and the order of answers) → `login`, `tree` (what
//! takes no data connection), `transfer` (what does, through a `door`).
//! Sources: RFC 959, 1123 (4.1), 2389, 2428, 3659.

mod address;
mod ascii;
mod calendar;
pub mod client;
mod command;
mod data;
mod door;
mod guesses;
mod lines;
mod listing;
mod login;
mod password;
mod reply;
mod session;
mod settings;
mod transfer;
mod tree;
mod users;

pub use session::{Ftp, Stopper};
pub use settings::Settings;
pub use users::{Users, hash_password};

/// What a client beyond a limit is told: for [`TcpServer::reject_with`](crate::TcpServer::reject_with).
pub const BUSY: &[u8] = b"421 Too many clients: come back later\r\n";
