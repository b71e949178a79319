//! Panics: one task's own affair, also while others of the worker unwind or park in destructors.

use crate::common::{
    FOREVER, Flag, Rt, let_others_run, on_every_runtime, on_private_runtimes, text, until, watchdog,
};
use greenroom::thread;
use std::panic;

#[test]
fn panic_in_one_of_10_000_tasks() {
    on_every_runtime(|| {
        let handles: Vec<_> = (0..10_000u32)
            .map(|i| {
                thread::spawn(move || {
                    thread::yield_now();
                    assert!(i != 7_777, "number {i}");
                    thread::yield_now();
                    i
                })
            })
            .collect();
        for (i, handle) in (0..).zip(handles) {
            match handle.join() {
                Ok(value) => assert_eq!(value, i),
                Err(payload) => {
                    assert_eq!(i, 7_777);
                    assert_eq!(text(payload.as_ref()), "number 7777");
                }
            }
        }
    });
}

#[test]
fn panic_caught_inside_is_nobodys_business() {
    on_every_runtime(|| {
        let handle = thread::spawn(|| {
            let caught = panic::catch_unwind(|| {
                thread::yield_now();
                panic::resume_unwind(Box::new("inside"));
            });
            thread::yield_now();
            caught.is_err()
        });
        assert!(handle.join().unwrap());
    });
}

#[test]
fn run_re_raises_a_panic() {
    let _watchdog = watchdog();
    for rt in [Rt::Global, Rt::with_workers(1)] {
        let raised = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            rt.run(|| {
                thread::yield_now();
                panic::resume_unwind(Box::new("raised"));
            });
        }));
        assert_eq!(text(raised.unwrap_err().as_ref()), "raised");
    }
}

/// Parks when dropped until told to go on.
struct ParksInDrop {
    is_parked: Flag,
    go_on: Flag,
}

impl Drop for ParksInDrop {
    fn drop(&mut self) {
        self.is_parked.raise();
        while !self.go_on.is_up() {
            thread::park();
        }
    }
}

/// A local task that unwinds from a panic and is parked in a destructor.
fn park_in_an_unwinding(go_on: &Flag) -> thread::LocalJoinHandle<()> {
    let is_parked = Flag::default();
    let guard = ParksInDrop {
        is_parked: is_parked.clone(),
        go_on: go_on.clone(),
    };
    let task = thread::spawn_local(move || {
        let _guard = guard;
        panic::resume_unwind(Box::new("first"));
    });
    until(|| is_parked.is_up());
    task
}

#[test]
fn task_parked_in_a_destructor_delays_a_neighbours_cancel_but_does_not_lose_it() {
    on_private_runtimes(|| {
        let is_asleep = Flag::default();
        let asleep = is_asleep.clone();
        let sleeper = thread::spawn_local(move || {
            asleep.raise();
            thread::sleep(FOREVER);
        });
        until(|| is_asleep.is_up());
        let go_on = Flag::default();
        let unwinding = park_in_an_unwinding(&go_on);
        assert!(thread::panicking(), "std counts per OS thread");
        sleeper.cancel();
        let_others_run();
        assert!(!sleeper.is_finished(), "raised while a panic unwinds");
        go_on.raise();
        unwinding.thread().unpark();
        let payload = unwinding.join().unwrap_err();
        assert_eq!(text(payload.as_ref()), "first");
        // Nobody wakes the sleeper again: it must look by itself.
        crate::common::assert_cancelled(sleeper.join());
    });
}

#[test]
fn neighbours_panic_and_are_caught_while_a_task_is_parked_in_a_destructor() {
    on_private_runtimes(|| {
        let go_on = Flag::default();
        let unwinding = park_in_an_unwinding(&go_on);
        for _ in 0..10 {
            let neighbour = thread::spawn_local(|| {
                thread::yield_now();
                panic!("a neighbour's, expected");
            });
            let payload: Box<_> = match neighbour.join() {
                Ok(()) => unreachable!(),
                Err(payload) => payload,
            };
            assert_eq!(text(payload.as_ref()), "a neighbour's, expected");
        }
        go_on.raise();
        unwinding.thread().unpark();
        assert_eq!(
            text(unwinding.join().unwrap_err().as_ref()),
            "first",
            "payloads are not mixed up"
        );
        assert!(!thread::panicking());
    });
}

#[test]
fn unwindings_of_several_tasks_interleave() {
    on_private_runtimes(|| {
        let go_on = Flag::default();
        let unwindings: Vec<_> = (0..10).map(|_| park_in_an_unwinding(&go_on)).collect();
        go_on.raise();
        // Last in, first out, and the middle ones in between.
        for unwinding in unwindings.into_iter().rev() {
            unwinding.thread().unpark();
            assert!(unwinding.join().is_err());
        }
        assert!(!thread::panicking());
        let_others_run();
    });
}
