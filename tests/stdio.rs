//! Standard streams: every kind of file at 0, 1 and 2, the same bodies against std and greenroom.
//!
//! What replaces a standard stream runs alone, in a child process: this binary again, with a role that
//! says where its body runs (on an OS thread, or green on one or two workers) and with which library.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/child.rs"]
mod child;
mod common;
#[path = "support/reexec.rs"]
mod reexec;

#[path = "stdio/buffers.rs"]
mod buffers;
#[path = "stdio/crowds.rs"]
mod crowds;
#[path = "stdio/descriptors.rs"]
mod descriptors;
#[path = "stdio/exit.rs"]
mod exit;
#[path = "stdio/interrupts.rs"]
mod interrupts;
#[path = "stdio/kinds.rs"]
mod kinds;
#[path = "stdio/like_std.rs"]
mod like_std;
#[path = "stdio/output.rs"]
mod output;
#[path = "stdio/terminals.rs"]
mod terminals;

use child::Running;
use common::{Rt, watchdog};
use reexec::{role, this_test};

/// Where a body runs.
const PLACES: [&str; 3] = ["os", "1", "2"];
const GREEN: [&str; 2] = ["1", "2"];

/// Runs `body` in the place that is named: an OS thread, or a green thread of so many workers.
fn run_at(place: &str, body: impl FnOnce() + Send) {
    match place {
        "os" => body(),
        workers => Rt::with_workers(workers.parse().unwrap()).run(body),
    }
}

/// In a child: runs `body` there. In the parent: a child for each of `places`, which must end well.
#[track_caller]
fn alone(test: &str, places: &[&str], body: impl FnOnce() + Send) {
    let _watchdog = watchdog();
    if let Some(place) = role() {
        return run_at(&place, body);
    }
    for place in places {
        let before = "ulimit -n 4096;";
        let ended = Running::start(&mut this_test(test, place, before)).end();
        assert!(ended.status.success(), "{place}: {ended}");
        assert!(ended.stdout.contains("1 passed"), "{test} is no test");
    }
}

/// The status flags of an open file, as the kernel shows them.
fn flags(number: i32) -> String {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
    let line = info.lines().find(|line| line.starts_with("flags:"));
    line.unwrap().to_owned()
}

fn os_threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}
