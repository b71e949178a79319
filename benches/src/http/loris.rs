//! `bench loris`: thousands of kept connections at a fixed rate, without and with clients that trickle.
//!
//! A round is a fresh server with its clients, measured once as control and once under attack, in the
//! other order every second round. The trickling clients run for the whole attack, longer than the server
//! may put up with any of them, and say at its end how long each was. They share the clients' core: what
//! that costs the clients themselves is told as `late`, in both runs.

use super::cores;
use super::servers::{Entrant, Ground, Server};
use crate::child::Process;
use crate::report::Report;
use serde_json::Value;
use std::ffi::OsString;
use std::time::Duration;
use std::{env, io, thread};

const CONNECT_MAX: Duration = Duration::from_secs(60);
const ANSWER_MAX: Duration = Duration::from_secs(60);
const WARM_MS: u64 = 1000;
/// What closed connections leave behind is over by then.
const SETTLE: Duration = Duration::from_millis(300);

/// Numbers of the bench.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) clients: usize,
    pub(crate) slow: usize,
    pub(crate) rate: f64,
    pub(crate) seconds: u64,
    pub(crate) rounds: usize,
}

/// One run: what the clients counted, the server's share of its core, and the slow clients' account.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) is_attack: bool,
    pub(crate) clients: Value,
    pub(crate) cpu_share: f64,
    pub(crate) slow: Option<Value>,
}

/// All runs against `entrant`.
pub(crate) fn measure(
    entrant: &Entrant,
    ground: &Ground,
    plan: Plan,
    report: &mut Report,
) -> Vec<Run> {
    let mut runs = Vec::new();
    for round in 0..plan.rounds {
        let attack_first = round % 2 == 1;
        match one_round(entrant, ground, plan, attack_first) {
            Ok(both) => runs.extend(both),
            Err(error) => report.failure(entrant.name, &error),
        }
        eprintln!("bench: {}: round {} is over", entrant.name, round + 1);
    }
    runs
}

fn one_round(
    entrant: &Entrant,
    ground: &Ground,
    plan: Plan,
    attack_first: bool,
) -> io::Result<[Run; 2]> {
    let server = entrant.start(ground)?;
    let rate = plan.rate.to_string();
    let mut clients = child("http-clients", &server, plan.clients, &["--rate", &rate])?;
    let mut run = |is_attack| {
        thread::sleep(SETTLE);
        if is_attack {
            attacked(&server, &mut clients, ground, plan)
        } else {
            controlled(&server, &mut clients, plan)
        }
    };
    Ok([run(attack_first)?, run(!attack_first)?])
}

fn child(command: &str, server: &Server, count: usize, more: &[&str]) -> io::Result<Process> {
    let mut argv: Vec<OsString> = vec![env::current_exe()?.into()];
    let (addr, count) = (server.addr.to_string(), count.to_string());
    let words = [command, "--server", &addr, "--connections", &count];
    argv.extend(words.iter().chain(more).map(OsString::from));
    let mut process = Process::start(command, &argv, cores()[1])?;
    let first = process.line(CONNECT_MAX)?;
    if first != "ready" {
        return Err(io::Error::other(format!("{command} said: {first}")));
    }
    Ok(process)
}

fn ask(process: &mut Process, command: &str, timeout: Duration) -> io::Result<Value> {
    process.tell(command)?;
    let line = process.line(timeout)?;
    let value: Value = serde_json::from_str(&line).map_err(io::Error::other)?;
    match value["error"].as_str() {
        Some(error) => Err(io::Error::other(error.to_owned())),
        None => Ok(value),
    }
}

/// Both kinds of run take as long, so that both see the same of the machine.
fn controlled(server: &Server, clients: &mut Process, plan: Plan) -> io::Result<Run> {
    let before_ns = server.cpu_ns()?;
    let command = format!("run {WARM_MS} {}", plan.seconds * 1000);
    let counted = ask(
        clients,
        &command,
        ANSWER_MAX + Duration::from_secs(plan.seconds),
    )?;
    let cpu_ns = server.cpu_ns()?.saturating_sub(before_ns);
    Ok(Run {
        is_attack: false,
        clients: counted,
        cpu_share: cpu_ns as f64 / 1e6 / (WARM_MS + plan.seconds * 1000) as f64,
        slow: None,
    })
}

fn attacked(
    server: &Server,
    clients: &mut Process,
    ground: &Ground,
    plan: Plan,
) -> io::Result<Run> {
    let mut slow = child("slow-clients", server, plan.slow, &[])?;
    let mut run = controlled(server, clients, plan)?;
    // All that were there from the start have had their time, and the server as much again.
    let ran = Duration::from_secs(plan.seconds) + Duration::from_millis(WARM_MS);
    thread::sleep((ground.head_limit * 2).saturating_sub(ran));
    run.is_attack = true;
    run.slow = Some(ask(&mut slow, "report", ANSWER_MAX)?);
    Ok(run)
}
