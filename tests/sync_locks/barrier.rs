//! Rounds of a barrier: leaders, arrivals taken back, sizes at which nobody waits.

use crate::common::{Flag, Rt, SHORT, assert_cancelled, everywhere, on_every_runtime};
use crate::common::{let_others_run, until, watchdog};
use crate::ground::{Actor, Place};
use greenroom::sync::Barrier;
use greenroom::thread;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

#[test]
fn barrier_rounds_have_one_leader_each_and_nobody_runs_ahead() {
    const ROUNDS: usize = 300;
    let _watchdog = watchdog();
    let places = [
        Place::Worker(0),
        Place::Worker(0),
        Place::Worker(1),
        Place::Os,
    ];
    Rt::with_workers(2).run(|| {
        let barrier = Arc::new(Barrier::new(places.len()));
        let arrived = Arc::new(AtomicUsize::new(0));
        let actors = places.map(|place| {
            let (barrier, arrived) = (Arc::clone(&barrier), Arc::clone(&arrived));
            Actor::start(place, move || {
                let mut led = 0;
                for round in 1..=ROUNDS {
                    arrived.fetch_add(1, SeqCst);
                    led += usize::from(barrier.wait().is_leader());
                    let seen = arrived.load(SeqCst);
                    assert!(
                        seen >= round * 4 && seen <= (round + 1) * 4,
                        "{round}: {seen}"
                    );
                }
                led
            })
        });
        let led: usize = actors.into_iter().map(Actor::join).sum();
        assert_eq!(led, ROUNDS);
    });
}

#[test]
fn barrier_of_none_or_one_never_waits() {
    everywhere(|| {
        for size in [0, 1] {
            let barrier = Barrier::new(size);
            for _ in 0..3 {
                assert!(barrier.wait().is_leader());
                assert!(barrier.wait_timeout(Duration::ZERO).unwrap().is_leader());
                assert!(barrier.try_wait().unwrap().is_leader());
            }
        }
    });
}

#[test]
fn barrier_arrival_is_taken_back_by_cancellation_and_time_out() {
    on_every_runtime(|| {
        let barrier = Rc::new(Barrier::new(3));
        let start = || {
            let (barrier, begun) = (Rc::clone(&barrier), Flag::default());
            let begins = begun.clone();
            let waiter = thread::spawn_local(move || {
                begins.raise();
                barrier.wait().is_leader()
            });
            until(|| begun.is_up());
            waiter
        };
        let gone = start();
        gone.cancel();
        assert_cancelled(gone.join());
        assert!(barrier.wait_timeout(SHORT).is_err());
        assert!(barrier.try_wait().is_none());
        let first = start();
        assert!(format!("{barrier:?}").contains("arrived: 1"));
        let second = start();
        let_others_run();
        assert!(
            !first.is_finished() && !second.is_finished(),
            "somebody still counts"
        );
        // Complete, and then cancelled: all of the round return.
        assert!(barrier.wait().is_leader());
        first.cancel();
        assert!(!first.join().unwrap());
        assert!(!second.join().unwrap());
    });
}
