//! A `Process` for each client: started with its connection as the argument, a daemon, and never joined by the loop.
//!
//! Port of: the notes, "the same with multiprocessing" (file 003)
//!
//! Run: `cargo run --example process_server -- [--host 127.0.0.1] [--port 8888]`
//!
//! Try: `nc 127.0.0.1 8888` in two terminals, type lines, end each with Ctrl-C; end the server with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8888
//! 127.0.0.1:…: connected
//! process …: "hello\n"
//! process …: the client has gone
//! 127.0.0.1:…: its process has exited with code 0
//! ```
//!
//! Differs: the notes answer for ever, also when the client has gone, and never call the `close` of their own copy. Here a green
//! thread joins each process, so that the loop need not.

use cli::say;
use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::thread;
use greenroom_servers::multiprocessing::{
    self, {Builder, Handed},
};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

#[path = "../../examples/cli/mod.rs"]
mod cli;

const USAGE: &str = "usage: process_server [--host HOST] [--port PORT]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "8888")]);
    let body = || cli::run("process_server", || server(args.address()));
    // Before anything that starts a thread.
    multiprocessing::run(body).unwrap_or_else(|error| {
        eprintln!("process_server: {error}");
        ExitCode::FAILURE
    })
}

fn server(address: (&str, u16)) -> io::Result<()> {
    let listener = TcpListener::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    say!("listening on {}", listener.local_addr()?);
    loop {
        let started = listener
            .accept()
            .and_then(|(stream, peer)| start(stream, peer));
        if let Err(error) = started {
            // Out of descriptors or processes, say: the next client waits in the queue, and so do we.
            say!("cannot serve a client: {error}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn start(stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
    say!("{peer}: connected");
    // The connection goes along; ours is closed when the process has it. A daemon ends when the server does.
    let process = Builder::new()
        .daemon(true)
        .spawn(handle, Handed::from(stream))?;
    // Reaped by whoever waits for it: nobody is left a zombie.
    thread::spawn(move || {
        process.join();
        match process.exit_code() {
            Some(code) => say!("{peer}: its process has exited with code {code}"),
            None => say!("{peer}: its process is lost"),
        }
    });
    Ok(())
}

/// The process, until its client goes.
fn handle(stream: Handed) {
    let id = std::process::id();
    match answer(&mut stream.into_tcp_stream(), id) {
        Ok(()) => say!("process {id}: the client has gone"),
        Err(error) => say!("process {id}: {error}"),
    }
}

fn answer(stream: &mut TcpStream, id: u32) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        say!("process {id}: {:?}", String::from_utf8_lossy(&buffer[..n]));
        stream.write_all(b"hello")?;
    }
}
