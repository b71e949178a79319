//! A hundred threads take one from the same number: with a lock around reading and writing, and without.
//!
//! Port of: the notes, "Threads: mutex" (file 002, section 3.4)
//!
//! Run: `cargo run --example thread_lock -- [--threads 100]`
//!
//! Output:
//! ```text
//! with a lock: final num: 0
//! read and written apart: final num: 99
//! ```
//!
//! Differs: Rust has no number that threads may change without a lock or an atomic. The error can be made all
//! the same, by letting go of the lock between reading and writing. The notes think that Python 3 locks by
//! itself since they never saw it go wrong there: it does not. The barrier makes it go wrong every time.

use greenroom::sync::{Arc, Barrier, Mutex};
use greenroom::thread;
use std::process::ExitCode;

mod cli;

const USAGE: &str = "usage: thread_lock [--threads N]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--threads", "100")]);
    let threads = args.get::<u16>("--threads").into();
    cli::run("thread_lock", || {
        println!("with a lock: final num: {}", with_lock(threads));
        println!(
            "read and written apart: final num: {}",
            without_lock(threads)
        );
        Ok(())
    })
}

/// Reads and writes under one lock: nobody comes between.
fn with_lock(threads: usize) -> usize {
    let num = Arc::new(Mutex::new(threads));
    let mut all = Vec::new();
    for _ in 0..threads {
        let num = Arc::clone(&num);
        all.push(thread::spawn(move || {
            let mut num = num.lock().expect("because nobody panics under this lock");
            *num -= 1;
            // Unlocked here, where the guard goes: there is no `release` that could be forgotten.
        }));
    }
    for thread in all {
        thread
            .join()
            .expect("because no thread of this program panics");
    }
    *num.lock().expect("because nobody panics under this lock")
}

/// Reads, lets everybody else read, writes: what the others wrote is lost.
fn without_lock(threads: usize) -> usize {
    let num = Mutex::new(threads);
    let everybody_has_read = Barrier::new(threads);
    // A scope lets threads borrow: neither `Arc` nor `join` is needed.
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let read = *num.lock().expect("because nobody panics under this lock");
                everybody_has_read.wait();
                *num.lock().expect("because nobody panics under this lock") = read - 1;
            });
        }
    });
    num.into_inner()
        .expect("because nobody panicked under this lock")
}
