//! The queue behind all queues and channels: a store, those who wait for an item, those for room.
//!
//! ```text
//!   putters (full) ──► [ store, at most `capacity` items ] ──► getters (empty)
//! ```
//! Items change hands under one lock, by these rules, which leave nobody waiting who could go on:
//! - put: shut down? refused. A getter waits (so the store is empty)? into his slot. Room? into the
//!   store. Else the item waits in the putter's own frame.
//! - get: an item in the store? that one, and the first waiting putter's moves into the store. None, but
//!   a putter waits (capacity 0)? his. None, and shut down? refused. Else wait for a slot to be filled.
//!
//! *Who owns the item:* the putter, until a getter or the store has taken it out of his slot; then the
//! getter, from the moment it lies in *his* slot. Both happen under the lock, so a wait that is
//! interrupted or late finds out under the same lock whether it still has its item, or has got one:
//! then the operation has happened, and it returns so.
//! An item that lies in a slot is counted neither in `len` nor in the capacity.
//! *User code:* `Ord` of a priority queue and `Clone` for peeking run under the lock, and nothing else;
//! they may not park (`interrupt::forbid_parking`). Items are never dropped under it.
#![expect(
    unsafe_code,
    reason = "slots of waiting putters and getters are untyped"
)]

use super::store::Store;
use crate::park::interrupt;
use crate::park::wait_list::{self, Gift, Wait, Why};
use crate::sched::run::spend_budget;
use crate::sys::clock::NEVER_NS;
use crate::sys::lock::{Lock, LockGuard};
use crate::task::WaitReason;
use crate::task::reason::{Address, At};
use crate::task::wait_queue::{Claimed, WaitQueue};
use std::cell::UnsafeCell;
use std::marker::PhantomData;

/// Room without bounds.
pub(crate) const UNBOUNDED: usize = usize::MAX;

/// See the module.
pub(crate) struct Core<T, S> {
    pub(crate) state: Lock<State<T, S>>,
    labels: Labels,
}

/// What those who wait say they wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Labels {
    pub(crate) get: At,
    pub(crate) put: At,
}

/// What the lock guards.
pub(crate) struct State<T, S> {
    store: S,
    pub(super) capacity: usize,
    pub(super) is_shut: bool,
    /// Items put and not yet reported done.
    pub(super) unfinished: usize,
    /// Slots: `*mut Option<T>`, empty; filled by the giver, or left empty at a shutdown.
    pub(crate) getters: WaitQueue,
    /// Slots: `*mut Option<T>`, full; emptied by the taker, or left full at a shutdown.
    pub(crate) putters: WaitQueue,
    /// Woken to look again.
    peekers: WaitQueue,
    /// Woken when nothing is unfinished.
    joiners: WaitQueue,
    _item: PhantomData<T>,
}

/// Why an item was not taken; it comes back.
#[derive(Debug)]
pub(crate) enum Refused<T> {
    Full(T),
    ShutDown(T),
}

/// Why there is no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    Empty,
    ShutDown,
}

/// Wakes what it holds when it goes, also by unwinding. Declared before the guard of the lock, so that
/// it goes after it.
#[derive(Default)]
pub(crate) struct Wakes(Option<Claimed>);

impl Drop for Wakes {
    #[inline]
    fn drop(&mut self) {
        if let Some(claimed) = self.0.take() {
            wait_list::wake(claimed);
        }
    }
}

/// The slot of a getter or putter, as its node has it.
fn slot_of<T>(slot: &UnsafeCell<Option<T>>) -> *mut () {
    slot.get().cast()
}

/// Fills a getter's slot.
///
/// Only as a `give` of `WaitQueue::take_first_with` on a queue of getters of the same `T`.
#[inline]
fn fill<T>(slot: *mut (), item: &mut Option<T>) {
    // SAFETY: the node was queued, so its waiter's frame stands and he does not touch the slot.
    let slot = unsafe { &mut *slot.cast::<Option<T>>() };
    debug_assert!(slot.is_none());
    *slot = item.take();
}

