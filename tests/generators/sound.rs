//! What a review of soundness tried: bodies in bad places, at bad moments. None may corrupt, hang or lose
//! a value; what cannot be refused in peace ends the process with the reason.

use crate::aborts::aborts;
use crate::common::{
    Census, FOREVER, Flag, SHORT, everywhere, is_child, on_every_runtime, run_as_child,
};
use crate::complaint::complaint;
use greenroom::generator::{Generator, Yielder, scoped};
use greenroom::{queue, thread};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// More than corosensei moves to a fresh stack.
const LARGE: usize = 2000;

/// What a body that yields while it unwinds dies of.
const UNWINDING: &str = "a generator must not yield in a destructor while its body unwinds";

/// Calls `act` when dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A deadline still ends a wait: no panic counts that nobody unwinds with.
#[track_caller]
fn assert_deadlines_work() {
    let ended = greenroom::timeout(SHORT, || thread::sleep(FOREVER));
    assert!(ended.is_err() && !std::thread::panicking());
}

#[test]
fn body_with_large_captures_runs_or_is_dropped_once() {
    everywhere(|| {
        let census = Census::default();
        let large = || {
            let (large, held) = ([7_u8; LARGE], census.make());
            Generator::<(), u8>::new(move |y| {
                let _held = held;
                y.yield_(large[LARGE - 1]);
            })
        };
        assert_eq!(large().next(), Some(7));
        drop(large());
        assert_eq!((census.made(), census.dropped()), (2, 2));
    });
}

#[test]
fn bodies_with_large_captures_give_their_stacks_back() {
    const NAME: &str = "sound::bodies_with_large_captures_give_their_stacks_back";
    if !is_child() {
        let output = run_as_child(NAME);
        assert!(output.status.success(), "{output:?}");
        return;
    }
    for _ in 0..100 {
        let large = [7_u8; LARGE];
        drop(Generator::<(), u8>::new(move |y| y.yield_(large[0])));
    }
    let stats = greenroom::stack_stats();
    assert_eq!(stats.in_use, 0, "{stats:?}");
}

#[test]
fn values_sent_thrown_yielded_and_returned_are_dropped_once_on_every_path() {
    /// What becomes of the body at its third resume.
    const PATHS: usize = 8;
    everywhere(|| {
        for path in 0..PATHS {
            let census = Census::default();
            let (theirs, captured) = (census.clone(), census.make());
            let mut body = Generator::new(move |y: &Yielder<_, _>| {
                let _captured = captured;
                drop(y.yield_(theirs.make()));
                let caught = catch_unwind(AssertUnwindSafe(|| y.yield_(theirs.make())));
                match path {
                    0 => panic::resume_unwind(Box::new(theirs.make())),
                    1 => drop(y.yield_(theirs.make())),
                    _ => {}
                }
                drop(caught);
                theirs.make()
            });
            drop(body.start());
            drop(body.send(census.make()));
            let outcome = catch_unwind(AssertUnwindSafe(|| match path {
                0 | 1 => drop(body.send(census.make())),
                2 => drop(body.throw(Box::new(census.make()))),
                3 => drop(body.close()),
                4 => {
                    drop(body.send(census.make()));
                    // Too late: it is dropped here.
                    drop(body.send(census.make()));
                }
                5 => {
                    drop(body.send(census.make()));
                    drop(body.take_return());
                }
                6 => {
                    drop(body.close());
                    drop(body.throw(Box::new(census.make())));
                }
                _ => {}
            }));
            drop((outcome, body));
            assert_eq!(census.made(), census.dropped(), "path {path}");
        }
    });
}

#[test]
fn scoped_body_whose_items_panic_when_dropped_ends_the_process() {
    struct Item;
    impl Drop for Item {
        fn drop(&mut self) {
            panic::resume_unwind(Box::new("an item's"));
        }
    }
    aborts(
        "sound::scoped_body_whose_items_panic_when_dropped_ends_the_process",
        "what it borrows is about to go away",
        || {
            let borrowed = [7_u8; LARGE];
            let body = |y: &Yielder<(), Item>| {
                loop {
                    drop(catch_unwind(AssertUnwindSafe(|| y.yield_(Item))));
                    assert_eq!(borrowed[0], 7);
                }
            };
            let start = |scoped: &mut greenroom::generator::Scoped<'_, (), Item, ()>| {
                std::mem::forget(scoped.start());
            };
            scoped(body, start);
        },
    );
}

/// Yields while it unwinds with a panic.
fn panicking() -> Generator<(), u32> {
    Generator::new(|y| {
        let _late = OnDrop(|| y.yield_(2));
        y.yield_(1);
        panic!("the body's");
    })
}

