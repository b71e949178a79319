//! socketserver's `ThreadingTCPServer`: a thread for each client, and a handler with `setup`, `handle` and `finish`.
//!
//! Port of: the notes, "socketserver, several connections" (file 002, section two); "a TCP server for several
//! clients" (file 004)
//!
//! Run: `cargo run --example socketserver_threading_tcp -- [--host 127.0.0.1] [--port 8080] [--os-threads]`
//!
//! Try: `cargo run --example tcp_upper_client -- --port 8080` in two terminals; end the server with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8080
//! 127.0.0.1:…: connected
//! 127.0.0.1:…: "hello world\n"
//! 127.0.0.1:…: closed
//! served 1 clients, 12 bytes
//! ```
//!
//! Differs: the threads are green ones, unless `--os-threads` is given; the notes' handler is an object per client,
//! this one is one value for all. The notes catch every exception and print it; here the server counts and logs it.

use cli::say;
use greenroom::signal::{Signal, Signals};
use greenroom::thread;
use greenroom_servers::{Client, Concurrency, Handler, TcpServer};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

#[path = "../../examples/cli/mod.rs"]
mod cli;

const USAGE: &str = "usage: socketserver_threading_tcp [--host HOST] [--port PORT] [--os-threads]";

fn main() -> ExitCode {
    let args = cli::parse(
        USAGE,
        &[
            ("--host", "127.0.0.1"),
            ("--port", "8080"),
            ("--os-threads", cli::OFF),
        ],
    );
    let threads = match args.is_on("--os-threads") {
        true => Concurrency::OsThread,
        false => Concurrency::GreenThread,
    };
    cli::run("socketserver_threading_tcp", || {
        server(args.address(), threads)
    })
}

fn server(address: (&str, u16), threads: Concurrency) -> io::Result<()> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let server = TcpServer::bind(address)
        .map_err(cli::context(format!(
            "cannot listen on {}:{}",
            address.0, address.1
        )))?
        .concurrency(threads);
    say!("listening on {}", server.local_addr()?);
    // `serve_forever` means until somebody else calls `shutdown`, as in Python.
    let stopper = server.stopper();
    thread::spawn(move || {
        let _ = signals.wait();
        stopper.shutdown(Duration::from_secs(1));
    });
    let totals = server.serve_forever(Upper)?;
    say!(
        "served {} clients, {} bytes",
        totals.accepted,
        totals.bytes_out
    );
    Ok(())
}

/// What `BaseRequestHandler` is in Python. The client is `self.request` there.
struct Upper;

impl Handler for Upper {
    fn setup(&self, client: &mut Client) -> io::Result<()> {
        say!("{}: connected", client.peer());
        Ok(())
    }

    fn handle(&self, client: &mut Client) -> io::Result<()> {
        let mut buffer = [0; 1024];
        loop {
            let n = client.read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            let data = &mut buffer[..n];
            say!("{}: {:?}", client.peer(), String::from_utf8_lossy(data));
            data.make_ascii_uppercase();
            client.write_all(data)?;
        }
    }

    /// Also after an error or a panic of `handle`.
    fn finish(&self, client: &mut Client) {
        say!("{}: closed", client.peer());
    }
}
