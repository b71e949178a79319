//! Runs commands for clients: output, errors and exit status come back as one framed answer.
//!
//! A program of the allow-list runs without a shell, its arguments split at whitespace. `--allow-any` gives every line to
//! `sh -c`, and then only who is on this machine may connect. A command that writes or runs beyond its limits is killed,
//! with its process group. What it leaves in the background with closed output is the operator's. So many commands run
//! and answers wait in memory as `--max-running` says; who reads too slowly is cut off, who waits too long hears `busy`.
//!
//! Port of: the notes, "Sticky packets", the command server of all three solutions (file 002, section 1.5).
//!
//! Run: `cargo run --release --example remote_command -- [--host HOST] [--port 8080] [--allow LIST | --allow-any]
//! [--max-output BYTES] [--limit-seconds 10] [--max-running 64] [--wait-seconds 10] [--answer-seconds 10]
//! [--idle-seconds 300] [--grace-seconds 10]`
//!
//! Try: `cargo run --release --example remote_command_client -- echo hello` in a second terminal; end with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8080
//! served 1 clients, 3 commands, refused 1
//! ```
//!
//! Differs: the notes give whatever comes to a shell, for anybody; they send either errors or output, read one pipe after
//! the other, which can hang, and count received bytes twice. Logs (`RUST_LOG`, default `info`) go to stderr.

#[path = "../../examples/cli/mod.rs"]
mod cli;
mod framing;

use cli::say;
use framing::{bad, close_gently, explain, read_frame, set_idle_limit, write_frame, write_json};
use greenroom::net::{TcpListener, TcpStream, ToSocketAddrs, serve};
use greenroom::signal::{Signal, Signals};
use greenroom::sync::{Event, Semaphore};
use greenroom_servers::services::remote_command::{self, Report, RunLimits};
use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const USAGE: &str = "usage: remote_command [--host HOST] [--port PORT] [--allow LIST | --allow-any] \
[--max-output BYTES] [--limit-seconds N] [--max-running N] [--wait-seconds N] \
[--answer-seconds N] [--idle-seconds N] [--grace-seconds N]";

const COMMAND_BYTES_MAX: i32 = 4096;
/// Programs that change nothing and read no file's content, whatever their arguments.
const ALLOWED: &str = "echo,ls,pwd,uname,uptime,whoami";

fn main() -> ExitCode {
    let args = cli::parse(
        USAGE,
        &[
            ("--host", "127.0.0.1"),
            ("--port", "8080"),
            ("--allow", ALLOWED),
            ("--allow-any", cli::OFF),
            ("--max-output", "1048576"),
            ("--limit-seconds", "10"),
            ("--max-running", "64"),
            ("--wait-seconds", "10"),
            ("--answer-seconds", "10"),
            ("--idle-seconds", "300"),
            ("--grace-seconds", "10"),
        ],
    );
    let allowed = args
        .text("--allow")
        .split(',')
        .map(|name| name.trim().to_owned());
    let any = args.is_on("--allow-any");
    if any && args.is_given("--allow") {
        args.refuse("--allow-any: takes no --allow beside it");
    }
    let limits = RunLimits {
        output_bytes_max: args.get("--max-output"),
        time: args.seconds("--limit-seconds"),
    };
    let running_max: NonZero<usize> = args.get("--max-running");
    let office = Office {
        allowed: (!any).then(|| allowed.filter(|name| !name.is_empty()).collect()),
        limits,
        idle: args.seconds("--idle-seconds"),
        running: Semaphore::new(running_max.get()),
        wait: args.seconds("--wait-seconds"),
        answer: args.seconds("--answer-seconds"),
        stopping: Event::new(),
        commands: AtomicU64::new(0),
        refused: AtomicU64::new(0),
    };
    for name in ["--answer-seconds", "--idle-seconds"] {
        if args.seconds(name).is_zero() {
            args.refuse(format!("{name} 0: nobody is that fast"));
        }
    }
    if i32::try_from(limits.output_bytes_max).is_err() {
        args.refuse("--max-output: does not fit the prefix");
    }
    let grace = args.seconds("--grace-seconds");
    cli::run_logged("remote_command", || server(args.address(), office, grace))
}

