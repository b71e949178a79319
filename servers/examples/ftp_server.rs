//! An FTP server for a directory tree: anonymous clients read it, users of a file write where they may.
//!
//! The protocol is in the library, `greenroom_servers::ftp`: a green thread reads the control connection, another one
//! carries each transfer, and neither ever leaves the tree. A line of the users' file is `name:hash:ro:/home` or
//! `name:hash:rw:/home`; `--hash-password` makes the hash of the line that it reads.
//!
//! Port of: the notes, "Exercise: an FTP server" (file 003, "threads")
//!
//! Run: `cargo run --example ftp_server -- [--host HOST] [--port 2121] [--root DIR] [--users FILE] [--no-anonymous]
//! [--passive-ports FIRST-LAST] [--max-clients 1000] [--max-upload BYTES] [--idle-seconds 300] [--grace-seconds 5]
//! [--hash-password]`
//!
//! Try: `cargo run --example ftp_client` in a second terminal, or `curl ftp://127.0.0.1:2121/`; end with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:2121
//! served 1 clients, … bytes sent
//! ```
//!
//! Differs: the exercise has a protocol of its own, for one directory and without passwords. Logs (`RUST_LOG`, default
//! `info`) go to stderr.

#[path = "../../examples/cli/mod.rs"]
mod cli;

use cli::say;
use greenroom::signal::{Signal, Signals};
use greenroom_servers::ftp::{BUSY, Ftp, Settings, Users, hash_password};
use greenroom_servers::root::{Root, VirtualPath};
use greenroom_servers::{Limits, TcpServer};
use std::io;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: ftp_server [--host HOST] [--port PORT] [--root DIR] [--users FILE] [--no-anonymous] \
[--passive-ports FIRST-LAST] [--max-clients N] [--max-upload BYTES] [--idle-seconds N] [--grace-seconds N] \
[--hash-password]";

fn main() -> ExitCode {
    let args = cli::parse(
        USAGE,
        &[
            ("--host", "127.0.0.1"),
            ("--port", "2121"),
            ("--root", "."),
            ("--users", ""),
            ("--no-anonymous", cli::OFF),
            ("--passive-ports", ""),
            ("--max-clients", "1000"),
            ("--max-upload", "4294967296"),
            ("--idle-seconds", "300"),
            ("--grace-seconds", "5"),
            ("--hash-password", cli::OFF),
        ],
    );
    if args.is_on("--hash-password") {
        return cli::run("ftp_server", print_hash);
    }
    let clients_max: usize = args.get("--max-clients");
    let limits = Limits {
        clients_max,
        idle_timeout: Some(args.seconds("--idle-seconds")),
        ..Limits::default()
    };
    let settings = Settings {
        anonymous: (!args.is_on("--no-anonymous")).then(VirtualPath::root),
        passive_ports: ports(&args),
        upload_bytes_max: args.get("--max-upload"),
        ..Settings::default()
    };
    let grace = args.seconds("--grace-seconds");
    cli::run_logged("ftp_server", || server(&args, settings, limits, grace))
}

/// Serves until SIGINT or SIGTERM; transfers that run then have the grace to end.
fn server(
    args: &cli::Args,
    mut settings: Settings,
    limits: Limits,
    grace: Duration,
) -> io::Result<()> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let (folder, users) = (args.text("--root"), args.text("--users"));
    let root = Root::writable(folder).map_err(cli::context(folder))?;
    if !users.is_empty() {
        settings.users = Users::load(users).map_err(cli::context(users))?;
    }
    let ftp = Ftp::new(root, settings);
    let stopper = ftp.stopper();

    let (host, port) = args.address();
    let tried = || cli::context(format!("cannot listen on {host}:{port}"));
    let server = TcpServer::bind((host, port)).map_err(tried())?;
    let server = server.limits(limits).reject_with(BUSY);
    let running = server.serve_in_background(ftp)?;
    say!("listening on {}", running.local_addr());

    let signal = signals.wait()?;
    log::info!("{signal:?}: the end, after running transfers");
    stopper.stop();
    let totals = running.shutdown(grace);
    let (clients, bytes) = (totals.accepted, totals.bytes_out);
    say!("served {clients} clients, {bytes} bytes sent");
    Ok(())
}

/// For the users' file: the hash of the first line of standard input.
fn print_hash() -> io::Result<()> {
    let mut password = String::new();
    greenroom::io::stdin().read_line(&mut password)?;
    say!(
        "{}",
        hash_password(password.trim_end_matches(['\r', '\n']))?
    );
    Ok(())
}

/// `FIRST-LAST`, for firewalls that let in so many ports and no more.
fn ports(args: &cli::Args) -> Option<RangeInclusive<u16>> {
    let text = args.text("--passive-ports");
    if text.is_empty() {
        return None;
    }
    let range = text.split_once('-').and_then(|(first, last)| {
        let range: RangeInclusive<u16> = first.parse().ok()?..=last.parse().ok()?;
        (*range.start() > 0 && !range.is_empty()).then_some(range)
    });
    if range.is_none() {
        args.refuse(format!("--passive-ports {text}: not FIRST-LAST"));
    }
    range
}
