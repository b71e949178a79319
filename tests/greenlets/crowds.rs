//! Many greenlets, driven at random, and churned; a stack that overflows.

use crate::common::{Rng, Rt, everywhere, is_child, run_as_child, watchdog};
use crate::journal::Journal;
use greenroom::greenlet::Greenlet;
use greenroom::stack_stats;
use std::cell::RefCell;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

const SIGABRT: i32 = 6;

#[test]
fn ten_thousand_greenlets_are_alive_at_once() {
    let body = || {
        let main = Greenlet::<u64>::current();
        let all: Vec<_> = (0..10_000_u64)
            .map(|n| {
                let main = main.clone();
                Greenlet::new(move |sent| main.switch(sent + n) + n)
            })
            .collect();
        for round in 1..=2 {
            let sum: u64 = all.iter().map(|one| one.switch(round)).sum();
            assert_eq!(sum, 49_995_000 + 10_000 * round);
        }
        assert!(all.iter().all(Greenlet::is_dead));
    };
    let _watchdog = watchdog();
    body();
    Rt::with_workers(1).run(body);
}

#[test]
fn hundred_thousand_greenlets_made_and_dropped_share_their_stacks() {
    const NAME: &str = "crowds::hundred_thousand_greenlets_made_and_dropped_share_their_stacks";
    let churn = || {
        let main = Greenlet::<u32>::current();
        let before = stack_stats();
        for n in 0..100_000 {
            let back = main.clone();
            let greenlet = Greenlet::new(move |n: u32| back.switch(n + 1));
            match n % 4 {
                0 => {}
                1 => assert_eq!(greenlet.switch(n), n + 1),
                2 => assert_eq!((greenlet.switch(n), greenlet.switch(7)), (n + 1, 7)),
                _ => greenlet.kill(),
            }
        }
        let after = stack_stats();
        assert_eq!(after.in_use, before.in_use);
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
fn overflow_of_a_greenlets_stack_names_it() {
    fn recurse(depth: u64) -> u64 {
        let frame = black_box([depth; 128]);
        if depth == 0 {
            0
        } else {
            recurse(depth - 1) + frame[7]
        }
    }
    if is_child() {
        greenroom::run(|| Greenlet::new(recurse).switch(u64::MAX));
        unreachable!("the process should have ended");
    }
    let output = run_as_child("crowds::overflow_of_a_greenlets_stack_names_it");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("generator or greenlet of "), "{stderr}");
    assert!(
        stderr.contains("made at tests/greenlets/crowds.rs:"),
        "{stderr}"
    );
    assert_eq!(output.status.signal(), Some(SIGABRT), "{stderr}");
}

/// Greenlets that know each other through a table, and what they have to do.
struct World {
    table: RefCell<Vec<Option<Greenlet<u32>>>>,
    rng: RefCell<Rng>,
    alive: Journal,
}

impl World {
    fn below(&self, bound: u64) -> usize {
        usize::try_from(self.rng.borrow_mut().below(bound)).unwrap()
    }

    fn any(&self) -> Option<Greenlet<u32>> {
        let table = self.table.borrow();
        let which = self.below(table.len() as u64);
        table[which].clone()
    }
}

/// One of the crowd: switches, kills, drops and makes others, until the count in hand is used up.
fn member(world: &Rc<World>, main: &Greenlet<u32>, mut left: u32) -> u32 {
    let _held = world.alive.at_drop("end");
    while left > 0 {
        left -= 1;
        let slot = world.below(8);
        let outcome = catch_unwind(AssertUnwindSafe(|| match world.below(10) {
            0..=4 => match world.any().map(|other| other.try_switch(left)) {
                Some(Ok(given)) => given.min(left),
                _ => left,
            },
            5 => main.try_switch(left).map_or(left, |given| given.min(left)),
            6 => {
                let fresh = newcomer(world, main);
                let old = world.table.borrow_mut()[slot].replace(fresh);
                drop(old);
                left
            }
            7 => {
                // Its last handle, maybe, or its own.
                let old = world.table.borrow_mut()[slot].take();
                drop(old);
                left
            }
            8 => {
                if let Some(other) = world.any().filter(|other| *other != *main) {
                    other.kill();
                }
                left
            }
            _ => panic::resume_unwind(Box::new(left)),
        }));
        match outcome {
            Ok(given) => left = given,
            // A panic of a child's, or its own: caught half the time. An exit goes on.
            Err(payload) if payload.is::<u32>() && world.below(2) == 0 => {}
            Err(payload) => panic::resume_unwind(payload),
        }
    }
    left
}

fn newcomer(world: &Rc<World>, main: &Greenlet<u32>) -> Greenlet<u32> {
    world.alive.note("begin");
    let (theirs, main) = (Rc::clone(world), main.clone());
    let never_run = world.alive.at_drop("gone");
    Greenlet::new(move |left| {
        let _gone = never_run;
        member(&theirs, &main, left)
    })
}

#[test]
fn greenlets_that_switch_kill_and_drop_each_other_at_random_all_end_once() {
    let rng = std::sync::Mutex::new(Rng::seeded());
    everywhere(|| {
        for _ in 0..200 {
            let world = Rc::new(World {
                table: RefCell::new(vec![None; 8]),
                rng: RefCell::new(rng.lock().unwrap().split()),
                alive: Journal::default(),
            });
            let main = Greenlet::<u32>::current();
            for _ in 0..10 {
                let slot = world.below(8);
                let fresh = newcomer(&world, &main);
                let old = world.table.borrow_mut()[slot].replace(fresh.clone());
                let run = AssertUnwindSafe(|| (drop(old), fresh.try_switch(30)));
                drop(catch_unwind(run));
                assert!(Greenlet::current() == main, "who runs was mixed up");
            }
            // Those that only hold each other's handles on their stacks are ended here or never.
            let table = std::mem::take(&mut *world.table.borrow_mut());
            drop(catch_unwind(AssertUnwindSafe(|| drop(table))));
            assert!(Greenlet::current() == main, "who runs was mixed up");
            let events = world.alive.take();
            let count = |event| events.split(' ').filter(|one| *one == event).count();
            assert!(count("gone") <= count("begin"));
            assert!(count("end") <= count("begin"));
        }
    });
}