/// Empties a putter's slot; as [`fill`].
#[inline]
fn empty<T>(slot: *mut ()) -> Option<T> {
    // SAFETY: as in `fill`.
    let slot = unsafe { &mut *slot.cast::<Option<T>>() };
    debug_assert!(slot.is_some());
    slot.take()
}

impl<T, S: Store<T>> State<T, S> {
    /// Puts if that is possible now.
    #[inline]
    pub(crate) fn offer(&mut self, item: T, wakes: &mut Option<Claimed>) -> Result<(), Refused<T>> {
        if self.is_shut {
            return Err(Refused::ShutDown(item));
        }
        let mut item = Some(item);
        let getter = self.getters.take_first_with(|slot| fill(slot, &mut item));
        let item = match (getter, item) {
            (Some(claimed), _) => {
                *wakes = Some(claimed);
                self.unfinished += 1;
                return Ok(());
            }
            (None, Some(item)) => item,
            (None, None) => unreachable!("a slot is filled only if a getter was taken"),
        };
        if self.store.len() >= self.capacity {
            return Err(Refused::Full(item));
        }
        // Before the push: a panic of `Ord` there leaves the item in the store.
        self.unfinished += 1;
        self.store.push(item);
        Ok(())
    }

    /// Gets if that is possible now. `place`, of the caller, is where the item goes at once: if an `Ord`
    /// panics after that, it is dropped by the caller, without the lock.
    #[inline]
    pub(crate) fn take(
        &mut self,
        place: &mut Option<T>,
        wakes: &mut Option<Claimed>,
    ) -> Result<(), Nothing> {
        *place = self.store.pop();
        let mut admitted = None;
        *wakes = self
            .putters
            .take_first_with(|slot| admitted = empty::<T>(slot));
        if let Some(next) = admitted {
            self.unfinished += 1;
            if place.is_none() {
                *place = Some(next);
            } else {
                self.store.push(next);
            }
            return Ok(());
        }
        match place {
            Some(_) => Ok(()),
            None if self.is_shut => Err(Nothing::ShutDown),
            None => Err(Nothing::Empty),
        }
    }

    /// After something was put into the store: those who peek shall look.
    pub(crate) fn claim_peekers(&mut self, wakes: &mut Vec<Claimed>) {
        wakes.extend(std::iter::from_fn(|| self.peekers.take_first()));
    }

    pub(crate) fn len(&self) -> usize {
        self.store.len()
    }
}

impl<T, S: Store<T>> Core<T, S> {
    pub(crate) const fn new(store: S, capacity: usize, labels: Labels) -> Core<T, S> {
        Core {
            state: Lock::new(State {
                store,
                capacity,
                is_shut: false,
                unfinished: 0,
                getters: WaitQueue::new(),
                putters: WaitQueue::new(),
                peekers: WaitQueue::new(),
                joiners: WaitQueue::new(),
                _item: PhantomData,
            }),
            labels,
        }
    }

    fn reason(&self, at: At) -> WaitReason {
        WaitReason::At(at, Address::of(&self.state))
    }

    /// Puts, waiting for room until the deadline. Parks. Unwinds for an interrupt, with the item.
    #[inline]
    pub(crate) fn put(&self, item: T, deadline_ns: u64) -> Result<(), Refused<T>> {
        interrupt::check();
        spend_budget();
        let mut wakes = Wakes::default();
        let mut state = self.state.lock();
        match state.offer(item, &mut wakes.0) {
            Ok(()) => {
                self.wake_peekers(state);
                Ok(())
            }
            Err(Refused::Full(item)) => self.wait_for_room(state, item, deadline_ns),
            Err(refused) => Err(refused),
        }
    }

    /// Puts if that is possible now. Never parks.
    pub(crate) fn try_put(&self, item: T) -> Result<(), Refused<T>> {
        let mut wakes = Wakes::default();
        let mut state = self.state.lock();
        state.offer(item, &mut wakes.0)?;
        self.wake_peekers(state);
        Ok(())
    }

