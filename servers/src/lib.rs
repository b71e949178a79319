//! Protocol servers on greenroom: plain blocking code, one green thread per connection.
//!
//! So far this package holds what needs other people's crates, which must not reach the build of the
//! library: `examples/` shows TLS, WebSockets, HTTP, gzip and socket options over greenroom's streams,
//! `tests/` runs the unmodified crates on green threads, on OS threads, and over std's own streams for
//! comparison.

pub mod multiprocessing;
