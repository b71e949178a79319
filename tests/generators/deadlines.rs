//! `timeout` and `shield` around and inside bodies: each holds on its own stack only.

use crate::common::{FOREVER, SHORT, everywhere};
use greenroom::generator::{Generator, State, Yielder, scoped};
use greenroom::{Elapsed, shield, thread, timeout};
use std::time::{Duration, Instant};

type Numbers = Generator<(), u32>;

fn sleep_for_ever() {
    thread::sleep(FOREVER);
}

/// A parking call that takes no time: it notices what is due.
fn look_up() {
    thread::yield_now();
}

/// What has elapsed already.
const PAST: Duration = Duration::ZERO;

#[test]
fn timeout_around_next_ends_a_wait_in_the_body() {
    everywhere(|| {
        let mut sleepy: Numbers = Generator::new(|y| {
            y.yield_(1);
            sleep_for_ever();
        });
        let start = Instant::now();
        let late = timeout(SHORT, || (sleepy.next(), sleepy.next()));
        assert_eq!(late, Err(elapsed()));
        assert!(start.elapsed() >= SHORT);
        assert_eq!(sleepy.state(), State::Finished);
        assert_eq!(timeout(SHORT, || sleepy.next()), Ok(None));
        // It has left nothing behind.
        thread::sleep(SHORT * 2);
    });
}

fn elapsed() -> Elapsed {
    timeout(PAST, look_up).unwrap_err()
}

#[test]
fn timeout_inside_does_not_hold_for_the_resumer_between_yields() {
    everywhere(|| {
        let mut timed = Generator::new(|y: &Yielder<(), u32>| {
            let late = timeout(SHORT, || {
                y.yield_(1);
                // Expired meanwhile: noticed here.
                look_up();
            });
            assert_eq!(late, Err(elapsed()));
            y.yield_(2);
            look_up();
        });
        assert_eq!(timed.next(), Some(1));
        thread::sleep(SHORT * 3);
        assert_eq!(timeout(FOREVER, look_up), Ok(()));
        assert_eq!(timed.next(), Some(2));
        assert_eq!(timed.next(), None);
    });
}

#[test]
fn timeout_inside_holds_while_the_body_runs() {
    everywhere(|| {
        for outer in [None, Some(FOREVER)] {
            let mut timed = Generator::new(|y: &Yielder<(), u32>| {
                let start = Instant::now();
                let late = timeout(SHORT, || {
                    y.yield_(1);
                    sleep_for_ever();
                });
                assert!(start.elapsed() >= SHORT);
                assert_eq!(late, Err(elapsed()));
            });
            assert_eq!(timed.next(), Some(1));
            let last = match outer {
                None => Ok(timed.next()),
                Some(outer) => timeout(outer, || timed.next()),
            };
            assert_eq!(last, Ok(None));
        }
    });
}

#[test]
fn timeout_that_ends_inside_under_another_resumer_leaves_that_ones_in_force() {
    everywhere(|| {
        let mut timed = Generator::new(|y: &Yielder<(), u32>| {
            assert_eq!(timeout(FOREVER, || y.yield_(1)), Ok(()));
            y.yield_(2);
            sleep_for_ever();
        });
        // Made under one deadline, resumed under another, and then under none.
        assert_eq!(timeout(FOREVER, || timed.next()), Ok(Some(1)));
        let late = timeout(SHORT, || {
            assert_eq!(timed.next(), Some(2));
            sleep_for_ever();
        });
        assert_eq!(late, Err(elapsed()));
        look_up();
        assert_eq!(timeout(SHORT, || timed.next()), Err(elapsed()));
        look_up();
    });
}

#[test]
fn shield_inside_does_not_hold_for_the_resumer_between_yields() {
    everywhere(|| {
        let mut shielded = Generator::new(|y: &Yielder<(), u32>| {
            shield(|| {
                y.yield_(1);
                thread::sleep(SHORT * 2);
                y.yield_(2);
            });
            look_up();
            y.yield_(3);
        });
        assert_eq!(shielded.next(), Some(1));
        assert_eq!(timeout(SHORT, sleep_for_ever), Err(elapsed()));
        // The body masks it; its resumer notices it afterwards.
        let mut second = None;
        let late = timeout(SHORT, || {
            second = shielded.next();
            look_up();
        });
        assert_eq!((second, late), (Some(2), Err(elapsed())));
        // The end of the shield inside: this time the body notices it.
        assert_eq!(timeout(PAST, || shielded.next()), Err(elapsed()));
        assert_eq!(shielded.state(), State::Finished);
    });
}

#[test]
fn shield_around_the_resume_hides_outer_deadlines_and_not_the_bodys_own() {
    everywhere(|| {
        let mut timed = Generator::new(|y: &Yielder<(), bool>| {
            let late = timeout(PAST, || {
                y.yield_(false);
                look_up();
            });
            y.yield_(late.is_err());
            y.yield_(timeout(SHORT, sleep_for_ever).is_err());
            look_up();
            y.yield_(true);
        });
        assert_eq!(timed.next(), Some(false));
        let outcome = timeout(PAST, || {
            shield(|| {
                assert_eq!(timed.next(), Some(true));
                assert_eq!(shield(|| timed.next()), Some(true));
                assert_eq!(timed.next(), Some(true));
            });
        });
        assert_eq!(outcome, Ok(()));
    });
}

#[test]
fn strands_that_suspend_together_are_relinked_together() {
    // The inner body yields through the outer one's yielder: with frames of both on top of each other.
    everywhere(|| {
        for shields in 0..3 {
            let mut outer = Generator::new(|through: &Yielder<(), u32>| {
                let late = timeout(SHORT, || {
                    scoped(
                        |y: &Yielder<(), u32>| {
                            let own = timeout(FOREVER, || {
                                through.yield_(1);
                                y.yield_(2);
                                through.yield_(3);
                                sleep_for_ever();
                            });
                            assert!(own.is_err(), "not reached");
                        },
                        |inner| {
                            shield(|| inner.next().map(|n| through.yield_(n)));
                            inner.next();
                        },
                    );
                });
                assert_eq!(late, Err(elapsed()));
                look_up();
                through.yield_(4);
            });
            assert_eq!(outer.next(), Some(1));
            thread::sleep(SHORT * 2);
            under_shields(shields, &mut || {
                let second = timeout(FOREVER, || outer.next());
                assert_eq!(second, Ok(Some(2)));
            });
            look_up();
            under_shields(2 - shields, &mut || {
                let both = timeout(FOREVER, || timeout(FOREVER, || outer.next()));
                assert_eq!(both, Ok(Ok(Some(3))));
                look_up();
            });
            assert_eq!(timeout(FOREVER, || outer.next()), Ok(Some(4)));
            assert_eq!(timeout(SHORT, sleep_for_ever), Err(elapsed()));
        }
    });
}

fn under_shields(count: u32, body: &mut dyn FnMut()) {
    match count {
        0 => body(),
        _ => shield(|| under_shields(count - 1, body)),
    }
}

#[test]
fn generator_dropped_under_other_deadlines_unwinds_and_leaves_none() {
    everywhere(|| {
        let mut timed = Generator::new(|y: &Yielder<(), u32>| {
            shield(|| timeout(SHORT, || shield(|| timeout(FOREVER, || y.yield_(1)))))
        });
        assert_eq!(timeout(FOREVER, || timed.next()), Ok(Some(1)));
        shield(|| drop(timed));
        thread::sleep(SHORT * 2);
        assert_eq!(timeout(SHORT, sleep_for_ever), Err(elapsed()));
    });
}
