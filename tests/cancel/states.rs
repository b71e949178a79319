//! Cancel of a task that has not started, is queued, runs, is masked, unwinds, or has ended.

use crate::common::{Census, FOREVER, Flag, Rng, SHORT, assert_cancelled, for_each_runtime};
use crate::common::{let_others_run, on_every_runtime, on_private_runtimes, text, until};
use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread::{self, CancelOutcome};
use std::io::{Read, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn cancel_before_start_drops_the_closure_without_running_it() {
    on_every_runtime(|| {
        let (census, has_run) = (Census::default(), Flag::default());
        let (captured, ran) = (census.make(), has_run.clone());
        // Local, so that no idle worker can have started it.
        let task = thread::spawn_local(move || {
            let _captured = captured;
            ran.raise();
        });
        assert_eq!(task.cancel(), CancelOutcome::Requested);
        assert_eq!(census.dropped(), 0);
        assert_cancelled(task.join());
        assert!(!has_run.is_up());
        assert_eq!(census.dropped(), 1);
    });
}

#[test]
fn cancel_before_start_lets_the_closures_destructors_park() {
    struct Parks(Flag);
    impl Drop for Parks {
        fn drop(&mut self) {
            thread::sleep(SHORT);
            thread::yield_now();
            self.0.raise();
        }
    }
    on_every_runtime(|| {
        let is_dropped = Flag::default();
        let captured = Parks(is_dropped.clone());
        let task = thread::spawn_local(move || drop(captured));
        task.cancel();
        assert_cancelled(task.join());
        assert!(is_dropped.is_up());
    });
}

#[test]
fn cancel_before_start_of_stealable_tasks_loses_no_closure() {
    on_every_runtime(|| {
        let census = Census::default();
        let tasks: Vec<_> = (0..1_000)
            .map(|_| {
                let captured = census.make();
                thread::spawn(move || {
                    let _captured = captured;
                    thread::park();
                })
            })
            .collect();
        for task in &tasks {
            assert_eq!(task.cancel(), CancelOutcome::Requested);
        }
        for task in tasks {
            assert_cancelled(task.join());
        }
        assert_eq!(census.dropped(), 1_000);
    });
}

#[test]
fn cancel_of_a_queued_task_shows_at_its_next_parking_call() {
    on_every_runtime(|| {
        let (is_queued, went_on) = (Flag::default(), Flag::default());
        let (queued, on) = (is_queued.clone(), went_on.clone());
        let task = thread::spawn_local(move || {
            queued.raise();
            thread::yield_now();
            on.raise();
            thread::park();
            unreachable!("cancelled at that park");
        });
        until(|| is_queued.is_up());
        // Woken by its token, so queued, and cancelled after.
        task.thread().unpark();
        task.cancel();
        assert_cancelled(task.join());
        assert!(went_on.is_up(), "a yield in progress is over");
    });
}

#[test]
fn cancel_of_a_running_task_shows_before_its_next_parking_call_has_any_effect() {
    for_each_runtime(|rt| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut theirs = listener.accept().unwrap().0;
        ours.write_all(b"unread").unwrap();
        let (is_running, is_cancelled) = (Flag::default(), Flag::default());
        let (running, cancelled) = (is_running.clone(), is_cancelled.clone());
        let task = rt.spawn(move || {
            running.raise();
            cancelled.spin();
            let written = panic::catch_unwind(panic::AssertUnwindSafe(|| theirs.write(b"no")));
            assert!(written.is_err(), "the write is where it shows");
            let spawned = thread::spawn(|| "spawn does not park").join();
            unreachable!("{}", spawned.unwrap());
        });
        is_running.spin();
        assert_eq!(task.cancel(), CancelOutcome::Requested);
        is_cancelled.raise();
        assert_cancelled(task.join());
        let mut got = Vec::new();
        // Reset rather than end of stream, as "unread" was not read: both mean that nothing came.
        let _ = ours.read_to_end(&mut got);
        assert_eq!(got, b"");
    });
}

#[test]
fn cancel_of_a_task_that_never_parks_again_lets_it_return_its_value() {
    for_each_runtime(|rt| {
        let (is_running, is_cancelled) = (Flag::default(), Flag::default());
        let (running, cancelled) = (is_running.clone(), is_cancelled.clone());
        let task = rt.spawn(move || {
            running.raise();
            cancelled.spin();
            "value"
        });
        is_running.spin();
        task.cancel();
        is_cancelled.raise();
        assert_eq!(task.join().unwrap(), "value");
    });
}

#[test]
fn cancel_is_masked_by_shield_and_shows_after_it() {
    on_every_runtime(|| {
        let (is_shielded, finished, after) = (Flag::default(), Flag::default(), Flag::default());
        let (shielded, done, reached) = (is_shielded.clone(), finished.clone(), after.clone());
        let task = thread::spawn_local(move || {
            greenroom::shield(|| {
                greenroom::shield(|| shielded.raise());
                thread::park();
                thread::sleep(SHORT);
                thread::spawn(|| ()).join().unwrap();
                done.raise();
            });
            reached.raise();
            thread::yield_now();
            unreachable!("cancelled at that yield");
        });
        until(|| is_shielded.is_up());
        task.cancel();
        let_others_run();
        assert!(!finished.is_up(), "the park was ended by the cancel");
        task.thread().unpark();
        assert_cancelled(task.join());
        assert!(finished.is_up() && after.is_up());
    });
}

