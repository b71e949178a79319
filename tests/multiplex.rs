//! Multiplexing in Python's manner: what the calls answer is compared with the kernel's own answers, for
//! every kind of descriptor, on green threads and OS threads; then waits, changes during a wait, crowds.

mod common;

#[path = "multiplex/changes.rs"]
mod changes;
#[path = "multiplex/crowds.rs"]
mod crowds;
#[path = "stdio/descriptors.rs"]
#[expect(dead_code, reason = "standard streams use the rest")]
mod descriptors;
#[path = "multiplex/keys.rs"]
mod keys;
#[path = "multiplex/kinds.rs"]
mod kinds;
#[path = "multiplex/raw_calls.rs"]
mod raw_calls;
#[path = "multiplex/rows.rs"]
mod rows;
#[path = "multiplex/waits.rs"]
mod waits;

use common::{Rt, watchdog};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// Runs `test` on green threads, with one worker and two, and on an OS thread.
#[track_caller]
fn at_each_place(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(&test);
    }
    test();
}

/// As [`at_each_place`], on green threads only.
#[track_caller]
fn on_workers(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(&test);
    }
}
