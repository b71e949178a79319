//! Messages on a stream, first way: their length goes ahead as text, and the peer says `ready` before they follow.
//!
//! TCP carries bytes, not messages: two answers may arrive stuck together, and one in pieces. Who knows the length in
//! advance can tell them apart.
//!
//! Port of: the notes, "Sticky packets, the first solution" (file 002, section 1.5).
//!
//! Run: `cargo run --example framing_text_length -- [--host HOST] [--port 8080]`
//!
//! Try: `cargo run --example framing_text_length_client` in a second terminal, and type `count 5`; end with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8080
//! …: count 3
//! …: count 100000
//! …: hello
//! …: the client has left
//! ```
//!
//! Differs: the notes send the bare digits, which a reader may get in two halves, and the bare command; here both end
//! with a line feed. Commands are one function here: `remote_command` runs programs.

mod cli;

use cli::say;
use greenroom::net::{TcpListener, TcpStream, serve};
use greenroom::signal::{Signal, Signals};
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

const USAGE: &str = "usage: framing_text_length [--host HOST] [--port PORT]";

/// A client that never sends a line feed fills no more memory than this.
const COMMAND_BYTES_MAX: u64 = 1024;

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "8080")]);
    cli::run("framing_text_length", || server(args.address()))
}

fn server(address: (&str, u16)) -> io::Result<()> {
    let (host, port) = address;
    let tried = cli::context(format!("cannot listen on {host}:{port}"));
    let listener = TcpListener::bind(address).map_err(tried)?;
    let server = serve(listener, |stream, peer| match talk(&stream, peer) {
        Ok(()) => say!("{peer}: the client has left"),
        Err(error) => say!("{peer}: {error}"),
    })?;
    say!("listening on {}", server.local_addr());
    Signals::new(&[Signal::Interrupt, Signal::Terminate])?.wait()?;
    Ok(())
}

/// Each round trip of the four steps costs the network's latency twice. `framing_length_prefix` needs it once.
fn talk(mut stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(command) = read_command(&mut reader)? {
        let answer = answer(&command);
        stream.write_all(format!("{}\n", answer.len()).as_bytes())?;
        say!("{peer}: {}", command.escape_debug());
        let mut ready = [0; 5];
        reader.read_exact(&mut ready)?;
        if ready != *b"ready" {
            let said = ready.escape_ascii();
            return Err(io::Error::other(format!("`{said}` instead of `ready`")));
        }
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// A line; `None` if the client has left instead.
fn read_command(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    reader
        .take(COMMAND_BYTES_MAX)
        .read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(io::Error::other("a command that does not end"));
    }
    let command =
        String::from_utf8(line).map_err(|_| io::Error::other("a command that is no text"))?;
    Ok(Some(command.trim().to_owned()))
}

/// `count N`: the numbers up to N, so that an answer can be as long as one likes.
fn answer(command: &str) -> String {
    let count = command.strip_prefix("count ").map(str::parse);
    match count {
        Some(Ok(last @ 0..=1_000_000)) => {
            (1..=last).fold(String::new(), |mut text, number: u32| {
                let _ = writeln!(text, "{number}");
                text
            })
        }
        _ => format!("unknown command: {command}\n"),
    }
}
