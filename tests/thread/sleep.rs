//! `sleep` and `sleep_until`: never early, and defined for zero, the past, and for ever.

use crate::common::{FOREVER, Rng, SHORT, assert_cancelled, everywhere, on_every_runtime, until};
use crate::common::{Flag, watchdog};
use greenroom::thread;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

#[test]
fn sleep_is_never_early() {
    let seeds = Rng::seeded();
    everywhere(|| {
        let mut rng = seeds.clone();
        for _ in 0..20 {
            let duration = Duration::from_micros(rng.below(3_000));
            let start = Instant::now();
            thread::sleep(duration);
            assert!(start.elapsed() >= duration);
            let deadline = Instant::now() + duration;
            thread::sleep_until(deadline);
            assert!(Instant::now() >= deadline);
        }
    });
}

#[test]
fn a_thousand_sleepers_are_never_early() {
    let mut seeds = Rng::seeded();
    let rngs: Vec<_> = (0..1_000).map(|_| seeds.split()).collect();
    on_every_runtime(|| {
        let handles: Vec<_> = rngs
            .iter()
            .cloned()
            .map(|mut rng| {
                thread::spawn(move || {
                    let deadline = Instant::now() + Duration::from_micros(rng.below(100_000));
                    thread::sleep_until(deadline);
                    assert!(Instant::now() >= deadline);
                })
            })
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
    });
}

#[test]
fn sleep_zero_and_until_the_past_yield_once() {
    on_every_runtime(|| {
        let runs = Rc::new(Cell::new(0));
        let counted = Rc::clone(&runs);
        let is_over = Rc::new(Cell::new(false));
        let over = Rc::clone(&is_over);
        let neighbour = thread::spawn_local(move || {
            while !over.get() {
                counted.set(counted.get() + 1);
                thread::yield_now();
            }
        });
        until(|| runs.get() > 0);
        let before = runs.get();
        thread::sleep(Duration::ZERO);
        assert_eq!(runs.get(), before + 1);
        thread::sleep_until(Instant::now());
        assert_eq!(runs.get(), before + 2);
        if let Some(past) = Instant::now().checked_sub(SHORT) {
            thread::sleep_until(past);
            assert_eq!(runs.get(), before + 3);
        }
        is_over.set(true);
        neighbour.join().unwrap();
    });
}

#[test]
fn sleep_zero_on_an_os_thread_returns() {
    let _watchdog = watchdog();
    thread::sleep(Duration::ZERO);
    thread::sleep_until(Instant::now());
}

#[test]
fn huge_sleeps_last_until_cancelled() {
    on_every_runtime(|| {
        let year = Duration::from_secs(365 * 24 * 3600);
        let huge = [
            Duration::MAX,
            Duration::from_nanos(u64::MAX),
            Duration::from_nanos(u64::MAX / 2),
            year * 500,
            year,
            FOREVER,
        ];
        for duration in huge {
            let is_asleep = Flag::default();
            let asleep = is_asleep.clone();
            let sleeper = thread::spawn_local(move || {
                asleep.raise();
                thread::sleep(duration);
            });
            until(|| is_asleep.is_up());
            thread::sleep(Duration::from_millis(1));
            assert!(!sleeper.is_finished(), "{duration:?} was over at once");
            sleeper.cancel();
            assert_cancelled(sleeper.join());
        }
    });
}

#[test]
fn huge_sleep_on_an_os_thread_ends_by_a_timeout() {
    let _watchdog = watchdog();
    for duration in [Duration::MAX, Duration::from_nanos(u64::MAX / 2), FOREVER] {
        greenroom::timeout(SHORT, || thread::sleep(duration)).unwrap_err();
    }
}
