//! A crowd waits for one thing, and all are let go at once: per waiter, until everybody has run.
//!
//! The floor is as many parked green threads, unparked one by one.

use crate::clock::Clock;
use crate::micro::Lab;
use greenroom::Runtime;
use greenroom::sync::Event;
use greenroom::thread::{self, JoinHandle};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const WAITERS: usize = 100_000;

/// Those who are about to wait, and those who have been let go.
#[derive(Debug, Default)]
struct Crowd {
    waiting: AtomicUsize,
    gone: AtomicUsize,
}

impl Crowd {
    /// `waiters` green threads that wait by `wait`; returns when all have come.
    fn gather(
        self: &Arc<Crowd>,
        waiters: usize,
        wait: impl Fn() + Clone + Send + 'static,
    ) -> Vec<JoinHandle<()>> {
        let member = |_| {
            let (crowd, wait) = (Arc::clone(self), wait.clone());
            thread::spawn(move || {
                // On one worker nothing runs between this and the park.
                crowd.waiting.fetch_add(1, Ordering::Relaxed);
                wait();
                crowd.gone.fetch_add(1, Ordering::Relaxed);
            })
        };
        let tasks = (0..waiters).map(member).collect();
        while self.waiting.load(Ordering::Relaxed) < waiters {
            thread::yield_now();
        }
        tasks
    }

    /// Nanoseconds per member from `release` until all have gone.
    fn time(&self, clock: Clock, waiters: usize, release: impl FnOnce()) -> f64 {
        clock.per(waiters, || {
            release();
            while self.gone.load(Ordering::Relaxed) < waiters {
                thread::yield_now();
            }
        })
    }
}

fn join_all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.join().expect("because the bench's tasks do not panic");
    }
}

/// `set`, once.
fn set(runtime: &Runtime, clock: Clock, waiters: usize) -> f64 {
    runtime.run(|| {
        let (crowd, event) = (Arc::new(Crowd::default()), Arc::new(Event::new()));
        let theirs = Arc::clone(&event);
        let tasks = crowd.gather(waiters, move || theirs.wait());
        let each = crowd.time(clock, waiters, || event.set());
        join_all(tasks);
        each
    })
}

/// `unpark`, for each.
fn unpark(runtime: &Runtime, clock: Clock, waiters: usize) -> f64 {
    runtime.run(|| {
        let crowd = Arc::new(Crowd::default());
        let tasks = crowd.gather(waiters, thread::park);
        let handles: Vec<_> = tasks.iter().map(|handle| handle.thread().clone()).collect();
        let each = crowd.time(clock, waiters, || {
            for handle in &handles {
                handle.unpark();
            }
        });
        join_all(tasks);
        each
    })
}

/// On one worker.
pub(super) fn set_one(lab: &Lab) -> io::Result<f64> {
    Ok(set(&lab.one, Clock::Cpu, lab.share(WAITERS)))
}

/// On two workers, on the wall.
pub(super) fn set_two(lab: &Lab) -> io::Result<f64> {
    Ok(set(&lab.two, Clock::Wall, lab.share(WAITERS)))
}

pub(super) fn unpark_one(lab: &Lab) -> io::Result<f64> {
    Ok(unpark(&lab.one, Clock::Cpu, lab.share(WAITERS)))
}

pub(super) fn unpark_two(lab: &Lab) -> io::Result<f64> {
    Ok(unpark(&lab.two, Clock::Wall, lab.share(WAITERS)))
}
