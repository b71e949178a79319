//! The peers' programs: built from `benches/peers`, started once per row, asked for one run at a time.
//!
//! A program is called with `ROW WORKERS DIVISOR`; for every line on its stdin it runs the row once and
//! answers `{"peer": …, "row": …, "ns": …}`, null if it has no such row. So it stays warm while others
//! run, and takes its turn in the same seconds as the pair it is compared with.

use super::Row;
use crate::child::Process;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The longest a single run may take, on a loaded machine.
const RUN_MAX: Duration = Duration::from_secs(120);

/// In the order of the table's columns.
pub(crate) const NAMES: [&str; 5] = ["tokio", "go", "may", "std", "crossbeam"];
/// Those that a goal of "the best peer" means: they have a scheduler of their own.
pub(crate) const RUNTIMES: [&str; 3] = ["tokio", "go", "may"];

/// The programs that could be built.
#[derive(Debug)]
pub(crate) struct Programs {
    rust: Option<PathBuf>,
    go: Option<PathBuf>,
}

impl Programs {
    /// Builds both, and says which one it could not build.
    pub(crate) fn build(mut complain: impl FnMut(String)) -> Programs {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let target = home.join("target");
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "--locked", "--target-dir"]);
        cargo.arg(&target).current_dir(&home);
        let mut go = Command::new("go");
        let go_out = target.join("sync-go");
        go.args(["build", "-o"]).arg(&go_out).arg("sync.go");
        go.current_dir(&home);
        let mut built = |mut command: Command, out: PathBuf| {
            let status = command.status();
            if status.as_ref().is_ok_and(|status| status.success()) {
                return Some(out);
            }
            complain(format!("peers without {}: {status:?}", out.display()));
            None
        };
        Programs {
            rust: built(cargo, target.join("release/peers")),
            go: built(go, go_out),
        }
    }

    /// Everybody who can run `row`, started and waiting.
    pub(crate) fn start(&self, row: &Row, divisor: usize) -> io::Result<Vec<Peer>> {
        let mut peers = Vec::new();
        for name in NAMES {
            let program = if name == "go" { &self.go } else { &self.rust };
            let Some(program) = program else { continue };
            let args =
                [row.name, &row.workers.to_string(), &divisor.to_string()].map(OsString::from);
            let mut argv = vec![program.clone().into_os_string()];
            if name != "go" {
                argv.push(name.into());
            }
            argv.extend(args);
            let process = Process::start(name, &argv, row.core())?;
            let mut peer = Peer { name, process };
            // Warm-up, and the question whether it knows the row.
            if peer.run()?.is_some() {
                peers.push(peer);
            }
        }
        Ok(peers)
    }
}

/// A program that waits to be asked.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    process: Process,
}

impl Peer {
    /// Nanoseconds per operation of one run; none if it has no such row.
    pub(crate) fn run(&mut self) -> io::Result<Option<f64>> {
        self.process.tell("run")?;
        let line = self.process.line(RUN_MAX)?;
        let answer: serde_json::Value = serde_json::from_str(&line).map_err(io::Error::other)?;
        Ok(answer["ns"].as_f64())
    }
}
