//! A tree of generators, driven at random, does what a plain struct says it should.
//!
//! Each generator follows a script, drawn from a seed, which the model interprets without any stack.

use crate::common::{Rng, everywhere};
use crate::journal::Journal;
use greenroom::generator::{Generator, GeneratorExit, State, Yielder};
use std::panic::{self, AssertUnwindSafe, catch_unwind};

/// What a body does, in order.
#[derive(Clone, Debug)]
enum Act {
    Yield(u32),
    /// Yields; catches what unwinds, notes it and goes on.
    CatchingYield(u32),
    /// Notes its drop when the body ends.
    Hold(u32),
    From(Vec<Act>),
    Raise(u32),
}

fn script(rng: &mut Rng, depth: u32) -> Vec<Act> {
    let length = rng.below(6);
    let act = |_| {
        let number = u32::try_from(rng.below(1000)).unwrap();
        match rng.below(12) {
            0..=4 => Act::Yield(number),
            5..=6 => Act::CatchingYield(number),
            7..=8 => Act::Hold(number),
            9..=10 if depth > 0 => Act::From(script(rng, depth - 1)),
            11 if rng.below(3) == 0 => Act::Raise(number),
            _ => Act::Yield(number + 1000),
        }
    };
    (0..length).map(act).collect()
}

type Body = Generator<u32, u32, u32>;

/// The script as a generator: returns the sum of what it was sent.
fn real(acts: Vec<Act>, journal: &Journal) -> Body {
    let journal = journal.clone();
    Generator::new(move |y: &Yielder<u32, u32>| {
        let mut held = Vec::new();
        let mut sum = 0;
        for act in acts {
            match act {
                Act::Yield(n) => sum += y.yield_(n),
                Act::CatchingYield(n) => match catch_unwind(AssertUnwindSafe(|| y.yield_(n))) {
                    Ok(sent) => sum += sent,
                    Err(payload) if payload.is::<GeneratorExit>() => journal.note("exit"),
                    Err(payload) => journal.note(format!("caught{}", number(&*payload))),
                },
                // Before the older ones, so that they drop newest first.
                Act::Hold(n) => held.insert(0, journal.at_drop(format!("drop{n}"))),
                Act::From(acts) => sum += y.yield_from(&mut real(acts, &journal)),
                Act::Raise(n) => panic::resume_unwind(Box::new(n)),
            }
        }
        sum
    })
}

fn number(payload: &(dyn std::any::Any + Send)) -> u32 {
    *payload.downcast_ref::<u32>().expect("a number was raised")
}

/// What a resume brings.
#[derive(Clone, Copy, Debug)]
enum Bring {
    Nothing,
    Sent(u32),
    Thrown(u32),
    Exit,
}

/// How a resume ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Yielded(u32),
    Returned(u32),
    Raised(u32),
    Exited,
    /// Of a `close`: it yielded.
    Stubborn,
}

#[derive(Debug)]
struct Model {
    acts: std::vec::IntoIter<Act>,
    /// It waits in this yield.
    waits: Option<Act>,
    inner: Option<Box<Model>>,
    held: Vec<u32>,
    sum: u32,
    state: State,
}

impl Model {
    fn new(acts: Vec<Act>) -> Model {
        Model {
            acts: acts.into_iter(),
            waits: None,
            inner: None,
            held: Vec::new(),
            sum: 0,
            state: State::Created,
        }
    }

    fn finish(&mut self, end: End, journal: &Journal) -> End {
        self.state = State::Finished;
        for n in self.held.drain(..).rev() {
            journal.note(format!("drop{n}"));
        }
        end
    }

    fn resume(&mut self, bring: Bring, journal: &Journal) -> End {
        if let Some(inner) = &mut self.inner {
            match inner.resume_as_yield_from(bring, journal) {
                End::Yielded(n) => return End::Yielded(n),
                End::Returned(sum) => self.sum += sum,
                end => {
                    self.drop_inner(journal);
                    return self.finish(end, journal);
                }
            }
            self.inner = None;
        } else {
            match (self.waits.take(), bring) {
                (_, Bring::Nothing) => {}
                (_, Bring::Sent(n)) => self.sum += n,
                (Some(Act::CatchingYield(_)), Bring::Thrown(n)) => {
                    journal.note(format!("caught{n}"));
                }
                (Some(Act::CatchingYield(_)), Bring::Exit) => journal.note("exit"),
                (_, Bring::Thrown(n)) => return self.finish(End::Raised(n), journal),
                (_, Bring::Exit) => return self.finish(End::Exited, journal),
            }
        }
        self.go_on(journal)
    }

    fn go_on(&mut self, journal: &Journal) -> End {
        self.state = State::Suspended;
        while let Some(act) = self.acts.next() {
            match act {
                Act::Yield(n) | Act::CatchingYield(n) => {
                    self.waits = Some(act);
                    return End::Yielded(n);
                }
                Act::Hold(n) => self.held.push(n),
                Act::Raise(n) => return self.finish(End::Raised(n), journal),
                Act::From(acts) => {
                    let mut inner = Model::new(acts);
                    match inner.resume(Bring::Nothing, journal) {
                        End::Returned(sum) => self.sum += sum,
                        End::Yielded(n) => {
                            self.inner = Some(Box::new(inner));
                            return End::Yielded(n);
                        }
                        end => return self.finish(end, journal),
                    }
                }
            }
        }
        self.finish(End::Returned(self.sum), journal)
    }

