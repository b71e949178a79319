//! Deadlines and shields of nested strands, at random: what a wait notices is what a plain list says.
//!
//! The list holds what is in force, outermost first, through all stacks that are in the middle of
//! something. Whoever resumes a generator puts the generator's part on top, and takes it off again.

use crate::common::{FOREVER, Rng, everywhere};
use greenroom::generator::{Generator, Yielder, scoped};
use greenroom::{shield, thread, timeout};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Shield(u32),
    Due(u32),
    Far(u32),
    /// Below it is its resumer's part. An index would not do: several stacks may move together.
    Mark(u32),
}

/// What is in force, and the dice; of one thread.
#[derive(Clone)]
struct World(Rc<Inner>);

struct Inner {
    list: RefCell<Vec<Entry>>,
    /// The `timeout` that the last raised interrupt is for.
    raised: Cell<Option<u32>>,
    rng: RefCell<Rng>,
    ids: Cell<u32>,
    /// What is left to do: ends the recursion.
    acts: Cell<u32>,
    noticed: Cell<u32>,
}

/// Something on the list while it lives.
struct Listed<'a>(&'a World, Entry);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        let last = self.0.0.list.borrow_mut().pop();
        if !thread_is_failing() {
            assert_eq!(last, Some(self.1));
        }
    }
}

/// A second panic would end the process before the first one is shown.
fn thread_is_failing() -> bool {
    std::thread::panicking()
}

impl World {
    fn new(rng: Rng) -> World {
        World(Rc::new(Inner {
            list: RefCell::default(),
            raised: Cell::new(None),
            rng: RefCell::new(rng),
            ids: Cell::new(0),
            acts: Cell::new(400),
            noticed: Cell::new(0),
        }))
    }

    fn below(&self, bound: u64) -> u64 {
        self.0.rng.borrow_mut().below(bound)
    }

    fn id(&self) -> u32 {
        self.0.ids.set(self.0.ids.get() + 1);
        self.0.ids.get()
    }

    fn put(&self, entry: Entry) -> Listed<'_> {
        self.0.list.borrow_mut().push(entry);
        Listed(self, entry)
    }

    /// The outermost that is due and that no shield hides.
    fn due(&self) -> Option<u32> {
        let list = self.0.list.borrow();
        let visible = list.iter().rev();
        visible
            .take_while(|entry| !matches!(entry, Entry::Shield(_)))
            .filter_map(|entry| match entry {
                Entry::Due(id) => Some(*id),
                _ => None,
            })
            .last()
    }

    /// A wait without a length.
    fn look_up(&self) {
        let due = self.due();
        self.0.raised.set(due);
        thread::yield_now();
        assert_eq!(due, None, "not noticed: {:?}", self.0.list.borrow());
    }

    fn timed(&self, body: impl FnOnce()) {
        let id = self.id();
        let (entry, length) = match self.below(3) {
            0 => (Entry::Due(id), Duration::ZERO),
            _ => (Entry::Far(id), FOREVER),
        };
        let outcome = timeout(length, || {
            let _listed = self.put(entry);
            body();
        });
        if outcome.is_err() {
            assert_eq!(self.0.raised.take(), Some(id), "{:?}", self.0.list.borrow());
            self.0.noticed.set(self.0.noticed.get() + 1);
        }
    }

    fn shielded(&self, body: impl FnOnce()) {
        shield(|| {
            let _listed = self.put(Entry::Shield(self.id()));
            body();
        });
    }
}

/// A generator and its part of the list, while it is suspended.
struct Strand {
    generator: Option<Generator<(), ()>>,
    part: Vec<Entry>,
    world: World,
}

impl Strand {
    fn new(world: &World, depth: u32) -> Strand {
        let theirs = world.clone();
        Strand {
            generator: Some(Generator::new(move |y| wander(&theirs, depth, &[y]))),
            part: Vec::new(),
            world: world.clone(),
        }
    }

    /// `false`: it has ended.
    fn resume(&mut self) -> bool {
        let generator = self.generator.as_mut().expect("dropped at the end only");
        on_top(&self.world, &mut self.part, || generator.next().is_some())
    }
}

impl Drop for Strand {
    fn drop(&mut self) {
        let generator = self.generator.take();
        on_top(&self.world, &mut self.part, || drop(generator));
    }
}

/// With `part` on top of the list; takes off what is there afterwards.
fn on_top<T>(world: &World, part: &mut Vec<Entry>, resume: impl FnOnce() -> T) -> T {
    let mark = world.put(Entry::Mark(world.id()));
    world.0.list.borrow_mut().append(part);
    let outcome = resume();
    let is_mark = |entry: &Entry| *entry == mark.1;
    let place = world.0.list.borrow().iter().position(is_mark).unwrap();
    *part = world.0.list.borrow_mut().split_off(place + 1);
    outcome
}

/// Does things at random; may yield through any of `yielders`, the innermost last.
fn wander(world: &World, depth: u32, yielders: &[&Yielder<(), ()>]) {
    let mut strands: Vec<Strand> = Vec::new();
    for _ in 0..world.below(12) {
        if world.0.acts.get() == 0 {
            return;
        }
        world.0.acts.set(world.0.acts.get() - 1);
        let which = usize::try_from(world.below(100)).unwrap();
        match world.below(9) {
            0..=1 => world.look_up(),
            2 if depth > 0 => world.timed(|| wander(world, depth - 1, yielders)),
            3 if depth > 0 => world.shielded(|| wander(world, depth - 1, yielders)),
            4 if depth > 0 => strands.push(Strand::new(world, depth - 1)),
            5 if depth > 0 => inside(world, depth - 1, yielders),
            6 if !strands.is_empty() => {
                let which = which % strands.len();
                if !strands[which].resume() {
                    strands.swap_remove(which);
                }
            }
            // From within another `timeout` or shield than it was made under.
            7 if !strands.is_empty() => {
                let which = which % strands.len();
                world.timed(|| {
                    strands[which].resume();
                });
            }
            _ if !yielders.is_empty() => yielders[which % yielders.len()].yield_(()),
            _ => {}
        }
    }
}

/// A body that borrows the yielders around it, and suspends several stacks at once.
fn inside(world: &World, depth: u32, yielders: &[&Yielder<(), ()>]) {
    scoped(
        |y: &Yielder<(), ()>| {
            let all: Vec<_> = yielders.iter().copied().chain([y]).collect();
            wander(world, depth, &all);
        },
        |generator| {
            let mut part = Vec::new();
            for _ in 0..world.below(6) {
                on_top(world, &mut part, || generator.next());
            }
            // As `scoped` would, which knows nothing of the list.
            on_top(world, &mut part, || generator.close());
        },
    );
}

#[test]
fn deadlines_and_shields_of_nested_strands_hold_where_the_list_says() {
    let rng = std::sync::Mutex::new(Rng::seeded());
    let noticed = std::sync::atomic::AtomicU32::new(0);
    everywhere(|| {
        for _ in 0..150 {
            let world = World::new(rng.lock().unwrap().split());
            while world.0.acts.get() > 0 {
                wander(&world, 6, &[]);
                assert_eq!(world.0.list.borrow().len(), 0);
                thread::yield_now();
            }
            noticed.fetch_add(world.0.noticed.get(), std::sync::atomic::Ordering::Relaxed);
        }
    });
    assert!(noticed.into_inner() > 500, "the dice roll past the point");
}
