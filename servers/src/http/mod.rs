//! HTTP/1.1: a parser of requests that trusts nobody, a router, and answers gathered into one write.
//!
//! [`Http`] is a [`Handler`](crate::Handler) for any of the servers: it owns what is said on a connection.
//! A [`Router`] maps methods and paths to closures from [`Request`] to [`Response`]; these are plain
//! blocking code and may park. `docs/servers/http.md` is the guide, and the table of what bad input gets.
//!
//! Inside: `head`, `framing`, `target` and `chunks` are pure and judge bytes; `connection` alone reads and
//! loops; `encode` alone writes heads. A rule of RFC 9112 is enforced in one of them, never in two.

mod access;
mod answer;
mod body;
mod chunks;
mod conditions;
mod connection;
mod content;
mod date;
mod encode;
mod events;
mod files;
mod framing;
mod head;
mod headers;
mod input;
mod limits;
mod listing;
mod output;
mod ranges;
mod refusal;
mod request;
mod response;
mod router;
mod server;
mod status;
mod target;
mod upgraded;
mod websocket;
mod writer;

pub use body::RequestBody;
pub use date::format_date;
pub use events::{Event, Events};
pub use files::Files;
pub use headers::Headers;
pub use limits::HttpLimits;
pub use request::{Request, Version};
pub use response::{Body, Response};
pub use router::Router;
pub use server::{BUSY, Http};
pub use upgraded::Upgraded;
pub use websocket::{Message, Next, Opening, Origins, WebSocket, WebSocketLimits};
pub use writer::BodyWriter;
