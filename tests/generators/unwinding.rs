//! Throw, close, drop and panics: what unwinds, in which order, and what comes out where.

use crate::aborts::aborts;
use crate::common::{everywhere, is_child, run_as_child, text};
use crate::complaint::{complaint, payload};
use crate::journal::Journal;
use greenroom::generator::{Generator, GeneratorExit, State, Yielder};
use std::any::Any;
use std::panic::{self, AssertUnwindSafe, catch_unwind};

const STUBBORN: &str = "generator ignored GeneratorExit";

fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(call))
}

/// Yields 1 and 2; notes what becomes of it.
fn noting(journal: &Journal) -> Generator<(), u32, u32> {
    let held = journal.at_drop("body");
    let journal = journal.clone();
    Generator::new(move |y| {
        let _held = held;
        let _first = journal.at_drop("first");
        y.yield_(1);
        let _second = journal.at_drop("second");
        y.yield_(2);
        9
    })
}

/// Catches its exit and goes on.
fn stubborn() -> Generator<(), u32, u32> {
    Generator::new(|y| {
        for n in 0.. {
            drop(caught(|| y.yield_(n)));
        }
        0
    })
}

#[test]
fn throw_that_is_caught_is_answered_by_the_next_yield() {
    everywhere(|| {
        let mut careful = Generator::new(|y: &Yielder<(), String>| {
            let payload = caught(|| y.yield_("ready".into())).unwrap_err();
            let number = *payload.downcast::<u64>().unwrap();
            y.yield_(format!("caught {number}"));
            number
        });
        careful.start();
        assert_eq!(
            careful.throw(Box::new(17_u64)).as_deref(),
            Some("caught 17")
        );
        assert_eq!(careful.state(), State::Suspended);
        assert_eq!(careful.next(), None);
        assert_eq!(careful.take_return(), Some(17));
        let mut last = Generator::new(|y: &Yielder<(), ()>| caught(|| y.yield_(())).is_err());
        last.start();
        assert_eq!(last.throw(Box::new(())), None);
        assert_eq!(last.take_return(), Some(true));
    });
}

#[test]
fn throw_that_is_not_caught_unwinds_the_body_and_comes_back() {
    everywhere(|| {
        let journal = Journal::default();
        let mut generator = noting(&journal);
        generator.next();
        let back = payload(|| generator.throw(Box::new(17_u64)));
        assert_eq!(back.downcast_ref(), Some(&17_u64));
        assert_eq!(journal.take(), "first body");
        assert_eq!(generator.state(), State::Finished);
        assert_eq!(generator.take_return(), None);
        assert_eq!(generator.next(), None);
    });
}

#[test]
fn throw_into_one_that_waits_for_nothing_is_raised_at_once() {
    everywhere(|| {
        let journal = Journal::default();
        let mut created = noting(&journal);
        assert_eq!(complaint(|| created.throw(Box::new("early"))), "early");
        assert_eq!(
            (created.state(), journal.take().as_str()),
            (State::Finished, "body")
        );
        assert_eq!(complaint(|| created.throw(Box::new("late"))), "late");
        assert_eq!(created.next(), None);
        let mut finished = noting(&journal);
        assert_eq!(finished.by_ref().count(), 2);
        assert_eq!(complaint(|| finished.throw(Box::new("late"))), "late");
        assert_eq!(finished.take_return(), Some(9));
    });
}

#[test]
fn throw_goes_to_the_innermost_that_is_yielded_from() {
    everywhere(|| {
        let mut outer = Generator::new(|y: &Yielder<(), &'static str>| {
            let mut inner = Generator::new(|y: &Yielder<(), &'static str>| {
                let payload = caught(|| y.yield_("waiting")).unwrap_err();
                y.yield_(payload.downcast_ref::<&str>().unwrap());
                y.yield_("again");
            });
            let outcome = caught(|| y.yield_from(&mut inner));
            assert_eq!(inner.state(), State::Finished);
            outcome.map_err(|payload| text(payload.as_ref()).to_owned())
        });
        assert_eq!(outer.start(), Some("waiting"));
        assert_eq!(outer.throw(Box::new("one")), Some("one"));
        assert_eq!(outer.next(), Some("again"));
        assert_eq!(outer.throw(Box::new("two")), None);
        assert_eq!(outer.take_return(), Some(Err("two".to_owned())));
    });
}

