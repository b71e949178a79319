//! `JoinHandle`: values, time-outs, detaching, and one owner for every result.

use crate::common::{Census, FOREVER, Flag, Rng, Rt, SHORT};
use crate::common::{everywhere, for_each_runtime, on_every_runtime, text, until};
use greenroom::thread::{self, JoinHandle};
use std::panic;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const TASKS: u64 = if cfg!(debug_assertions) {
    3_000
} else {
    20_000
};

#[test]
fn join_returns_the_value() {
    everywhere(|| {
        let big = thread::spawn(|| [7u64; 512]);
        let text = thread::spawn(|| String::from("text"));
        let unit = thread::spawn(|| ());
        assert_eq!(big.join().unwrap(), [7; 512]);
        assert_eq!(text.join().unwrap(), "text");
        unit.join().unwrap();
    });
}

#[test]
fn join_returns_the_panics_payload() {
    everywhere(|| {
        let panics = thread::spawn(|| panic::resume_unwind(Box::new(42u8)));
        let payload: Box<dyn std::any::Any + Send> = match panics.join() {
            Ok(()) => unreachable!(),
            Err(payload) => payload,
        };
        assert_eq!(payload.downcast_ref(), Some(&42u8));
    });
}

#[test]
fn join_works_across_runtimes_and_os_threads() {
    for_each_runtime(|rt| {
        let other = Rt::with_workers(1);
        let theirs = other.spawn(|| {
            thread::sleep(SHORT);
            "theirs"
        });
        assert_eq!(rt.run(|| theirs.join()).unwrap(), "theirs");
        let ours = rt.spawn(|| {
            thread::sleep(SHORT);
            "ours"
        });
        let joiner = std::thread::spawn(move || ours.join().unwrap());
        assert_eq!(joiner.join().unwrap(), "ours");
    });
}

#[test]
fn join_timeout_gives_the_handle_back() {
    everywhere(|| {
        let mut parked = thread::spawn(|| {
            thread::park();
            "late"
        });
        for timeout in [Duration::ZERO, SHORT] {
            let start = Instant::now();
            parked = parked.join_timeout(timeout).expect_err("it is parked");
            assert!(start.elapsed() >= timeout);
            assert!(!parked.is_finished());
        }
        parked.thread().unpark();
        let ended = parked.join_timeout(Duration::MAX);
        assert_eq!(ended.expect("the time is never up").unwrap(), "late");
    });
}

#[test]
fn join_timeout_of_a_finished_one_needs_no_time() {
    everywhere(|| {
        let handle = thread::spawn(|| 1);
        until(|| handle.is_finished());
        let ended = handle.join_timeout(Duration::ZERO);
        assert_eq!(ended.expect("it has ended").unwrap(), 1);
    });
}

#[test]
fn is_finished_means_that_destructors_have_run() {
    everywhere(|| {
        let census = Census::default();
        let value = census.make();
        let handle = thread::spawn(move || {
            let _value = value;
            thread::yield_now();
        });
        until(|| handle.is_finished());
        assert_eq!(census.dropped(), 1);
        handle.join().unwrap();
    });
}

#[test]
fn dropping_the_handle_detaches() {
    everywhere(|| {
        let (has_run, census) = (Flag::default(), Census::default());
        let (ran, result) = (has_run.clone(), census.make());
        drop(thread::spawn(move || {
            thread::sleep(SHORT);
            ran.raise();
            result
        }));
        until(|| has_run.is_up() && census.dropped() == 1);
    });
}

