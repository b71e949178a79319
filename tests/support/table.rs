//! One table for every waiting operation: where the waiter and its peer are × how the wait ends.
//!
//! The table is driven from a plain OS thread. A green waiter that has raised its flag has reached its
//! wait once something else has run on its worker; for a waiter on an OS thread a moment's sleep makes
//! that likely, and nothing depends on it.

use crate::common::{FOREVER, Flag, Rt, SHORT, assert_cancelled, let_others_run, until, watchdog};
use greenroom::thread::JoinHandle;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    /// Of a `try_` call: it cannot be done now.
    TimedOut,
    PeerGone,
}

/// An operation that waits for a peer, on an object of its own.
pub(crate) trait Case: Debug + Send + Sync + 'static {
    fn wait(&self) -> End;
    fn wait_for(&self, limit: Duration) -> End;
    fn try_now(&self) -> End;
    /// Lets one wait end. May wait for it.
    fn help(&self);
    /// The peer goes for good. `false`: there is no such thing.
    fn leave(&self) -> bool {
        false
    }
}

/// Where somebody runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    A,
    B,
    Os,
}

const PLACES: [(Place, Place); 5] = [
    (Place::A, Place::A),
    (Place::A, Place::B),
    (Place::A, Place::Os),
    (Place::Os, Place::A),
    (Place::Os, Place::Os),
];

enum Started<T> {
    Green(JoinHandle<T>),
    Os(std::thread::JoinHandle<T>),
}

impl<T> Started<T> {
    fn join(self) -> T {
        match self {
            Started::Green(handle) => handle.join().unwrap(),
            Started::Os(handle) => handle.join().unwrap(),
        }
    }
}

/// Two runtimes with a worker each.
struct Ground {
    a: Rt,
    b: Rt,
}

impl Ground {
    fn start<T: Send + 'static>(
        &self,
        place: Place,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Started<T> {
        match place {
            Place::A => Started::Green(self.a.spawn(body)),
            Place::B => Started::Green(self.b.spawn(body)),
            Place::Os => Started::Os(std::thread::spawn(body)),
        }
    }

    /// Starts somebody who raises a flag and then does something, and lets him come so far.
    fn start_and_let_wait<T: Send + 'static>(
        &self,
        place: Place,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Started<T> {
        let is_there = Flag::default();
        let there = is_there.clone();
        let started = self.start(place, move || {
            there.raise();
            body()
        });
        until(|| is_there.is_up());
        self.pause(place);
        started
    }

    fn pause(&self, place: Place) {
        match place {
            Place::A => self.a.run(let_others_run),
            Place::B => self.b.run(let_others_run),
            Place::Os => std::thread::sleep(Duration::from_millis(1)),
        }
    }

    fn help(&self, place: Place, case: &Arc<dyn Case>) -> Started<()> {
        let case = Arc::clone(case);
        self.start_and_let_wait(place, move || case.help())
    }

    fn wait(&self, place: Place, case: &Arc<dyn Case>) -> Started<End> {
        let case = Arc::clone(case);
        self.start_and_let_wait(place, move || case.wait())
    }

    fn leave(&self, place: Place, case: &Arc<dyn Case>) -> bool {
        let case = Arc::clone(case);
        self.start(place, move || case.leave()).join()
    }
}

/// Fills the table for a kind of object.
#[track_caller]
pub(crate) fn fill_table<C: Case>(make: impl Fn() -> C) {
    let _watchdog = watchdog();
    let ground = Ground {
        a: Rt::with_workers(1),
        b: Rt::with_workers(1),
    };
    for (waiter, peer) in PLACES {
        let fresh = || -> Arc<dyn Case> { Arc::new(make()) };
        ready(&ground, waiter, peer, &fresh());
        waits(&ground, waiter, peer, &fresh());
        times_out(&ground, waiter, peer, &fresh());
        elapses(&ground, waiter, peer, &fresh());
        peer_leaves(&ground, waiter, peer, fresh);
        if waiter == Place::A {
            is_cancelled(&ground, peer, &fresh());
        }
    }
}

fn ready(ground: &Ground, waiter: Place, peer: Place, case: &Arc<dyn Case>) {
    let helper = ground.help(peer, case);
    assert_eq!(ground.wait(waiter, case).join(), End::Done, "{case:?}");
    helper.join();
}

fn waits(ground: &Ground, waiter: Place, peer: Place, case: &Arc<dyn Case>) {
    let waiting = ground.wait(waiter, case);
    let helper = ground.help(peer, case);
    assert_eq!(waiting.join(), End::Done, "{case:?}");
    helper.join();
    // With a limit that does not matter.
    for limit in [FOREVER, Duration::MAX] {
        let theirs = Arc::clone(case);
        let waiting = ground.start_and_let_wait(waiter, move || theirs.wait_for(limit));
        // An event may still be set: then it did not even wait.
        let helper = ground.help(peer, case);
        assert_eq!(waiting.join(), End::Done, "{case:?}");
        helper.join();
    }
}

fn times_out(ground: &Ground, waiter: Place, peer: Place, case: &Arc<dyn Case>) {
    let theirs = Arc::clone(case);
    let all = ground.start(waiter, move || {
        let start = Instant::now();
        let late = theirs.wait_for(SHORT);
        assert!(start.elapsed() >= SHORT, "too early");
        [late, theirs.wait_for(Duration::ZERO), theirs.try_now()]
    });
    assert_eq!(all.join(), [End::TimedOut; 3], "{case:?}");
    // Nothing is left behind that would take what comes.
    ready(ground, waiter, peer, case);
}

/// An enclosing `timeout` ends it.
fn elapses(ground: &Ground, waiter: Place, peer: Place, case: &Arc<dyn Case>) {
    let theirs = Arc::clone(case);
    let outcome = ground.start(waiter, move || greenroom::timeout(SHORT, || theirs.wait()));
    assert!(outcome.join().is_err(), "{case:?}");
    ready(ground, waiter, peer, case);
}

fn peer_leaves(ground: &Ground, waiter: Place, peer: Place, fresh: impl Fn() -> Arc<dyn Case>) {
    let case = fresh();
    let waiting = ground.wait(waiter, &case);
    if !ground.leave(peer, &case) {
        ground.help(peer, &case).join();
        waiting.join();
        return;
    }
    assert_eq!(waiting.join(), End::PeerGone, "{case:?}");
    let case = fresh();
    assert!(ground.leave(peer, &case));
    let theirs = Arc::clone(&case);
    let all = ground.start(waiter, move || {
        [theirs.wait(), theirs.wait_for(FOREVER), theirs.try_now()]
    });
    assert_eq!(all.join(), [End::PeerGone; 3], "{case:?}");
}

fn is_cancelled(ground: &Ground, peer: Place, case: &Arc<dyn Case>) {
    let Started::Green(waiting) = ground.wait(Place::A, case) else {
        unreachable!("a green thread was started");
    };
    assert!(!waiting.is_finished(), "it did not wait: {case:?}");
    waiting.cancel();
    assert_cancelled(waiting.join());
    // One that is cancelled before it waits does not take what is there.
    let helper = ground.help(peer, case);
    let late = Arc::clone(case);
    let (is_there, may_go) = (Flag::default(), Flag::default());
    let (there, go) = (is_there.clone(), may_go.clone());
    let never = ground.a.spawn(move || {
        there.raise();
        greenroom::shield(|| until(|| go.is_up()));
        late.wait()
    });
    until(|| is_there.is_up());
    never.cancel();
    may_go.raise();
    assert_cancelled(never.join());
    assert_eq!(ground.wait(Place::A, case).join(), End::Done, "{case:?}");
    helper.join();
}
