//! A pipe between two processes: values go both ways, and its end says what became of the other one.
//!
//! Port of: the notes, "Communication of processes: Pipe" (file 002, section 4.2)
//!
//! Run: `cargo run -p greenroom-servers --example process_pipe`
//!
//! Output:
//! ```text
//! hello from child
//! 6 times 7 is 42
//! nothing more: multiprocessing: Process-1 (pid …) exited with code 0
//! hello from child
//! nothing more: multiprocessing: Process-2 (pid …) was killed by signal 9
//! ```
//!
//! Differs: the notes say that it goes both ways and use one. The child's end moves to the child. In Python the parent
//! keeps a copy, and if it does not close that, `recv` after the child's end waits for ever.

use greenroom::println;
use greenroom_servers::multiprocessing::{self, Connection, Process};
use std::io;

fn main() -> io::Result<()> {
    multiprocessing::run(|| {
        both_ways()?;
        cut_off()
    })?
}

/// The child's end, which sends texts and receives pairs of numbers; the parent's is the reverse.
type ChildEnd = Connection<String, (u32, u32)>;

fn both_ways() -> io::Result<()> {
    let (parent, child) = multiprocessing::pipe()?;
    let process = Process::spawn(f, child)?;
    println!("{}", parent.recv()?);
    parent.send(&(6, 7))?;
    println!("{}", parent.recv()?);
    show_the_end(&parent);
    process.join();
    Ok(())
}

fn cut_off() -> io::Result<()> {
    let (parent, child) = multiprocessing::pipe()?;
    let process = Process::spawn(f, child)?;
    println!("{}", parent.recv()?);
    // It waits for its numbers.
    process.kill()?;
    show_the_end(&parent);
    Ok(())
}

fn show_the_end(connection: &Connection<(u32, u32), String>) {
    match connection.recv() {
        Ok(text) => println!("unexpected: {text}"),
        Err(error) => println!("nothing more: {error}"),
    }
}

fn f(parent: ChildEnd) -> io::Result<()> {
    parent.send(&"hello from child".to_owned())?;
    let (a, b) = parent.recv()?;
    parent.send(&format!("{a} times {b} is {}", a * b))
}
