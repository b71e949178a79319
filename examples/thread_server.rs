//! A thread for each client: the main one goes on accepting.
//!
//! Port of: the notes, "the same with threads" (file 003)
//!
//! Run: `cargo run --example thread_server -- [--host 127.0.0.1] [--port 8888]`
//!
//! Try: `nc 127.0.0.1 8888` in two terminals, type lines, end each with Ctrl-C; end the server with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8888
//! 127.0.0.1:…: connected
//! 127.0.0.1:…: "hello\n"
//! 127.0.0.1:…: closed
//! ```
//!
//! Differs: the threads are green ones: a thousand clients are a few MiB. The notes close the connection while its
//! thread, which has no arguments tuple, should use it; here it is moved there, and closed at the thread's end.

use cli::say;
use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::thread;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: thread_server [--host HOST] [--port PORT]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "8888")]);
    cli::run("thread_server", || server(args.address()))
}

fn server(address: (&str, u16)) -> io::Result<()> {
    let listener = TcpListener::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    say!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept() {
            // Nobody joins it: what a thread leaves goes when it ends.
            Ok((stream, peer)) => drop(thread::spawn(move || handle(stream, peer))),
            Err(error) => {
                say!("cannot accept: {error}");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn handle(mut stream: TcpStream, peer: SocketAddr) {
    say!("{peer}: connected");
    match answer(&mut stream, peer) {
        Ok(()) => say!("{peer}: closed"),
        Err(error) => say!("{peer}: {error}"),
    }
}

fn answer(stream: &mut TcpStream, peer: SocketAddr) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        say!("{peer}: {:?}", String::from_utf8_lossy(&buffer[..n]));
        stream.write_all(b"hello")?;
    }
}
