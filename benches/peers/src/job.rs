//! What is to be done: a row, on so many workers, so often. Numbers as in `bench sync`.

use cpu_time::ProcessTime;
use std::time::{Duration, Instant};

pub(crate) const LOCKS: usize = 1_000_000;
pub(crate) const CROWD_LOCKS: usize = 2_000_000;
pub(crate) const CROWD_YIELDS: usize = 200_000;
pub(crate) const TRIPS: usize = 100_000;
/// Round trips where each is a switch of the kernel's.
pub(crate) const CROSS_TRIPS: usize = 2_000;
pub(crate) const WARM_TRIPS: usize = 100;
pub(crate) const ITEMS: usize = 400_000;
pub(crate) const SELECTS: usize = 200_000;
pub(crate) const WAITERS: usize = 100_000;
pub(crate) const FAR: Duration = Duration::from_secs(10);

/// All rows with their workers.
pub(crate) const ROWS: [(&str, usize); 33] = [
    ("lock", 1),
    ("lock-pl", 1),
    ("read", 1),
    ("write", 1),
    ("pingpong", 1),
    ("pingpong-timeout", 1),
    ("unbounded", 1),
    ("bounded-1024", 1),
    ("bounded-1", 1),
    ("mpmc", 1),
    ("mpmc-1024", 1),
    ("mpmc-2", 2),
    ("mpmc-1024-2", 2),
    ("mpmc-1024-apart", 2),
    ("mpsc-pingpong", 1),
    ("mpsc-unbounded", 1),
    ("mpsc-1024", 1),
    ("cross", 2),
    ("os-thread", 2),
    ("mutex-64", 1),
    ("mutex-64-yield", 1),
    ("mutex-1000", 1),
    ("mutex-1000-yield", 1),
    ("mutex-64-2", 2),
    ("mutex-64-yield-2", 2),
    ("mutex-1000-2", 2),
    ("mutex-1000-yield-2", 2),
    ("event", 1),
    ("event-2", 2),
    ("select-2", 1),
    ("select-8", 1),
    ("select-2-pingpong", 1),
    ("select-8-pingpong", 1),
];

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) row: String,
    pub(crate) workers: usize,
    divisor: usize,
}

/// Those who fight for one mutex.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) tasks: usize,
    pub(crate) each: usize,
    pub(crate) is_yielding: bool,
}

/// Producers, as many consumers, and the room between them; none: any number of items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) pairs: usize,
    pub(crate) each: usize,
    pub(crate) room: Option<usize>,
}

impl Job {
    pub(crate) fn new(row: &str, workers: usize, divisor: usize) -> Job {
        Job {
            row: row.to_owned(),
            workers,
            divisor: divisor.max(1),
        }
    }

    pub(crate) fn share(&self, operations: usize) -> usize {
        (operations / self.divisor).max(1)
    }

    /// A clock for this job, started now.
    pub(crate) fn clock(&self) -> Clock {
        match self.workers {
            1 => Clock::Cpu(ProcessTime::now()),
            _ => Clock::Wall(Instant::now()),
        }
    }

    /// `mutex-TASKS[-yield][-2]`.
    pub(crate) fn crowd(&self, yields: usize) -> Option<Crowd> {
        let rest = self.row.strip_prefix("mutex-")?;
        let tasks = rest.split('-').next()?.parse().ok()?;
        let is_yielding = rest.contains("yield");
        let total = self.share(if is_yielding { yields } else { CROWD_LOCKS });
        Some(Crowd {
            tasks,
            each: (total / tasks).max(2),
            is_yielding,
        })
    }

    /// The stream of the rows named after their room.
    pub(crate) fn stream(&self) -> Option<Stream> {
        let (pairs, room) = match self.row.as_str() {
            "unbounded" | "mpsc-unbounded" => (1, None),
            "bounded-1024" | "mpsc-1024" => (1, Some(1024)),
            "bounded-1" => (1, Some(1)),
            "mpmc" | "mpmc-2" => (4, None),
            "mpmc-1024" | "mpmc-1024-2" => (4, Some(1024)),
            _ => return None,
        };
        Some(Stream {
            pairs,
            each: (self.share(ITEMS) / pairs).max(1),
            room,
        })
    }
}

#[derive(Debug)]
pub(crate) enum Clock {
    Cpu(ProcessTime),
    Wall(Instant),
}

impl Clock {
    pub(crate) fn per(&self, operations: usize) -> f64 {
        let elapsed = match self {
            Clock::Cpu(begun) => begun.elapsed(),
            Clock::Wall(begun) => begun.elapsed(),
        };
        elapsed.as_nanos() as f64 / operations as f64
    }
}
