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
use greenroom::print;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::process::ExitCode;

mod cli;

const USAGE: &str = "usage: tcp_upper_client [--host HOST] [--port PORT]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "9999")]);
    cli::run("tcp_upper_client", || client(args.address()))
}

/// It is sent whole before the answer is read: more than the sockets hold, and both sides would wait for ever.
const LINE_BYTES_MAX: u64 = 16 * 1024;

fn client(address: (&str, u16)) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).map_err(cli::context(format!(
        "cannot connect to {}:{}",
        address.0, address.1
    )))?;
    loop {
        let mut line = String::new();
        let n = stdin().lock().take(LINE_BYTES_MAX).read_line(&mut line)?;
        if n == 0 || line.trim_end() == "quit" {
            return Ok(());
        }
        if n as u64 == LINE_BYTES_MAX {
            let text = format!("a line has less than {LINE_BYTES_MAX} bytes");
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        }
        if !line.ends_with('\n') {
            line.push('\n');
        }
        stream.write_all(line.as_bytes())?;
        // TCP is a stream without messages. What makes this right is that upper case has as many bytes.
        let mut answer = vec![0; line.len()];
        stream
            .read_exact(&mut answer)
            .map_err(cli::context("the server has gone"))?;
        print!("{}", String::from_utf8_lossy(&answer));
    }
}
