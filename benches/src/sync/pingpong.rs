//! One message there, one back: what a hand-over costs when somebody waits for it.
//!
//! The first player serves and measures, the second answers as often. Figures are per message one way,
//! so half of a round trip.

use super::crew::panicked;
use crate::clock::Clock;
use crate::micro::Lab;
use crate::sys::eventfd::EventFd;
use greenroom::queue::Queue;
use greenroom::thread::Builder;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Round trips per run on one worker.
const TRIPS: usize = 100_000;
/// Round trips per run between OS threads, where each costs microseconds.
const CROSS_TRIPS: usize = 2_000;
const WARM_TRIPS: usize = 100;
const FAR: Duration = Duration::from_secs(10);

/// Where the two players are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// Green threads of one worker.
    One,
    /// Green threads, each bound to a worker of its own.
    Cross,
    /// A green thread serves an OS thread.
    Mixed,
    /// Two OS threads.
    Os,
}

impl Place {
    /// Nanoseconds per message of a match, each half-trip of which is a call of `serve` or `answer`.
    pub(super) fn play(
        self,
        lab: &Lab,
        mut serve: impl FnMut() + Send + 'static,
        mut answer: impl FnMut() + Send + 'static,
    ) -> io::Result<f64> {
        let (trips, clock) = match self {
            Place::One => (lab.share(TRIPS), Clock::Cpu),
            Place::Cross | Place::Mixed | Place::Os => (lab.share(CROSS_TRIPS), Clock::Wall),
        };
        let serving = move || {
            (0..WARM_TRIPS).for_each(|_| serve());
            clock.time(|| (0..trips).for_each(|_| serve()))
        };
        let answering = move || (0..WARM_TRIPS + trips).for_each(|_| answer());
        let total_ns = match self {
            Place::One => lab.one.run(|| between_tasks([0, 0], serving, answering)),
            Place::Cross => lab.two.run(|| between_tasks([0, 1], serving, answering)),
            Place::Mixed => {
                let thread = std::thread::spawn(answering);
                let total_ns = lab.two.run(serving);
                thread.join().map(|()| total_ns).map_err(|_| panicked())
            }
            Place::Os => {
                let thread = std::thread::spawn(answering);
                let mut serving = serving;
                let total_ns = serving();
                thread.join().map(|()| total_ns).map_err(|_| panicked())
            }
        };
        Ok(total_ns? as f64 / (2 * trips) as f64)
    }
}

fn between_tasks(
    workers: [usize; 2],
    mut serving: impl FnMut() -> u64 + Send + 'static,
    answering: impl FnOnce() + Send + 'static,
) -> io::Result<u64> {
    let first = Builder::new().worker(workers[0]).spawn(move || {
        let second = Builder::new().worker(workers[1]).spawn(answering)?;
        let total_ns = serving();
        second.join().map_err(|_| panicked())?;
        Ok(total_ns)
    })?;
    first.join().map_err(|_| panicked())?
}

pub(super) const OPEN: &str = "because nobody shuts it down";

/// Two unbounded queues.
pub(super) fn queues(lab: &Lab, place: Place) -> io::Result<f64> {
    let balls = Arc::new([Queue::unbounded(), Queue::unbounded()]);
    let theirs = Arc::clone(&balls);
    place.play(
        lab,
        move || {
            balls[0].put(1_u32).expect(OPEN);
            balls[1].get().expect(OPEN);
        },
        move || {
            let ball = theirs[0].get().expect(OPEN);
            theirs[1].put(ball).expect(OPEN);
        },
    )
}

/// The same with a limit on each receive that is never reached.
pub(super) fn limited(lab: &Lab) -> io::Result<f64> {
    let balls = Arc::new([Queue::unbounded(), Queue::unbounded()]);
    let theirs = Arc::clone(&balls);
    Place::One.play(
        lab,
        move || {
            balls[0].put(1_u32).expect(OPEN);
            balls[1].get_timeout(FAR).expect(OPEN);
        },
        move || {
            let ball = theirs[0].get_timeout(FAR).expect(OPEN);
            theirs[1].put(ball).expect(OPEN);
        },
    )
}

/// Two of our mpsc channels.
pub(super) fn channels(lab: &Lab) -> io::Result<f64> {
    let (give, take) = greenroom::sync::mpsc::channel();
    let (give_back, take_back) = greenroom::sync::mpsc::channel();
    Place::One.play(
        lab,
        move || {
            give.send(1_u32).expect(OPEN);
            take_back.recv().expect(OPEN);
        },
        move || {
            let ball = take.recv().expect(OPEN);
            give_back.send(ball).expect(OPEN);
        },
    )
}

/// The floor between workers: two OS threads, each asleep in its eventfd.
pub(super) fn eventfds(lab: &Lab) -> io::Result<f64> {
    let bells = Arc::new([EventFd::new()?, EventFd::new()?]);
    let theirs = Arc::clone(&bells);
    let rung = |result: io::Result<()>| result.expect("because an open eventfd works");
    Place::Os.play(
        lab,
        move || {
            rung(bells[0].ring());
            rung(bells[1].wait());
        },
        move || {
            rung(theirs[0].wait());
            rung(theirs[1].ring());
        },
    )
}

/// The floor between a task and an OS thread: two OS threads and std's channels.
pub(super) fn std_channels(lab: &Lab) -> io::Result<f64> {
    let (give, take) = mpsc::channel();
    let (give_back, take_back) = mpsc::channel();
    Place::Os.play(
        lab,
        move || {
            give.send(1_u32).expect(OPEN);
            take_back.recv().expect(OPEN);
        },
        move || {
            let ball = take.recv().expect(OPEN);
            give_back.send(ball).expect(OPEN);
        },
    )
}
