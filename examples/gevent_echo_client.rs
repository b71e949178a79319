//! The client of gevent's echo server: sends what it reads from stdin, prints what comes back.
//!
//! Port of: the notes, "several sockets in one thread by gevent", the client (file 002, second section 3.3, part 2).
//!
//! Run: `cargo run --release --example gevent_echo_client -- [--port 8001] [--host 127.0.0.1]`
//!
//! Try: start `gevent_echo` in another shell, type lines, end with `quit` or Ctrl-D; or `seq 1000 | cargo run ...`.
//!
//! Output:
//! ```text
//! hello
//! hello
//! ```
//! Differs: the notes' client reads one answer for each line; an echo may come in pieces, or two as one, so
//! here two green threads copy, each in its direction.

use greenroom::io::{stdin, stdout};
use greenroom::net::{Shutdown, TcpStream};
use greenroom::thread;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn main() -> ExitCode {
    env_logger::init();
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match greenroom::run(|| client(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gevent_echo_client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Two green threads on one socket: one copies stdin to it, this one copies it to stdout. They meet
/// again at the server's end of stream, which answers ours.
fn client(options: &Options) -> io::Result<()> {
    let address = (options.host.as_str(), options.port);
    let stream = TcpStream::connect(address).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot connect to {}:{}: {error}", address.0, address.1),
        )
    })?;
    // A line is small and somebody waits for its echo: do not hold it back for company.
    stream.set_nodelay(true)?;
    let shared = Arc::new((stream, AtomicBool::new(false)));
    let to_server = Arc::clone(&shared);
    let sender = thread::spawn(move || send_lines(&to_server.0, &to_server.1));
    let (stream, is_at_end) = &*shared;
    let outcome = print_echo(stream);
    if !is_at_end.load(Ordering::Acquire) && !sender.is_finished() {
        // The server left first. The sender may be waiting for a line that nobody types, so nobody waits
        // for it.
        outcome?;
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed the connection",
        ));
    }
    let sent = sender.join().expect("because the sender does not panic");
    sent.and(outcome)
}

/// Sends stdin line by line, then half-closes: the server learns that no more will come, and its last
/// echoes still arrive.
fn send_lines(mut stream: &TcpStream, is_at_end: &AtomicBool) -> io::Result<()> {
    let mut input = BufReader::new(stdin());
    loop {
        let mut line = Vec::new();
        let n = input.read_until(b'\n', &mut line)?;
        if n == 0 || line.trim_ascii() == b"quit" {
            break;
        }
        stream.write_all(&line)?;
    }
    // Before the half-close: the server's end of stream may be printed before this function returns.
    is_at_end.store(true, Ordering::Release);
    stream.shutdown(Shutdown::Write)
}

/// Copies the server's bytes to stdout until its end of stream.
fn print_echo(mut stream: &TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        let mut stdout = stdout().lock();
        stdout.write_all(&buffer[..n])?;
        stdout.flush()?;
    }
}

const USAGE: &str = "usage: gevent_echo_client [--host HOST] [--port PORT]";

struct Options {
    host: String,
    port: u16,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            host: "127.0.0.1".to_owned(),
            port: 8001,
        };
        while let Some(name) = args.next() {
            let value = args
                .next()
                .ok_or_else(|| format!("{name}: a value is missing"))?;
            match name.as_str() {
                "--host" => options.host = value,
                "--port" => {
                    options.port = value
                        .parse()
                        .map_err(|_| format!("{name} {value}: not a number in range"))?;
                }
                _ => return Err(format!("{name}: unknown option")),
            }
        }
        Ok(options)
    }
}
