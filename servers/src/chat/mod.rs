//! Chats: rooms over TCP, and an address book over UDP.
//!
//! [`Chat`] is a handler of lines: who connects says a name, and then talks to a room. [`UdpChat`] learns
//! names with the addresses that they came from, and passes on datagrams. Both refuse what could forge a line
//! or a terminal's escape sequence, and neither keeps more memory than its limits say.
//!
//! A name is ASCII, unique whatever its case, and has no blank or colon. So whatever stands before the first
//! colon of a line is a name, a line of the server's own begins with `*` or `!`, and nobody can forge either.

mod book;
mod command;
mod datagram;
mod hall;
mod outbox;
mod pace;
mod rate;
mod rules;
mod session;
mod udp;

pub use hall::{ChatLimits, ChatTotals};
pub use session::Chat;
pub use udp::{UdpChat, UdpChatLimits, UdpChatTotals};
