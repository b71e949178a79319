//! `spawn_local`: closures, results and handles that never leave their worker.
//!
//! The probes compare OS threads where they are made, used and dropped; a neighbour that is idle is
//! always there on the larger runtimes, and would steal what it may.

mod common;

use common::{FOREVER, Flag, assert_cancelled, for_each_runtime, let_others_run};
use common::{on_every_runtime, text, until, watchdog};
use greenroom::thread::{self, CancelOutcome};
use std::cell::{Cell, RefCell};
use std::panic;
use std::rc::Rc;
use std::time::Duration;

/// Knows its OS thread, and counts its drops in a cell that only that thread may touch.
struct Probe {
    home: std::thread::ThreadId,
    drops: Rc<Cell<usize>>,
}

impl Probe {
    fn new(drops: &Rc<Cell<usize>>) -> Probe {
        Probe {
            home: std::thread::current().id(),
            drops: Rc::clone(drops),
        }
    }

    fn check(&self) {
        assert_eq!(self.home, std::thread::current().id(), "it left its worker");
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if self.home != std::thread::current().id() {
            eprintln!("a local value was dropped on another worker, aborting");
            std::process::abort();
        }
        self.drops.set(self.drops.get() + 1);
    }
}

#[test]
fn rc_across_parks() {
    on_every_runtime(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..20)
            .map(|i| {
                let log = Rc::clone(&log);
                thread::spawn_local(move || {
                    for round in 0..10 {
                        log.borrow_mut().push((i, round));
                        match (i + round) % 3 {
                            0 => thread::yield_now(),
                            1 => thread::sleep(Duration::from_micros(100)),
                            _ => thread::park_timeout(Duration::from_micros(50)),
                        }
                    }
                    Rc::clone(&log)
                })
            })
            .collect();
        for handle in handles {
            assert!(Rc::ptr_eq(&handle.join().unwrap(), &log));
        }
        assert_eq!(log.borrow().len(), 200);
        assert_eq!(Rc::strong_count(&log), 1);
    });
}

#[test]
fn local_tasks_and_their_children_stay_on_the_worker() {
    on_every_runtime(|| {
        let home = std::thread::current().id();
        let grand_child = thread::spawn_local(move || {
            thread::yield_now();
            thread::spawn_local(|| {
                thread::yield_now();
                std::thread::current().id()
            })
        });
        let grand_child = grand_child.join().unwrap();
        assert_eq!(grand_child.join().unwrap(), home);
    });
}

#[test]
fn cancel_of_a_local_task_drops_its_closure_on_its_own_worker() {
    on_every_runtime(|| {
        let drops = Rc::new(Cell::new(0));
        let has_run = Rc::new(Cell::new(0));
        let spawn = || {
            let (probe, ran) = (Probe::new(&drops), Rc::clone(&has_run));
            thread::spawn_local(move || {
                ran.set(ran.get() + 1);
                probe.check();
                thread::park();
                probe.check();
            })
        };
        // Never started: this task has not parked since the spawn.
        let unstarted: Vec<_> = (0..100).map(|_| spawn()).collect();
        for handle in &unstarted {
            assert_eq!(handle.cancel(), CancelOutcome::Requested);
        }
        assert_eq!(drops.get(), 0, "a drop is the task's own business");
        unstarted
            .into_iter()
            .for_each(|handle| assert_cancelled(handle.join()));
        assert_eq!((has_run.get(), drops.get()), (0, 100));
        // Started and parked.
        let started: Vec<_> = (0..100).map(|_| spawn()).collect();
        until(|| has_run.get() == 100);
        for handle in &started {
            assert_eq!(handle.cancel(), CancelOutcome::Requested);
        }
        started
            .into_iter()
            .for_each(|handle| assert_cancelled(handle.join()));
        assert_eq!(drops.get(), 200);
    });
}

