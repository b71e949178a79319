//! `Once`, `OnceLock` and `LazyLock`: who runs, who runs next after a failure, and coming back to oneself.

use crate::common::{Census, FOREVER, Flag, SHORT, assert_cancelled, everywhere};
use crate::common::{on_every_runtime, text, until};
use greenroom::sync::{LazyLock, Once, OnceLock};
use greenroom::thread;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

fn panic_of<T>(body: impl FnOnce() -> T) -> String {
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let payload = outcome.err().expect("it did not panic");
    text(payload.as_ref()).to_owned()
}

#[test]
fn once_of_many_runs_once_and_all_see_what_it_did() {
    everywhere(|| {
        let (once, runs) = (Once::new(), AtomicUsize::new(0));
        thread::scope(|s| {
            for _ in 0..20 {
                s.spawn(|| {
                    once.call_once(|| {
                        thread::yield_now();
                        runs.fetch_add(1, SeqCst);
                    });
                    assert_eq!(runs.load(SeqCst), 1);
                });
            }
        });
    });
}

#[test]
fn once_whose_runner_is_cancelled_is_run_by_a_waiter() {
    on_every_runtime(|| {
        let (once, ran) = (Rc::new(Once::new()), Rc::new(Cell::new(0)));
        let begun = Flag::default();
        let (theirs, begins) = (Rc::clone(&once), begun.clone());
        let runner = thread::spawn_local(move || {
            theirs.call_once(|| {
                begins.raise();
                thread::sleep(FOREVER);
            });
        });
        until(|| begun.is_up());
        let waiters = [0, 1].map(|_| {
            let (once, ran) = (Rc::clone(&once), Rc::clone(&ran));
            thread::spawn_local(move || once.call_once(|| ran.set(ran.get() + 1)))
        });
        let (theirs, waits) = (Rc::clone(&once), Flag::default());
        let waiting = waits.clone();
        let waiter = thread::spawn_local(move || {
            waiting.raise();
            theirs.wait();
        });
        until(|| waits.is_up());
        assert!(format!("{once:?}").contains("running"));
        runner.cancel();
        assert_cancelled(runner.join());
        for waiter in waiters {
            waiter.join().unwrap();
        }
        waiter.join().unwrap();
        assert_eq!(ran.get(), 1);
        assert!(once.is_completed());
    });
}

#[test]
fn once_that_panics_wakes_its_waiters_with_a_panic_until_forced() {
    on_every_runtime(|| {
        let (once, may_panic) = (Rc::new(Once::new()), Flag::default());
        let (theirs, panics) = (Rc::clone(&once), may_panic.clone());
        let runner = thread::spawn_local(move || {
            theirs.call_once(|| {
                until(|| panics.is_up());
                panic!("inside");
            });
        });
        let begun = [0, 1, 2].map(|_| Flag::default());
        let [one, other, patient] = [0, 1, 2].map(|kind| {
            let (once, begins) = (Rc::clone(&once), begun[kind].clone());
            thread::spawn_local(move || {
                begins.raise();
                match kind {
                    0 => once.call_once(|| ()),
                    1 => once.wait(),
                    _ => once.wait_force(),
                }
            })
        });
        until(|| begun.iter().all(Flag::is_up));
        may_panic.raise();
        assert_eq!(text(runner.join().unwrap_err().as_ref()), "inside");
        let poisoned = "Once instance has previously been poisoned";
        assert_eq!(text(one.join().unwrap_err().as_ref()), poisoned);
        assert_eq!(text(other.join().unwrap_err().as_ref()), poisoned);
        assert_eq!(panic_of(|| once.wait()), poisoned);
        assert!(!patient.is_finished());
        once.call_once_force(|state| assert!(state.is_poisoned()));
        patient.join().unwrap();
        once.call_once(|| unreachable!());
    });
}

#[test]
fn once_poisoned_stays_so_if_the_one_that_forces_it_is_timed_out() {
    everywhere(|| {
        let once = Once::new();
        panic_of(|| once.call_once(|| panic!("inside")));
        let outcome = greenroom::timeout(SHORT, || {
            once.call_once_force(|_| thread::sleep(FOREVER));
        });
        assert!(outcome.is_err());
        once.call_once_force(|state| assert!(state.is_poisoned()));
    });
}

