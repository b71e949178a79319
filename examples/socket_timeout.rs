//! Waiting, but not for ever: `accept` and `read` with a timeout, and a line in a log file when it expires.
//!
//! Port of: the notes, "blocking sockets with a timeout" (file 003, "non-blocking", and file 001, "timeouts")
//!
//! Run: `cargo run --example socket_timeout -- [--host 127.0.0.1] [--port 8888] [--timeout 3] [--log log.txt]`
//!
//! Try: `tail -f log.txt`; `nc 127.0.0.1 8888`, type a line, then type nothing for three seconds.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8888
//! waiting for a client
//! …
//! 127.0.0.1:…: connected
//! 127.0.0.1:…: "hello\n"
//! 127.0.0.1:…: closed
//! waiting for a client
//! …
//! ```
//!
//! Differs: the notes sleep as long again after each expiry, deaf to clients; the timeout of their listener
//! does not hold for the connection, so one silent client stops the server, or one that never reads. Here it
//! holds for both, in both directions.

use cli::say;
use greenroom::fs::{File, OpenOptions};
use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::thread;
use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

mod cli;

const USAGE: &str =
    "usage: socket_timeout [--host HOST] [--port PORT] [--timeout SECONDS] [--log FILE]";

fn main() -> ExitCode {
    let options = [
        ("--host", "127.0.0.1"),
        ("--port", "8888"),
        ("--timeout", "3"),
        ("--log", "log.txt"),
    ];
    let args = cli::parse(USAGE, &options);
    let timeout = Duration::try_from_secs_f64(args.get("--timeout"))
        .ok()
        .filter(|timeout| !timeout.is_zero())
        .unwrap_or_else(|| args.refuse("--timeout: not a time"));
    cli::run("socket_timeout", || {
        server(args.address(), timeout, args.text("--log"))
    })
}

fn server(address: (&str, u16), timeout: Duration, log: &str) -> io::Result<()> {
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
    loop {
        say!("waiting for a client");
        // std's listeners have no timeout of their own. `timeout` ends whatever waits inside.
        match greenroom::timeout(timeout, || listener.accept()) {
            Err(_elapsed) => note(&mut log, &format!("no client within {timeout:?}"))?,
            // Out of descriptors, say. Clients wait in the queue; so do we, a little.
            Ok(Err(error)) => {
                note(&mut log, &format!("cannot accept: {error}"))?;
                say!("cannot accept: {error}");
                thread::sleep(timeout);
            }
            Ok(Ok((stream, peer))) => {
                say!("{peer}: connected");
                match talk(stream, peer, timeout) {
                    Ok(()) => say!("{peer}: closed"),
                    Err(error) if error.kind() == ErrorKind::TimedOut => {
                        note(&mut log, &format!("{peer}: {error}"))?;
                        say!("{peer}: {error}, dropped");
                    }
                    Err(error) => say!("{peer}: {error}"),
                }
            }
        }
    }
}

/// Answers whatever comes with the time of day.
fn talk(mut stream: TcpStream, peer: SocketAddr, timeout: Duration) -> io::Result<()> {
    // Python's settimeout is both.
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    // What a call reports whose time is over, as std's do, is "would block".
    let late = |what| {
        move |error: io::Error| match error.kind() {
            ErrorKind::WouldBlock => {
                io::Error::new(ErrorKind::TimedOut, format!("{what} for {timeout:?}"))
            }
            _ => error,
        }
    };
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).map_err(late("silent"))?;
        if n == 0 {
            return Ok(());
        }
        say!("{peer}: {:?}", String::from_utf8_lossy(&buffer[..n]));
        stream
            .write_all(format!("{}\n", time_of_day()).as_bytes())
            .map_err(late("reading nothing"))?;
    }
}

/// One line of the log: the time, and what there is to say.
fn note(log: &mut File, text: &str) -> io::Result<()> {
    log.write_all(format!("{}: {text}\n", time_of_day()).as_bytes())
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
