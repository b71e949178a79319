//! Locks: uncontended in one thread, and fought over by a crowd.
//!
//! On one worker a crowd that never parks with the lock held never fights: that row shows the cost of a
//! lock among many tasks. With a yield inside, every holder gives the worker away and everybody else
//! runs into the lock.

use super::crew::{Body, Crew};
use crate::clock::{Clock, cpu_per};
use crate::micro::{Lab, floor};
use std::hint::black_box;
use std::io;
use std::sync::Arc;

/// Operations per run, uncontended.
const LOCKS: usize = 1_000_000;
/// Operations per run of a crowd, without and with a switch in each.
const CROWD_LOCKS: usize = 2_000_000;
const CROWD_YIELDS: usize = 200_000;
/// The same by OS threads, where most operations are a switch of the kernel's.
const THREAD_YIELDS: usize = 10_000;

/// One function per lock: the same words, another type.
macro_rules! uncontended {
    ($name:ident, $make:expr, |$lock:ident| $touch:expr) => {
        pub(super) fn $name(lab: &Lab) -> io::Result<f64> {
            let times = lab.share(LOCKS);
            Ok(lab.one.run(|| {
                let lock = $make;
                cpu_per(times, || {
                    for _ in 0..times {
                        let $lock = black_box(&lock);
                        $touch;
                    }
                })
            }))
        }
    };
}

const SOUND: &str = "because nobody panics with it held";

uncontended!(ours, greenroom::sync::Mutex::new(0_u64), |lock| {
    *lock.lock().expect(SOUND) += 1;
});
uncontended!(std_mutex, std::sync::Mutex::new(0_u64), |lock| {
    *lock.lock().expect(SOUND) += 1;
});
uncontended!(parking_lot, parking_lot::Mutex::new(0_u64), |lock| {
    *lock.lock() += 1;
});
uncontended!(our_read, greenroom::sync::RwLock::new(0_u64), |lock| {
    black_box(*lock.read().expect(SOUND));
});
uncontended!(std_read, std::sync::RwLock::new(0_u64), |lock| {
    black_box(*lock.read().expect(SOUND));
});
uncontended!(our_write, greenroom::sync::RwLock::new(0_u64), |lock| {
    *lock.write().expect(SOUND) += 1;
});
uncontended!(std_write, std::sync::RwLock::new(0_u64), |lock| {
    *lock.write().expect(SOUND) += 1;
});

/// Those who fight for one lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) tasks: usize,
    /// Whether each gives its worker away with the lock held.
    pub(super) is_yielding: bool,
}

impl Crowd {
    fn each(self, lab: &Lab, yields: usize) -> usize {
        let total = if self.is_yielding {
            yields
        } else {
            CROWD_LOCKS
        };
        (lab.share(total) / self.tasks).max(2)
    }

    fn per_lock(self, crew: Crew<'_>, clock: Clock, each: usize, once: Once) -> io::Result<f64> {
        let body = || -> Body {
            let once = Arc::clone(&once);
            Box::new(move || {
                for _ in 0..each {
                    once();
                }
            })
        };
        let bodies = (0..self.tasks).map(|_| body()).collect();
        let total_ns = crew.time(clock, bodies)?;
        Ok(total_ns as f64 / (each * self.tasks) as f64)
    }

    fn green(self, lab: &Lab, crew: Crew<'_>, clock: Clock) -> io::Result<f64> {
        let lock = greenroom::sync::Mutex::new(0_u64);
        let once: Once = if self.is_yielding {
            Arc::new(move || {
                let mut value = lock.lock().expect(SOUND);
                *value += 1;
                greenroom::thread::yield_now();
            })
        } else {
            Arc::new(move || *lock.lock().expect(SOUND) += 1)
        };
        self.per_lock(crew, clock, self.each(lab, CROWD_YIELDS), once)
    }

    /// Green threads of one worker.
    pub(super) fn one(self, lab: &Lab) -> io::Result<f64> {
        self.green(lab, Crew::Green(&lab.one), Clock::Cpu)
    }

    /// Green threads of two workers, on the wall.
    pub(super) fn two(self, lab: &Lab) -> io::Result<f64> {
        self.green(lab, Crew::Apart(&lab.two), Clock::Wall)
    }

    /// OS threads and std's mutex, on the wall.
    pub(super) fn threads(self, lab: &Lab) -> io::Result<f64> {
        let lock = std::sync::Mutex::new(0_u64);
        let once: Once = if self.is_yielding {
            Arc::new(move || {
                let mut value = lock.lock().expect(SOUND);
                *value += 1;
                std::thread::yield_now();
            })
        } else {
            Arc::new(move || *lock.lock().expect(SOUND) += 1)
        };
        let each = self.each(lab, THREAD_YIELDS);
        self.per_lock(Crew::Os, Clock::Wall, each, once)
    }

    /// The least that one worker can do: a lock nobody else wants; with the yield two switches, the
    /// holder's and that of the next one, who found it locked.
    pub(super) fn least(self, lab: &Lab) -> io::Result<f64> {
        if self.is_yielding {
            return floor::yields(lab, self.tasks).map(|each| 2.0 * each);
        }
        std_mutex(lab)
    }
}

type Once = Arc<dyn Fn() + Send + Sync>;
