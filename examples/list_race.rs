//! Why a plain list is no queue: two threads look at its last item, and both believe that it is theirs.
//!
//! Port of: the notes, "Threads: a list is not safe" (file 002, section 3.8)
//!
//! Run: `cargo run --example list_race`
//!
//! Output: (of each round, either thread may be the first)
//! ```text
//! … took 5 from the list
//! … wanted 5 as well: it is gone
//! … took 4 from the list
//! … wanted 4 as well: it is gone
//! … took 3 from the list
//! … wanted 3 as well: it is gone
//! … took 2 from the list
//! … wanted 2 as well: it is gone
//! … took 1 from the list
//! … wanted 1 as well: it is gone
//! … got 1 from the queue
//! … got 2 from the queue
//! … got 3 from the queue
//! … got 4 from the queue
//! … got 5 from the queue
//! from the list: 5 taken, 5 gone; from the queue: 5 taken, none gone
//! ```
//!
//! Differs: in Rust a list that threads share has a lock. It does not help: each call is safe, but between
//! looking and taking, the other thread takes. A barrier stands where the notes sleep for a second, so that
//! it happens every time.

use greenroom::queue::Queue;
use greenroom::sync::{Barrier, Mutex};
use greenroom::{println, thread};

fn main() {
    greenroom::run(|| {
        let (taken, gone) = with_list();
        let got = with_queue();
        println!(
            "from the list: {taken} taken, {gone} gone; from the queue: {got} taken, none gone"
        );
    });
}

/// How many items two threads took, and how often one was gone.
fn with_list() -> (usize, usize) {
    let list = Mutex::new(vec![1, 2, 3, 4, 5]);
    let both = Barrier::new(2);
    let (first, second) = thread::scope(|scope| {
        let t1 = scope.spawn(|| take_from_list("t1", &list, &both));
        let t2 = scope.spawn(|| take_from_list("t2", &list, &both));
        (t1.join().expect(NO_PANIC), t2.join().expect(NO_PANIC))
    });
    (first.0 + second.0, first.1 + second.1)
}

/// Looks, and takes later what it has seen.
fn take_from_list(name: &str, list: &Mutex<Vec<u32>>, both: &Barrier) -> (usize, usize) {
    let (mut taken, mut gone) = (0, 0);
    loop {
        let seen = list.lock().expect(NO_PANIC).last().copied();
        both.wait(); // Both have looked.
        let Some(seen) = seen else {
            return (taken, gone);
        };
        if remove(&mut list.lock().expect(NO_PANIC), seen) {
            taken += 1;
            println!("{name} took {seen} from the list");
        } else {
            gone += 1;
            println!("{name} wanted {seen} as well: it is gone");
        }
        both.wait(); // Both have tried to take it.
    }
}

/// Whether the item was there.
fn remove(list: &mut Vec<u32>, item: u32) -> bool {
    let at = list.iter().position(|other| *other == item);
    at.map(|at| list.remove(at)).is_some()
}

/// How many items two threads took.
fn with_queue() -> usize {
    let queue = Queue::unbounded();
    for item in 1..=5 {
        queue.put(item).expect("because it is open");
    }
    queue.shutdown(); // Gets go on until it is empty.
    thread::scope(|scope| {
        let t1 = scope.spawn(|| take_from_queue("t1", &queue));
        let t2 = scope.spawn(|| take_from_queue("t2", &queue));
        t1.join().expect(NO_PANIC) + t2.join().expect(NO_PANIC)
    })
}

/// `get` looks and takes in one step: an item has one taker.
fn take_from_queue(name: &str, queue: &Queue<u32>) -> usize {
    let mut taken = 0;
    for item in queue {
        taken += 1;
        println!("{name} got {item} from the queue");
        thread::yield_now(); // Lets the other one have some.
    }
    taken
}

const NO_PANIC: &str = "because no thread of this program panics";
