//! A producer and two consumers by `send` and `yield`: concurrency in one thread, switched by hand.
//!
//! Port of: the notes, "Coroutines by generators" (file 002, section 3.1 of the second count).
//!
//! Run: `cargo run --example generator -- [--buns 5]`
//!
//! Try: `--buns 0`, and think about when `eat` runs at all.
//!
//! Output:
//! ```text
//! [c1] sits down to eat
//! [c2] sits down to eat
//! [c1] eats bun 1
//! [c2] eats bun 1
//! [producer] made bun 1
//! [c1] eats bun 2
//! [c2] eats bun 2
//! [producer] made bun 2
//! [c1] eats bun 3
//! [c2] eats bun 3
//! [producer] made bun 3
//! [c1] eats bun 4
//! [c2] eats bun 4
//! [producer] made bun 4
//! [c1] eats bun 5
//! [c2] eats bun 5
//! [producer] made bun 5
//! [c1] leaves
//! [c2] leaves
//! ```
//! Differs: the notes' consumers are left in the middle when the program ends; here they are closed, which
//! runs their destructors.

mod cli;

use greenroom::generator::{Generator, Yielder};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = cli::parse("usage: generator [--buns N]", &[("--buns", "5")]);
    let buns: u32 = args.get("--buns");

    // Made, not begun: nothing is printed yet.
    let mut consumers = [consumer("c1"), consumer("c2")];
    // Each runs to its first `yield_` and waits there for what it is sent.
    for consumer in &mut consumers {
        consumer.start();
    }
    produce(buns, &mut consumers);
    for consumer in &mut consumers {
        consumer.close();
    }
    ExitCode::SUCCESS
}

fn consumer(name: &'static str) -> Generator<u32, ()> {
    Generator::new(move |y| eat(name, y))
}

/// Looks like a loop that never ends; it stands still in `yield_` until somebody sends a bun.
fn eat(name: &str, y: &Yielder<u32, ()>) {
    let _leaves = Leaves(name);
    println!("[{name}] sits down to eat");
    loop {
        let bun = y.yield_(());
        println!("[{name}] eats bun {bun}");
    }
}

fn produce(buns: u32, consumers: &mut [Generator<u32, ()>]) {
    for bun in 1..=buns {
        for consumer in &mut *consumers {
            consumer.send(bun);
        }
        println!("[producer] made bun {bun}");
    }
}

/// Closing a generator unwinds its body: what lies on its stack is dropped.
struct Leaves<'a>(&'a str);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        println!("[{}] leaves", self.0);
    }
}
