//! The wheel against a sorted map, over hundreds of thousands of random steps.
//!
//! A failing run prints its seed; `GREENROOM_SEED=<seed> cargo test sorted_map` starts with it.

use super::super::{TICK_NS, tick_after, tick_reached};
use super::{Random, Timers};
use std::collections::BTreeMap;
use std::panic::{catch_unwind, resume_unwind};

/// The wheel's contract in thirty lines: deadline tick, then order of arming.
#[derive(Default)]
struct Model {
    due: BTreeMap<(u64, u64), usize>,
    keys: BTreeMap<usize, (u64, u64)>,
    overdue: Vec<usize>,
    sequence: u64,
}

impl Model {
    fn arm(&mut self, index: usize, deadline_ns: u64, now_tick: u64) {
        self.cancel(index);
        if tick_after(deadline_ns) <= now_tick {
            self.overdue.push(index);
            return;
        }
        self.sequence += 1;
        let key = (tick_after(deadline_ns), self.sequence);
        self.due.insert(key, index);
        self.keys.insert(index, key);
    }

    fn cancel(&mut self, index: usize) -> bool {
        let waiting = self.overdue.len();
        self.overdue.retain(|&other| other != index);
        let key = self.keys.remove(&index);
        key.is_some_and(|key| self.due.remove(&key).is_some()) || self.overdue.len() < waiting
    }

    fn fire(&mut self, now_tick: u64) -> Vec<usize> {
        let mut fired = std::mem::take(&mut self.overdue);
        let later = self.due.split_off(&(now_tick + 1, 0));
        let due = std::mem::replace(&mut self.due, later);
        for index in due.into_values() {
            self.keys.remove(&index);
            fired.push(index);
        }
        fired
    }

    fn len(&self) -> usize {
        self.due.len() + self.overdue.len()
    }

    fn check_expiry(&self, expiry: Option<u64>, now_tick: u64) {
        let first = self.due.keys().next().map(|key| key.0);
        let first = if self.overdue.is_empty() {
            first
        } else {
            Some(now_tick)
        };
        // The tick that begins after the last nanosecond never comes.
        match (first.filter(|&tick| tick <= tick_reached(u64::MAX)), expiry) {
            (None, None) => {}
            (Some(tick), Some(at)) => {
                assert!(
                    at <= tick * TICK_NS,
                    "the driver would sleep past {tick}: {at}"
                );
                let same_slot = tick ^ now_tick < 64;
                assert!(
                    !same_slot || at == tick * TICK_NS,
                    "level 0 is exact: {tick} {at}"
                );
            }
            // Early for the sake of a cascade, then nothing: only at the end of time.
            (None, Some(at)) => assert!(!self.due.is_empty(), "nothing armed, woken at {at}"),
            (Some(tick), None) => panic!("the driver would sleep for ever past {tick}"),
        }
    }
}

fn run_model(seed: u64, steps: u64, nodes: usize) {
    let mut random = Random(seed);
    let mut now_ns = random.any_magnitude() / 2;
    let mut timers = Timers::new(nodes, now_ns);
    let mut model = Model::default();
    for step in 0..steps {
        let index = usize::try_from(random.below(nodes as u64)).unwrap();
        let context = || format!("seed {seed:#x} step {step} now {now_ns}");
        match random.below(16) {
            0..8 => {
                let offset = random.any_magnitude();
                let deadline = match random.below(8) {
                    0 => now_ns.saturating_sub(offset),
                    // Shared ticks, so that the order within one is exercised.
                    1..4 => now_ns.saturating_add(random.below(100) * TICK_NS),
                    _ => now_ns.saturating_add(offset),
                };
                timers.arm(index, deadline);
                model.arm(index, deadline, tick_reached(now_ns));
            }
            8..12 => assert_eq!(timers.cancel(index), model.cancel(index), "{}", context()),
            kind => {
                now_ns = match kind {
                    12 => timers.wheel.next_expiry().unwrap_or(now_ns).max(now_ns),
                    13 => now_ns.saturating_add(random.below(200) * TICK_NS / 7),
                    14 => now_ns.saturating_add(random.any_magnitude() >> 12),
                    _ => now_ns.saturating_add(random.any_magnitude() >> (4 + random.below(40))),
                };
                let fired = timers.fire(now_ns);
                let expected = model.fire(tick_reached(now_ns));
                assert_eq!(fired, expected, "seed {seed:#x} step {step} now {now_ns}");
                // Not for ever at the end of time.
                if now_ns > u64::MAX / 2 {
                    return;
                }
            }
        }
        assert_eq!(
            timers.wheel.len(),
            model.len(),
            "seed {seed:#x} step {step}"
        );
        model.check_expiry(timers.wheel.next_expiry(), tick_reached(now_ns));
    }
}

#[test]
fn random_steps_agree_with_a_sorted_map() {
    let base = std::env::var("GREENROOM_SEED").map_or(0x5eed_0001, |seed| {
        seed.parse().expect("GREENROOM_SEED is a decimal number")
    });
    for round in 0..400 {
        let seed = base + round;
        let run = || run_model(seed, 2_000, 1 + usize::try_from(round % 50).unwrap());
        if let Err(panic) = catch_unwind(run) {
            eprintln!("the model test failed with GREENROOM_SEED={seed}");
            resume_unwind(panic);
        }
    }
}
