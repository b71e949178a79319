//! The one wait protocol: conditions, queues and parkers of `park/wait_list.rs`, green and OS.
//!
//! Conditions are Relaxed: what a waiter sees after its wait is the protocol's doing.

use crate::check::{Seen, exhaust_up_to};
use crate::park::wait_list::{self, Mask, Outcome};
use crate::sched::current::run_as;
use crate::sched::{enqueue, finish};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::{self, NEVER_NS};
use crate::sys::lock::Lock;
use crate::task::state::Wake;
use crate::task::wait_queue::WaitQueue;
use crate::task::{Header, TaskPtr, WaitReason};
use loom::thread;
use std::ptr::NonNull;
use std::sync::Arc;

/// When the waits below time out.
const SOON_NS: u64 = 10;

/// Permits, and who waits for one.
struct Permits {
    count: AtomicU32,
    waiters: Lock<WaitQueue>,
}

impl Permits {
    fn new() -> Arc<Permits> {
        Arc::new(Permits {
            count: AtomicU32::new(0),
            waiters: Lock::new(WaitQueue::new()),
        })
    }

    fn wait(&self, deadline_ns: u64) -> Outcome<()> {
        wait_list::wait(
            &self.waiters,
            WaitReason::Unpark,
            deadline_ns,
            Mask::Open,
            || self.take(),
        )
    }

    /// With the queue's lock held, so that nobody else takes at the same time.
    fn take(&self) -> Option<()> {
        let count = self.count.load(Ordering::Relaxed);
        let taken = self.count.compare_exchange(
            count.checked_sub(1).map(|left| left + 1)?,
            count - 1,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        taken.is_ok().then_some(())
    }

    /// The waker's side for everybody.
    fn give_and_wake_all(&self, count: u32) {
        self.count.fetch_add(count, Ordering::Relaxed);
        wait_list::wake_all(&self.waiters);
    }

    /// The waker's side for one.
    fn give_and_wake_first(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let first = self.waiters.lock().take_first();
        if let Some(claimed) = first {
            wait_list::wake(claimed);
        }
    }

    fn assert_nobody_waits(&self) {
        assert!(self.waiters.lock().is_empty(), "a node was left behind");
    }
}

/// Runs `body` as a green thread, or on this thread as it is.
fn on(green: bool, body: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    if !green {
        return body();
    }
    let task = Header::new();
    run_as(&task, || {
        let outcome = body();
        finish(&task);
        outcome
    })
}

fn waker_against(green: bool) {
    exhaust_up_to(3, move || {
        let permits = Permits::new();
        let waker = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_and_wake_all(1))
        };
        assert_eq!(on(green, || permits.wait(NEVER_NS)), Outcome::Ready(()));
        waker.join().expect("a waker does not panic");
        permits.assert_nobody_waits();
    });
}

/// A green thread waits.
pub fn waker_against_a_green_waiter() {
    waker_against(true);
}

/// An OS thread waits.
pub fn waker_against_an_os_waiter() {
    waker_against(false);
}

/// A green thread and an OS thread wait for two permits that come one by one, each with a wake for
/// the longest waiter: both get one.
pub fn two_waiters_woken_one_by_one() {
    exhaust_up_to(2, || {
        let permits = Permits::new();
        let waiters = [true, false].map(|green| {
            let permits = Arc::clone(&permits);
            thread::spawn(move || on(green, || permits.wait(NEVER_NS)))
        });
        permits.give_and_wake_first();
        permits.give_and_wake_first();
        for waiter in waiters {
            assert_eq!(waiter.join().ok(), Some(Outcome::Ready(())));
        }
        permits.assert_nobody_waits();
    });
}

fn waker_against_timeout(green: bool) {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let permits = Permits::new();
        let waker = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_and_wake_all(1))
        };
        let time = thread::spawn(|| clock::advance(SOON_NS));
        let outcome = on(green, || permits.wait(SOON_NS));
        permits.assert_nobody_waits();
        waker.join().expect("a waker does not panic");
        time.join().expect("time does not panic");
        let left = permits.take().is_some();
        match outcome {
            Outcome::Ready(()) => assert!(!left, "one permit, taken"),
            Outcome::TimedOut => assert!(left, "one permit, not taken"),
            Outcome::Interrupted => panic!("nobody interrupts"),
        }
        outcomes.note(u32::from(left));
    });
    seen.assert_all(2);
}

/// A deadline against a wake, green: the wait ends either way, once, and loses no permit.
pub fn wake_against_timeout_of_a_green_waiter() {
    waker_against_timeout(true);
}

/// A deadline against a wake, OS.
pub fn wake_against_timeout_of_an_os_waiter() {
    waker_against_timeout(false);
}

/// One permit and one wake for two waiters, of which the first may time out at that moment: if it
/// does, the permit and the wake are the other's.
pub fn timeout_does_not_swallow_a_wake() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let permits = Permits::new();
        let hasty = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || on(true, || permits.wait(SOON_NS)))
        };
        let patient = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || on(true, || permits.wait(NEVER_NS)))
        };
        let time = thread::spawn(|| clock::advance(SOON_NS));
        permits.give_and_wake_first();
        let hasty = hasty.join().expect("a waiter does not panic");
        outcomes.note(u32::from(hasty == Outcome::TimedOut));
        if hasty == Outcome::Ready(()) {
            permits.give_and_wake_first();
        }
        assert_eq!(patient.join().ok(), Some(Outcome::Ready(())));
        time.join().expect("time does not panic");
        permits.assert_nobody_waits();
    });
    seen.assert_all(2);
}

/// A cancel against a wake: the wait ends either way, the node is off the queue, no permit is lost.
pub fn wake_against_cancel() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let permits = Permits::new();
        let task = Arc::new(Header::new());
        let waker = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_and_wake_all(1))
        };
        let canceller = {
            let task = Arc::clone(&task);
            thread::spawn(move || {
                if task.state.cancel() == Wake::Enqueue {
                    enqueue(TaskPtr::new(NonNull::from(&*task)));
                }
            })
        };
        let outcome = run_as(&task, || {
            let outcome = permits.wait(NEVER_NS);
            finish(&task);
            outcome
        });
        permits.assert_nobody_waits();
        waker.join().expect("a waker does not panic");
        canceller.join().expect("a canceller does not panic");
        let left = permits.take().is_some();
        assert_eq!(left, outcome == Outcome::Interrupted);
        outcomes.note(u32::from(left));
    });
    seen.assert_all(2);
}
