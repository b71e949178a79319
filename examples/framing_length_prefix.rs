//! Messages on a stream, second way: each is preceded by its length in four bytes. No handshake, no second round trip.
//!
//! Port of: the notes, "Sticky packets, the second solution" (file 002, section 1.5).
//!
//! Run: `cargo run --example framing_length_prefix -- [--host HOST] [--port 8080]`
//!
//! Try: `cargo run --example framing_length_prefix_client` in a second terminal, and type `count 5`; end with Ctrl-C.
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
//! Differs: the notes' server still sends the length as text, and waits for `ready`, while its client unpacks four bytes;
//! commands have a prefix here too. As there, it is `struct.pack('i', length)`: the machine's own byte order.

mod cli;

use cli::say;
use greenroom::net::{TcpListener, TcpStream, serve};
use greenroom::signal::{Signal, Signals};
use std::fmt::Write as _;
use std::io::{self, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

const USAGE: &str = "usage: framing_length_prefix [--host HOST] [--port PORT]";

/// A length is a claim of somebody else: what is longer is refused before memory is set aside for it.
const COMMAND_BYTES_MAX: i32 = 1024;

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "8080")]);
    cli::run("framing_length_prefix", || server(args.address()))
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

fn talk(stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
    // One read takes what has come, be it half a message or ten: the prefixes say where each ends.
    let mut reader = BufReader::new(stream);
    loop {
        let command = match read_frame(&mut reader) {
            Ok(Some(command)) => command,
            Ok(None) => return Ok(()),
            Err(error) => {
                // Where the next message begins is unknown now: tell the client, and close.
                write_frame(stream, format!("error: {error}\n").as_bytes())?;
                return Err(error);
            }
        };
        let command = String::from_utf8_lossy(&command);
        // The client first: whoever reads this program's output may be slow.
        write_frame(stream, answer(command.trim()).as_bytes())?;
        say!("{peer}: {}", command.escape_debug());
    }
}

/// `None`: the client has left between two messages.
fn read_frame(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut prefix = Vec::new();
    reader.take(4).read_to_end(&mut prefix)?;
    if prefix.is_empty() {
        return Ok(None);
    }
    let prefix = prefix
        .try_into()
        .map_err(|_| io::Error::other("the stream ends in a prefix"))?;
    let length = i32::from_ne_bytes(prefix);
    if !(0..=COMMAND_BYTES_MAX).contains(&length) {
        return Err(io::Error::other(format!(
            "a command of {} bytes, allowed are 0 to {COMMAND_BYTES_MAX}",
            // As unsigned: 4 GB are no -1 bytes.
            length.cast_unsigned()
        )));
    }
    let mut frame = vec![0; length.unsigned_abs() as usize];
    reader
        .read_exact(&mut frame)
        .map_err(|_| io::Error::other(format!("the stream ends in a command of {length} bytes")))?;
    Ok(Some(frame))
}

/// Prefix and message in one write: two small ones might wait for each other on the way.
fn write_frame(mut stream: &TcpStream, message: &[u8]) -> io::Result<()> {
    let length = i32::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_ne_bytes(), message].concat())
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
