//! `bench scale`: a million tasks, fifteen thousand connections, and what they weigh.
//!
//! Crowds of tasks live in a child process each, which measures itself and answers with one line of
//! JSON; connections are held by this process against the shipped example. Nothing is compared with
//! a floor, except the path of a plain `main`.

mod armed;
mod connections;
mod crowd;
mod memory;
pub(crate) mod plain_main;

use crate::child::Process;
use crate::compare::Verdict;
use crate::report::Report;
use serde_json::Value;
use std::ffi::OsString;
use std::time::Duration;
use std::{env, io};

/// A crowd on a busy machine, with page faults for every one of a million stacks.
const CHILD_TIMEOUT: Duration = Duration::from_secs(300);

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) tasks: usize,
    pub(crate) workers: usize,
    /// Pairs of the comparisons with a floor.
    pub(crate) pairs: usize,
}

/// One question.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) run: fn(&Size, &mut Report) -> io::Result<()>,
}

/// All scenarios in the order they run.
pub(crate) const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "parked",
        what: "tasks parked at once: memory each, kernel maps, times",
        run: crowd::parked,
    },
    Scenario {
        name: "sleeping",
        what: "tasks asleep at once: none early, lateness, CPU beyond parked ones",
        run: crowd::sleeping,
    },
    Scenario {
        name: "armed",
        what: "timeouts armed and cancelled leave nothing behind",
        run: armed::run,
    },
    Scenario {
        name: "idle",
        what: "15,000 idle connections of gevent_echo: memory each, and of what",
        run: connections::idle,
    },
    Scenario {
        name: "many",
        what: "10,000 concurrent connections on a stock shell, checksummed",
        run: connections::many,
    },
    Scenario {
        name: "plain-main",
        what: "accept on an OS thread, a green thread per connection, against the floor",
        run: plain_main::run,
    },
];

/// What a child process is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Crowd {
    /// Tasks that park.
    Parked,
    /// Tasks that park with a limit of an hour.
    Limited,
    /// Tasks that sleep until a time each.
    Sleeping,
    /// Two tasks that arm and cancel by turns.
    Armed,
}

/// Options of the child process.
#[derive(Debug, clap::Args)]
pub(crate) struct ChildArgs {
    crowd: Crowd,
    #[arg(long)]
    tasks: usize,
    #[arg(long)]
    workers: usize,
}

/// The child's side: measures and prints one line.
pub(crate) fn run_child(args: &ChildArgs) -> io::Result<()> {
    let value = match args.crowd {
        Crowd::Armed => armed::measure(args.tasks)?,
        crowd => crowd::measure(crowd, args.tasks, args.workers)?,
    };
    println!("{value}");
    Ok(())
}

/// The parent's side: starts a child, waits for its line.
fn ask_child(crowd: &str, size: &Size) -> io::Result<Value> {
    let mut argv: Vec<OsString> = vec![env::current_exe()?.into(), "scale-child".into()];
    let options = [
        crowd.to_owned(),
        "--tasks".to_owned(),
        size.tasks.to_string(),
        "--workers".to_owned(),
        size.workers.to_string(),
    ];
    argv.extend(options.map(OsString::from));
    let mut child = Process::start(crowd, &argv, None)?;
    let line = child.line(CHILD_TIMEOUT)?;
    serde_json::from_str(&line).map_err(io::Error::other)
}

fn number(value: &Value, name: &str) -> io::Result<f64> {
    let missing = || io::Error::other(format!("no `{name}` in the answer {value}"));
    value[name].as_f64().ok_or_else(missing)
}

/// Judges `figure` against a limit it must not exceed, and returns the word for the table.
fn judge(report: &mut Report, name: &str, figure: f64, limit: f64) -> String {
    // Not `>`: what is no number has missed its gate.
    let verdict = if figure <= limit {
        Verdict::Gate
    } else {
        Verdict::Missed
    };
    report.judge(name, verdict);
    verdict.word().to_owned()
}
