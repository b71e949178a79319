//! Processes that start, talk, and are killed.
//!
//! The entry must be called before there is any thread, so this binary has a `main` of its own, and its tests
//! are rows for libtest-mimic. What counts descriptors, kills the fork server, or ends altogether is a *role*:
//! this binary again, as a program of its own.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../tests/support/child.rs"]
mod child;
#[path = "multiprocessing/ends.rs"]
mod ends;
#[path = "../../tests/support/kill.rs"]
mod kill;
#[path = "multiprocessing/locks.rs"]
mod locks;
#[path = "multiprocessing/managers.rs"]
mod managers;
#[path = "multiprocessing/pipes.rs"]
mod pipes;
#[path = "multiprocessing/pools.rs"]
mod pools;
#[path = "multiprocessing/processes.rs"]
mod processes;
#[path = "multiprocessing/queues.rs"]
mod queues;
#[path = "multiprocessing/roles.rs"]
mod roles;
#[path = "multiprocessing/rough.rs"]
mod rough;
#[path = "multiprocessing/watch.rs"]
mod watch;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;

use greenroom_servers::multiprocessing;
use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

/// A row: the function is named as the test is.
type Row = (&'static str, fn());

/// Rows of this module's functions.
#[macro_export]
macro_rules! rows {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name as fn())),*] };
}

/// On an OS thread, then as a green thread.
fn everywhere(body: fn()) {
    let _watchdog = watchdog::watchdog();
    body();
    greenroom::run(body);
}

fn main() -> ExitCode {
    if let Some(role) = roles::role() {
        return roles::play(&role);
    }
    processes::note_signals();
    let arguments = Arguments::from_args();
    let rows: [&[Row]; 8] = [
        ends::ROWS,
        locks::ROWS,
        managers::ROWS,
        pipes::ROWS,
        pools::ROWS,
        processes::ROWS,
        queues::ROWS,
        rough::ROWS,
    ];
    let trials = rows
        .iter()
        .flat_map(|rows| rows.iter())
        .map(|&(name, body)| {
            Trial::test(name, move || {
                everywhere(body);
                Ok(())
            })
        });
    let trials = trials.collect();
    // libtest-mimic blocks its thread, which must not be a worker.
    let run = || greenroom::unblock(move || libtest_mimic::run(&arguments, trials).exit_code());
    multiprocessing::run(run).unwrap()
}