#[test]
fn close_ends_the_body_in_order_and_is_harmless_again() {
    everywhere(|| {
        let journal = Journal::default();
        let mut created = noting(&journal);
        assert_eq!(created.close(), None);
        assert_eq!(
            (created.state(), journal.take().as_str()),
            (State::Finished, "body")
        );
        assert_eq!((created.next(), created.close()), (None, None));
        let mut middle = noting(&journal);
        middle.nth(1);
        assert_eq!(middle.close(), None);
        assert_eq!(
            (middle.state(), journal.take().as_str()),
            (State::Finished, "second first body")
        );
        assert_eq!((middle.next(), middle.close()), (None, None));
        let mut finished = noting(&journal);
        assert_eq!(finished.by_ref().count(), 2);
        journal.take();
        assert_eq!(finished.close(), None);
        assert_eq!(finished.take_return(), Some(9));
        drop((created, middle, finished));
        assert_eq!(journal.take(), "");
    });
}

#[test]
fn close_returns_what_a_body_returns_that_caught_its_exit() {
    everywhere(|| {
        let mut tidy = Generator::new(|y: &Yielder<(), u32>| {
            let payload = caught(|| y.yield_(1)).unwrap_err();
            assert!(payload.is::<GeneratorExit>());
            "tidied"
        });
        tidy.next();
        assert_eq!(tidy.close(), Some("tidied"));
        assert_eq!((tidy.state(), tidy.take_return()), (State::Finished, None));
        let mut raising = Generator::new(|y: &Yielder<(), u32>| -> () {
            drop(caught(|| y.yield_(1)));
            panic::resume_unwind(Box::new("instead"));
        });
        raising.next();
        assert_eq!(complaint(|| raising.close()), "instead");
        assert_eq!(raising.state(), State::Finished);
    });
}

#[test]
fn close_of_a_stubborn_body_panics_and_leaves_it_suspended() {
    everywhere(|| {
        let mut generator = stubborn();
        generator.next();
        assert_eq!(complaint(|| generator.close()), STUBBORN);
        assert_eq!(generator.state(), State::Suspended);
        // What it yielded in answer is lost.
        assert_eq!(generator.next(), Some(2));
        // So is the stack of one that will not end; nothing hangs.
        drop(generator);
    });
}

#[test]
fn close_ends_the_inner_before_the_outer() {
    everywhere(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        let mut outer = Generator::new(move |y: &Yielder<(), u32>| {
            let _outer = theirs.at_drop("outer");
            let mut inner = noting(&theirs);
            y.yield_from(&mut inner);
        });
        outer.next();
        outer.close();
        assert_eq!(journal.take(), "first body outer");
        let mut outer = Generator::new(|y: &Yielder<(), u32>| y.yield_from(&mut stubborn()));
        outer.next();
        // The outer one unwinds with this, and drops the inner one meanwhile.
        assert_eq!(complaint(|| outer.close()), STUBBORN);
        assert_eq!(outer.state(), State::Finished);
    });
}

#[test]
fn drop_in_the_middle_unwinds_once_and_in_order() {
    everywhere(|| {
        let journal = Journal::default();
        drop(noting(&journal));
        assert_eq!(journal.take(), "body");
        let mut generator = noting(&journal);
        generator.next();
        drop(generator);
        assert_eq!(journal.take(), "first body");
        let mut generator = noting(&journal);
        generator.nth(1);
        drop(generator);
        assert_eq!(journal.take(), "second first body");
        let mut generator = noting(&journal);
        generator.by_ref().for_each(drop);
        assert_eq!(journal.take(), "second first body");
        drop(generator);
        assert_eq!(journal.take(), "");
    });
}

