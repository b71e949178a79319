//! Unix sockets: the same bodies against std and greenroom, and what only green threads can show.
//!
//! `streams`, `addresses`, `datagrams` and `full` are compiled twice: once with std's names and once with
//! greenroom's, see `on_std` and `on_greenroom`.

mod common;

#[path = "unix_net/descriptors.rs"]
mod descriptors;
#[path = "unix_net/ground.rs"]
mod ground;
#[path = "unix_net/many.rs"]
mod many;
#[path = "unix_net/on_greenroom.rs"]
mod on_greenroom;
#[path = "unix_net/on_std.rs"]
mod on_std;
#[path = "unix_net/passing.rs"]
mod passing;
#[path = "unix_net/serving.rs"]
mod serving;
#[path = "unix_net/waits.rs"]
mod waits;
