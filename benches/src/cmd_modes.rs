//! `bench modes`: the framework's ways to serve a client against each other, and against the core's `serve`.
//!
//! Server CPU per echoed message with 64 lasting clients, and per connection when each sends one message. All
//! servers run at the same time, and take turns: a machine that changes its speed changes it for all. Of processes
//! the time of their whole family counts.

use crate::echo::rig::{Load, Rig};
use crate::echo::subject::Subject;
use crate::report::Report;
use crate::stats;
use clap::ValueEnum;
use greenroom::net::{TcpListener, serve};
use greenroom_servers::{
    Client, Concurrency, Handler, Limits, PerProcess, TcpServer, multiprocessing,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

const CLIENTS: usize = 64;
/// The kernel counts the time of processes that have ended in these.
const TICK_NS: f64 = 1e7;
/// Long enough that a tick more or less is a percent.
const RUN: Duration = Duration::from_millis(500);

const HEADERS: [&str; 6] = ["mode", "µs/unit", "best", "x green", "per second", "p99 µs"];

/// Options of `bench modes`.
#[derive(Debug, clap::Args)]
pub(crate) struct ModesArgs {
    /// Rounds in which each mode runs once, for half a second
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// One round: a smoke test
    #[arg(long)]
    quick: bool,
    /// Write all samples and the machine to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What serves a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// A green thread: the default.
    Green,
    /// The core's `serve`, without limits, counters and time-outs.
    Core,
    /// 64 green threads that accept.
    Pool,
    /// The acceptor itself: one client at a time.
    Inline,
    /// An OS thread.
    OsThread,
    /// A process.
    Process,
}

/// A server, its clients, and what was measured.
struct Lane {
    mode: Mode,
    rig: Rig,
    us: Vec<f64>,
    per_second: Vec<f64>,
    p99_us: Vec<f64>,
}

/// Runs both loads. Always true: nothing here is a gate.
pub(crate) fn run(args: &ModesArgs) -> io::Result<bool> {
    let rounds = if args.quick { 1 } else { args.rounds.max(1) };
    let mut report = Report::new("modes", json!({ "rounds": rounds, "clients": CLIENTS }));
    let lasting = Load::echo(CLIENTS);
    let churn = Load {
        churn: true,
        ..lasting
    };
    for (title, load) in [
        ("server CPU per message, 64 clients, 64 bytes", lasting),
        ("server CPU per connection with one message", churn),
    ] {
        // One client at a time: lasting ones would wait for ever.
        let fits = |mode: &&Mode| load.churn || **mode != Mode::Inline;
        let mut lanes = Vec::new();
        for mode in Mode::value_variants().iter().filter(fits) {
            lanes.push(Lane::start(*mode, &load)?);
        }
        for lane in &mut lanes {
            lane.sample()?;
            lane.us.clear();
        }
        for _ in 0..rounds {
            for lane in &mut lanes {
                lane.sample()?;
            }
        }
        add(title, &lanes, &mut report);
    }
    report.finish(args.json.as_deref())
}

impl Lane {
    fn start(mode: Mode, load: &Load) -> io::Result<Lane> {
        let name = mode.to_possible_value().expect("because none is skipped");
        let bench = std::env::current_exe()?;
        let command = format!(
            "{} modes-server --mode {}",
            bench.display(),
            name.get_name()
        );
        Ok(Lane {
            mode,
            rig: Rig::start(&Subject::Command(command), load)?,
            us: Vec::new(),
            per_second: Vec::new(),
            p99_us: Vec::new(),
        })
    }

    fn sample(&mut self) -> io::Result<()> {
        let pid = self.rig.server_pid();
        let before = offspring_ns(pid)?;
        let sample = self.rig.run(Duration::ZERO, RUN)?;
        // Reaped a moment after their connections have ended.
        let own_ns = sample.cpu_us_per_message() * 1e3 * sample.messages;
        let offspring = offspring_ns(pid)? - before;
        self.us.push((own_ns + offspring) / sample.messages / 1e3);
        self.per_second.push(sample.messages_per_second());
        self.p99_us.push(sample.p99_us);
        Ok(())
    }
}

fn add(title: &str, lanes: &[Lane], report: &mut Report) {
    let of_green = stats::median(&lanes[0].us);
    for lane in lanes {
        let us = stats::median(&lane.us);
        let cells = vec![
            format!("{:?}", lane.mode),
            format!("{us:.2}"),
            format!("{:.2}", stats::best(&lane.us)),
            format!("{:.2}", us / of_green),
            format!("{:.0}", stats::median(&lane.per_second)),
            format!("{:.0}", stats::median(&lane.p99_us)),
        ];
        report.row(title, &HEADERS, cells);
        report.record(json!({
            "name": format!("{title}: {:?}", lane.mode),
            "cpu_us": lane.us,
            "per_second": lane.per_second,
            "p99_us": lane.p99_us,
        }));
    }
}

/// CPU time of all that descend from a process, and of those that they have reaped.
fn offspring_ns(ancestor: u32) -> io::Result<f64> {
    let mut family = vec![ancestor];
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let stat = std::fs::read_to_string(entry?.path().join("stat"));
        processes.extend(stat.ok().as_deref().and_then(parse));
    }
    let mut ticks = 0;
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        next += 1;
        for child in processes.iter().filter(|process| process.parent == parent) {
            ticks += child.ticks;
            family.push(child.id);
        }
    }
    Ok(f64::from(ticks) * TICK_NS)
}

