//! A lock for processes: lines that are written in pieces stay whole, and a holder that dies lets go.
//!
//! Port of: the notes, "Processes: synchronisation" (file 002, section 4.2)
//!
//! Run: `cargo run -p greenroom-servers --example process_lock`
//!
//! Output: (the first ten lines in any order)
//! ```text
//! hello world 0
//! hello world 1
//! hello world 2
//! hello world 3
//! hello world 4
//! hello world 5
//! hello world 6
//! hello world 7
//! hello world 8
//! hello world 9
//! Process-11 dies and has the lock
//! the next holder is told: Some("Process-11 (pid …) was killed by signal 6")
//! the one after that: None
//! ```
//!
//! Differs: the notes print each line at once, so that the lock protects nothing to be seen; here it is three writes. A
//! guard releases the lock, also by a panic. In Python the lock of a dead process stays locked for ever.

use greenroom::{print, println, thread};
use greenroom_servers::multiprocessing::{self, Lock, Process};
use std::io::{self, Write};
use std::time::Duration;

fn main() -> io::Result<()> {
    multiprocessing::run(|| {
        hello_world()?;
        dead_holder()
    })?
}

fn hello_world() -> io::Result<()> {
    let lock = Lock::new();
    let mut processes = Vec::new();
    for number in 0..10 {
        processes.push(Process::spawn(f, (lock.clone(), number))?);
    }
    for process in processes {
        process.join();
    }
    Ok(())
}

fn f((lock, number): (Lock, u32)) -> io::Result<()> {
    let _held = lock.lock()?;
    for piece in ["hello", " world", &format!(" {number}\n")] {
        print!("{piece}");
        greenroom::io::stdout().flush()?;
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn dead_holder() -> io::Result<()> {
    let lock = Lock::new();
    Process::spawn(die, lock.clone())?.join();
    println!("the next holder is told: {:?}", lock.lock()?.abandoned_by());
    println!("the one after that: {:?}", lock.lock()?.abandoned_by());
    Ok(())
}

fn die(lock: Lock) -> io::Result<()> {
    let _held = lock.lock()?;
    let name = multiprocessing::current_process().name().to_owned();
    println!("{name} dies and has the lock");
    std::process::abort();
}
