//! select, poll, epoll and selectors against CPython's, on the same open files.
//!
//! A random sequence drives both sides: files opened, closed, filled, drained, half closed, reset, hung up,
//! numbers used again; registrations with all masks and modes; looks, waits. After each step the answers are
//! the same, errors too, or the test fails, prints the seed and the shortest sequence that it finds.
//! Python's process is sent each file and has it at the same number; the far ends are only in this process,
//! which also does all reading and writing. `duet.rs` tells what is not compared as it is.
//!
//! `GREENROOM_TEST_SEED=n` plays one seed, `GREENROOM_TEST_ROUNDS=n` so many instead of a few.
//! Not here: `EPOLLEXCLUSIVE` as more than an error, for one of the two sides would get the event; numbers
//! above 1,023, which Python's select refuses; closing a number while poll(2) waits for it, which the manual
//! leaves open.

mod common;

#[path = "multiplex_python/calls.rs"]
mod calls;
#[path = "multiplex_python/duet.rs"]
mod duet;
#[path = "support/installed.rs"]
mod installed;
#[path = "multiplex_python/ours.rs"]
mod ours;
#[path = "multiplex_python/python.rs"]
mod python;
#[path = "multiplex_python/slots.rs"]
mod slots;
#[path = "multiplex_python/steps.rs"]
mod steps;

use common::{Rt, watchdog};
use ours::Place;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};
use steps::Step;

/// Of a sequence: enough for each kind of step in many states.
const LENGTH: usize = 250;

/// In the gate, for each place.
const ROUNDS: u64 = 16;

/// For the search for a shorter sequence.
const SHORTENING: Duration = Duration::from_secs(30);

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Plays seeds from `first` on at `place`, with files at numbers from `base` on, which nobody else in this
/// process takes.
fn play_seeds(place: &Place, base: RawFd, first: u64) {
    if !python::is_there() {
        return;
    }
    let rounds = setting("GREENROOM_TEST_ROUNDS").unwrap_or(ROUNDS);
    let seeds = setting("GREENROOM_TEST_SEED").map_or(first..first + rounds, |seed| seed..seed + 1);
    for seed in seeds {
        let _watchdog = watchdog();
        let steps = steps::sequence(seed, LENGTH);
        if let Err(text) = duet::play(place, base, &steps) {
            println!("GREENROOM_TEST_SEED={seed}\n{text}");
            let (steps, text) = shortened(place, base, steps, text);
            let lines: Vec<String> = steps.iter().map(|step| format!("    {step:?}")).collect();
            panic!("seed {seed}:\n{}\n{text}", lines.join("\n"));
        }
    }
}

/// Leaves out steps, in ever smaller pieces, as long as it still fails.
fn shortened(
    place: &Place,
    base: RawFd,
    mut steps: Vec<Step>,
    mut text: String,
) -> (Vec<Step>, String) {
    let start = Instant::now();
    let mut piece = steps.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < steps.len() && start.elapsed() < SHORTENING {
            let mut fewer = steps.clone();
            fewer.drain(at..steps.len().min(at + piece));
            match duet::play(place, base, &fewer) {
                Ok(()) => at += piece,
                Err(new) => (steps, text) = (fewer, new),
            }
        }
        piece /= 2;
    }
    (steps, text)
}

#[test]
fn green_thread_answers_as_python_with_one_worker() {
    play_seeds(&Place::Workers(Rt::with_workers(1)), 600, 0);
}

#[test]
fn green_thread_answers_as_python_with_two_workers() {
    play_seeds(&Place::Workers(Rt::with_workers(2)), 620, 1000);
}

#[test]
fn os_thread_answers_as_python() {
    play_seeds(&Place::OsThread, 640, 2000);
}
