//! Server CPU per unit of work, floor against subject.

use super::{Bench, Load, Target, Unit, pairs};
use crate::compare::{Comparison, Costs};
use crate::echo::rig::Sample;
use crate::report::Report;
use crate::stats;
use std::io;

/// Measures one load and adds the comparison.
pub(crate) fn run(
    name: &str,
    bench: &Bench,
    load: Load,
    unit: Unit,
    target: Target,
    report: &mut Report,
) -> io::Result<()> {
    let pairs = pairs::measure(&bench.floor, &bench.subject, &load, &bench.plan)?;
    let cost: fn(&Sample) -> f64 = match unit {
        Unit::Message | Unit::Connection => Sample::cpu_us_per_message,
        Unit::Kib => Sample::cpu_us_per_kib,
    };
    let comparison = Comparison {
        name: name.to_owned(),
        unit: match unit {
            Unit::Message => "µs/msg",
            Unit::Connection => "µs/conn",
            Unit::Kib => "µs/KiB",
        },
        target: Some(target),
        pairs: pairs
            .iter()
            .map(|pair| Costs {
                floor: pair.floor.each_ref().map(cost),
                subject: pair.subject.each_ref().map(cost),
            })
            .collect(),
    };
    report.comparison(&comparison);
    let (floors, subjects): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .map(|pair| (pair.floor, pair.subject))
        .unzip();
    let cells = [floors, subjects].map(|runs| {
        let median = |value: fn(&Sample) -> f64| {
            stats::median(&runs.iter().flatten().map(value).collect::<Vec<_>>())
        };
        [
            format!("{:.0}", median(Sample::messages_per_second)),
            format!("{:.0}", median(|s| s.p50_us)),
            format!("{:.0}", median(|s| s.p99_us)),
            format!("{:.0} %", median(Sample::busiest_share) * 100.0),
            format!("{:.1} %", median(Sample::disturbance) * 100.0),
        ]
    });
    let headers = [
        "scenario",
        "floor /s",
        "p50",
        "p99",
        "busiest",
        "kept out",
        "greenroom /s",
        "p50",
        "p99",
        "busiest",
        "kept out",
    ];
    let row = std::iter::once(name.to_owned())
        .chain(cells.into_iter().flatten())
        .collect();
    report.row("throughput and µs per round trip (medians)", &headers, row);
    Ok(())
}
