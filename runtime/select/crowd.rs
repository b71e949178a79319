//! Arms that wait for what lets everybody go at once (`Event`, `WaitGroup`, `AsyncResult`), and arms that
//! take a permit.
//!
//! The former take nothing. A permit is taken under the semaphore's lock, by the arm or by the release
//! that gives it to the arm's node, and becomes a guard only if the arm has won.

use crate::park::choose::{Attempt, Gated, GatedArm};
use crate::sync::crowd::{Arrival, Crowd};
use crate::sync::event::EventState;
use crate::sync::raw_semaphore::Permits;
use crate::sync::wait_group::WaitGroupState;
use crate::sync::{AsyncResult, Event, WaitGroup};
use crate::sys::lock::Lock;
use crate::task::wait_queue::{Claimed, WaitQueue};
use std::cell::UnsafeCell;

/// What has a crowd that waits for it.
pub(crate) trait Gathering {
    /// What its lock guards.
    type State;

    fn lock(&self) -> &Lock<Self::State>;
    fn has_come(&self, state: &Self::State) -> bool;
    fn crowd(state: &mut Self::State) -> &mut Crowd;
}

impl Gathering for Event {
    type State = EventState;

    fn lock(&self) -> &Lock<EventState> {
        self.state()
    }

    fn has_come(&self, state: &EventState) -> bool {
        state.is_set()
    }

    fn crowd(state: &mut EventState) -> &mut Crowd {
        state.crowd()
    }
}

impl Gathering for WaitGroup {
    type State = WaitGroupState;

    fn lock(&self) -> &Lock<WaitGroupState> {
        self.state()
    }

    fn has_come(&self, state: &WaitGroupState) -> bool {
        state.is_done()
    }

    fn crowd(state: &mut WaitGroupState) -> &mut Crowd {
        state.crowd()
    }
}

impl<T, E> Gathering for AsyncResult<T, E> {
    type State = Crowd;

    fn lock(&self) -> &Lock<Crowd> {
        self.crowd()
    }

    fn has_come(&self, _state: &Crowd) -> bool {
        self.is_ready()
    }

    fn crowd(state: &mut Crowd) -> &mut Crowd {
        state
    }
}

/// Waits for it to come.
pub(crate) struct Come<'a, G> {
    what: &'a G,
    /// Numbered under the gate, in the section in which the node is queued.
    arrival: UnsafeCell<Arrival>,
}

impl<'a, G: Gathering> Come<'a, G> {
    pub(crate) fn new(what: &'a G) -> Gated<Come<'a, G>> {
        Gated(Come {
            what,
            arrival: UnsafeCell::new(Arrival::not_yet()),
        })
    }
}

impl<G: Gathering> GatedArm for Come<'_, G> {
    type State = G::State;

    fn lock(&self) -> &Lock<G::State> {
        self.what.lock()
    }

    fn attempt(&mut self, state: &mut G::State, _wakes: &mut Vec<Claimed>) -> Attempt {
        if self.what.has_come(state) || G::crowd(state).is_released(self.arrival.get_mut()) {
            return Attempt::Done;
        }
        *self.arrival.get_mut() = G::crowd(state).arrive();
        Attempt::NotReady
    }

    fn slot(&self) -> *mut () {
        self.arrival.get().cast()
    }

    fn queue<'s>(&self, state: &'s mut G::State) -> &'s mut WaitQueue {
        G::crowd(state).waiters()
    }
}

/// Takes a permit.
pub(crate) struct Permit<'a>(&'a Lock<Permits>);

impl<'a> Permit<'a> {
    pub(crate) fn new(permits: &'a Lock<Permits>) -> Gated<Permit<'a>> {
        Gated(Permit(permits))
    }
}

impl GatedArm for Permit<'_> {
    type State = Permits;

    fn lock(&self) -> &Lock<Permits> {
        self.0
    }

    fn attempt(&mut self, state: &mut Permits, _wakes: &mut Vec<Claimed>) -> Attempt {
        if state.take() {
            Attempt::Done
        } else {
            Attempt::NotReady
        }
    }

    fn queue<'s>(&self, state: &'s mut Permits) -> &'s mut WaitQueue {
        state.waiters()
    }
}
