//! socketserver's `ForkingTCPServer`: a process for each client. The handler is serialised to get there.
//!
//! Port of: the notes, "socketserver, several connections", with its commented line (file 002, section two)
//!
//! Run: `cargo run --example socketserver_forking_tcp -- [--host 127.0.0.1] [--port 8080]`
//!
//! Try: `cargo run --example tcp_upper_client -- --port 8080` in two terminals; end the server with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8080
//! process …: connected
//! process …: "hello world\n"
//! process …: closed
//! served 1 clients, 12 bytes
//! ```
//!
//! Differs: Python forks the server itself. A program with threads must not: a process that was forked before there
//! were any threads does it instead. What one client's process does to its memory, or to itself, no other
//! sees; the price is a fork, some hundred microseconds, for each client.

use cli::say;
use greenroom::signal::{Signal, Signals};
use greenroom::thread;
use greenroom_servers::{Client, Handler, PerProcess, TcpServer, multiprocessing};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

#[path = "../../examples/cli/mod.rs"]
mod cli;

const USAGE: &str = "usage: socketserver_forking_tcp [--host HOST] [--port PORT]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "8080")]);
    let body = || cli::run("socketserver_forking_tcp", || server(args.address()));
    // Before anything that starts a thread.
    multiprocessing::run(body).unwrap_or_else(|error| {
        eprintln!("socketserver_forking_tcp: {error}");
        ExitCode::FAILURE
    })
}

fn server(address: (&str, u16)) -> io::Result<()> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let server = TcpServer::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    say!("listening on {}", server.local_addr()?);
    let stopper = server.stopper();
    thread::spawn(move || {
        let _ = signals.wait();
        stopper.shutdown(Duration::from_secs(1));
    });
    let totals = server.serve_forever(PerProcess(Upper))?;
    say!(
        "served {} clients, {} bytes",
        totals.accepted,
        totals.bytes_out
    );
    Ok(())
}

/// The fields of a handler are what its processes know; this one needs none.
#[derive(Clone, Serialize, Deserialize)]
struct Upper;

impl Handler for Upper {
    fn setup(&self, _client: &mut Client) -> io::Result<()> {
        say!("process {}: connected", std::process::id());
        Ok(())
    }

    fn handle(&self, client: &mut Client) -> io::Result<()> {
        let mut buffer = [0; 1024];
        loop {
            let n = client.read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            let (data, id) = (&mut buffer[..n], std::process::id());
            say!("process {id}: {:?}", String::from_utf8_lossy(data));
            data.make_ascii_uppercase();
            client.write_all(data)?;
        }
    }

    fn finish(&self, _client: &mut Client) {
        say!("process {}: closed", std::process::id());
    }
}
