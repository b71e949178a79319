//! Interleaved pairs: floor and subject measured in turns, short runs back to back.
//!
//! The machine changes its speed within seconds; only runs that follow each other at once are
//! comparable. A pair is four runs, outer two of one server and inner two of the other, which
//! cancels a drift within the pair; who is outside alternates. Pairs are split over rounds with
//! freshly started servers, because where a process happens to lie in memory is worth a percent
//! that stays with it for its life.

use super::rig::{Load, Rig, Sample};
use super::subject::Subject;
use std::io;
use std::time::Duration;

/// A pair is taken again if other programs kept server or client waiting for longer than this
/// share of a run: it changes how many messages meet in a batch. Undisturbed runs stay below 0.02.
const DISTURBANCE_MAX: f64 = 0.08;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) pairs: usize,
    pub(crate) rounds: usize,
    /// Length of one measured run.
    pub(crate) run: Duration,
    /// Unmeasured load before each run: the other server has just had the caches.
    pub(crate) warm: Duration,
    /// Unmeasured load on freshly started servers.
    pub(crate) first_warm: Duration,
}

/// Two runs of each, taken together.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) floor: [Sample; 2],
    pub(crate) subject: [Sample; 2],
}

impl Pair {
    fn runs(&self) -> impl Iterator<Item = &Sample> {
        self.floor.iter().chain(&self.subject)
    }

    fn is_disturbed(&self) -> bool {
        self.runs()
            .any(|sample| sample.disturbance() > DISTURBANCE_MAX)
    }
}

/// Measures `plan.pairs` pairs under `load`.
pub(crate) fn measure(
    floor: &Subject,
    subject: &Subject,
    load: &Load,
    plan: &Plan,
) -> io::Result<Vec<Pair>> {
    let length = plan.run * load.patience();
    measure_with(floor, subject, load, plan, |rig| rig.run(plan.warm, length))
}

/// The same with another kind of run.
pub(crate) fn measure_with(
    floor: &Subject,
    subject: &Subject,
    load: &Load,
    plan: &Plan,
    run: impl Fn(&mut Rig) -> io::Result<Sample>,
) -> io::Result<Vec<Pair>> {
    let mut pairs = Vec::with_capacity(plan.pairs);
    // On a machine that is never quiet the disturbed pairs count in the end.
    let mut repeats_left = if load.has_own_cores() {
        plan.pairs / 2
    } else {
        0
    };
    let rounds = plan.rounds.clamp(1, plan.pairs.max(1));
    for round in 0..rounds {
        let mut floor_rig = Rig::start(floor, load)?;
        let mut subject_rig = Rig::start(subject, load)?;
        floor_rig.run(plan.first_warm, plan.warm)?;
        subject_rig.run(plan.first_warm, plan.warm)?;
        let until = plan.pairs * (round + 1) / rounds;
        while pairs.len() < until {
            let pair = if pairs.len() % 2 == 0 {
                let (floor, subject) = around(&mut floor_rig, &mut subject_rig, &run)?;
                Pair { floor, subject }
            } else {
                let (subject, floor) = around(&mut subject_rig, &mut floor_rig, &run)?;
                Pair { floor, subject }
            };
            if repeats_left > 0 && pair.is_disturbed() {
                repeats_left -= 1;
                continue;
            }
            pairs.push(pair);
        }
    }
    Ok(pairs)
}

/// Runs outer, inner, inner, outer.
fn around(
    outer: &mut Rig,
    inner: &mut Rig,
    run: impl Fn(&mut Rig) -> io::Result<Sample>,
) -> io::Result<([Sample; 2], [Sample; 2])> {
    let first = run(outer)?;
    let inside = [run(inner)?, run(inner)?];
    Ok(([first, run(outer)?], inside))
}
