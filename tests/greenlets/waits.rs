//! Bodies that park, are cancelled, and set deadlines; greenlets and generators inside each other.

use crate::common::{FOREVER, Flag, SHORT, assert_cancelled, everywhere};
use crate::common::{let_others_run, on_every_runtime};
use crate::complaint::complaint;
use crate::journal::Journal;
use greenroom::generator::{Generator, Yielder, scoped};
use greenroom::greenlet::Greenlet;
use greenroom::{shield, thread, timeout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

fn sleep_for_ever() {
    thread::sleep(FOREVER);
}

#[test]
fn body_that_parks_lets_neighbours_run() {
    on_every_runtime(|| {
        let ran = Flag::default();
        let theirs = ran.clone();
        let neighbour = thread::spawn_local(move || theirs.raise());
        let napping = Greenlet::new(|n: u32| {
            thread::sleep(SHORT);
            n + 1
        });
        assert_eq!(napping.switch(1), 2);
        assert!(ran.is_up(), "the worker was blocked");
        neighbour.join().unwrap();
    });
}

#[test]
fn cancel_while_a_body_is_parked_unwinds_all_that_wait_for_it() {
    on_every_runtime(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        let waiting = thread::spawn_local(move || {
            let _owner = theirs.at_drop("owner");
            let notes = theirs.clone();
            let outer = Greenlet::new(move |()| {
                let _outer = notes.at_drop("outer");
                let inner = Greenlet::new({
                    let held = notes.at_drop("inner");
                    move |()| {
                        let _held = held;
                        sleep_for_ever();
                    }
                });
                inner.switch(());
            });
            outer.switch(());
        });
        let_others_run();
        assert!(!waiting.is_finished());
        waiting.cancel();
        assert_cancelled(waiting.join());
        assert_eq!(journal.take(), "inner outer owner");
    });
}

#[test]
fn cancel_while_greenlets_are_suspended_unwinds_them_with_their_owner() {
    on_every_runtime(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        let waiting = thread::spawn_local(move || {
            let (held, main) = (theirs.at_drop("body"), Greenlet::current());
            let suspended = Greenlet::new(move |()| {
                let _held = held;
                main.switch(());
            });
            suspended.switch(());
            let _owner = theirs.at_drop("owner");
            sleep_for_ever();
        });
        let_others_run();
        waiting.cancel();
        assert_cancelled(waiting.join());
        assert_eq!(journal.take(), "owner body");
    });
}

#[test]
fn timeout_around_a_switch_ends_a_wait_in_any_body() {
    everywhere(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        let outer = Greenlet::new(move |()| {
            let inner = Greenlet::new(|()| sleep_for_ever());
            let _held = theirs.at_drop("outer");
            inner.switch(());
        });
        assert!(timeout(SHORT, || outer.switch(())).is_err());
        assert_eq!(journal.take(), "outer");
        assert!(outer.is_dead());
        thread::sleep(SHORT * 2);
    });
}

#[test]
fn timeout_and_shield_in_a_body_hold_while_it_runs_only() {
    everywhere(|| {
        let main = Greenlet::<bool>::current();
        let timed = Greenlet::new(move |_| {
            let late = timeout(Duration::ZERO, || {
                shield(|| {
                    main.switch(false);
                    thread::yield_now();
                    main.switch(false);
                });
                thread::yield_now();
            });
            late.is_err()
        });
        assert!(!timed.switch(true));
        // Neither the deadline nor the shield is the main one's.
        thread::yield_now();
        assert!(timeout(Duration::ZERO, thread::yield_now).is_err());
        // Another body in between does not see them either.
        let other = Greenlet::new(|_| timeout(Duration::ZERO, thread::yield_now).is_err());
        assert!(other.switch(false));
        assert!(!shield(|| timed.switch(true)));
        thread::yield_now();
        assert!(timeout(FOREVER, || timed.switch(true)).unwrap());
        assert!(timeout(SHORT, sleep_for_ever).is_err());
    });
}

