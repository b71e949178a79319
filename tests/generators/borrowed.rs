//! `scoped`: bodies that borrow, and how they are ended whatever happens.

use crate::common::{everywhere, is_child, run_as_child};
use crate::complaint::complaint;
use crate::journal::Journal;
use greenroom::generator::{Generator, GeneratorExit, State, Yielder, scoped};
use std::mem;
use std::os::unix::process::ExitStatusExt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};

const SIGABRT: i32 = 6;

#[test]
fn scoped_body_borrows_and_hands_out_borrows() {
    everywhere(|| {
        let words = vec![String::from("to"), String::from("be")];
        let mut seen = Vec::new();
        let mut count = 0;
        let last = scoped(
            |y: &Yielder<(), &str>| {
                for word in &words {
                    count += 1;
                    y.yield_(word);
                }
                words.last()
            },
            |generator| {
                seen.extend(generator.by_ref());
                assert_eq!(generator.state(), State::Finished);
                generator.take_return().unwrap()
            },
        );
        assert_eq!(seen, ["to", "be"]);
        assert_eq!((last, count), (words.last(), 2));
    });
}

#[test]
fn scoped_body_is_unwound_before_its_borrows_end() {
    everywhere(|| {
        let journal = Journal::default();
        let body = |y: &Yielder<(), u32>| {
            let _held = journal.at_drop("held");
            y.yield_all(0..);
        };
        // Early return.
        let first = scoped(body, |generator| generator.next());
        journal.note("after");
        assert_eq!(first, Some(0));
        // Never started.
        scoped(body, |_| journal.note("idle"));
        // Closed before.
        scoped(body, |generator| {
            generator.next();
            generator.close();
            journal.note("closed");
        });
        let text = complaint(|| {
            scoped(body, |generator| {
                generator.next();
                panic::resume_unwind(Box::new("of f"))
            })
        });
        assert_eq!(text, "of f");
        assert_eq!(journal.take(), "held after idle held closed held");
    });
}

#[test]
fn scoped_body_that_panics_ends_f_or_the_call() {
    everywhere(|| {
        let body = |y: &Yielder<(), u32>| {
            let exit = catch_unwind(AssertUnwindSafe(|| y.yield_(1)));
            panic::resume_unwind(Box::new(if exit.is_ok() { "resumed" } else { "ended" }));
        };
        let text = complaint(|| scoped(body, |generator: &mut _| Iterator::count(generator)));
        assert_eq!(text, "resumed");
        let text = complaint(|| scoped(body, |generator| generator.next()));
        assert_eq!(text, "ended");
        let text = complaint(|| {
            scoped(body, |generator| {
                generator.next();
                generator.throw(Box::new(()))
            })
        });
        assert_eq!(text, "ended");
    });
}

#[test]
fn scoped_body_that_resists_for_a_while_is_ended_all_the_same() {
    everywhere(|| {
        let mut exits = 0;
        scoped(
            |y: &Yielder<(), u32>| {
                while exits < 50 {
                    let exit = catch_unwind(AssertUnwindSafe(|| y.yield_(1)));
                    exits += u32::from(exit.is_err_and(|payload| payload.is::<GeneratorExit>()));
                }
            },
            |generator| generator.next(),
        );
        assert_eq!(exits, 50);
    });
}

#[test]
fn scoped_body_that_never_ends_ends_the_process() {
    const NAME: &str = "borrowed::scoped_body_that_never_ends_ends_the_process";
    if is_child() {
        let body = |y: &Yielder<(), u32>| {
            loop {
                drop(catch_unwind(AssertUnwindSafe(|| y.yield_(1))));
            }
        };
        scoped(body, |generator| generator.next());
        unreachable!("the process should have ended");
    }
    let output = run_as_child(NAME);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let sentence = "the body of a scoped generator catches its unwinding and yields again";
    assert!(stderr.contains(sentence), "{stderr}");
    assert_eq!(output.status.signal(), Some(SIGABRT), "{stderr}");
}

#[test]
fn scoped_generators_that_are_swapped_end_each_once() {
    everywhere(|| {
        let journal = Journal::default();
        let body = |y: &Yielder<(), u32>, from: u32| {
            let _held = journal.at_drop(from);
            y.yield_all(from..);
        };
        scoped(
            |y: &Yielder<(), u32>| body(y, 10),
            |outer| {
                scoped(
                    |y: &Yielder<(), u32>| body(y, 20),
                    |inner| {
                        assert_eq!((outer.next(), inner.next()), (Some(10), Some(20)));
                        mem::swap(outer, inner);
                        assert_eq!((outer.next(), inner.next()), (Some(21), Some(11)));
                    },
                );
                assert_eq!(journal.take(), "10");
                assert_eq!(outer.next(), Some(22));
            },
        );
        assert_eq!(journal.take(), "20");
    });
}

#[test]
fn scoped_inner_body_yields_through_the_outer_ones_yielder() {
    everywhere(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        let mut outer: Generator<(), u32> = Generator::new(move |through| {
            let _outer = theirs.at_drop("outer");
            scoped(
                |y: &Yielder<(), u32>| {
                    let _inner = theirs.at_drop("inner");
                    for n in 0..3 {
                        through.yield_(n);
                        y.yield_(n + 10);
                    }
                },
                |inner| {
                    for n in inner {
                        through.yield_(n * 2);
                    }
                },
            );
        });
        assert_eq!(outer.by_ref().collect::<Vec<_>>(), [0, 20, 1, 22, 2, 24]);
        assert_eq!(journal.take(), "inner outer");
    });
}

#[test]
fn outer_generator_dropped_while_its_inner_one_runs_unwinds_both() {
    everywhere(|| {
        for steps in 1..=6 {
            let journal = Journal::default();
            let theirs = journal.clone();
            let mut outer: Generator<(), u32> = Generator::new(move |through| {
                let _outer = theirs.at_drop("outer");
                scoped(
                    |y: &Yielder<(), u32>| {
                        let _inner = theirs.at_drop("inner");
                        loop {
                            through.yield_(1);
                            y.yield_(2);
                        }
                    },
                    |inner| inner.for_each(|n| through.yield_(n)),
                );
            });
            assert_eq!(outer.by_ref().take(steps).count(), steps);
            drop(outer);
            assert_eq!(journal.take(), "inner outer", "after {steps} steps");
        }
    });
}
