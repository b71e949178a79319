//! The built program as a child process.

use crate::child::{Ended, Running};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom-serve"));
    command
        .args(args)
        .env_remove("RUST_LOG")
        .env_remove("COLUMNS")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Ended {
    Running::start(&mut command(args)).end()
}

/// A server that listens on a port of the system's choice.
pub(crate) struct Served {
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
}

impl Served {
    pub(crate) fn start(args: &[&str]) -> Served {
        let mut running = Running::start(command(args).args(["--listen", "127.0.0.1:0"]));
        let address = running.line("listening on ").parse().unwrap();
        Served { running, address }
    }

    /// Waits for a line on standard error that `is_it`.
    #[track_caller]
    pub(crate) fn until_logged(&self, what: &str, is_it: impl Fn(&str) -> bool) {
        let start = Instant::now();
        // Only whole lines: the last one may still be on its way.
        while !self
            .running
            .stderr()
            .split_inclusive('\n')
            .any(|line| line.strip_suffix('\n').is_some_and(&is_it))
        {
            let log = self.running.stderr();
            assert!(start.elapsed() < DEADLINE, "not logged: {what}\n{log}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn end(self, signal: &str) -> Ended {
        self.running.signal(signal);
        self.running.end()
    }
}
