//! Deep, many, and short-lived: what thousands of generators cost, and what an overflow says.

use crate::common::{Rt, everywhere, is_child, run_as_child};
use crate::journal::Journal;
use greenroom::generator::{Builder, Generator, Yielder, scoped};
use greenroom::stack_stats;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;

const SIGABRT: i32 = 6;

type Numbers = Generator<(), u32>;

/// A binary search tree.
#[derive(Default)]
struct Tree(Option<Box<(Tree, u32, Tree)>>);

impl Tree {
    fn insert(&mut self, value: u32) {
        match &mut self.0 {
            None => self.0 = Some(Box::new((Tree::default(), value, Tree::default()))),
            Some(node) if value < node.1 => node.0.insert(value),
            Some(node) => node.2.insert(value),
        }
    }

    fn walk(self) -> Numbers {
        Generator::new(|y| {
            if let Some(node) = self.0 {
                let (left, value, right) = *node;
                y.yield_from(&mut left.walk());
                y.yield_(value);
                y.yield_from(&mut right.walk());
            }
        })
    }

    /// The same with one generator: a yield from any depth.
    fn visit(&self, y: &Yielder<(), u32>) {
        if let Some(node) = &self.0 {
            node.0.visit(y);
            y.yield_(node.1);
            node.2.visit(y);
        }
    }
}

#[test]
fn tree_is_walked_in_order_by_nested_generators_and_by_one() {
    everywhere(|| {
        let mut tree = Tree::default();
        (0..200).for_each(|n| tree.insert(n * 67 % 200));
        let visited = scoped(
            |y: &Yielder<(), u32>| tree.visit(y),
            |all| all.collect::<Vec<_>>(),
        );
        assert!(visited.iter().copied().eq(0..200));
        assert!(tree.walk().eq(0..200));
    });
}

fn nested(depth: u32, journal: &Journal) -> Numbers {
    let journal = journal.clone();
    Generator::new(move |y| {
        let _held = journal.at_drop(depth);
        if depth > 0 {
            y.yield_from(&mut nested(depth - 1, &journal));
        }
        y.yield_(depth);
    })
}

#[test]
fn thousand_generators_inside_each_other_yield_and_unwind_innermost_first() {
    everywhere(|| {
        let journal = Journal::default();
        assert!(nested(300, &journal).eq(0..=300));
        journal.take();
        let mut deep = nested(1000, &journal);
        assert_eq!(deep.next(), Some(0));
        assert_eq!(deep.next(), Some(1));
        assert_eq!(journal.take(), "0");
        drop(deep);
        let order: Vec<String> = (1..=1000).map(|n| n.to_string()).collect();
        assert_eq!(journal.take(), order.join(" "));
    });
}

#[test]
fn ten_thousand_generators_are_alive_at_once() {
    let body = || {
        let mut all: Vec<Numbers> = (0..10_000)
            .map(|n| Generator::new(move |y| y.yield_all(n..n + 3)))
            .collect();
        for round in 0..2 {
            let sum: u64 = all
                .iter_mut()
                .filter_map(Generator::next)
                .map(u64::from)
                .sum();
            assert_eq!(sum, 49_995_000 + round * 10_000);
        }
        // Half are ended by their drop, in another order than they were made.
        let keys = (0..).map(|n: u64| n * 7919 % 10_007);
        let mut keyed: Vec<_> = keys.zip(all).collect();
        keyed.sort_by_key(|(key, _)| *key);
        let mut all: Vec<Numbers> = keyed.into_iter().map(|(_, generator)| generator).collect();
        all.truncate(5_000);
        assert_eq!(
            all.iter_mut()
                .map(|generator| generator.count())
                .sum::<usize>(),
            5_000
        );
    };
    let _watchdog = crate::common::watchdog();
    body();
    Rt::with_workers(1).run(body);
}

#[test]
fn hundred_thousand_generators_made_and_dropped_share_their_stacks() {
    const NAME: &str = "crowds::hundred_thousand_generators_made_and_dropped_share_their_stacks";
    let churn = || {
        let before = stack_stats();
        for n in 0..100_000_u32 {
            let mut generator: Numbers = Generator::new(move |y| y.yield_all(n..n + 2));
            // Created, suspended, closed, finished; or one within another.
            match n % 5 {
                0 => continue,
                1 => assert_eq!(generator.next(), Some(n)),
                2 => drop((generator.next(), generator.close())),
                3 => assert_eq!(generator.count(), 2),
                _ => {
                    let mut outer: Numbers = Generator::new(move |y| y.yield_from(&mut generator));
                    assert_eq!(outer.next(), Some(n));
                }
            }
        }
        let after = stack_stats();
        assert_eq!(after.in_use, before.in_use);
        // What a cache takes from the pool at once.
        assert!(after.created <= before.created + 64, "{before:?} {after:?}");
    };
    if is_child() {
        churn();
        return Rt::with_workers(1).run(churn);
    }
    let output = run_as_child(NAME);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
}

