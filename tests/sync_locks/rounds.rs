//! Seeded rounds: cancellations and hand-overs that hit the same instant, many times over.
//!
//! Waiters are on the test's own worker, on another one, and on an OS thread; requests are shuffled. What
//! must hold at the end of a round does not depend on who came first.

use crate::common::{Rng, Rt, until, watchdog};
use crate::ground::{Actor, Place};
use greenroom::sync::{Condvar, Mutex, RwLock};
use greenroom::thread::{self, Builder, JoinHandle};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// For each number of workers. With two or three cancellations each, more than 10^5 hand-overs are raced
/// in a release build.
const ROUNDS: usize = if cfg!(debug_assertions) {
    5_000
} else {
    25_000
};

/// A thing to wait for that counts who has got it.
#[derive(Default)]
struct Shared<L> {
    lock: L,
    begun: AtomicUsize,
    got: AtomicUsize,
}

impl<L: Send + Sync + 'static> Shared<L> {
    fn start(
        self: &Arc<Self>,
        worker: Option<usize>,
        take: impl FnOnce(&L) + Send + 'static,
    ) -> JoinHandle<()> {
        let shared = Arc::clone(self);
        let body = move || {
            shared.begun.fetch_add(1, SeqCst);
            take(&shared.lock);
            shared.got.fetch_add(1, SeqCst);
        };
        match worker {
            Some(index) => Builder::new().worker(index).spawn(body).unwrap(),
            None => thread::spawn(body),
        }
    }
}

/// Whether it returned, or was cancelled; nothing else is allowed.
fn has_returned(handle: JoinHandle<()>) -> bool {
    match handle.join() {
        Ok(()) => true,
        Err(payload) => {
            assert!(payload.is::<greenroom::Cancelled>());
            false
        }
    }
}

/// One round: hold the lock, let four queue up, unlock and cancel two of them in any order. The other
/// two must get it, and the lock must be free at the end.
fn round<L: Default + Send + Sync + 'static>(
    rng: &mut Rng,
    workers: usize,
    hold: impl FnOnce(&L, &mut dyn FnMut()),
    take: impl Fn(&L, u64) + Copy + Send + 'static,
) {
    let shared = Arc::new(Shared::<L>::default());
    let mut waiters = Vec::new();
    hold(&shared.lock, &mut || {
        for _ in 0..4 {
            let (kind, place) = (rng.next(), rng.below(workers as u64));
            let place = usize::try_from(place).unwrap();
            waiters.push(shared.start(Some(place), move |lock| take(lock, kind)));
        }
        until(|| shared.begun.load(SeqCst) == 4);
        // Before the unlock, after it, or one of each.
        if rng.below(3) == 0 {
            waiters[usize::try_from(rng.below(2)).unwrap()].cancel();
        }
    });
    if rng.below(4) == 0 {
        thread::yield_now();
    }
    waiters[0].cancel();
    waiters[1].cancel();
    let returned: Vec<_> = waiters.into_iter().map(has_returned).collect();
    assert!(returned[2] && returned[3], "stranded or cut: {returned:?}");
    let count = returned.iter().filter(|&&returned| returned).count();
    assert_eq!(shared.got.load(SeqCst), count);
}

#[test]
fn mutex_waiter_cancelled_in_the_queue_strands_nobody_and_passes_the_lock_on() {
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    for workers in [1, 2] {
        let rt = Rt::with_workers(workers);
        rt.run(|| {
            for _ in 0..ROUNDS {
                round::<Mutex<()>>(
                    &mut rng,
                    workers,
                    |mutex, body| {
                        let _guard = mutex.lock().unwrap();
                        body();
                    },
                    |mutex, _| drop(mutex.lock().unwrap()),
                );
            }
        });
    }
}

