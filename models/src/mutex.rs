//! The lock behind `Mutex`: one owner at a time, and whoever leaves the queue strands nobody.

use crate::check::{Seen, exhaust_up_to};
use crate::sched::current;
use crate::sync::raw_mutex::RawMutex;
use crate::sys::clock;
use crate::task::Header;
use crate::who::{SOON_NS, Who, as_task, cancel, run, unless_interrupted};
use loom::cell::UnsafeCell;
use loom::thread::{self, JoinHandle};
use std::sync::Arc;

/// A mutex, and a count that loom sees every use of.
struct Counter {
    mutex: RawMutex,
    count: UnsafeCell<u32>,
}

impl Counter {
    fn new() -> Arc<Counter> {
        Arc::new(Counter {
            mutex: RawMutex::new(),
            count: UnsafeCell::new(0),
        })
    }

    #[expect(unsafe_code, reason = "loom's cell checks what the lock is for")]
    fn count_up(&self) -> u32 {
        self.count.with_mut(|count| {
            // SAFETY: the caller owns the lock; loom reports if that is not enough.
            let count = unsafe { &mut *count };
            std::mem::replace(count, *count + 1)
        })
    }

    fn lock_and_count(&self) {
        self.mutex.lock();
        self.count_up();
        // As after a switch: to a waiter of its own worker the owner hands over.
        current::count_run();
        self.mutex.unlock();
    }

    /// The owner has not switched: the lock is let go, whoever waits.
    fn lock_and_count_quickly(&self) {
        self.mutex.lock();
        self.count_up();
        self.mutex.unlock();
    }

    /// A thread that locks once.
    fn locker(self: &Arc<Counter>, who: Who) -> JoinHandle<()> {
        let counter = Arc::clone(self);
        thread::spawn(move || run(who, || counter.lock_and_count()))
    }

    /// All lockers are through: the lock is free, and so many have owned it.
    #[expect(unsafe_code, reason = "as above")]
    fn assert_free(&self, owned: u32) {
        assert!(!self.mutex.has_waiters(), "WAITERS was left behind");
        assert!(self.mutex.try_lock(), "the lock was left behind");
        // SAFETY: as above.
        self.count
            .with(|count| assert_eq!(unsafe { *count }, owned));
        self.mutex.unlock();
    }
}

fn join(lockers: impl IntoIterator<Item = JoinHandle<()>>) {
    for locker in lockers {
        locker.join().expect("a locker does not panic");
    }
}

fn lockers(me: Who, others: &'static [Who], preemptions: usize) {
    exhaust_up_to(preemptions, move || {
        let counter = Counter::new();
        let threads: Vec<_> = others.iter().map(|who| counter.locker(*who)).collect();
        run(me, || counter.lock_and_count());
        join(threads);
        let owned = u32::try_from(others.len() + 1).expect("because they are few");
        counter.assert_free(owned);
    });
}

/// A green thread and an OS thread: let go and woken.
pub fn two_lockers_elsewhere() {
    lockers(Who::Os, &[Who::Green], 3);
}

/// Two green threads of one worker: handed over.
pub fn two_lockers_of_one_worker() {
    lockers(Who::Neighbour, &[Who::Neighbour], 3);
}

/// Two green threads of one worker, with sections so short that neither switches: let go and woken.
pub fn two_quick_lockers_of_one_worker() {
    exhaust_up_to(3, || {
        let counter = Counter::new();
        let other = {
            let counter = Arc::clone(&counter);
            thread::spawn(move || run(Who::Neighbour, || counter.lock_and_count_quickly()))
        };
        run(Who::Neighbour, || counter.lock_and_count_quickly());
        join([other]);
        counter.assert_free(2);
    });
}

/// Three: who was woken may find that he was overtaken, and queues up in front.
pub fn three_lockers_elsewhere() {
    lockers(Who::Os, &[Who::Green, Who::Green], 2);
}

/// Three, of which two are of one worker: handed over and let go.
pub fn three_lockers_of_two_workers() {
    lockers(Who::Neighbour, &[Who::Neighbour, Who::Os], 2);
}

/// The lock is let go for the first of two waiters, and a newcomer is there before him: he sees what
/// the owner did.
pub fn newcomer_overtakes() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let counter = Counter::new();
        counter.mutex.lock();
        let waiters = [Who::Green, Who::Green].map(|who| counter.locker(who));
        let newcomer = {
            let counter = Arc::clone(&counter);
            thread::spawn(move || {
                let is_taken = counter.mutex.try_lock();
                let before = is_taken.then(|| counter.count_up());
                if is_taken {
                    counter.mutex.unlock();
                }
                before
            })
        };
        counter.count_up();
        counter.mutex.unlock();
        join(waiters);
        let before = newcomer.join().expect("a locker does not panic");
        counter.assert_free(3 + u32::from(before.is_some()));
        outcomes.note(before.unwrap_or(0));
    });
    seen.assert_all(4);
}

