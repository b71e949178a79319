//! Every green thread is a daemon: the process ends with `main`, whatever else still runs.
//!
//! Port of: the notes, "Threads: daemon" (file 002, section 3.3)
//!
//! Run: `cargo run --example thread_daemon`
//!
//! Output:
//! ```text
//! starting thread 0
//! …
//! ---main thread done---
//! ```
//! On an idle machine, between these two: `[0] running`, `starting thread 1`, `[1] running`, `[0] done`,
//! `starting thread 2`, … until half a second is over; and never `all five done`.
//!
//! Differs: nothing is to be set before the start. In the notes it is `setDaemon(True)`, and the threads that
//! a daemon starts inherit it.

use greenroom::{println, thread};
use std::time::Duration;

fn main() {
    greenroom::run(|| {
        let supervisor = thread::spawn(supervise);
        // Not done in time: `join_timeout` gives the handle back, and dropping a handle detaches.
        let waited = supervisor.join_timeout(Duration::from_millis(500));
        assert!(waited.is_err(), "it needs at least a second and a half");
        println!("---main thread done---");
    });
}

/// Starts five threads, and waits a little for each, but not until it is done.
fn supervise() {
    for number in 0..5 {
        println!("starting thread {number}");
        let thread = thread::spawn(move || run(number));
        // An error says that the thread has not ended: all five of them take longer than that.
        let _still_running = thread.join_timeout(Duration::from_millis(300));
    }
    println!("all five done");
}

fn run(number: u32) {
    println!("[{number}] running");
    thread::sleep(Duration::from_millis(400));
    println!("[{number}] done");
}
