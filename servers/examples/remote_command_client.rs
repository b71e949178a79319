//! The client of `remote_command`: runs one command, or those that it reads from stdin, and ends as the command did.
//!
//! Port of: the notes, "Sticky packets", the client of all three solutions (file 002, section 1.5).
//!
//! Run: `cargo run --release --example remote_command_client -- [--host HOST] [--port 8080] [--idle-seconds 60] [COMMAND...]`
//!
//! Try: start `remote_command`; then `... -- echo hello`, or without a command, and end with `quit` or Ctrl-D.
//!
//! Output:
//! ```text
//! hello
//! hello again
//! ```
//!
//! Differs: the notes decode what comes as GBK; here bytes go to stdout and stderr as they are.

#[path = "../../examples/cli/mod.rs"]
mod cli;
mod framing;

use framing::{bad, explain, read_frame, set_idle_limit, write_frame};
use greenroom::io::{stderr, stdin, stdout};
use greenroom::net::TcpStream;
use greenroom_servers::services::remote_command::Head;
use serde::Deserialize;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str =
    "usage: remote_command_client [--host HOST] [--port PORT] [--idle-seconds N] [COMMAND...]";

const HEAD_BYTES_MAX: i32 = 64 << 10;
const OUTPUT_BYTES_MAX: i32 = 256 << 20;

fn main() -> ExitCode {
    let args = cli::parse(
        USAGE,
        &[
            ("--host", "127.0.0.1"),
            ("--port", "8080"),
            ("--idle-seconds", "60"),
        ],
    );
    let (address, idle) = (args.address(), args.seconds("--idle-seconds"));
    if idle.is_zero() {
        args.refuse("--idle-seconds 0: nobody is that fast");
    }
    let mut code = 0;
    let outcome = cli::run("remote_command_client", || {
        code = client(address, args.operands(), idle).map_err(|error| explain(error, idle))?;
        Ok(())
    });
    if code == 0 {
        outcome
    } else {
        ExitCode::from(code)
    }
}

/// The exit code of the last command.
fn client(address: (&str, u16), command: &[String], idle: Duration) -> io::Result<u8> {
    let tried = cli::context(format!("cannot connect to {}:{}", address.0, address.1));
    let stream = TcpStream::connect(address).map_err(tried)?;
    set_idle_limit(&stream, idle)?;
    if !command.is_empty() {
        return ask(&stream, &command.join(" "));
    }
    let mut code = 0;
    loop {
        if io::stdin().is_terminal() {
            greenroom::print!(">>: ");
            stdout().flush()?;
        }
        let mut line = String::new();
        let n = stdin().read_line(&mut line)?;
        match line.trim() {
            _ if n == 0 => return Ok(code),
            "quit" => return Ok(code),
            "" => {}
            command => code = ask(&stream, command)?,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Refused { error: String },
    Done(Head),
}

/// Runs one command there, shows here what it wrote.
fn ask(stream: &TcpStream, command: &str) -> io::Result<u8> {
    write_frame(stream, command.as_bytes())?;
    let frame = |what: &str, bytes_max| {
        read_frame(stream, what, bytes_max)?.ok_or_else(|| bad("the server has left"))
    };
    let head = match serde_json::from_slice(&frame("head", HEAD_BYTES_MAX)?)? {
        Answer::Done(head) => head,
        Answer::Refused { error } => {
            greenroom::eprintln!("refused: {}", cli::printable(&error));
            return Ok(126);
        }
    };
    let output = frame("stdout", OUTPUT_BYTES_MAX)?;
    let errors = frame("stderr", OUTPUT_BYTES_MAX)?;
    stdout().lock().write_all(&output)?;
    stdout().flush()?;
    stderr().write_all(&errors)?;
    if head.exit_code != Some(0) || head.killed_for.is_some() {
        greenroom::eprintln!("{head}");
    }
    // As shells have it, 128 and the signal. A shell may have ended well before its group was killed.
    let signal = if head.killed_for.is_some() {
        Some(9)
    } else {
        head.signal
    };
    let code = signal.map(|signal| 128 + signal).or(head.exit_code);
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