#[test]
fn cancel_twice_is_cancel_once() {
    on_private_runtimes(|| {
        let is_in_drop = Flag::default();
        struct Parks(Flag);
        impl Drop for Parks {
            fn drop(&mut self) {
                self.0.raise();
                thread::park();
            }
        }
        let guard = Parks(is_in_drop.clone());
        let task = thread::spawn_local(move || {
            let _guard = guard;
            thread::park();
        });
        let_others_run();
        assert_eq!(task.cancel(), CancelOutcome::Requested);
        assert_eq!(task.cancel(), CancelOutcome::Requested);
        until(|| is_in_drop.is_up());
        // It unwinds, and is parked in a destructor: a further request must not unwind out of that.
        assert_eq!(task.cancel(), CancelOutcome::Requested);
        let_others_run();
        assert!(!task.is_finished());
        task.thread().unpark();
        assert_cancelled(task.join());
    });
}

#[test]
fn cancel_of_a_finished_task_says_so() {
    on_every_runtime(|| {
        let task = thread::spawn(|| "value");
        until(|| task.is_finished());
        assert_eq!(task.cancel(), CancelOutcome::Finished);
        assert_eq!(task.join().unwrap(), "value");
    });
}

#[test]
fn cancel_swallowed_by_catch_unwind_is_raised_again() {
    on_every_runtime(|| {
        let swallowed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&swallowed);
        let task = thread::spawn_local(move || {
            for _ in 0..3 {
                assert!(panic::catch_unwind(|| thread::sleep(FOREVER)).is_err());
                count.fetch_add(1, Ordering::Relaxed);
            }
            thread::park();
        });
        let_others_run();
        task.cancel();
        assert_cancelled(task.join());
        assert_eq!(swallowed.load(Ordering::Relaxed), 3);
        let stubborn = thread::spawn_local(|| {
            let caught = panic::catch_unwind(thread::park);
            caught.map_or("returns all the same", |()| "was never cancelled")
        });
        let_others_run();
        stubborn.cancel();
        assert_eq!(stubborn.join().unwrap(), "returns all the same");
    });
}

#[test]
fn cancel_while_unwinding_from_a_panic_leaves_the_panic() {
    struct Parks(Flag);
    impl Drop for Parks {
        fn drop(&mut self) {
            self.0.raise();
            thread::park();
        }
    }
    on_private_runtimes(|| {
        let is_in_drop = Flag::default();
        let guard = Parks(is_in_drop.clone());
        let task = thread::spawn_local(move || {
            let _guard = guard;
            panic::resume_unwind(Box::new("the panic"));
        });
        until(|| is_in_drop.is_up());
        task.cancel();
        let_others_run();
        assert!(!task.is_finished());
        task.thread().unpark();
        let payload: Box<_> = match task.join() {
            Ok(()) => unreachable!(),
            Err(payload) => payload,
        };
        assert_eq!(text(payload.as_ref()), "the panic");
    });
}

#[test]
fn cancel_keeps_the_token_for_a_later_park() {
    on_every_runtime(|| {
        let has_parked = Flag::default();
        let parked = has_parked.clone();
        let task = thread::spawn_local(move || {
            assert!(panic::catch_unwind(thread::park).is_err());
            greenroom::shield(thread::park);
            parked.raise();
        });
        let_others_run();
        task.cancel();
        task.thread().unpark();
        task.join().unwrap();
        assert!(has_parked.is_up());
    });
}

/// One of the ways to spend one's time.
fn live(rng: &mut Rng, listener: &TcpListener) {
    match rng.below(8) {
        0 => thread::park(),
        1 => thread::sleep(FOREVER),
        2 => drop(listener.accept()),
        3 => drop(thread::spawn(|| thread::sleep(Duration::from_micros(50))).join()),
        4 => greenroom::shield(|| thread::sleep(Duration::from_micros(20))),
        5 => drop(greenroom::timeout(Duration::from_micros(50), thread::park)),
        6 => thread::scope(|s| drop(s.spawn(thread::park))),
        _ => thread::yield_now(),
    }
}

#[test]
fn cancel_from_os_threads_at_any_moment() {
    let mut seeds = Rng::seeded();
    let rngs: Vec<_> = (0..3).map(|_| seeds.split()).collect();
    for_each_runtime(|rt| {
        let census = Census::default();
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        for mut rng in rngs.clone() {
            let tasks: Vec<_> = (0..500)
                .map(|_| {
                    let (listener, mut rng) = (Arc::clone(&listener), rng.split());
                    let captured = census.make();
                    rt.spawn(move || {
                        let _captured = captured;
                        loop {
                            live(&mut rng, &listener);
                        }
                    })
                })
                .collect();
            std::thread::scope(|s| {
                for half in tasks.chunks(250) {
                    s.spawn(move || {
                        for task in half {
                            task.cancel();
                        }
                    });
                }
            });
            for task in tasks {
                assert_cancelled::<()>(task.join());
            }
            assert_eq!(census.made(), census.dropped());
        }
    });
}

#[test]
fn cancel_poisons_nothing() {
    on_every_runtime(|| {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let addr = listener.local_addr().unwrap();
        for _ in 0..20 {
            let theirs = Arc::clone(&listener);
            let acceptor = thread::spawn_local(move || theirs.accept());
            let sleeper = thread::spawn_local(|| thread::sleep(FOREVER));
            let joiner = thread::spawn_local(move || sleeper.join());
            let_others_run();
            acceptor.cancel();
            joiner.cancel();
            assert_cancelled(acceptor.join());
            assert_cancelled(joiner.join());
            let client = TcpStream::connect(addr).unwrap();
            assert_eq!(
                listener.accept().unwrap().1,
                client.local_addr().unwrap(),
                "the listener works"
            );
            assert_eq!(greenroom::unblock(|| 1), 1);
            assert_eq!(thread::spawn(|| 2).join().unwrap(), 2);
        }
    });
}
