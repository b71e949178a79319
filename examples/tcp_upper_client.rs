//! The first TCP client: connects, sends each line of its input, prints the answers.
//!
//! Port of: the notes, "TCP sockets", TCP_client (file 002, section 1.3)
//!
//! Run: `cargo run --example tcp_upper_client -- [--host 127.0.0.1] [--port 9999]`
//!
//! Try: start `tcp_upper` in another terminal, then `echo hello world | cargo run --example tcp_upper_client`;
//! or type lines, and end with `quit` or Ctrl-D.
//!
//! Output:
//! ```text
//! HELLO WORLD
//! ```
//!
//! Differs: the notes send one fixed text, and print nothing.

use greenroom::io::stdin;
use greenroom::net::TcpStream;
use greenroom::println;
use std::io::{self, Read, Write};
use std::process::ExitCode;

mod cli;

const USAGE: &str = "usage: tcp_upper_client [--host HOST] [--port PORT]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "9999")]);
    cli::run("tcp_upper_client", || client(args.address()))
}

fn client(address: (&str, u16)) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).map_err(cli::context(format!(
        "cannot connect to {}:{}",
        address.0, address.1
    )))?;
    for line in stdin().lines() {
        let line = line?;
        if line == "quit" {
            break;
        }
        stream.write_all(format!("{line}\n").as_bytes())?;
        // TCP is a stream without messages. What makes this right is that upper case has as many bytes.
        let mut answer = vec![0; line.len() + 1];
        stream
            .read_exact(&mut answer)
            .map_err(cli::context("the server has gone"))?;
        println!("{}", String::from_utf8_lossy(&answer).trim_end());
    }
    Ok(())
}
