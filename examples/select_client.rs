//! The client of `select_echo`: two connections at once, and a message that is sent in three parts over each.
//!
//! Port of: the notes, "select.select", the client (file 002, section 6)
//!
//! Run: `cargo run --example select_client -- [--host 127.0.0.1] [--port 8002]`
//!
//! Try: `cargo run --example select_echo` first, in another terminal.
//!
//! Output:
//! ```text
//! connecting to 127.0.0.1:8002
//! 127.0.0.1:…: sending "This is the message. "
//! 127.0.0.1:…: sending "This is the message. "
//! 127.0.0.1:…: received "This is the message. "
//! 127.0.0.1:…: received "This is the message. "
//! 127.0.0.1:…: sending "It will be sent "
//! 127.0.0.1:…: sending "It will be sent "
//! 127.0.0.1:…: received "It will be sent "
//! 127.0.0.1:…: received "It will be sent "
//! 127.0.0.1:…: sending "in parts."
//! 127.0.0.1:…: sending "in parts."
//! 127.0.0.1:…: received "in parts."
//! 127.0.0.1:…: received "in parts."
//! 127.0.0.1:…: closing
//! 127.0.0.1:…: closing
//! ```
//!
//! Differs: the notes connect to a port that their server does not have, send text without `encode`, and take
//! one `recv` for the whole answer.

use greenroom::net::TcpStream;
use greenroom::println;
use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;

mod cli;

const USAGE: &str = "usage: select_client [--host HOST] [--port PORT]";

const MESSAGES: [&str; 3] = ["This is the message. ", "It will be sent ", "in parts."];

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "8002")]);
    cli::run("select_client", || client(args.address()))
}

fn client(address: (&str, u16)) -> io::Result<()> {
    let (host, port) = address;
    println!("connecting to {host}:{port}");
    let connect = || {
        TcpStream::connect(address)
            .map_err(cli::context(format!("cannot connect to {host}:{port}")))
    };
    let mut streams = [connect()?, connect()?];
    for message in MESSAGES {
        for stream in &mut streams {
            println!("{}: sending {message:?}", stream.local_addr()?);
            stream.write_all(message.as_bytes())?;
        }
        // The server has both messages now, and answers them in the order in which select names them.
        for stream in &mut streams {
            let echo = receive(stream, message.len())?;
            println!("{}: received {echo:?}", stream.local_addr()?);
        }
    }
    for stream in streams {
        println!("{}: closing", stream.local_addr()?);
    }
    Ok(())
}

/// Exactly `length` bytes: the echo may come in parts, too.
fn receive(stream: &mut TcpStream, length: usize) -> io::Result<String> {
    let mut echo = vec![0; length];
    stream
        .read_exact(&mut echo)
        .map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), "the server closed the connection")
            }
            _ => error,
        })?;
    Ok(String::from_utf8_lossy(&echo).into_owned())
}