    fn wait_for_room(
        &self,
        state: LockGuard<'_, State<T, S>>,
        item: T,
        deadline_ns: u64,
    ) -> Result<(), Refused<T>> {
        let slot = UnsafeCell::new(Some(item));
        let wait = Wait::until(deadline_ns, self.reason(self.labels.put));
        // The guard is dropped at the end of the arm: before `slot`, and before any unwinding.
        let why = match wait_list::wait_given(
            &self.state,
            state,
            |state| &mut state.putters,
            slot_of(&slot),
            wait,
        ) {
            Gift::Given => None,
            Gift::Withdrawn(why, _guard) => Some(why),
        };
        match (why, slot.into_inner()) {
            (_, None) => Ok(()),
            (None, Some(item)) => Err(Refused::ShutDown(item)),
            (Some(Why::TimedOut), Some(item)) => Err(Refused::Full(item)),
            (Some(Why::Interrupted), Some(_item)) => interrupt::raise(),
        }
    }

    /// Gets, waiting for an item until the deadline. Parks. Unwinds for an interrupt, without one.
    #[inline]
    pub(crate) fn get(&self, deadline_ns: u64) -> Result<T, Nothing> {
        interrupt::check();
        spend_budget();
        let (mut item, mut wakes) = (None, Wakes::default());
        let mut state = self.state.lock();
        match state.take(&mut item, &mut wakes.0) {
            Ok(()) => {
                drop(state);
                Ok(item.expect("because it was taken"))
            }
            Err(Nothing::Empty) => self.wait_for_item(state, deadline_ns),
            Err(nothing) => Err(nothing),
        }
    }

    /// Gets if that is possible now. Never parks.
    pub(crate) fn try_get(&self) -> Result<T, Nothing> {
        let (mut item, mut wakes) = (None, Wakes::default());
        let taken = self.state.lock().take(&mut item, &mut wakes.0);
        taken.map(|()| item.expect("because it was taken"))
    }

    fn wait_for_item(
        &self,
        state: LockGuard<'_, State<T, S>>,
        deadline_ns: u64,
    ) -> Result<T, Nothing> {
        let slot = UnsafeCell::new(None);
        let wait = Wait::until(deadline_ns, self.reason(self.labels.get));
        let why = match wait_list::wait_given(
            &self.state,
            state,
            |state| &mut state.getters,
            slot_of(&slot),
            wait,
        ) {
            Gift::Given => None,
            Gift::Withdrawn(why, _guard) => Some(why),
        };
        match (why, slot.into_inner()) {
            (_, Some(item)) => Ok(item),
            (None, None) => Err(Nothing::ShutDown),
            (Some(Why::TimedOut), None) => Err(Nothing::Empty),
            (Some(Why::Interrupted), None) => interrupt::raise(),
        }
    }

    /// After something was put into the store. Releases the state.
    #[inline]
    fn wake_peekers(&self, state: LockGuard<'_, State<T, S>>) {
        if !state.peekers.is_empty() {
            self.wake_all(state, |state| &mut state.peekers);
        }
    }

    /// Claims a whole queue of waiters, then wakes them without the lock.
    #[cold]
    fn wake_all(
        &self,
        mut state: LockGuard<'_, State<T, S>>,
        queue: impl Fn(&mut State<T, S>) -> &mut WaitQueue,
    ) {
        let mut claimed = Vec::new();
        while let Some(waiter) = queue(&mut state).take_first() {
            claimed.push(waiter);
        }
        drop(state);
        claimed.into_iter().for_each(wait_list::wake);
    }

