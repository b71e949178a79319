//! The built `gevent_echo` as a child process on a port of the system's choice.

use super::child::Running;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A server that listens.
pub(crate) struct GeventEcho {
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
}

/// The example's command; `cargo test` builds examples beside the tests.
pub(crate) fn gevent_echo() -> Command {
    let exe = std::env::current_exe().unwrap();
    let built = exe.parent().and_then(|deps| deps.parent()).unwrap();
    let path: PathBuf = built.join("examples/gevent_echo");
    assert!(path.exists(), "cargo build --example gevent_echo first");
    Command::new(path)
}

impl GeventEcho {
    pub(crate) fn start(args: &[&str], env: &[(&str, &str)]) -> GeventEcho {
        let mut command = gevent_echo();
        command.args(["--port", "0"]).args(args);
        command.envs(env.iter().copied()).stdin(Stdio::null());
        let mut running = Running::start(&mut command);
        let address = running.line("listening on ").parse().unwrap();
        GeventEcho { running, address }
    }
}
