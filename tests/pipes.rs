//! Anonymous pipes: the same bodies against std's and greenroom's, and what only greenroom's can do.
//!
//! Each body runs on an OS thread and on green threads of runtimes with one and with two workers.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;
#[path = "pipes/green.rs"]
mod green;
#[path = "pipes/like_std.rs"]
mod like_std;

use common::{Rt, watchdog};

/// Runs `test` in every place.
#[track_caller]
fn places(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    test();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(&test);
    }
}

/// The status flags of the open file, as the kernel shows them.
fn flags(fd: &impl std::os::fd::AsRawFd) -> String {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap();
    let line = info.lines().find(|line| line.starts_with("flags:"));
    line.unwrap().to_owned()
}