    /// A clone of what a get would give, waiting for it until the deadline. Parks.
    pub(crate) fn peek(&self, deadline_ns: u64) -> Result<T, Nothing>
    where
        T: Clone,
    {
        interrupt::check();
        spend_budget();
        loop {
            let state = self.state.lock();
            if let Some(item) = state.store.peek() {
                return Ok(interrupt::forbid_parking(|| item.clone()));
            }
            if state.is_shut {
                return Err(Nothing::ShutDown);
            }
            let wait = Wait::until(deadline_ns, self.reason(self.labels.get));
            let why = match wait_list::wait_given(
                &self.state,
                state,
                |state| &mut state.peekers,
                std::ptr::null_mut(),
                wait,
            ) {
                Gift::Given => continue,
                Gift::Withdrawn(why, _guard) => why,
            };
            match why {
                Why::TimedOut => return Err(Nothing::Empty),
                Why::Interrupted => interrupt::raise(),
            }
        }
    }

    /// A clone of what a get would give. Never parks.
    pub(crate) fn try_peek(&self) -> Result<T, Nothing>
    where
        T: Clone,
    {
        let state = self.state.lock();
        match state.store.peek() {
            Some(item) => Ok(interrupt::forbid_parking(|| item.clone())),
            None if state.is_shut => Err(Nothing::ShutDown),
            None => Err(Nothing::Empty),
        }
    }

    /// From here on puts are refused, and gets once the queue is empty.
    pub(crate) fn shut_down(&self) {
        let mut state = self.state.lock();
        state.is_shut = true;
        self.wake_for_shutdown(state);
    }

    /// As `shut_down`, and what lies in the queue comes back, done. Whoever waits to put keeps his item.
    pub(crate) fn shut_down_now(&self) -> Vec<T> {
        let mut state = self.state.lock();
        state.is_shut = true;
        let items = state.store.drain();
        state.unfinished = state.unfinished.saturating_sub(items.len());
        self.wake_for_shutdown(state);
        items
    }

    /// Everybody learns of the shutdown: slots are left as they are.
    fn wake_for_shutdown(&self, mut state: LockGuard<'_, State<T, S>>) {
        let state_now = &mut *state;
        let mut claimed = Vec::new();
        // Getters wait only if the store is empty, so none of them is owed an item.
        for queue in [
            &mut state_now.getters,
            &mut state_now.putters,
            &mut state_now.peekers,
        ] {
            while let Some(waiter) = queue.take_first() {
                claimed.push(waiter);
            }
        }
        while state_now.unfinished == 0
            && let Some(waiter) = state_now.joiners.take_first()
        {
            claimed.push(waiter);
        }
        drop(state);
        claimed.into_iter().for_each(wait_list::wake);
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.state.lock().is_shut
    }

    /// One item less is unfinished. `false`: none was.
    pub(crate) fn finish_one(&self) -> bool {
        let mut state = self.state.lock();
        let Some(left) = state.unfinished.checked_sub(1) else {
            return false;
        };
        state.unfinished = left;
        if left == 0 && !state.joiners.is_empty() {
            self.wake_all(state, |state| &mut state.joiners);
        }
        true
    }

    pub(crate) fn unfinished(&self) -> usize {
        self.state.lock().unfinished
    }

    /// Waits until nothing is unfinished. Parks. `false`: the deadline passed.
    pub(crate) fn join(&self, deadline_ns: u64) -> bool {
        interrupt::check();
        spend_budget();
        let state = self.state.lock();
        if state.unfinished == 0 {
            return true;
        }
        let wait = Wait::until(deadline_ns, self.reason(At::QueueJoin));
        let why = match wait_list::wait_given(
            &self.state,
            state,
            |state| &mut state.joiners,
            std::ptr::null_mut(),
            wait,
        ) {
            Gift::Given => return true,
            Gift::Withdrawn(why, _guard) => why,
        };
        match why {
            Why::TimedOut => false,
            Why::Interrupted => interrupt::raise(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().len()
    }

    /// At most so many items; `None`: no bound.
    pub(crate) fn capacity(&self) -> Option<usize> {
        let capacity = self.state.lock().capacity;
        (capacity != UNBOUNDED).then_some(capacity)
    }
}

impl<T, S> std::panic::UnwindSafe for Core<T, S> {}
impl<T, S> std::panic::RefUnwindSafe for Core<T, S> {}

/// For calls without a limit.
pub(crate) const FOREVER: u64 = NEVER_NS;
