//! The table: every pair of places, every end of a wait, for anything that is a [`Case`].

use crate::common::{FOREVER, Flag, Rt, SHORT, assert_cancelled, until, watchdog};
use greenroom::thread::{self, Builder, CancelOutcome};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A wait of one party for another.
pub(crate) trait Case: Default + Send + Sync + 'static {
    /// Whether the holder comes back only when a waiter came.
    const HOLDER_WAITS: bool = false;

    /// Stands in the way of all waiters while `pause` runs; afterwards they go on.
    fn hold(&self, pause: &dyn Fn());

    /// Waits without a limit; whatever it gets it gives back.
    fn wait(&self);

    /// As `wait`, with a limit. `false`: the time was up.
    fn wait_for(&self, limit: Duration) -> bool {
        greenroom::timeout(limit, || self.wait()).is_ok()
    }
}

/// Where somebody runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Worker(usize),
    Os,
}

pub(crate) enum Actor<T> {
    Green(thread::JoinHandle<T>),
    Os(std::thread::JoinHandle<T>),
}

impl<T: Send + 'static> Actor<T> {
    /// From inside a runtime.
    pub(crate) fn start(place: Place, body: impl FnOnce() -> T + Send + 'static) -> Actor<T> {
        match place {
            Place::Worker(index) => Actor::Green(Builder::new().worker(index).spawn(body).unwrap()),
            Place::Os => Actor::Os(std::thread::spawn(body)),
        }
    }

    #[track_caller]
    pub(crate) fn join(self) -> T {
        until(|| match &self {
            Actor::Green(handle) => handle.is_finished(),
            Actor::Os(handle) => handle.is_finished(),
        });
        match self {
            Actor::Green(handle) => handle.join().unwrap(),
            Actor::Os(handle) => handle.join().unwrap(),
        }
    }
}

/// Gives others time to reach their wait. Whether they have changes which code runs, never the outcome.
pub(crate) fn settle() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(300) {
        thread::yield_now();
    }
}

/// A holder that has begun to hold, or is ready to.
struct Holder {
    actor: Actor<()>,
    release: Flag,
}

impl Holder {
    fn start<C: Case>(place: Place, case: &Arc<C>) -> Holder {
        let (holds, release) = (Flag::default(), Flag::default());
        let (held, released, case) = (holds.clone(), release.clone(), Arc::clone(case));
        let actor = Actor::start(place, move || {
            case.hold(&|| {
                held.raise();
                until(|| released.is_up());
            });
        });
        until(|| holds.is_up());
        Holder { actor, release }
    }

    fn join(self) {
        self.release.raise();
        self.actor.join();
    }
}

/// Starts a wait, and returns when it has begun or is about to.
fn begin<C: Case, T: Send + 'static>(
    place: Place,
    case: &Arc<C>,
    wait: impl FnOnce(&C) -> T + Send + 'static,
) -> Actor<T> {
    let begins = Flag::default();
    let (begun, case) = (begins.clone(), Arc::clone(case));
    let actor = Actor::start(place, move || {
        begun.raise();
        wait(&case)
    });
    until(|| begins.is_up());
    settle();
    actor
}

/// The one that gave up did no harm: another one waits, and gets it.
fn another_gets_it<C: Case>(place: Place, case: &Arc<C>, holder: Holder) {
    let waiter = begin(place, case, C::wait);
    holder.join();
    waiter.join();
}

fn ready<C: Case>(waits: Place, holds: Place) {
    let case = Arc::new(C::default());
    let holder = Holder::start(holds, &case);
    if C::HOLDER_WAITS {
        holder.release.raise();
        settle();
        begin(waits, &case, C::wait).join();
        return holder.join();
    }
    holder.join();
    begin(waits, &case, |case| {
        case.wait();
        assert!(case.wait_for(FOREVER));
        assert!(case.wait_for(Duration::MAX));
    })
    .join();
}

fn waits<C: Case>(waits: Place, holds: Place) {
    for is_limited in [false, true] {
        let case = Arc::new(C::default());
        let holder = Holder::start(holds, &case);
        let waiter = begin(waits, &case, move |case| {
            if is_limited {
                assert!(case.wait_for(Duration::MAX));
            } else {
                case.wait();
            }
        });
        holder.join();
        waiter.join();
    }
}

fn times_out<C: Case>(waits: Place, holds: Place) {
    let case = Arc::new(C::default());
    let holder = Holder::start(holds, &case);
    for limit in [SHORT, Duration::ZERO] {
        begin(waits, &case, move |case| {
            let start = Instant::now();
            assert!(!case.wait_for(limit), "it had nothing to get");
            assert!(start.elapsed() >= limit, "early");
        })
        .join();
    }
    another_gets_it(waits, &case, holder);
}

fn deadline<C: Case>(waits: Place, holds: Place) {
    let case = Arc::new(C::default());
    let holder = Holder::start(holds, &case);
    for limit in [SHORT, Duration::ZERO] {
        begin(waits, &case, move |case| {
            assert!(greenroom::timeout(limit, || case.wait()).is_err());
            assert!(greenroom::timeout(limit, || case.wait_for(Duration::MAX)).is_err());
        })
        .join();
    }
    another_gets_it(waits, &case, holder);
}

fn cancelled<C: Case>(waits: Place, holds: Place) {
    if waits == Place::Os {
        return;
    }
    for is_limited in [false, true] {
        let case = Arc::new(C::default());
        let holder = Holder::start(holds, &case);
        let waiter = begin(waits, &case, move |case| {
            if is_limited {
                case.wait_for(Duration::MAX);
            } else {
                case.wait();
            }
        });
        let Actor::Green(waiter) = waiter else {
            unreachable!()
        };
        assert_eq!(waiter.cancel(), CancelOutcome::Requested);
        assert_cancelled(waiter.join());
        another_gets_it(waits, &case, holder);
    }
}

/// Somebody waits at the first place for somebody at the second.
type Scene = fn(Place, Place);

/// Plays every scene at every pair of places.
#[track_caller]
pub(crate) fn play<C: Case>() {
    let _watchdog = watchdog();
    let scenes: [(&str, Scene); 5] = [
        ("ready", ready::<C>),
        ("waits", waits::<C>),
        ("times out", times_out::<C>),
        ("deadline", deadline::<C>),
        ("cancelled", cancelled::<C>),
    ];
    for workers in [1, 2] {
        let rt = Rt::with_workers(workers);
        let places: Vec<_> = (0..workers).map(Place::Worker).chain([Place::Os]).collect();
        for (name, scene) in scenes {
            for &waits in &places {
                for &holds in &places {
                    println!("{name}: {waits:?} waits for {holds:?} of {workers} workers");
                    rt.run(|| scene(waits, holds));
                }
            }
        }
    }
}