#[test]
fn generators_of_all_stack_sizes_take_turns() {
    everywhere(|| {
        let sizes = [16 << 10, 64 << 10, 192 << 10, 1 << 20, 8 << 20];
        let mut all: Vec<Numbers> = (0..50)
            .map(|n| {
                let builder = Builder::new().stack_size(sizes[n % 5]);
                builder
                    .make(|y: &Yielder<(), u32>| y.yield_all(0..3))
                    .unwrap()
            })
            .collect();
        while let Some(mut generator) = all.pop() {
            if generator.next().is_some() {
                all.insert(0, generator);
            }
        }
    });
}

/// Frames of a kilobyte each.
fn recurse(depth: u32) -> u32 {
    let frame = black_box([depth; 256]);
    if depth == 0 {
        return frame[7];
    }
    recurse(depth - 1) + frame[7]
}

#[test]
fn deep_stack_holds_what_the_default_one_would_not() {
    everywhere(|| {
        let deep: Numbers = Builder::new()
            .stack_size(32 << 20)
            .make(|y: &Yielder<(), u32>| y.yield_(recurse(4000)))
            .unwrap();
        assert_eq!(deep.sum::<u32>(), 4000 * 4001 / 2);
    });
}

#[test]
fn yield_from_a_big_stack_inside_the_body_works_and_unwinds() {
    everywhere(|| {
        let journal = Journal::default();
        for steps in 0..5 {
            let theirs = journal.clone();
            let mut climbing: Numbers = Generator::new(move |y| {
                let _small = theirs.at_drop("small");
                greenroom::with_big_stack(8 << 20, || {
                    let _big = theirs.at_drop("big");
                    y.yield_(1);
                    let deep = greenroom::with_big_stack(16 << 20, || {
                        y.yield_(2);
                        recurse(4000)
                    });
                    y.yield_(deep.unwrap());
                })
                .unwrap();
            });
            let sum: u32 = climbing.by_ref().take(steps).sum();
            drop(climbing);
            assert_eq!(sum, [0, 1, 3, 8_002_003, 8_002_003][steps]);
            let ends = if steps == 0 { "" } else { "big small" };
            assert_eq!(journal.take(), ends, "after {steps} steps");
        }
    });
}

/// In a child, `run` overflows a generator's stack; the report names it.
#[track_caller]
fn overflows(name: &str, run: impl FnOnce(fn()), owner: &str) {
    fn overflow() {
        let mut endless: Numbers = Generator::new(|y| y.yield_(recurse(u32::MAX)));
        endless.next();
    }
    if is_child() {
        run(overflow);
        unreachable!("the process should have ended");
    }
    let output = run_as_child(name);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(owner), "{stderr}");
    assert!(
        stderr.contains("has overflowed its stack (192 KiB)"),
        "{stderr}"
    );
    assert!(
        stderr.contains("made at tests/generators/crowds.rs:"),
        "{stderr}"
    );
    assert_eq!(output.status.signal(), Some(SIGABRT), "{stderr}");
}

#[test]
fn overflow_on_an_os_thread_names_the_generator() {
    let name = "crowds::overflow_on_an_os_thread_names_the_generator";
    overflows(
        name,
        |overflow| overflow(),
        "generator or greenlet of an OS thread",
    );
}

#[test]
fn overflow_in_a_green_thread_names_the_generator() {
    let name = "crowds::overflow_in_a_green_thread_names_the_generator";
    overflows(
        name,
        greenroom::run,
        "generator or greenlet of green thread #",
    );
}

#[test]
fn overflow_in_a_generator_inside_a_generator_names_the_inner_one() {
    let name = "crowds::overflow_in_a_generator_inside_a_generator_names_the_inner_one";
    let within = |overflow: fn()| {
        let mut outer: Generator<(), ()> = Generator::new(move |_| overflow());
        outer.next();
    };
    overflows(name, within, "generator or greenlet of an OS thread");
}
