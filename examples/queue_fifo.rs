//! A queue: what is put first is got first; and what its calls say when it is empty or full.
//!
//! Port of: the notes, "Threads: queue, a simple example" and its table of calls (file 002, section 3.8)
//!
//! Run: `cargo run --example queue_fifo`
//!
//! Output:
//! ```text
//! got 0 1 2 3 4 5 6 7 8 9
//! empty: true, full: false, size: 0 of 2
//! put a, put b
//! empty: false, full: true, size: 2 of 2
//! put c at once: the queue is full, c is back
//! put c within 0.1 s: the queue is full, c is back
//! got a, got b
//! got at once: the queue is empty
//! got within 0.1 s: the queue is empty
//! ```
//!
//! Differs: `Full` and `Empty` are values, not exceptions, and `Full` gives the item back. In the notes it is
//! "if the queue is *empty*" that `put` waits: it waits while the queue is full.

use greenroom::println;
use greenroom::queue::{GetError, PutError, Queue};
use std::time::Duration;

fn main() {
    greenroom::run(|| {
        in_order();
        calls();
    });
}

/// The notes' program.
fn in_order() {
    let queue = Queue::unbounded();
    for number in 0..10 {
        queue.put(number).expect(OPEN);
    }
    let mut line = String::from("got");
    for _ in 0..10 {
        let number = queue.get().expect(OPEN);
        line += &format!(" {number}");
    }
    println!("{line}");
}

/// The calls that the notes list: qsize, empty, full, put and get with and without waiting.
fn calls() {
    let queue = Queue::bounded(2);
    let a_moment = Duration::from_millis(100);

    show(&queue);
    queue.put("a").expect(OPEN);
    queue.put("b").expect(OPEN); // A third `put` would wait until somebody gets.
    println!("put a, put b");
    show(&queue);
    if let Err(PutError::Full(item)) = queue.try_put("c") {
        println!("put c at once: the queue is full, {item} is back");
    }
    if let Err(PutError::Full(item)) = queue.put_timeout("c", a_moment) {
        println!("put c within 0.1 s: the queue is full, {item} is back");
    }

    let (first, second) = (queue.get().expect(OPEN), queue.get().expect(OPEN));
    println!("got {first}, got {second}"); // A third `get` would wait until somebody puts.
    if let Err(error @ GetError::Empty) = queue.try_get() {
        println!("got at once: {error}");
    }
    if let Err(error @ GetError::Empty) = queue.get_timeout(a_moment) {
        println!("got within 0.1 s: {error}");
    }
}

fn show(queue: &Queue<&str>) {
    let (size, capacity) = (queue.len(), queue.capacity().unwrap_or(usize::MAX));
    let (is_empty, is_full) = (queue.is_empty(), queue.is_full());
    println!("empty: {is_empty}, full: {is_full}, size: {size} of {capacity}");
}

const OPEN: &str = "because nobody shuts this queue down";
