//! Who does a job: green threads of one worker or two, or as many OS threads.
//!
//! A job is a list of closures, all started, then all joined. The time includes both; with a hundred
//! thousand operations and more it does not show.

use crate::clock::Clock;
use greenroom::Runtime;
use greenroom::thread::Builder;
use std::io;

pub(super) type Body = Box<dyn FnOnce() + Send>;

#[derive(Clone, Copy, Debug)]
pub(super) enum Crew<'a> {
    /// Wherever the scheduler puts them.
    Green(&'a Runtime),
    /// By turns on worker 0 and worker 1.
    Apart(&'a Runtime),
    Os,
}

pub(super) fn panicked() -> io::Error {
    io::Error::other("a player panicked")
}

impl Crew<'_> {
    /// Nanoseconds until all of `bodies` are done.
    pub(super) fn time(self, clock: Clock, bodies: Vec<Body>) -> io::Result<u64> {
        let mut outcome = Ok(());
        match self {
            Crew::Os => {
                let total_ns = clock.time(|| outcome = on_threads(bodies));
                outcome.map(|()| total_ns)
            }
            Crew::Green(runtime) => runtime.run(|| {
                let total_ns = clock.time(|| outcome = on_tasks(bodies, |_| Builder::new()));
                outcome.map(|()| total_ns)
            }),
            Crew::Apart(runtime) => runtime.run(|| {
                let by_turns = |number| Builder::new().worker(number % 2);
                let total_ns = clock.time(|| outcome = on_tasks(bodies, by_turns));
                outcome.map(|()| total_ns)
            }),
        }
    }
}

fn on_tasks(bodies: Vec<Body>, builder: impl Fn(usize) -> Builder) -> io::Result<()> {
    let mut tasks = Vec::with_capacity(bodies.len());
    for (number, body) in bodies.into_iter().enumerate() {
        tasks.push(builder(number).spawn(body)?);
    }
    for task in tasks {
        task.join().map_err(|_| panicked())?;
    }
    Ok(())
}

fn on_threads(bodies: Vec<Body>) -> io::Result<()> {
    let mut threads = Vec::with_capacity(bodies.len());
    for body in bodies {
        let builder = std::thread::Builder::new().stack_size(64 * 1024);
        threads.push(builder.spawn(body)?);
    }
    for thread in threads {
        thread.join().map_err(|_| panicked())?;
    }
    Ok(())
}
