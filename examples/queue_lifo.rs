//! A stack that threads share: what is put last is got first.
//!
//! Port of: the notes, "Threads: three kinds of queue", the second kind (file 002, section 3.8)
//!
//! Run: `cargo run --example queue_lifo`
//!
//! Output:
//! ```text
//! 9 8 7 6 5 4 3 2 1 0
//! ```
//!
//! Differs: the notes name the class and show no program.

use greenroom::println;
use greenroom::queue::LifoQueue;

fn main() {
    greenroom::run(|| {
        let queue = LifoQueue::unbounded();
        for number in 0..10 {
            queue.put(number).expect("because nobody has shut it down");
        }
        // From here on nothing can be put; the loop ends when the queue is empty.
        queue.shutdown();
        let numbers: Vec<String> = queue.iter().map(|number| number.to_string()).collect();
        println!("{}", numbers.join(" "));
    });
}
