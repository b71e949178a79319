//! The subjects: the same jobs by greenroom's public functions, nothing else.

use super::Lab;
use super::floor::{BATCH, SPAWNS, TOKENS, WARM_ROUNDS, YIELDS};
use crate::clock::{cpu_ns, cpu_per};
use greenroom::thread::{self, Builder, JoinHandle};
use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

const FAR: Duration = Duration::from_secs(10);

/// The value of a task that does not panic.
fn joined<T>(task: JoinHandle<T>) -> T {
    task.join().expect("because the bench's tasks do not panic")
}

/// Nanoseconds per yield among `tasks` green threads.
pub(super) fn yields(lab: &Lab, tasks: usize) -> io::Result<f64> {
    let rounds = lab.share(YIELDS / tasks).max(2);
    let work = move |number: usize| {
        for _ in 0..WARM_ROUNDS {
            thread::yield_now();
        }
        let begun = if number == 0 { cpu_ns() } else { 0 };
        for _ in 0..rounds {
            thread::yield_now();
        }
        if number == 0 { cpu_ns() - begun } else { 0 }
    };
    let total_ns: u64 = lab.one.run(|| {
        let tasks: Vec<_> = (0..tasks)
            .map(|number| thread::spawn(move || work(number)))
            .collect();
        tasks.into_iter().map(joined).sum()
    });
    Ok(total_ns as f64 / (rounds * tasks) as f64)
}

pub(super) fn one_by_one(lab: &Lab) -> io::Result<f64> {
    let spawns = lab.share(SPAWNS);
    Ok(lab.one.run(|| {
        cpu_per(spawns, || {
            for number in 0..spawns {
                let task = thread::spawn(move || black_box(number));
                black_box(joined(task));
            }
        })
    }))
}

pub(super) fn batch(lab: &Lab) -> io::Result<f64> {
    let spawns = lab.share(BATCH);
    Ok(lab.one.run(|| {
        let mut tasks = Vec::with_capacity(spawns);
        cpu_per(spawns, || {
            for number in 0..spawns {
                tasks.push(thread::spawn(move || black_box(number)));
            }
            for task in tasks {
                black_box(joined(task));
            }
        })
    }))
}

pub(super) fn tokens(lab: &Lab) -> io::Result<f64> {
    let times = lab.share(TOKENS);
    Ok(lab.one.run(|| {
        let me = thread::current();
        cpu_per(times, || {
            for _ in 0..times {
                me.unpark();
                thread::park();
            }
        })
    }))
}

pub(super) fn timeouts(lab: &Lab) -> io::Result<f64> {
    let times = lab.share(TOKENS);
    Ok(lab.one.run(|| {
        cpu_per(times, || {
            for number in 0..times {
                black_box(greenroom::timeout(FAR, || black_box(number)).is_ok());
            }
        })
    }))
}

/// Spawned on worker 1 by a task of worker 0, and joined; on the wall.
pub(super) fn spawn_cross(lab: &Lab) -> io::Result<f64> {
    let spawns = lab.share(2_000);
    let work = move || {
        let begun = Instant::now();
        for number in 0..spawns {
            let task = Builder::new().worker(1).spawn(move || black_box(number))?;
            black_box(joined(task));
        }
        Ok(begun.elapsed().as_nanos() as f64 / spawns as f64)
    };
    let on_first = || Builder::new().worker(0).spawn(work).map(joined);
    lab.two.run(on_first)?
}
