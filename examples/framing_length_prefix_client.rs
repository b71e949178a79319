//! The client of `framing_length_prefix`: sends lines of stdin as commands, prints the answers.
//!
//! Port of: the notes, "Sticky packets, the second solution", the client (file 002, section 1.5).
//!
//! Run: `cargo run --example framing_length_prefix_client -- [--host HOST] [--port 8080]`
//!
//! Try: start `framing_length_prefix`, type `count 5`, then `quit`; or `echo count 100000 | cargo run ...`.
//!
//! Output:
//! ```text
//! 6 bytes:
//! 1
//! 2
//! 3
//! 588895 bytes:
//! 1
//! …
//! 100000
//! 23 bytes:
//! unknown command: hello
//! ```
//!
//! Differs: the notes take what one `recv(4)` returns for the prefix, and decode it again after unpacking it.

mod cli;

use greenroom::io::stdin;
use greenroom::net::TcpStream;
use std::io::{self, BufReader, Read, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: framing_length_prefix_client [--host HOST] [--port PORT]";

const ANSWER_BYTES_MAX: i32 = 64 << 20;

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "8080")]);
    cli::run("framing_length_prefix_client", || client(args.address()))
}

fn client(address: (&str, u16)) -> io::Result<()> {
    let (host, port) = address;
    let tried = cli::context(format!("cannot connect to {host}:{port}"));
    let stream = TcpStream::connect(address).map_err(tried)?;
    let mut reader = BufReader::new(&stream);
    for line in stdin().lines() {
        let line = line?;
        let command = line.trim();
        if command == "quit" {
            break;
        }
        if !command.is_empty() {
            write_frame(&stream, command.as_bytes())?;
            let answer = read_frame(&mut reader)?;
            let mut stdout = greenroom::io::stdout().lock();
            writeln!(stdout, "{} bytes:", answer.len())?;
            stdout.write_all(&answer)?;
            stdout.flush()?;
        }
    }
    Ok(())
}

/// Prefix and message in one write: two small ones might wait for each other on the way.
fn write_frame(mut stream: &TcpStream, message: &[u8]) -> io::Result<()> {
    let length = i32::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_ne_bytes(), message].concat())
}

fn read_frame(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut prefix = [0; 4];
    let tried = cli::context("the server has left");
    reader.read_exact(&mut prefix).map_err(tried)?;
    let length = i32::from_ne_bytes(prefix);
    if !(0..=ANSWER_BYTES_MAX).contains(&length) {
        return Err(io::Error::other(format!(
            "an answer of {} bytes, allowed are 0 to {ANSWER_BYTES_MAX}",
            length.cast_unsigned()
        )));
    }
    // Grows with what really comes: a length is only a claim.
    let mut answer = Vec::new();
    let came = reader
        .take(u64::from(length.unsigned_abs()))
        .read_to_end(&mut answer)?;
    if came < length.unsigned_abs() as usize {
        return Err(io::Error::other(format!(
            "the server left after {came} of {length} bytes"
        )));
    }
    Ok(answer)
}
