//! A storm at a semaphore: takers that are late, interrupted and cancelled at the moment of hand-over.
//!
//! There are never more holders than permits, and in the end every permit is free again.

use crate::common::{FOREVER, Rng, Rt, watchdog};
use greenroom::sync::{Semaphore, SemaphoreGuard};
use greenroom::thread::{JoinHandle, yield_now};
use greenroom::timeout;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PERMITS: usize = 3;

const TRIES: usize = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};

/// A machine that is too slow for all the tries does fewer.
const TIME: Duration = Duration::from_secs(18);

struct Storm {
    semaphore: Semaphore,
    holders: AtomicUsize,
    tries: AtomicUsize,
    taken: AtomicUsize,
    start: Instant,
}

/// Counts itself out when it goes, also by unwinding.
struct Holder<'a>(&'a Storm);

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        self.0.holders.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Storm {
    fn is_over(&self) -> bool {
        self.tries.load(Ordering::Relaxed) >= TRIES || self.start.elapsed() > TIME
    }

    fn hold(&self, permit: SemaphoreGuard<'_>, rng: &mut Rng) {
        let before = self.holders.fetch_add(1, Ordering::SeqCst);
        let holder = Holder(self);
        assert!(before < PERMITS, "one permit too many");
        self.taken.fetch_add(1, Ordering::Relaxed);
        if rng.below(2) == 0 {
            yield_now();
        }
        drop(holder);
        drop(permit);
    }

    fn take(&self, mut rng: Rng) {
        while !self.is_over() {
            self.tries.fetch_add(1, Ordering::Relaxed);
            let limit = Duration::from_nanos(rng.below(60_000));
            let permit = match rng.below(4) {
                0 => self.semaphore.acquire_timeout(limit),
                1 => timeout(limit, || self.semaphore.acquire()).ok(),
                2 => self.semaphore.acquire_timeout(FOREVER),
                _ => self.semaphore.try_acquire(),
            };
            if let Some(permit) = permit {
                self.hold(permit, &mut rng);
            }
        }
    }
}

fn brew(runtimes: &[Rt], os_threads: usize) {
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    let storm = Arc::new(Storm {
        semaphore: Semaphore::new(PERMITS),
        holders: AtomicUsize::new(0),
        tries: AtomicUsize::new(0),
        taken: AtomicUsize::new(0),
        start: Instant::now(),
    });
    let grow = |rng: &mut Rng, rt: &Rt| -> JoinHandle<()> {
        let (storm, rng) = (Arc::clone(&storm), rng.split());
        rt.spawn(move || storm.take(rng))
    };
    let mut tasks = Vec::new();
    for number in 0..16 {
        tasks.push(grow(&mut rng, &runtimes[number % runtimes.len()]));
    }
    std::thread::scope(|s| {
        for _ in 0..os_threads {
            let rng = rng.split();
            s.spawn(|| storm.take(rng));
        }
        while !storm.is_over() {
            let number = usize::try_from(rng.below(tasks.len() as u64)).unwrap();
            let other = grow(&mut rng, &runtimes[number % runtimes.len()]);
            let unlucky = std::mem::replace(&mut tasks[number], other);
            unlucky.cancel();
            assert_no_panic(unlucky.join());
        }
    });
    for task in tasks {
        assert_no_panic(task.join());
    }
    assert_eq!(storm.semaphore.available(), PERMITS, "a permit is lost");
    let taken = storm.taken.load(Ordering::Relaxed);
    assert!(taken > 100, "hardly anybody got a permit");
    println!(
        "{} tries, {taken} taken",
        storm.tries.load(Ordering::Relaxed)
    );
}

fn assert_no_panic(outcome: greenroom::thread::Result<()>) {
    if let Err(payload) = outcome {
        assert!(payload.is::<greenroom::Cancelled>(), "it panicked");
    }
}

#[test]
fn storm_on_one_worker_loses_no_permit() {
    brew(&[Rt::with_workers(1)], 0);
}

#[test]
fn storm_between_two_workers_loses_no_permit() {
    brew(&[Rt::with_workers(1), Rt::with_workers(1)], 0);
}

#[test]
fn storm_with_os_threads_loses_no_permit() {
    brew(&[Rt::with_workers(1)], 2);
}