/// Calls `act` in a destructor while a panic unwinds this.
fn in_unwinding(act: impl FnMut()) {
    let _unwound = catch_unwind(AssertUnwindSafe(|| {
        let _late = OnDrop(act);
        panic!("the resumer's");
    }));
}

#[test]
fn yield_in_a_panicking_body_beside_the_resumers_panic_ends_the_process_with_the_reason() {
    // On an OS thread, in a process without any runtime.
    aborts(
        "sound::yield_in_a_panicking_body_beside_the_resumers_panic_ends_the_process_with_the_reason",
        UNWINDING,
        || {
            let mut body = panicking();
            body.next();
            in_unwinding(|| {
                body.next();
            });
        },
    );
}

#[test]
fn yield_in_a_body_that_was_thrown_into_beside_the_resumers_panic_ends_the_process_with_the_reason()
{
    aborts(
        "sound::yield_in_a_body_that_was_thrown_into_beside_the_resumers_panic_ends_the_process_with_the_reason",
        UNWINDING,
        || {
            let mut body = panicking();
            body.next();
            in_unwinding(|| {
                body.throw(Box::new("thrown"));
            });
        },
    );
}

#[test]
fn yield_in_a_panicking_body_beside_a_neighbours_destructor_ends_the_process_with_the_reason() {
    aborts(
        "sound::yield_in_a_panicking_body_beside_a_neighbours_destructor_ends_the_process_with_the_reason",
        UNWINDING,
        || {
            let runtime = greenroom::Runtime::builder().workers(1).build().unwrap();
            runtime.run(|| {
                let parked = Flag::default();
                let theirs = parked.clone();
                let _neighbour = thread::spawn(|| {
                    in_unwinding(move || {
                        theirs.raise();
                        thread::sleep(FOREVER);
                    });
                });
                crate::common::until(|| parked.is_up());
                let mut body = panicking();
                body.next();
                body.next();
            });
        },
    );
}

#[test]
fn outer_body_that_yields_on_the_inner_ones_stack_keeps_deadlines_and_shields_apart() {
    const LATER: Duration = FOREVER;
    everywhere(|| {
        let numbers = |y: &Yielder<(), u32>, z: &Yielder<(), u32>| {
            for n in 0..5 {
                y.yield_(n);
                z.yield_(n + 10);
            }
        };
        let mut outer: Generator<(), u32> = Generator::new(move |y| {
            let inner = |z: &Yielder<(), u32>| {
                greenroom::shield(|| greenroom::timeout(LATER, || numbers(y, z)).unwrap());
            };
            let pass_on = || scoped(inner, |inner| inner.for_each(|n| y.yield_(n)));
            greenroom::timeout(LATER, pass_on).unwrap();
        });
        let mut seen = Vec::new();
        loop {
            let next = match seen.len() % 2 {
                0 => greenroom::timeout(LATER, || greenroom::shield(|| outer.next())).unwrap(),
                _ => outer.next(),
            };
            assert_deadlines_work();
            match next {
                Some(n) => seen.push(n),
                None => break,
            }
        }
        assert_eq!(seen, [0, 10, 1, 11, 2, 12, 3, 13, 4, 14]);
    });
}

std::thread_local! {
    static HELD: RefCell<Option<Generator<(), ()>>> = const { RefCell::new(None) };
    static REFUSAL: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Resumes the held generator when compared, and puts it back.
#[derive(PartialEq, Eq)]
struct Resumer(u32);

impl PartialOrd for Resumer {
    fn partial_cmp(&self, other: &Resumer) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Resumer {
    fn cmp(&self, other: &Resumer) -> Ordering {
        if let Some(mut held) = HELD.take() {
            REFUSAL.set(complaint(|| held.next()));
            HELD.set(Some(held));
        }
        self.0.cmp(&other.0)
    }
}

#[test]
fn generator_resumed_while_a_queue_is_locked_stays_in_its_scope() {
    everywhere(|| {
        let child_ended = Flag::default();
        let (theirs, go_on) = (child_ended.clone(), Flag::default());
        let may_end = go_on.clone();
        HELD.set(Some(Generator::new(move |y| {
            let borrowed = vec![7_u8; LARGE];
            thread::scope(|s| {
                s.spawn(|| {
                    crate::common::until(|| may_end.is_up());
                    assert!(borrowed.iter().all(|byte| *byte == 7));
                    theirs.raise();
                });
                y.yield_(());
            });
        })));
        let next = || {
            let mut held = HELD.take().unwrap();
            let item = held.next();
            (held, item)
        };
        let (held, item) = next();
        assert!(item.is_some());
        HELD.set(Some(held));
        let queue = queue::PriorityQueue::unbounded();
        assert!(queue.put(Resumer(1)).is_ok() && queue.put(Resumer(2)).is_ok());
        assert!(!child_ended.is_up());
        assert!(REFUSAL.take().contains("must not be resumed in there"));
        go_on.raise();
        assert!(next().1.is_none() && child_ended.is_up());
    });
}

#[test]
fn body_suspended_inside_a_print_keeps_others_from_printing_until_it_goes_on() {
    use std::fmt;
    struct Shy<'y>(&'y Yielder<(), ()>);
    impl fmt::Display for Shy<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.yield_(());
            f.write_str("shy")
        }
    }
    if !is_child() {
        let name =
            "sound::body_suspended_inside_a_print_keeps_others_from_printing_until_it_goes_on";
        let output = run_as_child(name);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert!(stdout.contains("[owner]\nshy]\nother\n"), "{stdout}");
        return;
    }
    greenroom::run(|| {
        let mut body: Generator<(), ()> = Generator::new(|y| greenroom::println!("[{}]", Shy(y)));
        body.next();
        // The lock is its owner's, which may take it again.
        greenroom::println!("owner]");
        let other = thread::spawn(|| greenroom::println!("other"));
        let other = other.join_timeout(SHORT).unwrap_err();
        body.next();
        other.join().unwrap();
    });
}

