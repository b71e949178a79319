//! All servers in turns, under each load: CPU time of the server per request that wrk counts.
//!
//! A round starts every server afresh and lets each have one run per load, beginning with another
//! server each time, so that none always comes after the same one. Runs of one round and load are seconds
//! apart; ratios are formed within them. Connecting and closing is in the CPU time: some 5 ms a run.

use super::servers::{Entrant, Ground, Server};
use super::wrk::{Aim, Quantiles, Shot};
use crate::compare::{Comparison, Costs, Target};
use crate::report::Report;
use crate::stats;
use serde_json::{Value, json};
use std::io;

/// What wrk does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) connections: usize,
    /// Requests that a connection sends at once.
    pub(crate) depth: usize,
}

const fn load(name: &'static str, connections: usize, depth: usize) -> Load {
    Load {
        name,
        connections,
        depth,
    }
}

pub(crate) const LOADS: [Load; 4] = [
    load("c64", 64, 1),
    load("c256", 256, 1),
    load("c64-pipe16", 64, 16),
    load("c256-pipe16", 256, 16),
];

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) shot: Shot,
    pub(crate) cpu_us: f64,
}

impl Sample {
    /// Runs wrk against `server` and reads its clock before and after.
    pub(crate) fn take(server: &Server, aim: &Aim, seconds: u64) -> io::Result<Sample> {
        let before_ns = server.cpu_ns()?;
        let shot = aim.run(server.addr, seconds)?;
        let cpu_ns = server.cpu_ns()?.saturating_sub(before_ns);
        let cpu_us = cpu_ns as f64 / 1e3;
        Ok(Sample { shot, cpu_us })
    }

    pub(crate) fn cpu_us_per_request(&self) -> f64 {
        self.cpu_us / self.shot.requests
    }

    /// Seconds of CPU per gigabyte.
    pub(crate) fn cpu_s_per_gb(&self) -> f64 {
        self.cpu_us * 1e3 / self.shot.bytes
    }

    pub(crate) fn megabytes_per_second(&self) -> f64 {
        self.shot.bytes / self.shot.duration_us
    }
}

/// Samples of one server under one load, by round; none where a run failed.
pub(crate) type Samples = Vec<Option<Sample>>;

/// What everybody's runs found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) names: Vec<&'static str>,
    /// By load, then by server.
    pub(crate) samples: Vec<Vec<Samples>>,
}

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
}

/// Lets all have their turns under each of `aims`; who fails has no sample, which the report tells.
pub(crate) fn hold(
    entrants: &[Entrant],
    ground: &Ground,
    aims: &[Aim],
    plan: Plan,
    report: &mut Report,
) -> Found {
    let names: Vec<&str> = entrants.iter().map(|entrant| entrant.name).collect();
    let mut samples = vec![vec![Vec::new(); names.len()]; aims.len()];
    for round in 0..plan.rounds {
        let mut servers = Vec::new();
        for entrant in entrants {
            let warm = |server: Server| aims[0].run(server.addr, 1).map(|_| server);
            let server = entrant.start(ground).and_then(warm);
            servers.push(noted(entrant.name, server, report));
        }
        for (aim, samples) in aims.iter().zip(&mut samples) {
            for turn in 0..servers.len() {
                let index = (round + turn) % servers.len();
                let sample = servers[index].as_ref().and_then(|server| {
                    let sample = Sample::take(server, aim, plan.seconds);
                    noted(server.name, sample, report)
                });
                samples[index].push(sample);
            }
        }
        eprintln!("bench: round {} of {} is over", round + 1, plan.rounds);
    }
    Found { names, samples }
}

fn noted<T>(name: &str, result: io::Result<T>, report: &mut Report) -> Option<T> {
    result.inspect_err(|error| report.failure(name, error)).ok()
}

