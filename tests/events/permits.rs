//! Semaphores: who gets a permit, and where it goes when its taker does not want it any more.
//!
//! On one worker a waiter that was given something has not run yet while we run: so "cancelled at the
//! moment of hand-over" can be had for certain.

use crate::common::{
    FOREVER, SHORT, assert_cancelled, everywhere, let_others_run, on_every_runtime, text,
};
use greenroom::sync::{BoundedSemaphore, Semaphore};
use greenroom::thread::{LocalJoinHandle, scope, spawn_local};
use greenroom::timeout;
use std::sync::{Arc, Mutex};
use std::time::Instant;

fn shared(permits: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(permits))
}

/// Starts a local task that does something with the semaphore, and lets it come to its wait.
fn start<T: 'static>(
    semaphore: &Arc<Semaphore>,
    body: impl FnOnce(&Semaphore) -> T + 'static,
) -> LocalJoinHandle<T> {
    let semaphore = Arc::clone(semaphore);
    let task = spawn_local(move || body(&semaphore));
    let_others_run();
    task
}

fn let_short_pass() {
    let start = Instant::now();
    while start.elapsed() < 2 * SHORT {
        std::hint::spin_loop();
    }
}

#[test]
fn guard_gives_its_permit_back_when_dropped_and_not_when_forgotten() {
    everywhere(|| {
        let semaphore = Semaphore::new(2);
        let permit = semaphore.acquire();
        assert_eq!(semaphore.available(), 1);
        drop(permit);
        assert_eq!(semaphore.available(), 2);
        semaphore.acquire().forget();
        assert_eq!(semaphore.available(), 1);
        semaphore.release();
        assert_eq!(semaphore.available(), 2);
    });
}

