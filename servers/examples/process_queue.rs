//! A queue that processes share: one value from a child, work for several children, and nobody left to wait for.
//!
//! Port of: the notes, "Communication of processes: Queue" (file 002, section 4.2)
//!
//! Run: `cargo run -p greenroom-servers --example process_queue`
//!
//! Output:
//! ```text
//! (42, None, "hello")
//! mine is [1, 2, 3], the child's is [1, 2, 3, 4]
//! squares of three processes: [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
//! nobody is left: multiprocessing: the queue is empty, and no other process has it: Process-6 (pid …) was killed by signal 9
//! ```
//!
//! Differs: what goes through the queue is a copy, which the notes say and do not show. In Python `get` waits for ever
//! when the child that was to put something is dead.

use greenroom::println;
use greenroom_servers::multiprocessing::{self, Process, Queue};
use std::io;

type Item = (u32, Option<u32>, String);

fn main() -> io::Result<()> {
    multiprocessing::run(|| {
        one_value()?;
        copies()?;
        work_for_three()?;
        nobody_left()
    })?
}

fn one_value() -> io::Result<()> {
    let queue = Queue::new();
    let process = Process::spawn(f, queue.clone())?;
    println!("{:?}", queue.get()?);
    process.join();
    Ok(())
}

fn f(queue: Queue<Item>) -> io::Result<()> {
    queue.put((42, None, "hello".to_owned()))
}

fn copies() -> io::Result<()> {
    let numbers = vec![1, 2, 3];
    let queue = Queue::new();
    queue.put(numbers.clone())?;
    let process = Process::spawn(append, queue.clone())?;
    process.join();
    println!("mine is {numbers:?}, the child's is {:?}", queue.get()?);
    Ok(())
}

fn append(queue: Queue<Vec<u32>>) -> io::Result<()> {
    let mut numbers = queue.get()?;
    numbers.push(4);
    queue.put(numbers)
}

fn work_for_three() -> io::Result<()> {
    let (numbers, squares) = (Queue::bounded(2), Queue::new());
    for _ in 0..3 {
        Process::spawn(square, (numbers.clone(), squares.clone()))?;
    }
    for number in 0..10 {
        numbers.put(number)?;
    }
    // Gets find what is left, and then the end: that is what stops the three.
    numbers.close()?;
    let results: io::Result<Vec<u32>> = (0..10).map(|_| squares.get()).collect();
    let mut results = results?;
    results.sort_unstable();
    println!("squares of three processes: {results:?}");
    Ok(())
}

fn square((numbers, squares): (Queue<u32>, Queue<u32>)) -> io::Result<()> {
    while let Ok(number) = numbers.get() {
        squares.put(number * number)?;
    }
    Ok(())
}

fn nobody_left() -> io::Result<()> {
    let queue = Queue::<u32>::new();
    let process = Process::spawn(|_queue| greenroom::thread::park(), queue.clone())?;
    process.kill()?;
    match queue.get() {
        Ok(number) => println!("unexpected: {number}"),
        Err(error) => println!("nobody is left: {error}"),
    }
    Ok(())
}