#[test]
fn drop_while_a_panic_unwinds_the_dropper_unwinds_the_body_too() {
    everywhere(|| {
        let journal = Journal::default();
        let text = complaint(|| {
            let mut generator = noting(&journal);
            generator.next();
            panic::resume_unwind(Box::new("the dropper's"));
        });
        assert_eq!(text, "the dropper's");
        assert_eq!(journal.take(), "first body");
        // A second payload from in there is swallowed; a stubborn one is leaked.
        let text = complaint(|| {
            let mut raising: Generator<(), u32> = Generator::new(|y| {
                drop(caught(|| y.yield_(1)));
                panic::resume_unwind(Box::new("the body's"));
            });
            let mut stubborn = stubborn();
            raising.next();
            stubborn.next();
            panic::resume_unwind(Box::new("the dropper's"));
        });
        assert_eq!(text, "the dropper's");
    });
}

#[test]
fn drop_passes_on_a_panic_of_the_body() {
    everywhere(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        let text = complaint(|| {
            let mut raising: Generator<(), u32> = Generator::new(move |y| {
                let _held = theirs.at_drop("held");
                drop(caught(|| y.yield_(1)));
                panic::resume_unwind(Box::new("the body's"));
            });
            raising.next();
            drop(raising);
        });
        assert_eq!(text, "the body's");
        assert_eq!(journal.take(), "held");
    });
}

#[test]
fn panic_of_the_body_goes_on_in_the_resumer_with_its_payload() {
    everywhere(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        let mut generator: Generator<(), u32> = Generator::new(move |y| {
            let _held = theirs.at_drop("held");
            y.yield_(1);
            panic::resume_unwind(Box::new(String::from("kept as it is")));
        });
        assert_eq!(generator.next(), Some(1));
        let payload = payload(|| generator.next());
        assert_eq!(*payload.downcast::<String>().unwrap(), "kept as it is");
        assert_eq!(journal.take(), "held");
        assert_eq!(generator.state(), State::Finished);
        assert_eq!((generator.next(), generator.take_return()), (None, None));
    });
}

#[test]
fn panic_through_ten_nested_generators_runs_the_hook_once() {
    const NAME: &str = "unwinding::panic_through_ten_nested_generators_runs_the_hook_once";
    fn nested(depth: u32) -> Generator<(), u32> {
        Generator::new(move |y| match depth {
            0 => panic!("from the innermost"),
            _ => y.yield_from(&mut nested(depth - 1)),
        })
    }
    if is_child() {
        assert_eq!(complaint(|| nested(10).next()), "from the innermost");
        return;
    }
    let output = run_as_child(NAME);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr.matches("from the innermost").count(), 1, "{stderr}");
}

/// Calls `act` when dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn body_that_never_began_is_dropped_like_any_value() {
    everywhere(|| {
        let held = |journal: &Journal, act: fn()| -> Generator<(), u32> {
            let held = (OnDrop(act), journal.at_drop("body"));
            Generator::new(move |y| {
                let _held = held;
                y.yield_(1);
            })
        };
        let journal = Journal::default();
        let raise = || panic::resume_unwind(Box::new("the destructor's"));
        let created = held(&journal, raise);
        assert_eq!(complaint(|| drop(created)), "the destructor's");
        let mut created = held(&journal, raise);
        assert_eq!(complaint(|| created.close()), "the destructor's");
        assert_eq!(created.state(), State::Finished);
        // A destructor may use generators, and wait.
        drop(held(&journal, || {
            assert_eq!(
                Generator::new(|y: &Yielder<(), u32>| y.yield_all(0..3)).count(),
                3
            );
            greenroom::thread::yield_now();
        }));
        assert_eq!(journal.take(), "body body body");
    });
}

#[test]
fn yield_in_a_destructor_works_unless_its_body_unwinds() {
    everywhere(|| {
        let mut generator = Generator::new(|y: &Yielder<(), u32>| {
            y.yield_(1);
            drop(OnDrop(|| y.yield_(2)));
            y.yield_(3);
        });
        assert_eq!(generator.by_ref().collect::<Vec<_>>(), [1, 2, 3]);
        let journal = Journal::default();
        let theirs = journal.clone();
        let mut generator = Generator::new(move |y: &Yielder<(), u32>| {
            let _late = OnDrop(|| theirs.note(complaint(|| y.yield_(2))));
            y.yield_(1);
        });
        generator.next();
        generator.close();
        assert_eq!(
            journal.take(),
            "a generator must not yield in a destructor while its body unwinds"
        );
    });
}

