//! A storm of all that switches stacks: greenlets, generators, scoped ones, time-outs and shields around
//! each other, yields and drops, in an order from a seed. Afterwards the thread must be as new.

use crate::common::{FOREVER, Rng, SHORT, watchdog};
use greenroom::generator::{Generator, Scoped, Yielder, scoped};
use greenroom::greenlet::Greenlet;
use greenroom::thread;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Of greenlets that are held; others live by switches alone.
const CREW_MAX: usize = 12;

/// Room for the deepest nest of the main one.
const STACK_BYTES: usize = 2 << 20;

/// Of a borrowed stack, which a body may leave in the middle.
const BIG_BYTES: usize = 1 << 20;

#[derive(Clone)]
struct World(Rc<State>);

struct State {
    rng: RefCell<Rng>,
    crew: RefCell<Vec<Greenlet<u64>>>,
    acts_left: Cell<u32>,
}

impl World {
    fn new(rng: Rng) -> World {
        World(Rc::new(State {
            rng: RefCell::new(rng),
            crew: RefCell::new(vec![Greenlet::current()]),
            acts_left: Cell::new(400),
        }))
    }

    fn below(&self, bound: u64) -> u64 {
        self.0.rng.borrow_mut().below(bound)
    }

    fn is_over(&self) -> bool {
        self.0.acts_left.get() == 0
    }

    fn any(&self) -> Greenlet<u64> {
        let crew = self.0.crew.borrow();
        let number = self.below(crew.len() as u64);
        crew[usize::try_from(number).unwrap()].clone()
    }

    fn main(&self) -> Greenlet<u64> {
        self.0.crew.borrow()[0].clone()
    }

    /// Lets go of one, but not of the main one.
    fn dismiss(&self) {
        let others = self.0.crew.borrow().len() as u64 - 1;
        if others < 3 || self.below(4) > 0 {
            return;
        }
        let number = 1 + usize::try_from(self.below(others)).unwrap();
        let dismissed = self.0.crew.borrow_mut().swap_remove(number);
        drop(dismissed);
    }

    fn enlist(&self) {
        let world = self.clone();
        let newcomer = Greenlet::with_parent(&self.main(), move |n| {
            act(&world, 1);
            n
        });
        if self.0.crew.borrow().len() < CREW_MAX {
            self.0.crew.borrow_mut().push(newcomer.clone());
        }
        if self.below(2) == 0 {
            drop(newcomer.try_switch(1));
        }
    }
}

fn act(world: &World, depth: u32) {
    for _ in 0..=world.below(4) {
        if world.is_over() {
            return;
        }
        world.0.acts_left.update(|left| left - 1);
        match world.below(if depth > 4 { 4 } else { 10 }) {
            0 | 1 => drop(world.any().try_switch(u64::from(depth))),
            2 => thread::yield_now(),
            3 => world.dismiss(),
            4 => greenroom::timeout(FOREVER, || act(world, depth + 1)).unwrap(),
            5 => greenroom::shield(|| act(world, depth + 1)),
            6 => use_generator(world, depth),
            7 => use_scoped(world, depth),
            8 => greenroom::with_big_stack(BIG_BYTES, || act(world, depth + 1)).unwrap(),
            _ => world.enlist(),
        }
    }
}

fn use_generator(world: &World, depth: u32) {
    let inside = world.clone();
    let mut generator: Generator<(), ()> = Generator::new(move |y| {
        for _ in 0..inside.below(4) {
            if inside.below(2) == 0 {
                let timed = || {
                    act(&inside, depth + 1);
                    y.yield_(());
                    greenroom::shield(|| y.yield_(()));
                };
                greenroom::timeout(FOREVER, timed).unwrap();
            } else {
                act(&inside, depth + 2);
                y.yield_(());
            }
        }
    });
    for _ in 0..world.below(5) {
        if world.below(2) == 0 {
            generator.next();
        } else {
            greenroom::timeout(FOREVER, || generator.next()).unwrap();
        }
        act(world, depth + 2);
    }
}

fn use_scoped(world: &World, depth: u32) {
    let body = |y: &Yielder<(), u64>| {
        for n in 0..3 {
            greenroom::shield(|| y.yield_(n));
            act(world, depth + 1);
        }
    };
    let resumer = |scoped: &mut Scoped<'_, (), u64, ()>| {
        scoped.next();
        act(world, depth + 1);
        scoped.next();
    };
    scoped(body, resumer);
}

fn storm(rng: Rng) {
    let world = World::new(rng);
    while !world.is_over() {
        act(&world, 0);
    }
    let crew = world.0.crew.take();
    drop(crew);
    let ended = greenroom::timeout(SHORT, || thread::sleep(FOREVER));
    assert!(ended.is_err() && !std::thread::panicking());
    assert_eq!(Greenlet::new(|n: u64| n + 1).switch(1), 2);
}

#[test]
fn storm_of_switches_yields_deadlines_and_drops_leaves_the_thread_as_new() {
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    for _ in 0..if cfg!(debug_assertions) { 15 } else { 40 } {
        let (one, other) = (rng.split(), rng.split());
        let builder = thread::Builder::new().stack_size(STACK_BYTES);
        builder.spawn(|| storm(one)).unwrap().join().unwrap();
        std::thread::spawn(|| storm(other)).join().unwrap();
    }
}