#[test]
fn local_task_ends_on_its_own_worker_when_its_runtime_does() {
    let _watchdog = watchdog();
    for workers in [1, 4] {
        let runtime = greenroom::Runtime::builder()
            .workers(workers)
            .build()
            .unwrap();
        let (parked, unstarted) = (Flag::default(), Flag::default());
        runtime.run(|| {
            let drops = Rc::new(Cell::new(0));
            let (probe, guard) = (Probe::new(&drops), parked.on_drop());
            thread::spawn_local(move || {
                let _kept = (probe, guard);
                thread::park();
            });
            let_others_run();
            let (probe, guard) = (Probe::new(&drops), unstarted.on_drop());
            thread::spawn_local(move || {
                let _kept = (probe, guard);
                thread::park();
            });
        });
        let report = runtime.shutdown(FOREVER);
        assert_eq!(report.abandoned, Vec::<String>::new());
        assert!(parked.is_up() && unstarted.is_up());
    }
}

#[test]
fn local_result_is_dropped_on_its_worker_whoever_drops_it() {
    on_every_runtime(|| {
        let drops = Rc::new(Cell::new(0));
        // By the task: the handle has gone before the end.
        let probe = Probe::new(&drops);
        drop(thread::spawn_local(move || probe));
        until(|| drops.get() == 1);
        // By the handle: the result is there.
        let probe = Probe::new(&drops);
        let handle = thread::spawn_local(move || probe);
        until(|| handle.is_finished());
        assert_eq!(drops.get(), 1);
        drop(handle);
        assert_eq!(drops.get(), 2);
        // By the joiner.
        let probe = Probe::new(&drops);
        let probe = thread::spawn_local(move || probe).join().unwrap();
        assert_eq!(drops.get(), 2);
        drop(probe);
        assert_eq!(drops.get(), 3);
    });
}

#[test]
fn local_handle_works_as_the_other() {
    on_every_runtime(|| {
        let parked = thread::spawn_local(|| {
            thread::park();
            Rc::new(5)
        });
        assert!(!parked.is_finished());
        let Err(parked) = parked.join_timeout(Duration::ZERO) else {
            panic!("it is parked");
        };
        assert_eq!(parked.thread().name(), None);
        parked.thread().unpark();
        match parked.join_timeout(Duration::MAX) {
            Ok(value) => assert_eq!(*value.unwrap(), 5),
            Err(_) => panic!("the time is never up"),
        }
        let panics = thread::spawn_local(|| panic::resume_unwind(Box::new("local")));
        let payload: Box<_> = match panics.join() {
            Ok(()) => unreachable!(),
            Err(payload) => payload,
        };
        assert_eq!(text(payload.as_ref()), "local");
        let ended = thread::spawn_local(|| ());
        until(|| ended.is_finished());
        assert_eq!(ended.cancel(), CancelOutcome::Finished);
        ended.join().unwrap();
    });
}

#[test]
fn spawn_local_on_an_os_thread_panics() {
    let _watchdog = watchdog();
    let refused = || {
        let payload = panic::catch_unwind(|| thread::spawn_local(|| ())).unwrap_err();
        let text = text(payload.as_ref());
        assert!(
            text.starts_with("spawn_local is called from a green thread"),
            "{text}"
        );
    };
    refused();
    // The pool's threads are OS threads too.
    greenroom::run(|| greenroom::unblock(refused));
}

#[test]
fn no_idle_worker_takes_a_local_task() {
    // Idle workers look around while this one computes between its spawns.
    for_each_runtime(|rt| {
        rt.run(|| {
            let home = std::thread::current().id();
            let handles: Vec<_> = (0..200)
                .map(|_| {
                    (0..1_000).for_each(|_| std::hint::spin_loop());
                    thread::spawn_local(|| std::thread::current().id())
                })
                .collect();
            for handle in handles {
                assert_eq!(handle.join().unwrap(), home);
            }
        });
    });
}
