//! Events and wait groups: a release lets go exactly those who had come.
//!
//! More waiters than one batch takes, and some who leave or come in between.

use crate::common::{
    FOREVER, Flag, Rng, Rt, SHORT, assert_cancelled, everywhere, let_others_run, on_every_runtime,
    text, until, watchdog,
};
use greenroom::sync::{Event, WaitGroup};
use greenroom::thread::{self, JoinHandle, scope, spawn_local};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Some batches and a bit.
const MANY: usize = 100;

/// A machine that is too slow for all the rounds does fewer.
const TIME: Duration = Duration::from_secs(3);

#[test]
fn set_lets_all_waiters_go_though_clear_follows_at_once() {
    on_every_runtime(|| {
        let event = Arc::new(Event::new());
        let wait = || {
            let event = Arc::clone(&event);
            spawn_local(move || event.wait())
        };
        let waiters = (0..MANY).map(|_| wait()).collect::<Vec<_>>();
        let_others_run();
        event.set();
        event.clear();
        let latecomer = wait();
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
        let_others_run();
        assert!(!latecomer.is_finished(), "it came after the clear");
        event.set();
        latecomer.join().unwrap();
    });
}

#[test]
fn waiters_who_leave_do_not_count_for_those_who_come() {
    on_every_runtime(|| {
        let event = Arc::new(Event::new());
        let wait = || {
            let event = Arc::clone(&event);
            let waiter = spawn_local(move || event.wait());
            let_others_run();
            waiter
        };
        let mut waiters = (0..10).map(|_| wait()).collect::<Vec<_>>();
        for index in [9, 4, 0] {
            let leaver = waiters.remove(index);
            leaver.cancel();
            assert_cancelled(leaver.join());
        }
        event.set();
        event.clear();
        let latecomers = [wait(), wait(), wait()];
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
        assert!(latecomers.iter().all(|latecomer| !latecomer.is_finished()));
        event.set();
        latecomers
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn waiter_released_and_cancelled_returns_and_unwinds_later() {
    on_every_runtime(|| {
        let event = Arc::new(Event::new());
        let has_returned = Flag::default();
        let (theirs, returned) = (Arc::clone(&event), has_returned.clone());
        let waiter = spawn_local(move || {
            theirs.wait();
            returned.raise();
            thread::park();
        });
        let_others_run();
        event.set();
        waiter.cancel();
        assert_cancelled(waiter.join());
        assert!(has_returned.is_up());
    });
}

#[test]
fn event_that_is_set_holds_nobody_up() {
    everywhere(|| {
        let event = Event::default();
        assert!(!event.wait_timeout(Duration::ZERO));
        event.set();
        event.set();
        event.wait();
        assert!(event.wait_timeout(Duration::ZERO));
        event.clear();
        event.clear();
        assert!(!event.is_set());
        assert!(!event.wait_timeout(Duration::from_millis(1)));
    });
}

/// Sets and clears as fast as can be; no waiter may be let go by a set that was over before it came.
#[test]
fn waiters_are_never_let_go_by_an_old_set() {
    let _watchdog = watchdog();
    let rounds = if cfg!(debug_assertions) {
        2_000
    } else {
        20_000
    };
    let mut rng = Rng::seeded();
    let event = Arc::new(Event::new());
    let (started, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let is_over = Arc::new(AtomicBool::new(false));
    let runtimes = [Rt::with_workers(1), Rt::with_workers(1)];
    let waiters = (0..2 * MANY).map(|number| {
        let (event, is_over) = (Arc::clone(&event), Arc::clone(&is_over));
        let (started, over) = (Arc::clone(&started), Arc::clone(&over));
        runtimes[number % 2].spawn(move || {
            while !is_over.load(Ordering::Acquire) {
                let over_before = over.load(Ordering::SeqCst);
                event.wait();
                let started_by_now = started.load(Ordering::SeqCst);
                assert!(
                    started_by_now > over_before || is_over.load(Ordering::Acquire),
                    "let go by a set that was over"
                );
            }
        })
    });
    let waiters = waiters.collect::<Vec<JoinHandle<()>>>();
    let start = Instant::now();
    for _ in 0..rounds {
        // The waiters never let the lock rest: with no core left over the rounds take their time.
        if start.elapsed() > TIME {
            break;
        }
        started.fetch_add(1, Ordering::SeqCst);
        event.set();
        event.clear();
        over.fetch_add(1, Ordering::SeqCst);
        (0..rng.below(2_000)).for_each(|_| std::hint::spin_loop());
    }
    println!("{} rounds", over.load(Ordering::SeqCst));
    is_over.store(true, Ordering::Release);
    event.set();
    waiters
        .into_iter()
        .for_each(|waiter| waiter.join().unwrap());
}

/// While a set is still waking a crowd, others clear and come.
#[test]
fn wait_after_a_clear_is_not_let_go_by_a_set_that_still_wakes() {
    let _watchdog = watchdog();
    let rt = Rt::with_workers(1);
    for _ in 0..20 {
        let (event, group) = (Arc::new(Event::new()), Arc::new(WaitGroup::new()));
        group.add(1);
        let arrivals = Arc::new(AtomicUsize::new(0));
        let waiters = (0..20 * MANY).map(|_| {
            let (event, group) = (Arc::clone(&event), Arc::clone(&group));
            let arrivals = Arc::clone(&arrivals);
            rt.spawn(move || {
                arrivals.fetch_add(1, Ordering::Relaxed);
                event.wait();
                group.wait();
            })
        });
        let waiters = waiters.collect::<Vec<_>>();
        until(|| arrivals.load(Ordering::Relaxed) == 20 * MANY);
        std::thread::scope(|s| {
            s.spawn(|| event.set());
            while !event.is_set() {
                std::hint::spin_loop();
            }
            event.clear();
            assert!(!event.wait_timeout(SHORT), "nobody has set it since");
        });
        rt.run(let_others_run);
        std::thread::scope(|s| {
            s.spawn(|| group.done());
            while group.count() > 0 {
                std::hint::spin_loop();
            }
            group.add(1);
            assert!(!group.wait_timeout(SHORT), "it is not done since");
            group.done();
        });
        event.set();
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
    }
}

#[test]
fn crowd_of_a_hundred_thousand_is_let_go_by_one_set() {
    let _watchdog = watchdog();
    let count = if cfg!(debug_assertions) {
        10_000
    } else {
        100_000
    };
    for workers in [1, 2] {
        let rt = Rt::with_workers(workers);
        let event = Arc::new(Event::new());
        let arrivals = Arc::new(AtomicUsize::new(0));
        let waiters = (0..count).map(|_| {
            let (event, arrivals) = (Arc::clone(&event), Arc::clone(&arrivals));
            rt.spawn(move || {
                arrivals.fetch_add(1, Ordering::Relaxed);
                event.wait();
            })
        });
        let waiters = waiters.collect::<Vec<_>>();
        until(|| arrivals.load(Ordering::Relaxed) == count);
        // `Debug` counts the waiters under the lock: asked all the time it would keep them from it.
        let all_wait = format!("Event {{ set: false, waiters: {count} }}");
        until(|| {
            std::thread::sleep(SHORT);
            format!("{event:?}") == all_wait
        });
        event.set();
        event.clear();
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
        assert_eq!(format!("{event:?}"), "Event { set: false, waiters: 0 }");
    }
}

#[test]
fn wait_group_waits_for_all_and_may_be_used_again() {
    on_every_runtime(|| {
        let group = WaitGroup::new();
        group.wait();
        for _ in 0..3 {
            let done = AtomicUsize::new(0);
            group.add(MANY);
            scope(|s| {
                for _ in 0..MANY {
                    s.spawn(|| {
                        thread::yield_now();
                        done.fetch_add(1, Ordering::Relaxed);
                        group.done();
                    });
                }
                group.wait();
                assert_eq!(done.load(Ordering::Relaxed), MANY);
            });
            assert_eq!(group.count(), 0);
        }
    });
}

#[test]
fn wait_group_at_zero_lets_all_go_though_more_is_added_at_once() {
    on_every_runtime(|| {
        let group = Arc::new(WaitGroup::new());
        group.add(1);
        let wait = || {
            let group = Arc::clone(&group);
            spawn_local(move || group.wait_timeout(FOREVER))
        };
        let waiters = (0..MANY).map(|_| wait()).collect::<Vec<_>>();
        let_others_run();
        group.done();
        group.add(1);
        let latecomer = wait();
        for waiter in waiters {
            assert!(waiter.join().unwrap());
        }
        let_others_run();
        assert!(!latecomer.is_finished());
        group.done();
        assert!(latecomer.join().unwrap());
    });
}

#[test]
fn wait_group_done_below_zero_panics_and_changes_nothing() {
    everywhere(|| {
        let group = WaitGroup::default();
        let payload = catch_unwind(|| group.done()).unwrap_err();
        assert_eq!(
            text(payload.as_ref()),
            "done() of a wait group is called more often than was added"
        );
        group.add(usize::MAX);
        assert!(catch_unwind(|| group.add(1)).is_err());
        assert_eq!(group.count(), usize::MAX);
    });
}

#[test]
fn wait_group_guard_is_done_when_its_holder_unwinds() {
    on_every_runtime(|| {
        let group = WaitGroup::new();
        scope(|s| {
            let (working, working_too) = (group.enter(), group.enter());
            assert_eq!(group.count(), 2);
            let panics = s.spawn(move || {
                let _working = working;
                panic!("at work");
            });
            let parks = s.spawn(move || {
                let _working = working_too;
                thread::park();
            });
            parks.cancel();
            group.wait();
            assert!(panics.join().is_err());
            assert_cancelled(parks.join());
        });
    });
}

#[test]
fn debug_of_crowds_shows_state_and_waiters() {
    on_every_runtime(|| {
        let (event, group) = (Arc::new(Event::new()), Arc::new(WaitGroup::new()));
        group.add(2);
        let (theirs, theirs_too) = (Arc::clone(&event), Arc::clone(&group));
        let waiters = [
            spawn_local(move || theirs.wait()),
            spawn_local(move || theirs_too.wait()),
        ];
        let_others_run();
        assert_eq!(format!("{event:?}"), "Event { set: false, waiters: 1 }");
        assert_eq!(format!("{group:?}"), "WaitGroup { count: 2, waiters: 1 }");
        event.set();
        group.done();
        group.done();
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
        assert_eq!(format!("{event:?}"), "Event { set: true, waiters: 0 }");
    });
}