#[test]
fn self_join_panics() {
    on_every_runtime(|| {
        let (send, receive) = mpsc::channel::<JoinHandle<()>>();
        let (report, outcome) = mpsc::channel();
        let narcissus = thread::spawn(move || {
            let me = loop {
                match receive.try_recv() {
                    Ok(me) => break me,
                    Err(_) => thread::yield_now(),
                }
            };
            let joined = panic::catch_unwind(panic::AssertUnwindSafe(|| me.join()));
            report.send(joined.map(|_| ())).unwrap();
        });
        send.send(narcissus).unwrap();
        let mut joined = outcome.try_recv();
        until(|| {
            joined = outcome.try_recv();
            joined.is_ok()
        });
        let payload = joined.unwrap().expect_err("a self-join cannot return");
        assert!(text(payload.as_ref()).starts_with("failed to join thread"));
    });
}

#[test]
fn joiner_and_scope_wait_for_the_same_end() {
    on_every_runtime(|| {
        thread::scope(|s| {
            let shared = s.spawn(|| thread::sleep(SHORT));
            s.spawn(move || shared.join().unwrap());
        });
    });
}

/// Ends a handle in one of the ways there are.
fn part_with<T>(handle: JoinHandle<T>, rng: &mut Rng) {
    for _ in 0..rng.below(200) {
        std::hint::spin_loop();
    }
    match rng.below(6) {
        0 => drop(handle),
        1 => drop(handle.join()),
        2 => drop(handle.join_timeout(Duration::ZERO)),
        3 => {
            handle.cancel();
        }
        4 => {
            handle.cancel();
            drop(handle.join());
        }
        _ => drop(handle.join_timeout(Duration::from_micros(rng.below(100)))),
    }
}

fn some_work<T>(value: T, census: &Census, rng: &mut Rng) -> (T, crate::common::Counted) {
    let result = census.make();
    match rng.below(4) {
        0 => thread::yield_now(),
        1 => thread::sleep(Duration::from_micros(rng.below(100))),
        2 => panic::resume_unwind(Box::new(result)),
        _ => {}
    }
    (value, result)
}

#[test]
fn every_closure_and_result_is_dropped_exactly_once_whoever_drops_it() {
    let seeds = Rng::seeded();
    for_each_runtime(|rt| {
        let census = Census::default();
        let mut rng = seeds.clone();
        let (send, receive) = mpsc::channel();
        let makers: Vec<_> = (0..2)
            .map(|_| (send.clone(), census.clone(), rng.split()))
            .map(|(send, census, mut rng)| {
                rt.spawn(move || {
                    for _ in 0..TASKS / 2 {
                        let (value, inner) = (census.make(), census.clone());
                        let mut task_rng = rng.split();
                        let task = thread::spawn(move || some_work(value, &inner, &mut task_rng));
                        match rng.below(3) {
                            // To the OS thread below: the ends race with the task's own.
                            0 => send.send(task).unwrap(),
                            _ => part_with(task, &mut rng),
                        }
                    }
                })
            })
            .collect();
        drop(send);
        for handle in receive {
            part_with(handle, &mut rng);
        }
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        until(|| census.made() == census.dropped());
    });
}

#[test]
fn dropping_a_handle_lets_a_results_destructor_park_although_cancelled() {
    // The destructor runs in the cancelled task: an unwinding out of it would be fatal.
    struct Slow(Flag);
    impl Drop for Slow {
        fn drop(&mut self) {
            thread::sleep(SHORT);
            self.0.raise();
        }
    }
    on_every_runtime(|| {
        let (is_running, go, is_dropped) = (Flag::default(), Flag::default(), Flag::default());
        let (running, wait, dropped) = (is_running.clone(), go.clone(), is_dropped.clone());
        let task = thread::spawn(move || {
            let slow = thread::spawn(move || Slow(dropped));
            until(|| slow.is_finished());
            running.raise();
            // Not a parking call, so not the place where the cancellation shows.
            wait.spin();
            drop(slow);
            thread::sleep(FOREVER);
        });
        let canceller = std::thread::spawn(move || {
            is_running.spin();
            task.cancel();
            go.raise();
            task
        });
        until(|| canceller.is_finished());
        let task = canceller.join().unwrap();
        crate::common::assert_cancelled(task.join());
        assert!(is_dropped.is_up());
    });
}
