//! Cancel of a task that waits for the blocking pool: a queued job is withdrawn, a running one kept.

use crate::common::{Census, Flag, assert_cancelled, let_others_run, on_every_runtime};
use crate::common::{until, watchdog};
use greenroom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// As many threads as the pool has at most.
const POOL: usize = 512;

#[test]
fn cancel_in_a_running_unblock_waits_for_it_and_returns_its_value() {
    on_every_runtime(|| {
        let (is_running, go_on, after) = (Flag::default(), Flag::default(), Flag::default());
        let (running, wait, reached) = (is_running.clone(), go_on.clone(), after.clone());
        let task = thread::spawn_local(move || {
            let value = greenroom::unblock(move || {
                running.raise();
                wait.spin();
                "value"
            });
            assert_eq!(value, "value");
            reached.raise();
            thread::yield_now();
        });
        until(|| is_running.is_up());
        task.cancel();
        let_others_run();
        assert!(!task.is_finished(), "its closure runs");
        go_on.raise();
        assert_cancelled(task.join());
        assert!(after.is_up());
    });
}

#[test]
fn cancel_before_unblock_runs_nothing() {
    on_every_runtime(|| {
        let census = Census::default();
        let captured = census.make();
        let task = thread::spawn_local(move || {
            assert!(std::panic::catch_unwind(thread::park).is_err());
            greenroom::unblock(move || {
                drop(captured);
                unreachable!("cancelled before");
            });
        });
        let_others_run();
        task.cancel();
        assert_cancelled(task.join());
        assert_eq!(census.dropped(), 1);
    });
}

#[test]
fn cancel_in_a_queued_unblock_withdraws_the_closure() {
    let _watchdog = watchdog();
    greenroom::run(|| {
        let (running, go_on) = (Arc::new(AtomicUsize::new(0)), Flag::default());
        let blockers: Vec<_> = (0..POOL)
            .map(|_| {
                let (running, go_on) = (Arc::clone(&running), go_on.clone());
                thread::spawn(move || {
                    greenroom::unblock(move || {
                        running.fetch_add(1, Ordering::AcqRel);
                        while !go_on.is_up() {
                            std::thread::sleep(std::time::Duration::from_millis(1));
                        }
                    });
                })
            })
            .collect();
        until(|| running.load(Ordering::Acquire) == POOL);
        // Every thread of the pool is taken: this one stays in the queue.
        let census = Census::default();
        let captured = census.make();
        let is_queued = Flag::default();
        let queued = is_queued.clone();
        let task = thread::spawn_local(move || {
            queued.raise();
            greenroom::unblock(move || {
                drop(captured);
                unreachable!("withdrawn");
            });
        });
        until(|| is_queued.is_up());
        task.cancel();
        assert_cancelled(task.join());
        assert_eq!(census.dropped(), 1, "the closure was dropped by its task");
        go_on.raise();
        for blocker in blockers {
            blocker.join().unwrap();
        }
    });
}