#[test]
fn deadline_that_ends_a_body_between_two_others_leaves_the_main_one_running() {
    // Unwound because its last handle is gone, it waits once more, and the main one's deadline is due.
    everywhere(|| {
        let main = Greenlet::<u32>::current();
        let outcome = timeout(Duration::ZERO, || {
            let back = main.clone();
            let c = Greenlet::new(move |n: u32| {
                let own = Greenlet::<u32>::current();
                let a = Greenlet::new(move |n| {
                    drop(catch_unwind(AssertUnwindSafe(|| own.switch(n))));
                    thread::yield_now();
                    n
                });
                let n = a.switch(n);
                drop(a);
                back.switch(n)
            });
            c.switch(1)
        });
        assert!(outcome.is_err());
        assert!(Greenlet::<u32>::current() == main);
        let again = main.clone();
        assert_eq!(
            Greenlet::new(move |n: u32| again.switch(n + 1)).switch(1),
            2
        );
    });
}

#[test]
fn greenlet_switches_from_inside_a_generators_body() {
    everywhere(|| {
        let main = Greenlet::<u32>::current();
        let through = main.clone();
        let driver = Greenlet::new(move |n: u32| {
            let mut numbers: Generator<(), u32> = Generator::new(move |y| {
                // From two stacks up: all of it waits.
                let sent = through.switch(n + 1);
                y.yield_(sent * 2);
                y.yield_(through.switch(7));
            });
            let first = numbers.next().unwrap();
            first + numbers.next().unwrap()
        });
        assert_eq!(driver.switch(1), 2);
        assert_eq!(driver.switch(10), 7);
        assert_eq!(driver.switch(100), 120);
        assert!(Greenlet::current() == main);
    });
}

#[test]
fn generator_runs_greenlets_of_its_owner() {
    everywhere(|| {
        let main = Greenlet::<u32>::current();
        let back = main.clone();
        let double = Greenlet::new(move |mut n: u32| {
            loop {
                n = back.switch(2 * n);
            }
        });
        let (shared, theirs) = (double.clone(), main.clone());
        let doubled: Generator<(), u32> = Generator::new(move |y| {
            // Outside of all greenlets: still the main one, on another stack.
            assert!(Greenlet::current() == theirs);
            (1..=3).for_each(|n| y.yield_(shared.switch(n)));
        });
        let mut seen = Vec::new();
        for n in doubled {
            seen.extend([n, double.switch(n)]);
        }
        assert_eq!(seen, [2, 4, 4, 8, 6, 12]);
    });
}

#[test]
fn greenlet_dropped_while_a_generator_of_its_is_in_the_middle_unwinds_both() {
    everywhere(|| {
        let journal = Journal::default();
        let (theirs, main) = (journal.clone(), Greenlet::<()>::current());
        let greenlet = Greenlet::new(move |()| {
            let _outer = theirs.at_drop("greenlet");
            scoped(
                |y: &Yielder<(), ()>| {
                    let _inner = theirs.at_drop("generator");
                    timeout(FOREVER, || main.switch(())).unwrap();
                    y.yield_(());
                },
                |generator| generator.count(),
            );
        });
        greenlet.switch(());
        drop(greenlet);
        assert_eq!(journal.take(), "generator greenlet");
        thread::yield_now();
    });
}

#[test]
fn panics_cross_generators_and_greenlets() {
    everywhere(|| {
        let outer = Greenlet::new(|n: u32| {
            let mut body: Generator<(), u32> = Generator::new(move |_| {
                let inner = Greenlet::new(|_: u32| std::panic::resume_unwind(Box::new("deep")));
                inner.switch(n);
            });
            body.next().unwrap_or(0)
        });
        assert_eq!(complaint(|| outer.switch(1)), "deep");
        assert!(outer.is_dead());
    });
}