/// An owner, a waiter whose wait ends early, and a patient one. The owner ends the wait, by `end`, just
/// before it gives up the lock: the waiter runs by then, or not yet.
fn wait_that_ends(
    owner: Who,
    waiter: fn() -> Header,
    lock: fn(&RawMutex) -> bool,
    end: fn(&Header),
) {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let counter = Counter::new();
        let task = Arc::new(waiter());
        let taken = run(owner, || {
            counter.mutex.lock();
            let hasty = {
                let (counter, task) = (Arc::clone(&counter), Arc::clone(&task));
                thread::spawn(move || {
                    as_task(&task, || {
                        let taken = lock(&counter.mutex);
                        if taken {
                            counter.count_up();
                            counter.mutex.unlock();
                        }
                        taken
                    })
                })
            };
            let patient = counter.locker(Who::Green);
            counter.count_up();
            end(&task);
            // To a waiter of its own worker the owner hands over, as after a switch.
            current::count_run();
            counter.mutex.unlock();
            join([patient]);
            hasty.join().expect("a waiter does not panic")
        });
        counter.assert_free(2 + u32::from(taken));
        outcomes.note(u32::from(taken));
    });
    seen.assert_all(2);
}

fn lock_unless_cancelled(mutex: &RawMutex) -> bool {
    unless_interrupted(|| mutex.lock()).is_some()
}

fn lock_soon(mutex: &RawMutex) -> bool {
    mutex.lock_until(SOON_NS)
}

/// A waiter is cancelled while the owner lets go: the other waiter gets the lock.
pub fn cancel_against_unlock() {
    wait_that_ends(Who::Os, Header::new, lock_unless_cancelled, cancel);
}

/// A waiter is cancelled while the owner hands over: he passes the lock on.
pub fn cancel_against_hand_over() {
    let neighbour = || Header::of_worker(1);
    wait_that_ends(Who::Neighbour, neighbour, lock_unless_cancelled, cancel);
}

/// A waiter's time is up while the owner lets go.
pub fn timeout_against_unlock() {
    wait_that_ends(Who::Os, Header::new, lock_soon, |_| clock::advance(SOON_NS));
}

/// A waiter's time is up while the owner hands over: he has the lock, or the other one gets it.
pub fn timeout_against_hand_over() {
    let neighbour = || Header::of_worker(1);
    wait_that_ends(Who::Neighbour, neighbour, lock_soon, |_| {
        clock::advance(SOON_NS);
    });
}

/// A waiter of another thread was overtaken long ago: nobody overtakes him again.
pub fn overtaken_waiter_is_not_overtaken_for_long() {
    /// `FAIR_NS` of the original.
    const FAIR_NS: u64 = 1_000_000;
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(3, move || {
        let counter = Counter::new();
        counter.mutex.lock();
        let waiter = counter.locker(Who::Green);
        let was_waiting = counter.mutex.has_waiters();
        counter.mutex.unlock();
        let has_overtaken = counter.mutex.try_lock();
        // He was woken, came too late, and stands in the queue again.
        let is_late = was_waiting && has_overtaken && counter.mutex.has_waiters();
        clock::advance(FAIR_NS);
        if has_overtaken {
            counter.mutex.unlock();
        }
        let is_taken = counter.mutex.try_lock();
        if is_taken {
            let has_waiter_owned = counter.count_up() == 1;
            assert!(has_waiter_owned || !is_late, "overtaken again");
            counter.mutex.unlock();
        }
        join([waiter]);
        outcomes.note(u32::from(is_late) << 1 | u32::from(is_taken));
        counter.assert_free(1 + u32::from(is_taken));
    });
    seen.assert_all(4);
}

/// A waiter of another thread has just come: who runs may overtake him.
pub fn short_waiter_is_overtaken() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(3, move || {
        let counter = Counter::new();
        counter.mutex.lock();
        let waiter = counter.locker(Who::Green);
        let is_waiting = counter.mutex.has_waiters();
        counter.mutex.unlock();
        let is_first = is_waiting && counter.mutex.try_lock();
        if is_first {
            counter.count_up();
            counter.mutex.unlock();
        }
        join([waiter]);
        outcomes.note(u32::from(is_first));
        counter.assert_free(1 + u32::from(is_first));
    });
    seen.assert_all(2);
}
