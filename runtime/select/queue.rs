//! Arms that take from a queue, or give to one.
//!
//! The item of a giving arm stays in the caller's own `Option` until a getter or the store takes it
//! from there, under the queue's lock: an arm that loses leaves it where it is.
#![expect(unsafe_code, reason = "reads slots that a giver may have filled")]

use crate::park::choose::{Arm, Attempt, Gated, GatedArm};
use crate::queue::core::{Core, Nothing, Refused, State};
use crate::queue::store::Store;
use crate::sys::lock::{Gate, Lock};
use crate::task::wait_queue::{Claimed, WaitQueue};
use std::cell::{Cell, UnsafeCell};

/// Takes an item.
pub(crate) struct Take<'a, T, S> {
    core: &'a Core<T, S>,
    /// Filled by `attempt`, or by a giver.
    slot: UnsafeCell<Option<T>>,
}

impl<'a, T, S: Store<T>> Take<'a, T, S> {
    pub(crate) fn new(core: &'a Core<T, S>) -> Gated<Take<'a, T, S>> {
        Gated(Take {
            core,
            slot: UnsafeCell::new(None),
        })
    }

    /// After the arm has won. `None`: the queue was shut down.
    pub(crate) fn outcome(self) -> Option<T> {
        self.slot.into_inner()
    }
}

impl<T, S: Store<T>> GatedArm for Take<'_, T, S> {
    type State = State<T, S>;

    fn lock(&self) -> &Lock<State<T, S>> {
        &self.core.state
    }

    fn attempt(&mut self, state: &mut State<T, S>, wakes: &mut Vec<Claimed>) -> Attempt {
        let mut wake = Collect { wake: None, wakes };
        match state.take(self.slot.get_mut(), &mut wake.wake) {
            Ok(()) | Err(Nothing::ShutDown) => {}
            Err(Nothing::Empty) => return Attempt::NotReady,
        }
        Attempt::Done
    }

    fn slot(&self) -> *mut () {
        self.slot.get().cast()
    }

    fn queue<'s>(&self, state: &'s mut State<T, S>) -> &'s mut WaitQueue {
        &mut state.getters
    }
}

/// Adds a claimed waiter to the others, also if an item's `Ord` panics after it was claimed.
struct Collect<'w> {
    wake: Option<Claimed>,
    wakes: &'w mut Vec<Claimed>,
}

impl Drop for Collect<'_> {
    fn drop(&mut self) {
        self.wakes.extend(self.wake.take());
    }
}

/// Gives the item in the caller's `Option`; without one the arm is switched off.
pub(crate) struct Give<'a, T, S> {
    core: &'a Core<T, S>,
    item: &'a Cell<Option<T>>,
    is_on: bool,
}

impl<'a, T, S: Store<T>> Give<'a, T, S> {
    pub(crate) fn new(core: &'a Core<T, S>, item: &'a mut Option<T>) -> Give<'a, T, S> {
        Give {
            core,
            is_on: item.is_some(),
            item: Cell::from_mut(item),
        }
    }

    /// After the arm has won. `Err`: the queue was shut down, and this is the item.
    pub(crate) fn outcome(self) -> Result<(), T> {
        self.item.take().map_or(Ok(()), Err)
    }
}

impl<T, S: Store<T>> Arm for Give<'_, T, S> {
    fn gate(&self) -> Option<&dyn Gate> {
        self.is_on.then_some(&self.core.state as &dyn Gate)
    }

    fn attempt(&mut self, wakes: &mut Vec<Claimed>) -> Attempt {
        let Some(item) = self.item.take() else {
            return Attempt::NotReady;
        };
        let mut wake = None;
        // SAFETY: there is an item, so there is a gate, and the engine holds it.
        let state = unsafe { &mut *self.core.state.as_ptr() };
        let offered = state.offer(item, &mut wake);
        if offered.is_ok() {
            state.claim_peekers(wakes);
        }
        wakes.extend(wake);
        match offered {
            Ok(()) => Attempt::Done,
            Err(Refused::ShutDown(item)) => {
                self.item.set(Some(item));
                Attempt::Done
            }
            Err(Refused::Full(item)) => {
                self.item.set(Some(item));
                Attempt::NotReady
            }
        }
    }

    fn slot(&self) -> *mut () {
        self.item.as_ptr().cast()
    }

    fn with_queue(&self, body: &mut dyn FnMut(&mut WaitQueue)) {
        if self.is_on {
            // SAFETY: called with the gate held, and the reference ends with the call.
            body(&mut unsafe { &mut *self.core.state.as_ptr() }.putters);
        }
    }
}