#[test]
fn rwlock_waiter_cancelled_in_the_queue_strands_nobody_and_passes_the_lock_on() {
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    for workers in [1, 2] {
        let rt = Rt::with_workers(workers);
        rt.run(|| {
            for number in 0..ROUNDS {
                round::<RwLock<()>>(
                    &mut rng,
                    workers,
                    |lock, body| {
                        if number % 2 == 0 {
                            let _guard = lock.read().unwrap();
                            body();
                        } else {
                            let _guard = lock.write().unwrap();
                            body();
                        }
                    },
                    |lock, kind| {
                        if kind % 2 == 0 {
                            drop(lock.read().unwrap());
                        } else {
                            drop(lock.write().unwrap());
                        }
                    },
                );
            }
        });
    }
}

/// Three wait; one notification and one cancellation at once, so two are in the queue at any time: one
/// of the three returns, whichever was hit.
#[test]
fn condvar_notification_beside_a_cancellation_is_not_lost() {
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    for workers in [1, 2] {
        let rt = Rt::with_workers(workers);
        rt.run(|| {
            for _ in 0..ROUNDS {
                let shared = Arc::new(Shared::<(Mutex<u32>, Condvar)>::default());
                let waiters: Vec<_> = (0..3)
                    .map(|_| {
                        let place = usize::try_from(rng.below(workers as u64)).unwrap();
                        shared.start(Some(place), |(mutex, changed)| {
                            let mut guard = mutex.lock().unwrap();
                            *guard += 1;
                            drop(changed.wait(guard).unwrap());
                        })
                    })
                    .collect();
                let (mutex, changed) = &shared.lock;
                until(|| *mutex.lock().unwrap() == 3);
                let victim = &waiters[usize::try_from(rng.below(3)).unwrap()];
                if rng.below(2) == 0 {
                    changed.notify_one();
                    victim.cancel();
                } else {
                    victim.cancel();
                    changed.notify_one();
                }
                until(|| shared.got.load(SeqCst) == 1);
                for waiter in &waiters {
                    waiter.cancel();
                }
                let returned = waiters
                    .into_iter()
                    .filter_map(|w| has_returned(w).then_some(()));
                assert_eq!(returned.count(), 1);
                assert!(!mutex.is_poisoned());
            }
        });
    }
}

/// Readers and writers from everywhere, with time-outs; no writer is beside anybody, no count is lost.
#[test]
fn rwlock_of_many_everywhere_excludes_and_loses_nothing() {
    const STEPS: u64 = 3_000;
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    let rt = Rt::with_workers(2);
    let lock = Arc::new(RwLock::new(0_u64));
    let inside = Arc::new(AtomicUsize::new(0));
    const WRITER: usize = 1 << 16;
    let places = [0, 0, 1, 1].map(Place::Worker).into_iter();
    let written: u64 = rt.run(|| {
        let actors: Vec<_> = places
            .chain([Place::Os, Place::Os])
            .map(|place| {
                let (lock, inside, mut rng) = (Arc::clone(&lock), Arc::clone(&inside), rng.split());
                Actor::start(place, move || {
                    let mut written = 0;
                    for _ in 0..STEPS {
                        let limit = Duration::from_micros(rng.below(60));
                        match rng.below(4) {
                            0 => {
                                let Ok(mut guard) = lock.write_timeout(limit) else {
                                    continue;
                                };
                                assert_eq!(inside.fetch_add(WRITER, SeqCst), 0);
                                *guard += 1;
                                written += 1;
                                inside.fetch_sub(WRITER, SeqCst);
                            }
                            1 => {
                                let _ = lock.read_timeout(limit);
                            }
                            _ => {
                                let _guard = lock.read().unwrap();
                                assert!(inside.fetch_add(1, SeqCst) < WRITER);
                                if rng.below(8) == 0 {
                                    thread::yield_now();
                                }
                                inside.fetch_sub(1, SeqCst);
                            }
                        }
                    }
                    written
                })
            })
            .collect();
        actors.into_iter().map(Actor::join).sum()
    });
    assert!(written > 0);
    assert_eq!(*lock.try_write().expect("it is free at the end"), written);
}
