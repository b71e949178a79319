//! `bench micro`: what one operation costs, in nanoseconds, beside the floor of the same run.
//!
//! A row is a pair of functions that return nanoseconds per operation. They are run in turns, floor
//! and subject back to back, in this process. Rows of one worker run on core 0 and count the
//! process's CPU time, which other programs do not disturb (nothing else runs here meanwhile); rows
//! across threads count time on the wall, because there the sleeping is what is asked about.
//! Rivals' figures are printed constants, measured once on another day: an order, not a verdict.

pub(crate) mod allocs;
pub(crate) mod floor;
mod green;
mod pingpong;
pub(crate) mod strands;

use crate::compare::Costs;
use crate::sys::process;
use greenroom::Runtime;
use std::io;

/// What a row is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// The ratio to the floor.
    Ratio(f64),
    /// Nanoseconds: a share of a rival's figure.
    Nanos(f64),
    None,
}

/// How a row's figure follows from what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// The subject's cost.
    Cost,
    /// Half of what the subject costs beyond the floor: two operations were added to it.
    HalfDifference,
}

/// One line of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) goal: Goal,
    pub(crate) figure: Figure,
    /// tokio, Go, may in ns per operation, one worker (two workers where the row has two).
    pub(crate) peers: [&'static str; 3],
    pub(crate) what: &'static str,
    pub(crate) floor: Side,
    pub(crate) subject: Side,
}

impl Row {
    /// Whether it needs more than one core, and time on the wall.
    pub(crate) fn is_across_threads(&self) -> bool {
        ["park-cross", "park-os", "spawn-cross"].contains(&self.name)
    }
}

pub(crate) type Side = fn(&Lab) -> io::Result<f64>;

/// The runtimes that the rows run on, started once.
#[derive(Debug)]
pub(crate) struct Lab {
    /// One worker, on core 0.
    pub(crate) one: Runtime,
    /// Two workers, anywhere.
    pub(crate) two: Runtime,
    /// Divides the number of operations per run: for smoke tests.
    pub(crate) divisor: usize,
}

impl Lab {
    pub(crate) fn new(divisor: usize) -> io::Result<Lab> {
        let build = |workers| Runtime::builder().workers(workers).name("lab").build();
        Ok(Lab {
            one: process::pinned(Some(0), || build(1))??,
            two: build(2)?,
            divisor,
        })
    }

    /// So many operations, fewer in a smoke test.
    pub(crate) fn share(&self, operations: usize) -> usize {
        (operations / self.divisor).max(1)
    }
}

/// One pair of the row's sides.
pub(crate) fn pair(lab: &Lab, row: &Row, number: usize) -> io::Result<Costs> {
    in_turns(number, || (row.floor)(lab), || (row.subject)(lab))
}

/// Runs outer, inner, inner, outer; who is outside alternates with `number`.
pub(crate) fn in_turns(
    number: usize,
    mut floor: impl FnMut() -> io::Result<f64>,
    mut subject: impl FnMut() -> io::Result<f64>,
) -> io::Result<Costs> {
    if number.is_multiple_of(2) {
        let first = floor()?;
        let subject = [subject()?, subject()?];
        return Ok(Costs {
            floor: [first, floor()?],
            subject,
        });
    }
    let first = subject()?;
    let floor = [floor()?, floor()?];
    Ok(Costs {
        floor,
        subject: [first, subject()?],
    })
}

const fn row(name: &'static str, goal: Goal, floor: Side, subject: Side) -> Row {
    Row {
        name,
        goal,
        figure: Figure::Cost,
        peers: ["-"; 3],
        what: "",
        floor,
        subject,
    }
}

/// 0.6 × what tokio's current-thread runtime takes for a spawn and a join (189 ns).
const SPAWN_GOAL: Goal = Goal::Nanos(113.0);
/// 0.5 × what Go takes to arm and cancel a timer (88 ns).
const TIMER_GOAL: Goal = Goal::Nanos(44.0);
const SWITCH_GOAL: Goal = Goal::Ratio(1.3);
const GENERATOR_GOAL: Goal = Goal::Ratio(1.2);