#[test]
fn generator_used_in_a_destructor_while_its_owner_unwinds_works() {
    everywhere(|| {
        let journal = Journal::default();
        let text = complaint(|| {
            let mut older = noting(&journal);
            older.next();
            let _late = OnDrop(|| {
                journal.note(older.next().unwrap());
                let fresh: Generator<(), u32> = Generator::new(|y| y.yield_all(5..8));
                journal.note(fresh.sum::<u32>());
            });
            panic::resume_unwind(Box::new("the owner's"));
        });
        assert_eq!(text, "the owner's");
        assert_eq!(journal.take(), "2 18 second first body");
    });
}

#[test]
fn yield_in_a_destructor_of_an_unwinding_body_is_refused_while_its_resumer_unwinds_too() {
    everywhere(|| {
        let journal = Journal::default();
        let text = complaint(|| {
            let _late = OnDrop(|| {
                let theirs = journal.clone();
                let mut body: Generator<(), u32> = Generator::new(move |y| {
                    let _later = OnDrop(|| theirs.note(complaint(|| y.yield_(1))));
                    panic!("the body's");
                });
                journal.note(complaint(|| body.next()));
            });
            panic!("the resumer's");
        });
        assert_eq!(text, "the resumer's");
        assert_eq!(
            journal.take(),
            "a generator must not yield in a destructor while its body unwinds the body's"
        );
        assert!(!std::thread::panicking());
    });
}

#[test]
fn yield_in_a_destructor_of_an_unwinding_body_ends_the_process_with_the_reason() {
    aborts(
        "unwinding::yield_in_a_destructor_of_an_unwinding_body_ends_the_process_with_the_reason",
        "a generator must not yield in a destructor while its body unwinds",
        || {
            let mut generator = Generator::new(|y: &Yielder<(), u32>| {
                let _late = OnDrop(|| y.yield_(2));
                y.yield_(1);
            });
            generator.next();
            drop(generator);
        },
    );
}

#[test]
fn panic_in_a_destructor_during_close_ends_the_process_as_always_in_rust() {
    aborts(
        "unwinding::panic_in_a_destructor_during_close_ends_the_process_as_always_in_rust",
        "panic in a destructor during cleanup",
        || {
            let mut generator = Generator::new(|y: &Yielder<(), u32>| {
                let _late = OnDrop(|| panic!("a destructor's"));
                y.yield_(1);
            });
            generator.next();
            generator.close();
        },
    );
}

#[test]
fn lock_held_across_a_close_is_poisoned_by_a_panic_only() {
    use greenroom::sync::Mutex;
    use std::rc::Rc;
    everywhere(|| {
        let (ours, stds) = (Rc::new(Mutex::new(0)), Rc::new(std::sync::Mutex::new(0)));
        let holding = |is_panicking: bool| -> Generator<(), u32> {
            let (ours, stds) = (Rc::clone(&ours), Rc::clone(&stds));
            Generator::new(move |y| {
                let (_ours, _stds) = (ours.lock().unwrap(), stds.lock().unwrap());
                y.yield_(1);
                if is_panicking {
                    panic::resume_unwind(Box::new("a panic"));
                }
            })
        };
        let mut closed = holding(false);
        closed.next();
        closed.close();
        assert!(!ours.is_poisoned());
        // std knows of no unwinding that is no panic.
        assert!(stds.is_poisoned());
        stds.clear_poison();
        let mut dropped = holding(false);
        dropped.next();
        drop(dropped);
        assert!(!ours.is_poisoned());
        stds.clear_poison();
        let mut panicking = holding(true);
        panicking.next();
        assert_eq!(complaint(|| panicking.next()), "a panic");
        assert!(ours.is_poisoned());
        assert!(stds.is_poisoned());
    });
}
