//! A function that holds a lock calls others that take the same lock: `ReentrantLock`, Python's `RLock`.
//!
//! Port of: the notes, "Threads: deadlock, and the recursive lock" (file 002, section 3.5)
//!
//! Run: `cargo run --example thread_rlock`
//!
//! Output:
//! ```text
//! grab the first part data
//! --------between run1 and run2-----
//! grab the second part data
//! 1 1
//! grab the first part data
//! --------between run1 and run2-----
//! grab the second part data
//! 2 2
//! …
//! 10 10
//! ----all threads done---
//! 10 10
//! ```
//!
//! Differs: the lock guards the numbers themselves. It can be held several times, so it lends them out for
//! reading only; `Cell` is what changes through that. `main` joins instead of asking how many threads there
//! are for as long as there are some. Each result is printed before the lock is released, hence the order.

use greenroom::sync::ReentrantLock;
use greenroom::{println, thread};
use std::cell::Cell;

fn main() {
    greenroom::run(|| {
        let data = ReentrantLock::new(Data::default());
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| run3(&data));
            }
        });
        println!("----all threads done---");
        let data = data.into_inner();
        println!("{} {}", data.num.get(), data.num2.get());
    });
}

#[derive(Default)]
struct Data {
    num: Cell<u32>,
    num2: Cell<u32>,
}

/// Takes the lock, and calls two that take it again. With a `Mutex` it would wait for itself for ever.
fn run3(data: &ReentrantLock<Data>) {
    let _held_to_the_end = data.lock();
    let first = run1(data);
    println!("--------between run1 and run2-----");
    let second = run2(data);
    println!("{first} {second}");
}

fn run1(data: &ReentrantLock<Data>) -> u32 {
    println!("grab the first part data");
    let data = data.lock();
    data.num.set(data.num.get() + 1);
    data.num.get()
}

fn run2(data: &ReentrantLock<Data>) -> u32 {
    println!("grab the second part data");
    let data = data.lock();
    data.num2.set(data.num2.get() + 1);
    data.num2.get()
}
