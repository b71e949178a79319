//! A server and its load generator, both kept running over many samples.
//!
//! One core each where the scenario has one worker, so that neither takes the other's time; the
//! client counts and reads the server's CPU clock, this side only commands and collects.

use super::subject::Subject;
use crate::child::Process;
use crate::machine;
use serde_json::Value;
use std::ffi::OsString;
use std::net::SocketAddrV4;
use std::time::Duration;
use std::{env, io};

const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Connecting 8,000 clients takes a second; a full accept queue costs one more each time.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// Beyond the length of a run: the client's own drain limit and some air.
const ANSWER_EXTRA: Duration = Duration::from_secs(15);

/// The clients of a scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) size: usize,
    pub(crate) depth: usize,
    pub(crate) churn: bool,
    /// Server workers; more than one also means as many client threads, nothing pinned.
    pub(crate) workers: usize,
    pub(crate) client_threads: usize,
}

impl Load {
    /// Whether server and client get a core each: neither may take the other's time.
    pub(crate) fn has_own_cores(&self) -> bool {
        self.workers == 1 && machine::cores() > 1
    }

    /// How much longer a run has to be for thousands of connections, whose first and last
    /// messages would otherwise be most of it.
    pub(crate) fn patience(&self) -> u32 {
        u32::try_from(1 + self.connections / 4000).unwrap_or(1)
    }

    /// 64-byte messages, one under way per connection, one worker.
    pub(crate) const fn echo(connections: usize) -> Load {
        Load {
            connections,
            size: 64,
            depth: 1,
            churn: false,
            workers: 1,
            client_threads: 1,
        }
    }
}

/// One measured run.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) messages: f64,
    pub(crate) bytes: f64,
    pub(crate) wall_ns: f64,
    pub(crate) cpu_ns: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// Time server and client threads were runnable while something else had their core.
    delayed_ns: f64,
    /// CPU nanoseconds per server thread.
    by_thread: Vec<f64>,
}

impl Sample {
    fn parse(value: &Value) -> io::Result<Sample> {
        if let Some(error) = value["error"].as_str() {
            return Err(io::Error::other(format!("load generator: {error}")));
        }
        let field = |name: &str| {
            let missing = || io::Error::other(format!("no `{name}` in the answer {value}"));
            value[name].as_f64().ok_or_else(missing)
        };
        let by_thread = value["cpu_ns_by_thread"].as_array();
        let sample = Sample {
            messages: field("messages")?,
            bytes: field("bytes")?,
            wall_ns: field("wall_ns")?,
            cpu_ns: field("cpu_ns")?,
            p50_us: field("p50_us")?,
            p99_us: field("p99_us")?,
            p999_us: field("p999_us")?,
            delayed_ns: field("delayed_ns")?,
            by_thread: by_thread
                .into_iter()
                .flatten()
                .filter_map(Value::as_f64)
                .collect(),
        };
        if sample.messages == 0.0 {
            return Err(io::Error::other("no message came back"));
        }
        Ok(sample)
    }

    pub(crate) fn cpu_us_per_message(&self) -> f64 {
        self.cpu_ns / self.messages / 1e3
    }

    pub(crate) fn cpu_us_per_kib(&self) -> f64 {
        self.cpu_ns / (self.bytes / 1024.0) / 1e3
    }

    /// The busiest server thread's share of the server's CPU time.
    pub(crate) fn busiest_share(&self) -> f64 {
        self.by_thread.iter().copied().fold(0.0, f64::max) / self.cpu_ns
    }

    /// The share of the run in which other programs kept server or client from running.
    pub(crate) fn disturbance(&self) -> f64 {
        self.delayed_ns / self.wall_ns
    }

    pub(crate) fn messages_per_second(&self) -> f64 {
        self.messages / (self.wall_ns / 1e9)
    }
}

/// A running server with connected clients. Fields drop in order: clients first.
#[derive(Debug)]
pub(crate) struct Rig {
    client: Process,
    server: Process,
}

impl Rig {
    pub(crate) fn start(subject: &Subject, load: &Load) -> io::Result<Rig> {
        let alone = load.workers == 1 && machine::cores() > 1;
        let (server_core, client_core) = if alone {
            (Some(0), Some(1))
        } else {
            (None, None)
        };
        let argv = subject.argv(load.workers)?;
        let mut server = Process::start(&subject.name(), &argv, server_core)?;
        let addr = listening_addr(&mut server)?;
        let argv = load_argv(load, addr, server.pid())?;
        let mut client = Process::start("load generator", &argv, client_core)?;
        let first = client.line(READY_TIMEOUT)?;
        if first != "ready" {
            return Err(io::Error::other(format!("load generator: {first}")));
        }
        Ok(Rig { client, server })
    }

    pub(crate) fn server_pid(&self) -> u32 {
        self.server.pid()
    }

    /// A closed-loop (or churn) run of `measured` after a warm-up of `warm`.
    pub(crate) fn run(&mut self, warm: Duration, measured: Duration) -> io::Result<Sample> {
        let command = format!("run {} {}", warm.as_millis(), measured.as_millis());
        Sample::parse(&self.ask(&command, warm + measured)?)
    }

    /// An open-loop run at `rate` messages per second.
    pub(crate) fn run_open(
        &mut self,
        rate: f64,
        warm: Duration,
        measured: Duration,
    ) -> io::Result<Sample> {
        let command = format!(
            "open {rate:.3} {} {}",
            warm.as_millis(),
            measured.as_millis()
        );
        Sample::parse(&self.ask(&command, warm + measured)?)
    }

    /// Sends a command that takes about `length` and returns the answer.
    pub(crate) fn ask(&mut self, command: &str, length: Duration) -> io::Result<Value> {
        self.client.tell(command)?;
        let line = self.client.line(length + ANSWER_EXTRA)?;
        let value: Value = serde_json::from_str(&line).map_err(io::Error::other)?;
        match value["error"].as_str() {
            Some(error) => Err(io::Error::other(format!("load generator: {error}"))),
            None => Ok(value),
        }
    }
}

fn load_argv(load: &Load, addr: SocketAddrV4, pid: u32) -> io::Result<Vec<OsString>> {
    let mut argv = vec![env::current_exe()?.into_os_string(), "load".into()];
    let options = [
        ("--server", addr.to_string()),
        ("--pid", pid.to_string()),
        ("--connections", load.connections.to_string()),
        ("--size", load.size.to_string()),
        ("--depth", load.depth.to_string()),
        ("--threads", load.client_threads.to_string()),
    ];
    for (name, value) in options {
        argv.push(name.into());
        argv.push(value.into());
    }
    if load.churn {
        argv.push("--churn".into());
    }
    Ok(argv)
}

/// Reads the server's output up to the line that says where it listens.
fn listening_addr(server: &mut Process) -> io::Result<SocketAddrV4> {
    loop {
        let line = server.line(START_TIMEOUT)?;
        if let Some(port) = port_in(&line) {
            return Ok(SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, port));
        }
    }
}

/// The number after the last colon of a `listening on …` line.
fn port_in(line: &str) -> Option<u16> {
    let (_, place) = line.split_once("listening on")?;
    let (_, port) = place.rsplit_once(':')?;
    let digits = port
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(port.len());
    port[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_read_from_the_listening_line_only() {
        assert_eq!(port_in("listening on 127.0.0.1:4711"), Some(4711));
        assert_eq!(port_in("echo: listening on [::]:80 (2 workers)"), Some(80));
        assert_eq!(port_in("worker 1: 2"), None);
    }
}
