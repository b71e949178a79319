//! The wait for a gift of `park/wait_list.rs`: what was given is neither lost nor doubled.

use crate::check::{Seen, exhaust_up_to};
use crate::park::wait_list::{self, Gift, Wait, Why};
use crate::sys::clock::{self, NEVER_NS};
use crate::sys::lock::Lock;
use crate::task::wait_queue::WaitQueue;
use crate::task::{Header, WaitReason};
use crate::who::{SOON_NS, Who, as_task, cancel, run};
use loom::cell::UnsafeCell;
use loom::thread;
use std::collections::VecDeque;
use std::sync::Arc;

/// A waiter's slot: loom sees the giver write and the waiter read.
type Slot = UnsafeCell<u32>;

/// Numbered gifts: for the first who waits, else kept for the next who comes.
struct Desk(Lock<State>);

struct State {
    kept: VecDeque<u32>,
    given: u32,
    arrived: u32,
    waiters: WaitQueue,
}

impl Desk {
    fn new() -> Arc<Desk> {
        Arc::new(Desk(Lock::new(State {
            kept: VecDeque::new(),
            given: 0,
            arrived: 0,
            waiters: WaitQueue::new(),
        })))
    }

    /// Gives the next gift.
    #[expect(unsafe_code, reason = "a node's slot is untyped")]
    fn give(&self) {
        let mut state = self.0.lock();
        state.given += 1;
        let gift = state.given;
        let claimed = state.waiters.take_first_with(|slot| {
            // SAFETY: all slots of this queue are of this type, and their frames stand.
            let slot = unsafe { &*slot.cast::<Slot>() };
            // SAFETY: loom's cell checks that nobody else reaches it.
            slot.with_mut(|place| unsafe { *place = gift });
        });
        if claimed.is_none() {
            state.kept.push_back(gift);
        }
        drop(state);
        claimed.into_iter().for_each(wait_list::wake);
    }

    /// Waits for a gift: `Ok((arrival, gift))`.
    #[expect(unsafe_code, reason = "the slot is read as a giver has left it")]
    fn wait(&self, deadline_ns: u64) -> Result<(u32, u32), Why> {
        let mut state = self.0.lock();
        state.arrived += 1;
        let arrival = state.arrived;
        if let Some(gift) = state.kept.pop_front() {
            return Ok((arrival, gift));
        }
        let slot = Slot::new(0);
        let place = (&raw const slot).cast_mut().cast();
        let wait = Wait::until(deadline_ns, WaitReason::Unpark);
        match wait_list::wait_given(&self.0, state, |state| &mut state.waiters, place, wait) {
            // SAFETY: the giver is through with it; loom's cell checks that.
            Gift::Given => Ok((arrival, slot.with(|gift| unsafe { *gift }))),
            Gift::Withdrawn(why, state) => {
                assert!(state.waiters.is_empty(), "withdrawn, and still queued");
                // SAFETY: as above.
                assert_eq!(slot.with(|gift| unsafe { *gift }), 0, "given and withdrawn");
                Err(why)
            }
        }
    }

    /// The gifts that nobody got.
    fn left(&self) -> usize {
        let state = self.0.lock();
        assert!(state.waiters.is_empty(), "a node was left behind");
        state.kept.len()
    }
}

fn giver_against(who: Who) {
    exhaust_up_to(3, move || {
        let desk = Desk::new();
        let giver = {
            let desk = Arc::clone(&desk);
            thread::spawn(move || desk.give())
        };
        assert_eq!(run(who, || desk.wait(NEVER_NS)), Ok((1, 1)));
        giver.join().expect("a giver does not panic");
        assert_eq!(desk.left(), 0);
    });
}

/// A green thread waits.
pub fn giver_against_a_green_waiter() {
    giver_against(Who::Green);
}

/// An OS thread waits.
pub fn giver_against_an_os_waiter() {
    giver_against(Who::Os);
}

fn gift_against_timeout(who: Who) {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let desk = Desk::new();
        let giver = {
            let desk = Arc::clone(&desk);
            thread::spawn(move || desk.give())
        };
        let time = thread::spawn(|| clock::advance(SOON_NS));
        let outcome = run(who, || desk.wait(SOON_NS));
        giver.join().expect("a giver does not panic");
        time.join().expect("time does not panic");
        match outcome {
            Ok(got) => assert_eq!((got, desk.left()), ((1, 1), 0)),
            Err(why) => assert_eq!((why, desk.left()), (Why::TimedOut, 1)),
        }
        outcomes.note(u32::from(outcome.is_ok()));
    });
    seen.assert_all(2);
}

/// A deadline against a gift, green: it is the waiter's, or still the giver's.
pub fn gift_against_timeout_of_a_green_waiter() {
    gift_against_timeout(Who::Green);
}

/// A deadline against a gift, OS.
pub fn gift_against_timeout_of_an_os_waiter() {
    gift_against_timeout(Who::Os);
}

/// A cancel against a gift: it is the waiter's, or still the giver's.
pub fn gift_against_cancel() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let desk = Desk::new();
        let task = Arc::new(Header::new());
        let giver = {
            let desk = Arc::clone(&desk);
            thread::spawn(move || desk.give())
        };
        let canceller = {
            let task = Arc::clone(&task);
            thread::spawn(move || cancel(&task))
        };
        let outcome = as_task(&task, || desk.wait(NEVER_NS));
        giver.join().expect("a giver does not panic");
        canceller.join().expect("a canceller does not panic");
        match outcome {
            Ok(got) => assert_eq!((got, desk.left()), ((1, 1), 0)),
            Err(why) => assert_eq!((why, desk.left()), (Why::Interrupted, 1)),
        }
        outcomes.note(u32::from(outcome.is_ok()));
    });
    seen.assert_all(2);
}

/// A green thread and an OS thread wait for two gifts: who came first gets the first.
pub fn two_gifts_go_by_arrival() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let desk = Desk::new();
        let waiters = [Who::Green, Who::Os].map(|who| {
            let desk = Arc::clone(&desk);
            thread::spawn(move || run(who, || desk.wait(NEVER_NS)))
        });
        desk.give();
        desk.give();
        let [green, os] = waiters.map(|waiter| {
            let got = waiter.join().expect("a waiter does not panic");
            let (arrival, gift) = got.expect("nothing ends the wait");
            assert_eq!(arrival, gift);
            gift
        });
        assert_ne!(green, os);
        outcomes.note(u32::from(green < os));
        assert_eq!(desk.left(), 0);
    });
    seen.assert_all(2);
}
