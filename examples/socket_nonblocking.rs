//! Not waiting at all: a non-blocking listener that is asked again and again, a line in a log file each time.
//!
//! Port of: the notes, "non-blocking sockets" (file 003, "non-blocking", and file 001, "non-blocking IO")
//!
//! Run: `cargo run --example socket_nonblocking -- [--host 127.0.0.1] [--port 8888] [--interval 3] [--log log.txt]`
//!
//! Try: `tail -f log.txt`; `nc 127.0.0.1 8888` and see how long it takes until you are noticed: that, or the
//! processor's time, is what asking in a loop costs. `socket_timeout` waits instead.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8888
//! waiting for a client
//! …
//! 127.0.0.1:…: connected
//! …
//! 127.0.0.1:…: "hello\n"
//! …
//! 127.0.0.1:…: closed
//! …
//! ```
//!
//! Differs: the notes print with `%` outside of the string, which fails at the first client, and receive from
//! one client only once.

use cli::say;
use greenroom::fs::OpenOptions;
use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::thread;
use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

mod cli;

const USAGE: &str =
    "usage: socket_nonblocking [--host HOST] [--port PORT] [--interval SECONDS] [--log FILE]";

fn main() -> ExitCode {
    let options = [
        ("--host", "127.0.0.1"),
        ("--port", "8888"),
        ("--interval", "3"),
        ("--log", "log.txt"),
    ];
    let args = cli::parse(USAGE, &options);
    let interval = Duration::try_from_secs_f64(args.get("--interval"))
        .unwrap_or_else(|_| args.refuse("--interval: not a time"));
    cli::run("socket_nonblocking", || {
        server(args.address(), interval, args.text("--log"))
    })
}

fn server(address: (&str, u16), interval: Duration, log: &str) -> io::Result<()> {
    let mut log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .map_err(cli::context(format!("cannot write {log}")))?;
    let listener = TcpListener::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    say!("listening on {}", listener.local_addr()?);
    // Python's setblocking(False).
    listener.set_nonblocking(true)?;
    loop {
        say!("waiting for a client");
        match listener.accept() {
            // Non-blocking is the listener; the connection waits as any other, in a green thread of its own.
            Ok((stream, peer)) => drop(thread::spawn(move || serve(stream, peer))),
            // Python's BlockingIOError: nobody is there, and we were told not to wait.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                log.write_all(format!("{}: {error}\n", time_of_day()).as_bytes())?;
                // Without it this loop would take a whole processor.
                thread::sleep(interval);
            }
            // Out of descriptors, say. The client waits in the queue until some are free again.
            Err(error) => {
                let line = format!("{}: cannot accept: {error}\n", time_of_day());
                log.write_all(line.as_bytes())?;
                println!("cannot accept: {error}");
                thread::sleep(interval);
            }
        }
    }
}

fn serve(stream: TcpStream, peer: SocketAddr) {
    say!("{peer}: connected");
    match talk(stream, peer) {
        Ok(()) => say!("{peer}: closed"),
        Err(error) => say!("{peer}: {error}"),
    }
}

/// Answers whatever comes with the time of day.
fn talk(mut stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        say!("{peer}: {:?}", String::from_utf8_lossy(&buffer[..n]));
        stream.write_all(format!("{}\n", time_of_day()).as_bytes())?;
    }
}

fn time_of_day() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    format!(
        "{:02}:{:02}:{:02} UTC",
        now / 3600 % 24,
        now / 60 % 60,
        now % 60
    )
}
