//! The client of `framing_text_length`: sends lines of stdin as commands, prints the answers.
//!
//! Port of: the notes, "Sticky packets, the first solution", the client (file 002, section 1.5).
//!
//! Run: `cargo run --example framing_text_length_client -- [--host HOST] [--port 8080]`
//!
//! Try: start `framing_text_length`, type `count 5`, then `quit`; or `echo count 100000 | cargo run ...`.
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
//! Differs: the notes collect any length that the server names; here there is a limit, and what is no length is an error.

mod cli;

use greenroom::io::stdin;
use greenroom::net::TcpStream;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: framing_text_length_client [--host HOST] [--port PORT]";

/// A length with its line feed is shorter.
const LENGTH_BYTES_MAX: u64 = 32;

const ANSWER_BYTES_MAX: usize = 64 << 20;

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "8080")]);
    cli::run("framing_text_length_client", || client(args.address()))
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
            let answer = ask(&stream, &mut reader, command)?;
            let mut stdout = greenroom::io::stdout().lock();
            writeln!(stdout, "{} bytes:", answer.len())?;
            stdout.write_all(&answer)?;
            stdout.flush()?;
        }
    }
    Ok(())
}

fn ask(
    mut stream: &TcpStream,
    reader: &mut BufReader<&TcpStream>,
    command: &str,
) -> io::Result<Vec<u8>> {
    stream.write_all(format!("{command}\n").as_bytes())?;
    let length = read_length(reader)?;
    stream.write_all(b"ready")?;
    // Grows with what really comes: a length is only a claim.
    let mut answer = Vec::new();
    reader.take(length as u64).read_to_end(&mut answer)?;
    if answer.len() < length {
        let came = answer.len();
        return Err(io::Error::other(format!(
            "the server left after {came} of {length} bytes"
        )));
    }
    Ok(answer)
}

fn read_length(reader: &mut BufReader<&TcpStream>) -> io::Result<usize> {
    let mut line = Vec::new();
    reader.take(LENGTH_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::Error::other("the server has left"));
    }
    let text = String::from_utf8_lossy(&line);
    match text.trim_end().parse() {
        Ok(length @ 0..=ANSWER_BYTES_MAX) if text.ends_with('\n') => Ok(length),
        Ok(length) if text.ends_with('\n') => Err(io::Error::other(format!(
            "an answer of {length} bytes is more than {ANSWER_BYTES_MAX}"
        ))),
        _ => Err(io::Error::other(format!(
            "`{}` is no length",
            text.trim_end()
        ))),
    }
}
