//! gevent's echo server: one green thread per connection, plain blocking code, tens of thousands of clients.
//!
//! Port of: the notes, "several sockets in one thread by gevent" (file 002, second section 3.3, part 2).
//!
//! Run: `cargo run --release --example gevent_echo -- [--port 8001] [--workers N] [--grace SECONDS]`
//!
//! Try: `cargo run --release --example gevent_echo_client`, or `nc 127.0.0.1 8001`; end with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8001
//! served 1 clients, 12 bytes
//! ```
//! Differs: at a client's end the notes' server loops over `shutdown` for ever. No name of gevent's is needed:
//! `serve` is its `StreamServer`; `greenroom::gevent` has that name too.

use greenroom::net::{TcpListener, TcpStream, serve};
use greenroom::signal::{Signal, Signals};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn main() -> ExitCode {
    env_logger::init();
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let outcome = match options.workers {
        None => greenroom::run(|| server(&options)),
        Some(workers) => greenroom::Runtime::builder()
            .workers(workers)
            .build()
            .and_then(|runtime| runtime.run(|| server(&options))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gevent_echo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until SIGINT or SIGTERM, then lets open connections finish.
fn server(options: &Options) -> io::Result<()> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let address = ("127.0.0.1", options.port);
    let listener = TcpListener::bind(address).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {}:{}: {error}", address.0, address.1),
        )
    })?;
    let bytes = Arc::new(AtomicU64::new(0));
    let total = Arc::clone(&bytes);
    let server = serve(listener, move |stream, peer| {
        let mut echoed = Echoed {
            bytes: 0,
            total: &total,
        };
        match echo(&stream, &mut echoed.bytes) {
            Ok(()) => log::debug!("{peer}: echoed {} bytes", echoed.bytes),
            Err(error) => log::info!("{peer}: {error}"),
        }
    })?;
    println!("listening on {}", server.local_addr());

    let signal = signals.wait()?;
    log::info!("{signal:?}: finishing open connections");
    let stats = server.finish(options.grace);
    println!(
        "served {} clients, {} bytes",
        stats.accepted,
        bytes.load(Ordering::Relaxed)
    );
    if stats.cut_off > 0 {
        println!(
            "{} connections were still open after {:?}",
            stats.cut_off, options.grace
        );
    }
    Ok(())
}

/// Echoes until the peer has shut down its direction; then the stream is dropped, which ends ours.
/// Everything here looks blocking; each call that
/// has to wait parks this green thread and lets the worker run another.
fn echo(mut stream: &TcpStream, bytes: &mut u64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Small on purpose: it lies on the stack's one page that an idle connection costs.
    let mut small = [0; 1024];
    loop {
        let n = stream.read(&mut small)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&small[..n])?;
        *bytes += n as u64;
        if n == small.len() {
            echo_bulk(stream, bytes)?;
        }
    }
}

/// A peer that fills the small buffer gets a large one, for as long as it keeps filling it.
#[inline(never)]
fn echo_bulk(mut stream: &TcpStream, bytes: &mut u64) -> io::Result<()> {
    let mut large = vec![0; 64 * 1024];
    loop {
        let n = stream.read(&mut large)?;
        stream.write_all(&large[..n])?;
        *bytes += n as u64;
        if n <= 1024 {
            return Ok(());
        }
    }
}

/// Adds a connection's bytes to the total however the connection ends.
struct Echoed<'a> {
    bytes: u64,
    total: &'a AtomicU64,
}

impl Drop for Echoed<'_> {
    fn drop(&mut self) {
        self.total.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

const USAGE: &str = "usage: gevent_echo [--port PORT] [--workers N] [--grace SECONDS]";

struct Options {
    port: u16,
    workers: Option<usize>,
    grace: Duration,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            port: 8001,
            workers: None,
            grace: Duration::from_secs(10),
        };
        while let Some(name) = args.next() {
            let value = args
                .next()
                .ok_or_else(|| format!("{name}: a value is missing"))?;
            let bad = |_| format!("{name} {value}: not a number in range");
            match name.as_str() {
                "--port" => options.port = value.parse().map_err(bad)?,
                "--workers" => options.workers = Some(value.parse().map_err(bad)?),
                "--grace" => options.grace = Duration::from_secs(value.parse().map_err(bad)?),
                _ => return Err(format!("{name}: unknown option")),
            }
        }
        Ok(options)
    }
}
