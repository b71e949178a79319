//! Two threads, green or not, that wake each other by turns: `unpark` the other, `park`.
//!
//! One function plays both roles of every pair; only who runs it where differs. The first player
//! serves and measures, the second answers as often.

use super::Lab;
use crate::clock::Clock;
use greenroom::thread::{self, Builder, Thread};
use std::io;
use std::sync::mpsc;
use std::time::Duration;

/// Round trips per run on one worker.
const TRIPS: usize = 100_000;
/// Round trips per run across OS threads, where each costs microseconds.
const CROSS_TRIPS: usize = 2_000;
const WARM_TRIPS: usize = 100;
const FAR: Duration = Duration::from_secs(10);

/// How a player waits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Park {
    Forever,
    /// With a limit that is never reached.
    Limited,
}

impl Park {
    fn wait(self) {
        match self {
            Park::Forever => thread::park(),
            Park::Limited => thread::park_timeout(FAR),
        }
    }
}

/// One match.
#[derive(Clone, Copy, Debug)]
struct Match {
    trips: usize,
    park: Park,
    clock: Clock,
}

impl Match {
    /// Serves and takes the answers; nanoseconds of the counted trips.
    fn serve(self, other: &Thread) -> u64 {
        let play = |trips| {
            for _ in 0..trips {
                other.unpark();
                self.park.wait();
            }
        };
        play(WARM_TRIPS);
        self.clock.time(|| play(self.trips))
    }

    /// Answers each time it is woken.
    fn answer(self, other: &Thread) {
        for _ in 0..WARM_TRIPS + self.trips {
            self.park.wait();
            other.unpark();
        }
    }

    fn per_trip(self, total_ns: u64) -> f64 {
        total_ns as f64 / self.trips as f64
    }

    /// Two tasks, each bound to its worker.
    fn between_tasks(self, workers: [usize; 2]) -> io::Result<f64> {
        let first = Builder::new().worker(workers[0]).spawn(move || {
            let me = thread::current();
            let second = Builder::new()
                .worker(workers[1])
                .spawn(move || self.answer(&me))?;
            let total_ns = self.serve(second.thread());
            second.join().map_err(|_| panicked())?;
            Ok(total_ns)
        })?;
        let total_ns: io::Result<u64> = first.join().map_err(|_| panicked())?;
        Ok(self.per_trip(total_ns?))
    }
}

fn panicked() -> io::Error {
    io::Error::other("a player panicked")
}

pub(super) fn tasks(lab: &Lab, park: Park) -> io::Result<f64> {
    let game = Match {
        trips: lab.share(TRIPS),
        park,
        clock: Clock::Cpu,
    };
    lab.one.run(|| game.between_tasks([0, 0]))
}

fn cross(lab: &Lab) -> Match {
    Match {
        trips: lab.share(CROSS_TRIPS),
        park: Park::Forever,
        clock: Clock::Wall,
    }
}

pub(super) fn workers(lab: &Lab) -> io::Result<f64> {
    let game = cross(lab);
    lab.two.run(|| game.between_tasks([0, 1]))
}

/// The OS thread answers, by the same functions.
pub(super) fn task_and_thread(lab: &Lab) -> io::Result<f64> {
    let game = cross(lab);
    let (give, take) = mpsc::sync_channel::<Thread>(1);
    let (give_back, take_back) = mpsc::sync_channel::<Thread>(1);
    let answering = std::thread::spawn(move || {
        let sent = give.send(thread::current());
        if let (Ok(()), Ok(other)) = (sent, take_back.recv()) {
            game.answer(&other);
        }
    });
    let other = take.recv().map_err(io::Error::other)?;
    let total_ns = lab.two.run(|| {
        // A buffered channel with room: it does not block the worker.
        give_back
            .send(thread::current())
            .map_err(io::Error::other)?;
        Ok::<u64, io::Error>(game.serve(&other))
    })?;
    answering.join().map_err(|_| panicked())?;
    Ok(game.per_trip(total_ns))
}

/// The floor: two OS threads with std's park.
pub(super) fn os_threads(lab: &Lab) -> io::Result<f64> {
    let trips = lab.share(CROSS_TRIPS);
    let first = std::thread::current();
    let second = std::thread::spawn(move || {
        for _ in 0..WARM_TRIPS + trips {
            std::thread::park();
            first.unpark();
        }
    });
    let play = |trips| {
        for _ in 0..trips {
            second.thread().unpark();
            std::thread::park();
        }
    };
    play(WARM_TRIPS);
    let total_ns = Clock::Wall.time(|| play(trips));
    second.join().map_err(|_| panicked())?;
    Ok(total_ns as f64 / trips as f64)
}
