//! Waiting for processes: where `join` stands decides whether they run one after another or at the same time.
//!
//! Port of: the notes, "join" (file 004, examples 1 and 2)
//!
//! Run: `cargo run -p greenroom-servers --example process_join`
//!
//! Output: (the second three in any order, though they mostly end as here)
//! ```text
//! p1 slept 300 ms
//! p2 slept 200 ms
//! p3 slept 100 ms
//! joined after each start: … ms
//! p6 slept 100 ms
//! p5 slept 200 ms
//! p4 slept 300 ms
//! joined after all starts: … ms
//! after 50 ms p7 is not there: None
//! after terminate: was killed by signal 15
//! ```
//!
//! Differs: the notes have the version that runs one after another and say the other one; here are both.

use greenroom::{println, thread};
use greenroom_servers::multiprocessing::{self, Builder, Process};
use std::io;
use std::time::{Duration, Instant};

fn main() -> io::Result<()> {
    multiprocessing::run(|| {
        one_after_another()?;
        at_the_same_time()?;
        not_longer_than()
    })?
}

fn one_after_another() -> io::Result<()> {
    let start = Instant::now();
    for (name, ms) in [("p1", 300), ("p2", 200), ("p3", 100)] {
        let process = sleeper(name, ms)?;
        process.join();
    }
    let ms = start.elapsed().as_millis();
    println!("joined after each start: {ms} ms");
    Ok(())
}

fn at_the_same_time() -> io::Result<()> {
    let start = Instant::now();
    let processes = [
        sleeper("p4", 300)?,
        sleeper("p5", 200)?,
        sleeper("p6", 100)?,
    ];
    // The first join takes longest. By then the others have ended, and theirs return at once.
    for process in processes {
        process.join();
    }
    let ms = start.elapsed().as_millis();
    println!("joined after all starts: {ms} ms");
    Ok(())
}

fn not_longer_than() -> io::Result<()> {
    let process = sleeper("p7", 300_000)?;
    let status = process.join_timeout(Duration::from_millis(50));
    println!("after 50 ms p7 is not there: {status:?}");
    process.terminate()?;
    println!("after terminate: {}", process.join());
    Ok(())
}

fn sleeper(name: &str, ms: u64) -> io::Result<Process> {
    Builder::new().name(name).spawn(task, ms)
}

fn task(ms: u64) {
    thread::sleep(Duration::from_millis(ms));
    let process = multiprocessing::current_process();
    println!("{} slept {ms} ms", process.name());
}
