//! Futures both ways: `block_on` in green and OS threads, ends and timers as futures, foreign executors.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;
#[path = "futures/ours.rs"]
mod ours;
#[path = "futures/theirs.rs"]
mod theirs;