#[test]
fn guard_gives_its_permit_back_when_its_holder_unwinds() {
    on_every_runtime(|| {
        let semaphore = shared(1);
        let panics = start(&semaphore, |semaphore| {
            let _permit = semaphore.acquire();
            panic!("with a permit");
        });
        assert_eq!(text(panics.join().unwrap_err().as_ref()), "with a permit");
        assert_eq!(semaphore.available(), 1);
        let cancelled = start(&semaphore, |semaphore| {
            let _permit = semaphore.acquire();
            greenroom::thread::park();
        });
        assert_eq!(semaphore.available(), 0);
        cancelled.cancel();
        assert_cancelled(cancelled.join());
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn permits_go_to_waiters_in_the_order_in_which_they_came() {
    on_every_runtime(|| {
        let semaphore = shared(0);
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiters = (0..10).map(|number| {
            let order = Arc::clone(&order);
            start(&semaphore, move |semaphore| {
                semaphore.acquire().forget();
                order.lock().unwrap().push(number);
            })
        });
        let mut waiters = waiters.collect::<Vec<_>>();
        let leaver = waiters.remove(5);
        leaver.cancel();
        assert_cancelled(leaver.join());
        semaphore.release();
        assert!(semaphore.try_acquire().is_none(), "a newcomer overtakes");
        semaphore.release_many(8);
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 6, 7, 8, 9]);
        assert_eq!(semaphore.available(), 0);
    });
}

#[test]
fn permit_of_a_waiter_cancelled_at_the_handover_goes_to_the_next() {
    on_every_runtime(|| {
        let semaphore = shared(0);
        let first = start(&semaphore, |semaphore| semaphore.acquire().forget());
        let second = start(&semaphore, |semaphore| semaphore.acquire().forget());
        semaphore.release(); // The first has it, and has not run since.
        first.cancel();
        assert_cancelled(first.join());
        second.join().unwrap();
        assert_eq!(semaphore.available(), 0);
        // With nobody behind it, it is free again.
        let only = start(&semaphore, |semaphore| semaphore.acquire().forget());
        semaphore.release();
        only.cancel();
        assert_cancelled(only.join());
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn permit_of_a_waiter_whose_timeout_elapsed_at_the_handover_goes_to_the_next() {
    on_every_runtime(|| {
        let semaphore = shared(0);
        let first = start(&semaphore, |semaphore| {
            timeout(SHORT, || semaphore.acquire().forget()).is_err()
        });
        let second = start(&semaphore, |semaphore| semaphore.acquire().forget());
        semaphore.release();
        let_short_pass();
        assert!(first.join().unwrap(), "it kept the permit");
        second.join().unwrap();
    });
}

#[test]
fn permit_that_came_in_time_is_taken_though_its_waiter_looks_late() {
    on_every_runtime(|| {
        let semaphore = shared(0);
        let waiter = start(&semaphore, |semaphore| {
            semaphore
                .acquire_timeout(SHORT)
                .map(|permit| permit.forget())
                .is_some()
        });
        semaphore.release();
        let_short_pass();
        assert!(waiter.join().unwrap());
        assert_eq!(semaphore.available(), 0);
    });
}

#[test]
fn shielded_waiter_keeps_its_permit() {
    on_every_runtime(|| {
        let semaphore = shared(0);
        let waiter = start(&semaphore, |semaphore| {
            greenroom::shield(|| semaphore.acquire().forget());
            true
        });
        waiter.cancel();
        let_others_run();
        assert!(!waiter.is_finished());
        semaphore.release();
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn release_of_many_serves_the_waiters_and_frees_the_rest() {
    on_every_runtime(|| {
        let semaphore = Semaphore::new(0);
        scope(|s| {
            let waiters = (0..100).map(|_| s.spawn(|| semaphore.acquire().forget()));
            let waiters = waiters.collect::<Vec<_>>();
            semaphore.release_many(107);
            waiters
                .into_iter()
                .for_each(|waiter| waiter.join().unwrap());
        });
        assert_eq!(semaphore.available(), 7);
        semaphore.release_many(0);
        assert_eq!(semaphore.available(), 7);
    });
}

#[test]
fn bounded_semaphore_refuses_what_was_not_taken() {
    everywhere(|| {
        let semaphore = BoundedSemaphore::new(2);
        assert!(semaphore.release().is_err());
        semaphore.acquire().forget();
        assert!(semaphore.release_many(2).is_err());
        assert_eq!(semaphore.available(), 1, "a refused release does nothing");
        assert!(semaphore.release_many(1).is_ok());
        assert!(semaphore.release_many(usize::MAX).is_err());
        assert!(semaphore.release_many(0).is_ok());
        // A guard whose permit was released behind its back is harmless.
        let permit = semaphore.acquire();
        semaphore.release().unwrap();
        drop(permit);
        assert_eq!((semaphore.available(), semaphore.bound()), (2, 2));
        let closed = BoundedSemaphore::new(0);
        assert!(closed.try_acquire().is_none());
        assert!(closed.release().is_err());
    });
}

#[test]
fn bounded_semaphore_hands_over_within_its_bound() {
    on_every_runtime(|| {
        let semaphore = BoundedSemaphore::new(1);
        let held = semaphore.acquire();
        scope(|s| {
            let waiters = (0..3).map(|_| s.spawn(|| drop(semaphore.acquire_timeout(FOREVER))));
            let waiters = waiters.collect::<Vec<_>>();
            let_others_run();
            drop(held);
            waiters
                .into_iter()
                .for_each(|waiter| waiter.join().unwrap());
        });
        assert_eq!(semaphore.available(), 1);
        assert!(semaphore.release().is_err());
    });
}

#[test]
#[should_panic(expected = "a semaphore has too many permits")]
fn semaphore_of_too_many_permits_panics() {
    let semaphore = Semaphore::new(usize::MAX);
    assert_eq!(semaphore.available(), usize::MAX);
    semaphore.release();
}

#[test]
fn debug_of_semaphores_shows_permits_and_waiters() {
    on_every_runtime(|| {
        let semaphore = shared(0);
        let waiter = start(&semaphore, |semaphore| drop(semaphore.acquire()));
        assert_eq!(
            format!("{semaphore:?}"),
            "Semaphore { available: 0, waiters: 1 }"
        );
        semaphore.release();
        waiter.join().unwrap();
        let bounded = BoundedSemaphore::new(3);
        let permit = bounded.acquire();
        let rest = "{ available: 2, bound: 3, waiters: 0 }";
        assert_eq!(format!("{bounded:?}"), format!("BoundedSemaphore {rest}"));
        assert_eq!(format!("{permit:?}"), format!("SemaphoreGuard {rest}"));
    });
}