#[test]
fn once_that_comes_back_to_itself_panics_and_says_why() {
    everywhere(|| {
        let once = Once::new();
        let told = panic_of(|| once.call_once(|| once.call_once(|| ())));
        assert!(told.contains("waits for itself"), "{told}");
        let once = Once::new();
        let told = panic_of(|| once.call_once(|| once.wait()));
        assert!(told.contains("waits for itself"), "{told}");
        let cell = OnceLock::<u32>::new();
        let told = panic_of(|| cell.get_or_init(|| *cell.get_or_init(|| 1)));
        assert!(told.contains("waits for itself"), "{told}");
        assert_eq!(*cell.get_or_init(|| 2), 2);
    });
}

#[test]
fn once_lock_failed_init_leaves_it_empty_for_the_next() {
    everywhere(|| {
        let cell = OnceLock::new();
        assert_eq!(panic_of(|| cell.get_or_init(|| panic!("inside"))), "inside");
        let outcome = greenroom::timeout(SHORT, || {
            cell.get_or_init(|| {
                thread::sleep(FOREVER);
                1
            });
        });
        assert!(outcome.is_err());
        assert_eq!(cell.get(), None);
        assert_eq!(*cell.get_or_init(|| 2), 2);
    });
}

#[test]
fn once_lock_drops_each_value_once() {
    everywhere(|| {
        let census = Census::default();
        let cell = OnceLock::new();
        assert!(cell.set(census.make()).is_ok());
        drop(cell.set(census.make()).unwrap_err());
        assert_eq!(census.dropped(), 1);
        let mut cell = cell;
        drop(cell.take());
        assert_eq!(census.dropped(), 2);
        assert!(cell.set(census.make()).is_ok());
        drop(cell.into_inner());
        drop(OnceLock::from(census.make()));
        assert_eq!((census.made(), census.dropped()), (4, 4));
    });
}

#[test]
fn once_lock_set_cancelled_while_it_waits_drops_what_it_was_given() {
    on_every_runtime(|| {
        let (census, cell) = (Census::default(), Rc::new(OnceLock::new()));
        let may_end = Flag::default();
        let (theirs, ends, value) = (Rc::clone(&cell), may_end.clone(), census.make());
        let runner = thread::spawn_local(move || {
            theirs.get_or_init(|| {
                until(|| ends.is_up());
                value
            });
        });
        let (theirs, begun, value) = (Rc::clone(&cell), Flag::default(), census.make());
        let begins = begun.clone();
        let setter = thread::spawn_local(move || {
            begins.raise();
            theirs.set(value).is_ok()
        });
        until(|| begun.is_up());
        setter.cancel();
        assert_cancelled(setter.join());
        assert_eq!(census.dropped(), 1);
        may_end.raise();
        runner.join().unwrap();
        assert!(cell.get().is_some());
    });
}

#[test]
fn lazy_lock_is_made_although_its_maker_is_cancelled_or_timed_out() {
    on_every_runtime(|| {
        let begun = Flag::default();
        let begins = begun.clone();
        let lazy = Rc::new(LazyLock::new(move || {
            begins.raise();
            thread::sleep(SHORT);
            5
        }));
        let theirs = Rc::clone(&lazy);
        let maker = thread::spawn_local(move || {
            LazyLock::force(&theirs);
            thread::yield_now();
            unreachable!("the first wait after it unwinds");
        });
        until(|| begun.is_up());
        maker.cancel();
        assert_cancelled(maker.join());
        assert_eq!(LazyLock::get(&lazy), Some(&5));
        let slow = LazyLock::new(|| {
            thread::sleep(SHORT * 2);
            6
        });
        assert_eq!(greenroom::timeout(SHORT, || *slow), Ok(6));
    });
}

#[test]
fn lazy_lock_that_panicked_is_poisoned_for_good() {
    everywhere(|| {
        let poisoned = "LazyLock instance has previously been poisoned";
        let mut lazy = LazyLock::<u32>::new(|| panic!("inside"));
        assert_eq!(panic_of(|| *lazy), "inside");
        assert_eq!(panic_of(|| *lazy), poisoned);
        assert_eq!(panic_of(|| LazyLock::force_mut(&mut lazy)), poisoned);
        assert_eq!(format!("{lazy:?}"), "LazyLock(<uninit>)");
        let mut lazy = LazyLock::<u32>::new(|| panic!("inside"));
        assert_eq!(panic_of(|| LazyLock::force_mut(&mut lazy)), "inside");
        assert_eq!(panic_of(|| *lazy), poisoned);
        assert_eq!(LazyLock::get_mut(&mut lazy), None);
    });
}