std::thread_local! {
    static DROPPED: RefCell<Option<Generator<(), u32>>> = const { RefCell::new(None) };
}

/// Drops what is in `DROPPED` when compared.
#[derive(PartialEq, Eq)]
struct Dropper(u32);

impl PartialOrd for Dropper {
    fn partial_cmp(&self, other: &Dropper) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dropper {
    fn cmp(&self, other: &Dropper) -> Ordering {
        drop(DROPPED.take());
        self.0.cmp(&other.0)
    }
}

#[test]
fn body_leaked_inside_its_deadlines_and_shields_leaves_none_behind() {
    /// Suspended under a deadline that is over, a shield, and both of a scoped one on its stack.
    fn under_frames() -> Generator<(), u32> {
        let mut stubborn = Generator::new(|y: &Yielder<(), u32>| {
            let resist = |z: &Yielder<(), u32>| loop {
                drop(catch_unwind(AssertUnwindSafe(|| {
                    greenroom::timeout(Duration::ZERO, || greenroom::shield(|| y.yield_(1)))
                })));
                z.yield_(2);
            };
            let frames = || greenroom::shield(|| scoped(resist, |inner| inner.for_each(|_| ())));
            let _never = greenroom::timeout(Duration::ZERO, frames);
        });
        assert_eq!(stubborn.next(), Some(1));
        stubborn
    }
    everywhere(|| {
        let within = |leak: &dyn Fn(Generator<(), u32>)| {
            greenroom::shield(|| {
                greenroom::timeout(FOREVER, || leak(under_frames())).unwrap();
                assert_deadlines_work();
            });
            assert_deadlines_work();
        };
        within(&std::mem::forget);
        // It catches its exit, yields, and is given up.
        within(&drop);
        within(&|stubborn| {
            DROPPED.set(Some(stubborn));
            // Dropped while a queue is locked.
            let queue = queue::PriorityQueue::unbounded();
            assert!(queue.put(Dropper(1)).is_ok() && queue.put(Dropper(2)).is_ok());
        });
    });
}

greenroom::thread_local! {
    static KEPT: RefCell<Option<Generator<(), ()>>> = const { RefCell::new(None) };
    static LATER: Box<u64> = Box::new(0x5555);
}

#[test]
fn local_that_a_kept_body_borrows_lives_until_the_body_has_ended() {
    thread_local! { static SEEN: Cell<u64> = const { Cell::new(0) }; }
    /// Keeps a generator in a local that is older, and so destroyed later, than the one it borrows.
    fn keep() {
        KEPT.with(|_| ());
        let mut borrowing: Generator<(), ()> = Generator::new(|y| {
            LATER.with(|value| {
                let inner: &u64 = value;
                let _late = OnDrop(|| {
                    let over: Vec<_> = (0..50).map(|_| Box::new(0x4141_u64)).collect();
                    SEEN.set(*inner);
                    drop(over);
                });
                y.yield_(());
            });
        });
        borrowing.next();
        KEPT.set(Some(borrowing));
    }
    on_every_runtime(|| {
        // Leaked or unwound, it never sees freed memory.
        let seen = thread::spawn_local(|| {
            keep();
            OnDrop(|| ())
        });
        assert!(seen.join().is_ok());
        assert!([0, 0x5555].contains(&SEEN.get()));
    });
    std::thread::spawn(keep).join().unwrap();
}
