//! Other people's blocking crates, unmodified, over greenroom's streams.
//!
//! Each protocol's tests are compiled twice: over `greenroom::net`, on green threads of one and of two
//! workers and on OS threads, and over `std::net`, on OS threads. What holds for the one must hold for
//! the other, so a test that fails over greenroom alone has found a difference. What std cannot do
//! (timeouts around any code, cancelling) is in `interrupts`, many connections at once are in `crowd`, the
//! known differences in `differs`.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![expect(
    clippy::duplicate_mod,
    reason = "one body of tests, two kinds of streams"
)]

#[path = "third_party/crowd.rs"]
mod crowd;
#[path = "third_party/differs.rs"]
mod differs;
#[path = "third_party/ground.rs"]
mod ground;
#[path = "third_party/interrupts.rs"]
mod interrupts;
#[path = "third_party/talkers.rs"]
mod talkers;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;

/// Over greenroom's streams.
#[path = "third_party"]
mod ours {
    mod buffered;
    mod gzip;
    mod http;
    mod options;
    mod tls;
    mod websocket;
    mod wire;

    use super::ground::on_every_ground;
    use greenroom::net;
}

/// Over std's streams: the control.
#[path = "third_party"]
mod theirs {
    mod buffered;
    mod gzip;
    mod http;
    mod options;
    mod tls;
    mod websocket;
    mod wire;

    use super::ground::on_os_threads as on_every_ground;
    use std::net;
}
