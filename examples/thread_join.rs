//! `join` waits for one thread, while the others go on; and it hands over what the thread returned.
//!
//! Port of: the notes, "Threads: join" (file 002, section 3.2)
//!
//! Run: `cargo run --example thread_join`
//!
//! Output: (the first two lines in any order)
//! ```text
//! test... t1
//! test... t2
//! test...done t1
//! main thread
//! test...done t2
//! t1 returned 200, t2 returned 800
//! ```
//!
//! Differs: the notes leave `t2` to itself, and Python waits for it at the end. Here `main` joins it: the end
//! of `main` is the end of the process. A parenthesis is missing in the notes.

use greenroom::{println, thread};
use std::time::Duration;

fn main() {
    greenroom::run(|| {
        let t1 = thread::spawn(|| run("t1", 200));
        let t2 = thread::spawn(|| run("t2", 800));
        let first = t1.join().expect("because t1 does not panic");
        // t1 is done; t2, which began together with it, still sleeps.
        println!("main thread");
        let second = t2.join().expect("because t2 does not panic");
        println!("t1 returned {first}, t2 returned {second}");
    });
}

/// Sleeps, and returns for how long.
fn run(name: &str, milliseconds: u64) -> u64 {
    println!("test... {name}");
    thread::sleep(Duration::from_millis(milliseconds));
    println!("test...done {name}");
    milliseconds
}
