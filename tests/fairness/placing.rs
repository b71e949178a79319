//! Where new closures run: stolen from busy workers, found behind computing ones, bound to their own.

use crate::watchdog::watchdog;
use crate::{Flag, runtime, settle};
use greenroom::thread::{self, Builder};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn os_thread() -> std::thread::ThreadId {
    std::thread::current().id()
}

#[test]
fn unstarted_closures_of_a_busy_worker_run_elsewhere() {
    let _watchdog = watchdog();
    let rt = runtime(3);
    rt.run(|| {
        let over = Flag::default();
        let left = Arc::new(AtomicUsize::new(100));
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let (left, over) = (Arc::clone(&left), over.clone());
                thread::spawn(move || {
                    if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                        over.raise();
                    }
                    os_thread()
                })
            })
            .collect();
        over.compute_until_up();
        let here = os_thread();
        assert!(handles.into_iter().all(|h| h.join().unwrap() != here));
    });
}

#[test]
fn lone_closure_behind_a_computing_task_is_found() {
    let _watchdog = watchdog();
    let rt = runtime(2);
    for round in 0..40 {
        if round % 4 == 0 {
            // Every worker sleeps, without a limit, before the computing task comes.
            settle();
        }
        let computes = rt.spawn(|| {
            let ran = Flag::default();
            let runs = ran.clone();
            let lone = thread::spawn(move || {
                runs.raise();
                os_thread()
            });
            ran.compute_until_up();
            assert_ne!(lone.join().unwrap(), os_thread());
        });
        computes.join().unwrap();
    }
}

#[test]
fn closures_from_os_threads_run_while_all_workers_but_one_are_busy() {
    let _watchdog = watchdog();
    let rt = runtime(2);
    let (first_over, second_over) = (Flag::default(), Flag::default());
    let (first_at_end, second_at_end) = (first_over.raise_at_end(), second_over.raise_at_end());
    let begun = Arc::new(AtomicUsize::new(0));
    let busy = |over: &Flag| {
        let (over, begun) = (over.clone(), Arc::clone(&begun));
        rt.spawn(move || {
            begun.fetch_add(1, Ordering::SeqCst);
            over.compute_until_up();
        })
    };
    let (first, second) = (busy(&first_over), busy(&second_over));
    while begun.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    let handles: Vec<_> = (0..1000).map(|n| rt.spawn(move || n)).collect();
    assert!(handles.iter().all(|handle| !handle.is_finished()));
    drop(first_at_end);
    for (n, handle) in handles.into_iter().enumerate() {
        assert_eq!(handle.join().unwrap(), n);
    }
    assert!(!second.is_finished());
    drop(second_at_end);
    first.join().unwrap();
    second.join().unwrap();
}

#[test]
fn closure_bound_to_a_worker_runs_there() {
    let _watchdog = watchdog();
    let rt = runtime(4);
    rt.run(|| {
        let name = || std::thread::current().name().map(str::to_owned);
        for round in 0..100 {
            let index = round % 4;
            let bound = Builder::new().worker(index).spawn(name).unwrap();
            assert_eq!(bound.join().unwrap(), Some(format!("fair-{index}")));
        }
    });
}

#[test]
fn closure_bound_to_a_busy_worker_waits_for_it() {
    let _watchdog = watchdog();
    let rt = runtime(2);
    rt.run(|| {
        let (begun, over) = (Flag::default(), Flag::default());
        let (begins, computing) = (begun.clone(), over.clone());
        let on = |worker| Builder::new().worker(worker);
        let computes = move || {
            begins.raise();
            computing.compute_until_up();
        };
        let computes = on(1).spawn(computes).unwrap();
        // On worker 0, so that the test goes on while worker 1 computes.
        let test = move || {
            begun.compute_until_up();
            let bound: Vec<_> = (0..50).map(|_| on(1).spawn(os_thread).unwrap()).collect();
            for _ in 0..1000 {
                thread::yield_now();
            }
            assert!(bound.iter().all(|handle| !handle.is_finished()));
            over.raise();
            let ran_on: HashSet<_> = bound.into_iter().map(|h| h.join().unwrap()).collect();
            assert_eq!(ran_on.len(), 1);
            assert!(!ran_on.contains(&os_thread()));
        };
        on(0).spawn(test).unwrap().join().unwrap();
        computes.join().unwrap();
    });
}

#[test]
fn flood_of_spawns_does_not_starve_started_tasks() {
    let _watchdog = watchdog();
    let rt = runtime(1);
    fn flood(over: Flag) {
        if !over.is_up() {
            // Two in the queue at any time: a closure is always there to be started.
            thread::spawn(move || flood(over));
        }
    }
    let over = Flag::default();
    let at_end = over.raise_at_end();
    let (one, two) = (over.clone(), over.clone());
    rt.spawn(move || flood(one));
    rt.spawn(move || flood(two));
    rt.run(|| (0..10_000).for_each(|_| thread::yield_now()));
    drop(at_end);
}

#[test]
fn yielding_tasks_do_not_starve_closures() {
    let _watchdog = watchdog();
    let rt = runtime(1);
    let over = Flag::default();
    let at_end = over.raise_at_end();
    for _ in 0..10 {
        let over = over.clone();
        rt.spawn(move || {
            while !over.is_up() {
                thread::yield_now();
            }
        });
    }
    for n in 0..1000 {
        assert_eq!(rt.spawn(move || n).join().unwrap(), n);
    }
    drop(at_end);
}