    /// The outer one is resumed: closing closes the inner one first, then unwinds the outer one.
    fn resume_as_yield_from(&mut self, bring: Bring, journal: &Journal) -> End {
        match bring {
            Bring::Exit => match self.close(journal) {
                End::Returned(_) | End::Exited => End::Exited,
                end => end,
            },
            bring => self.resume(bring, journal),
        }
    }

    fn drop_inner(&mut self, journal: &Journal) {
        if let Some(mut inner) = self.inner.take() {
            inner.end(journal);
        }
    }

    fn send(&mut self, n: u32, journal: &Journal) -> Option<End> {
        match self.state {
            State::Suspended => Some(self.resume(Bring::Sent(n), journal)),
            _ => None,
        }
    }

    fn throw(&mut self, n: u32, journal: &Journal) -> End {
        match self.state {
            State::Suspended => self.resume(Bring::Thrown(n), journal),
            _ => self.finish(End::Raised(n), journal),
        }
    }

    fn close(&mut self, journal: &Journal) -> End {
        match self.state {
            State::Suspended => match self.resume(Bring::Exit, journal) {
                End::Yielded(_) => End::Stubborn,
                end => end,
            },
            _ => self.finish(End::Exited, journal),
        }
    }

    /// Dropped.
    fn end(&mut self, journal: &Journal) {
        self.close(journal);
    }
}

/// Does `call` to the real one.
fn outcome(generator: &mut Body, call: impl FnOnce(&mut Body) -> Option<u32>) -> End {
    match catch_unwind(AssertUnwindSafe(|| call(generator))) {
        Ok(Some(n)) => End::Yielded(n),
        Ok(None) => generator.take_return().map_or(End::Exited, End::Returned),
        Err(payload) if payload.is::<u32>() => End::Raised(number(&*payload)),
        Err(_) => End::Stubborn,
    }
}

/// One step of both; they must agree.
fn step(generator: &mut Body, model: &mut Model, rng: &mut Rng, journals: &[Journal; 2]) {
    let n = u32::try_from(rng.below(100)).unwrap();
    let theirs = &journals[1];
    let (real, expected) = match (rng.below(10), model.state) {
        (0, _) => (
            outcome(generator, |g| g.throw(Box::new(n))),
            model.throw(n, theirs),
        ),
        (1, _) => {
            let closed = catch_unwind(AssertUnwindSafe(|| generator.close()));
            let real = match closed {
                Ok(Some(n)) => End::Returned(n),
                Ok(None) => End::Exited,
                Err(payload) if payload.is::<u32>() => End::Raised(number(&*payload)),
                Err(_) => End::Stubborn,
            };
            (real, model.close(theirs))
        }
        (_, State::Created) => (
            outcome(generator, Generator::next),
            model.resume(Bring::Nothing, theirs),
        ),
        (_, State::Suspended) => (
            outcome(generator, |g| g.send(n)),
            model.resume(Bring::Sent(n), theirs),
        ),
        (_, _) => {
            assert_eq!(model.send(n, theirs), None);
            (outcome(generator, |g| g.send(n)), End::Exited)
        }
    };
    assert_eq!(real, expected, "{model:?}");
    assert_eq!(generator.state(), model.state, "{model:?}");
    assert_eq!(journals[0].take(), journals[1].take(), "{model:?}");
}

#[test]
fn generators_driven_at_random_do_what_the_model_says() {
    let rng = std::sync::Mutex::new(Rng::seeded());
    everywhere(|| {
        let mut rng = rng.lock().unwrap().split();
        let journals = [Journal::default(), Journal::default()];
        for _ in 0..300 {
            let mut pairs: Vec<(Body, Model)> = Vec::new();
            for _ in 0..=rng.below(4) {
                let acts = script(&mut rng, 3);
                pairs.push((real(acts.clone(), &journals[0]), Model::new(acts)));
            }
            for _ in 0..rng.below(60) {
                let which = usize::try_from(rng.next() % 4).unwrap() % pairs.len();
                let (generator, model) = &mut pairs[which];
                step(generator, model, &mut rng, &journals);
            }
            for (generator, mut model) in pairs {
                let dropped = catch_unwind(AssertUnwindSafe(|| drop(generator)));
                let expected = model.close(&journals[1]);
                // A stubborn inner one ends the outer one with a panic; a stubborn outer one is leaked.
                let is_raised = match expected {
                    End::Raised(_) => true,
                    End::Stubborn => model.state == State::Finished,
                    _ => false,
                };
                assert_eq!(dropped.is_err(), is_raised, "{model:?}");
                assert_eq!(journals[0].take(), journals[1].take(), "dropped");
            }
        }
    });
}
