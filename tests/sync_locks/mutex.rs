//! The mutex in company: crossed, contended from everywhere, first come first served.

use crate::common::{Flag, Rt, SHORT, assert_cancelled, everywhere, let_others_run};
use crate::common::{on_every_runtime, text, until, watchdog};
use crate::ground::{Actor, Place};
use greenroom::queue::PriorityQueue;
use greenroom::sync::Mutex;
use greenroom::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Two that each hold what the other one wants, for ever.
fn crossed(place: Place) -> [(Arc<Mutex<u32>>, Actor<bool>); 2] {
    let mutexes = [0, 1].map(|value| Arc::new(Mutex::new(value)));
    let holds = [Flag::default(), Flag::default()];
    let both = [0, 1].map(|own| {
        let (first, second) = (Arc::clone(&mutexes[own]), Arc::clone(&mutexes[1 - own]));
        let (mine, theirs) = (holds[own].clone(), holds[1 - own].clone());
        let actor = Actor::start(place, move || {
            let _first = first.lock().unwrap();
            mine.raise();
            until(|| theirs.is_up());
            // From a place that can be cancelled, or for a while.
            match place {
                Place::Os => greenroom::timeout(SHORT, || drop(second.lock().unwrap())).is_ok(),
                Place::Worker(_) => second.lock().is_ok(),
            }
        });
        (Arc::clone(&mutexes[own]), actor)
    });
    until(|| holds.iter().all(Flag::is_up));
    both
}

#[test]
fn mutexes_crossed_are_freed_by_cancelling_one_side() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(|| {
            let [(first, one), (second, other)] = crossed(Place::Worker(workers - 1));
            let (Actor::Green(one), Actor::Green(other)) = (one, other) else {
                unreachable!()
            };
            let_others_run();
            assert!(!one.is_finished() && !other.is_finished());
            assert!(format!("{first:?} {second:?}").contains("<locked>"));
            one.cancel();
            assert_cancelled(one.join());
            assert!(other.join().unwrap());
            assert!(!first.is_poisoned() && !second.is_poisoned());
        });
    }
}

#[test]
fn mutexes_crossed_by_os_threads_are_freed_by_a_deadline() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        for (mutex, actor) in crossed(Place::Os) {
            actor.join();
            until(|| mutex.try_lock().is_ok());
        }
    });
}

#[test]
fn mutex_waiters_of_one_worker_are_served_in_order() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(|| {
            let order = Arc::new(Mutex::new(Vec::new()));
            let guard = order.lock().unwrap();
            let waiters: Vec<_> = (0..50)
                .map(|number| {
                    let order = Arc::clone(&order);
                    let begun = Flag::default();
                    let begins = begun.clone();
                    let waiter = thread::spawn_local(move || {
                        begins.raise();
                        order.lock().unwrap().push(number);
                    });
                    until(|| begun.is_up());
                    waiter
                })
                .collect();
            drop(guard);
            for waiter in waiters {
                waiter.join().unwrap();
            }
            assert!(order.lock().unwrap().iter().copied().eq(0..50));
        });
    }
}

#[test]
fn mutex_handed_to_a_cancelled_waiter_passes_on() {
    on_every_runtime(|| {
        let mutex = Rc::new(Mutex::new(Vec::new()));
        let guard = mutex.lock().unwrap();
        let [first, second] = [0, 1].map(|number| {
            let (mutex, begun) = (Rc::clone(&mutex), Flag::default());
            let begins = begun.clone();
            let waiter = thread::spawn_local(move || {
                begins.raise();
                mutex.lock().unwrap().push(number);
            });
            until(|| begun.is_up());
            waiter
        });
        // Handed over, since both are of this worker, and cancelled before it has run.
        drop(guard);
        assert!(mutex.try_lock().is_err());
        first.cancel();
        assert_cancelled(first.join());
        second.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), [1]);
    });
}

/// An item whose comparison locks.
struct Compares(Arc<Mutex<()>>);

impl PartialEq for Compares {
    fn eq(&self, other: &Compares) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Compares {}

impl PartialOrd for Compares {
    fn partial_cmp(&self, other: &Compares) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Compares {
    fn cmp(&self, _: &Compares) -> std::cmp::Ordering {
        let _guard = self.0.lock().unwrap();
        std::cmp::Ordering::Equal
    }
}

/// It may not park there; the panic must not leave its place in the mutex's queue behind.
#[test]
fn mutex_locked_where_parking_is_forbidden_panics_and_leaves_the_queue() {
    everywhere(|| {
        let mutex = Arc::new(Mutex::new(()));
        let queue = PriorityQueue::unbounded();
        queue.put(Compares(Arc::clone(&mutex))).unwrap();
        queue.put(Compares(Arc::clone(&mutex))).unwrap();
        let guard = mutex.lock().unwrap();
        let put = || queue.put(Compares(Arc::clone(&mutex))).is_ok();
        let told = catch_unwind(AssertUnwindSafe(put)).unwrap_err();
        assert!(text(told.as_ref()).contains("must not park"));
        // Whoever unlocks looks at the queue.
        drop(guard);
        drop(mutex.lock().unwrap());
    });
}

/// Two green threads pass the lock to and fro without a pause; an OS thread gets it all the same.
#[test]
fn mutex_waiter_on_an_os_thread_is_not_starved() {
    let _watchdog = watchdog();
    let rt = Rt::with_workers(1);
    let mutex = Arc::new(Mutex::new(0_u64));
    let is_over = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let (mutex, is_over) = (Arc::clone(&mutex), Arc::clone(&is_over));
            rt.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let mut guard = mutex.lock().unwrap();
                    *guard += 1;
                    thread::yield_now();
                }
            })
        })
        .collect();
    let start = Instant::now();
    for _ in 0..50 {
        drop(mutex.lock().unwrap());
    }
    // It is promised one a millisecond or so; this only tells waiting from starving.
    assert!(start.elapsed() < Duration::from_secs(20));
    is_over.store(true, Ordering::Relaxed);
    for task in busy {
        task.join().unwrap();
    }
}