impl Found {
    fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|&known| known == name)
    }

    /// `subject` in the rounds where both have a sample; none if `floor` or `subject` is not there.
    pub(crate) fn compare(
        &self,
        load: usize,
        [floor, subject]: [&str; 2],
        cost: fn(&Sample) -> f64,
        target: Option<Target>,
    ) -> Option<Comparison> {
        let of = |name| self.index(name).map(|index| &self.samples[load][index]);
        let both = of(floor)?.iter().zip(of(subject)?);
        let pairs: Vec<Costs> = both
            .filter_map(|(floor, subject)| {
                Some(Costs {
                    floor: [cost(floor.as_ref()?); 2],
                    subject: [cost(subject.as_ref()?); 2],
                })
            })
            .collect();
        (!pairs.is_empty()).then(|| Comparison {
            name: format!("{subject} / {floor}"),
            unit: "µs/request",
            target,
            pairs,
        })
    }

    pub(crate) fn of(&self, load: usize, server: usize) -> Vec<Sample> {
        self.samples[load][server]
            .iter()
            .flatten()
            .copied()
            .collect()
    }

    /// One table per load, all ratios to `floor`.
    pub(crate) fn show(&self, loads: &[Load], floor: &str, report: &mut Report) {
        const HEADERS: [&str; 10] = [
            "server", "req/s", "p50 µs", "p99 µs", "µs/req", "best", "x median", "±", "x best", "±",
        ];
        for (number, load) in loads.iter().enumerate() {
            let title = format!(
                "{}: {} connections, {} at once; server CPU per request (x: to {floor}, same round)",
                load.name, load.connections, load.depth
            );
            for (index, name) in self.names.iter().enumerate() {
                let samples = self.of(number, index);
                let ratio = self.compare(number, [floor, name], Sample::cpu_us_per_request, None);
                report.row(&title, &HEADERS, cells(name, &samples, ratio.as_ref()));
                report.record(record(load.name, name, &samples, ratio.as_ref()));
            }
        }
    }
}

fn values(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Vec<f64> {
    samples.iter().map(value).collect()
}

fn quantiles(samples: &[Sample], pick: fn(&Quantiles) -> f64) -> Vec<f64> {
    let told = samples.iter().filter_map(|sample| sample.shot.quantiles);
    told.map(|told| pick(&told)).collect()
}

fn cells(name: &str, samples: &[Sample], ratio: Option<&Comparison>) -> Vec<String> {
    let rates = values(samples, |sample| sample.shot.per_second());
    let costs = values(samples, Sample::cpu_us_per_request);
    let quantile = |pick| match quantiles(samples, pick) {
        told if told.is_empty() => "-".to_owned(),
        told => format!("{:.0}", stats::median(&told)),
    };
    let ratio = |pick: fn(&Comparison) -> f64| {
        ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.3}", pick(ratio)))
    };
    vec![
        name.to_owned(),
        format!("{:.0}", stats::median(&rates)),
        quantile(|told| told.p50_us),
        quantile(|told| told.p99_us),
        format!("{:.3}", stats::median(&costs)),
        format!("{:.3}", stats::best(&costs)),
        ratio(Comparison::ratio_median),
        ratio(Comparison::error_median),
        ratio(Comparison::ratio_best),
        ratio(Comparison::error_best),
    ]
}

fn record(load: &str, name: &str, samples: &[Sample], ratio: Option<&Comparison>) -> Value {
    json!({
        "load": load,
        "server": name,
        "cpu_us_per_request": values(samples, Sample::cpu_us_per_request),
        "per_second": values(samples, |sample| sample.shot.per_second()),
        "p50_us": quantiles(samples, |told| told.p50_us),
        "p99_us": quantiles(samples, |told| told.p99_us),
        "to_floor": ratio.map(Comparison::json),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample(cpu_us_per_request: f64) -> Sample {
        let shot = Shot {
            requests: 1e6,
            duration_us: 2e6,
            bytes: 150e6,
            quantiles: None,
        };
        let cpu_us = cpu_us_per_request * shot.requests;
        Sample { shot, cpu_us }
    }

    /// Servers of one load, each with one cost in all of three rounds.
    pub(crate) fn found(costs: &[(&'static str, f64)]) -> Found {
        let samples = costs.iter().map(|&(_, cost)| vec![Some(sample(cost)); 3]);
        Found {
            names: costs.iter().map(|&(name, _)| name).collect(),
            samples: vec![samples.collect()],
        }
    }

    #[test]
    fn rounds_where_one_side_failed_are_no_pairs() {
        let mut found = found(&[("a", 5.0), ("b", 6.0)]);
        found.samples[0][0][1] = None;
        let cost = Sample::cpu_us_per_request;
        let told = found.compare(0, ["a", "b"], cost, None);
        let told = told.expect("because two rounds are left");
        assert_eq!(told.pairs.len(), 2);
        assert!((told.ratio() - 1.2).abs() < 1e-9);
        assert!(found.compare(0, ["a", "c"], cost, None).is_none());
        found.samples[0][1] = vec![None; 3];
        assert!(found.compare(0, ["a", "b"], cost, None).is_none());
    }

    #[test]
    fn sample_is_told_per_request_and_per_gigabyte() {
        let sample = sample(3.0);
        assert!((sample.cpu_us_per_request() - 3.0).abs() < 1e-9);
        assert!((sample.cpu_s_per_gb() - 20.0).abs() < 1e-9);
        assert!((sample.megabytes_per_second() - 75.0).abs() < 1e-9);
    }
}
