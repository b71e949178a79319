//! A cook makes baozi, guests eat them; the counter between them has room for three.
//!
//! Port of: the notes, "Threads: producers and consumers" (file 002, section 3.8)
//!
//! Run: `cargo run --example producer_consumer -- [--count 10] [--consumers 1]`
//!
//! Output: (the cook's and the guest's lines mix in any order)
//! ```text
//! Producer A has produced baozi 0
//! Producer A has produced baozi 1
//! Producer A has produced baozi 2
//! Producer A has produced baozi 3
//! Producer A has produced baozi 4
//! Producer A has produced baozi 5
//! Producer A has produced baozi 6
//! Producer A has produced baozi 7
//! Producer A has produced baozi 8
//! Producer A has produced baozi 9
//! Consumer B has eaten baozi 0
//! Consumer B has eaten baozi 1
//! Consumer B has eaten baozi 2
//! Consumer B has eaten baozi 3
//! Consumer B has eaten baozi 4
//! Consumer B has eaten baozi 5
//! Consumer B has eaten baozi 6
//! Consumer B has eaten baozi 7
//! Consumer B has eaten baozi 8
//! Consumer B has eaten baozi 9
//! all 10 baozi are eaten
//! no baozi any more
//! ```
//!
//! Differs: the guest waits for the next one instead of looking whether there is one, which fails when two
//! guests look at once, and it does not leave before the cook is done. `task_done` and `join`, which the notes
//! have only as comments (and on the wrong side), are used; `shutdown` tells the guests that it is over. A guest who
//! panics ends it all.

use greenroom::queue::Queue;
use greenroom::{println, thread};
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: producer_consumer [--count N] [--consumers N]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--count", "10"), ("--consumers", "1")]);
    let count = args.get("--count");
    let consumers = args.get("--consumers");
    if !(1..=25).contains(&consumers) {
        args.refuse("--consumers: 1 to 25, a letter each");
    }
    cli::run("producer_consumer", || {
        kitchen(count, consumers);
        Ok(())
    })
}

fn kitchen(count: u32, consumers: usize) {
    let queue = Queue::bounded(3);
    thread::scope(|scope| {
        scope.cancel_on_panic(); // Or the cook would wait for ever for guests who have choked.
        for name in ('B'..='Z').take(consumers) {
            let queue = &queue;
            scope.spawn(move || consumer(name, queue));
        }
        let cook = scope.spawn(|| producer('A', count, &queue));
        cook.join().expect("because the cook does not panic");
        queue.join(); // Until `task_done` was called for everything that was put.
        println!("all {count} baozi are eaten");
        queue.shutdown(); // Ends the consumers' loops, and so the scope.
    });
    println!("no baozi any more");
}

/// Makes so many, some faster than others. Waits in `put` while the counter is full.
fn producer(name: char, count: u32, queue: &Queue<u32>) {
    for number in 0..count {
        thread::sleep(Duration::from_millis(u64::from(number % 3) * 10));
        println!("Producer {name} has produced baozi {number}");
        queue
            .put(number)
            .expect("because it is open until the producer is done");
    }
}

/// Eats what comes. Waits in `next` while the counter is empty.
fn consumer(name: char, queue: &Queue<u32>) {
    for number in queue {
        thread::sleep(Duration::from_millis(u64::from(number % 4) * 10));
        println!("Consumer {name} has eaten baozi {number}");
        queue.task_done().expect("because this is its item");
    }
}
