//! Latency: its spread in a closed loop, which shows fairness, and at 70 % load in an open one.
//!
//! In a closed loop the latency itself is queueing (clients divided by throughput); what tells is
//! how far the 99th percentile lies from the median.

use super::pairs::{self, Pair, Plan};
use super::rig::Sample;
use super::{Bench, Load};
use crate::compare::{Target, Verdict};
use crate::report::Report;
use crate::stats;
use serde_json::json;
use std::io;
use std::time::Duration;

/// p99 above three times the median is unfair; there is no goal beyond that.
const SPREAD_TARGET: Target = Target {
    gate: 3.0,
    goal: 3.0,
};
const OPEN_LOAD: f64 = 0.7;
const HEADERS: [&str; 11] = [
    "scenario",
    "rate /s",
    "floor p50",
    "p99",
    "p99.9",
    "greenroom p50",
    "p99",
    "p99.9",
    "p99/p50",
    "gate",
    "verdict",
];

/// Longer runs than for CPU, fewer of them: a percentile wants many messages.
fn plan_for_percentiles(plan: &Plan) -> Plan {
    Plan {
        pairs: plan.pairs.div_ceil(5),
        rounds: 1,
        run: plan.run * 8,
        ..*plan
    }
}

fn medians(runs: &[&Sample]) -> [f64; 3] {
    [
        median(runs, |s| s.p50_us),
        median(runs, |s| s.p99_us),
        median(runs, |s| s.p999_us),
    ]
}

fn median(runs: &[&Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    stats::median(&runs.iter().map(|sample| value(sample)).collect::<Vec<_>>())
}

fn subject_runs(pairs: &[Pair]) -> Vec<&Sample> {
    pairs.iter().flat_map(|pair| &pair.subject).collect()
}

fn floor_runs(pairs: &[Pair]) -> Vec<&Sample> {
    pairs.iter().flat_map(|pair| &pair.floor).collect()
}

/// Percentiles with every client waiting for its reply; gate on p99/p50.
pub(crate) fn run_closed(
    name: &str,
    bench: &Bench,
    load: &Load,
    report: &mut Report,
) -> io::Result<()> {
    let plan = plan_for_percentiles(&bench.plan);
    let pairs = pairs::measure(&bench.floor, &bench.subject, load, &plan)?;
    let rate = median(&subject_runs(&pairs), Sample::messages_per_second);
    add(name, rate, &pairs, Some(SPREAD_TARGET), report);
    Ok(())
}

/// Percentiles at 70 % of the rate the subject reaches in a closed loop, same rate for both.
pub(crate) fn run_open(
    name: &str,
    bench: &Bench,
    load: &Load,
    report: &mut Report,
) -> io::Result<()> {
    let plan = plan_for_percentiles(&bench.plan);
    let probe = Plan {
        pairs: 2,
        run: Duration::from_millis(300),
        ..plan
    };
    let closed = pairs::measure(&bench.floor, &bench.subject, load, &probe)?;
    let rate = OPEN_LOAD * median(&subject_runs(&closed), Sample::messages_per_second);
    let pairs = pairs::measure_with(&bench.floor, &bench.subject, load, &plan, |rig| {
        rig.run_open(rate, plan.warm, plan.run)
    })?;
    add(name, rate, &pairs, None, report);
    Ok(())
}

fn add(name: &str, rate: f64, pairs: &[Pair], target: Option<Target>, report: &mut Report) {
    let floor = medians(&floor_runs(pairs));
    let runs = subject_runs(pairs);
    let subject = medians(&runs);
    let spreads: Vec<f64> = runs.iter().map(|run| run.p99_us / run.p50_us).collect();
    let spread = stats::median(&spreads);
    let verdict = Verdict::of(spread, target);
    let mut row = vec![name.to_owned(), format!("{rate:.0}")];
    row.extend(floor.iter().chain(&subject).map(|us| format!("{us:.0}")));
    row.push(format!("{spread:.2}"));
    row.push(target.map_or("-".to_owned(), |target| format!("{:.2}", target.gate)));
    row.push(verdict.word().to_owned());
    report.row("latency in µs (medians of the runs)", &HEADERS, row);
    report.record(json!({
        "name": name,
        "rate_per_second": rate,
        "floor_p50_p99_p999_us": floor,
        "subject_p50_p99_p999_us": subject,
        "p99_over_p50": spreads,
        "verdict": verdict.word(),
    }));
    report.judge(name, verdict);
}
