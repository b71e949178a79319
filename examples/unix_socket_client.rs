//! The client of the local server: sends what it reads, line by line.
//!
//! Port of: the notes, "local sockets", the sending side (file 000, "local sockets")
//!
//! Run: `cargo run --example unix_socket_client -- [--path ./sock]`
//!
//! Try: start `unix_socket` in another terminal and in the same directory, type lines; end with an empty line,
//! `quit` or Ctrl-D.
//!
//! Output:
//! ```text
//! sent 6 bytes
//! ```

use greenroom::io::stdin;
use greenroom::os::unix::net::UnixStream;
use greenroom::println;
use std::io::{self, Write};
use std::process::ExitCode;

mod cli;

const USAGE: &str = "usage: unix_socket_client [--path PATH]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--path", "./sock")]);
    cli::run("unix_socket_client", || client(args.text("--path")))
}

fn client(path: &str) -> io::Result<()> {
    let mut stream =
        UnixStream::connect(path).map_err(cli::context(format!("cannot connect to {path}")))?;
    for line in stdin().lines() {
        let line = line?;
        if line.is_empty() || line == "quit" {
            break;
        }
        let message = format!("{line}\n");
        stream.write_all(message.as_bytes())?;
        println!("sent {} bytes", message.len());
    }
    Ok(())
}
