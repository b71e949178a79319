//! Two workers while only one worker's connections are busy: what pinning costs in the worst case.
//!
//! Which worker owns a connection is found from outside. The busy ones are then one worker's
//! (`hot`), or as many taken evenly from all (`mixed`); the load is the same. Printed, no gate.

use super::rig::{Rig, Sample};
use super::{Bench, Load};
use crate::report::Report;
use crate::stats;
use serde_json::json;
use std::io;
use std::time::Duration;

/// Finding the owners takes some 10 ms per connection.
const OWNERS_TIME: Duration = Duration::from_secs(10);
const HEADERS: [&str; 8] = [
    "server",
    "connections",
    "busy",
    "msg/s",
    "CPU µs/msg",
    "p50 µs",
    "p99 µs",
    "busiest thread",
];

/// Measures floor and subject with hot and mixed connections.
pub(crate) fn run(name: &str, bench: &Bench, load: &Load, report: &mut Report) -> io::Result<()> {
    for (label, subject) in [("floor", &bench.floor), ("greenroom", &bench.subject)] {
        let mut rig = Rig::start(subject, load)?;
        rig.run(bench.plan.first_warm, bench.plan.warm)?;
        let owners = rig.ask("owners", OWNERS_TIME)?;
        let mut samples = [Vec::new(), Vec::new()];
        let shares = ["hot", "mixed"];
        let mut using = 0;
        for _ in 0..bench.plan.pairs.div_ceil(3) {
            for (share, samples) in shares.iter().zip(&mut samples) {
                using = rig.ask(&format!("use {share}"), Duration::ZERO)?["using"]
                    .as_u64()
                    .unwrap_or(0);
                samples.push(rig.run(bench.plan.warm, bench.plan.run)?);
            }
        }
        for (share, samples) in shares.iter().zip(&samples) {
            let row = cells(label, share, using, samples);
            report.row(
                "busy connections of one worker of two (medians)",
                &HEADERS,
                row,
            );
        }
        let rates = samples.map(|side| medians(&side, Sample::messages_per_second));
        report.record(json!({
            "name": name, "server": label, "connections_by_thread": owners["owners"],
            "hot_per_second": rates[0], "mixed_per_second": rates[1],
        }));
        report.note(format!(
            "{name}: {label} has connections by thread {}",
            owners["owners"]
        ));
    }
    Ok(())
}

fn cells(label: &str, share: &str, using: u64, samples: &[Sample]) -> Vec<String> {
    vec![
        label.to_owned(),
        share.to_owned(),
        using.to_string(),
        format!("{:.0}", medians(samples, Sample::messages_per_second)),
        format!("{:.3}", medians(samples, Sample::cpu_us_per_message)),
        format!("{:.0}", medians(samples, |s| s.p50_us)),
        format!("{:.0}", medians(samples, |s| s.p99_us)),
        format!("{:.0} %", medians(samples, Sample::busiest_share) * 100.0),
    ]
}

fn medians(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    stats::median(&samples.iter().map(value).collect::<Vec<_>>())
}
