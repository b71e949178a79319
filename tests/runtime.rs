//! Runtimes: several at once, one after the other, and how they end.
//!
//! What aborts or counts threads and descriptors runs in a child process of its own.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/child.rs"]
mod child;
#[path = "support/reexec.rs"]
mod reexec;
#[path = "runtime/several.rs"]
mod several;
#[path = "runtime/shutdown.rs"]
mod shutdown;
#[path = "support/watchdog.rs"]
mod watchdog;

use greenroom::Runtime;

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().workers(workers).build().unwrap()
}
