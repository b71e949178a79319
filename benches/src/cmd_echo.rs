//! `bench echo`: options, the list of scenarios, and their order. What is measured is in `echo/`.

use crate::echo::pairs::Plan;
use crate::echo::subject::Subject;
use crate::echo::{Bench, SCENARIOS, Scenario};
use crate::report::Report;
use crate::sys::process;
use serde_json::json;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Options of `bench echo`.
#[derive(Debug, clap::Args)]
pub(crate) struct EchoArgs {
    /// Fewer and shorter runs: a smoke test, no basis for a verdict
    #[arg(long)]
    quick: bool,
    /// Write all samples and the machine to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run only this scenario or group (may be given several times)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Pairs per scenario
    #[arg(long, value_name = "N")]
    pairs: Option<usize>,
    /// Length of one run (four make a pair; longer for thousands of connections)
    #[arg(long, value_name = "MS")]
    millis: Option<u64>,
    /// How often the servers are started afresh within a scenario
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Example to build and measure
    #[arg(long, default_value = "gevent_echo", value_name = "NAME")]
    example: String,
    /// Measure this command line instead; `{workers}` is replaced
    #[arg(long, value_name = "CMD", conflicts_with = "self_check")]
    server_cmd: Option<String>,
    /// Measure the floor against itself: every ratio must be 1
    #[arg(long)]
    self_check: bool,
    /// Print the scenarios' names and end
    #[arg(long)]
    list: bool,
}

impl EchoArgs {
    fn plan(&self) -> Plan {
        let (pairs, rounds, run, first_warm) = if self.quick {
            (5, 1, 50, 100)
        } else {
            (30, 3, 100, 300)
        };
        Plan {
            pairs: self.pairs.unwrap_or(pairs).max(1),
            rounds: self.rounds.unwrap_or(rounds).max(1),
            run: Duration::from_millis(self.millis.unwrap_or(run).max(1)),
            warm: Duration::from_millis(20),
            first_warm: Duration::from_millis(first_warm),
        }
    }

    fn subject(&self) -> io::Result<Subject> {
        match &self.server_cmd {
            Some(line) => Ok(Subject::Command(line.clone())),
            None if self.self_check => Ok(Subject::Floor),
            None => Subject::build(&self.example),
        }
    }

    fn scenarios(&self) -> io::Result<Vec<&'static Scenario>> {
        for filter in &self.only {
            if !SCENARIOS
                .iter()
                .any(|scenario| scenario.is_meant_by(filter))
            {
                let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
                let text = format!("no scenario `{filter}`; there are {}", names.join(", "));
                return Err(io::Error::other(text));
            }
        }
        let wanted = |scenario: &&Scenario| {
            self.only.is_empty() || self.only.iter().any(|filter| scenario.is_meant_by(filter))
        };
        Ok(SCENARIOS.iter().filter(wanted).collect())
    }
}

/// Runs the chosen scenarios; true if every gate holds.
pub(crate) fn run(args: &EchoArgs) -> io::Result<bool> {
    let scenarios = args.scenarios()?;
    if args.list {
        scenarios
            .iter()
            .for_each(|scenario| println!("{}", scenario.name));
        return Ok(true);
    }
    process::raise_nofile()?;
    let bench = Bench {
        floor: Subject::Floor,
        subject: args.subject()?,
        plan: args.plan(),
    };
    let mut report = Report::new(
        "echo",
        json!({
            "subject": bench.subject.name(),
            "pairs": bench.plan.pairs,
            "rounds": bench.plan.rounds,
            "run_ms": bench.plan.run.as_secs_f64() * 1e3,
            "quick": args.quick,
        }),
    );
    // After the build, which is nobody's measurement.
    if let Err(error) = process::raise_priority() {
        report.note(format!(
            "normal priority ({error}): other programs disturb the runs"
        ));
    }
    for scenario in scenarios {
        let begun = Instant::now();
        if let Err(error) = scenario.run(&bench, &mut report) {
            report.failure(scenario.name, &error);
        }
        eprintln!(
            "bench: {} took {:.1} s",
            scenario.name,
            begun.elapsed().as_secs_f64()
        );
    }
    report.note(format!("greenroom is {}", bench.subject.name()));
    report.finish(args.json.as_deref())
}
