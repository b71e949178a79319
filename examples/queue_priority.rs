//! A queue that gives out the smallest item first, whenever it was put.
//!
//! Port of: the notes, "Threads: three kinds of queue", the third kind (file 002, section 3.8)
//!
//! Run: `cargo run --example queue_priority`
//!
//! Output:
//! ```text
//! 1 fire alarm
//! 2 telephone
//! 3 letter
//! 3 another letter
//! 9 newspaper
//! ```
//!
//! Differs: the notes name the class and show no program. Their "lowest first" means the smallest number.
//! Items that are equal stay in the order of their coming, which Python does not promise.

use greenroom::println;
use greenroom::queue::PriorityQueue;
use std::cmp::Ordering;

fn main() {
    greenroom::run(|| {
        let queue = PriorityQueue::unbounded();
        for (priority, text) in [
            (3, "letter"),
            (9, "newspaper"),
            (1, "fire alarm"),
            (3, "another letter"),
            (2, "telephone"),
        ] {
            queue
                .put(Job { priority, text })
                .expect("because nobody has shut it down");
        }
        queue.shutdown();
        for job in &queue {
            println!("{} {}", job.priority, job.text);
        }
    });
}

/// A tuple `(priority, text)` would do, if the text may decide between equal priorities.
struct Job {
    priority: u32,
    text: &'static str,
}

impl Ord for Job {
    fn cmp(&self, other: &Job) -> Ordering {
        self.priority.cmp(&other.priority)
    }
}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Job) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Job) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Job {}
