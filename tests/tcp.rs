//! TCP through the public API, on green threads and on ordinary OS threads alike.
//!
//! Every behaviour is a function of the [`ground`] it runs on; a test runs it on both, under a
//! deadline. `settle` only makes the interesting order likely (a peer is parked before we act): no
//! assertion depends on it.

#[path = "tcp/api.rs"]
mod api;
#[path = "support/around.rs"]
mod around;
#[path = "tcp/descriptors.rs"]
mod descriptors;
#[path = "tcp/edges.rs"]
mod edges;
#[path = "tcp/ground.rs"]
mod ground;
#[path = "tcp/like_std.rs"]
mod like_std;
#[path = "tcp/listening.rs"]
mod listening;
#[path = "tcp/streams.rs"]
mod streams;
#[path = "tcp/told_late.rs"]
mod told_late;
#[path = "tcp/waiting.rs"]
mod waiting;
#[path = "support/watchdog.rs"]
mod watchdog;