struct Stat {
    id: u32,
    parent: u32,
    /// Its own and those of its reaped children.
    ticks: u32,
}

/// proc(5): the name, in brackets, may hold anything.
fn parse(stat: &str) -> Option<Stat> {
    let (id, rest) = stat.split_once(" (")?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter();
    Some(Stat {
        id: id.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        ticks: ticks.filter_map(|ticks| ticks.parse::<u32>().ok()).sum(),
    })
}

/// The server of one mode; ends by a signal.
pub(crate) fn serve_mode(mode: Mode) -> io::Result<()> {
    let serve = move || match mode {
        Mode::Green => framework(Concurrency::GreenThread, Echo),
        Mode::Pool => framework(Concurrency::Pool(CLIENTS), Echo),
        Mode::Inline => framework(Concurrency::Inline, Echo),
        Mode::OsThread => framework(Concurrency::OsThread, Echo),
        Mode::Process => framework(Concurrency::GreenThread, PerProcess(Echo)),
        Mode::Core => core(),
    };
    match mode {
        Mode::Process => multiprocessing::run(serve)?,
        // As the servers of `bench echo`: the load is for one worker.
        _ => greenroom::Runtime::builder().workers(1).build()?.run(serve),
    }
}

fn framework(concurrency: Concurrency, handler: impl Handler) -> io::Result<()> {
    // Armed, and longer than any bench: a mode waits while the others run.
    let limits = Limits {
        idle_timeout: Some(Duration::from_secs(3600)),
        ..Limits::default()
    };
    let server = TcpServer::bind("127.0.0.1:0")?
        .limits(limits)
        .concurrency(concurrency);
    println!("listening on {}", server.local_addr()?);
    server.serve_forever(handler).map(drop)
}

fn core() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    let _server = serve(listener, |stream, _| {
        let _ = stream.set_nodelay(true);
        let _ = echo(&stream, &stream);
    })?;
    greenroom::thread::sleep(Duration::MAX);
    Ok(())
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Echo;

impl Handler for Echo {
    fn handle(&self, client: &mut Client) -> io::Result<()> {
        echo(&*client, &*client)
    }
}

fn echo(mut reader: impl Read, mut writer: impl Write) -> io::Result<()> {
    let mut buf = [0; 1024];
    loop {
        let count = reader.read(&mut buf)?;
        if count == 0 {
            return Ok(());
        }
        writer.write_all(&buf[..count])?;
    }
}
