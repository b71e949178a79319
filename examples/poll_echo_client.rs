//! The client of `poll_echo`: sends what is typed, line by line, and prints each line's echo.
//!
//! Port of: the notes, "select.poll", the client (file 002, section 6)
//!
//! Run: `cargo run --example poll_echo_client -- [--host 127.0.0.1] [--port 8002]`
//!
//! Try: start `poll_echo` first; type lines; end with `quit` or Ctrl-D. With `--port` it talks to the other
//! echo servers as well.
//!
//! Output:
//! ```text
//! --->>>hello
//! --->>>
//! ```
//!
//! Differs: the notes never receive, and their loop cannot be left.

use greenroom::io::stdin;
use greenroom::net::TcpStream;
use greenroom::{print, println};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::process::ExitCode;

mod cli;

const USAGE: &str = "usage: poll_echo_client [--host HOST] [--port PORT]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "8002")]);
    cli::run("poll_echo_client", || client(args.address()))
}

/// It is sent whole before the echo is read: more than the sockets hold, and both sides would wait for ever.
const LINE_BYTES_MAX: u64 = 16 * 1024;

fn client(address: (&str, u16)) -> io::Result<()> {
    let stream = TcpStream::connect(address).map_err(cli::context(format!(
        "cannot connect to {}:{}",
        address.0, address.1
    )))?;
    let mut echoes = BufReader::new(&stream);
    loop {
        print!("--->>>");
        greenroom::io::stdout().flush()?;
        let mut line = String::new();
        let n = stdin().lock().take(LINE_BYTES_MAX).read_line(&mut line)?;
        if n == 0 || line.trim_end() == "quit" {
            println!();
            return Ok(());
        }
        if line.len() as u64 == LINE_BYTES_MAX {
            let text = format!("a line has less than {LINE_BYTES_MAX} bytes");
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        }
        if !line.ends_with('\n') {
            line.push('\n');
        }
        (&stream).write_all(line.as_bytes())?;
        let mut echo = String::new();
        if echoes.read_line(&mut echo)? == 0 {
            let text = "the server closed the connection";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
        }
        print!("{echo}");
    }
}
