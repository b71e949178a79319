//! socketserver's `ThreadingUDPServer`: a thread for each datagram. The handler gets the bytes and a way to answer.
//!
//! Port of: the notes, "sockets of UDP, with concurrency" (file 004)
//!
//! Run: `cargo run --example socketserver_threading_udp -- [--host 127.0.0.1] [--port 9999] [--at-once 1000]`
//!
//! Try: `cargo run --example udp_upper_client -- --port 9999` in two terminals; end the server with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:9999
//! 127.0.0.1:…: "hello world"
//! served 1 datagrams, dropped 0
//! ```
//!
//! Differs: the threads are green ones. The notes start as many as datagrams come; here those beyond `--at-once` are
//! dropped, as the network may do anyway, and counted.

use cli::say;
use greenroom::signal::{Signal, Signals};
use greenroom::thread;
use greenroom_servers::{Datagram, UdpServer};
use std::io;
use std::process::ExitCode;
use std::time::Duration;

#[path = "../../examples/cli/mod.rs"]
mod cli;

const USAGE: &str =
    "usage: socketserver_threading_udp [--host HOST] [--port PORT] [--at-once DATAGRAMS]";

fn main() -> ExitCode {
    let args = cli::parse(
        USAGE,
        &[
            ("--host", "127.0.0.1"),
            ("--port", "9999"),
            ("--at-once", "1000"),
        ],
    );
    let at_once = args.get("--at-once");
    cli::run("socketserver_threading_udp", || {
        server(args.address(), at_once)
    })
}

fn server(address: (&str, u16), at_once: usize) -> io::Result<()> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let server = UdpServer::bind(address)
        .map_err(cli::context(format!(
            "cannot listen on {}:{}",
            address.0, address.1
        )))?
        .datagrams_max(at_once);
    say!("listening on {}", server.local_addr()?);
    let stopper = server.stopper();
    thread::spawn(move || {
        let _ = signals.wait();
        stopper.shutdown(Duration::from_secs(1));
    });
    let totals = server.serve_forever(upper)?;
    say!(
        "served {} datagrams, dropped {}",
        totals.accepted,
        totals.rejected
    );
    Ok(())
}

/// In Python the datagram is `self.request`: a pair of the bytes and the server's socket.
fn upper(datagram: &Datagram) -> io::Result<()> {
    let text = String::from_utf8_lossy(datagram.bytes());
    say!("{}: {text:?}", datagram.peer());
    datagram.reply(&datagram.bytes().to_ascii_uppercase())
}
