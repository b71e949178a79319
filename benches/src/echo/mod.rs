//! The scenarios of `bench echo` and their targets.
//!
//! A scenario's name is `GROUP-DETAIL`; `--only` takes either whole names or groups. Targets are
//! ratios to the floor of the same run; what has none is printed only.

pub(crate) mod floor;
mod hot;
mod latency;
pub(crate) mod pairs;
pub(crate) mod rig;
pub(crate) mod subject;
mod syscalls;
mod throughput;
mod tracer;

use crate::compare::Target;
use crate::report::Report;
use pairs::Plan;
use rig::Load;
use std::io;
use subject::Subject;

/// What is done with a load.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Server CPU per message, connection or KiB against the floor.
    Cpu(Unit, Target),
    /// Percentiles in a closed loop.
    Closed,
    /// Percentiles at 70 % of the closed loop's rate.
    Open,
    /// System calls per message.
    Syscalls,
    /// Connections of one worker of two against as many of both.
    Hot,
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Message,
    Connection,
    Kib,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    load: Load,
    kind: Kind,
}

const fn cpu(name: &'static str, load: Load, unit: Unit, gate: f64, goal: f64) -> Scenario {
    Scenario {
        name,
        load,
        kind: Kind::Cpu(unit, Target { gate, goal }),
    }
}

const fn other(name: &'static str, load: Load, kind: Kind) -> Scenario {
    Scenario { name, load, kind }
}

const CHURN: Load = Load {
    churn: true,
    ..Load::echo(64)
};
const STREAM: Load = Load {
    size: 16 * 1024,
    depth: 4,
    ..Load::echo(64)
};
const TWO_64: Load = Load {
    workers: 2,
    client_threads: 2,
    ..Load::echo(64)
};
const TWO_1000: Load = Load {
    workers: 2,
    client_threads: 2,
    ..Load::echo(1000)
};
const HOT: Load = Load {
    workers: 2,
    ..Load::echo(64)
};

/// All scenarios in the order they run.
pub(crate) const SCENARIOS: [Scenario; 15] = [
    cpu("echo-1", Load::echo(1), Unit::Message, 1.12, 1.06),
    cpu("echo-64", Load::echo(64), Unit::Message, 1.08, 1.02),
    cpu("echo-1000", Load::echo(1000), Unit::Message, 1.08, 1.02),
    cpu("echo-8000", Load::echo(8000), Unit::Message, 1.12, 1.06),
    cpu("churn-64", CHURN, Unit::Connection, 1.08, 1.03),
    cpu("stream-16k", STREAM, Unit::Kib, 1.06, 1.0),
    cpu("two-64", TWO_64, Unit::Message, 1.10, 1.05),
    cpu("two-1000", TWO_1000, Unit::Message, 1.10, 1.05),
    other("latency-400", Load::echo(400), Kind::Closed),
    other("latency-1000", Load::echo(1000), Kind::Closed),
    other("latency-8000", Load::echo(8000), Kind::Closed),
    other("open-64", Load::echo(64), Kind::Open),
    other("open-1000", Load::echo(1000), Kind::Open),
    other("hot-64", HOT, Kind::Hot),
    other("syscalls-64", Load::echo(64), Kind::Syscalls),
];

impl Scenario {
    /// Whether `--only filter` means this scenario.
    pub(crate) fn is_meant_by(&self, filter: &str) -> bool {
        let group = self
            .name
            .split_once('-')
            .map_or(self.name, |(group, _)| group);
        self.name == filter || group == filter
    }

    /// Measures and adds the results to `report`.
    pub(crate) fn run(&self, bench: &Bench, report: &mut Report) -> io::Result<()> {
        let Scenario { name, load, kind } = *self;
        match kind {
            Kind::Cpu(unit, target) => throughput::run(name, bench, load, unit, target, report),
            Kind::Closed => latency::run_closed(name, bench, &load, report),
            Kind::Open => latency::run_open(name, bench, &load, report),
            Kind::Syscalls => syscalls::run(name, bench, &load, report),
            Kind::Hot => hot::run(name, bench, &load, report),
        }
    }
}

/// Who is measured and how much.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) floor: Subject,
    pub(crate) subject: Subject,
    pub(crate) plan: Plan,
}
