//! Processes share no memory: a static that one changes stays as it was in the other.
//!
//! Port of: the notes, "Memory of processes is isolated from each other" (file 004)
//!
//! Run: `cargo run -p greenroom-servers --example process_isolation`
//!
//! Output:
//! ```text
//! main: count is 100
//! process: count was 100, and is 0 now
//! main: count is 100
//! thread: count was 100, and is 1 now
//! main: count is 1
//! process: count was 100, and is 0 now
//! ```
//!
//! Differs: `main` waits for the process instead of sleeping for five seconds. A thread is there for comparison. The
//! second process still sees 100, although `main` has 1 by then: each is a copy of the program as it was at `run`. With
//! Python's start methods `spawn` and `forkserver` it is the same; with `fork` it would be a copy of this moment.

use greenroom::{println, thread};
use greenroom_servers::multiprocessing::{self, Process};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(100);

fn main() -> io::Result<()> {
    multiprocessing::run(|| {
        show();
        in_a_process()?;
        show();
        thread::spawn(|| set("thread", 1))
            .join()
            .expect("because `set` does not panic");
        show();
        in_a_process()
    })?
}

fn in_a_process() -> io::Result<()> {
    let process = Process::spawn(|()| set("process", 0), ())?;
    process.join();
    Ok(())
}

fn set(who: &str, count: u32) {
    let before = COUNT.swap(count, Ordering::Relaxed);
    println!("{who}: count was {before}, and is {count} now");
}

fn show() {
    println!("main: count is {}", COUNT.load(Ordering::Relaxed));
}
