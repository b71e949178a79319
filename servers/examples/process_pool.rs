//! Five processes for ten jobs: one after another, all at once with a callback, and jobs that go wrong.
//!
//! Port of: the notes, "Pools of processes" (file 002, section 4.3)
//!
//! Run: `cargo run -p greenroom-servers --example process_pool`
//!
//! Output: (the lines of the jobs and of their callbacks in any order, a job's before its callback's)
//! ```text
//! main process: …
//! 0 in process …
//! 1 in process …
//! 2 in process …
//! one after another: 100 101 102
//! 0 in process …
//! 1 in process …
//! 2 in process …
//! 3 in process …
//! 4 in process …
//! 5 in process …
//! 6 in process …
//! 7 in process …
//! 8 in process …
//! 9 in process …
//! --> done: 100 in …
//! --> done: 101 in …
//! --> done: 102 in …
//! --> done: 103 in …
//! --> done: 104 in …
//! --> done: 105 in …
//! --> done: 106 in …
//! --> done: 107 in …
//! --> done: 108 in …
//! --> done: 109 in …
//! in the order of the arguments: [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
//! a job that panics: Err(Panicked("this job has a fault"))
//! a job that ends its process: Err(WorkerDied("PoolWorker-… (pid …) was killed by signal 6"))
//! and the next one: Ok(49), by one of 5
//! ```
//!
//! Differs: callbacks run in green threads of the main process; in Python in one thread, where one that waits holds up
//! all results. In Python a job whose process is killed is waited for, for ever.

use greenroom::{println, thread};
use greenroom_servers::multiprocessing::{self, JobError, Pool};
use std::io;
use std::time::Duration;

fn main() -> io::Result<()> {
    multiprocessing::run(|| {
        println!("main process: {}", std::process::id());
        let pool = Pool::new(5)?;
        one_after_another(&pool)?;
        all_at_once(&pool);
        in_order(&pool)?;
        gone_wrong(&pool);
        pool.close();
        pool.join();
        Ok(())
    })?
}

fn foo(number: u32) -> u32 {
    thread::sleep(Duration::from_millis(50));
    println!("{number} in process {}", std::process::id());
    number + 100
}

fn bar(result: &Result<u32, JobError>) {
    match result {
        Ok(value) => println!("--> done: {value} in {}", std::process::id()),
        Err(error) => println!("--> {error}"),
    }
}

fn one_after_another(pool: &Pool) -> io::Result<()> {
    let (first, second, third) = (
        pool.apply(foo, 0)?,
        pool.apply(foo, 1)?,
        pool.apply(foo, 2)?,
    );
    println!("one after another: {first} {second} {third}");
    Ok(())
}

fn all_at_once(pool: &Pool) {
    let start = |number| pool.apply_async(foo, number, bar);
    let results: Vec<_> = (0..10).map(start).collect();
    for result in results {
        // The callback has run by then.
        result.wait();
    }
}

fn in_order(pool: &Pool) -> io::Result<()> {
    let squares = pool.map(|number: u32| number * number, 0..10)?;
    println!("in the order of the arguments: {squares:?}");
    Ok(())
}

fn gone_wrong(pool: &Pool) {
    let panics: fn(()) -> u32 = |()| panic!("this job has a fault");
    println!("a job that panics: {:?}", pool.apply(panics, ()));
    let aborts: fn(()) -> u32 = |()| std::process::abort();
    println!("a job that ends its process: {:?}", pool.apply(aborts, ()));
    let next = pool.apply(|number: u32| number * number, 7);
    let processes = multiprocessing::active_children().len();
    println!("and the next one: {next:?}, by one of {processes}");
}
