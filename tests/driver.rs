//! The driver and what stands on it, from outside: `serve` under pressure, descriptors and their flags.

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
