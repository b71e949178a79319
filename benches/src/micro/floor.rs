//! The floors: bare coroutines in the simplest loop that does the job, std where it has the item.
//!
//! A coroutine suspends three real calls deep, as any library's does behind its public functions:
//! inlined into the coroutine's root the switch would be four times as fast and nobody's code.

use super::Lab;
use crate::clock::{cpu_ns, cpu_per};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::Cell;
use std::collections::VecDeque;
use std::hint::black_box;
use std::io;
use std::rc::Rc;
use std::time::Instant;

pub(super) const STACK_BYTES: usize = 64 * 1024;
/// Switches per run of a yield row.
pub(super) const YIELDS: usize = 400_000;
/// Rounds before the clock is read.
pub(super) const WARM_ROUNDS: usize = 20;
pub(super) const SPAWNS: usize = 50_000;
pub(super) const BATCH: usize = 100_000;
pub(super) const TOKENS: usize = 200_000;

type Fiber = Coroutine<(), (), (), DefaultStack>;

#[inline(never)]
fn outer(yielder: &Yielder<(), ()>) {
    middle(yielder);
    black_box(());
}

#[inline(never)]
fn middle(yielder: &Yielder<(), ()>) {
    inner(yielder);
    black_box(());
}

#[inline(never)]
fn inner(yielder: &Yielder<(), ()>) {
    yielder.suspend(());
    black_box(());
}

fn stack() -> io::Result<DefaultStack> {
    DefaultStack::new(STACK_BYTES)
}

/// Nanoseconds per yield among `tasks` coroutines in a round queue.
pub(crate) fn yields(lab: &Lab, tasks: usize) -> io::Result<f64> {
    let rounds = lab.share(YIELDS / tasks).max(2);
    let times = Rc::new(Cell::new((0, 0)));
    let mut queue = VecDeque::with_capacity(tasks);
    for number in 0..tasks {
        let times = Rc::clone(&times);
        let fiber: Fiber = Coroutine::with_stack(stack()?, move |yielder, ()| {
            // The first coroutine's rounds are everybody's: it alone reads the clock.
            for _ in 0..WARM_ROUNDS {
                outer(yielder);
            }
            let begun = if number == 0 { cpu_ns() } else { 0 };
            for _ in 0..rounds {
                outer(yielder);
            }
            if number == 0 {
                times.set((begun, cpu_ns()));
            }
        });
        queue.push_back(fiber);
    }
    while let Some(mut fiber) = queue.pop_front() {
        if let CoroutineResult::Yield(()) = fiber.resume(()) {
            queue.push_back(fiber);
        }
    }
    let (begun, ended) = times.get();
    Ok((ended - begun) as f64 / (rounds * tasks) as f64)
}

/// A coroutine made, run to its end and taken apart, on the same stack each time.
pub(super) fn one_by_one(lab: &Lab) -> io::Result<f64> {
    let spawns = lab.share(SPAWNS);
    let mut free = Some(stack()?);
    Ok(cpu_per(spawns, || {
        for number in 0..spawns {
            let stack = free.take().expect("because each round gives it back");
            let (value, stack) = run_on(stack, move || black_box(number));
            black_box(value);
            free = Some(stack);
        }
    }))
}

fn run_on<T: 'static>(
    stack: DefaultStack,
    work: impl FnOnce() -> T + 'static,
) -> (T, DefaultStack) {
    let mut fiber: Coroutine<(), (), T, DefaultStack> =
        Coroutine::with_stack(stack, |_, ()| work());
    let CoroutineResult::Return(value) = fiber.resume(()) else {
        unreachable!("the body never suspends");
    };
    (value, fiber.into_stack())
}

/// Closures queued in boxes, each run on one pooled stack.
pub(super) fn batch(lab: &Lab) -> io::Result<f64> {
    let spawns = lab.share(BATCH);
    let mut free = Some(stack()?);
    let mut queue: VecDeque<Box<dyn FnOnce() -> usize>> = VecDeque::with_capacity(spawns);
    Ok(cpu_per(spawns, || {
        for number in 0..spawns {
            queue.push_back(Box::new(move || black_box(number)));
        }
        while let Some(work) = queue.pop_front() {
            let stack = free.take().expect("because each round gives it back");
            let (value, stack) = run_on(stack, work);
            black_box(value);
            free = Some(stack);
        }
    }))
}

/// An OS thread that leaves itself the token and takes it.
pub(super) fn tokens(lab: &Lab) -> io::Result<f64> {
    let times = lab.share(TOKENS);
    let me = std::thread::current();
    Ok(cpu_per(times, || {
        for _ in 0..times {
            me.unpark();
            std::thread::park();
        }
    }))
}

/// What any deadline costs at least.
pub(super) fn clock(lab: &Lab) -> io::Result<f64> {
    let times = lab.share(TOKENS);
    Ok(cpu_per(times, || {
        for _ in 0..times {
            black_box(Instant::now());
        }
    }))
}

/// An OS thread spawned and joined; on the wall.
pub(super) fn spawn_os(lab: &Lab) -> io::Result<f64> {
    let spawns = lab.share(500);
    let begun = Instant::now();
    for number in 0..spawns {
        let thread = std::thread::Builder::new().spawn(move || black_box(number))?;
        black_box(thread.join().ok());
    }
    Ok(begun.elapsed().as_nanos() as f64 / spawns as f64)
}
