//! Who am I, who else is there: names, ids, and what there is instead of `enumerate` and `active_count`.
//!
//! Port of: the notes, "Threads: other methods" (file 002, section 3.3)
//!
//! Run: `cargo run --example thread_names`
//!
//! Output:
//! ```text
//! this is main
//! this is cook
//! cook has id …, and has ended
//! active: 3 of 3
//! waiter-1 is alive: true
//! waiter-2 is alive: true
//! waiter-3 is alive: true
//! waiting: …'waiter-1' … (waiting for an event …
//! waiting: …'waiter-2' … (waiting for an event …
//! waiting: …'waiter-3' … (waiting for an event …
//! active: 0 of 3
//! ```
//!
//! Differs: a name is given before the start and stays. There is no list of all threads of the process, which
//! tens of thousands would have to keep up to date together: who wants to count or list threads starts them in
//! a `Group`. `greenroom::waiting` lists those that wait, of everybody's, with their reasons.

use greenroom::group::Group;
use greenroom::sync::{Arc, Event};
use greenroom::thread::{self, Builder, Thread};
use greenroom::{println, waiting};
use std::io;
use std::time::Duration;

fn main() -> io::Result<()> {
    greenroom::run(|| {
        one_thread()?;
        several_threads()
    })
}

/// `current_thread`, `name`, `get_ident`.
fn one_thread() -> io::Result<()> {
    let introduce = || println!("this is {}", name(&thread::current()));
    introduce();
    let cook = Builder::new().name("cook".into()).spawn(introduce)?;
    // `Thread` tells who it is, and outlives the thread; the handle is to join.
    let thread = cook.thread().clone();
    cook.join().expect("because the cook does not panic");
    println!("{} has id {:?}, and has ended", name(&thread), thread.id());
    Ok(())
}

/// `active_count`, `enumerate` and `is_alive`, of a group.
fn several_threads() -> io::Result<()> {
    let group = Group::new();
    let closing_time = Arc::new(Event::new());
    let mut waiters = Vec::new();
    for number in 1..=3 {
        let closing_time = Arc::clone(&closing_time);
        let named = Builder::new().name(format!("waiter-{number}"));
        waiters.push(group.spawn_with(named, move || closing_time.wait())?);
    }
    println!("active: {} of {}", group.len(), waiters.len());
    for waiter in &waiters {
        println!(
            "{} is alive: {}",
            name(&waiter.thread()),
            !waiter.is_finished()
        );
    }
    for line in who_waits(waiters.len()) {
        println!("waiting: {line}");
    }
    closing_time.set();
    group.join();
    println!("active: {} of {}", group.len(), waiters.len());
    Ok(())
}

fn name(thread: &Thread) -> &str {
    thread.name().unwrap_or("a thread without a name")
}

/// What `waiting` says once so many wait: they may just have been started.
fn who_waits(threads: usize) -> Vec<String> {
    loop {
        let mut lines = waiting(Duration::from_secs(1));
        if lines.len() >= threads {
            lines.sort();
            return lines;
        }
        thread::yield_now();
    }
}
