//! The driver and what stands on it, from outside: `serve` under pressure, descriptors and their flags.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/child.rs"]
mod child;
#[path = "driver/flags.rs"]
mod flags;
#[path = "support/reexec.rs"]
mod reexec;
#[path = "driver/serving.rs"]
mod serving;
#[path = "support/talk.rs"]
mod talk;
#[path = "support/watchdog.rs"]
mod watchdog;
