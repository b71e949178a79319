//! Child processes: the same bodies against `std::process` and greenroom's, then what std does not have.
//!
//! `like_std` and `streams` hold of both; `inherited` says what a child gets from us, `waiting` who waits
//! for it and how that ends.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/child.rs"]
mod child;
#[path = "common/mod.rs"]
mod common;
#[path = "process/ground.rs"]
mod ground;
#[path = "process/inherited.rs"]
mod inherited;
#[path = "process/like_std.rs"]
mod like_std;
#[path = "support/reexec.rs"]
mod reexec;
#[path = "process/refused.rs"]
mod refused;
#[path = "process/streams.rs"]
mod streams;
#[path = "process/waiting.rs"]
mod waiting;