/// Serves until SIGINT or SIGTERM, then lets running commands finish.
fn server(address: (&str, u16), office: Office, grace: Duration) -> io::Result<()> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let tried = || cli::context(format!("cannot listen on {}:{}", address.0, address.1));
    let addresses: Vec<SocketAddr> = address.to_socket_addrs().map_err(tried())?.collect();
    let is_local = addresses
        .iter()
        .all(|found| found.ip().to_canonical().is_loopback());
    if office.allowed.is_none() && !is_local {
        return Err(tried()(bad("with --allow-any on a loopback address only")));
    }
    // The addresses that were looked at, not what the name stands for by now.
    let listener = TcpListener::bind(&addresses[..]).map_err(tried())?;
    let office = Arc::new(office);
    let shared = Arc::clone(&office);
    let server = serve(listener, move |stream, peer| {
        let peer = peer.to_string();
        match shared.serve(&stream, &peer) {
            Ok(end) => log::info!("{peer}: {end}"),
            Err(error) => shared.refuse(&stream, &peer, explain(error, shared.idle)),
        }
    })?;
    say!("listening on {}", server.local_addr());

    let signal = signals.wait()?;
    log::info!("{signal:?}: finishing running commands");
    office.stopping.set();
    let stats = server.finish(grace);
    if stats.cut_off > 0 {
        log::warn!(
            "{} commands were still running after {grace:?}",
            stats.cut_off
        );
    }
    let (commands, refused) = (&office.commands, &office.refused);
    let (commands, refused) = (
        commands.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
    );
    let clients = stats.accepted;
    say!("served {clients} clients, {commands} commands, refused {refused}");
    Ok(())
}

struct Office {
    /// `None`: anything goes.
    allowed: Option<Vec<String>>,
    limits: RunLimits,
    idle: Duration,
    /// As many at once; who comes later waits, for a while.
    running: Semaphore,
    wait: Duration,
    /// For a whole answer, however long it is.
    answer: Duration,
    stopping: Event,
    commands: AtomicU64,
    refused: AtomicU64,
}

impl Office {
    /// Commands one after the other, until the client leaves or the server stops: says which.
    fn serve(&self, stream: &TcpStream, peer: &str) -> io::Result<String> {
        set_idle_limit(stream, self.idle)?;
        loop {
            greenroom::select! {
                biased;
                wait(self.stopping) => return Ok("is let go".to_owned()),
                readable(stream) -> ready => ready?,
                after(self.idle) => return Err(io::ErrorKind::TimedOut.into()),
            }
            let Some(line) = read_frame(stream, "command", COMMAND_BYTES_MAX)? else {
                return Ok("has left".to_owned());
            };
            let line = String::from_utf8(line).map_err(|_| bad("a command that is no text"))?;
            // Until the answer is on its way: so many outputs are in memory, and no more.
            let permit = self.running.acquire_timeout(self.wait);
            let outcome = match &permit {
                Some(_) => self.run(&line),
                None => Err(io::Error::other("busy: too many commands are running")),
            };
            self.record(peer, &line, &outcome);
            // One limit for all of it: a client that takes a byte now and then would keep the permit.
            match greenroom::timeout(self.answer, || answer(stream, outcome)) {
                Ok(Ok(())) => {}
                // Nothing may follow half an answer.
                Ok(Err(error)) => return Ok(format!("did not hear its answer: {error}")),
                Err(_) => return Ok("is cut off: took its answer too slowly".to_owned()),
            }
        }
    }

    /// Counts and logs one command.
    fn record(&self, peer: &str, line: &str, outcome: &io::Result<Report>) {
        let line = cli::printable(line);
        match outcome {
            Ok(report) => {
                self.commands.fetch_add(1, Ordering::Relaxed);
                log::info!("{peer}: `{line}`: {}", report.head);
            }
            Err(error) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                log::warn!("{peer}: `{line}`: {}", cli::printable(&error.to_string()));
            }
        }
    }

    /// The stream is out of step: says why, and closes.
    fn refuse(&self, stream: &TcpStream, peer: &str, error: io::Error) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        log::warn!("{peer}: {error}");
        if let Ok(Ok(())) = greenroom::timeout(self.answer, || answer(stream, Err(error))) {
            close_gently(stream);
        }
    }

    fn run(&self, line: &str) -> io::Result<Report> {
        remote_command::run(
            &mut remote_command::command(line, self.allowed.as_deref())?,
            self.limits,
        )
    }
}

fn answer(stream: &TcpStream, outcome: io::Result<Report>) -> io::Result<()> {
    match outcome {
        Ok(report) => {
            write_json(stream, &report.head)?;
            write_frame(stream, &report.stdout)?;
            write_frame(stream, &report.stderr)
        }
        Err(error) => write_json(stream, &serde_json::json!({ "error": error.to_string() })),
    }
}