/// All rows in the order they run.
pub(crate) const ROWS: [Row; 16] = [
    Row {
        what: "yield_now, nobody else runnable",
        ..row(
            "yield-1",
            SWITCH_GOAL,
            |lab| floor::yields(lab, 1),
            |lab| green::yields(lab, 1),
        )
    },
    Row {
        what: "yield_now by turns of 2 tasks",
        peers: ["170", "42", "29"],
        ..row(
            "yield-2",
            SWITCH_GOAL,
            |lab| floor::yields(lab, 2),
            |lab| green::yields(lab, 2),
        )
    },
    Row {
        what: "the same, 100 tasks",
        ..row(
            "yield-100",
            SWITCH_GOAL,
            |lab| floor::yields(lab, 100),
            |lab| green::yields(lab, 100),
        )
    },
    Row {
        what: "the same, 1,000 tasks",
        peers: ["35", "46", "51"],
        ..row(
            "yield-1000",
            SWITCH_GOAL,
            |lab| floor::yields(lab, 1000),
            |lab| green::yields(lab, 1000),
        )
    },
    Row {
        what: "spawn, run, join, one by one; floor: coroutine made, run, dropped on one stack",
        peers: ["189", "249", "800"],
        ..row(
            "spawn-join",
            SPAWN_GOAL,
            floor::one_by_one,
            green::one_by_one,
        )
    },
    Row {
        what: "100,000 spawned, then joined; floor: boxed closures, each run on a pooled stack",
        peers: ["436", "767", "14691"],
        ..row("spawn-batch", SPAWN_GOAL, floor::batch, green::batch)
    },
    Row {
        what: "unpark the other, park; per round trip of 2; floor: two switches",
        peers: ["59 (chan)", "109 (chan)", "79 (chan)"],
        ..row(
            "park-trip",
            SWITCH_GOAL,
            |lab| floor::yields(lab, 2).map(|each| 2.0 * each),
            |lab| pingpong::tasks(lab, pingpong::Park::Forever),
        )
    },
    Row {
        what: "unpark oneself, park: the token is there; floor: std's",
        ..row("park-token", Goal::None, floor::tokens, green::tokens)
    },
    Row {
        what: "park-trip with a 10 s limit on each park; floor: without; figure: per arm+cancel",
        peers: ["90 (mt)", "88", "-"],
        figure: Figure::HalfDifference,
        ..row(
            "timer",
            TIMER_GOAL,
            |lab| pingpong::tasks(lab, pingpong::Park::Forever),
            |lab| pingpong::tasks(lab, pingpong::Park::Limited),
        )
    },
    Row {
        what: "timeout(10 s, nothing): enter and leave the frame; floor: one Instant::now",
        ..row("timeout-frame", Goal::None, floor::clock, green::timeouts)
    },
    Row {
        what: "park-trip between two workers (wall); floor: two OS threads, std's park",
        peers: ["24000 (chan)", "36000 (chan)", "-"],
        ..row(
            "park-cross",
            Goal::None,
            pingpong::os_threads,
            pingpong::workers,
        )
    },
    Row {
        what: "park-trip between a task and an OS thread (wall); floor: two OS threads",
        ..row(
            "park-os",
            Goal::None,
            pingpong::os_threads,
            pingpong::task_and_thread,
        )
    },
    Row {
        what: "spawn on the other worker and join (wall); floor: OS thread spawned, joined",
        peers: ["283 (mt2)", "304 (2)", "22737 (2)"],
        ..row(
            "spawn-cross",
            Goal::None,
            floor::spawn_os,
            green::spawn_cross,
        )
    },
    Row {
        what: "generator: a value sent, a value yielded; floor: a bare coroutine's",
        ..row(
            "generator",
            GENERATOR_GOAL,
            strands::bare_rounds,
            strands::rounds,
        )
    },
    Row {
        what: "generator made, run, dropped; floor: a bare coroutine on one stack",
        ..row(
            "generator-make",
            GENERATOR_GOAL,
            strands::bare_made,
            strands::made,
        )
    },
    Row {
        what: "switch to a greenlet and back, with values; floor: as generator",
        ..row(
            "greenlet",
            Goal::None,
            strands::bare_rounds,
            strands::switches,
        )
    },
];
