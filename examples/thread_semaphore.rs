//! Twenty threads, of which five work at a time: a semaphore lets five in, the others wait at the door.
//!
//! Port of: the notes, "Threads: semaphore" (file 002, section 3.6)
//!
//! Run: `cargo run --example thread_semaphore -- [--threads 20] [--permits 5]`
//!
//! Output: (the first lines in any order)
//! ```text
//! run the thread: 0
//! run the thread: 1
//! run the thread: 2
//! run the thread: 3
//! run the thread: 4
//! run the thread: 5
//! run the thread: 6
//! run the thread: 7
//! run the thread: 8
//! run the thread: 9
//! run the thread: 10
//! run the thread: 11
//! run the thread: 12
//! run the thread: 13
//! run the thread: 14
//! run the thread: 15
//! run the thread: 16
//! run the thread: 17
//! run the thread: 18
//! run the thread: 19
//! ----all threads done, never more than 5 at once---
//! one release too many: the semaphore was released too many times
//! ```
//!
//! Differs: `acquire` gives a guard that releases when it goes, also by a panic. A bounded semaphore that is
//! released too often returns an error instead of raising one. `main` joins instead of spinning.

use greenroom::sync::BoundedSemaphore;
use greenroom::sync::atomic::{AtomicUsize, Ordering};
use greenroom::{println, thread};
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: thread_semaphore [--threads N] [--permits N]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--threads", "20"), ("--permits", "5")]);
    let threads = args.get("--threads");
    let permits = args.get::<u16>("--permits").into();
    if permits == 0 {
        args.refuse("--permits 0: nobody would ever get in");
    }
    cli::run("thread_semaphore", || {
        crowd(threads, permits);
        Ok(())
    })
}

fn crowd(threads: u32, permits: usize) {
    let semaphore = BoundedSemaphore::new(permits);
    let inside = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..threads {
            let (semaphore, inside) = (&semaphore, &inside);
            scope.spawn(move || {
                let _permit = semaphore.acquire();
                let now_inside = inside.fetch_add(1, Ordering::Relaxed) + 1;
                assert!(now_inside <= permits, "the semaphore let in {now_inside}");
                work(number);
                inside.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
    println!("----all threads done, never more than {permits} at once---");
    if let Err(error) = semaphore.release() {
        println!("one release too many: {error}");
    }
}

fn work(number: u32) {
    thread::sleep(Duration::from_millis(100));
    println!("run the thread: {number}");
}
